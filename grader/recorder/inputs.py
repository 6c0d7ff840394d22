"""What `fit`, `evaluate` and `predict` are given, as arrays: x, y and the batch size.

Arrays, lists, tensors and data frames are taken as they are; finite data sets and indexable sequences are read
once. Generators are left alone: reading them would take the items away from the student.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .seeds import untouched

ROWS = 100_000
"""Most items that are read from a data set."""

Unpacked = tuple[Any, Any, int | None]
"""(x, y, batch size of a data set); None for what is not known."""


def unpack(x: Any, y: Any = None) -> Unpacked:
    """(x, y, batch size) of what a method was given; None for what is not known."""
    x = _only(x)
    if _is_dataset(x):
        return _read_dataset(x)
    if hasattr(x, "__getitem__") and hasattr(x, "__len__") and _is_sequence(x):
        return _read_sequence(x)
    return as_array(x), as_array(_only(y)), None


def unpack_validation(data: Any) -> Unpacked:
    """The same for `validation_data`: a pair, a triple with weights, or a data set."""
    if isinstance(data, (tuple, list)) and len(data) in (2, 3):
        return unpack(data[0], data[1])
    return unpack(data) if data is not None else (None, None, None)


def as_array(value: Any) -> np.ndarray[Any, Any] | None:
    """A numeric array with at least one axis, or None."""
    if isinstance(value, np.ndarray):
        array = value
    elif hasattr(type(value), "to_numpy"):  # pandas
        array = value.to_numpy()
    elif hasattr(type(value), "numpy") and hasattr(type(value), "shape"):  # tensors and variables that hold values
        array = np.asarray(value.numpy())
    elif isinstance(value, (list, tuple)):
        try:
            array = np.asarray(value)
        except ValueError:
            return None
    else:
        return None
    return array if array.dtype.kind in "biuf" and array.ndim else None


def _only(value: Any) -> Any:
    """What a list, tuple or dict of one array holds."""
    if isinstance(value, dict) and len(value) == 1:
        return next(iter(value.values()))
    if isinstance(value, (list, tuple)) and len(value) == 1 and getattr(value[0], "ndim", 0) > 1:
        return value[0]
    return value


def _is_dataset(value: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(value, tensorflow.data.Dataset)


def _is_sequence(value: Any) -> bool:
    return any(cls.__name__ in {"PyDataset", "Sequence"} and "keras" in cls.__module__ for cls in type(value).__mro__)


def _read_dataset(dataset: Any) -> Unpacked:
    elements = int(dataset.cardinality())
    if not 0 < elements <= ROWS:
        return None, None, None
    with untouched():
        return _joined(dataset.as_numpy_iterator())


def _read_sequence(sequence: Any) -> Unpacked:
    state = dict(vars(sequence))
    with untouched():
        try:
            return _joined(sequence[i] for i in range(min(len(sequence), ROWS)))
        finally:
            vars(sequence).update(state)


def _joined(batches: Any) -> Unpacked:
    xs: list[Any] = []
    ys: list[Any] = []
    rows = 0
    for batch in batches:
        x, y = (batch[0], batch[1]) if isinstance(batch, tuple) and len(batch) > 1 else (batch, None)
        x, y = as_array(_only(x)), as_array(y)
        if x is None:
            return None, None, None
        rows += len(x)
        if rows > ROWS:
            return None, None, None
        xs.append(x)
        ys.append(y)
    if not xs:
        return None, None, None
    known = all(y is not None for y in ys)
    return np.concatenate(xs), np.concatenate(ys) if known else None, len(xs[0])
