"""The kernel's own limits for each process of a room."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.sandbox.interface import Bounds

MIB = 1 << 20
EVIDENCE_MIB = 1024
"""Most that the recorder may write."""
FILES = 50_000
"""Most files of a folder that student code writes to: an empty one takes memory or disk too."""


def rlimits(bounds: Bounds, *, counted_from: int = 0) -> dict[str, int]:
    """Resource → limit. `counted_from` are the processes that the same user has outside."""
    return {
        "RLIMIT_DATA": bounds.memory_mib * MIB,
        "RLIMIT_FSIZE": max(bounds.disk_mib, EVIDENCE_MIB) * MIB,
        "RLIMIT_NPROC": bounds.processes + counted_from,
        "RLIMIT_NOFILE": bounds.open_files,
        "RLIMIT_CORE": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_MEMLOCK": 8 * MIB,
    }
