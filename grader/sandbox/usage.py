"""How much memory and disk a sandbox uses; memory on Linux only, elsewhere 0 (no limit is enforced)."""

from __future__ import annotations

import os
from pathlib import Path

from grader.sandbox.supervisor import family

_PAGE_KIB = 4


def used_mib(top: int, limit_mib: int, proc: Path = Path("/proc")) -> int:
    """MiB used by the process `top` and everything that descends from it, as `proc` numbers them.

    The sum of resident sizes counts what forked children share several times over; where that sum is above
    `limit_mib`, the proportional sizes (PSS) of `smaps_rollup` decide, which take the kernel much longer to find.
    """
    try:
        members = family(top, str(proc))
    except OSError:
        return 0
    resident = sum(members.values()) * _PAGE_KIB
    if len(members) > 1 and resident > limit_mib << 10:
        resident = sum(_proportional_kib(proc, pid, pages * _PAGE_KIB) for pid, pages in members.items())
    return resident >> 10


def _proportional_kib(proc: Path, pid: int, otherwise: int) -> int:
    try:
        for line in (proc / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except PermissionError:
        return otherwise
    except (OSError, ValueError, IndexError):
        pass
    return 0  # it ended meanwhile


def folder_mib(folders: tuple[Path, ...], most_files: int) -> float:
    """MiB on disk in these folders; infinite when there are more than `most_files` files. No link is followed."""
    blocks = files = 0
    left = [str(folder) for folder in folders]
    while left:
        try:
            with os.scandir(left.pop()) as entries:
                for entry in entries:
                    files += 1
                    if entry.is_dir(follow_symlinks=False):
                        left.append(entry.path)
                    blocks += entry.stat(follow_symlinks=False).st_blocks
        except OSError:
            continue  # it was removed meanwhile
        if files > most_files:
            return float("inf")
    return blocks * 512 / (1 << 20)
