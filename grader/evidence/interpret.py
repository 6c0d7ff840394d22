"""Decoded events → records: places that exist, arrays as what they were identified as."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from pydantic import BaseModel

from grader.datasets.identification import Identified, Identifier
from grader.evidence import events
from grader.records import (
    Architecture,
    ArrayState,
    CellKind,
    Compiled,
    DataRef,
    Layer,
    Network,
    Place,
    Prediction,
    Scalar,
    ShownImage,
    SmallArray,
    Submission,
    Training,
)

if TYPE_CHECKING:
    from grader.evidence.decode import RawEvidence

_Event = TypeVar("_Event", bound=events.Event)

Pair = tuple[DataRef | None, DataRef | None, bool | None]

SHOWN = 100_000
"""Most displayed images that are kept."""
_NAN = float("nan")
_SAME_IN_TRAINING = (
    "id", "network", "epochs", "epochs_done", "batch_size", "validation_split", "duration_s", "error", "weights",
    "not_shared", "unreadable",
)  # fmt: skip
"""Fields that `Training` takes from the event as they are."""


class Interpreter:
    """The records of one run, from its events; each method gives them in the order of the events."""

    def __init__(self, raw: RawEvidence, official: Identifier, submission: Submission) -> None:
        self.official = official
        self._raw = raw
        self._code = {cell.index for cell in submission.cells if cell.kind is CellKind.CODE}
        self._identified: dict[str, Identified] = {}
        self._pairs: dict[tuple[str | None, str | None], Pair] = {}

    def of(self, kind: type[_Event]) -> list[_Event]:
        """All events of a class."""
        return [event for event in self._raw.events if isinstance(event, kind)]

    # -------------------------------------------------- places and arrays

    def place(self, event: events.Event) -> Place:
        """Where it happened; frames of cells that the submission does not have are left out."""
        stack = tuple((cell, line) for cell, line in event.stack if cell in self._code)
        if stack:
            return Place(*stack[0], stack)
        return Place(self.cell(event))

    def cell(self, event: events.Event) -> int | None:
        """The code cell that it happened in; None where the submission has no such cell."""
        return event.cell if event.cell in self._code else None

    def identified(self, digest: str | None) -> Identified | None:
        """The official rows in the array with this digest; None where the record has no such array."""
        array = self._raw.arrays.get(digest or "")
        if array is None:
            return None
        key = array.facts.digest
        if key not in self._identified:
            self._identified[key] = self.official.identify(array)
        return self._identified[key]

    def ref(self, digest: str | None) -> DataRef | None:
        """What `identified` says of the array as a whole."""
        array = self.identified(digest)
        return array.ref if array else None

    def pair(self, x: str | None, y: str | None) -> Pair:
        """(images, labels, whether the labels are those of the images)."""
        if (x, y) not in self._pairs:
            images, labels = self.identified(x), self._raw.arrays.get(y or "")
            y_ref, match = self.official.pair(images, labels) if images and labels else (self.ref(y), None)
            self._pairs[x, y] = (images.ref if images else None, y_ref, match)
        return self._pairs[x, y]

    # -------------------------------------------------- networks

    def networks(self) -> tuple[Network, ...]:
        """Every network that was built or trained, as it was last seen."""
        created: dict[str, Place] = {}
        architectures: dict[str, Architecture] = {}
        names: dict[str, dict[str, None]] = {}
        compiled: dict[str, list[Compiled]] = {}
        for event in self._raw.events:
            if isinstance(event, events.Architecture | events.Fit):
                created.setdefault(event.network, self.place(event))
                architectures[event.network] = architecture(event.architecture)
            elif isinstance(event, events.Compiled):
                compiled.setdefault(event.network, []).append(_compiled(event, self.place(event)))
            elif isinstance(event, events.Name):
                names.setdefault(event.network, {})[event.name] = None
        return tuple(
            Network(
                id=network,
                place=place,
                architecture=architectures[network],
                compiled=tuple(compiled.get(network, ())),
                names=tuple(names.get(network, ())),
            )
            for network, place in created.items()
        )

    def trainings(self) -> tuple[Training, ...]:
        """Every `fit`, not verified."""
        earlier: dict[str, int] = {}
        compiled: dict[str, Place] = {}
        trainings: list[Training] = []
        for event in self._raw.events:
            if isinstance(event, events.Compiled):
                compiled[event.network] = self.place(event)
            elif isinstance(event, events.Fit):
                number = earlier.get(event.network, 0) if event.initial != "fresh" else 0
                if event.epochs_done or not event.error or event.error.startswith("KeyboardInterrupt"):
                    earlier[event.network] = number + 1
                trainings.append(self._training(event, number, compiled.get(event.network)))
        return tuple(trainings)

    def _training(self, event: events.Fit, number: int, compiled: Place | None) -> Training:
        x, y, match = self.pair(event.x, event.y)
        validation_x, validation_y, _ = self.pair(event.validation_x, event.validation_y)
        return Training(
            place=self.place(event),
            number=number,
            architecture=architecture(event.architecture),
            compiled=_compiled(event.compiled, compiled or self.place(event)),
            x=x,
            y=y,
            validation_x=validation_x,
            validation_y=validation_y,
            history={name: _numbers(values) for name, values in event.history.items()},
            labels_match=match,
            given=event.initial == "given",
            **_fields(event, _SAME_IN_TRAINING),
        )

    # -------------------------------------------------- what was done with them

    def predictions(self) -> tuple[Prediction, ...]:
        """Every `predict`, with the official rows that it was asked for."""
        last: dict[str, str] = {}
        predictions: list[Prediction] = []
        for event in self._raw.events:
            if isinstance(event, events.Fit):
                last[event.network] = event.id
            elif isinstance(event, events.Predict):
                images = self.identified(event.x)
                labels = self._raw.predicted.get(event.labels or "", ())
                rows = self._rows(images) if images and len(images.rows) == len(labels) else ()
                training = last.get(event.network, "")
                ref = images.ref if images else None
                predictions.append(Prediction(self.place(event), event.network, ref, labels, rows, training))
        return tuple(predictions)

    def _rows(self, images: Identified) -> tuple[int, ...]:
        """Row in the set that most of the images are from, -1 for others."""
        test = images.ref.test_rows > images.ref.train_rows
        inside = (images.rows >= self.official.train_rows) == test
        rows = np.where((images.rows >= 0) & inside, images.rows - (self.official.train_rows if test else 0), -1)
        return tuple(rows.tolist())

    def shown(self) -> tuple[ShownImage, ...]:
        """Displayed images, up to `SHOWN` of them; one that is not identified has no row."""
        shown: list[ShownImage] = []
        for event in self.of(events.Shown):
            place = self.place(event)
            rows: list[int] = []
            for digest in event.images:
                images = self.identified(digest)
                rows += images.rows[:SHOWN].tolist() if images and len(images.rows) else [-1]
                if len(shown) + len(rows) > SHOWN:
                    return tuple(shown)
            for row in rows or [-1]:
                label = int(self.official.labels[row]) if row >= 0 else None
                shown.append(ShownImage(place, *self.official.row_in_set(row), event.title, label))
        return tuple(shown)

    def arrays(self) -> tuple[SmallArray, ...]:
        """Small arrays that variables held."""
        return tuple(
            SmallArray(cell, e.name, tuple(_numbers(row) for row in e.values))
            for e in self.of(events.Small)
            if (cell := self.cell(e)) is not None
        )

    def states(self) -> tuple[ArrayState, ...]:
        """Large arrays that variables held."""
        return tuple(
            ArrayState(cell, e.name, ref)
            for e in self.of(events.State)
            if (cell := self.cell(e)) is not None and (ref := self.ref(e.digest))
        )

    def scalars(self) -> tuple[Scalar, ...]:
        """Finite numbers that variables held."""
        return tuple(
            Scalar(cell, e.name, e.value)
            for e in self.of(events.Scalar)
            if (cell := self.cell(e)) is not None and e.value is not None
        )


def _numbers(values: list[float | None]) -> tuple[float, ...]:
    return tuple(_NAN if value is None else float(value) for value in values)


def _fields(facts: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """Fields that a record has under the same names, with tuples for lists."""
    values = ((name, getattr(facts, name)) for name in names)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values}


def _compiled(facts: events.CompileFacts, place: Place) -> Compiled:
    return Compiled(place=place, **_fields(facts, events.CompileFacts.model_fields))


def architecture(facts: events.ArchitectureFacts) -> Architecture:
    """The record of an architecture as the recorder described it."""
    layers = tuple(Layer(**_fields(layer, events.LayerFacts.model_fields)) for layer in facts.layers)
    return Architecture(**_fields(facts, events.ArchitectureFacts.model_fields) | {"layers": layers})
