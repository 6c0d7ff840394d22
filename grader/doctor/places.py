"""The data set, the disks that are written to, and open files."""

from __future__ import annotations

import os
import resource
import shutil
import tempfile
from pathlib import Path

from grader.doctor.finding import MIB, Finding, State, gib, jobs, limits

_LEAST_DISK = 64 * MIB
"""With less, writing fails at the first notebook."""
_FILES_OF_GRADER, _FILES_PER_JOB = 128, 64


def data_set() -> Finding:
    from grader.datasets import fashion_mnist as data

    own, found = data.cache_directory(), data.find_data()
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
    if broken := [f"{name} is {why}" for name, why in data.problems(own).items() if (own / name).exists()]:
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
    otherwise = "Set TMPDIR to another folder"
    try:
        folder = Path(tempfile.gettempdir())
    except FileNotFoundError:
        return State.PROBLEM, "No folder for temporary files can be written.", f"{otherwise}."
    return disk(folder, jobs() * limits().disk_mib * MIB, otherwise)


def cache() -> Finding:
    from grader.datasets import fashion_mnist as data

    return disk(data.cache_directory(), 128 * MIB, "Set GRADE_DATA to another folder")


def open_files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted, most = _FILES_OF_GRADER + _FILES_PER_JOB * jobs(), limits().open_files
    if 0 <= soft < wanted:
        return (
            State.WARNING,
            f"A process may open {soft} files; {wanted} are good to have.",
            f"Run `ulimit -n {wanted}`.",
        )
    if 0 <= hard < most:
        return (
            State.INFO,
            f"Notebooks may open {hard} files here instead of {most}.",
            "Raise the hard limit (`nofile`).",
        )
    return State.OK, f"A process may open {'any number of' if soft < 0 else soft} files.", ""


def _nearest(folder: Path) -> Path:
    """The folder itself, or the parent that it would be made in."""
    absolute = folder.absolute()
    return next(path for path in (absolute, *absolute.parents) if os.access(path, os.F_OK))


def _writable(folder: Path) -> bool:
    there = _nearest(folder)
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)
