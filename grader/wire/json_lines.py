"""One line of untrusted JSON → a plain dict whose numbers, strings, depth and size are bounded."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import numpy as np

from .files import Rejected

DEPTH = 64
"""Most levels of nesting (a network within a network needs about 15)."""
ITEMS = 100_000
"""Most values of a line."""
TEXT = 10_000
"""Longest string that is kept, characters; the rest is cut."""

# Possessive, and an unfinished string runs to the end: linear whatever the line holds.
_STRING = re.compile(rb'"(?:[^"\\]|\\.|\\\Z)*+(?:"|\Z)', re.DOTALL)
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def parse_line(line: bytes) -> dict[str, Any]:
    """The object that a line holds.

    NaN, infinities and integers beyond 64 bits become None; control characters and lone surrogates become
    U+FFFD. Raises `Rejected` when it is no JSON object or exceeds a bound, before anything is built from it.
    """
    if line.count(b'"') - line.count(b'\\"') > 2 * ITEMS + 2:  # taking them out would cost forty times the line
        raise Rejected(f"holds more than {ITEMS:,} strings")
    bare = _STRING.sub(b'"', line)
    if sum(map(bare.count, (b",", b":", b"[", b"{"))) > ITEMS:
        raise Rejected(f"holds more than {ITEMS:,} values")
    brackets = np.frombuffer(bare.translate(None, _NOT_BRACKETS), np.uint8)
    opening = (brackets == ord("[")) | (brackets == ord("{"))
    if brackets.size and np.where(opening, 1, -1).cumsum().max() > DEPTH:
        raise Rejected(f"is nested more than {DEPTH} levels deep")
    try:
        loaded = json.loads(line.decode(), parse_int=_whole, parse_float=_finite, parse_constant=lambda _: None)
    except ValueError as error:
        raise Rejected("is not JSON") from error
    if not isinstance(loaded, dict):
        raise Rejected("is not a JSON object")
    cleaned: dict[str, Any] = _clean(loaded)
    return cleaned


def _whole(digits: str) -> int | None:
    return number if len(digits) <= 20 and -(2**63) <= (number := int(digits)) < 2**64 else None


def _finite(digits: str) -> float | None:
    return number if math.isfinite(number := float(digits)) else None


def _clean(value: Any) -> Any:
    match value:
        case str():
            text = value if len(value) <= TEXT else value[:TEXT] + "…"
            return text if text.isprintable() else _UNPRINTABLE.sub("\ufffd", text)
        case list():
            return [_clean(item) for item in value]
        case dict():
            return {_clean(key): _clean(item) for key, item in value.items()}
    return value
