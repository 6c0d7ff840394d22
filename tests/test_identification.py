"""Arrays are recognised as official rows, whatever was done to them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_evidence import small_official

from grader.datasets.identification import Identifier
from grader.evidence import events
from grader.evidence.decode import RawArray
from grader.wire.fingerprint import fingerprint

DATA = small_official()
(TRAIN_X, TRAIN_Y), (TEST_X, TEST_Y) = DATA
OFFICIAL = Identifier(DATA)


def raw(array: np.ndarray[Any, Any], **changed: Any) -> RawArray:
    facts, stored = fingerprint(array)
    event = events.Array(seq=1, cell=None, stack=[], type="array", file=None, **(facts | changed))
    return RawArray(event, **stored)


def grey(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return array.astype(np.float64)


@pytest.mark.parametrize(
    ("array", "lo", "hi"),
    [
        (TRAIN_X, 0.0, 255.0),
        (TRAIN_X.reshape(300, 784), 0.0, 255.0),
        (TRAIN_X / 255, 0.0, 1.0),
        ((TRAIN_X / 255).astype(np.float32).reshape(300, 28, 28, 1), 0.0, 1.0),
        ((TRAIN_X / 255).astype(np.float16), 0.0, 1.0),
        (TRAIN_X / 255 / 255, 0.0, 1 / 255),
        (grey(TRAIN_X) / 127.5 - 1, -1.0, 1.0),
        (
            (TRAIN_X - TRAIN_X.mean()) / TRAIN_X.std(),
            -TRAIN_X.mean() / TRAIN_X.std(),
            (255 - TRAIN_X.mean()) / TRAIN_X.std(),
        ),
    ],
)
def test_affine_maps_of_the_training_set(array: np.ndarray[Any, Any], lo: float, hi: float) -> None:
    ref = OFFICIAL.identify(raw(array)).ref
    assert (ref.kind, ref.train_rows, ref.test_rows, ref.unknown_rows) == ("images", 300, 0, 0)
    assert (ref.start, ref.stop, ref.exact, ref.is_train) == (0, 300, True, True)
    assert (ref.lo, ref.hi) == (pytest.approx(lo), pytest.approx(hi))
    assert ref.shape == array.shape


@pytest.mark.parametrize(
    "change", [np.sqrt, np.log1p, np.sign, lambda x: x / np.linalg.norm(x, axis=(1, 2), keepdims=True)]
)
def test_other_changes_leave_the_mask(change: Any) -> None:
    ref = OFFICIAL.identify(raw(change(grey(TEST_X)))).ref
    assert (ref.test_rows, ref.start, ref.stop) == (100, 0, 100)
    assert (ref.exact, ref.lo, ref.hi) == (False, None, None)


def test_what_is_not_official() -> None:
    rng = np.random.default_rng(1)
    assert OFFICIAL.identify(raw(rng.random((20, 28, 28)))).ref.unknown_rows == 20
    flipped = OFFICIAL.identify(raw(np.concatenate([TRAIN_X[:5], TRAIN_X[:5, :, ::-1]]))).ref
    assert (flipped.train_rows, flipped.unknown_rows, flipped.start, flipped.is_train) == (5, 5, None, False)
    other = OFFICIAL.identify(raw(rng.random((20, 3)))).ref
    assert (other.kind, other.unknown_rows) == ("unknown", 20)
    assert OFFICIAL.identify(raw(np.zeros((0, 784)))).ref.rows == 0


def test_hashes_that_were_not_stored() -> None:
    lost = RawArray(raw(TRAIN_X).facts)
    found = OFFICIAL.identify(lost)
    assert (found.ref.kind, found.ref.unknown_rows, found.ref.exact) == ("images", 300, False)
    assert (found.rows == -1).all()
    assert OFFICIAL.identify(RawArray(raw(TRAIN_Y).facts)).ref.unknown_rows == 300


def test_slices_splits_and_both_sets_together() -> None:
    part = OFFICIAL.identify(raw(TRAIN_X[100:200] / 255)).ref
    assert (part.train_rows, part.start, part.stop) == (100, 100, 200)
    shuffled = OFFICIAL.identify(raw(TRAIN_X[np.random.default_rng(2).permutation(300)])).ref
    assert (shuffled.train_rows, shuffled.start) == (300, None)
    both = OFFICIAL.identify(raw(np.concatenate([TRAIN_X, TEST_X]))).ref
    assert (both.train_rows, both.test_rows, both.start, both.stop) == (300, 100, None, None)
    one = OFFICIAL.identify(raw(TEST_X[7:8])).ref
    assert (one.test_rows, one.start, one.stop) == (1, 7, 8)


@given(st.lists(st.integers(0, 399), min_size=1, max_size=40))
def test_any_selection_of_rows(rows: list[int]) -> None:
    every = np.concatenate([TRAIN_X, TEST_X])
    found = OFFICIAL.identify(raw(every[rows]))
    assert found.rows.tolist() == rows
    assert found.ref.train_rows + found.ref.test_rows == len(rows)
    labels = np.concatenate([TRAIN_Y, TEST_Y])[rows]
    assert OFFICIAL.pair(found, raw(labels))[1] is True


# ------------------------------------------------------------------ images that share a hash


def twins() -> Identifier:
    """Identifier data in which rows share masks, or are equal, within and across the sets."""
    (train_x, train_y), (test_x, test_y) = (tuple(a.copy() for a in pair) for pair in small_official())
    train_x[50] = train_x[10] // 2 + (train_x[10] > 0)  # the same mask
    train_x[51] = train_x[11]
    test_x[3] = train_x[20]
    train_y[[10, 50]] = 1, 2
    return Identifier(((train_x, train_y), (test_x, test_y)))


def test_neighbours_decide_between_twins() -> None:
    official = twins()
    train_x, test_x = official.images[:300], official.images[300:]
    for images, start in ((train_x, 0), (train_x[50:], 50), (train_x[5:12], 5), (train_x[49:53], 49)):
        for change in (grey, np.sqrt):
            found = official.identify(raw(change(images)))
            assert (found.ref.start, found.ref.train_rows) == (start, len(images))
    found = official.identify(raw(test_x))
    assert (found.ref.start, found.ref.stop, found.ref.test_rows, found.ref.train_rows) == (0, 100, 100, 0)


def test_the_label_decides_between_twins() -> None:
    official = twins()
    for row in (10, 50):
        images = official.identify(raw(np.sqrt(official.images[[row, 200, 100]])))
        ref, match = official.pair(images, raw(official.labels[[row, 200, 100]]))
        assert (match, ref.train_rows) == (True, 3)
    images = official.identify(raw(np.sqrt(official.images[[10, 200]])))
    assert official.pair(images, raw(np.array([3, official.labels[200]])))[1] is False


# ------------------------------------------------------------------ labels


def test_labels_alone() -> None:
    for labels, train, test, start in (
        (TRAIN_Y, 300, 0, 0),
        (TEST_Y, 0, 100, 0),
        (TRAIN_Y[100:150].reshape(-1, 1), 50, 0, 100),
        (np.eye(10)[TEST_Y], 0, 100, 0),
        (TRAIN_Y.astype(np.float32), 300, 0, 0),
    ):
        ref = OFFICIAL.identify(raw(labels)).ref
        assert (ref.kind, ref.train_rows, ref.test_rows, ref.start) == ("labels", train, test, start)
    assert OFFICIAL.identify(raw(np.eye(10)[TEST_Y])).ref.encoding == "one_hot"


@pytest.mark.parametrize("labels", [TRAIN_Y[:5], np.sort(TRAIN_Y), np.full(40, 300)])
def test_labels_that_are_nobodys(labels: np.ndarray[Any, Any]) -> None:
    ref = OFFICIAL.identify(raw(labels)).ref
    assert (ref.train_rows, ref.test_rows, ref.unknown_rows) == (0, 0, len(labels))


def test_labels_that_occur_twice_are_nobodys() -> None:
    (train_x, train_y), (test_x, test_y) = (tuple(a.copy() for a in pair) for pair in DATA)
    test_y[:50] = train_y[:50]
    ref = Identifier(((train_x, train_y), (test_x, test_y))).identify(raw(train_y[:50])).ref
    assert ref.unknown_rows == 50


def test_labels_go_with_their_images() -> None:
    order = np.random.default_rng(3).permutation(300)
    images = OFFICIAL.identify(raw(TRAIN_X[order]))
    ref, match = OFFICIAL.pair(images, raw(TRAIN_Y[order]))
    assert (match, ref.is_train, ref.start) == (True, True, None)
    assert OFFICIAL.pair(images, raw(np.eye(10)[TRAIN_Y[order]]))[1] is True
    assert OFFICIAL.pair(images, raw(TRAIN_Y))[1] is False
    assert OFFICIAL.pair(images, raw(TRAIN_Y[:200]))[1] is None
    assert OFFICIAL.pair(images, raw(np.random.default_rng(4).random(300)))[1] is None
    unknown = OFFICIAL.identify(raw(np.random.default_rng(5).random((300, 784))))
    assert OFFICIAL.pair(unknown, raw(TRAIN_Y))[1] is None
    partly = OFFICIAL.identify(raw(np.concatenate([TRAIN_X[:20], 255 - TRAIN_X[:20]])))
    assert OFFICIAL.pair(partly, raw(np.concatenate([TRAIN_Y[:20]] * 2)))[1] is None
    assert OFFICIAL.pair(partly, raw(np.concatenate([TRAIN_Y[1:21]] * 2)))[1] is False


def test_rows_by_set() -> None:
    assert [OFFICIAL.row_in_set(row) for row in (-1, 0, 299, 300, 399)] == [
        ("unknown", None),
        ("train", 0),
        ("train", 299),
        ("test", 0),
        ("test", 99),
    ]
