"""What travels between the grader and a cluster's workers: a bundle of JSON and files, one run of bytes each way.

    {"grade": version, "told": {…}, "files": [[name, size, packed size], …]}    one line
    the files in that order, each compressed by itself

Neither side believes the other's: a file has a plain relative name, stands there once, and has the size that was
announced. Nothing else can be said in this format: no links, no permissions, no objects.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grader import __version__
from grader.errors import EvidenceError

MOST_FILES = 25_000
LARGEST_MIB = 2048
"""All files of a bundle together."""
_HEADER_BYTES = 16 << 20
_DEEPEST = 40


class OtherVersion(EvidenceError):  # noqa: N818 - says what is wrong, as the others do
    """The bundle of a grade that may see things differently."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """One message with its files."""

    message: Mapping[str, Any]
    """JSON."""
    files: Mapping[str, bytes]
    """By name, relative to a folder, '/' between its parts."""


def pack(bundle: Bundle) -> bytes:
    """The bytes to send. Raises EvidenceError for files that no bundle may hold."""
    listed, blobs = [], []
    for name, data in bundle.files.items():
        blobs.append(zlib.compress(data, 1))
        listed.append([name, len(data), len(blobs[-1])])
    _check(listed)
    header = {"grade": __version__, "told": bundle.message, "files": listed}
    return b"".join((json.dumps(header).encode(), b"\n", *blobs))


def unpack(data: bytes) -> Bundle:
    """The reverse of `pack`. Raises EvidenceError, a part of a sentence, for everything that `pack` does not make."""
    end = data.find(b"\n", 0, _HEADER_BYTES)
    try:
        header = json.loads(data[: max(end, 0)])
    except (ValueError, RecursionError):
        raise EvidenceError("it is no parcel of grade's") from None
    match header:
        case {"grade": str(version), "told": dict(message), "files": list(listed)}:
            pass
        case _:
            raise EvidenceError("it is no parcel of grade's")
    if version != __version__:
        raise OtherVersion(f"it was made by grade {version}, this is {__version__}")
    _check(listed)
    files, rest = {}, memoryview(data)[end + 1 :]
    if sum(packed for *_, packed in listed) != len(rest):
        raise EvidenceError("it is cut short or too long")
    for name, size, packed in listed:
        files[name] = _unpacked(name, size, rest[:packed])
        rest = rest[packed:]
    return Bundle(message, files)


def lay_out(files: Mapping[str, bytes], folder: Path) -> None:
    """Write them below a folder that nobody else has written to.

    Raises OSError and ValueError, also for names that do not go together or that this machine does not know.
    """
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(data)


def files_below(folder: Path) -> dict[str, bytes]:
    """All regular files below a folder that only we have written to, by their names."""
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def _check(listed: list[Any]) -> None:
    if len(listed) > MOST_FILES:
        raise EvidenceError(f"it holds more than {MOST_FILES} files")
    total, names = 0, set()
    for entry in listed:
        match entry:
            case [str(name), int(size), int(packed)] if size >= 0 and packed >= 0:
                total += size
            case _:
                raise EvidenceError("its list of files is damaged")
        if not _is_safe(name) or name in names:
            raise EvidenceError(f"it holds a file with the name {name[:100]!r}")
        names.add(name)
    if total > LARGEST_MIB << 20:
        raise EvidenceError(f"it holds more than {LARGEST_MIB} MiB")


def _is_safe(name: str) -> bool:
    """Whether it leads to a place below the folder that it is relative to, and says so in the one plain way."""
    path = PurePosixPath(name)
    parts = path.parts
    plain = "\0" not in name and str(path) == name and not path.is_absolute()
    return plain and 0 < len(parts) <= _DEEPEST and ".." not in parts


def _unpacked(name: str, size: int, packed: memoryview) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, size + 1)  # never more than was announced, whatever it unpacks to
    except zlib.error:
        data = b""
    if len(data) != size or not stream.eof or stream.unused_data:
        raise EvidenceError(f"{name[:100]!r} in it is damaged")
    return data
