"""What went wrong in a cell, as a fault with one sentence that a student understands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.records import Fault, FaultKind
from grader.system.display_text import without_sequences

if TYPE_CHECKING:
    from grader.sandbox import Bounds

_NETWORK = re.compile(
    r"URLError|HTTPError|ConnectionError|ConnectionRefused|ConnectTimeout|MaxRetryError|NameResolutionError|gaierror"
    r"|NewConnectionError|ProxyError|SSLError|RemoteDisconnected"
)
_NETWORK_TEXT = re.compile(r"URL fetch failure|[Nn]etwork is unreachable|getaddrinfo failed|Name or service not known")
_KERAS = re.compile(r"Exception encountered when calling [^\n]*\n+")
"""Keras' first line; what went wrong comes after it."""
_CELL_FILE = re.compile(r"\((?:\d+(?:_\d+)?\.py|<ipython-input-[^>\n]*>), line (\d+)\)")
"""A cell's file has a name that says nothing to anybody."""
_MODULE = re.compile(r"No module named '?([\w.]+)")
_MEMORY = {"MemoryError", "_ArrayMemoryError", "ResourceExhaustedError"}
_DISK = re.compile(r"No space left on device|File too large|Disk quota exceeded")
_FILE = re.compile(r"(?:No such file or directory|[Ff]ile not found)[^'\"]*['\"](.+?)['\"]|filename=['\"]?([^'\",)]+)")


def plain_text(text: str) -> str:
    """Without terminal colours."""
    return without_sequences(text)


def one_line(text: str, limit: int = 300) -> str:
    """The first line that says something, cut."""
    text = _KERAS.sub("", text)
    line = next((part.strip() for part in plain_text(text).splitlines() if part.strip()), "")
    line = _CELL_FILE.sub(r"(line \1)", line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def fault_of(name: str, value: str, cell: int, seconds: float, bounds: Bounds) -> Fault | None:
    """The fault of an exception `name: value` that ended a cell; None for an orderly `sys.exit()`.

    None as well where nothing was raised: IPython calls a cell failed whose last value could not be displayed.
    `bounds` are the limits that may have caused it.
    """
    value = plain_text(value)
    said = one_line(f"{name}: {value}" if value else name)
    if (name == "SystemExit" and value.strip() in {"", "0", "None"}) or name == "NoneType":
        return None
    if name == "StdinNotImplementedError" or "raw_input was called" in value:
        return Fault(
            FaultKind.INPUT_REQUESTED,
            cell,
            "The cell asked for keyboard input, but nobody can type while it is graded; it stopped there.",
            seconds,
        )
    if name in {"ModuleNotFoundError", "ImportError"} and (found := _MODULE.search(value)):
        return missing_module(found[1], cell, seconds)
    if limit := _limit_of(name, value, cell, seconds, bounds):
        return limit
    if _NETWORK.search(name) or _NETWORK_TEXT.search(value):
        return Fault(
            FaultKind.NETWORK_BLOCKED,
            cell,
            f"The cell wanted to reach the internet, which is not available while it is graded ({said}).",
            seconds,
        )
    if name == "FileNotFoundError":
        found = _FILE.search(value)
        file = f" '{one_line(found[1] or found[2], 120)}'" if found else ""
        return Fault(
            FaultKind.MISSING_FILE,
            cell,
            f"The cell wanted to open a file{file} that was not handed in with the notebook.",
            seconds,
        )
    return Fault(FaultKind.CELL_ERROR, cell, f"The cell stopped with {said}", seconds)


def _limit_of(name: str, value: str, cell: int, seconds: float, bounds: Bounds) -> Fault | None:
    """The fault of an exception that a limit of the room raised."""
    if name in _MEMORY or "Cannot allocate memory" in value:
        return out_of_memory(cell, bounds.memory_mib, seconds)
    if _DISK.search(value):
        return disk_full(cell, bounds.disk_mib, seconds)
    if "can't start new thread" in value or (name == "BlockingIOError" and "Resource temporarily" in value):
        most = f"{bounds.processes} processes and threads that a notebook may have"
    elif "Too many open files" in value:
        most = f"{bounds.open_files} open files that a process may have"
    else:
        return None
    return Fault(FaultKind.CELL_ERROR, cell, f"The cell needed more than the {most}, and stopped there.", seconds)


def missing_module(module: str, cell: int, seconds: float) -> Fault:
    return Fault(
        FaultKind.MISSING_MODULE,
        cell,
        f"The Python package '{one_line(module, 80)}' is not available here; what needs it did not run.",
        seconds,
    )


def failed_import(said: str, cell: int, seconds: float) -> Fault:
    return Fault(
        FaultKind.CELL_ERROR, cell, f"An import failed, and the cell went on without it: {one_line(said)}", seconds
    )


def cell_timeout(cell: int, limit_s: float, seconds: float) -> Fault:
    return Fault(
        FaultKind.CELL_TIMEOUT,
        cell,
        f"The cell was still running after {limit_s:.0f} seconds and was stopped.",
        seconds,
    )


def notebook_timeout(cell: int, limit_s: float, seconds: float) -> Fault:
    return Fault(
        FaultKind.TIMEOUT,
        cell,
        f"The notebook was still running after {limit_s:.0f} seconds and was stopped; what follows did not run.",
        seconds,
    )


def kernel_died(cell: int, seconds: float, why: str = "") -> Fault:
    return Fault(
        FaultKind.KERNEL_DIED,
        cell,
        why or "Python itself stopped in this cell, so that the cells that follow could not run.",
        seconds,
    )


def out_of_memory(cell: int, limit_mib: int, seconds: float) -> Fault:
    return Fault(
        FaultKind.MEMORY,
        cell,
        f"The notebook used more than the {limit_mib} MiB of memory that it may use; the cell stopped there.",
        seconds,
    )


def disk_full(cell: int | None, limit_mib: int, seconds: float) -> Fault:
    return Fault(
        FaultKind.DISK,
        cell,
        f"The notebook wrote more than the {limit_mib} MiB of files that it may write.",
        seconds,
    )


def output_flood(cell: int, limit_mib: int, seconds: float) -> Fault:
    return Fault(
        FaultKind.OUTPUT_FLOOD,
        cell,
        f"The cell put out too much (a notebook may put out {limit_mib} MiB); the rest was not kept.",
        seconds,
    )
