"""The line between a kernel and the trainer, whose kernel's end belongs to the student."""

from __future__ import annotations

import io
import socket
import struct
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_recipes import request

from grader.errors import GradeError
from grader.recorder import trainer_client as kernels
from grader.recorder.recipe import Recipe
from grader.system.slots import Slots
from grader.training.trainer_connection import LIMITS, TrainerConnection
from grader.wire.message import Message, receive
from grader.wire.npz import weights_digest
from grader.wire.recipe import Refused

ANSWER = Message({"logs": [{"loss": 1.0}], "seconds": [2.0], "weights": 1, "left": 2}, (np.ones(3), np.array(7)))


LENGTHS = struct.Struct(">QQ")


def encoded(facts: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]]) -> bytes:
    return Message(facts, tuple(arrays)).encoded()


def received(connection: socket.socket) -> Message:
    return receive(connection.recv, LIMITS)


class Trainer:
    """Answers with one entry; holds back what `wait` says."""

    def __init__(self) -> None:
        self.slots = Slots(1)
        self.wait = threading.Event()
        self.wait.set()
        self.asked: list[Any] = []
        self.raises: BaseException | None = None

    def train(self, told: Any, arrays: list[np.ndarray[Any, Any]]) -> Message:
        self.asked.append((told, arrays))
        self.wait.wait(10)
        if self.raises:
            raise self.raises
        if not isinstance(told, dict) or "facts" not in told:
            raise Refused("no recipe")
        return ANSWER

    def use(self, told: Any, arrays: list[np.ndarray[Any, Any]]) -> Message:
        self.asked.append((told, arrays))
        return Message({"names": ["loss"], "seconds": [2.0]}, ())


@contextmanager
def line(trainer: Trainer, budget_s: float = 100.0):
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    found = TrainerConnection(ours, trainer, budget_s)  # type: ignore[arg-type]
    found.start()
    theirs.settimeout(10)
    try:
        with theirs:
            yield found, theirs
    finally:
        found.close()
        found.join(5)
        assert not found.is_alive()


def ended(kernel: socket.socket) -> bool:
    try:
        return kernel.recv(1) == b""
    except ConnectionResetError:  # with something unread
        return True


def test_a_run_that_is_called_off_cuts_the_connection() -> None:
    """Without a word of its own: the thread's traceback would reach the user."""
    trainer = Trainer()
    trainer.raises = KeyboardInterrupt()
    told, arrays = request()
    with trainer.slots, line(trainer) as (_, kernel):
        kernel.sendall(encoded(told, arrays))
        assert ended(kernel)


def test_a_trainer_that_cannot_be_started_refuses() -> None:
    trainer = Trainer()
    trainer.raises = GradeError("It does not start.")
    told, arrays = request()
    with trainer.slots, line(trainer) as (_, kernel):
        kernel.sendall(encoded(told, arrays))
        assert received(kernel).facts == {"refused": "the trainer cannot be started"}


def test_a_recipe_is_answered() -> None:
    trainer = Trainer()
    told, arrays = request()
    with trainer.slots, line(trainer) as (answering, kernel):
        for _ in range(2):
            kernel.sendall(encoded(told, arrays))
            answer = received(kernel)
            assert answer.facts == ANSWER.facts
            assert [a.tolist() for a in answer.arrays] == [[1.0, 1.0, 1.0], 7]
        assert answering.trained == {weights_digest(ANSWER.arrays[:1])}
    assert trainer.asked[0][0] == told
    assert all(np.array_equal(a, b) for a, b in zip(trainer.asked[0][1], arrays, strict=True))


def test_a_use_is_answered_and_has_its_share() -> None:
    trainer = Trainer()
    with trainer.slots, line(trainer, budget_s=3.0) as (answering, kernel):
        for _ in range(2):
            kernel.sendall(encoded({"use": [1]}, []))
            assert received(kernel).facts["names"] == ["loss"]
        kernel.sendall(encoded({"use": [1]}, []))
        assert "had its share" in received(kernel).facts["refused"]
        assert answering.trained == set()
    assert [told for told, _ in trainer.asked] == [[1], [1]]


def test_waiting_is_counted_and_needs_no_core() -> None:
    trainer = Trainer()
    trainer.wait.clear()
    with trainer.slots, line(trainer) as (answering, kernel):
        assert answering.waited_s == 0.0
        kernel.sendall(encoded(*request()))
        deadline = time.monotonic() + 5
        while not trainer.asked and time.monotonic() < deadline:
            time.sleep(0.01)
        with trainer.slots:  # would wait for ever
            time.sleep(0.3)
        assert answering.waited_s > 0.2
        trainer.wait.set()
        received(kernel)
        waited = answering.waited_s
        time.sleep(0.1)
        assert answering.waited_s == waited


def test_the_trainers_time_has_a_share_for_each() -> None:
    with Trainer().slots, line(Trainer(), budget_s=3.0) as (answering, kernel):
        answering._trainer.slots.__enter__()
        for _ in range(2):
            kernel.sendall(encoded(*request()))
            assert "logs" in received(kernel).facts
        kernel.sendall(encoded(*request()))
        assert "had its share" in received(kernel).facts["refused"]


def test_what_fails_slowly_has_its_share_too() -> None:
    class Slow(Trainer):
        def train(self, *_: Any) -> Message:
            time.sleep(0.2)
            raise Refused("it took too long")

    trainer = Slow()
    with trainer.slots, line(trainer, budget_s=0.3) as (_, kernel):
        for said in ("took too long", "took too long", "had its share"):
            kernel.sendall(encoded(*request()))
            assert said in received(kernel).facts["refused"]


def test_what_is_no_recipe_is_refused_and_the_next_is_answered() -> None:
    trainer = Trainer()
    with trainer.slots, line(trainer) as (_, kernel):
        for told in ({}, {"times": 1}):
            kernel.sendall(encoded(told, []))
            assert received(kernel).facts == {"refused": "no recipe"}
        kernel.sendall(encoded(*request()))
        assert "logs" in received(kernel).facts


@pytest.mark.parametrize(
    "frame",
    [
        LENGTHS.pack(LIMITS.facts_bytes + 1, 0), LENGTHS.pack(2, LIMITS.arrays_bytes + 1) + b"{}", LENGTHS.pack(2, 3) + b"{}abc",
        LENGTHS.pack(5, 0) + b"[[[[[", LENGTHS.pack(2**63, 2**63), LENGTHS.pack(100_000, 0) + b"[" * 100_000, b"\x00" * 7,
    ],
)  # fmt: skip
def test_what_is_no_frame_ends_the_connection(frame: bytes) -> None:
    trainer = Trainer()
    with trainer.slots, line(trainer) as (_, kernel):
        kernel.sendall(frame)
        kernel.shutdown(socket.SHUT_WR)
        assert ended(kernel)
    assert trainer.asked == []


def test_pickles_are_no_arrays() -> None:
    body = io.BytesIO()
    np.savez(body, a0=np.array([{}], dtype=object))
    trainer = Trainer()
    with trainer.slots, line(trainer) as (_, kernel):
        kernel.sendall(LENGTHS.pack(2, len(body.getvalue())) + b"{}" + body.getvalue())
        assert ended(kernel)
    assert trainer.asked == []


# ------------------------------------------------------------------ the kernel's end


def test_the_kernel_goes_on_without_a_trainer(tmp_path: Path) -> None:
    asking = kernels.TrainerClient(str(tmp_path / "k"))
    told, arrays = request()
    recipe = Recipe(told["facts"], arrays, 2, told["validation"])
    grader = socket.socket(socket.AF_UNIX)
    grader.connect(str(tmp_path / "k"))
    answers = [ANSWER.encoded(), encoded({"refused": "too large"}, []), b""]

    def answer() -> None:
        for text in answers:
            received(grader)
            grader.sendall(text)
        grader.close()

    thread = threading.Thread(target=answer)
    thread.start()
    trained = asking.train(recipe, 0)
    assert trained.facts == ANSWER.facts
    with pytest.raises(Refused, match="too large"):
        asking.train(recipe, 0)
    for _ in range(2):
        with pytest.raises(Refused, match="line to the trainer is cut"):
            asking.train(recipe, 0)
    thread.join()
    asking._connection.close()  # type: ignore[union-attr]
    asking._listening.close()


def test_an_interrupt_cuts_the_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = kernels.TrainerClient(str(tmp_path / "k"))
    monkeypatch.setattr(kernels, "receive", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    told, arrays = request()
    recipe = Recipe(told["facts"], arrays, 2, told["validation"])
    with socket.socket(socket.AF_UNIX) as grader:
        grader.connect(str(tmp_path / "k"))
        with pytest.raises(KeyboardInterrupt):
            asking.train(recipe, 0)
        with pytest.raises(Refused):
            asking.train(recipe, 0)
    asking._connection.close()  # type: ignore[union-attr]
    asking._listening.close()
