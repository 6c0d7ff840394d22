"""How much memory is free, as the machine and its control groups tell it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/")


def free_bytes() -> int | None:
    """What programs may still use, of the machine and of the container that this runs in; None where not known."""
    available, allowed = meminfo().get("MemAvailable"), _left_by_cgroups()
    if available is None:
        return allowed
    return available * 1024 if allowed is None else min(available * 1024, allowed)


def read(path: str | Path) -> str:
    """A file below the root, '' where it cannot be read."""
    try:
        return (ROOT / path).read_text("utf-8", "replace")
    except OSError:
        return ""


def number(text: str) -> int | None:
    """The first word that is a number."""
    return next((int(word) for word in text.split() if word.isdecimal()), None)


def meminfo() -> dict[str, int | None]:
    """What Linux says of its memory, KiB by name; empty elsewhere."""
    return {line.partition(":")[0]: number(line) for line in read("proc/meminfo").splitlines()}


def _left_by_cgroups() -> int | None:
    """Bytes that the cgroups of this process leave it (v2 and v1); None without any. Caches are not counted as used.

    In a container the path may be the host's, of which only the top is mounted: all its parents are looked at.
    """
    left: list[int] = []
    for line in read("proc/self/cgroup").splitlines():
        controllers, _, path = line.partition(":")[2].partition(":")
        if not controllers:
            base, most, now, cached = "sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            base, most, now = "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
            cached = "total_inactive_file"
        else:
            continue
        inner = Path(path.lstrip("/"))
        for folder in (inner, *inner.parents):
            place = Path(base) / folder
            limit, used = number(read(place / most)), number(read(place / now))
            if limit is not None and used is not None:
                stat = read(place / "memory.stat").splitlines()
                spare = next((number(row) for row in stat if row.split(" ")[0] == cached), None)
                left.append(max(0, limit - used + (spare or 0)))
    return min(left, default=None)
