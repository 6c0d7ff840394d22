"""Reading a folder that student code could write to, after its kernel is dead.

The folder is opened once and everything is reached from that descriptor: no link is followed, only regular
files on the same device are read, and sizes are checked before a byte is.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_CHUNK = 1 << 20


class Rejected(Exception):  # noqa: N818 (a finding about untrusted input, caught by who reads it)
    """Something that is not read; `str()` says what and why. Caught by who reads it."""


class PinnedFolder:
    """A folder held by its descriptor; raises `Rejected` where it is no folder."""

    def __init__(self, path: Path) -> None:
        self._fd = -1
        try:
            self._fd = os.open(path, _FOLDER)
        except OSError as error:
            raise Rejected(f"the folder cannot be read ({error.strerror})") from error
        self._device = os.fstat(self._fd).st_dev

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()

    @property
    def full(self) -> bool:
        """Whether the file system that it lies on takes nothing more."""
        return os.fstatvfs(self._fd).f_bavail == 0

    @property
    def files(self) -> int:
        """How many files the file system that it lies on holds."""
        space = os.fstatvfs(self._fd)
        return space.f_files - space.f_ffree

    @property
    def used_bytes(self) -> int:
        """What is stored on the file system that it lies on."""
        space = os.fstatvfs(self._fd)
        return (space.f_blocks - space.f_bfree) * space.f_frsize

    def read(self, name: str, limit: int, *, beginning: bool = False) -> bytes:
        """The bytes of 'file' or 'folder/file', at most `limit`.

        Raises `Rejected` when there is no such regular file or it is larger; with `beginning` its first `limit`
        bytes are returned then.
        """
        *folders, file = name.split("/")
        opened: list[int] = []
        try:
            parent = self._fd
            for folder in folders:
                parent = os.open(folder, _FOLDER, dir_fd=parent)
                opened.append(parent)
            # Looked at before it is opened: opening a device may already do something.
            self._check(os.stat(file, dir_fd=parent, follow_symlinks=False), name, None)
            fd = os.open(file, _FILE, dir_fd=parent)
            opened.append(fd)
            self._check(os.fstat(fd), name, None if beginning else limit)
            return _read(fd, limit)
        except OSError as error:
            raise Rejected(f"{name} cannot be read ({error.strerror})") from error
        finally:
            for fd in reversed(opened):
                os.close(fd)

    def _check(self, info: os.stat_result, name: str, limit: int | None) -> None:
        if not stat.S_ISREG(info.st_mode):
            raise Rejected(f"{name} is not a regular file")
        if info.st_dev != self._device:
            raise Rejected(f"{name} lies on another device")
        if limit is not None and info.st_size > limit:
            raise Rejected(f"{name} is larger ({info.st_size:,} bytes) than the {limit:,} bytes that are read")


def _read(fd: int, limit: int) -> bytes:
    parts: list[bytes] = []
    left = limit
    while left > 0 and (part := os.read(fd, min(left, _CHUNK))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
