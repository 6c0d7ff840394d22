"""A training as a worker does it: the network of a `Work`, its dice, Keras' own `fit`."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.fits.rebuild import assemble
from grader.fits.recipe import keeps_epochs
from grader.probe.dice import Dice, initializers
from grader.probe.recipe import generators

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.fits.recipe import Work
    from grader.fits.request import Images, Labels
    from grader.fits.stock import Named
    from grader.fits.workers import Sets

Array = np.ndarray[Any, Any]

STEPS = 256
"""Training steps per call into TensorFlow: the same numbers, about twice as fast for small networks."""


@dataclass(frozen=True, slots=True)
class TrainTask:
    work: Work

    def do(self, sets: Sets) -> tuple[dict[str, Any], Sequence[Array]]:
        """Logs and seconds of each epoch, how many arrays are `weights`, how many are `left` in all, and the arrays.

        Those that are left: weights in order, the optimizer's variables, states of random layers. After them the
        weights of each epoch, where they are kept.
        """
        work, told = self.work, self.work.facts
        data = _Data(sets, work.arrays)
        model, layers, weights = _model(work)
        model.optimizer.build(model.trainable_variables)
        _in_order(model, weights)
        dice = Dice(work.key, work.times)
        self._start(model, layers, weights, dice)
        validation = told.validation
        watching = _watch(weights if keeps_epochs(work.planned, told) else [])
        with dice.rolled():
            model.fit(
                data.images(told.x),
                data.labels(told.y),
                batch_size=told.batch_size,
                epochs=told.epochs,
                initial_epoch=told.initial_epoch,
                verbose=0,
                shuffle=told.shuffle,
                validation_data=(data.images(validation.x), data.labels(validation.y)) if validation else None,
                validation_batch_size=validation.batch_size if validation else None,
                callbacks=[watching, *(_callback(*named) for named in work.callbacks)],
            )
        left = [*weights, *model.optimizer.variables, *generators(layers)]
        told_back = {"logs": watching.logs, "seconds": watching.seconds, "weights": len(weights), "left": len(left)}
        return told_back, [*(np.asarray(variable.numpy()) for variable in left), *watching.weights]

    def _start(self, model: Any, layers: list[Any], weights: list[Any], dice: Dice) -> None:
        work, told = self.work, self.work.facts
        if told.weights is None:
            pairs = [pair for layer in layers if layer is not None for pair in initializers(layer) or []]
            drawn = dice.weights([(initializer, tuple(variable.shape)) for variable, initializer in pairs])
        else:
            drawn = [work.arrays[i] for i in told.weights]
        _assign(weights, drawn)
        if told.slots is not None:
            _assign(model.optimizer.variables, [work.arrays[i] for i in told.slots])
        states = [own if own is not None else dice.generator(i) for i, own in enumerate(told.generators)]
        _assign(generators(layers), [np.asarray(state) for state in states])


@dataclass(frozen=True, slots=True)
class MeasureTask:
    """What `fit` would have measured after each epoch on the validation data of a work."""

    work: Work
    epochs: tuple[tuple[Array, ...], ...]
    """Weights after each."""

    def do(self, sets: Sets) -> tuple[dict[str, Any], Sequence[Array]]:
        """Logs of each epoch."""
        validation = self.work.validation
        assert validation is not None
        data = _Data(sets, self.work.arrays)
        x, y = data.images(validation.x), data.labels(validation.y)
        model, _, weights = _model(self.work)
        logs = []
        for values in self.epochs:
            _assign(weights, values)
            measured = model.evaluate(x, y, batch_size=validation.batch_size, verbose=0, return_dict=True)
            logs.append({f"val_{name}": float(value) for name, value in measured.items()})
        return {"logs": logs}, ()


def _model(work: Work) -> tuple[Any, list[Any], list[Any]]:
    """The compiled network, the layer of each step of its plan, and its weights in order."""
    import keras

    further = [
        {name: getattr(keras.initializers, kind)(**config) for name, (kind, config) in named.items()}
        for named in work.initializers
    ]
    model, layers = assemble(work.planned, further)
    kind, config = work.optimizer
    step_by_step = any(kind == "TerminateOnNaN" for kind, _ in work.callbacks)
    model.compile(
        optimizer=getattr(keras.optimizers, kind)(**config),
        loss=_function(keras.losses, work.loss),
        metrics=[_function(keras.metrics, metric) for metric in work.metrics] or None,
        steps_per_execution=1 if step_by_step else STEPS,
        jit_compile=False,
    )
    return model, layers, [variable for layer in layers if layer is not None for variable in layer.weights]


_LAST: dict[bytes, Any] = {}
"""The images that tasks asked for last, as tensors; the next task often wants the same."""
_KEPT = 3


class _Data:
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


def _in_order(model: Any, weights: list[Any]) -> None:
    """The optimizer's variables belong to the weights in their order; in kernels the same is asked."""
    position = {id(variable): i for i, variable in enumerate(weights)}
    order = [position[id(variable)] for variable in model.trainable_variables]
    if order != sorted(order) or len(weights) != len(model.weights):
        raise ValueError("its weights are in an order of their own")


def _assign(variables: Sequence[Any], values: Sequence[Array]) -> None:
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"an array of shape {value.shape} where {tuple(variable.shape)} is needed")
        variable.assign(value)


def _function(module: Any, told: str | Named) -> Any:
    """By its name, as Keras resolves it, or made from a class."""
    if isinstance(told, str):
        return told
    kind, config = told
    return getattr(module, kind)(**config)


def _callback(kind: str, config: dict[str, Any]) -> Any:
    import keras

    if kind == "LearningRateScheduler":
        rates = config["rates"]
        return keras.callbacks.LearningRateScheduler(lambda epoch: rates[epoch])
    return getattr(keras.callbacks, kind)(**config)


def _watch(variables: list[Any]) -> Any:
    """A callback that keeps each epoch's logs, before others add to them, its seconds, and what variables held."""
    import keras

    class Watching(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.logs: list[dict[str, float]] = []
            self.seconds: list[float] = []
            self.weights: list[Array] = []
            self._began = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002 - Keras' signature
            self._began = time.monotonic()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
            self.logs.append({name: float(value) for name, value in logs.items()})
            self.seconds.append(round(time.monotonic() - self._began, 4))
            self.weights += [np.array(variable.numpy()) for variable in variables]

    return Watching()
