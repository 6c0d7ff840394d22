"""The grader's end of a kernel's line to the trainer (`recorder.trainer_client`, the other, says what a frame is).

The kernel may send anything at any time; what it sends is bounded before it is read, and answered once.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from grader.errors import GradeError
from grader.recorder.trainer_client import LENGTHS, exactly, packed
from grader.training.bounds import Refused
from grader.training.trainer import Trainer
from grader.wire.files import Rejected
from grader.wire.npz import read_npz, weights_digest

TOLD_BYTES = 2 << 20
ARRAYS_BYTES = 64 << 20
_ARRAYS = 2000
_FRAME_S = 30.0
"""Longest that a frame may take from its first byte to its last."""


class Line(threading.Thread):
    """Answers one kernel's recipes, until its socket closes."""

    def __init__(self, line: socket.socket, trainer: Trainer, budget_s: float) -> None:
        super().__init__(daemon=True, name="grade-line")
        self._line = line
        self._trainer = trainer
        self._left_s = budget_s
        self._since: float | None = None
        self._waited_s = 0.0
        self.trained: set[str] = set()
        """Digests of the weights that were handed to the kernel."""

    @property
    def waited_s(self) -> float:
        """How long the kernel has waited for answers so far."""
        since = self._since
        return self._waited_s + (time.monotonic() - since if since is not None else 0.0)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()

    def run(self) -> None:
        # KeyboardInterrupt: the run is called off, and says so itself.
        broken = (OSError, EOFError, ValueError, Rejected, RecursionError, KeyboardInterrupt)
        with contextlib.suppress(*broken), self._line:
            while True:
                self._line.settimeout(None)
                first = exactly(self._line, 1)
                self._line.settimeout(_FRAME_S)
                text, body = LENGTHS.unpack(first + exactly(self._line, LENGTHS.size - 1))
                if text > TOLD_BYTES or body > ARRAYS_BYTES:
                    return
                told = json.loads(exactly(self._line, text))
                arrays = read_npz(exactly(self._line, body), [f"a{i}" for i in range(_ARRAYS)], ARRAYS_BYTES)
                self._line.sendall(self._answer(told, [arrays[f"a{i}"] for i in range(len(arrays))]))

    def _answer(self, told: Any, arrays: list[np.ndarray[Any, Any]]) -> bytes:
        self._since = time.monotonic()
        try:
            with self._trainer.slots.lent():
                return packed(*self._done(told, arrays))
        except Refused as why:
            return packed({"refused": str(why)}, ())
        except GradeError:  # the run meets it again when it verifies, and tells
            return packed({"refused": "the trainer cannot be started"}, ())
        finally:
            self._waited_s, self._since = self.waited_s, None

    def _done(self, told: Any, arrays: list[np.ndarray[Any, Any]]) -> tuple[dict[str, Any], Sequence[Any]]:
        if self._left_s <= 0:
            raise Refused("this submission has had its share of the trainer's time")
        began = time.monotonic()
        try:
            match told:
                case {"use": use}:
                    entry = self._trainer.use(use, arrays)
                case _:
                    entry = self._trainer.train(told, arrays)
                    self.trained.add(weights_digest(entry.arrays[: entry.facts["weights"]]))
        except Refused:
            self._left_s -= time.monotonic() - began  # else what fails slowly could be asked for ever
            raise
        self._left_s -= sum(entry.facts["seconds"])
        return entry.facts, entry.arrays
