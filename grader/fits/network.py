"""A network of stock parts and the data it is given, inside a worker."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.fits.rebuild import assemble

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.fits.rebuild import Plan
    from grader.fits.request import Images, Labels
    from grader.fits.stock import Measures, Named
    from grader.fits.workers import Sets

Array = np.ndarray[Any, Any]

STEPS = 256
"""Steps per call into TensorFlow: the same numbers, about twice as fast for small networks."""


def compiled(
    planned: Plan,
    measures: Measures,
    initializers: Sequence[Mapping[str, Named]] = (),
    optimizer: Named = ("SGD", {}),
    steps: int = STEPS,
) -> tuple[Any, list[Any], list[Any]]:
    """The compiled network, the layer of each step of its plan, and its weights in order."""
    import keras

    further = [
        {name: getattr(keras.initializers, kind)(**config) for name, (kind, config) in named.items()}
        for named in initializers
    ]
    model, layers = assemble(planned, further)
    kind, config = optimizer
    model.compile(
        optimizer=getattr(keras.optimizers, kind)(**config),
        loss=_function(keras.losses, measures.loss),
        metrics=[_function(keras.metrics, metric) for metric in measures.metrics] or None,
        steps_per_execution=steps,
        jit_compile=False,
    )
    return model, layers, in_order(layers)


def in_order(layers: Sequence[Any]) -> list[Any]:
    """All weights of the layers, step by step."""
    return [variable for layer in layers if layer is not None for variable in layer.weights]


def assign(variables: Sequence[Any], values: Sequence[Array]) -> None:
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"an array of shape {value.shape} where {tuple(variable.shape)} is needed")
        variable.assign(value)


_LAST: dict[bytes, Any] = {}
"""The images that tasks asked for last, as tensors; the next task often wants the same."""
_KEPT = 3


class Inputs:
    """The arrays that a recipe speaks of, made from the official data."""

    def __init__(self, sets: Sets, arrays: Sequence[Array]) -> None:
        self._sets = [images.reshape(len(images), -1) for images, _ in sets]
        self._arrays = arrays

    def images(self, told: Images) -> Any:
        """A tensor of shape (n, *item)."""
        import tensorflow as tf

        table = self._arrays[told.table]
        rows: Array = np.arange(*told.rows) if isinstance(told.rows, tuple) else self._arrays[told.rows]
        key = hashlib.sha256(table.tobytes() + rows.tobytes() + table.dtype.str.encode()).digest()
        if key not in _LAST:
            while len(_LAST) >= _KEPT:
                del _LAST[next(iter(_LAST))]
            train, test = self._sets
            found = np.empty((len(rows), train.shape[1]), table.dtype)
            is_test = rows >= len(train)
            found[~is_test] = table.take(train[rows[~is_test]])
            found[is_test] = table.take(test[rows[is_test] - len(train)])
            _LAST[key] = tf.constant(found)
        _LAST[key] = _LAST.pop(key)
        return tf.reshape(_LAST[key], (len(rows), *told.item))

    def labels(self, told: Labels) -> Array:
        values = self._arrays[told.values]
        if told.classes:
            return np.eye(told.classes, dtype=told.dtype)[values]
        return values.astype(told.dtype).reshape(told.shape)


def _function(module: Any, told: str | Named) -> Any:
    """By its name, as Keras resolves it, or made from a class."""
    if isinstance(told, str):
        return told
    kind, config = told
    return getattr(module, kind)(**config)
