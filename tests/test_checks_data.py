"""What the networks were given: vectors, scaled, in the shape for convolutions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    SMALL,
    Story,
    cnn_net,
    conv,
    dense,
    dense_net,
    images,
    judge,
    layer,
    network_of,
    pool,
)

from grader.records import CellStatus, DataRef, FaultKind, Outcome, Verdict

RAW = {"shape": (28, 28), "lo": 0.0, "hi": 255.0}
UNKNOWN = DataRef("images", (60_000, 784), "float32", 0.0, 1.0, unknown_rows=60_000)


def holding(*arrays: DataRef, loaded: bool = True) -> Story:
    nb = Story()
    nb.cell("1a")
    if loaded:
        nb.load_data()
    for i, array in enumerate(arrays):
        nb.holds(f"x{i}", array)
    return nb


# ------------------------------------------------------------------ vectors


def vectorised(nb: Story) -> Verdict:
    return nb.judge()["1a.data"]


def test_both_sets_as_vectors():
    assert vectorised(holding(images("train"), images("test"))).outcome is Outcome.PASSED


def test_vectors_that_only_networks_were_given():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    assert vectorised(nb).outcome is Outcome.PASSED
    nb = Story()
    nb.cell("1f")
    network = nb.train(SMALL, validation=None)
    nb.evaluate(network)
    assert vectorised(nb).outcome is Outcome.PASSED


def test_a_flatten_layer_is_as_good():
    nb = holding(images("train", **RAW), images("test", **RAW))
    nb.build(dense_net(10, 10, flatten=True))
    verdict = vectorised(nb)
    assert verdict.outcome is Outcome.PASSED
    assert "Flatten" in verdict.message


def test_the_flatten_of_a_convolutional_network_makes_no_vectors_of_images():
    nb = holding(images("train", **RAW))
    nb.build(cnn_net())
    assert vectorised(nb).outcome is Outcome.PARTIAL


def test_one_set_only():
    verdict = vectorised(holding(images("train"), images("test", **RAW)))
    assert verdict.outcome is Outcome.PARTIAL
    assert "test images" in verdict.message


@pytest.mark.parametrize("arrays", [(), (images("train", **RAW), images("test", **RAW)), (images("train", 5),)])
def test_loaded_only(arrays):
    verdict = vectorised(holding(*arrays))
    assert verdict.outcome is Outcome.PARTIAL
    assert verdict.share == 0.5


def test_other_data():
    nb = Story()
    nb.cell("1a")
    nb.load_data("mnist")
    verdict = vectorised(nb)
    assert verdict.outcome is Outcome.FAILED
    assert verdict.actual == "mnist"
    assert vectorised(holding(UNKNOWN, loaded=False)).outcome is Outcome.NEEDS_REVIEW


def test_nothing_loaded():
    nb = Story()
    nb.cell("1a", error="ModuleNotFoundError: No module named 'kaeras'")
    verdict = vectorised(nb)
    assert verdict.outcome is Outcome.MISSING
    assert "kaeras" in verdict.message


def test_a_kernel_that_died_while_loading():
    nb = Story()
    nb.cell("1a")
    nb.load_data()
    nb.dies(FaultKind.MEMORY)
    assert vectorised(nb).outcome is Outcome.BLOCKED


# ------------------------------------------------------------------ scaling


def scaled(network=SMALL, nb: Story | None = None, **options) -> Verdict:
    nb = nb or Story()
    nb.cell("1f")
    nb.train(network, **options)
    return nb.judge()["1b.scaled"]


@pytest.mark.parametrize("hi", [1.0, 255 / 256])
def test_scaled_images(hi):
    assert scaled(x=images("train", hi=hi)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("lo", "hi", "outcome", "slugs"),
    [
        (0.0, 255.0, "failed", ("data.unscaled",)),
        (0.0, 1 / 255, "failed", ("data.scaled_twice",)),
        (-1.0, 1.0, "partial", ()),
        (-0.81, 2.02, "partial", ()),
        (None, None, "needs_review", ()),
    ],
)
def test_other_ranges(lo, hi, outcome, slugs):
    verdict = scaled(x=images("train", lo=lo, hi=hi))
    assert verdict.outcome == outcome
    assert verdict.misconceptions == slugs


def test_a_rescaling_layer():
    inside = [
        layer("Rescaling", scale=1 / 255, offset=0.0),
        layer("Flatten"),
        dense(10),
        dense(10),
        dense(10, "softmax"),
    ]
    verdict = scaled(network_of(*inside, input_shape=(28, 28)), x=images("train", **RAW))
    assert verdict.outcome is Outcome.PASSED
    assert "Rescaling" in verdict.message
    twice = scaled(network_of(*inside, input_shape=(28, 28)), x=images("train", shape=(28, 28)))
    assert twice.misconceptions == ("data.scaled_twice",)
    learnt = [layer("Normalization"), *inside[1:]]
    assert scaled(network_of(*learnt, input_shape=(28, 28)), x=images("train", **RAW)).outcome is Outcome.PARTIAL


def test_unscaled_test_images():
    verdict = scaled(validation=images("test", hi=255.0))
    assert verdict.outcome is Outcome.PARTIAL
    assert verdict.misconceptions == ("data.partly_scaled",)


def test_test_images_that_are_only_evaluated():
    nb = Story()
    nb.cell("1f")
    network = nb.train(SMALL, validation=None)
    nb.evaluate(network, images("test", hi=255.0))
    assert nb.judge()["1b.scaled"].misconceptions == ("data.partly_scaled",)


def test_scaling_learnt_late_or_lost_later():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, x=images("train", hi=255.0))
    nb.cell("3b")
    nb.train(cnn_net())
    assert nb.judge()["1b.scaled"].outcome is Outcome.FAILED
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("3b")
    nb.train(cnn_net(), x=images("train", hi=255.0, shape=(28, 28, 1)))
    assert nb.judge()["1b.scaled"].outcome is Outcome.PARTIAL


def test_data_that_are_not_recognised():
    assert scaled(x=UNKNOWN).outcome is Outcome.NEEDS_REVIEW


def test_images_that_could_not_be_seen():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    evidence = nb.evidence()
    unseen = replace(evidence.trainings[0], x=None, y=None, validation_x=None)
    assert judge(replace(evidence, trainings=(unseen,)), nb.labels)["1b.scaled"].outcome is Outcome.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("arrays", "outcome"),
    [
        ((images("train"), images("test")), "passed"),
        ((images("train"),), "passed"),
        ((images("train"), images("test", hi=255.0)), "partial"),
        ((images("train", lo=-1.0),), "partial"),
        ((images("train", hi=255.0), images("test", hi=255.0)), "missing"),
        ((), "missing"),
    ],
)
def test_nothing_trained(arrays, outcome):
    assert holding(*arrays).judge()["1b.scaled"].outcome == outcome


def test_nothing_trained_but_a_rescaling_layer():
    nb = holding(images("train", **RAW))
    nb.build(
        network_of(layer("Rescaling", scale=1 / 255, offset=0.0), layer("Flatten"), dense(10), input_shape=(28, 28))
    )
    assert nb.judge()["1b.scaled"].outcome is Outcome.PASSED


def test_scaled_before_the_kernel_died():
    nb = holding(images("train"), images("test"))
    nb.dies()
    nb.cell("1f", status=CellStatus.NOT_RUN)
    assert nb.judge()["1b.scaled"].outcome is Outcome.PASSED


# ------------------------------------------------------------------ the shape for convolutions


def shaped(network, **options) -> Verdict:
    nb = Story()
    nb.cell("3b")
    nb.train(network, **options)
    return nb.judge()["3a.shape"]


def test_images_with_a_channel():
    assert shaped(cnn_net()).outcome is Outcome.PASSED


def test_a_reshape_layer():
    body = [
        layer("Reshape", target_shape=(28, 28, 1)),
        conv(16),
        pool(),
        conv(8),
        pool(),
        layer("Flatten"),
        dense(10, "softmax"),
    ]
    verdict = shaped(network_of(*body, input_shape=(784,)))
    assert verdict.outcome is Outcome.PASSED
    assert "Reshape" in verdict.message


def test_another_shape():
    body = [conv(16), pool(), conv(8), pool(), layer("Flatten"), dense(10, "softmax")]
    verdict = shaped(network_of(*body, input_shape=(28, 28, 3)), x=UNKNOWN)
    assert verdict.outcome is Outcome.FAILED
    assert "28×28×3" in verdict.message


def test_a_network_that_was_never_built():
    nb = Story()
    nb.cell("3a")
    nb.build(network_of(conv(16), pool(), conv(8), pool(), layer("Flatten"), dense(10, "softmax"), input_shape=None))
    assert nb.judge()["3a.shape"].outcome is Outcome.NEEDS_REVIEW


def test_arrays_in_the_right_shape_without_a_network():
    assert holding(images("train", shape=(28, 28, 1))).judge()["3a.shape"].outcome is Outcome.PASSED
    assert holding(images("train")).judge()["3a.shape"].outcome is Outcome.MISSING
