"""What `enter.py` is told inside a sandbox: the command, and the operating system's own limits for each process."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from grader.sandbox.interface import Bounds, Command

MIB = 1 << 20
EVIDENCE_MIB = 1024
"""Most that the recorder may write."""
FILES = 50_000
"""Most files of a folder that student code writes to: an empty one takes memory or disk too."""


def make_instructions(
    command: Command,
    cwd: Path,
    bounds: Bounds,
    *,
    handed_in: Path | None,
    uid: int | None,
    seccomp: bytes,
    landlock: dict[str, list[str]] | None = None,
    tasks_of_user: int = 0,
) -> dict[str, Any]:
    """`enter.py` says what each means. Paths are as the sandbox sees them.

    `tasks_of_user`: the processes and threads that the same user has outside, which the kernel counts too.
    """
    return {
        "argv": list(command.arguments),
        "env": command.environment,
        "cwd": str(cwd),
        "files": {str(path): text for path, text in command.files.items()},
        "handed_in": str(handed_in) if handed_in else None,
        "limits": {
            "RLIMIT_DATA": bounds.memory_mib * MIB,
            "RLIMIT_FSIZE": max(bounds.disk_mib, EVIDENCE_MIB) * MIB,
            "RLIMIT_NPROC": bounds.processes + tasks_of_user,
            "RLIMIT_NOFILE": bounds.open_files,
            "RLIMIT_CORE": 0,
            "RLIMIT_MSGQUEUE": 0,
            "RLIMIT_MEMLOCK": 8 * MIB,
        },
        "uid": uid,
        "landlock": landlock,
        "seccomp": base64.b64encode(seccomp).decode(),
    }
