"""Trains for all kernels: each distinct recipe once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from grader.training import tasks
from grader.training.measure import MeasureTask
from grader.training.workers import Failed, NoAnswer
from grader.wire.message import Message
from grader.wire.recipe import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.system.slots import Slots
    from grader.training.single_flight import SingleFlight
    from grader.training.workers import Task, Workers

Array = np.ndarray[Any, Any]

TRAIN_S = 900.0
"""Longest that one training may take."""


class Trainer:
    """May be used by several threads at once."""

    def __init__(self, workers: Workers, single_flight: SingleFlight, slots: Slots) -> None:
        self._workers = workers
        self._single_flight = single_flight
        self.slots = slots
        """Held by threads that drive a kernel; lent while it waits for an answer."""

    def train(self, request: object, arrays: Sequence[np.ndarray[Any, Any]]) -> Message:
        """What comes of a recipe that a kernel sent: `logs` and `seconds` of each epoch, how many arrays are `weights`,
        and the arrays that are left (see `TrainTask.do`).

        Blocks until it is there, and wants a core for that only where it has to be trained. Raises `Refused` with a
        part of a sentence, and GradeError when no worker can be started.
        """
        task = tasks.training_task(request, arrays)
        trained = self._result(f"train {task.key} {task.times}", task)
        facts, left = trained.facts, trained.facts["left"]
        if task.validation is not None:
            by_epoch = _parts(trained.arrays[left:], facts["weights"])
            measured = self._result(
                f"measure {task.key} {task.times} {task.validation_key}",
                MeasureTask(task.planned, task.measures, task.validation, task.arrays, by_epoch),
            )
            both = zip(facts["logs"], measured.facts["logs"], strict=True)
            facts = facts | {"logs": [logs | _validated(measured_logs) for logs, measured_logs in both]}
        return Message(facts, trained.arrays[:left])

    def use(self, request: object, arrays: Sequence[np.ndarray[Any, Any]]) -> Message:
        """Outcome of `MeasureTask.do` and `PredictTask.do`. Blocks and raises as `train` does."""
        key, task = tasks.inference_task(request, arrays)
        return self._result(f"use {key}", task)

    def _result(self, key: str, task: Task) -> Message:
        try:
            return self._single_flight.result(key, lambda: self._ask(task))
        except Failed as why:
            raise Refused(f"the trainer could not do it ({why})") from why
        except NoAnswer as why:
            raise Refused("it took too long" if why.slow else "the trainer's process ended") from why

    def _ask(self, task: Task) -> Message:
        with self.slots:
            return self._workers.ask(task, TRAIN_S)


def _validated(logs: dict[str, float]) -> dict[str, float]:
    return {f"val_{name}": value for name, value in logs.items()}


def _parts(arrays: Sequence[Array], size: int) -> tuple[tuple[Array, ...], ...]:
    return tuple(tuple(arrays[i : i + size]) for i in range(0, len(arrays), size))
