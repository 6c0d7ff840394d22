"""What the trainer accepts where a kernel wants to use a trained network."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_recipes import ANYTHING, ITEMS, dense, layer, paths, trainer, with_another

from grader.training.bounds import BATCHES
from grader.training.measure import MeasureTask, PredictTask
from grader.training.request import IMAGES
from grader.training.tasks import inference_task
from grader.wire.recipe import OUTPUTS, Refused


def use(**changed: Any) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
    """A dense network, measured on the first official images, as a kernel asks for it, and its arrays."""
    arrays = [
        np.ones((784, 10), np.float32), np.zeros(10, np.float32), (np.arange(256) / 255).astype(np.float32),
        np.ones(ITEMS, np.uint8),
    ]  # fmt: skip
    facts = {
        "format": 1, "layers": [dense()], "weights": [0, 1], "batch_size": 32,
        "x": {"rows": [0, ITEMS], "table": 2, "item": [784]},
        "measured": {
            "y": {"classes": 0, "values": 3, "shape": [ITEMS], "dtype": "uint8"},
            "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"],
        },
    }  # fmt: skip
    return facts | changed, arrays


def test_an_honest_use_is_accepted() -> None:
    key, task = inference_task(*use())
    assert isinstance(task, MeasureTask)
    assert [[array.shape for array in weights] for weights in task.weights] == [[(784, 10), (10,)]]
    assert task.measures.metrics == ("accuracy",)
    other, predicting = inference_task(*use(measured=None))
    assert isinstance(predicting, PredictTask)
    assert (predicting.batch_size, predicting.planned) == (32, task.planned)
    assert key != other


def test_the_key_is_of_all_that_matters() -> None:
    told, arrays = use()
    key, _ = inference_task(told, arrays)
    assert inference_task(*use())[0] == key
    for i in range(4):
        changed = [array.copy() for array in arrays]
        changed[i].flat[3] = 0 if changed[i].flat[3] else 1
        assert inference_task(told, changed)[0] != key, i
    assert inference_task(*use(batch_size=64))[0] != key


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"layers": [layer("Lambda", function="x")]}, "not one of the layers"),
        ({"layers": [dense(kernel_regularizer={"class_name": "L2", "config": {}})]}, "regularised"),
        ({"layers": [dense(), dense()]}, "rebuilt"),
        ({"layers": []}, "not of the kind"),
        ({"weights": [0]}, "its weights have the shapes"),
        ({"weights": [0, 1, 1]}, "more weight arrays"),
        ({"weights": [0, 9]}, "lacks an array"),
        ({"weights": [0, 3]}, "no finite numbers"),
        ({"weights": None}, "not of the kind"),
        ({"x": {"rows": [0, IMAGES + 1], "table": 2, "item": [784]}}, "official"),
        ({"x": {"rows": [0, ITEMS], "table": 0, "item": [784]}}, "official"),
        ({"x": {"rows": [0, ITEMS - 1], "table": 2, "item": [784]}}, "fit together"),
        ({"x": {"rows": [0, ITEMS], "table": 2, "item": [783]}}, r"shape|fit together"),
        ({"batch_size": 0}, "not of the kind"),
        ({"measured": {**use()[0]["measured"], "loss": "evil"}}, "loss or a metric"),
        ({"measured": {**use()[0]["measured"], "metrics": [{"class_name": "Evil", "config": {}}]}}, "loss or a metric"),
        ({"measured": {**use()[0]["measured"], "more": 1}}, "not of the kind"),
        ({"more": 1}, "not of the kind"),
    ],
)  # fmt: skip
def test_what_is_not_stock_or_not_bounded(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        inference_task(*use(**changed))


def test_outputs_are_bounded() -> None:
    told, arrays = use(measured=None, layers=[dense(100)], x={"rows": [0, 60_000], "table": 2, "item": [784]})
    arrays[:2] = [np.ones((784, 100), np.float32), np.zeros(100, np.float32)]
    assert OUTPUTS < 60_000 * 100
    assert BATCHES > 60_000
    with pytest.raises(Refused, match="more than are kept"):
        inference_task(told, arrays)


@pytest.mark.parametrize("told", [None, [], {}, "use", use()[0] | {"format": 2}])
def test_what_is_no_use(told: object) -> None:
    with pytest.raises(Refused, match="not of the kind"):
        inference_task(told, use()[1])


@settings(max_examples=300)
@given(st.sampled_from(paths(use()[0])), ANYTHING, st.sampled_from(range(4)), st.booleans())
def test_any_change_is_accepted_or_refused(path: tuple[Any, ...], value: Any, array: int, cut: bool) -> None:
    told, arrays = use()
    told = with_another(told, path, value)
    if cut:
        arrays[array] = arrays[array][:3]
    with contextlib.suppress(Refused):
        assert isinstance(inference_task(told, arrays)[1], MeasureTask | PredictTask)


def test_the_same_use_is_computed_once() -> None:
    answer = {"logs": [{"loss": 1.0}], "names": ["loss"], "seconds": [0.5]}
    asking, workers = trainer((answer, []), (answer, []))
    assert asking.use(*use()).facts == asking.use(*use()).facts == answer
    assert len(workers.asked) == 1
    asking.use(*use(batch_size=1))
    assert len(workers.asked) == 2
