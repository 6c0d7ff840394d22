"""Measures the accuracy of recorded networks on the official data, outside the kernels that trained them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.keras.rebuild import Plan, plan
from grader.records import Verified
from grader.training.network import assembled, assign
from grader.training.workers import Failed, NoAnswer
from grader.wire.message import Message
from grader.wire.recipe import key_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.records import Architecture
    from grader.training.single_flight import SingleFlight
    from grader.training.workers import Sets, Workers

Array = np.ndarray[Any, Any]

ANSWER_S = 120.0
"""Longest time that a measurement may take."""
_VALUES = 1 << 24
"""Most values of a layer's output for one batch (64 MiB as float32)."""
_BATCH = 2000
TRAIN_ROWS = 20_000
"""Most training items that are measured, spread evenly: exact for the sheet's 20,000, ±0.005 for all 60,000."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """How the network saw the official images: shape of an item, and what became of black and white."""

    shape: tuple[int, ...]
    lo: float
    hi: float

    @property
    def table(self) -> Array:
        """float32, what became of each of the 256 grey values."""
        greys = np.arange(256, dtype=np.float64)
        return (self.lo + greys * ((self.hi - self.lo) / 255.0)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class _Task:
    planned: Plan
    weights: tuple[Array, ...]
    prepared: Prepared
    train_rows: Array
    """int64 rows of the training set."""

    def key(self) -> str:
        """Equal for equal tasks."""
        return key_of({"verified": repr((self.planned, self.prepared))}, (self.train_rows, *self.weights))

    def do(self, sets: Sets) -> Message:
        """Inside a worker."""
        (train_x, train_y), (test_x, test_y) = sets
        rows = self.train_rows
        with assembled(self.planned, "eagerly") as network:
            assign(network.weights, self.weights)
            test = _accuracy(network.model, self, test_x, test_y)
            train = _accuracy(network.model, self, train_x[rows], train_y[rows]) if len(rows) else None
            return Message({"test": test, "train": train})


class Verifier:
    """Measures networks; may be used by several threads at once."""

    def __init__(self, workers: Workers, single_flight: SingleFlight, *, answer_s: float = ANSWER_S) -> None:
        self._workers = workers
        self._single_flight = single_flight
        self._answer_s = answer_s

    def verify(
        self, architecture: Architecture, weights: Sequence[Array], prepared: Prepared, train_rows: Array
    ) -> Verified:
        """Accuracy on all official test images, and on the given rows of the training set (None without any).

        The same network on the same data is measured once. Never raises for what a network is: the reason is in
        `Verified.reason` then. Raises GradeError when no worker can be started.
        """
        planned = plan(architecture, [array.shape for array in weights], prepared.shape)
        if isinstance(planned, str):
            return Verified(None, None, planned)
        if (classes := planned.output_shape[-1]) < 10:
            return Verified(None, None, f"Its output has {classes} values per image, not one per class.")
        train_rows = np.asarray(train_rows, np.int64)
        if len(train_rows) > TRAIN_ROWS:
            train_rows = train_rows[np.linspace(0, len(train_rows) - 1, TRAIN_ROWS).astype(np.int64)]
        task = _Task(planned, tuple(weights), prepared, train_rows)

        try:
            measure = functools.partial(self._workers.ask, task, self._answer_s)
            accuracies = self._single_flight.result(f"verify {task.key()}", measure).facts
        except Failed as why:
            return Verified(None, None, f"It could not be run: {why}")
        except NoAnswer as why:
            if why.slow:
                return Verified(None, None, f"Measuring it took longer than {self._answer_s:g} seconds.")
            return Verified(None, None, "The process that measures it ended unexpectedly.")
        return Verified(accuracies["test"], accuracies["train"])


def _accuracy(model: Any, task: _Task, images: Array, labels: Array) -> float:
    """Share of the uint8 images whose largest output is the one of their label."""
    prepared, table = task.prepared, task.prepared.table
    largest = max([int(np.prod(layer.output_shape)) for layer in task.planned.layers])
    batch = max(1, min(_BATCH, _VALUES // largest))
    right = 0
    for start in range(0, len(images), batch):
        x = table.take(images[start : start + batch])
        scores = np.asarray(model(x.reshape(len(x), *prepared.shape), training=False))
        # A network with an axis more, such as (n, 1, 10), still gives one score per class.
        right += int((scores.reshape(len(x), -1).argmax(axis=1) == labels[start : start + batch]).sum())
    return right / len(images)
