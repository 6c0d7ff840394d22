"""The grader's end of a kernel's connection to the trainer (`recorder.trainer_client` is the other).

The kernel may send anything at any time; what it sends is bounded before it is read, and answered once.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time

from grader.errors import GradeError
from grader.training.trainer import Trainer
from grader.wire.files import Rejected
from grader.wire.message import Limits, Message, receive
from grader.wire.npz import weights_digest
from grader.wire.recipe import Refused

LIMITS = Limits(facts_bytes=2 << 20, arrays_bytes=64 << 20, arrays=2000)
_MESSAGE_S = 30.0
"""Longest that a message may take from its first byte to its last."""


class TrainerConnection(threading.Thread):
    """Answers one kernel's requests, until its socket closes; together they may take `budget_s` seconds of training."""

    def __init__(self, connection: socket.socket, trainer: Trainer, budget_s: float) -> None:
        super().__init__(daemon=True, name="grade-trainer-connection")
        self._connection = connection
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
        """End it, whatever it waits for."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def run(self) -> None:
        """What the thread does."""
        # KeyboardInterrupt: the run is called off, and says so itself.
        with contextlib.suppress(OSError, EOFError, Rejected, KeyboardInterrupt), self._connection:
            while True:
                self._connection.settimeout(None)
                self._connection.recv(1, socket.MSG_PEEK)
                self._connection.settimeout(_MESSAGE_S)
                request = receive(self._connection.recv, LIMITS)
                self._connection.sendall(self._answer(request).encoded())

    def _answer(self, request: Message) -> Message:
        self._since = time.monotonic()
        try:
            with self._trainer.slots.lent():
                return self._done(request)
        except Refused as why:
            return Message({"refused": str(why)})
        except GradeError:  # the run meets it again when it verifies, and tells
            return Message({"refused": "the trainer cannot be started"})
        finally:
            self._waited_s, self._since = self.waited_s, None

    def _done(self, request: Message) -> Message:
        if self._left_s <= 0:
            raise Refused("this submission has had its share of the trainer's time")
        began = time.monotonic()
        try:
            match request.facts:
                case {"use": use}:
                    answer = self._trainer.use(use, request.arrays)
                case _:
                    answer = self._trainer.train(request.facts, request.arrays)
                    self.trained.add(weights_digest(answer.arrays[: answer.facts["weights"]]))
        except Refused:
            self._left_s -= time.monotonic() - began  # else what fails slowly could be asked for ever
            raise
        self._left_s -= sum(answer.facts["seconds"])
        return answer
