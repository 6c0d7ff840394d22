"""The kernel's end of the line to the trainer outside, which answers a recipe with what came of it.

A frame is two lengths (JSON, arrays; eight bytes each, big-endian), a JSON object, and an `.npz` of a0, a1, ….
The kernel listens and the grader connects, because no room lets student code connect to anything outside.
"""

from __future__ import annotations

import io
import json
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .recipe import Recipe

LENGTHS = struct.Struct(">QQ")
_CHUNK = 1 << 20


class Refused(Exception):  # noqa: N818 - a finding, not an error
    """Why the trainer does not train it; a part of a sentence."""


@dataclass
class Trained:
    logs: list[dict[str, float]]
    """Of each epoch that was done, as Keras hands them to callbacks."""
    seconds: list[float]
    """How long each took."""
    arrays: list[np.ndarray[Any, Any]]
    """Weights in order, then the optimizer's variables, then the states of random layers."""


class Trainer:
    def __init__(self, path: str) -> None:
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(path)
        self._listening.listen(1)
        self._line: socket.socket | None = None
        self._broken = False

    def train(self, recipe: Recipe, times: int) -> Trained:
        """Blocks until the answer is there. Raises `Refused`."""
        asked = {"facts": recipe.facts, "own": recipe.own, "validation": recipe.validation, "times": times}
        told, arrays = self.ask(asked, recipe.arrays)
        return Trained(told["logs"], told["seconds"], arrays)

    def ask(
        self, asked: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]]
    ) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
        """What the trainer says to it. Blocks until it does. Raises `Refused`."""
        if self._broken:
            raise Refused("the line to the trainer is cut")
        try:
            if self._line is None:
                self._line, _ = self._listening.accept()
            self._line.sendall(packed(asked, arrays))
            told, found = received(self._line)
        except BaseException as problem:
            self._broken = True  # an answer that comes later would be taken for that of the next
            if isinstance(problem, Exception):
                raise Refused("the line to the trainer is cut") from None
            raise
        if "refused" in told:
            raise Refused(str(told["refused"]))
        return told, found


def packed(told: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]]) -> bytes:
    body = io.BytesIO()
    np.savez(body, allow_pickle=False, **{f"a{i}": array for i, array in enumerate(arrays)})
    text = json.dumps(told).encode()
    return LENGTHS.pack(len(text), body.getbuffer().nbytes) + text + body.getbuffer()


def received(line: socket.socket) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
    text, body = LENGTHS.unpack(exactly(line, LENGTHS.size))
    told = json.loads(exactly(line, text))
    with np.load(io.BytesIO(exactly(line, body)), allow_pickle=False) as archive:
        return told, [archive[f"a{i}"] for i in range(len(archive.files))]


def exactly(line: socket.socket, count: int) -> bytes:
    """That many bytes. Raises EOFError where the line ends before, and OSError."""
    parts = bytearray()
    while len(parts) < count:
        part = line.recv(min(_CHUNK, count - len(parts)))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
