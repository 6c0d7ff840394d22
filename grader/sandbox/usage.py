"""How much memory the processes of a room use; Linux only, elsewhere 0 (no limit is enforced)."""

from __future__ import annotations

import os
from pathlib import Path

_PAGE_KIB = 4


def used_mib(top: int, limit_mib: int, proc: Path = Path("/proc")) -> int:
    """MiB used by the process `top` and everything that descends from it, as `proc` numbers them.

    The sum of resident sizes counts what forked children share several times over; where that sum is above
    `limit_mib`, the proportional sizes (PSS) of `smaps_rollup` decide, which take the kernel much longer to find.
    """
    members = _descendants(top, proc)
    resident = sum(members.values()) * _PAGE_KIB
    if len(members) > 1 and resident > limit_mib << 10:
        resident = sum(_proportional_kib(proc, pid, pages * _PAGE_KIB) for pid, pages in members.items())
    return resident >> 10


def _descendants(top: int, proc: Path) -> dict[int, int]:
    """Process → resident pages, of `top` and its descendants."""
    pages: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    try:
        names = [name for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return {}
    for name in names:
        try:
            # The name in parentheses may hold anything; after it: state, parent, …, 22nd: pages.
            fields = (proc / name / "stat").read_bytes().rpartition(b")")[2].split()
            pages[int(name)] = int(fields[21])
            children.setdefault(int(fields[1]), []).append(int(name))
        except (OSError, IndexError, ValueError):
            continue  # it ended meanwhile
    found: dict[int, int] = {}
    left = [top]
    while left:
        pid = left.pop()
        if pid in pages:
            found[pid] = pages[pid]
        left += children.pop(pid, ())
    return found


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
