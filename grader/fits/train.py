"""A training as a worker does it: the network of a `Work`, its dice, Keras' own `fit`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.fits.network import STEPS, Inputs, assign, compiled
from grader.fits.recipe import keeps_epochs
from grader.probe.dice import Dice, initializers
from grader.probe.training import generators

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.fits.recipe import Work
    from grader.fits.workers import Sets

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class TrainTask:
    work: Work

    def do(self, sets: Sets) -> tuple[dict[str, Any], Sequence[Array]]:
        """Logs and seconds of each epoch, how many arrays are `weights`, how many are `left` in all, and the arrays.

        Those that are left: weights in order, the optimizer's variables, states of random layers. After them the
        weights of each epoch, where they are kept.
        """
        work, told = self.work, self.work.facts
        data = Inputs(sets, work.arrays)
        step_by_step = any(kind == "TerminateOnNaN" for kind, _ in work.callbacks)
        steps = 1 if step_by_step else STEPS
        model, layers, weights = compiled(work.planned, work.measures, work.initializers, work.optimizer, steps)
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
        assign(weights, drawn)
        if told.slots is not None:
            assign(model.optimizer.variables, [work.arrays[i] for i in told.slots])
        states = [own if own is not None else dice.generator(i) for i, own in enumerate(told.generators)]
        assign(generators(layers), [np.asarray(state) for state in states])


def _in_order(model: Any, weights: list[Any]) -> None:
    """The optimizer's variables belong to the weights in their order; in kernels the same is asked."""
    position = {id(variable): i for i, variable in enumerate(weights)}
    order = [position[id(variable)] for variable in model.trainable_variables]
    if order != sorted(order) or len(weights) != len(model.weights):
        raise ValueError("its weights are in an order of their own")


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
