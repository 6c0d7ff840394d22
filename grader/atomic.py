"""Files that are either there whole or not there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from grader.errors import UsageError


def atomic_write(path: Path, content: str | bytes) -> None:
    """Write `content` (text as UTF-8, newlines as they are) so that a reader sees the old file or the new one.

    Makes the folder where it is missing. Raises UsageError with a sentence when the file cannot be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}.tmp")
        try:
            _write_through(temporary, data)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync_folder(path.parent)
    except OSError as problem:
        raise UsageError(
            f"Cannot write {path} ({problem.strerror or problem}): make its folder writable, or choose another one."
        ) from problem


def _write_through(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """A rename lasts only when the folder that records it is on disk too."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
