"""One message between processes of ours, and what the cache keeps: facts as JSON, and plain numeric arrays.

Two lengths (of the JSON and of the arrays; eight bytes each, big-endian), a JSON object, an `.npz` of a0, a1, ….
A kernel and the grader, the grader and its workers, one run and the next speak it.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from .files import Rejected
from .npz import read_npz, write_npz

_LENGTHS = struct.Struct(">QQ")
_CHUNK = 1 << 20


class Limits(NamedTuple):
    """The most of a message that is read."""

    facts_bytes: int
    """Of the JSON."""
    arrays_bytes: int
    """Of the archive, and of what it unpacks to."""
    arrays: int


ANSWER_LIMITS = Limits(facts_bytes=4 << 20, arrays_bytes=512 << 20, arrays=4096)
"""Of what a worker answers to the grader, and the trainer to a kernel: logs, and weights of epochs."""


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """Facts and the arrays that they speak of."""

    facts: dict[str, Any]
    """JSON; numbers may be NaN or infinite."""
    arrays: tuple[np.ndarray[Any, Any], ...] = ()
    """Booleans, integers or floats of up to 64 bits; read-only where they were read."""

    def encoded(self) -> bytes:
        """The bytes that `decoded` and `receive` read; equal for equal messages."""
        text = json.dumps(self.facts).encode()
        body = write_npz({f"a{i}": array for i, array in enumerate(self.arrays)})
        return _LENGTHS.pack(len(text), len(body)) + text + body


def decoded(data: bytes, limits: Limits) -> Message:
    """The message that some bytes are. Raises `Rejected` for all that `Message.encoded` does not give."""
    text, body = _lengths(data[: _LENGTHS.size], limits)
    if len(data) != _LENGTHS.size + text + body:
        raise Rejected("has another length than it says")
    return _message(data, text, limits)


def receive(read: Callable[[int], bytes], limits: Limits) -> Message:
    """The next message of a stream, of which `read` gives at most so many bytes, none at its end.

    Raises `Rejected`, EOFError where the stream ends before the message does, and what `read` raises.
    """
    head = _exactly(read, _LENGTHS.size)
    text, body = _lengths(head, limits)
    return _message(head + _exactly(read, text + body), text, limits)


def _lengths(head: bytes, limits: Limits) -> tuple[int, int]:
    if len(head) != _LENGTHS.size:
        raise Rejected("is too short for a message")
    text, body = _LENGTHS.unpack(head)
    if text > limits.facts_bytes or body > limits.arrays_bytes:
        raise Rejected("is larger than what is read")
    return text, body


def _message(data: bytes, text: int, limits: Limits) -> Message:
    start = _LENGTHS.size + text
    try:
        facts = json.loads(data[_LENGTHS.size : start])
    except (ValueError, RecursionError) as error:
        raise Rejected("is no message") from error
    if not isinstance(facts, dict):
        raise Rejected("is no message")
    names = [f"a{i}" for i in range(limits.arrays)]
    arrays = read_npz(data[start:], names, limits.arrays_bytes)
    if set(arrays) != set(names[: len(arrays)]):
        raise Rejected("lacks an array")
    return Message(facts, tuple(arrays[name] for name in names[: len(arrays)]))


def _exactly(read: Callable[[int], bytes], count: int) -> bytes:
    parts = bytearray()
    while len(parts) < count:
        part = read(min(_CHUNK, count - len(parts)))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
