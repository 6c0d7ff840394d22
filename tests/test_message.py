"""The one format between kernel, grader, workers and cache: what is written is read, and nothing else is."""

from __future__ import annotations

import contextlib
import io
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from grader.wire.files import Rejected
from grader.wire.message import Limits, Message, decoded, receive

LIMITS = Limits(facts_bytes=10_000, arrays_bytes=100_000, arrays=4)
PLAIN = Message({"a": 1}, (np.arange(3, dtype=np.int16), np.array(2.5)))
FACTS = st.dictionaries(
    st.text(max_size=5), st.none() | st.booleans() | st.integers() | st.text(max_size=9), max_size=4
)
NUMBERS = arrays_of.arrays(
    st.sampled_from([np.float32, np.float64, np.uint8, np.int64, np.bool_]),
    arrays_of.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


def same(one: Message, other: Message) -> bool:
    pairs = list(zip(one.arrays, other.arrays, strict=True))
    return one.facts == other.facts and all(
        a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs
    )


@given(FACTS, st.lists(NUMBERS, max_size=4))
def test_what_is_written_is_read(facts: dict[str, Any], arrays: list[Any]) -> None:
    message = Message(facts, tuple(arrays))
    data = message.encoded()
    assert same(decoded(data, LIMITS), message)
    stream = io.BytesIO(data + data)
    assert same(receive(lambda count: stream.read(min(count, 7)), LIMITS), message)
    assert same(receive(stream.read, LIMITS), message), "the next message begins where the last one ends"
    with pytest.raises(EOFError):
        receive(stream.read, LIMITS)


def test_what_is_read_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        decoded(PLAIN.encoded(), LIMITS).arrays[0][0] = 1


BODY = PLAIN.encoded()[16 + len(json.dumps(PLAIN.facts)) :]


def framed(text: bytes, body: bytes = BODY) -> bytes:
    return struct.pack(">QQ", len(text), len(body)) + text + body


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "too short"), (b"123", "too short"), (PLAIN.encoded()[:-1], "another length"),
        (PLAIN.encoded() + b"x", "another length"), (framed(b"["), "no message"), (framed(b"[]"), "no message"),
        (framed(b"[" * 9_000), "no message"), (framed(b"\xff"), "no message"), (framed(b"{}", b"abc"), "too short"),
        (struct.pack(">QQ", 2**63, 0), "larger"), (struct.pack(">QQ", 2, 2**63), "larger"),
        (Message({}, (np.zeros(1),) * 5).encoded(), "more than expected"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:12]),
)  # fmt: skip
def test_what_is_no_message_is_not_read(data: bytes, why: str) -> None:
    with pytest.raises(Rejected, match=why):
        decoded(data, LIMITS)


def test_an_array_that_is_left_out_is_missed() -> None:
    body = io.BytesIO()
    np.savez(body, a0=np.zeros(1), a2=np.zeros(1))
    with pytest.raises(Rejected, match="lacks an array"):
        decoded(framed(b"{}", body.getvalue()), LIMITS)


def test_pickles_are_no_arrays() -> None:
    body = io.BytesIO()
    np.savez(body, a0=np.array([{}], dtype=object))
    with pytest.raises(Rejected):
        decoded(framed(b"{}", body.getvalue()), LIMITS)


@given(st.binary(max_size=60), st.integers(0, 200))
def test_damage_is_rejected_or_read_as_a_message(noise: bytes, at: int) -> None:
    data = PLAIN.encoded()
    with contextlib.suppress(Rejected):
        assert isinstance(decoded(data[:at] + noise + data[at + len(noise) :], LIMITS), Message)
