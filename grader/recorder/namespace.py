"""After each cell: which small arrays, numbers, networks and data the student's variables hold.

Only what is new or changed is written.
"""

from __future__ import annotations

import numbers
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from ..wire.fingerprint import PIXELS
from .hooks import quietly
from .inputs import as_array
from .networks import Networks
from .record import Recorder

SMALL = 400
"""Most entries of a small array."""
LARGE_ROWS = 64
"""Fewest rows of an array that may be a data set."""
VARIABLES = 2000
CONTAINER = 64
"""Longest list, tuple or dict that is looked into."""


class Namespace:
    """The student's variables, without the `hidden` ones that were there before."""

    def __init__(self, recorder: Recorder, networks: Networks, hidden: set[str]) -> None:
        self._recorder = recorder
        self._networks = networks
        self._hidden = hidden
        self._seen: dict[str, Any] = {}

    def scan(self, variables: dict[str, Any]) -> None:
        """Write what is new or changed since the last scan; never raises because of a value."""
        own = [(n, v) for n, v in list(variables.items()) if not n.startswith("_") and n not in self._hidden]
        for name, value in own[:VARIABLES]:
            if not isinstance(value, (ModuleType, type, FunctionType, str, bool)):
                quietly(self._value)(name, value)
        self._seen = {n: v for n, v in self._seen.items() if n.split("[")[0].split(".")[0] in variables}

    def _value(self, name: str, value: Any) -> None:
        if isinstance(value, numbers.Real) or (isinstance(value, np.generic) and value.dtype.kind in "iuf"):
            self._changed("scalar", name, float(value), value=float(value))
            return
        for part, item in _parts(name, value):
            self._item(part, item)

    def _item(self, name: str, value: Any) -> None:
        if _is_model(value):
            network = self._networks.known(value)
            self._changed("name", name, network.id, network=network.id)
            return
        if isinstance(value, (str, bytes)) or (isinstance(value, (list, tuple)) and not _is_matrix(value)):
            return
        array = as_array(value)
        if array is None:
            return
        small = _two_dimensional(array) if array.size <= SMALL else None
        if small is not None:
            self._changed("small", name, (small.shape, small.tobytes()), values=small.astype(float).tolist())
        elif array.size <= SMALL and array.ndim == 3:
            for index, part in enumerate(array):
                self._item(f"{name}[{index}]", part)
        elif _may_be_data(array):
            digest = self._recorder.array(array)
            if digest:
                self._changed("state", name, digest, digest=digest)

    def _changed(self, event: str, name: str, content: Any, **facts: Any) -> None:
        if self._seen.get(name) != (event, content):
            self._seen[name] = (event, content)
            self._recorder.emit(event, [], name=name[:200], **facts)


def _parts(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """The value, or what it holds where it is a container or an object of a class of the student's own."""
    items: list[tuple[str, Any]]
    if isinstance(value, dict) and len(value) <= CONTAINER:
        items = [(f"{name}[{key}]", item) for key, item in value.items()]
    elif isinstance(value, (list, tuple)) and len(value) <= CONTAINER and not _is_matrix(value):
        items = [(f"{name}[{index}]", item) for index, item in enumerate(value)]
    elif type(value).__module__ == "__main__" and hasattr(value, "__dict__") and not _is_model(value):
        items = [(f"{name}.{key}", item) for key, item in list(vars(value).items())[:CONTAINER]]
    else:
        yield name, value
        return
    if depth < 3:
        for part, item in items:
            if not isinstance(item, (str, bytes, bool, numbers.Number)):
                yield from _parts(part, item, depth + 1)


def _is_matrix(value: Any) -> bool:
    """A nested list of numbers."""
    if not isinstance(value, (list, tuple)) or not value or not isinstance(value[0], (list, tuple)):
        return False
    return all(
        isinstance(row, (list, tuple)) and all(isinstance(n, (numbers.Number, np.generic)) for n in row)
        for row in value
    )


def _two_dimensional(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """As a matrix, axes of length one dropped; None for anything else."""
    if array.ndim > 2:
        array = np.squeeze(array)
    return array if array.ndim == 2 and array.size else None


def _may_be_data(array: np.ndarray[Any, Any]) -> bool:
    n = len(array)
    if n < LARGE_ROWS:
        return False
    if array.size in (n, n * PIXELS):
        return True
    beginning = array[:LARGE_ROWS]
    one_hot = array.ndim == 2 and array.shape[1] <= 100 and bool((beginning.sum(axis=1) == 1).all())
    return one_hot and bool(((beginning == 0) | (beginning == 1)).all())


def _is_model(value: Any) -> bool:
    module = sys.modules.get("keras.src.models.model")
    return module is not None and isinstance(value, module.Model)
