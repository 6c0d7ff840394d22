"""Which official rows an array consists of: row hashes → `DataRef`.

Pixel hashes decide where an affine map of the grey values was found; otherwise the masks do (which of a few
dozen official images share with another). Rows are numbered through both sets: training rows first, then test rows.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from grader.records import DataRef
from grader.wire.fingerprint import PIXELS, Array, RowIndex, hash_rows, mask_rows

Pair = tuple[Array, Array]

_RESOLVED = 10_000
"""Most rows of an array for which several official rows are weighed against each other."""
_RUN = 16
"""Fewest labels that are looked for among the official ones: shorter runs occur by chance."""


class Fingerprinted(Protocol):
    """An array as a kernel recorded it (see `wire.fingerprint`); nothing of it needs to be true."""

    @property
    def ref(self) -> DataRef:
        """Its facts: `lo` and `hi` as recorded, no row identified; kind 'images', 'labels' or 'unknown'."""

    @property
    def mask(self) -> Array | None:
        """uint64, one per image; None: not recorded."""

    @property
    def pixels(self) -> Array | None:
        """uint64, one per image; None: no affine map explains the array, or not recorded."""

    @property
    def values(self) -> Array | None:
        """int16, the class of each row of labels; None: not recorded."""


@dataclass(frozen=True, slots=True)
class Identified:
    """An array's `DataRef`, and for images the official row of each of its rows."""

    ref: DataRef
    rows: Array = field(default_factory=lambda: np.empty(0, np.int64))
    """int64, training rows then test rows, -1 unknown; empty for labels."""
    choices: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """The official rows that rows with more than one candidate may be."""


class Identifier:
    """The official data: uint8 images of shape (n, 784) and labels, both sets one after the other, read-only."""

    def __init__(self, data: tuple[Pair, Pair]) -> None:
        """`data` is what `load_data()` returns: ((train_x, train_y), (test_x, test_y)), uint8."""
        (train_x, train_y), (test_x, test_y) = data
        self.images = np.concatenate([train_x.reshape(-1, PIXELS), test_x.reshape(-1, PIXELS)])
        self.labels = np.concatenate([train_y, test_y]).astype(np.uint8)
        self.train_rows = len(train_x)
        starts = (0, self.train_rows)
        self._pixels = RowIndex(hash_rows(self.images), starts)
        self._masks = RowIndex(mask_rows(self.images), starts)
        self._order = np.concatenate([self._masks.order, self._pixels.order])
        self._labels = (self.labels[: self.train_rows].tobytes(), self.labels[self.train_rows :].tobytes())
        for array in (self.images, self.labels):
            array.flags.writeable = False

    def identify(self, array: Fingerprinted) -> Identified:
        """What an array is by itself."""
        ref = replace(array.ref, lo=None, hi=None)
        if ref.kind == "images":
            return self._images(array, ref)
        if ref.kind == "labels":
            return Identified(self._run_of_labels(array.values, ref))
        return Identified(replace(ref, unknown_rows=ref.rows))

    def pair(self, x: Identified, y: Fingerprinted) -> tuple[DataRef, bool | None]:
        """(what the labels `y` of the images `x` are, whether they are the official labels of those images).

        None where that cannot be told. Right labels are of the same set as their images, whatever their order.
        """
        alone = self.identify(y).ref
        known = x.rows >= 0
        if y.values is None or len(y.values) != len(x.rows) or not known.any():
            return alone, None
        rows = x.rows.copy()
        for i in np.flatnonzero(known & (self.labels[rows] != y.values)):
            rows[i] = next((row for row in x.choices.get(int(i), ()) if self.labels[row] == y.values[i]), rows[i])
        if (known & (self.labels[rows] != y.values)).any():
            return alone, False
        return self._placed(alone, rows), True if known.all() else None

    def row_in_set(self, row: int) -> tuple[str, int | None]:
        """('train', its row), ('test', its row) or ('unknown', None) of a row as `Identified.rows` numbers them."""
        if row < 0:
            return "unknown", None
        return ("train", row) if row < self.train_rows else ("test", row - self.train_rows)

    def _images(self, array: Fingerprinted, ref: DataRef) -> Identified:
        n = ref.rows
        if array.mask is None:
            return Identified(replace(ref, unknown_rows=n), np.full(n, -1))
        first, last = self._masks.find(array.mask)
        exact = np.zeros(n, bool)
        if array.pixels is not None:
            pixel_first, pixel_last = (found + len(self._masks.order) for found in self._pixels.find(array.pixels))
            exact = pixel_last > pixel_first
            first, last = np.where(exact, pixel_first, first), np.where(exact, pixel_last, last)
        rows, choices = self._choose(first, last)
        known = rows >= 0
        affine = bool(known.any() and exact[known].all())
        ref = replace(ref, exact=affine, lo=array.ref.lo if affine else None, hi=array.ref.hi if affine else None)
        return Identified(self._placed(ref, rows), rows, choices)

    def _choose(self, first: Array, last: Array) -> tuple[Array, dict[int, tuple[int, ...]]]:
        """An official row for each row: of the set that explains most, next to its neighbours' where several fit."""
        if not len(first):
            return np.empty(0, np.int64), {}
        order, count = self._order, last - first
        # Candidates stand in ascending order, so the first and the last tell which sets they are from.
        lowest = np.where(count > 0, order[np.minimum(first, len(order) - 1)], -1)
        highest = np.where(count > 0, order[last - 1], -1)
        in_train, in_test = (lowest >= 0) & (lowest < self.train_rows), highest >= self.train_rows
        prefer_test = int(in_test.sum()) > int(in_train.sum())
        rows = np.where(in_test, highest, lowest) if prefer_test else lowest
        choices: dict[int, tuple[int, ...]] = {}
        several = np.flatnonzero(count > 1)[:_RESOLVED]
        for i in several.tolist():
            candidates = order[first[i] : last[i]].tolist()
            preferred = [row for row in candidates if (row >= self.train_rows) == prefer_test]
            choices[i] = tuple(preferred + [row for row in candidates if row not in preferred])
        settled = count == 1
        for i, step in [(i, -1) for i in choices] + [(i, 1) for i in reversed(choices)]:
            neighbour = i + step
            if (
                0 <= neighbour < len(rows)
                and settled[neighbour]
                and not settled[i]
                and rows[neighbour] - step in choices[i]
            ):
                rows[i] = rows[neighbour] - step
                settled[i] = True
        return rows, choices

    def _placed(self, ref: DataRef, rows: Array) -> DataRef:
        """`ref` with its rows counted and, where they are one run in official order, that run."""
        known = rows >= 0
        train = int((known & (rows < self.train_rows)).sum())
        start, stop = None, None
        if known.all() and len(rows) and (np.diff(rows) == 1).all() and (train in {0, len(rows)}):
            start = self.row_in_set(int(rows[0]))[1]
            stop = None if start is None else start + len(rows)
        return replace(
            ref,
            train_rows=train,
            test_rows=int(known.sum()) - train,
            unknown_rows=int((~known).sum()),
            start=start,
            stop=stop,
        )

    def _run_of_labels(self, values: Array | None, ref: DataRef) -> DataRef:
        unknown = replace(ref, unknown_rows=ref.rows)
        if values is None or len(values) < _RUN or values.min() < 0 or values.max() > 255:
            return unknown
        wanted = values.astype(np.uint8).tobytes()
        runs = [(which, at) for which, labels in enumerate(self._labels) for at in _occurrences(labels, wanted)]
        if len(runs) != 1:
            return unknown
        which, at = runs[0]
        return self._placed(ref, np.arange(len(values)) + at + which * self.train_rows)


def _occurrences(labels: bytes, wanted: bytes) -> list[int]:
    """Where `wanted` occurs, at most twice: more is not asked."""
    first = labels.find(wanted)
    second = -1 if first < 0 else labels.find(wanted, first + 1)
    return [at for at in (first, second) if at >= 0]
