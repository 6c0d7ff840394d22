"""Archives as learning platforms hand them out, unpacked without trusting them.

Guards: no member leaves the folder (zip slip), no links, no more than fits a class (count, size), no bombs
(compression ratio), no archive with a password. Names without the UTF-8 flag are UTF-8 or code page 437.
"""

from __future__ import annotations

import errno
import io
import shutil
import stat
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from grader.errors import UsageError

MOST_FILES = 50_000
LARGEST_FILE_MIB = 512
LARGEST_TOTAL_MIB = 16_384
HIGHEST_RATIO = 400
"""Unpacked to packed size beyond which an archive is taken for a bomb; text and pictures stay far below."""

_RATIO_FROM_MIB = 16
"""Small archives may shrink as they like."""

_DIRECTORY_MIB = 16
"""Largest directory that is read: `zipfile` builds an object of 500 bytes for every 46 of it."""

_DEEPEST = 40
"""Folders inside one another; no student's are as deep."""

_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What every system writes; of other kinds `zipfile` unpacks a whole chunk at once, gigabytes from a kilobyte."""

_BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""What `zipfile` raises for archives that are damaged or packed in ways that it does not know."""

_OURS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
"""Errors of writing that no archive can be blamed for."""

_INSTEAD = "hand in the notebook (.ipynb) itself"
_DAMAGED = f"The archive is damaged: pack it again, or {_INSTEAD}."
_SKIPPED = ("__MACOSX", ".ipynb_checkpoints", "__pycache__", ".git")


Members: TypeAlias = tuple[tuple[zipfile.ZipInfo, PurePosixPath], ...]
"""What will be unpacked, and where to, relative to the folder."""


def why_not(path: Path) -> str:
    """The sentence that says why an archive cannot be unpacked; '' when it can."""
    found = inspect(path)
    return found if isinstance(found, str) else ""


def inspect(path: Path) -> Members | str:
    """The members worth unpacking with their safe places, or why it cannot be unpacked. Reads the directory only."""
    try:
        with _File(path) as file, zipfile.ZipFile(file) as archive:
            infos, on_disk = archive.infolist(), path.stat().st_size
    except _BAD_ZIP as problem:
        if isinstance(problem, OSError) and problem.strerror:
            return f"The archive cannot be opened: {problem.strerror}."
        return _DAMAGED
    files = [info for info in infos if info.filename and not info.is_dir()]
    if len(files) > MOST_FILES:
        return f"The archive holds {len(files)} files, more than {MOST_FILES}: {_INSTEAD}."
    if any(info.flag_bits & 1 for info in files):
        return f"The archive has a password: pack it without one, or {_INSTEAD}."
    if any(info.compress_type not in _PACKED for info in files):
        return f"The archive is packed in an unusual way: pack it as a plain zip, or {_INSTEAD}."
    total = sum(info.file_size for info in files)
    packed = max(1, min(on_disk, sum(info.compress_size for info in files)))  # members of a bomb may overlap
    bomb = total > _RATIO_FROM_MIB << 20 and total / packed > HIGHEST_RATIO
    if bomb or total > LARGEST_TOTAL_MIB << 20 or any(info.file_size > LARGEST_FILE_MIB << 20 for info in files):
        return f"The archive unpacks to {total >> 20} MiB, not credible for notebooks: {_INSTEAD}."
    return tuple((info, place) for info in files if (place := _place(info)) is not None)


class _File(io.FileIO):
    """A file that gives no more at once than the directory of an archive may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _DIRECTORY_MIB << 20:
            raise zipfile.BadZipFile("too many members")
        return super().read(size)


def names_in(path: Path) -> list[str]:
    """The names in an archive; none when it cannot be unpacked."""
    found = inspect(path)
    return [] if isinstance(found, str) else [str(place) for _, place in found]


def unpack(path: Path, into: Path) -> str:
    """Unpack an archive into a folder that does not exist yet; '' or the sentence that says why not (nothing stays).

    Raises UsageError when this machine has no room or right to write.
    """
    members = inspect(path)
    if isinstance(members, str):
        return members
    into.mkdir(parents=True)
    try:
        with zipfile.ZipFile(path) as archive:
            for info, place in members:
                _write(archive, info, into / place)
    except _BAD_ZIP as problem:
        shutil.rmtree(into, ignore_errors=True)
        if isinstance(problem, OSError) and problem.errno in _OURS:
            raise UsageError(f"{path} cannot be unpacked here: {problem.strerror}.") from None
        return _DAMAGED
    return ""


def _write(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        output = target.open("xb")
    except (FileExistsError, NotADirectoryError):
        return  # two members of one name, or one that is a file and a folder: the first counts
    with output, archive.open(info) as source:
        shutil.copyfileobj(source, output, 1 << 20)


def _place(info: zipfile.ZipInfo) -> PurePosixPath | None:
    """Where a member goes, relative to the folder; None for links, refuse of other systems and places outside."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return None
    parts = _name(info).replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or parts[0][1:2] == ":":
        return None
    parts = [_part(part) for part in parts if part not in ("", ".")]
    if not parts or len(parts) > _DEEPEST or any(part in _SKIPPED for part in parts) or parts[-1].startswith("._"):
        return None
    return PurePosixPath(*parts)


def _name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & 0x800:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except (UnicodeEncodeError, UnicodeDecodeError):
        return info.filename


def _part(part: str) -> str:
    """A name that every file system takes, as short as it must be, its ending kept."""
    safe = "".join("_" if unicodedata.category(c) in ("Cc", "Cs") else c for c in unicodedata.normalize("NFC", part))
    stem, dot, ending = safe.rpartition(".")
    if len(safe.encode()) <= 200:
        return safe
    if not dot or len(ending) > 10:
        stem, ending = safe, ""
    return stem.encode()[:180].decode("utf-8", "ignore") + (f".{ending}" if ending else "")
