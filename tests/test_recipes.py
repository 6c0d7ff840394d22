"""What the trainer accepts of a kernel that may lie; what is computed once; images said as official ones."""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raw_evidence import small_official

from grader.execution.admission import Admission
from grader.recorder.dataset_index import DatasetIndex
from grader.system.slots import Slots
from grader.training.bounds import BATCHES, MULTIPLICATIONS
from grader.training.cache import Cache
from grader.training.request import IMAGES, TIMES
from grader.training.single_flight import SingleFlight
from grader.training.tasks import training_task
from grader.training.train import TrainTask
from grader.training.trainer import Trainer
from grader.training.workers import Failed, NoAnswer
from grader.wire import recipe as kernels
from grader.wire.fingerprint import fingerprint
from grader.wire.message import Message
from grader.wire.recipe import Refused

ITEMS = 20


def layer(kind: str, weights: int = 0, **config: Any) -> dict[str, Any]:
    return {"kind": kind, "output_shape": None, "weights": weights, "stock": True, "inbound": [], "config": config}


def dense(units: int = 10, **config: Any) -> dict[str, Any]:
    zeros = {"class_name": "Zeros", "config": {}}
    glorot = {"class_name": "GlorotUniform", "config": {"seed": None}}
    ours = {"units": units, "activation": "softmax", "kernel_initializer": glorot, "bias_initializer": zeros}
    return layer("Dense", 2, **(ours | config))


def request(*layers: dict[str, Any], **changed: Any) -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
    """A dense network on the first official images, as a kernel asks for it, and its arrays."""
    arrays = [
        (np.arange(256) / 255).astype(np.float32), np.zeros(ITEMS, np.uint8),
        np.arange(256, dtype=np.float32), np.ones(5, np.uint8),
    ]  # fmt: skip
    facts = {
        "format": 1, "layers": [*(layers or [dense()])], "weights": None, "generators": [], "seeds": None,
        "optimizer": {"kind": "SGD", "config": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False, "name": None}},
        "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], "slots": None,
        "x": {"rows": [0, ITEMS], "table": 0, "item": [784]},
        "y": {"classes": 0, "values": 1, "shape": [ITEMS], "dtype": "uint8"},
        "epochs": 2, "initial_epoch": 0, "batch_size": 32, "shuffle": True, "callbacks": [], "validation": None,
    }  # fmt: skip
    validation = {
        "x": {"rows": [60_000, 60_005], "table": 2, "item": [784]},
        "y": {"classes": 0, "values": 3, "shape": [5], "dtype": "uint8"}, "batch_size": 32,
    }  # fmt: skip
    return {"facts": facts | changed, "training_arrays": 2, "validation": validation, "times": 0}, arrays


def test_an_honest_recipe_is_accepted() -> None:
    task = training_task(*request())
    assert task.planned.output_shape[-1] == 10
    assert task.initializers == ({"kernel_initializer": ("GlorotUniform", {}), "bias_initializer": ("Zeros", {})},)
    assert task.optimizer == ("SGD", {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False})
    assert task.keeps_epochs


def test_the_key_is_of_the_training_and_not_of_its_validation() -> None:
    told, arrays = request()
    task = training_task(told, arrays)
    other = training_task({**told, "validation": None}, arrays[:2])
    assert (task.key, other.validation_key) == (other.key, "")
    arrays[2] = arrays[2] * 2
    assert training_task(told, arrays).key == task.key
    assert training_task(told, arrays).validation_key != task.validation_key
    arrays[1] = arrays[1] + 1
    assert training_task(told, arrays).key != task.key


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ([layer("Lambda", function="x")], "not one of the layers"),
        ([layer("Dense", 2, units=10) | {"stock": False}], "no layer of Keras"),
        ([dense(units=10**9)], "units"),
        ([dense(units=10**6)], "too large"),
        ([dense(trainable=False)], "way of its own"),
        ([dense(dtype={"class_name": "DTypePolicy", "config": {"name": "float16"}})], "way of its own"),
        ([dense(kernel_regularizer={"class_name": "L2", "config": {}})], "regularised"),
        ([dense(kernel_initializer={"class_name": "Evil", "config": {}})], "drawn in a way"),
        ([dense(kernel_initializer={"class_name": "Constant", "config": {"value": float("inf")}})], "drawn in a way"),
        ([dense(kernel_initializer="__import__('os')")], "not one of Keras"),
        ([layer("Dropout", rate="0.5"), dense()], "draws in a way"),
        ([layer("RandomFlip", mode="horizontal"), dense()], "not trained for all"),
        ([layer("Normalization", mean=0.0, variance=1.0), dense()], "not trained for all"),
        ([layer("BatchNormalization", 4, axis=-1, momentum=7.0), dense()], "normalisation"),
    ],
)  # fmt: skip
def test_layers_that_are_not_stock_or_not_bounded(layers: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(Refused, match=words):
        training_task(*request(*layers))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"optimizer": {"kind": "Evil", "config": {}}}, "optimizer is not one"),
        ({"optimizer": {"kind": "SGD", "config": {"learning_rate": float("nan")}}}, "no number"),
        ({"optimizer": {"kind": "SGD", "config": {"loss_scale_factor": 2.0}}}, "way of its own"),
        ({"optimizer": {"kind": "SGD", "config": {"learning_rate": {"class_name": "X"}}}}, "not of the kind"),
        ({"loss": "evil"}, "loss or a metric"),
        ({"loss": {"class_name": "SparseCategoricalCrossentropy", "config": {"reduction": "none"}}}, "settings of its own"),
        ({"metrics": [["accuracy"] * 30]}, "too many metrics"),
        ({"metrics": [{"class_name": "Evil", "config": {}}]}, "loss or a metric"),
        ({"epochs": 10**6}, "not of the kind"),
        ({"epochs": 1, "initial_epoch": 1}, "no epochs"),
        ({"x": {"rows": [0, IMAGES + 1], "table": 0, "item": [784]}}, "official"),
        ({"x": {"rows": [5, 2], "table": 0, "item": [784]}}, "official"),
        ({"x": {"rows": [5], "table": 0, "item": [784]}}, "not of the kind"),
        ({"x": {"rows": 1, "table": 0, "item": [784]}}, "official"),
        ({"x": {"rows": [0, ITEMS], "table": 1, "item": [784]}}, "official"),
        ({"x": {"rows": [0, ITEMS], "table": 2, "item": [784]}}, "lacks an array"),
        ({"x": {"rows": [0, ITEMS], "table": 0, "item": [783]}}, "fit together"),
        ({"y": {"classes": 0, "values": 1, "shape": [ITEMS, 2], "dtype": "uint8"}}, "fit together"),
        ({"y": {"classes": 0, "values": 1, "shape": [ITEMS], "dtype": "object"}}, "fit together"),
        ({"y": {"classes": 3, "values": 1, "shape": [ITEMS], "dtype": "uint8"}}, "fit together"),
        ({"weights": [0, 1]}, "no finite numbers"),
        ({"weights": [9]}, "lacks an array"),
        ({"weights": [0]}, "weights have the shapes"),
        ({"slots": [9]}, "lacks an array"),
        ({"callbacks": [{"kind": "LambdaCallback"}]}, "callback"),
        ({"callbacks": [{"kind": "TerminateOnNaN"}]}, "no part of its recipe"),
        ({"callbacks": [{"kind": "LearningRateScheduler", "rates": [float("nan")] * 2}]}, "no numbers"),
        ({"callbacks": [{"kind": "LearningRateScheduler", "rates": [0.1]}]}, "no numbers"),
        ({"batch_size": 0}, "not of the kind"),
        ({"more": 1}, "not of the kind"),
        ({"layers": []}, "not of the kind"),
    ],
)  # fmt: skip
def test_entries_that_are_not_bounded(changed: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        training_task(*request(**changed))


def test_work_is_bounded() -> None:
    wide = [dense(1000), dense(1000), dense()]
    told, arrays = request(*wide, epochs=1000, x={"rows": [0, 60_000], "table": 0, "item": [784]})
    arrays[1] = np.zeros(60_000, np.uint8)
    told["facts"]["y"]["shape"] = [60_000]
    told["validation"] = None
    assert MULTIPLICATIONS < 1000 * 60_000 * 3 * 1.8e6
    with pytest.raises(Refused, match="longer than what is trained"):
        training_task(told, arrays)
    told["facts"]["layers"], told["facts"]["batch_size"] = [dense()], 1
    assert BATCHES < 1000 * 60_000
    with pytest.raises(Refused, match="longer than what is trained"):
        training_task(told, arrays)
    told, arrays = request(dense(100_000), dense(), batch_size=60_000)
    with pytest.raises(Refused, match=r"more memory|too large"):
        training_task(told, arrays)


@pytest.mark.parametrize(
    "told", [None, [], {}, {"facts": 1}, {**request()[0], "times": TIMES}, {**request()[0], "training_arrays": -1}]
)
def test_what_is_no_request(told: object) -> None:
    with pytest.raises(Refused, match="not of the kind"):
        training_task(told, request()[1])


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            found += paths(value[key], (*path, key))
    return found


def with_another(told: Any, path: tuple[Any, ...], value: Any) -> Any:
    """The same, but for what stands at one place."""
    told = copy.deepcopy(told)
    inner = told
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return told


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["accuracy", "Dense"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300)
@given(st.sampled_from(paths(request()[0])), ANYTHING, st.sampled_from(range(4)), st.booleans())
def test_any_change_is_accepted_or_refused(path: tuple[Any, ...], value: Any, array: int, cut: bool) -> None:
    told, arrays = request()
    told = with_another(told, path, value)
    if cut:
        arrays[array] = arrays[array][:3]
    with contextlib.suppress(Refused):
        assert isinstance(training_task(told, arrays), TrainTask)


def test_the_lists_of_both_sides_agree() -> None:
    told, arrays = request(validation=None)
    for kind, entries in kernels.CALLBACKS.items():
        callback = {"kind": kind, "config": dict.fromkeys(entries, 1)}
        training_task({**told, "facts": {**told["facts"], "callbacks": [callback]}, "validation": None}, arrays)


# ------------------------------------------------------------------ once


def test_everything_is_computed_once(tmp_path: Path) -> None:
    asked: list[str] = []
    entry = Message({"a": 1}, (np.arange(3),))

    def compute() -> Message:
        asked.append("")
        time.sleep(0.05)
        return entry

    cache = Cache(tmp_path, 10)
    once = SingleFlight(cache, threading.Event())
    threads = [threading.Thread(target=once.result, args=("key", compute)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert SingleFlight(cache, threading.Event()).result("key", compute).facts == {"a": 1}
    assert len(asked) == 1
    without = SingleFlight(None, threading.Event())
    assert without.result("key", compute) is without.result("key", compute) is entry
    assert len(asked) == 2


def test_what_fails_is_not_kept(tmp_path: Path) -> None:
    once = SingleFlight(Cache(tmp_path, 10), threading.Event())
    with pytest.raises(ZeroDivisionError):
        once.result("key", lambda: 1 / 0)  # type: ignore[arg-type,return-value]
    assert once.result("key", lambda: Message({}, ())).facts == {}


def test_waiting_ends_with_the_run(tmp_path: Path) -> None:
    stop = threading.Event()
    cache = Cache(tmp_path, 10)
    once = SingleFlight(cache, stop)
    stop.set()
    with pytest.raises(KeyboardInterrupt):
        once.result("key", lambda: Message({}, ()))


# ------------------------------------------------------------------ the trainer


class Workers:
    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[Any] = []

    def ask(self, task: Any, _: float) -> Any:
        self.asked.append(task)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Message(answer[0], tuple(answer[1]))


def trainer(*answers: Any) -> tuple[Trainer, Workers]:
    workers = Workers(*answers)
    return Trainer(workers, SingleFlight(None, threading.Event()), Slots(1)), workers  # type: ignore[arg-type]


def trained() -> tuple[dict[str, Any], list[np.ndarray[Any, Any]]]:
    logs = [{"loss": 1.0}, {"loss": 0.5}]
    arrays = [np.full(n, float(n)) for n in (1, 2, 3, 4, 5, 6, 7)]
    return {"logs": logs, "seconds": [1.0, 1.0], "weights": 2, "left": 3}, arrays


def test_validation_is_measured_on_each_epochs_weights() -> None:
    asking, workers = trainer(trained(), ({"logs": [{"loss": 2.0}, {"loss": 1.0}]}, []))
    entry = asking.train(*request())
    assert entry.facts["logs"] == [{"loss": 1.0, "val_loss": 2.0}, {"loss": 0.5, "val_loss": 1.0}]
    assert [len(a) for a in entry.arrays] == [1, 2, 3]
    assert [[len(a) for a in epoch] for epoch in workers.asked[1].weights] == [[4, 5], [6, 7]]
    told, arrays = request()
    assert asking.train({**told, "validation": None}, arrays).facts["logs"] == [{"loss": 1.0}, {"loss": 0.5}]
    assert len(workers.asked) == 2, "the training is known"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Failed("ValueError: no"), "could not do it.*no"),
        (NoAnswer(slow=True), "too long"),
        (NoAnswer(slow=False), "process ended"),
    ],
)
def test_what_goes_wrong_is_refused_and_tried_again(answer: Exception, words: str) -> None:
    asking, _ = trainer(answer, trained())
    told, arrays = request()
    told["validation"] = None
    with pytest.raises(Refused, match=words):
        asking.train(told, arrays)
    assert asking.train(told, arrays).facts["weights"] == 2


def test_slots_are_lent_and_served_in_turn() -> None:
    slots = Slots(1)
    order: list[int] = []

    def work(number: int) -> None:
        with slots:
            order.append(number)

    with slots:
        threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
            time.sleep(0.02)
        assert order == []
        with slots.lent():
            deadline = time.monotonic() + 5
            while len(order) < 3 and time.monotonic() < deadline:
                time.sleep(0.01)
            assert order == [0, 1, 2]
    for thread in threads:
        thread.join()


def test_who_begins_comes_after_who_goes_on() -> None:
    slots, order = Slots(1), list[str]()

    def begin() -> None:
        with slots.begun():
            order.append("begins")

    def go_on() -> None:
        with slots:
            order.append("goes on")

    with slots:
        threads = [threading.Thread(target=what) for what in (begin, go_on)]
        for thread in threads:
            thread.start()
            time.sleep(0.05)
    for thread in threads:
        thread.join(5)
    assert order == ["goes on", "begins"]


@contextlib.contextmanager
def let_in_second(admission: Admission):
    """An event that is set once a second one was let in."""
    inside = threading.Event()

    def second() -> None:
        with admission.entered():
            inside.set()

    with admission.entered():
        thread = threading.Thread(target=second)
        thread.start()
        yield inside
        thread.join()


def test_kernels_begin_where_a_core_is_idle() -> None:
    slots = Slots(1)
    with let_in_second(Admission(slots, 1.0, lambda: None, threading.Event())) as inside:
        assert not inside.wait(0.2)
        with slots.lent():
            assert inside.wait(5)


def test_kernels_wait_for_memory_but_the_first() -> None:
    free, stop = [0.0], threading.Event()
    admission = Admission(Slots(2), 100.0, lambda: free[0], stop)
    with let_in_second(admission) as inside:
        assert not inside.wait(0.2)
        free[0] = 150.0  # the first is about to use a hundred of them
        assert not inside.wait(1.0)
        free[0] = 250.0
        assert inside.wait(5)
        free[0] = 0.0
        stop.set()
        with pytest.raises(KeyboardInterrupt), admission.entered():
            pass
    with Admission(Slots(1), 1.0, lambda: None, stop).entered():
        pass


# ------------------------------------------------------------------ images said as official ones

(TRAIN, _), (TEST, _) = small_official()
OFFICIAL = DatasetIndex(TRAIN, TEST)
BOTH = np.concatenate([TRAIN, TEST])
TREATMENTS = {
    "as they are": lambda x: x,
    "scaled": lambda x: x / 255.0,
    "float32": lambda x: x.astype(np.float32) / 255,
    "standardised": lambda x: (x - x.mean()) / x.std(),
    "flat": lambda x: x.reshape(len(x), -1) * 2.0 - 1.0,
    "channel": lambda x: x[..., None].astype(np.float16),
    "integers": lambda x: x.astype(np.int64),
    "twice": lambda x: x / 255.0 / 255.0,
}


@pytest.mark.parametrize("treatment", TREATMENTS)
@pytest.mark.parametrize(
    "rows", [slice(0, 300), slice(20, 90), slice(300, 400), slice(None, None, -1), slice(250, 350)]
)
def test_an_array_is_made_again_exactly(treatment: str, rows: slice) -> None:
    array = TREATMENTS[treatment](BOTH[rows])
    said = OFFICIAL.express(array)
    assert said is not None
    assert said.rows.tolist() == np.arange(len(BOTH))[rows].tolist()
    again = said.table[OFFICIAL.take(said.rows)].reshape(len(array), *said.item)
    assert np.array_equal(again, array)
    assert again.dtype == array.dtype
    facts, stored = OFFICIAL.fingerprint(array, said)
    slow, slowly = fingerprint(array)
    assert {k: v for k, v in facts.items() if k != "digest"} == {k: v for k, v in slow.items() if k != "digest"}
    assert stored.keys() == slowly.keys()
    assert all(np.array_equal(stored[key], slowly[key]) for key in stored)


def test_twins_are_told_apart() -> None:
    """Images whose pixels stand out in the same places, as boots that fill the whole picture."""
    rng = np.random.default_rng(3)
    full = rng.integers(1, 255, (6, 28, 28)).astype(np.uint8)
    full[:, 0, 0] = 0
    official = DatasetIndex(np.concatenate([TRAIN, full]), TEST)
    rows = np.array([303, 5, 301, 300, 305, 302])
    said = official.express(np.concatenate([TRAIN, full])[rows] / 255.0)
    assert said is not None
    assert said.rows.tolist() == rows.tolist()


@pytest.mark.parametrize(
    "array",
    [
        np.random.default_rng(1).random((50, 784)), TRAIN[:5] + np.arange(28, dtype=np.float64), 1.0 - TRAIN[:50] / 255,
        np.zeros((0, 784)), np.zeros(784), TRAIN[:3, :20], np.where(TRAIN[:50] > 0, np.nan, 0.0),
    ],
)  # fmt: skip
def test_what_was_changed_otherwise_is_not_said(array: np.ndarray[Any, Any]) -> None:
    assert OFFICIAL.express(array) is None
