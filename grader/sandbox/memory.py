"""How much memory the processes of a run use; Linux only, elsewhere 0 (no limit is enforced)."""

from __future__ import annotations

from pathlib import Path

_PROC = Path("/proc")
_PAGE_KIB = 4


def used_mib(session: int) -> int:
    """MiB used by all processes of the session that `session` leads.

    The sum of resident sizes counts what forked children share several times over; where that sum is large, the
    proportional sizes (PSS) of `smaps_rollup` decide.
    """
    members = _members(session)
    resident = sum(pages for _, pages in members) * _PAGE_KIB // 1024
    if len(members) < 2 or resident < 1024:
        return resident
    shares = [_proportional_kib(process) for process, _ in members]
    return sum(shares) // 1024 if all(shares) else resident


def _members(session: int) -> list[tuple[Path, int]]:
    found: list[tuple[Path, int]] = []
    if not _PROC.is_dir():
        return found
    for process in _PROC.iterdir():
        if not process.name.isdigit():
            continue
        try:
            # The name in parentheses may hold anything; after it: state, parent, group, session, …, 22nd: pages.
            fields = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                found.append((process, int(fields[21])))
        except (OSError, IndexError, ValueError):
            continue  # it ended meanwhile
    return found


def _proportional_kib(process: Path) -> int:
    try:
        for line in (process / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    except (OSError, ValueError, IndexError):
        pass
    return 0
