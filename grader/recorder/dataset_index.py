"""An array of images said in terms of the official ones: which rows they are, and what became of each grey value.

Students scale, reshape and slice the same 70,000 images. Said that way an array is a few bytes, whoever reads it can
make it again exactly, and its fingerprint is known without hashing all of it.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..wire.fingerprint import GREYS, PIXELS, Array, RowIndex, affine_map, facts_of, grey_values, hash_rows, mask_rows

_CHUNK = 100
"""Rows compared at once: they stay in the processor's cache."""
_CLEAR = 2000
"""Images of which there is no doubt, and that hold every grey value among them."""
_FILES = ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz")
_HEADER = 16
PRELOADED: list[DatasetIndex] = []
"""The index, where its images are in memory already."""


@dataclass(frozen=True)
class Expression:
    """`table[official[rows]]`, reshaped to (n, *item)."""

    rows: Array
    """int32, shape (n,): training images first, test images after them."""
    table: Array
    """Shape (256,), of the array's dtype; 0 for grey values that do not occur."""
    seen: Array
    """bool, shape (256,): the grey values that occur."""
    item: tuple[int, ...]


class DatasetIndex:
    """The official images, uint8 of shape (n, 784), training images first, and the hashes of their rows.

    Says in the kernel how an array is made of them; what a record says is identified anew by `datasets.identification`.
    """

    def __init__(self, *sets: Array, hashes: tuple[Array, Array] | None = None) -> None:
        """`hashes` are those of `hash_rows` and `mask_rows` for all rows, where they are known already."""
        self.images = [images.reshape(len(images), PIXELS) for images in sets]
        self.pixels, self.masks = hashes or (self._hashed(hash_rows), self._hashed(mask_rows))
        self._rows_by_mask = RowIndex(self.masks)

    def _hashed(self, of: Callable[[Array], Array]) -> Array:
        return np.concatenate([of(images) for images in self.images])

    def take(self, rows: Array) -> Array:
        """The images of these rows; a view where they lie next to each other in one set."""
        start, train = int(rows[0]), len(self.images[0])
        if np.array_equal(rows, np.arange(start, start + len(rows))):
            for images, offset in ((self.images[0], 0), (self.images[-1], train)):
                if offset <= start and start + len(rows) <= offset + len(images):
                    return images[start - offset : start - offset + len(rows)]
        found = np.empty((len(rows), PIXELS), np.uint8)
        test = rows >= train
        found[~test] = self.images[0][rows[~test]]
        found[test] = self.images[-1][rows[test] - train]
        return found

    def express(self, array: Array) -> Expression | None:
        """How to make `array` (n images, numbers of any dtype) from the official images; None where it is not."""
        n = len(array)
        if array.ndim < 2 or n == 0 or array.size != n * PIXELS:
            return None
        flat = array.reshape(n, PIXELS)
        for images, offset in ((self.images[0], 0), (self.images[-1], len(self.images[0]))):
            # Most often they are the first of a set, or all, and brighter is more: then their masks are as they were.
            if n <= len(images) and (found := _mapped(images[:n], flat)) and _rises(*found):
                return Expression(np.arange(offset, offset + n, dtype=np.int32), *found, array.shape[1:])
        rows = self._rows(flat)
        found = None if rows is None else _mapped(self.take(rows), flat)
        return None if rows is None or found is None else Expression(rows, *found, array.shape[1:])

    def _rows(self, flat: Array) -> Array | None:
        """The official row of each image, by the pixels that are not background."""
        first, last = self._rows_by_mask.find(mask_rows(flat))
        if (first == last).any():
            return None
        rows = self._rows_by_mask.order[first].astype(np.int32)
        twins = np.flatnonzero(last - first > 1)
        if len(twins):
            clear = np.delete(np.arange(len(rows)), twins)[:_CLEAR]
            table, seen = _table(self.take(rows[clear]), flat[clear])
            for i in twins:
                # Of those whose pixels stand out in the same places (ankle boots fill theirs) the one most like it.
                candidates = self._rows_by_mask.order[first[i] : last[i]]
                greys = (self.take(row[None])[0] for row in candidates)
                alike = [np.count_nonzero((table[grey] == flat[i]) & seen[grey]) for grey in greys]
                rows[i] = candidates[int(np.argmax(alike))]
        return rows

    def fingerprint(self, array: Array, expression: Expression) -> tuple[dict[str, Any], dict[str, Array]]:
        """As `fingerprint.fingerprint`, without looking at all values again; the digest is of what was expression."""
        hasher = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
        hasher.update(expression.rows.tobytes())
        hasher.update(np.where(expression.seen, expression.table, 0).tobytes())
        values = expression.table[expression.seen]
        facts = facts_of(array, hasher.hexdigest()[:32], kind="images")
        facts["minimum"], facts["maximum"] = float(values.min()), float(values.max())
        stored = {"mask": self.masks[expression.rows]}
        if found := affine_map(values[None]):
            facts["lo"], facts["hi"] = found
            greys = np.zeros(GREYS, np.uint8)
            greys[expression.seen] = np.rint(grey_values(values, *found)).astype(np.uint8)
            unchanged = np.array_equal(np.flatnonzero(expression.seen), greys[expression.seen])
            stored["pixels"] = (
                self.pixels[expression.rows] if unchanged else hash_rows(self.take(expression.rows), greys.take)
            )
        return facts, stored


def _mapped(images: Array, flat: Array) -> tuple[Array, Array] | None:
    """What each grey value of the images became, and which there are; None where that is not all that happened."""
    table, seen = _table(images, flat)
    made = np.empty((_CHUNK, PIXELS), table.dtype)
    for start in range(0, len(flat), _CHUNK):
        part = slice(start, start + _CHUNK)
        expected = table.take(images[part], out=made[: len(flat[part])], mode="clip")  # which spares a copy
        if not np.array_equal(expected, flat[part]):
            return None
    return table, seen


def _rises(table: Array, seen: Array) -> bool:
    values = table[seen]
    return bool((values[1:] > values[:-1]).all())


def _table(images: Array, flat: Array) -> tuple[Array, Array]:
    """What each grey value became, taken from the first images that have it."""
    table, seen = np.zeros(GREYS, flat.dtype), np.zeros(GREYS, bool)
    for start in range(0, len(flat), _CHUNK):
        part = images[start : start + _CHUNK]
        table[part] = flat[start : start + _CHUNK]
        seen[part] = True
        if seen.all():
            break
    return table, seen


@functools.cache
def official_index() -> DatasetIndex | None:
    """The data set as the kernel finds it; None where it does not."""
    if PRELOADED:
        return PRELOADED[0]
    folder = Path(os.environ.get("KERAS_HOME", "")) / "datasets" / "fashion-mnist"
    try:
        return DatasetIndex(*(_read(folder / name) for name in _FILES))
    except (OSError, ValueError, EOFError):
        return None


def _read(path: Path) -> Array:
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), np.uint8, offset=_HEADER).reshape(-1, PIXELS)
