"""Fashion-MNIST: find it, fetch it, check it, load it.

The grader keeps its own checked copy of the four files, under the names that Keras looks for, so that a kernel
which finds that folder as `KERAS_HOME/datasets/fashion-mnist` gets them from the ordinary `load_data()` without a
network. A file counts only if its *decompressed* bytes have the known digest: repackaging changes the `.gz`.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grader.errors import DataError, UsageError
from grader.system.atomic_files import atomic_write

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class _Expected:
    """What a file must hold once decompressed."""

    sha256: str
    size: int
    header: int
    shape: tuple[int, ...]


_FILES = {
    "train-images-idx3-ubyte.gz": _Expected(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888", 47_040_016, 16, (60_000, 28, 28)
    ),
    "train-labels-idx1-ubyte.gz": _Expected(
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9", 60_008, 8, (60_000,)
    ),
    "t10k-images-idx3-ubyte.gz": _Expected(
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b", 7_840_016, 16, (10_000, 28, 28)
    ),
    "t10k-labels-idx1-ubyte.gz": _Expected(
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34", 10_008, 8, (10_000,)
    ),
}

KERAS_NAMES = tuple(_FILES)
"""Names of the four files, as Keras and Debian's package have them."""

_DEBIAN_PACKAGE = "dataset-fashion-mnist"
_DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_FETCH_TIMEOUT_S = 600.0

Say = Callable[[str], None]
"""Takes a sentence for the user."""


@dataclass(frozen=True, slots=True)
class DataFiles:
    """The data set on this machine, found intact when this was made."""

    directory: Path
    """Holds the four checked `.gz` files under `KERAS_NAMES`."""


def cache_directory() -> Path:
    """Return the folder of the grader's own copy: `GRADE_DATA`, else in the user's cache."""
    if chosen := os.environ.get("GRADE_DATA"):
        return Path(chosen)
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "grade" / "datasets" / "fashion-mnist"


def find_data() -> DataFiles | None:
    """Return the first folder on this machine that holds all four files intact; fetches and writes nothing."""
    folders = (cache_directory(), _keras_cache(), _DEBIAN_FOLDER)
    return next((DataFiles(folder) for folder in folders if not problems(folder)), None)


def problems(directory: Path) -> dict[str, str]:
    """What is wrong with the data set's files in a folder, by name; those that are intact are left out."""
    return {name: problem for name in KERAS_NAMES if (problem := _problem(directory / name))}


def provide_data(say: Say = lambda _: None) -> DataFiles:
    """Return the grader's own copy, made or mended from the first source that has what is missing.

    Sources: Keras' cache, Debian's folder, Debian's package by `apt-get download`, Keras' download. `say` gets a
    sentence for each broken file and each fetch. Raises DataError when no source is left.
    """
    target = cache_directory()
    missing = problems(target)
    for name, problem in missing.items():
        if (target / name).exists():
            say(f"{target / name} is {problem}: it will be replaced.")
    if not missing:
        return DataFiles(target)
    with tempfile.TemporaryDirectory(prefix="grade-data-") as scratch:
        for source in _sources(Path(scratch), say):
            for name in list(missing):
                problem = _problem(source / name)
                if not problem:
                    _install(source / name, target / name)
                    del missing[name]
                elif (source / name).exists():
                    say(f"{source / name} is {problem}: it is passed over.")
            if not missing:
                return DataFiles(target)
    raise DataError(
        f"Fashion-MNIST could not be had ({', '.join(missing)}): install Debian's package {_DEBIAN_PACKAGE}, "
        f"or put these files into {target}, and run the same command again."
    )


def load(files: DataFiles) -> tuple[tuple[Bytes, Bytes], tuple[Bytes, Bytes]]:
    """Load as Keras does: ((train images, train labels), (test images, test labels)).

    Read-only uint8 arrays of shapes (60000, 28, 28), (60000,), (10000, 28, 28), (10000,). Raises DataError for a
    broken file.
    """
    x_train, y_train, x_test, y_test = (_array(files.directory / name) for name in KERAS_NAMES)
    return (x_train, y_train), (x_test, y_test)


def _array(path: Path) -> Bytes:
    """Cut an IDX file's header off: big-endian magic number and sizes, four bytes each, then the bytes."""
    contents, problem = _read(path)
    if problem:
        raise DataError(f"{path} is {problem}: run `grade data fetch`.")
    known = _FILES[path.name]
    return np.frombuffer(contents, np.uint8, offset=known.header).reshape(known.shape)


def _problem(path: Path) -> str:
    """What is wrong with a file of the data set; empty when nothing is."""
    return _read(path)[1]


def _read(path: Path) -> tuple[bytes, str]:
    """The decompressed contents of a file of the data set, and what is wrong with it ('missing', 'cut short', …)."""
    known = _FILES[path.name]
    try:
        with gzip.open(path) as file:
            contents = file.read(known.size + 1)  # never more than asked for, whatever the file unpacks to
    except EOFError:
        return b"", "cut short"
    except FileNotFoundError:
        return b"", "missing"
    except (gzip.BadGzipFile, zlib.error):
        return b"", "not a gzip file, or damaged"
    except OSError as problem:
        return b"", f"not readable ({problem.strerror or problem})"
    if hashlib.sha256(contents).hexdigest() != known.sha256:
        return b"", "damaged (its contents have the wrong digest)"
    return contents, ""


# ------------------------------------------------------------------ sources


def _keras_cache() -> Path:
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets" / "fashion-mnist"


def _sources(scratch: Path, say: Say) -> Iterator[Path]:
    """Folders to take files from; each is fetched only when the ones before did not do."""
    yield _keras_cache()
    yield _DEBIAN_FOLDER
    yield from _from_debian(scratch, say)
    yield from _from_keras(scratch, say)


def _from_debian(scratch: Path, say: Say) -> Iterator[Path]:
    """Download and unpack the package; neither needs root."""
    if shutil.which("apt-get") and shutil.which("dpkg"):
        say(f"Fetching Debian's package {_DEBIAN_PACKAGE} …")
        if _succeeds(["apt-get", "download", _DEBIAN_PACKAGE], scratch, say):
            for package in scratch.glob("*.deb"):
                if _succeeds(["dpkg", "-x", package.name, "unpacked"], scratch, say):
                    yield scratch / "unpacked" / _DEBIAN_FOLDER.relative_to("/")


def _from_keras(scratch: Path, say: Say) -> Iterator[Path]:
    """Let Keras download, in a process of its own: TensorFlow is not needed for anything else here."""
    say("Fetching through keras.datasets.fashion_mnist …")
    code = "from keras.datasets import fashion_mnist; fashion_mnist.load_data()"
    if _succeeds([sys.executable, "-c", code], scratch, say, KERAS_HOME=str(scratch)):
        yield scratch / "datasets" / "fashion-mnist"


def _succeeds(command: list[str], folder: Path, say: Say, **environment: str) -> bool:
    try:
        done = subprocess.run(  # noqa: S603 - the commands are the three above
            command,
            cwd=folder,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_FETCH_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        say(f"`{Path(command[0]).name}` did not succeed: {problem}")
        return False
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        say(f"`{Path(command[0]).name}` did not succeed: {lines[-1]}")
    return done.returncode == 0


def _install(source: Path, target: Path) -> None:
    """Copy a checked file into place in one step, read-only; raises DataError where that is not possible."""
    try:
        atomic_write(target, source.read_bytes())
        target.chmod(0o444)
    except UsageError:
        raise DataError(f"Cannot write {target}: set GRADE_DATA to a folder that can be written.") from None
