"""Networks are rebuilt from plain facts and measured in processes of their own."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.datasets import fashion_mnist as data
from grader.errors import GradeError
from grader.evidence.events import ArchitectureFacts
from grader.evidence.interpret import architecture as as_record
from grader.keras.layers import ACTIVATIONS, LAYERS
from grader.keras.rebuild import MOST_LAYERS, Plan, assemble, plan
from grader.records import Architecture, Layer, Verified
from grader.training import verification as verify
from grader.training.network import assign, in_order
from grader.training.single_flight import SingleFlight
from grader.training.verification import Prepared, Verifier
from grader.training.workers import Workers
from grader.wire.message import Message

SCALED = Prepared((784,), 0.0, 1.0)


def network(*layers: tuple[Any, ...], style: str = "sequential") -> Architecture:
    """Layers as (kind, config, number of weight arrays[, inbound[, changed fields]])."""
    made = []
    for i, (kind, config, weights, *more) in enumerate(layers):
        inbound = more[0] if more else (i - 1,)
        facts = {"output_shape": None, "stock": True} | (more[1] if len(more) > 1 else {})
        made.append(
            Layer(
                kind,
                kind.lower(),
                config,
                params=None,
                trainable_params=None,
                weights=weights,
                inbound=inbound,
                **facts,
            )
        )
    return Architecture(style, tuple(made), None, None, None)


def dense(units: int = 10, **config: Any) -> tuple[Any, ...]:
    return ("Dense", {"name": "d", "trainable": True, "units": units, **config}, 2)


SOFTMAX = network(dense(10, activation="softmax"))
SHAPES = [(784, 10), (10,)]


# ------------------------------------------------------------------ what is rebuilt


def test_the_sheets_convolution_network() -> None:
    conv = {"kernel_size": [3, 3], "activation": "relu", "padding": "valid", "data_format": "channels_last"}
    layers = network(
        ("Conv2D", {"filters": 16, **conv}, 2),
        ("MaxPooling2D", {"pool_size": [2, 2]}, 0),
        ("Conv2D", {"filters": 8, **conv}, 2),
        ("MaxPooling2D", {}, 0),
        ("Dropout", {"rate": 0.5}, 0),
        ("Flatten", {}, 0),
        dense(),
    )
    planned = plan(layers, [(3, 3, 1, 16), (16,), (3, 3, 16, 8), (8,), (200, 10), (10,)], (28, 28, 1))
    assert isinstance(planned, Plan)
    shapes = [layer.output_shape for layer in planned.layers]
    assert shapes == [(26, 26, 16), (13, 13, 16), (11, 11, 8), (5, 5, 8), (5, 5, 8), (200,), (10,)]
    assert planned.output_shape == (10,)


CONV = {"filters": 4, "kernel_size": [3, 3]}
LAMBDA = ("Lambda", {"function": "evil"}, 0)


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        (network(), "0 layers"),
        (network(*[dense()] * (MOST_LAYERS + 1)), "501 layers"),
        (network(LAMBDA), "not one of the layers"),
        (network(("Dense", {"units": 10}, 2, (-1,), {"stock": False})), "no layer of Keras"),
        (network(("Dense", {"units": 10}, 2, (5,))), "later layer"),
        (network(("Dense", {"units": 10}, 2, (-1, -1))), "2 inputs"),
        (network(("Dense", {"units": 10}, 2, (-1,), {"output_shape": (12,)})), "not (12,)"),
        (network(dense(11)), "its weights have the shapes"),
        (network(("Dense", {"units": 10}, 3)), "its weights have the shapes"),
        (network(("Flatten", {}, 0)), "more weight arrays"),
        (network(dense(), ("Flatten", {}, 0, (-1,))), "several inputs or outputs"),
        (network(*[("InputLayer", {}, 0)] * 2, dense()), "several inputs or outputs"),
        (network(dense(10**9)), "its units is 1000000000"),
        (network(dense(-1)), "its units"),
        (network(dense(True)), "its units"),
        (network(dense(activation="evil")), "its activation"),
        (network(dense(activation={"class_name": "Lambda", "config": {}, "module": "keras.layers"})), "its activation"),
        (network(dense(use_bias="yes")), "its use_bias"),
        (network(dense(lora_rank=4)), "its lora_rank"),
        (network(("Conv2D", CONV, 2)), "given shape (784,)"),
        (network(("Reshape", {"target_shape": [28, 28, 2]}, 0)), "its target_shape"),
        (network(("Reshape", {"target_shape": "x"}, 0)), "its target_shape"),
        (network(("Permute", {"dims": [2]}, 0)), "its dims"),
        (network(("Add", {}, 0, (-1,))), "joins different shapes"),
        (network(("Concatenate", {"axis": -1}, 0, (-1,))), "joins different shapes"),
        (network(("BatchNormalization", {"axis": 3}, 4)), "its axis"),
        (network(("Rescaling", {"scale": [1, 2]}, 0)), "its scale"),
        (network(("Rescaling", {"scale": 1e300}, 0)), "its scale"),
        (network(("Normalization", {"axis": [-1]}, 3)), "adapted to data"),
        (network(("PReLU", {"shared_axes": [9]}, 1)), "its shared_axes"),
    ],
)
def test_what_is_not_rebuilt_has_a_reason(layers: Architecture, why: str) -> None:
    found = plan(layers, SHAPES, (784,))
    assert isinstance(found, str)
    assert why in found


@pytest.mark.parametrize(
    ("layer", "why"),
    [
        (("Conv2D", CONV | {"padding": "evil"}, 2), "its padding"),
        (("Conv2D", CONV | {"data_format": "channels_first"}, 2), "its data_format"),
        (("Conv2D", CONV | {"groups": 3}, 2), "its groups"),
        (("Conv2D", CONV | {"kernel_size": [3, 3, 3]}, 2), "its kernel_size"),
        (("Conv2D", CONV | {"kernel_size": [40, 40]}, 2), "its output has shape (0, 0, 4)"),
        (("ZeroPadding2D", {"padding": [[1, 1], [9999, 1]]}, 0), "its padding"),
        (("Cropping2D", {"cropping": [[14, 14], [0, 0]]}, 0), "its output has shape (0, 28, 1)"),
        (("UpSampling2D", {"size": [1000, 1000]}, 0), "its output has shape"),
    ],
)
def test_images_that_do_not_fit(layer: tuple[Any, ...], why: str) -> None:
    found = plan(network(layer), [], (28, 28, 1))
    assert isinstance(found, str)
    assert why in found


def test_too_many_parameters() -> None:
    assert "50,000,000" in str(plan(SOFTMAX, [(10**5, 10**5)], (784,)))


CONFIG = st.dictionaries(
    st.sampled_from(["units", "filters", "kernel_size", "strides", "padding", "activation", "axis", "size", "dims", "pool_size", "scale", "target_shape", "cropping", "name"]),
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["relu", "same"])
    | st.lists(st.integers(-2, 5) | st.lists(st.integers(0, 3), max_size=2), max_size=3) | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    max_size=5,
)  # fmt: skip


@settings(max_examples=500)
@given(
    st.lists(
        st.tuples(st.sampled_from([*LAYERS, "Add", "Concatenate", "Lambda"]), CONFIG, st.integers(0, 3)),
        min_size=1,
        max_size=3,
    ),
    st.lists(st.lists(st.integers(0, 30), max_size=4).map(tuple), max_size=4),
    st.sampled_from([(784,), (28, 28), (28, 28, 1), ()]),
)
def test_any_configuration_is_planned_or_refused(layers: Any, weights: Any, shape: Any) -> None:
    found = plan(network(*layers), weights, shape)
    if isinstance(found, Plan):
        assert all(np.prod(layer.output_shape) <= 1 << 20 for layer in found.layers)
    else:
        assert found.endswith(".")


# ------------------------------------------------------------------ as Keras computes it


def models() -> list[Any]:
    """Small networks that together hold every layer and activation that is rebuilt."""
    import keras
    from keras import layers

    image = keras.Input((28, 28, 1))
    a = layers.Conv2D(4, 3, strides=2, padding="same", groups=1, activation="relu")(image)
    b = layers.DepthwiseConv2D(3, strides=2, padding="same", depth_multiplier=4, activation="tanh")(image)
    c = layers.SeparableConv2D(4, (3, 3), strides=2, padding="same", depth_multiplier=2)(image)
    joined = [
        layer()([a, b, c]) for layer in (layers.Add, layers.Average, layers.Maximum, layers.Minimum, layers.Multiply)
    ]
    x = layers.Concatenate()([*joined, layers.Subtract()([a, b])])
    x = layers.BatchNormalization(center=False)(x)
    x = layers.LayerNormalization()(x)
    x = layers.ZeroPadding2D(((1, 2), (0, 1)))(x)
    x = layers.Cropping2D(((0, 1), (1, 0)))(x)
    x = layers.UpSampling2D((2, 1), interpolation="nearest")(x)
    x = layers.AveragePooling2D((3, 2), padding="same")(x)
    x = layers.PReLU(shared_axes=[1, 2])(x)
    x = layers.Conv2D(6, 2, dilation_rate=2, use_bias=False)(x)
    many = keras.Model(image, layers.Dense(10)(layers.Flatten()(layers.Permute((3, 1, 2))(x))))

    flat = keras.Input((784,))
    x = layers.Rescaling(1 / 255, offset=-0.5)(flat)
    x = layers.Normalization(mean=0.1, variance=0.25)(x)
    x = layers.Reshape((28, 28))(x)
    x = layers.Conv1D(8, 3, padding="causal", activation=layers.LeakyReLU(0.2))(x)
    x = layers.MaxPooling1D(2)(x)
    x = layers.AveragePooling1D(2, strides=1)(x)
    y = layers.GlobalMaxPooling1D()(x)
    z = layers.GlobalAveragePooling1D()(x)
    x = layers.Concatenate(axis=1)([y, z])
    for name in sorted(ACTIVATIONS):
        x = layers.Dense(12, activation=name)(x) if name != "softmax" else x
    for layer in (
        layers.ReLU(6.0, 0.1, 0.05),
        layers.LeakyReLU(0.2),
        layers.ELU(0.7),
        layers.Softmax(),
        layers.GaussianNoise(0.5),
        layers.Activation("relu"),
    ):
        x = layer(x)
    wide = keras.Model(flat, layers.Dense(10, activation="softmax")(x))

    chain = keras.Sequential([
        layers.Reshape((28, 28, 1)), layers.RandomFlip(), layers.Conv2D(3, 3, activation="relu"), layers.BatchNormalization(),
        layers.GlobalAveragePooling2D(keepdims=True), layers.Flatten(), layers.Dropout(0.4), layers.Dense(10),
    ])  # fmt: skip
    chain.build((None, 784))
    pooled = keras.Sequential(
        [keras.Input((28, 28, 1)), layers.MaxPooling2D(3, 1), layers.GlobalMaxPooling2D(), layers.Dense(10)]
    )
    return [many, wide, chain, pooled]


@pytest.mark.kernel
@pytest.mark.filterwarnings("ignore")
def test_rebuilt_networks_compute_what_the_students_did() -> None:
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    from grader.recorder.architecture import architecture, weights_in_order

    rng = np.random.default_rng(7)
    covered: set[str] = set()
    for model in models():
        model.set_weights(
            [np.abs(rng.normal(0.1, 0.3, w.shape)) if w.dtype.kind == "f" else w for w in model.get_weights()]
        )
        facts, layers = architecture(model)
        weights = [variable.numpy() for variable in weights_in_order(model, layers)]
        record = as_record(ArchitectureFacts.model_validate(facts))
        shape = tuple(facts["input_shape"])
        planned = plan(record, [w.shape for w in weights], shape)
        assert isinstance(planned, Plan), planned
        x = rng.random((5, *shape)).astype(np.float32)
        expected = np.asarray(model(x, training=False))
        rebuilt, steps = assemble(planned)
        assign(in_order(steps), weights)
        found = np.asarray(rebuilt(x, training=False))
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)
        covered |= {layer.kind for layer in record.layers}
    assert covered >= set(LAYERS)


# ------------------------------------------------------------------ measured


@pytest.fixture(scope="module")
def files() -> data.DataFiles:
    return data.find_data() or data.provide_data()


def nearest_mean(files: data.DataFiles, prepared: Prepared) -> tuple[list[np.ndarray[Any, Any]], float, float]:
    """Weights of a Dense layer that chooses the class whose mean image is nearest; its test and training accuracy."""
    (train_x, train_y), (test_x, test_y) = data.load(files)

    def flat(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return prepared.lo + x.reshape(-1, 784) / 255.0 * (prepared.hi - prepared.lo)

    means = np.stack([flat(train_x[train_y == label]).mean(axis=0) for label in range(10)])
    kernel, bias = means.T.astype(np.float32), (-0.5 * (means**2).sum(axis=1)).astype(np.float32)
    accuracies = [
        float(((flat(x) @ kernel + bias).argmax(axis=1) == y).mean())
        for x, y in ((test_x, test_y), (train_x[:500], train_y[:500]))
    ]
    return [kernel, bias], accuracies[0], accuracies[1]


@pytest.mark.kernel
def test_measured_accuracy_is_that_of_the_network(files: data.DataFiles) -> None:
    with Workers(files) as workers:
        verifier = Verifier(workers, SingleFlight(None, threading.Event()))
        for prepared in (SCALED, Prepared((784,), -0.8, 2.0)):
            weights, test, train = nearest_mean(files, prepared)
            logits = network(dense())
            found = verifier.verify(logits, weights, prepared, np.arange(500))
            assert found.test_accuracy == pytest.approx(test, abs=0.001)
            assert found.train_accuracy == pytest.approx(train, abs=0.005)
            assert found.reason == ""
            as_images = network(("Flatten", {}, 0), dense(activation="softmax"))
            same = verifier.verify(
                as_images, weights, Prepared((28, 28, 1), prepared.lo, prepared.hi), np.empty(0, int)
            )
            assert same.test_accuracy == pytest.approx(test, abs=0.001)
            assert same.train_accuracy is None
        asked = workers._all[0]._process
        assert verifier.verify(logits, weights, prepared, np.arange(500)) == found
        broken = [np.full_like(weights[0], np.nan), weights[1]]
        nan = verifier.verify(logits, broken, SCALED, np.empty(0, int))
        assert nan.test_accuracy == pytest.approx(0.1, abs=0.05)
        assert workers._all[0]._process is asked


@pytest.mark.kernel
def test_workers_that_die_or_hang_cost_an_answer_only(files: data.DataFiles) -> None:
    weights, test, _ = nearest_mean(files, SCALED)
    logits = network(dense())
    with Workers(files) as workers:
        verifier = Verifier(workers, SingleFlight(None, threading.Event()))
        assert verifier.verify(logits, weights, SCALED, np.empty(0, int)).test_accuracy == pytest.approx(
            test, abs=0.001
        )
        process = workers._all[0]._process
        assert process is not None
        process.kill()
        process.join()
        other = [weights[0] * 2, weights[1] * 2]
        assert "ended unexpectedly" in verifier.verify(logits, other, SCALED, np.empty(0, int)).reason
        assert verifier.verify(logits, other, SCALED, np.empty(0, int)).test_accuracy == pytest.approx(test, abs=0.001)
        verifier._answer_s = 0.0
        slow = [weights[0] * 3, weights[1] * 3]
        assert "longer than 0 seconds" in verifier.verify(logits, slow, SCALED, np.empty(0, int)).reason
        verifier._answer_s = 60.0
        found: list[Verified] = []
        threads = [
            threading.Thread(
                target=lambda k=k: found.append(
                    verifier.verify(logits, [weights[0] * k, weights[1] * k], SCALED, np.empty(0, int))
                )
            )
            for k in (4, 5, 6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [v.test_accuracy for v in found] == pytest.approx([test] * 3, abs=0.001)


@pytest.mark.kernel
def test_a_worker_that_cannot_start_is_our_own_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that lies where one grades is imported on the way."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "re.py").write_text("open('imported', 'w')")
    with Workers(data.DataFiles(tmp_path)) as workers, pytest.raises(GradeError, match="does not start"):
        Verifier(workers, SingleFlight(None, threading.Event())).verify(
            SOFTMAX, [np.zeros(s, np.float32) for s in SHAPES], SCALED, np.empty(0, int)
        )
    assert not (tmp_path / "imported").exists()


class NoWorkers:
    """Stands in for workers where none is to be asked."""

    def __init__(self, **answer: float) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    def ask(self, task: Any, _: float) -> Message:
        assert self.answer
        self.asked.append(task)
        return Message(self.answer)


def verifier_with(workers: NoWorkers) -> Verifier:
    return Verifier(workers, SingleFlight(None, threading.Event()))  # type: ignore[arg-type]


def test_no_worker_is_asked_what_is_known_without() -> None:
    verifier = verifier_with(NoWorkers())
    zeros = [np.zeros(s, np.float32) for s in SHAPES]
    assert "not rebuilt" in verifier.verify(network(LAMBDA), zeros, SCALED, np.empty(0, int)).reason
    one = verifier.verify(network(dense(1)), [np.zeros((784, 1)), np.zeros(1)], SCALED, np.empty(0, int))
    assert "not one per class" in one.reason


def test_the_same_network_is_measured_once_and_on_a_bounded_number_of_rows() -> None:
    worker = NoWorkers(test=0.5, train=0.5)
    verifier = verifier_with(worker)
    zeros = [np.zeros(s, np.float32) for s in SHAPES]
    for _ in range(2):
        verifier.verify(SOFTMAX, zeros, SCALED, np.arange(60_000))
    assert len(worker.asked) == 1
    rows = worker.asked[0].train_rows
    assert len(rows) == verify.TRAIN_ROWS
    assert (rows[0], rows[-1], len(set(rows.tolist()))) == (0, 59_999, verify.TRAIN_ROWS)
    verifier.verify(SOFTMAX, zeros, SCALED, np.arange(20_000))
    assert worker.asked[1].train_rows.tolist() == list(range(20_000))
    verifier.verify(SOFTMAX, [zeros[0] + 1, zeros[1]], SCALED, np.arange(20_000))
    verifier.verify(SOFTMAX, zeros, Prepared((784,), 0.0, 255.0), np.arange(20_000))
    assert len(worker.asked) == 4
