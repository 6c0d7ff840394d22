"""Inside a worker: networks that are used again, and the official images as a recipe has them."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from test_recipes import dense, layer, request

from grader.training import network as networks
from grader.training.network import Inputs
from grader.training.request import Images
from grader.training.stock import _OPTIMIZERS
from grader.training.tasks import training_task
from grader.training.workers import Sets

pytestmark = [pytest.mark.kernel, pytest.mark.filterwarnings("ignore")]

TRAIN, TEST = 40, 10
PLAIN = [dense(8, activation="relu"), dense()]
DRAWING = [dense(8, activation="relu"), layer("Dropout", rate=0.5), layer("BatchNormalization", 4, axis=-1), dense()]


@pytest.fixture(scope="module")
def sets() -> Sets:
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    rng = np.random.default_rng(3)

    def of(n: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        return rng.integers(0, 256, (n, 28, 28), np.uint8), rng.integers(0, 10, n, np.uint8)

    return of(TRAIN), of(TEST)


def trained(
    sets: Sets, rate: float = 0.01, kind: str = "SGD", layers: list[Any] = PLAIN, **changed: Any
) -> tuple[Any, list[bytes]]:
    """Logs and the bytes of all arrays that a training leaves."""
    facts = {"optimizer": {"kind": kind, "config": {"learning_rate": rate}}}
    told, arrays = request(*layers, **facts, **changed)
    outcome = training_task({**told, "validation": None}, arrays).do(sets)
    return outcome.facts["logs"], [array.tobytes() for array in outcome.arrays]


@pytest.mark.parametrize("kind", sorted(_OPTIMIZERS))
def test_what_was_trained_before_does_not_matter(sets: Sets, kind: str) -> None:
    draws = {"layers": DRAWING, "generators": [None]} if kind == "SGD" else {}
    networks._AT_HAND.clear()
    fresh = trained(sets, 0.01, kind, **draws)
    assert len(networks._AT_HAND) == 1
    other = trained(sets, 0.5, kind, **draws, epochs=3)
    assert other[0][0] != fresh[0][0]
    assert len(networks._AT_HAND) == 1, "another rate and more epochs are trained with the same network"
    assert trained(sets, 0.01, kind, **draws) == fresh, "as with the network that was new"


def test_another_form_of_the_data_is_another_network(sets: Sets) -> None:
    networks._AT_HAND.clear()
    for batch_size in (32, 10):
        trained(sets, batch_size=batch_size)
    assert len(networks._AT_HAND) == 2


def test_what_fails_is_not_used_again(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    networks._AT_HAND.clear()
    fresh = trained(sets)
    used = next(iter(networks._AT_HAND.values()))

    def failing(*_: Any, **__: Any) -> None:
        raise ValueError("no")

    with monkeypatch.context() as patched:
        patched.setattr(type(used.model), "fit", failing)
        with pytest.raises(ValueError, match="no"):
            trained(sets)
    assert not networks._AT_HAND
    assert trained(sets) == fresh


def test_few_networks_are_kept_and_no_large_ones(sets: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    networks._AT_HAND.clear()
    monkeypatch.setattr(networks, "_KEPT", 1)
    for batch_size in (32, 10):
        trained(sets, batch_size=batch_size)
    assert len(networks._AT_HAND) == 1
    networks._AT_HAND.clear()
    monkeypatch.setattr(networks, "_KEPT_WEIGHTS", 10)
    trained(sets)
    assert not networks._AT_HAND


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize(
    "rows",
    [(0, 7), (3, TRAIN), (TRAIN, TRAIN + 5), (TRAIN - 2, TRAIN + 3), [5, 1, 5], [TRAIN + 4, TRAIN], [41, 2, 49, 0]],
)
def test_images_are_the_official_ones_in_their_order(sets: Sets, rows: Any, dtype: str) -> None:
    networks._MAPPED.clear()
    table = np.arange(256)[::-1].astype(dtype) if dtype == "uint8" else (np.arange(256) / 255).astype(dtype)
    arrays = [table] if isinstance(rows, tuple) else [table, np.array(rows, np.int32)]
    told = Images(rows=rows if isinstance(rows, tuple) else 1, table=0, item=[28, 28, 1])
    numbers = list(range(*rows)) if isinstance(rows, tuple) else rows
    expected = table[np.concatenate([images for images, _ in sets])[numbers]][..., None]
    for _ in range(2):  # the second time from what is kept
        found = np.asarray(Inputs(sets, arrays).images(told))
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
    assert 0 < len(networks._MAPPED) <= 2
