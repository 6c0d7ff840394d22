"""A training as a worker does it: a network of stock parts, its seeds, Keras' own `fit`."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.training.network import STEPS, Inputs, assign, compiled, form
from grader.wire.message import Message
from grader.wire.recipe import are_in_order, keeps_epochs
from grader.wire.seeding import TrainingSeeds, generators, initializers

if TYPE_CHECKING:
    from grader.keras.rebuild import Plan
    from grader.training.network import Network
    from grader.training.request import Data, Facts
    from grader.training.stock import Measures, Named
    from grader.training.workers import Sets

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class TrainTask:
    """A training that was checked (see `tasks.training_task`)."""

    key: str
    """Equal for equal trainings, whatever they are validated on."""
    times: int
    """How often the notebook trained the same before."""
    facts: Facts
    arrays: tuple[Array, ...]
    """Those that `facts` and `validation` refer to."""
    validation: Data | None
    """What the weights of each epoch are measured on afterwards."""
    validation_key: str
    planned: Plan
    initializers: tuple[dict[str, Named], ...]
    """For each step of the plan, by the name of its argument."""
    optimizer: Named
    measures: Measures
    callbacks: tuple[Named, ...]

    @property
    def keeps_epochs(self) -> bool:
        """Whether the weights of each epoch are kept, to be measured later."""
        return keeps_epochs(self.planned.parameters, self.facts.epochs - self.facts.initial_epoch, self.callbacks)

    def do(self, sets: Sets) -> Message:
        """Logs and seconds of each epoch, how many arrays are `weights`, how many are `left` in all, and the arrays.

        Those that are left: weights in order, the optimizer's variables, states of random layers. After them the
        weights of each epoch, where they are kept.
        """
        facts, data = self.facts, Inputs(sets, self.arrays)
        x, y = data.images(facts.x), data.labels(facts.y)
        fed, validation = form((x, y), facts.batch_size), None
        if facts.validation:
            validation = data.images(facts.validation.x), data.labels(facts.validation.y)
            fed += form(validation, facts.validation.batch_size)
        step_by_step = any(kind == "TerminateOnNaN" for kind, _ in self.callbacks)
        steps = 1 if step_by_step else STEPS
        seeds = TrainingSeeds(self.key, self.times)
        with compiled(self.planned, self.measures, fed, self.initializers, self.optimizer, steps) as network:
            self._start(network, seeds)
            watching = _watch(network.weights if self.keeps_epochs else [])
            with seeds.shuffling():
                network.model.fit(
                    x,
                    y,
                    batch_size=facts.batch_size,
                    epochs=facts.epochs,
                    initial_epoch=facts.initial_epoch,
                    verbose=0,
                    shuffle=facts.shuffle,
                    validation_data=validation,
                    validation_batch_size=facts.validation.batch_size if facts.validation else None,
                    callbacks=[watching, *(_callback(*named) for named in self.callbacks)],
                )
            weights = network.weights
            variables = [*weights, *network.model.optimizer.variables, *generators(network.layers)]
            counts = {"weights": len(weights), "left": len(variables)}
            outcome = {"logs": watching.logs, "seconds": watching.seconds} | counts
            return Message(outcome, (*(np.array(variable.numpy()) for variable in variables), *watching.weights))

    def _start(self, network: Network, seeds: TrainingSeeds) -> None:
        facts = self.facts
        if not are_in_order(network.weights, network.model):
            raise ValueError("its weights are in an order of their own")
        if facts.weights is None:
            pairs = [pair for layer in network.layers if layer is not None for pair in initializers(layer) or []]
            start = seeds.weights(pairs)
        else:
            start = [self.arrays[i] for i in facts.weights]
        assign(network.weights, start)
        if facts.slots is not None:
            assign(network.model.optimizer.variables, [self.arrays[i] for i in facts.slots])
        assign(generators(network.layers), seeds.generators(facts.generators))


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
