"""A training as a worker does it: the network of a `Work`, its dice, Keras' own `fit`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.recorder.fit_recipe import generators
from grader.training.network import STEPS, Inputs, assign, compiled, form
from grader.training.recipe import keeps_epochs
from grader.wire.seeding import TrainingSeeds, initializers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.training.network import Network
    from grader.training.recipe import Work
    from grader.training.workers import Sets

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
        x, y = data.images(told.x), data.labels(told.y)
        fed, validation = form((x, y), told.batch_size), None
        if told.validation:
            validation = data.images(told.validation.x), data.labels(told.validation.y)
            fed += form(validation, told.validation.batch_size)
        step_by_step = any(kind == "TerminateOnNaN" for kind, _ in work.callbacks)
        steps = 1 if step_by_step else STEPS
        dice = TrainingSeeds(work.key, work.times)
        with compiled(work.planned, work.measures, fed, work.initializers, work.optimizer, steps) as network:
            self._start(network, dice)
            watching = _watch(network.weights if keeps_epochs(work.planned, told) else [])
            with dice.rolled():
                network.model.fit(
                    x,
                    y,
                    batch_size=told.batch_size,
                    epochs=told.epochs,
                    initial_epoch=told.initial_epoch,
                    verbose=0,
                    shuffle=told.shuffle,
                    validation_data=validation,
                    validation_batch_size=told.validation.batch_size if told.validation else None,
                    callbacks=[watching, *(_callback(*named) for named in work.callbacks)],
                )
            weights = network.weights
            left = [*weights, *network.model.optimizer.variables, *generators(network.layers)]
            told_back = {"logs": watching.logs, "seconds": watching.seconds, "weights": len(weights), "left": len(left)}
            return told_back, [*(np.array(variable.numpy()) for variable in left), *watching.weights]

    def _start(self, network: Network, dice: TrainingSeeds) -> None:
        work, told = self.work, self.work.facts
        _in_order(network.model, network.weights)
        if told.weights is None:
            pairs = [pair for layer in network.layers if layer is not None for pair in initializers(layer) or []]
            drawn = dice.weights([(initializer, tuple(variable.shape)) for variable, initializer in pairs])
        else:
            drawn = [work.arrays[i] for i in told.weights]
        assign(network.weights, drawn)
        if told.slots is not None:
            assign(network.model.optimizer.variables, [work.arrays[i] for i in told.slots])
        states = [own if own is not None else dice.generator(i) for i, own in enumerate(told.generators)]
        assign(generators(network.layers), [np.asarray(state) for state in states])


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
