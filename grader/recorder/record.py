"""Writes events and arrays to the evidence folder; format 1, one JSON object a line.

Whatever fails here is silent: a recorder that breaks a notebook is worse than one that misses an event.
"""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b
from json import dumps
from os import getpid, sep
from pathlib import Path
from types import FrameType
from typing import Any, Self

import numpy as np

from ..wire.fingerprint import PIXELS, digest, fingerprint
from ..wire.hash_chain import HashChain
from ..wire.npz import write_npz
from .dataset_index import Expression, official_index
from .hooks import quietly

FORMAT = 1
STACK = 8
"""Most student frames of an event."""
EVENTS_BYTES = 40 << 20
"""Most bytes of all events; what follows is not recorded."""
FILES = 30_000
"""Most files of hashes and labels together."""
ARRAY_BYTES = 1 << 30
"""Largest array that is fingerprinted."""
_HERE = str(Path(__file__).parent) + sep
_PASSING_ON = {__file__, quietly.__code__.co_filename}
_MANY = 256
"""Images that are worth looking for among the official ones."""
_SAMPLE = 4096
"""Values looked at to see whether an array still holds what it held."""
_COLUMNS = np.random.default_rng(10).integers(0, 1 << 64, PIXELS // 2, np.uint64) | np.uint64(1)
"""What the words of an image of float32 are multiplied with, modulo 2⁶⁴; odd, so that a word that changes counts."""

_Fingerprint = tuple[dict[str, Any], dict[str, Any]]


class Recorder:
    """Events in order. `places` maps file names of compiled cells to (cell, first line − 1, line map)."""

    def __init__(self, folder: Path) -> None:
        (folder / "arrays").mkdir(parents=True, exist_ok=True)
        (folder / "weights").mkdir(exist_ok=True)
        self.folder = folder
        self.cell: int | None = None
        self.places: dict[str, tuple[int, Callable[[int], int]]] = {}
        self.before_emit: list[Callable[[], None]] = []
        """Called before an event is written, so that what was held back keeps its place in the order."""
        self._events = (folder / "events.jsonl").open("ab", buffering=0)
        self._torn = b""
        self._left = EVENTS_BYTES
        self.seq = 0
        """Number of the next event."""
        self._files = 0
        self._lock = threading.RLock()
        self._pid = getpid()
        self._work = str(Path.cwd()) + sep
        self.hash_chain: HashChain | None = None
        self.callers_checked = False
        """Whether student code is near, and events are taken from the recorder's own modules only."""
        self._inside = threading.local()
        self._digests: dict[tuple[Any, ...], tuple[bytes, bytes, str]] = {}
        """Where and how an array lies → some of its values, a check of all, its digest."""
        self._by_memory: dict[tuple[Any, ...], tuple[bytes, Expression | _Fingerprint | None]] = {}
        """Where images lie, whatever their shape → a check of all values, what they are."""
        self._expressions: dict[str, Expression] = {}
        """By digest."""
        self._written: set[str] = set()
        self._idioms: set[tuple[Any, ...]] = set()

    # -------------------------------------------------- what student code is doing

    @property
    def inside(self) -> bool:
        """Whether this thread is in a call that is recorded as a whole, or in the recorder itself."""
        return getattr(self._inside, "depth", 0) > 0 or getpid() != self._pid

    def __enter__(self) -> Self:
        """Nothing that happens within is recorded by itself."""
        self._inside.depth = getattr(self._inside, "depth", 0) + 1
        return self

    def __exit__(self, *_: object) -> None:
        self._inside.depth -= 1

    def from_cell(self, frame: FrameType | None) -> bool:
        """Whether a frame is the student's: a cell, or a module that was handed in."""
        if frame is None:
            return False
        name = frame.f_code.co_filename
        return name in self.places or name.startswith(self._work)

    def stack(self) -> list[list[int]]:
        """[[cell, line], …] of the student's frames, innermost first."""
        found: list[list[int]] = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and len(found) < STACK:
            place = self.places.get(frame.f_code.co_filename)
            if place and found[-1:] != [where := [place[0], place[1](frame.f_lineno)]]:
                found.append(where)
            frame = frame.f_back
        return found

    # -------------------------------------------------- events

    def emit(self, event: str, stack: list[list[int]] | None = None, **facts: Any) -> int | None:
        """Write an event; its number, or None when it was not written."""
        if getpid() != self._pid:  # a forked child writes nothing
            return None
        stack = self.stack() if stack is None else stack
        if self.callers_checked and not self._by_recorder(sys._getframe(1)):
            event, facts = "tampered", {"what": f"other code told the recorder of an event, {str(event)[:50]!r}"}
        with self._lock:
            for flush in self.before_emit:
                flush()
            if self._left <= 0:
                return None
            seq = self.seq
            self.seq += 1
            record = {"seq": seq, "type": event, "cell": self.cell, "stack": stack, **plain(facts)}
            self._write(dumps(record, ensure_ascii=True, allow_nan=False, default=str).encode())
            return seq

    def _write(self, line: bytes) -> None:
        sealed = self._torn + (self.hash_chain.closed(line) if self.hash_chain else line) + b"\n"
        self._left -= len(sealed)
        if self._left <= 0:
            return
        whole = self._events.write(sealed) == len(sealed)
        self._torn = b"" if whole else b"\n"  # the disk was full: the next line begins anew
        if whole and self.hash_chain:
            self.hash_chain.kept(line)

    def _by_recorder(self, frame: FrameType | None) -> bool:
        """Whether a call comes from a module of the recorder that is not there for all to call."""
        while frame is not None and frame.f_code.co_filename in _PASSING_ON:
            frame = frame.f_back
        return frame is not None and frame.f_code.co_filename.startswith(_HERE)

    def bridged(self, idiom: str, today: str) -> None:
        """Note a course-era idiom, once per place; library code that uses it is not the student's. Never raises."""
        quietly(self._bridged)(idiom, today)

    def _bridged(self, idiom: str, today: str) -> None:
        stack = self.stack()
        key = (idiom, tuple(map(tuple, stack[:1])))
        if stack and key not in self._idioms:
            self._idioms.add(key)
            self.emit("bridged", stack, idiom=idiom, today=today)

    def close(self) -> None:
        """Nothing is written after this."""
        self._events.close()

    # -------------------------------------------------- files

    def array(self, value: Any, *, thoroughly: bool = False) -> str | None:
        """The digest of a numeric array, whose facts are written if they are new; None when it is none.

        Whether a known one still holds what it held is seen in some of its values; `thoroughly`, in all of them.
        """
        array = np.asarray(value)
        if array.dtype.kind not in "biuf" or array.nbytes > ARRAY_BYTES:
            return None
        key = (array.__array_interface__["data"][0], array.shape, array.strides, array.dtype.str)
        sample = _sample(array)
        known = self._digests.get(key)
        if known and known[0] == sample and not (thoroughly and known[1] != _check(array)):
            return known[2]
        check = _check(array) if array.nbytes > _SAMPLE else b""
        facts, stored = self._fingerprint(array, check)
        content: str = facts["digest"]
        if content not in self._written:
            file = f"arrays/{content}.npz" if stored and self.save(f"arrays/{content}.npz", stored) else None
            if self.emit("array", [], **facts, file=file) is None:
                return None
            self._written.add(content)
        if array.nbytes > _SAMPLE:
            self._digests[key] = (sample, check, content)
        return content

    def express(self, array: np.ndarray[Any, Any]) -> Expression | None:
        """How an array is made from the official images."""
        digest = self.array(array, thoroughly=True)
        return self._expressions.get(digest) if digest else None

    def _fingerprint(self, array: np.ndarray[Any, Any], check: bytes) -> _Fingerprint:
        """As `fingerprint`; images in another shape of the same memory, unchanged since, have the same hashes."""
        in_a_row = array.flags.c_contiguous and array.ndim > 1 and array.nbytes > _SAMPLE
        key = (array.__array_interface__["data"][0], array.nbytes, array.dtype.str, array.shape[:1])
        checked, earlier = self._by_memory.get(key, (b"", None)) if in_a_row else (b"", None)
        if checked != check:
            earlier = None
        many = array.ndim > 1 and len(array) >= _MANY and array.size == len(array) * PIXELS
        if many and (index := official_index()):
            expression = index.express(array) if earlier is None else earlier
            if isinstance(expression, Expression):
                expression = replace(expression, item=array.shape[1:])
                facts, stored = index.fingerprint(array, expression)
                self._expressions[facts["digest"]] = expression
                if in_a_row:
                    self._by_memory[key] = (check, expression)
                return facts, stored
        if isinstance(earlier, tuple):
            facts, stored = earlier
            return {**facts, "shape": list(array.shape), "digest": digest(array)}, stored
        facts, stored = fingerprint(array)
        if facts["kind"] == "images" and in_a_row:
            self._by_memory[key] = (check, (facts, stored))
        return facts, stored

    def save(self, name: str, arrays: dict[str, np.ndarray[Any, Any]]) -> bool:
        """Store arrays under the evidence folder; False when there are too many files already."""
        if self._files >= FILES or getpid() != self._pid:
            return False
        self._files += 1
        data = write_npz(arrays)
        (self.folder / name).write_bytes(data)
        self.emit("file", [], name=name, digest=blake2b(data, digest_size=16).hexdigest())
        return True


def _sample(array: np.ndarray[Any, Any]) -> bytes:
    if array.size <= _SAMPLE:
        return array.tobytes()
    return bytes(array.flat[np.linspace(0, array.size - 1, _SAMPLE).astype(np.intp)].tobytes())


def _check(array: np.ndarray[Any, Any]) -> bytes:
    """Changes when a value does and when values change places: each word counts as often as its column says."""
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    whole = data.size - data.size % _COLUMNS.nbytes
    rows = data[:whole].view(np.uint64).reshape(-1, len(_COLUMNS)) @ _COLUMNS
    return blake2b(rows.tobytes() + data[whole:].tobytes(), digest_size=16).digest()


def plain(value: Any) -> Any:
    """`value` as JSON can say it: NaN and infinities become None, unknown objects their `str`, cut."""
    match value:
        case None | bool() | int():
            return value
        case str():
            return value[:5000]
        case float():
            return float(value) if math.isfinite(value) else None
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case np.generic():
            return plain(value.item())
        case np.ndarray():
            return plain(value.tolist()) if value.size <= 400 else f"array of shape {value.shape}"
    return str(value)[:500]
