"""How many notebooks fit into the memory that is free."""

from __future__ import annotations

from pathlib import Path

from grader.doctor.finding import GIB, MIB, Finding, State, gib, jobs, limits, number, read

KERNEL = 1.0 * GIB
"""What a notebook's kernel usually takes: TensorFlow, the images as float64, and copies of them."""
_MEASURING = 0.5 * GIB
"""What the process that measures its networks takes; there are at most as many as jobs."""


def free_bytes() -> int | None:
    """What programs may still use, of the machine and of the container that this runs in; None where not known."""
    available, allowed = _told().get("MemAvailable"), _left_by_cgroups()
    if available is None:
        return allowed
    return available * 1024 if allowed is None else min(available * 1024, allowed)


def check() -> Finding:
    told = _told()
    if (available := told.get("MemAvailable")) is None or (free := free_bytes()) is None:
        return State.INFO, "This system does not tell how much memory is free.", ""
    swap = (told.get("SwapFree") or 0) * 1024
    capped = free < available * 1024
    given, most = jobs(), limits().memory_mib * MIB
    usual, at_limit = int(free / (KERNEL + _MEASURING)), int(free / (most + _MEASURING))
    found = (
        f"{gib(free)} free{' under the limit of this container' if capped else ''}, {gib(swap)} of swap: enough for"
        f" {usual} usual notebooks at once, or for {at_limit} that use all that they may ({gib(most)} each);"
        f" `--jobs` is {given} unless given."
    )
    if free + swap < KERNEL + _MEASURING:
        return State.PROBLEM, found, "Close other programs, or give the machine or container more memory."
    if usual < given:
        return State.WARNING, found, f"Grade with `--jobs {max(1, usual)}`."
    if at_limit < given:
        return State.INFO, found, f"`--jobs {max(1, at_limit)}` is safe even when every notebook uses all."
    return State.OK, found, ""


def _told() -> dict[str, int | None]:
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
