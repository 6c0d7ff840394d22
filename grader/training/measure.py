"""A trained network in use, as a worker does it: Keras' own `evaluate` and `predict` on official images."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.training.network import Inputs, assembled, assign, compiled, form
from grader.wire.message import Message

if TYPE_CHECKING:
    from grader.keras.rebuild import Plan
    from grader.training.request import Data, Images
    from grader.training.stock import Measures
    from grader.training.workers import Sets

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class MeasureTask:
    planned: Plan
    measures: Measures
    data: Data
    arrays: tuple[Array, ...]
    """Those that `data` refers to."""
    weights: tuple[tuple[Array, ...], ...]
    """Of each time that it is measured, in order."""

    def do(self, sets: Sets) -> Message:
        """For each time its `logs`; `names` in the order in which `evaluate` lists them, and `seconds` of the last."""
        inputs = Inputs(sets, self.arrays)
        x, y = inputs.images(self.data.x), inputs.labels(self.data.y)
        batch_size = self.data.batch_size
        logs, began = [], 0.0
        with compiled(self.planned, self.measures, form((x, y), batch_size)) as network:
            for values in self.weights:
                assign(network.weights, values)
                began = time.monotonic()
                measured = network.model.evaluate(x, y, batch_size=batch_size, verbose=0, return_dict=True)
                logs.append({name: float(value) for name, value in measured.items()})
            in_order = {name: name for name in logs[-1]}
            names = network.model._flatten_metrics_in_order(in_order)  # noqa: SLF001 - what `evaluate` does
        names = [names] if isinstance(names, str) else names
        return Message({"logs": logs, "names": names, "seconds": [time.monotonic() - began]})


@dataclass(frozen=True, slots=True)
class PredictTask:
    planned: Plan
    images: Images
    batch_size: int
    arrays: tuple[Array, ...]
    """Those that `images` refers to."""
    weights: tuple[Array, ...]

    def do(self, sets: Sets) -> Message:
        """`seconds` that it took; the output of each image, shape (n, …)."""
        x = Inputs(sets, self.arrays).images(self.images)
        with assembled(self.planned, form((x,), self.batch_size)) as network:
            assign(network.weights, self.weights)
            began = time.monotonic()
            outputs = network.model.predict(x, batch_size=self.batch_size, verbose=0)
            return Message({"seconds": [time.monotonic() - began]}, (np.asarray(outputs),))
