"""Content fingerprints of arrays, so that the official data are recognised whatever was done to them.

Used on both sides of the boundary: inside the kernel on what student code uses, outside on the official
data; equal row hashes are equal images. Knows nothing of any data set but the size of an image. NumPy only.

Two hashes per image row, each a uint64:

* *pixels*: the grey values 0…255, recovered when one affine map of them explains all values of the array
  (scaling to [0, 1], [-1, 1], standardising, scaling twice, …);
* *mask*: which pixels differ from the row's smallest value, which survives any other monotone treatment.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

PIXELS = 784
"""Pixels of an image (28 · 28)."""
GREYS = 256
_CHUNK = 256
"""Rows looked at together: about what stays in a processor's cache (measured: half the time of 4096)."""
_RESIDUAL = 0.2
"""Largest distance of a recovered grey value from a whole number; float16 rounds by about 0.13 at 255."""

Array = np.ndarray[Any, Any]

_rng = np.random.Generator(np.random.PCG64(20191209))
_MULTIPLIERS = _rng.integers(0, 2**63, size=PIXELS // 8, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def digest(array: Array) -> str:
    """Digest (128 bits, hexadecimal) of an array's dtype, shape and values."""
    hasher = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode())
    hasher.update(np.ascontiguousarray(array).data if array.size else b"")
    return hasher.hexdigest()[:32]


def hash_rows(rows: Array, prepare: Callable[[Array], Array] = np.ascontiguousarray) -> Array:
    """uint64 hash of each row, shape (n, 784), of what `prepare` makes of some rows: contiguous, uint8."""
    hashes = np.empty(len(rows), np.uint64)
    for start in range(0, len(rows), _CHUNK):
        words = prepare(rows[start : start + _CHUNK]).view(np.uint64)
        with np.errstate(over="ignore"):
            words = (words ^ (words >> np.uint64(29))) * _MULTIPLIERS
            mixed = (words ^ (words >> np.uint64(32))).sum(axis=1, dtype=np.uint64)
            hashes[start : start + _CHUNK] = mixed * _MULTIPLIERS[0] ^ (mixed >> np.uint64(31))
    return hashes


def mask_rows(rows: Array) -> Array:
    """uint64 hash of the mask of each row, shape (n, 784), any numeric dtype."""
    return hash_rows(rows, lambda part: (part != part.min(axis=1, keepdims=True)).astype(np.uint8))


class RowIndex:
    """Finds the official rows that have a hash, for many hashes at once."""

    def __init__(self, hashes: Array, starts: tuple[int, ...] = ()) -> None:
        """`hashes`: uint64, one per official row. `starts`: where sets begin that are often looked for as they are."""
        self.order = np.argsort(hashes, kind="stable")
        """int64: all rows, those of one hash next to each other and ascending."""
        self._sorted = hashes[self.order]
        self._hashes, self._starts = hashes, starts
        self._of_all = self._search(hashes if starts else hashes[:0])

    def find(self, hashes: Array) -> tuple[Array, Array]:
        """First and one-past-last position in `order` of each hash; equal where it is unknown."""
        for start in self._starts:
            part = slice(start, start + len(hashes))
            if np.array_equal(self._hashes[part], hashes):
                first, last = self._of_all
                return first[part], last[part]
        return self._search(hashes)

    def _search(self, hashes: Array) -> tuple[Array, Array]:
        return np.searchsorted(self._sorted, hashes, "left"), np.searchsorted(self._sorted, hashes, "right")


def grey_values(values: Array, lo: float, hi: float) -> Array:
    """float64: what in 0…255 became `values` where 0 became `lo` and 255 `hi`; whole numbers but for rounding."""
    return np.asarray((values.astype(np.float64) - lo) * (255.0 / (hi - lo)))


def _explains(flat: Array, lo: float, hi: float) -> bool:
    if flat.dtype == np.uint8 and (lo, hi) == (0.0, 255.0):
        return True
    for start in range(0, len(flat), _CHUNK):
        greys = grey_values(flat[start : start + _CHUNK], lo, hi)
        if np.abs(greys - np.rint(greys)).max() > _RESIDUAL or greys.min() < -0.5 or greys.max() > 255.5:
            return False
    return True


def affine_map(flat: Array) -> tuple[float, float] | None:
    """(lo, hi) such that every value is lo + v / 255 · (hi − lo) with whole v in 0…255, or None.

    The usual ranges come first: a subset that happens to hold no full white is still recognised.
    """
    minimum, maximum = float(flat.min()), float(flat.max())
    if not (np.isfinite(minimum) and np.isfinite(maximum)) or maximum <= minimum:
        return None
    candidates = [(0.0, 255.0)] if maximum > 1.5 or flat.dtype.kind in "iu" else [(0.0, 1.0), (-1.0, 1.0)]
    candidates += [(minimum, maximum)]
    for lo, hi in candidates:
        if maximum - minimum < (hi - lo) / 255:  # all one grey value: nothing is explained by that
            continue
        if lo <= minimum + 1e-6 and maximum <= hi + 1e-6 and _explains(flat[:64], lo, hi) and _explains(flat, lo, hi):
            return lo, hi
    return None


def _one_hot(array: Array, minimum: float, maximum: float) -> bool:
    whole = minimum == 0 and maximum == 1 and np.array_equal(array, array.astype(np.uint8))
    return bool(whole and (array.sum(axis=1) == 1).all())


def facts_of(array: Array, content: str, **known: Any) -> dict[str, Any]:
    """The facts of an array with the digest `content` as `fingerprint` returns them, where only `known` is known."""
    facts = {"digest": content, "shape": list(array.shape), "dtype": array.dtype.name, "minimum": None, "maximum": None}
    return facts | {"kind": "other", "lo": None, "hi": None, "encoding": ""} | known


def fingerprint(array: Array) -> tuple[dict[str, Any], dict[str, Array]]:
    """Describe a numeric array: (JSON-ready facts, arrays to store beside them).

    Facts: ``digest``, ``shape``, ``dtype``, ``minimum``, ``maximum``, ``kind`` ('images' for rows of 784 values,
    'labels' for whole numbers per row or one-hot rows, else 'other'), ``lo``/``hi`` of the affine map or None,
    ``encoding`` of labels. Arrays: images have ``mask`` and, with an affine map, ``pixels`` (uint64, one per
    row); labels have ``values`` (int16, one per row).
    """
    facts = facts_of(array, digest(array))
    stored: dict[str, Array] = {}
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    if array.size == 0 or array.ndim == 0 or array.dtype.kind not in "iuf":
        return facts, stored
    minimum, maximum = float(array.min()), float(array.max())
    if np.isfinite(minimum) and np.isfinite(maximum):
        facts["minimum"], facts["maximum"] = minimum, maximum
    else:
        return facts, stored
    n = array.shape[0]
    if array.ndim >= 2 and array.size == n * PIXELS:
        flat = array.reshape(n, PIXELS)
        facts["kind"] = "images"
        stored["mask"] = mask_rows(flat)
        if found := affine_map(flat):
            facts["lo"], facts["hi"] = lo, hi = found
            stored["pixels"] = hash_rows(flat, lambda part: np.rint(grey_values(part, lo, hi)).astype(np.uint8))
    elif array.size == n and minimum >= 0 and maximum < 1000:
        values = array.reshape(n)
        if np.array_equal(values, np.rint(values)):
            facts["kind"], facts["encoding"] = "labels", "integer"
            stored["values"] = values.astype(np.int16)
    elif array.ndim == 2 and array.shape[1] <= 100 and _one_hot(array, minimum, maximum):
        facts["kind"], facts["encoding"] = "labels", "one_hot"
        stored["values"] = array.argmax(axis=1).astype(np.int16)
    return facts, stored
