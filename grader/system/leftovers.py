"""Temporary folders and containers carry the number of the grader that made them: those of a killed one can go."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from pathlib import Path

_NAME = re.compile(r"grade-(\d+)-[\w-]+")
SPARED_S = 600
"""Younger ones stay: their grader may run in another namespace of processes, where its number is not known here."""


def prefix() -> str:
    """How the names of this grader's temporary folders and containers begin."""
    return f"grade-{os.getpid()}-"


def of_the_dead(name: str) -> bool:
    """Whether something of that name was made by a grader that is no more."""
    found = _NAME.fullmatch(name)
    return found is not None and not _alive(int(found[1]))


def sweep() -> None:
    """Remove what killed graders of the same user left in the folder for temporary files."""
    for path in Path(tempfile.gettempdir()).glob("grade-*"):
        if not of_the_dead(path.name):
            continue
        try:
            info = path.lstat()
        except OSError:
            continue  # another grader was faster
        if info.st_uid == os.geteuid() and time.time() - info.st_mtime > SPARED_S:
            shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
