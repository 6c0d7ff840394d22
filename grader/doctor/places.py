"""What notebooks take up on this machine: the data set, memory, disks, open files."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from pathlib import Path

from grader.doctor.finding import GIB, MIB, Finding, State, gib, jobs, limits
from grader.execution.admission import KERNEL_BYTES
from grader.system.memory import free_bytes, meminfo

_MEASURING_BYTES = 0.5 * GIB
"""What the process that measures the networks of a notebook takes; there are at most as many as jobs."""
_LEAST_DISK = 64 * MIB
"""With less, writing fails at the first notebook."""
_CACHE_BYTES = 128 * MIB
"""Several times what the files of the data set take (30 MiB)."""
_FILES_OF_GRADER, _FILES_PER_JOB = 128, 64


def data_set() -> Finding:
    """Whether the files of Fashion-MNIST are here, with the right digests."""
    from grader.datasets import fashion_mnist  # needs NumPy, which may be missing: then this check says so

    own, found = fashion_mnist.cache_directory(), fashion_mnist.find_data()
    if found and found.directory == own:
        return State.OK, f"Fashion-MNIST is in {own}, its digests are right.", ""
    if not _writable(own):
        return (
            State.PROBLEM,
            f"grade keeps a checked copy of Fashion-MNIST in {own}, which cannot be written.",
            "Set GRADE_DATA to a folder that can be written.",
        )
    if found:
        return State.OK, f"Fashion-MNIST is in {found.directory}, its digests are right; it is copied when needed.", ""
    if broken := [f"{name} is {why}" for name, why in fashion_mnist.problems(own).items() if (own / name).exists()]:
        return State.PROBLEM, f"In {own}, {'; '.join(broken)}.", "Run `grade data fetch`, which replaces it."
    return State.WARNING, "Fashion-MNIST is not here yet.", "Run `grade data fetch`; needs a network once."


def disk(folder: Path, wanted: int, otherwise: str) -> Finding:
    """Whether a folder, which need not be there yet, can be written and has room."""
    there = _nearest(folder)
    free = shutil.disk_usage(there).free
    found = f"{gib(free)} free for {folder.absolute()}."
    if not _writable(folder):
        return State.WARNING, f"{folder.absolute()} cannot be written.", f"{otherwise}."
    if free < wanted:
        state = State.PROBLEM if free < _LEAST_DISK else State.WARNING
        return state, found, f"{otherwise}, or make room: {gib(wanted)} are good to have."
    return State.OK, found, ""


def temporary() -> Finding:
    """`disk` for the folder of temporary files, where each notebook that runs may write all that its limit allows."""
    otherwise = "Set TMPDIR to another folder"
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError:
        return State.PROBLEM, "No folder for temporary files can be written.", f"{otherwise}."
    return disk(folder, jobs() * limits().disk_mib * MIB, otherwise)


def cache() -> Finding:
    """`disk` for grade's own copy of the data set."""
    from grader.datasets.fashion_mnist import cache_directory  # as in `data_set`

    return disk(cache_directory(), _CACHE_BYTES, "Set GRADE_DATA to another folder")


def memory() -> Finding:
    """How many notebooks fit into the memory that is free: usual ones, and such that use all that they may."""
    if (available := meminfo("MemAvailable")) is None or (free := free_bytes()) is None:
        return State.INFO, "This system does not tell how much memory is free.", ""
    swap = meminfo("SwapFree") or 0
    capped = " under the limit of this container" if free < available else ""
    default_jobs, most = jobs(), limits().memory_mib * MIB
    usual, at_limit = int(free / (KERNEL_BYTES + _MEASURING_BYTES)), int(free / (most + _MEASURING_BYTES))
    found = (
        f"{gib(free)} free{capped}, {gib(swap)} of swap: enough for {usual} usual notebooks at once, or for {at_limit}"
        f" that use all that they may ({gib(most)} each); `--jobs` is {default_jobs} unless given."
    )
    if free + swap < KERNEL_BYTES + _MEASURING_BYTES:
        return State.PROBLEM, found, "Close other programs, or give the machine or container more memory."
    if usual < default_jobs:
        return State.WARNING, found, f"Grade with `--jobs {max(1, usual)}`."
    if at_limit < default_jobs:
        return State.INFO, found, f"`--jobs {max(1, at_limit)}` is safe even when every notebook uses all."
    return State.OK, found, ""


def open_files() -> Finding:
    """Whether the grader may open what it needs for its jobs, and notebooks what their limit allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted, most = _FILES_OF_GRADER + _FILES_PER_JOB * jobs(), limits().open_files
    if 0 <= soft < wanted:
        found = f"A process may open {soft} files; {wanted} are good to have."
        return State.WARNING, found, f"Run `ulimit -n {wanted}`."
    if 0 <= hard < most:
        found = f"Notebooks may open {hard} files here instead of {most}."
        return State.INFO, found, "Raise the hard limit (`nofile`)."
    return State.OK, f"A process may open {'any number of' if soft < 0 else soft} files.", ""


def _nearest(folder: Path) -> Path:
    """The folder itself, or the parent that it would be made in."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if os.access(path, os.F_OK))


def _writable(folder: Path) -> bool:
    there = _nearest(folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
