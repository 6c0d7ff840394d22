"""What the recorder left in its folder → `RawEvidence`; every byte may have been written by student code.

A bad line or file never loses the others: it becomes a `Problem`. Nothing here raises because of what was read.
"""

from __future__ import annotations

import enum
import hashlib
import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from pydantic import ValidationError

from grader.evidence import events
from grader.evidence.events import EVENT, RAW_FORMAT, Event
from grader.records import DataRef
from grader.wire.files import PinnedFolder, Rejected
from grader.wire.fingerprint import PIXELS
from grader.wire.hash_chain import HashChain
from grader.wire.json_lines import parse_line
from grader.wire.npz import read_npz

EVENTS_BYTES = 48 << 20
FULL_BYTES = 39 << 20
"""A longer record may have reached the recorder's own bound, and ends early."""
LINE_BYTES = 4 << 20
LINES = 200_000
VALUES = 6_000_000
"""Most values of all lines together; bounds the memory that they take as objects."""
ROWS_BYTES = 64 << 20
"""Most bytes of one array's row hashes (4 million rows)."""
ALL_ROWS_BYTES = 256 << 20
PREDICTED = 3_000_000
"""Most predicted labels of all predictions together."""
PARAMETERS = 50_000_000
WEIGHT_BYTES = 4 * PARAMETERS + (1 << 20)
WEIGHT_ARRAYS = 2000
TRAININGS = 1000
PROBLEMS = 50


class Doubt(enum.Enum):
    """What a problem means."""

    FORGED = enum.auto()
    """The recorder never writes this."""
    DAMAGED = enum.auto()
    """May be what a killed kernel or a full disk left half-written."""
    BOUNDED = enum.auto()
    """More than is read."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the record."""

    message: str
    doubt: Doubt


@dataclass(frozen=True, slots=True)
class RawArray:
    """Facts of an array and one entry per row: uint64 hashes of images, int16 values of labels; None when not known."""

    facts: events.Array
    mask: np.ndarray[Any, Any] | None = None
    pixels: np.ndarray[Any, Any] | None = None
    values: np.ndarray[Any, Any] | None = None

    @property
    def ref(self) -> DataRef:
        """What it is before any row is identified."""
        facts = self.facts
        return DataRef(
            kind=facts.kind if facts.kind != "other" else "unknown",
            shape=tuple(facts.shape),
            dtype=facts.dtype,
            minimum=facts.minimum,
            maximum=facts.maximum,
            lo=facts.lo,
            hi=facts.hi,
            encoding=facts.encoding,
            digest=facts.digest,
        )


@dataclass(frozen=True, slots=True)
class RawEvidence:
    """What of a recorder's folder can be taken in; claims still."""

    events: tuple[Event, ...] = ()
    """In order, without those of arrays."""
    arrays: dict[str, RawArray] = field(default_factory=dict)
    """By digest. Every digest in an event that is not here is unknown."""
    predicted: dict[str, tuple[int, ...]] = field(default_factory=dict)
    """Labels by the file that a `predict` event names."""
    problems: tuple[Problem, ...] = ()
    files: dict[str, str] | None = None
    """Digest of each file that the recorder wrote, by name; None where the record has no hash chain."""

    @property
    def ended_cells(self) -> set[int | None]:
        """The cells whose end was recorded."""
        return {event.cell for event in self.events if isinstance(event, events.EndCell)}


def decode(folder: PinnedFolder, record_key: str = "") -> RawEvidence:
    """Read the recorder's folder, whose kernel must be dead; with the key of its hash chain, only what that proves."""
    decoder = _Decoder(HashChain(record_key) if record_key else None)
    try:
        decoder.read(folder)
    except Rejected as rejected:
        decoder.doubt(f"The record of the run: {rejected}.", Doubt.DAMAGED)
    files = decoder.files if record_key else None
    return RawEvidence(tuple(decoder.events), decoder.arrays, decoder.predicted, tuple(decoder.problems), files)


class Changed(Rejected):
    """A file is not as the recorder wrote it."""


def read_weights(
    folder: PinnedFolder, name: str, files: dict[str, str] | None = None
) -> tuple[np.ndarray[Any, Any], ...]:
    """The weights stored under `name` ('weights/t1.npz'), in the order of `model.get_weights()`.

    Read when they are needed, one network at a time. `files` is that of the `RawEvidence`. Raises `Rejected`,
    `Changed` where they are not those that were recorded.
    """
    data = _read(folder, name, WEIGHT_BYTES, files)
    try:
        arrays = read_npz(data, (f"w{i}" for i in range(WEIGHT_ARRAYS)), WEIGHT_BYTES)
    except Rejected as rejected:
        raise Rejected(f"{name} {rejected}") from rejected
    ordered = [arrays[key] for i in range(len(arrays)) if (key := f"w{i}") in arrays]
    if len(ordered) != len(arrays):
        raise Rejected(f"{name} misses some of its arrays")
    if sum(array.size for array in ordered) > PARAMETERS:
        raise Rejected(f"{name} holds more than {PARAMETERS:,} parameters")
    return tuple(ordered)


def _read(folder: PinnedFolder, name: str, limit: int, files: dict[str, str] | None) -> bytes:
    data = folder.read(name, limit)
    if files is not None and hashlib.blake2b(data, digest_size=16).hexdigest() != files.get(name):
        raise Changed(f"{name} is not as the recorder wrote it")
    return data


class _Decoder:
    def __init__(self, chain: HashChain | None) -> None:
        self.files: dict[str, str] = {}
        self._chain = chain
        self.events: list[Event] = []
        self.arrays: dict[str, RawArray] = {}
        self.predicted: dict[str, tuple[int, ...]] = {}
        self.problems: list[Problem] = []
        self._seq = -1
        self._values_left = VALUES
        self._rows_left = ALL_ROWS_BYTES
        self._labels_left = PREDICTED
        self._trainings = 0
        self._incomplete = False

    def doubt(self, message: str, doubt: Doubt) -> None:
        if len(self.problems) < PROBLEMS:
            self.problems.append(Problem(message, doubt))
        self._incomplete |= doubt is not Doubt.FORGED

    def read(self, folder: PinnedFolder) -> None:
        data = folder.read("events.jsonl", EVENTS_BYTES, beginning=True)
        if len(data) > FULL_BYTES:
            self.doubt(f"More happened than the {FULL_BYTES >> 20} MiB that are recorded.", Doubt.BOUNDED)
        # Whatever follows the last line break was being written when the kernel ended: no line, no problem.
        lines = data[: data.rfind(b"\n") + 1].split(b"\n", LINES)[:-1]
        if data.count(b"\n") > LINES:
            self.doubt(f"The record has more than the {LINES:,} lines that are read.", Doubt.BOUNDED)
        for number, line in enumerate(lines, start=1):
            self._values_left -= sum(map(line.count, (b",", b"[", b"{")))
            if self._values_left < 0:
                self.doubt(f"The record has more than the {VALUES:,} values that are read.", Doubt.BOUNDED)
                return
            if not self._line(folder, line, f"Line {number} of the record"):
                return

    def _line(self, folder: PinnedFolder, line: bytes, where: str) -> bool:
        """Take a line in; False when what follows cannot be read."""
        if len(line) > LINE_BYTES:
            self.doubt(f"{where} is longer than {LINE_BYTES >> 20} MiB.", Doubt.FORGED)
            return True
        proven = self._chain is None or self._chain.opened(line) is not None
        if not proven and len(self.problems) >= PROBLEMS:  # nobody needs to know what else is wrong with it
            return True
        try:
            loaded = parse_line(line)
        except Rejected as rejected:
            self.doubt(f"{where} {rejected}.", Doubt.DAMAGED)
            return True
        if not proven:
            self.doubt(f"{where} was not written by the recorder.", Doubt.FORGED)
            return True
        loaded.pop("seal", None)
        try:
            event = EVENT.validate_python(loaded)
        except ValidationError as error:
            self.doubt(f"{where} is no event: {_first(error)}.", Doubt.FORGED)
            return True
        if event.seq <= self._seq:
            self.doubt(f"{where} is out of order.", Doubt.FORGED)
            return True
        self._seq = event.seq
        if isinstance(event, events.Start) and event.format != RAW_FORMAT:
            self.doubt(f"{where} has the unknown format {event.format}.", Doubt.FORGED)
            return False
        if isinstance(event, events.Array):
            self._array(folder, event, where)
            return True
        if isinstance(event, events.File):
            self.files[event.name] = event.digest
            return True
        if isinstance(event, events.Fit):
            self._trainings += 1
            if self._trainings > TRAININGS:
                self.doubt(f"{where}: more than {TRAININGS} trainings are not read.", Doubt.BOUNDED)
                return True
        if isinstance(event, events.Predict) and event.labels is not None:
            event = self._predict(folder, event, event.labels, where)
        if not set(_digests(event)) <= self.arrays.keys():
            self.doubt(f"{where} refers to an unknown array.", Doubt.DAMAGED if self._incomplete else Doubt.FORGED)
        self.events.append(event)
        return True

    def _array(self, folder: PinnedFolder, event: events.Array, where: str) -> None:
        if event.digest in self.arrays:  # the first description counts
            return
        self.arrays[event.digest] = RawArray(event)
        if wrong := _contradiction(event):
            self.doubt(f"{where}: {wrong}.", Doubt.FORGED)
            self.arrays[event.digest] = RawArray(event.model_copy(update={"kind": "other"}))
            return
        if event.file is None:
            return
        if self._rows_left <= 0:
            self.doubt(f"{where}: no more arrays are read.", Doubt.BOUNDED)
            return
        hashes = self._file(folder, event.file, ("mask", "pixels", "values"), where)
        if hashes is None:
            return
        self._rows_left -= sum(array.nbytes for array in hashes.values())
        if hashes and not _hashes_fit(event, hashes):
            self.doubt(f"{where}: {event.file} does not fit the array that it describes.", Doubt.FORGED)
            return
        self.arrays[event.digest] = RawArray(event, **hashes)

    def _file(
        self, folder: PinnedFolder, name: str, keys: tuple[str, ...], where: str
    ) -> dict[str, np.ndarray[Any, Any]] | None:
        """The arrays of a file that a line names; None, with a doubt, where it cannot be taken."""
        try:
            return read_npz(_read(folder, name, ROWS_BYTES, self.files if self._chain else None), keys, ROWS_BYTES)
        except Changed as changed:
            self.doubt(f"{where}: {changed}.", Doubt.FORGED)
        except Rejected as rejected:
            self.doubt(f"{where}: {name} {rejected}.", Doubt.DAMAGED)
        return None

    def _predict(self, folder: PinnedFolder, event: events.Predict, file: str, where: str) -> events.Predict:
        """The same event, once its labels are read; without them where they are read already."""
        if file in self.predicted:
            self.doubt(f"{where} names predictions again.", Doubt.FORGED)
            return event.model_copy(update={"labels": None})
        arrays = self._file(folder, file, ("labels",), where)
        if arrays is None:
            return event
        labels = arrays.get("labels")
        if labels is None or labels.dtype != np.int16 or labels.ndim != 1:
            self.doubt(f"{where}: {file} holds no labels.", Doubt.FORGED)
            return event
        self._labels_left -= labels.size
        if self._labels_left < 0:
            self.doubt(f"{where}: more than {PREDICTED:,} predictions are not read.", Doubt.BOUNDED)
            return event
        self.predicted[file] = tuple(labels.tolist())
        return event


def _first(error: ValidationError) -> str:
    details = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(part) for part in details["loc"])
    return f"{place}: {details['msg']}"[:300]


def _digests(event: Event) -> list[str]:
    match event:
        case events.Fit():
            named = [event.x, event.y, event.validation_x, event.validation_y]
        case events.Evaluate():
            named = [event.x, event.y]
        case events.Predict():
            named = [event.x]
        case events.Shown():
            named = [*event.images]
        case events.State():
            named = [event.digest]
        case _:
            named = []
    return [digest for digest in named if digest is not None]


def _contradiction(event: events.Array) -> str:
    """What is impossible about an array's facts, '' when they can be true."""
    rows = event.shape[0] if event.shape else 0
    if event.kind == "images" and math.prod(event.shape) != rows * PIXELS:
        return "images of another size than it says"
    if (event.lo is None) != (event.hi is None) or (
        event.lo is not None and event.hi is not None and event.lo >= event.hi
    ):
        return "an impossible range of grey values"
    if event.minimum is not None and event.maximum is not None and event.minimum > event.maximum:
        return "a minimum above its maximum"
    return ""


def _hashes_fit(event: events.Array, hashes: dict[str, np.ndarray[Any, Any]]) -> bool:
    expected: dict[str, str] = {}
    if event.kind == "images":
        expected = {"mask": "uint64"} | ({"pixels": "uint64"} if event.lo is not None else {})
    elif event.kind == "labels":
        expected = {"values": "int16"}
    shape = (event.shape[0],) if event.shape else ()
    return hashes.keys() == expected.keys() and all(
        array.shape == shape and array.dtype.name == expected[key] for key, array in hashes.items()
    )
