"""How many notebooks fit into the memory that is free."""

from __future__ import annotations

from grader.doctor.finding import GIB, MIB, Finding, State, gib, jobs, limits
from grader.execution.admission import KERNEL_BYTES
from grader.system.memory import free_bytes, meminfo

_MEASURING = 0.5 * GIB
"""What the process that measures its networks takes; there are at most as many as jobs."""


def check() -> Finding:
    told = meminfo()
    if (available := told.get("MemAvailable")) is None or (free := free_bytes()) is None:
        return State.INFO, "This system does not tell how much memory is free.", ""
    swap = (told.get("SwapFree") or 0) * 1024
    capped = free < available * 1024
    given, most = jobs(), limits().memory_mib * MIB
    usual, at_limit = int(free / (KERNEL_BYTES + _MEASURING)), int(free / (most + _MEASURING))
    found = (
        f"{gib(free)} free{' under the limit of this container' if capped else ''}, {gib(swap)} of swap: enough for"
        f" {usual} usual notebooks at once, or for {at_limit} that use all that they may ({gib(most)} each);"
        f" `--jobs` is {given} unless given."
    )
    if free + swap < KERNEL_BYTES + _MEASURING:
        return State.PROBLEM, found, "Close other programs, or give the machine or container more memory."
    if usual < given:
        return State.WARNING, found, f"Grade with `--jobs {max(1, usual)}`."
    if at_limit < given:
        return State.INFO, found, f"`--jobs {max(1, at_limit)}` is safe even when every notebook uses all."
    return State.OK, found, ""
