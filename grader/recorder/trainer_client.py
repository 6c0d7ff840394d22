"""The kernel's end of its connection to the trainer outside, which answers a recipe with what came of it.

The kernel listens and the grader connects, because no sandbox lets student code connect to anything outside.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..wire.message import ANSWER_LIMITS, Message, receive
from ..wire.recipe import Refused
from .recipe import Recipe


class TrainerClient:
    """Asks the trainer, one request at a time. Once the connection broke, everything is refused."""

    def __init__(self, path: str) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(path)
        self._listening.listen(1)
        self._connection: socket.socket | None = None
        self._broken = False

    def train(self, recipe: Recipe, times: int) -> Message:
        """What came of the `times`-th training of a recipe: `logs` and `seconds` of each epoch; weights in order, then
        the optimizer's variables, then the states of random layers. Blocks until it is there. Raises `Refused`.
        """
        asked = {"facts": recipe.facts, "training_arrays": recipe.training_arrays}
        return self.ask(asked | {"validation": recipe.validation, "times": times}, recipe.arrays)

    def ask(self, asked: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]]) -> Message:
        """What the trainer answers. Blocks until it does. Raises `Refused`."""
        if self._broken:
            raise Refused("the line to the trainer is cut")
        try:
            if self._connection is None:
                self._connection, _ = self._listening.accept()
            self._connection.sendall(Message(asked, tuple(arrays)).encoded())
            answer = receive(self._connection.recv, ANSWER_LIMITS)
        except BaseException as problem:
            self._broken = True  # an answer that comes later would be taken for that of the next
            if isinstance(problem, Exception):
                raise Refused("the line to the trainer is cut") from None
            raise
        if "refused" in answer.facts:
            raise Refused(str(answer.facts["refused"]))
        return answer
