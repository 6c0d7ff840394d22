"""Files that are either there whole or not there, whenever the power is cut."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from grader.errors import WriteError

_ROOM_BYTES = 1 << 20
"""More than most submissions leave behind."""
_WHAT_TO_DO = dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "free some space there, or choose another folder") | (
    dict.fromkeys((errno.EISDIR, errno.ENOTDIR, errno.EEXIST), "move away what stands in its place")
)


def atomic_write(path: Path, content: str | bytes, *, mode: int = 0o666) -> None:
    """Write `content` (text as UTF-8, newlines as they are) so that a reader sees the old file or the new one.

    When it returns, the file is on disk, with the permissions `mode` less the umask. Makes the folder where it is
    missing. Raises WriteError with a sentence when the file cannot be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with _write_errors(path):
        with _temporary_file(path.parent, data, mode) as temporary:
            os.replace(temporary, path)  # noqa: PTH105 - all that touches the disk here goes through `os`
        _sync_folder(path.parent)


def require_room(folder: Path) -> None:
    """Raise WriteError where a megabyte cannot be written into `folder`, which is made where it is missing."""
    with _write_errors(folder), _temporary_file(folder, bytes(_ROOM_BYTES)):
        pass


def remove(path: Path) -> None:
    """Remove a file that may be missing. Raises WriteError with a sentence when it cannot be removed."""
    with _write_errors(path):
        _unlink(path)


def sweep(folder: Path, depth: int) -> None:
    """Remove what killed writes left in `folder` and `depth` levels below; nobody may be writing there."""
    for level in range(depth + 1):
        for left in folder.glob("*/" * level + ".grade-*.tmp"):
            with suppress(OSError):  # it does no harm
                _unlink(left)


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    """Within this an OSError becomes a WriteError: a sentence that names `path`, and what to do."""
    try:
        yield
    except OSError as problem:
        what_to_do = _WHAT_TO_DO.get(problem.errno or 0, "make its folder writable, or choose another one")
        raise WriteError(f"Cannot write {path} ({problem.strerror or problem}): {what_to_do}.") from problem


@contextmanager
def _temporary_file(folder: Path, data: bytes, mode: int = 0o666) -> Iterator[Path]:
    """A file with `data`, on disk, that is gone after this unless it was moved away; makes the folder."""
    _make_folder(folder)
    path = folder / f".grade-{secrets.token_hex(8)}.tmp"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(handle, left) :]
            os.fsync(handle)
        finally:
            os.close(handle)
        yield path
    finally:
        _unlink(path)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    try:
        os.mkdir(folder)  # noqa: PTH102
    except FileExistsError:
        if not folder.is_dir():
            raise
    _sync_folder(folder.parent)


def _unlink(path: Path) -> None:
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108


def _sync_folder(folder: Path) -> None:
    """A new name lasts only when the folder that records it is on disk too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as problem:
        if problem.errno != errno.EINVAL:  # some network file systems do not know it for folders
            raise
    finally:
        os.close(handle)
