"""How much memory is free, as the machine and its control groups tell it."""

from __future__ import annotations

from pathlib import Path

ROOT = Path("/")


def free_bytes() -> int | None:
    """What programs may still use, of the machine and of the container that this runs in; None where not known."""
    return min((size for size in (meminfo("MemAvailable"), _left_by_cgroups()) if size is not None), default=None)


def read(path: str | Path) -> str:
    """A file below the root, '' where it cannot be read."""
    try:
        return (ROOT / path).read_text("utf-8", "replace")
    except OSError:
        return ""


def meminfo(name: str) -> int | None:
    """Bytes that Linux reports of its memory under this name ('MemAvailable'); None where it does not."""
    lines = read("proc/meminfo").splitlines()
    kib = next((_number(line) for line in lines if line.partition(":")[0] == name), None)
    return None if kib is None else kib << 10


def _number(text: str) -> int | None:
    """The first word that is a number."""
    return next((int(word) for word in text.split() if word.isdecimal()), None)


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
            limit, used = _number(read(place / most)), _number(read(place / now))
            if limit is not None and used is not None:
                stat = read(place / "memory.stat").splitlines()
                spare = next((_number(row) for row in stat if row.split(" ")[0] == cached), None)
                left.append(max(0, limit - used + (spare or 0)))
    return min(left, default=None)
