"""Reading and writing `.npz` archives whose bytes nobody vouches for.

Every size is known from headers before memory is asked for, and the `.npy` headers are matched, never
evaluated. No pickles: only plain numeric dtypes. Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from .files import Rejected
from .fingerprint import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Array = np.ndarray[Any, Any]

_END = struct.Struct("<4s4H2LH")
"""End of central directory: signature, two disk numbers, entries here and in all, size, offset, comment length."""
_UNREADABLE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError, ValueError, IndexError)
"""What `zipfile` raises for bytes that are no archive."""
_MEMBER_ENTRY = 512
"""Most bytes of a central directory entry (46, name and extra fields)."""
_HEADER = re.compile(
    rb"\{'descr': '([<|](?:b1|[iu][1248]|f[248]))', 'fortran_order': (False|True), 'shape': "
    rb"\((|\d{1,12},|\d{1,12}(?:, \d{1,12}){1,7})\), \} *\n"
)
_MAGIC = b"\x93NUMPY\x01\x00"


def read_npz(data: bytes, keys: Iterable[str], limit: int) -> dict[str, Array]:
    """The arrays of an archive, by key; read-only.

    `keys` are those that may occur, `limit` the most bytes that all arrays may take together. Raises `Rejected`
    for anything that `numpy.savez` would not have written.
    """
    allowed = {f"{key}.npy": key for key in keys}
    try:
        with zipfile.ZipFile(io.BytesIO(_directory_checked(data, len(allowed)))) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            if len(set(names)) != len(names) or not set(names) <= set(allowed):
                raise Rejected("holds other arrays than expected")
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                # 300 bytes of bzip2 unpack to 400 MiB, whatever size is asked for.
                raise Rejected("holds packed arrays")
            if sum(member.file_size for member in members) > limit:
                raise Rejected(f"unpacks to more than {limit:,} bytes")
            return {allowed[member.filename]: _read_npy(_unpacked(archive, member)) for member in members}
    except _UNREADABLE as error:
        raise Rejected("is not a readable archive of arrays") from error


def _directory_checked(data: bytes, entries: int) -> bytes:
    """The same bytes, once the archive's directory is known to be small: `zipfile` builds an object per entry."""
    if len(data) < _END.size:
        raise Rejected("is too short for an archive")
    signature, _, _, here, total, size, offset, comment = _END.unpack(data[-_END.size :])
    sixty_four = data[-_END.size - 20 : -_END.size - 16] == b"PK\x06\x07"  # would overrule the sizes checked here
    if signature != b"PK\x05\x06" or comment or sixty_four:
        raise Rejected("does not end where an archive ends")
    if here != total or total > entries or size > total * _MEMBER_ENTRY or offset + size > len(data):
        raise Rejected("holds more than expected")
    return data


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    with archive.open(member) as stream:
        data = stream.read(member.file_size)
        if len(data) != member.file_size or stream.read(1):
            raise Rejected("has an array of another size than it says")
        return data


def _read_npy(data: bytes) -> Array:
    if data[:8] != _MAGIC:
        raise Rejected("holds something that is not an array")
    start = 10 + int.from_bytes(data[8:10], "little")
    header = _HEADER.fullmatch(data[10:start])
    if header is None:
        raise Rejected("holds an array that is not plainly numeric")
    dtype = np.dtype(header[1].decode())
    shape = tuple(int(number) for number in re.findall(rb"\d+", header[3]))
    if math.prod(shape) * dtype.itemsize != len(data) - start:
        raise Rejected("holds an array whose bytes do not fit its shape")
    order = "F" if header[2] == b"True" else "C"
    return np.frombuffer(data, dtype, offset=start).reshape(shape, order=order)  # type: ignore[call-overload,no-any-return]


def weights_digest(weights: Iterable[Array]) -> str:
    """Of all arrays, in order (128 bits, hexadecimal)."""
    return hashlib.sha256(" ".join(digest(array) for array in weights).encode()).hexdigest()[:32]


def write_npz(arrays: Mapping[str, Array]) -> bytes:
    """An archive as `numpy.savez` writes it: the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
