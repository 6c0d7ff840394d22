"""What went wrong in a cell, as a fault with one sentence that a student understands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.records import Fault, FaultKind
from grader.system.display_text import without_machine, without_sequences

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
_DEVICE = re.compile(r"\b(?:GPUs?|TPUs?|CUDA|cuDNN|COLAB_TPU_ADDR)\b")
_NO_FILE = re.compile(
    r"no such file|file not found|unable to (?:\w+ )?open|fail\w* to \w*\W?open|(?:can't|cannot|could not|error) open"
    r"|failed to find any matching files|not an? existing file",
    re.IGNORECASE,
)
_NOT_THERE = re.compile(r"\bnot (?:be )?found\b|does not exist|doesn't exist", re.IGNORECASE)
"""The ways in which libraries say that a file is missing; the second may be said of anything."""
_URL = re.compile(r"\b(?:https?|ftp|s3|gs)://\S+")
_ENDING = (
    r"\.(?:h5|hdf5|keras|weights|ckpt|pb|tf|tflite|pt|pth|np[zy]|csv|tsv|txt|json|ya?ml|pkl|pickle|joblib|mat|xlsx?"
    r"|parquet|feather|png|jpe?g|gif|bmp|tiff?|webp|pdf|svg|zip|gz|tar|ubyte|wav|mp[34]|avi|db|sqlite|py|ipynb"
    r"|tfrecords?)\b"
)
_FILE = re.compile(
    rf"(?P<quote>['\"`])(?P<quoted>[^'\"`\n]*(?:{_ENDING}|/[^'\"`\n]+))(?P=quote)"
    rf"|(?<![\w/.~])(?P<path>(?:[\w.~-]+/|/)*[\w-]+(?:\.[\w-]+)*{_ENDING}|(?:~|\.{{0,2}})/[^\s'\"`:;,=]*\w)",
    re.IGNORECASE,
)
_FOLDER = re.compile(r"/|[~.]{1,2}/")
"""Without an ending, a name is a file's only where it begins like a path."""


_SENTENCES = {
    FaultKind.CELL_TIMEOUT: "The cell was still running after {:.0f} seconds and was stopped.",
    FaultKind.TIMEOUT: "The notebook was still running after {:.0f} seconds and was stopped; what follows did not run.",
    FaultKind.KERNEL_DIED: "Python itself stopped in this cell, so that the cells that follow could not run.",
    FaultKind.MEMORY: "The notebook used more than the {} MiB of memory that it may use; the cell stopped there.",
    FaultKind.DISK: "The notebook wrote more than the {} MiB of files that it may write.",
    FaultKind.OUTPUT_FLOOD: "The cell put out too much (a notebook may put out {} MiB); the rest was not kept.",
    FaultKind.INPUT_REQUESTED: (
        "The cell asked for keyboard input, but nobody can type while it is graded; it stopped there."
    ),
    FaultKind.NETWORK_BLOCKED: (
        "The cell wanted to reach the internet, which is not available while it is graded ({})."
    ),
    FaultKind.MISSING_FILE: "The cell wanted to open a file{} that was not handed in with the notebook.",
    FaultKind.MISSING_MODULE: "The Python package '{}' is not available here; what needs it did not run.",
    FaultKind.MISSING_DEVICE: "The cell wanted a GPU or TPU, which is not there when it is graded ({}).",
    FaultKind.MISSING_MAGIC: "The magic '%%{}' is not available here, so the cell did nothing.",
    FaultKind.CELL_ERROR: "The cell stopped with {}",
}
"""By kind; the braces stand for a limit (seconds or MiB), a name or an error."""


def fault(kind: FaultKind, cell: int, seconds: float, detail: object = "", lacking: str = "") -> Fault:
    """A fault that struck in `cell`, `seconds` after the start of the run; `detail` is what its sentence names."""
    return Fault(kind, cell, _SENTENCES[kind].format(detail), seconds, lacking)


def missing_module(module: str, cell: int, seconds: float) -> Fault:
    """The fault of a package that is not installed; student code may have caught the exception."""
    module = first_line(module, 80)
    return fault(FaultKind.MISSING_MODULE, cell, seconds, module, module)


def missing_magic(magic: str, cell: int, seconds: float) -> Fault:
    """The fault of a cell whose magic is unknown, and which is no Python."""
    magic = first_line(magic, 80)
    return fault(FaultKind.MISSING_MAGIC, cell, seconds, magic, magic)


def failed_import(error: str, cell: int, seconds: float) -> Fault:
    """The fault of a name that an installed package does not have."""
    return Fault(
        FaultKind.CELL_ERROR, cell, f"An import failed, and the cell went on without it: {first_line(error)}", seconds
    )


def first_line(text: str, limit: int = 300) -> str:
    """The first line that says something, in at most `limit` characters."""
    text = without_machine(_KERAS.sub("", text))
    line = next((part.strip() for part in without_sequences(text).splitlines() if part.strip()), "")
    line = _CELL_FILE.sub(r"(line \1)", line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def fault_of(name: str, value: str, cell: int, seconds: float, bounds: Bounds) -> Fault | None:
    """The fault of an exception `name: value` that ended a cell; None for an orderly `sys.exit()`.

    None as well where nothing was raised: IPython calls a cell failed whose last value could not be displayed.
    `bounds` are the limits that may have caused it.
    """
    value = without_sequences(value)
    error = first_line(f"{name}: {value}" if value else name)
    if (name == "SystemExit" and value.strip() in {"", "0", "None"}) or name == "NoneType":
        return None
    if name == "StdinNotImplementedError" or "raw_input was called" in value:
        return fault(FaultKind.INPUT_REQUESTED, cell, seconds)
    if name in {"ModuleNotFoundError", "ImportError"} and (module := _MODULE.search(value)):
        return missing_module(module[1], cell, seconds)
    if limit := _limit_of(name, value, cell, seconds, bounds):
        return limit
    file = _missing_file(value)
    if file or name == "FileNotFoundError":
        return missing_file(file, cell, seconds)
    if _NETWORK.search(name) or _NETWORK_TEXT.search(value):
        return fault(FaultKind.NETWORK_BLOCKED, cell, seconds, error)
    if _DEVICE.search(value):
        return fault(FaultKind.MISSING_DEVICE, cell, seconds, error)
    return fault(FaultKind.CELL_ERROR, cell, seconds, error)


def missing_file(file: str, cell: int, seconds: float) -> Fault:
    """The fault of a file that was not handed in; '' where its name is not known."""
    file = first_line(file, 120)
    return fault(FaultKind.MISSING_FILE, cell, seconds, f" '{file}'" if file else "", file)


def _missing_file(value: str) -> str:
    """The file that an error says is not there, whichever library says it; '' where it says nothing of the kind."""
    text = _URL.sub("", value)
    certain = _NO_FILE.search(text)
    if not certain and not _NOT_THERE.search(text):
        return ""
    named = (match["path"] or match["quoted"] for match in _FILE.finditer(text))
    return next((n for n in named if certain or _FOLDER.match(n) or re.search(_ENDING, n, re.IGNORECASE)), "")


def _limit_of(name: str, value: str, cell: int, seconds: float, bounds: Bounds) -> Fault | None:
    """The fault of an exception that a limit of the sandbox raised."""
    if name in _MEMORY or "Cannot allocate memory" in value:
        return fault(FaultKind.MEMORY, cell, seconds, bounds.memory_mib)
    if _DISK.search(value):
        return fault(FaultKind.DISK, cell, seconds, bounds.disk_mib)
    if "can't start new thread" in value or (name == "BlockingIOError" and "Resource temporarily" in value):
        most = f"{bounds.processes} processes and threads that a notebook may have"
    elif "Too many open files" in value:
        most = f"{bounds.open_files} open files that a process may have"
    else:
        return None
    return Fault(FaultKind.CELL_ERROR, cell, f"The cell needed more than the {most}, and stopped there.", seconds)
