"""Loads libraries for the zygote so that in its copies they seem not to be imported yet: a program part of `zygote.py`.

What notebooks import themselves is loaded, then put out of sight; the recorder (`recorder/preloaded.py`, in the kernel)
brings it to light when student code imports it, with all that an import does besides. Standard library only.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import logging
import os
import random
import runpy
import sys
import types
from collections.abc import Iterator
from typing import Any

VISIBLE = (
    "numpy",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "IPython.core.pylabtools",
    "sqlite3",
    "scipy.signal",
)
"""What every kernel has when it starts, and what most come to import, of which nobody takes notice."""
HIDDEN = ("matplotlib", "matplotlib.pyplot", "tensorflow")
"""What notebooks import themselves, in this order, each with all that it imports; today's TensorFlow brings Keras, and
that matplotlib. The recorder acts when they are imported, so they are put out of sight until then."""
_HIDDEN_PACKAGES = ("matplotlib", "mpl_toolkits", "tensorflow", "keras")
_FOLDERS = ("HOME", "TMPDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "KERAS_HOME", "MPLCONFIGDIR")
"""Variables that name folders of a sandbox, to which libraries write when they are imported."""
_HANDED_OVER = "grade_preloaded"
"""Name of the module through which the recorder gets the hidden groups and the data set."""


def preload(data: str, scratch: str, fingerprint: str) -> str:
    """Import everything as if in a sandbox, whose folders are in `scratch` here.

    `data` is the folder of the data set, `fingerprint` the file of the functions that hash images. Returns what forbids
    to make copies of this process, '' where nothing does.
    """
    environment = dict(os.environ)
    for name in _FOLDERS:
        os.environ[name] = scratch + environment[name]
    for name in ("HOME", "TMPDIR", "KERAS_HOME"):
        os.makedirs(os.environ[name])
    data_sets = os.path.join(os.environ["KERAS_HOME"], "datasets")
    os.mkdir(data_sets)
    os.symlink(data, os.path.join(data_sets, "fashion-mnist"))
    for name in VISIBLE:
        importlib.import_module(name)
    handed_over: Any = types.ModuleType(_HANDED_OVER)
    handed_over.groups = [_group(name, scratch) for name in HIDDEN]
    handed_over.fashion_mnist = _data_set()
    handed_over.hashes = _hashes(handed_over.fashion_mnist, fingerprint)
    os.environ.clear()
    os.environ.update(environment)
    _forget(scratch)
    for group in reversed(handed_over.groups):
        _hide(group["modules"])
    sys.modules[_HANDED_OVER] = handed_over
    return _problem(handed_over.groups)


def _group(name: str, scratch: str) -> dict[str, Any]:
    """Import a module. What came with it:

    modules, those of hidden packages, by name, in the order in which they were complete; files that were written;
    draws, how many random numbers that took; what was printed; handlers of log messages that took hold of the
    standard error.
    """
    before, state, files = set(sys.modules), random.getstate(), dict(_files(scratch))
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        importlib.import_module(name)
    handlers = [reference() for reference in logging._handlerList]  # type: ignore[attr-defined]  # noqa: SLF001
    loaded = {name: module for name, module in sys.modules.items() if name not in before}
    return {
        "name": name,
        "modules": {name: loaded[name] for name in loaded if name.partition(".")[0] in _HIDDEN_PACKAGES},
        "files": {path: content for path, content in _files(scratch) if path not in files},
        "draws": _draws(state),
        "printed": {"stdout": printed.getvalue(), "stderr": errors.getvalue()},
        "handlers": [handler for handler in handlers if getattr(handler, "stream", None) is errors],
    }


def _draws(state: Any) -> int:
    """How many numbers of 32 bits were drawn from `random` since then."""
    generator = random.Random()  # noqa: S311
    generator.setstate(state)
    for drawn in range(1000):
        if generator.getstate() == random.getstate():
            return drawn
        generator.getrandbits(32)
    raise RuntimeError("a library sets the random numbers when it is imported")


def _data_set() -> Any:
    """What `keras.datasets.fashion_mnist.load_data` returns; None where the files are not as they should be."""
    try:
        return sys.modules["keras.src.datasets.fashion_mnist"].load_data()
    except Exception:  # noqa: BLE001 - the notebook that asks for it will be told why
        return None


def _hashes(data_set: Any, fingerprint: str) -> Any:
    """(hashes of the pixels, hashes of the masks) of all rows, training images first; None without the data set."""
    if data_set is None:
        return None
    functions = runpy.run_path(fingerprint)
    sets = [images.reshape(-1, functions["PIXELS"]) for images, _ in data_set]
    join = sys.modules["numpy"].concatenate
    return tuple(join([functions[name](rows) for rows in sets]) for name in ("hash_rows", "mask_rows"))


def _files(scratch: str) -> Iterator[tuple[str, bytes | None]]:
    """What libraries wrote when they were imported, under its path in a sandbox; None for a folder."""
    for folder, folders, names in os.walk(scratch):
        for name in folders:
            yield os.path.join(folder, name).removeprefix(scratch), None
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                yield path.removeprefix(scratch), file.read()


def _forget(scratch: str) -> None:
    """What libraries remember of their folders is right in a sandbox."""
    for holder in gc.get_objects():
        if type(holder) in {dict, list}:
            for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
                if isinstance(value, str) and scratch in value:
                    holder[key] = value.replace(scratch, "")
        elif type(holder) is types.CellType:
            with contextlib.suppress(ValueError):  # it is empty
                if isinstance(value := holder.cell_contents, str) and scratch in value:
                    holder.cell_contents = value.replace(scratch, "")


def _hide(modules: dict[str, Any]) -> None:
    """As if they had not been imported."""
    for name, module in modules.items():
        parent, _, child = name.rpartition(".")
        holder = sys.modules.get(parent)
        if parent not in modules and getattr(holder, child, None) is module:
            delattr(holder, child)
    for name in modules:
        del sys.modules[name]


def _problem(groups: list[dict[str, Any]]) -> str:
    if len(os.listdir("/proc/self/task")) > 1:
        return "a library started a thread"
    with open("/proc/self/maps", encoding="utf-8") as maps:
        if any(fields[1][1] == "w" and fields[1][3] == "s" for fields in map(str.split, maps)):
            return "a library shares memory"
    for group in groups:
        if getattr(group["modules"].get("tensorflow.python.eager.context"), "_context", None) is not None:
            return "a library started TensorFlow"
    return ""
