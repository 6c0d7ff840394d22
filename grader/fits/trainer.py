"""Trains for all kernels: each distinct recipe once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.fits.cache import Entry
from grader.fits.recipe import Refused, checked
from grader.fits.train import TrainTask
from grader.fits.workers import Failed, NoAnswer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from grader.fits.once import Once
    from grader.fits.workers import Workers
    from grader.slots import Slots

TRAIN_S = 900.0
"""Longest that one training may take."""


class Trainer:
    """May be used by several threads at once."""

    def __init__(self, workers: Workers, once: Once, slots: Slots) -> None:
        self._workers = workers
        self._once = once
        self.slots = slots
        """Held by threads that drive a kernel; lent while it waits for an answer."""

    def train(self, facts: Mapping[str, Any], arrays: Sequence[np.ndarray[Any, Any]], times: int) -> Entry:
        """What comes of a recipe that a kernel sent: `logs` and `seconds` of each epoch, arrays as `TrainTask` says.

        Blocks until it is there, and wants a core for that only where it has to be trained. Raises `Refused` with a
        part of a sentence, and GradeError when no worker can be started.
        """
        work = checked(facts, arrays, times)

        def compute() -> Entry:
            with self.slots:
                told, made = self._workers.ask(TrainTask(work), TRAIN_S)
            return Entry(told, tuple(made))

        try:
            return self._once.result(f"train {work.key} {work.times}", compute)
        except Failed as why:
            raise Refused(f"the trainer could not do it ({why})") from why
        except NoAnswer as why:
            raise Refused("it took too long" if why.slow else "the trainer's process ended") from why
