"""Networks as they were built and compiled: one way of writing, aligned tables, charged once."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from builders import (
    LARGE,
    SMALL,
    Story,
    cnn_net,
    conv,
    dense,
    dense_net,
    evidence,
    judge,
    labels_of,
    layer,
    loaded_rubric,
    network_of,
    pool,
    solution,
    strided_net,
    submission,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.keras.align import compare
from grader.keras.canonical import canonical
from grader.keras.canonical_layer import activation_name, canonical_layer
from grader.marking import checks
from grader.records import Architecture, CellStatus, FaultKind, Labels, Layer, LayerTable, Outcome, Place, Verdict

MODELS = loaded_rubric().reference.models


def judged(architecture, task: str = "1c", train: str = "1f", **options):
    """Verdicts on one network that is built, compiled and trained under a task's labels."""
    nb = Story()
    nb.cell(task)
    net = nb.build(architecture)
    compile_options = {
        k: options.pop(k) for k in ("loss", "from_logits", "metrics", "optimizer", "rate") if k in options
    }
    nb.compile(net, **compile_options)
    nb.cell(train)
    nb.fit(net, **options)
    return nb.judge()


# ------------------------------------------------------------------ one way of writing

SAME = {
    "activation layers": network_of(
        dense(10, "linear"), layer("Activation", activation="relu"), dense(10, "linear"), layer("ReLU"),
        dense(10, "linear"), layer("Softmax"),
    ),
    "flatten first": dense_net(10, 10, flatten=True),
    "input layer": network_of(layer("InputLayer"), dense(), dense(), dense(10, "softmax")),
    "rescaled": network_of(
        layer("Rescaling", scale=1 / 255), layer("Flatten"), dense(), dense(), dense(10, "softmax"), input_shape=(28, 28)
    ),
    "functional": network_of(dense(), dense(), dense(10, "softmax"), style="functional"),
    "subclassed": network_of(dense(), dense(), dense(10, "softmax"), style="subclassed"),
    "never built": network_of(dense(), dense(), dense(10, "softmax"), input_shape=None),
    "any width": dense_net(300, 100),
    "flatten that does nothing": network_of(dense(), layer("Flatten"), dense(), dense(10, "softmax")),
    "activation as function": network_of(
        dense(10, "relu"), dense(10, "relu"), dense(10, {"class_name": "function", "config": "softmax_v2"})
    ),
    "activation as layer": network_of(
        dense(10, {"class_name": "ReLU", "config": {"name": "re_lu"}}), dense(10, "relu"), dense(10, "softmax")
    ),
    "dropout": network_of(dense(), layer("Dropout", rate=0.2), dense(), dense(10, "softmax")),
    "batch normalisation before the activation": network_of(
        dense(10, "linear"), layer("BatchNormalization"), layer("ReLU"), dense(), dense(10, "softmax")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_dense_networks_that_are_the_same(name):
    assert compare(MODELS["dense_10"], SAME[name]).differences == ()
    assert judged(SAME[name])["1c.layers"].outcome is Outcome.PASSED


def test_a_network_used_as_a_layer_is_opened():
    inner = {"layers": [{"class_name": "Dense", "config": {"units": 10, "activation": "relu"}}] * 2}
    nested = network_of({"kind": "Sequential", **inner}, dense(10, "softmax"))
    assert compare(MODELS["dense_10"], nested).differences == ()


CNN_SAME = {
    "as asked": cnn_net(),
    "reshaped inside": network_of(
        layer("Reshape", target_shape=[28, 28, 1]), conv(16), pool(), conv(8), pool(), layer("Flatten"),
        dense(10, "softmax"), input_shape=(784,),
    ),
    "reshape for flatten": network_of(
        conv(16), pool(), conv(8), pool(), layer("Reshape", target_shape=[200]), dense(10, "softmax"),
        input_shape=(28, 28, 1),
    ),
    "relu after pooling": network_of(
        conv(16, "linear"), pool(), layer("ReLU"), conv(8), pool(), layer("Flatten"), dense(10, "softmax"),
        input_shape=(28, 28, 1),
    ),
    "default strides of pooling": network_of(
        conv(16), {**pool(), "strides": None}, conv(8), {"kind": "MaxPool2D", "pool_size": 2, "strides": None},
        layer("Flatten"), dense(10, "softmax"), input_shape=None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CNN_SAME)
def test_convolutional_networks_that_are_the_same(name):
    assert compare(MODELS["cnn"], CNN_SAME[name]).differences == ()
    assert judged(CNN_SAME[name], "3a", "3b")["3a.layers"].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("given_", "name"),
    [
        (None, "linear"),
        ("ReLU", "relu"),
        ("leaky_relu", "leaky_relu"),
        ({"class_name": "LeakyReLU", "config": {}}, "leaky_relu"),
        ({"class_name": "function", "config": "my_own"}, "custom"),
        ({"class_name": "__lambda__", "config": {}}, "custom"),
        (["relu"], "custom"),
    ],
)
def test_activation_names(given_, name):
    assert activation_name(given_) == name


def test_the_table_shows_the_arithmetic_of_both_sides():
    table = compare(MODELS["cnn"], cnn_net(8, 16)).table
    rows = {row.expected: row for row in table.rows}
    assert rows["Conv2D 8, 3×3, relu"].expected_params == "3·3·16·8 + 8 = 1160"
    assert rows["Conv2D 8, 3×3, relu"].actual_params == "3·3·8·16 + 16 = 1168"
    assert not rows["Conv2D 8, 3×3, relu"].same
    assert rows["MaxPooling2D 2×2"].same
    assert (table.expected_total, table.actual_total) == ("3330", "5258")
    first = compare(MODELS["dense_10"], SMALL).table.rows[0]
    assert first.actual_params == "784·10 + 10 = 7850"


@pytest.mark.parametrize("name", MODELS)
def test_the_asked_for_side_adds_up_to_the_reference(name):
    assert compare(MODELS[name], SMALL).table.expected_total == str(MODELS[name].params)


def test_a_layer_too_many_stands_alone_in_the_table():
    rows = compare(MODELS["dense_10"], dense_net(10, 10, 10)).table.rows
    assert [row.expected for row in rows] == ["Dense 10, relu", "Dense 10, relu", "", "Dense 10, softmax"]


def test_what_is_left_out_is_a_hidden_layer_not_the_output():
    rows = compare(MODELS["dense_10"], dense_net()).table.rows
    assert [row.actual for row in rows] == ["", "", "Dense 10, softmax"]


KINDS = [
    "Dense",
    "Conv2D",
    "MaxPooling2D",
    "Flatten",
    "Activation",
    "Reshape",
    "Lambda",
    "Sequential",
    "Dropout",
    "ReLU",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
ENTRIES = ["units", "filters", "kernel_size", "strides", "pool_size", "padding", "activation", "target_shape", "layers"]
SHAPES = st.none() | st.lists(st.none() | st.integers(0, 30), max_size=3).map(tuple)


@given(
    layers=st.lists(
        st.builds(
            lambda kind, config, shape: Layer(kind, kind, config, shape, 0, 0),
            st.sampled_from(KINDS),
            st.dictionaries(st.sampled_from(ENTRIES), JSON, max_size=6),
            SHAPES,
        ),
        max_size=6,
    ),
    shape=SHAPES,
    style=st.sampled_from(["sequential", "functional", "subclassed"]),
)
@settings(max_examples=150, deadline=None)
def test_whatever_a_kernel_reports_can_be_compared(layers, shape, style):
    comparison = compare(MODELS["cnn"], Architecture(style, tuple(layers), shape, None, None))
    assert len(comparison.table.rows) >= len(MODELS["cnn"].layers)
    assert comparison.distance >= 0


def test_branches_are_left_to_a_person():
    built = network_of(dense(), dense(), dense(10, "softmax"), dense(10, "relu"), style="functional")
    layers = (*built.layers[:3], replace(built.layers[3], inbound=(0, 2)))
    assert not canonical(replace(built, layers=layers)).certain
    assert judged(replace(built, layers=layers))["1c.layers"].outcome is Outcome.NEEDS_REVIEW


# ------------------------------------------------------------------ 1c, 3a, 4a: layers


@pytest.mark.parametrize(
    ("architecture", "outcome", "share", "slugs"),
    [
        (dense_net(10, 10, last="linear"), Outcome.PARTIAL, 0.5, {"model.no_softmax"}),
        (dense_net(10, 10, last="sigmoid"), Outcome.PARTIAL, 0.5, {"model.no_softmax"}),
        (dense_net(10, 10, output=1), Outcome.PARTIAL, 0.5, {"model.output_width"}),
        (
            network_of(dense(), dense(10, "linear"), dense(10, "softmax")),
            Outcome.PARTIAL,
            0.5,
            {"model.missing_activation"},
        ),
        (dense_net(10, 10, activation="linear"), Outcome.PARTIAL, 0.5, {"model.missing_activation"}),
        (dense_net(10, 10, activation="sigmoid"), Outcome.PARTIAL, 0.5, set()),
        (dense_net(10, 10, 10), Outcome.PARTIAL, 0.5, set()),
        (dense_net(10), Outcome.PARTIAL, 0.5, set()),
        (dense_net(10, 10, activation="sigmoid", output=1), Outcome.FAILED, 0.0, {"model.output_width"}),
        (network_of(dense(use_bias=False), dense(), dense(10, "softmax")), Outcome.PARTIAL, 0.75, set()),
        (network_of(dense(), dense(), dense(10, "softmax"), input_shape=(28, 28)), Outcome.PARTIAL, 0.5, set()),
    ],
)
def test_mistakes_in_the_first_network(architecture, outcome, share, slugs):
    verdict = judged(architecture)["1c.layers"]
    assert (verdict.outcome, verdict.share, set(verdict.misconceptions)) == (outcome, share, slugs)
    assert isinstance(verdict.details[0], LayerTable)
    assert verdict.expected
    assert verdict.actual
    assert verdict.place == Place(0, 1, ((0, 1),))


def test_no_softmax_with_a_loss_from_logits_is_consistent():
    verdicts = judged(dense_net(10, 10, last="linear"), from_logits=True)
    assert verdicts["1c.layers"].outcome is Outcome.PASSED
    assert "from_logits" in verdicts["1c.layers"].message
    assert verdicts["1e.loss"].outcome is Outcome.PASSED


def test_softmax_with_a_loss_from_logits_is_named_where_the_loss_is_asked_for():
    verdicts = judged(SMALL, from_logits=True)
    assert verdicts["1c.layers"].outcome is Outcome.PASSED
    assert (verdicts["1e.loss"].share, verdicts["1e.loss"].misconceptions) == (0.5, ("model.softmax_with_logits_loss",))


@pytest.mark.parametrize(
    ("where", "word"), [("flatten first", "Flatten"), ("rescaled", "Scaling"), ("dropout", "Dropout")]
)
def test_what_is_right_otherwise_is_mentioned(where, word):
    assert word in judged(SAME[where])["1c.layers"].message


@pytest.mark.parametrize(
    ("architecture", "share", "slugs"),
    [
        (cnn_net(8, 16), 0.75, {"cnn.filters_swapped"}),
        (cnn_net(32, 64), 0.5, set()),
        (cnn_net(flatten=False), 0.5, {"cnn.no_flatten"}),
        (cnn_net(last="linear"), 0.5, {"model.no_softmax"}),
        (cnn_net(padding="same"), 1.0, {"cnn.same_padding"}),
        (strided_net(), 0.25, set()),
    ],
)
def test_mistakes_in_the_convolutional_network(architecture, share, slugs):
    verdict = judged(architecture, "3a", "3b")["3a.layers"]
    assert (verdict.share, set(verdict.misconceptions)) == (share, slugs)


def test_average_pooling_and_global_pooling_are_other_layers():
    average = [conv(16), pool(kind="AveragePooling2D"), conv(8), pool(), layer("Flatten"), dense(10, "softmax")]
    assert judged(network_of(*average, input_shape=(28, 28, 1)), "3a", "3b")["3a.layers"].share == 0.75
    pooled = [conv(16), pool(), conv(8), pool(), layer("GlobalAveragePooling2D"), dense(10, "softmax")]
    assert judged(network_of(*pooled, input_shape=(28, 28, 1)), "3a", "3b")["3a.layers"].share == 0.75


def test_a_missing_softmax_is_charged_once():
    nb = Story()
    for task, net in (("1c", dense_net(10, 10, last="linear")), ("3a", cnn_net(last="linear"))):
        nb.cell(task)
        nb.train(net)
    verdicts = nb.judge()
    assert (verdicts["1c.layers"].share, verdicts["1c.layers"].repeats) == (0.5, "")
    assert (verdicts["3a.layers"].share, verdicts["3a.layers"].repeats) == (0.75, "1c.layers")


def test_a_small_mistake_made_again_costs_half_of_what_it_does_alone():
    nb = Story()
    for task, net in (("3a", cnn_net(8, 16)), ("4a", strided_net(8, 16))):
        nb.cell(task)
        nb.train(net)
    verdicts = nb.judge()
    assert (verdicts["4a.layers"].share, verdicts["4a.layers"].repeats) == (0.875, "3a.layers")


def test_a_subclassed_network_that_does_not_show_its_layers_goes_to_a_person():
    net = network_of(dense(10, "linear"), dense(10, "linear"), dense(10, "softmax"), style="subclassed")
    assert judged(net)["1c.layers"].outcome is Outcome.NEEDS_REVIEW


def test_a_layer_of_the_students_own_goes_to_a_person():
    net = network_of(layer("Lambda"), dense(), dense(), dense(10, "softmax"))
    assert judged(net)["1c.layers"].outcome is Outcome.NEEDS_REVIEW


def test_a_network_of_another_kind_under_the_label_is_an_attempt():
    nb = Story()
    nb.cell("3a")
    nb.train(network_of(layer("SimpleRNN", units=10), dense(10, "softmax"), input_shape=(28, 28)))
    assert nb.judge()["3a.layers"].outcome is Outcome.FAILED
    assert nb.judge()["1c.layers"].outcome is Outcome.MISSING


# ------------------------------------------------------------------ 1h: widths


@pytest.mark.parametrize(
    ("architecture", "outcome"),
    [
        (LARGE, Outcome.PASSED),
        (dense_net(64, 64, activation="linear"), Outcome.PASSED),
        (dense_net(32, 32), Outcome.FAILED),
        (dense_net(64, 32), Outcome.PARTIAL),
        (dense_net(64, 64, 64), Outcome.PARTIAL),
        (dense_net(64, 64, output=11), Outcome.PARTIAL),
    ],
)
def test_widths_of_the_large_network(architecture, outcome):
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1h")
    nb.train(architecture)
    verdict = nb.judge()["1h.units"]
    assert verdict.outcome is outcome
    assert verdict.expected == "64-64-10"


def test_a_layer_too_many_in_1h_that_1c_had_already_is_the_same_mistake():
    nb = Story()
    for task, net in (("1c", dense_net(10, 10, 10)), ("1h", dense_net(64, 64, 64))):
        nb.cell(task)
        nb.train(net)
    assert nb.judge()["1h.units"].repeats == "1c.layers"


# ------------------------------------------------------------------ 1e, 3b, 4b: compile


@pytest.mark.parametrize(
    ("options", "criterion", "share", "slugs"),
    [
        ({"optimizer": "Adam"}, "1e.optimizer", 0.0, ("optimizer.other",)),
        ({"rate": 0.1}, "1e.optimizer", 1.0, ()),
        ({"loss": "mean_squared_error"}, "1e.loss", 0.0, ()),
        ({"loss": "categorical_crossentropy"}, "1e.loss", 0.0, ("loss.one_hot",)),
        ({"loss": "categorical_crossentropy", "y": labels_of(one_hot=True)}, "1e.loss", 0.5, ("loss.one_hot",)),
        ({"loss": ""}, "1e.loss", 0.0, ()),
        ({"metrics": ("acc",)}, "1e.metrics", 1.0, ()),
        ({"metrics": ("sparse_categorical_accuracy",)}, "1e.metrics", 1.0, ()),
        ({"metrics": ("categorical_accuracy",), "y": labels_of(one_hot=True)}, "1e.metrics", 1.0, ()),
        ({"metrics": ("categorical_accuracy",)}, "1e.metrics", 0.5, ()),
        ({"metrics": ("exact_accuracy",)}, "1e.metrics", 0.5, ()),
        ({"metrics": ("mae",)}, "1e.metrics", 0.0, ()),
        ({"metrics": ()}, "1e.metrics", 0.0, ()),
    ],
)
def test_compile(options, criterion, share, slugs):
    verdict = judged(SMALL, **options)[criterion]
    assert (verdict.share, verdict.misconceptions) == (share, slugs)
    assert verdict.expected
    assert verdict.actual


@pytest.mark.parametrize(
    ("options", "criterion"), [({"loss": "custom"}, "1e.loss"), ({"metrics": ("custom",)}, "1e.metrics")]
)
def test_functions_of_the_students_own_go_to_a_person(options, criterion):
    assert judged(SMALL, **options)[criterion].outcome is Outcome.NEEDS_REVIEW


def test_never_compiled():
    nb = Story()
    nb.cell("1c")
    nb.build(SMALL)
    verdicts = nb.judge()
    assert verdicts["1c.layers"].outcome is Outcome.PASSED
    assert {verdicts[f"1e.{c}"].outcome for c in ("optimizer", "loss", "metrics")} == {Outcome.MISSING}


@pytest.mark.parametrize(
    ("fact", "left"), [("optimizer", {"optimizer": ""}), ("loss", {"loss": ""}), ("metrics", {"metrics": ("custom",)})]
)
def test_what_could_not_be_read_of_a_compile_goes_to_a_person(fact, left):
    nb = Story()
    for task, net in (("1c", SMALL), ("3a", cnn_net())):
        nb.cell(task)
        nb.train(net)
    nb.facts["trainings"] = [
        replace(t, compiled=replace(t.compiled, unreadable=(fact,), **left)) for t in nb.facts["trainings"]
    ]
    verdicts = nb.judge()
    for verdict in (verdicts[f"1e.{fact}"], verdicts["3b.compile"]):
        assert verdict.outcome is Outcome.NEEDS_REVIEW
        assert f"The {fact} could not be read" in verdict.message
    others = {"optimizer", "loss", "metrics"} - {fact}
    assert {verdicts[f"1e.{other}"].outcome for other in others} == {Outcome.PASSED}


def _judged_without_compiling(nb: Story) -> dict[str, Verdict]:
    """As if how the networks were compiled had not been recorded."""
    nb.facts["networks"] = [replace(n, compiled=()) for n in nb.facts["networks"]]
    nb.facts["trainings"] = [replace(t, compiled=replace(t.compiled, optimizer="")) for t in nb.facts["trainings"]]
    return nb.judge()


def test_what_was_trained_was_compiled_somehow():
    nb = Story()
    nb.cell("1c")
    nb.train(SMALL)
    verdict = _judged_without_compiling(nb)["1e.loss"]
    assert verdict.outcome is Outcome.NEEDS_REVIEW
    assert "how it was compiled could not be read" in verdict.message


def test_a_training_that_failed_for_want_of_compiling_was_never_compiled():
    nb = Story()
    nb.cell("1f")
    error = "ValueError: You must call `compile()` before using the model."
    nb.fit(nb.build(SMALL), error=error)
    verdict = _judged_without_compiling(nb)["1e.loss"]
    assert verdict.outcome is Outcome.MISSING
    assert "never compiled" in verdict.message


def test_nothing_is_missing_from_a_record_that_is_not_complete():
    nb = Story()
    nb.cell("1c")
    nb.build(SMALL)
    verdict = judge(nb.evidence(unrecorded=("More happened than is recorded.",)), nb.labels)["1e.loss"]
    assert verdict.outcome is Outcome.NEEDS_REVIEW
    assert "More happened than is recorded." in verdict.message


def test_one_hot_labels_of_a_network_that_was_never_trained():
    nb = Story()
    nb.cell("1e")
    nb.holds("y_hot", labels_of(one_hot=True))
    nb.compile(nb.build(SMALL), loss="categorical_crossentropy")
    assert nb.judge()["1e.loss"].share == 0.5


@pytest.mark.parametrize(
    ("source", "share"),
    [
        ("y = keras.utils.to_categorical(y)", 0.5),
        ("y = np.eye(10)[y]", 0.5),
        ("# y = to_categorical(y)", 0.0),
    ],
)
def test_one_hot_labels_of_data_that_could_not_be_loaded(source, share):
    nb = Story()
    nb.cell("1e", source)
    nb.compile(nb.build(SMALL), loss="categorical_crossentropy")
    assert nb.judge()["1e.loss"].share == share


@pytest.mark.parametrize(
    ("first", "second", "share", "repeats"),
    [
        ({}, {}, 1.0, ""),
        ({}, {"optimizer": "Adam"}, 2 / 3, ""),
        ({"optimizer": "RMSprop"}, {"optimizer": "Adam"}, 2 / 3, ""),
        ({"optimizer": "Adam"}, {"optimizer": "Adam"}, 2.5 / 3, "1e.optimizer"),
        ({"loss": "mean_squared_error"}, {"loss": "mean_squared_error"}, 2.5 / 3, "1e.loss"),
        ({"metrics": ("mae",)}, {"metrics": ("mae",)}, 2.5 / 3, "1e.metrics"),
        ({"optimizer": "Adam"}, {"optimizer": "Adam", "metrics": ()}, 1.5 / 3, "1e.optimizer"),
        ({}, {"rate": 0.005}, 2.5 / 3, ""),
        ({"rate": 0.005}, {"rate": 0.005}, 1.0, ""),
    ],
)
def test_compiled_as_before(first, second, share, repeats):
    nb = Story()
    for task, net, options in (("1f", SMALL, first), ("3b", cnn_net(), second)):
        nb.cell(task)
        nb.train(net, **options)
    verdict = nb.judge()["3b.compile"]
    assert verdict.share == pytest.approx(share)
    assert (verdict.repeats, verdict.follow_through) == (repeats, False)


def test_a_loss_of_ones_own_in_3b_goes_to_a_person():
    assert judged(cnn_net(), "3b", "3b", loss="custom")["3b.compile"].outcome is Outcome.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("optimizer", "architecture", "share"),
    [
        ("Adam", strided_net(), 1.0),
        ("Adam", cnn_net(), 1.0),
        ("Adam", cnn_net(padding="same"), 1.0),
        ("Adam", network_of(conv(64), layer("Flatten"), dense(10, "softmax"), input_shape=(28, 28, 1)), 0.5),
        ("Nadam", strided_net(), 0.5),
        ("RMSprop", strided_net(), 0.0),
    ],
)
def test_adam_in_4b(optimizer, architecture, share):
    nb = Story()
    nb.cell("3b")
    nb.train(cnn_net())
    nb.cell("4a")
    nb.train(strided_net())
    nb.cell("4b")
    nb.train(architecture, optimizer)
    assert nb.judge()["4b.optimizer"].share == share


def test_adam_on_the_students_own_version_of_the_network():
    nb = Story()
    nb.cell("3b")
    nb.train(cnn_net(8, 16))
    nb.cell("4b")
    nb.train(cnn_net(8, 16), "Adam")
    assert nb.judge()["4b.optimizer"].outcome is Outcome.PASSED


# ------------------------------------------------------------------ missing, blocked, errored


def test_what_the_kernel_never_reached_is_blocked():
    nb = Story()
    nb.cell("1c")
    nb.compile(nb.build(SMALL))
    nb.cell("1f")
    nb.dies()
    nb.cell("3a", status=CellStatus.NOT_RUN)
    verdicts = nb.judge()
    assert verdicts["1c.layers"].outcome is Outcome.PASSED
    assert verdicts["1f.accuracy"].outcome is Outcome.BLOCKED
    assert verdicts["3a.layers"].outcome is Outcome.BLOCKED
    assert "cell 1" in verdicts["3a.layers"].message


def test_without_labels_everything_after_the_end_is_blocked():
    nb = Story()
    nb.cell()
    nb.dies(FaultKind.TIMEOUT)
    nb.cell("", status=CellStatus.NOT_RUN)
    assert nb.judge()["1h.units"].outcome is Outcome.BLOCKED


def test_a_task_that_had_its_turn_is_missing_whatever_came_later():
    nb = Story()
    nb.cell("1h")
    nb.cell("3b")
    nb.dies()
    verdicts = nb.judge()
    assert verdicts["1h.units"].outcome is Outcome.MISSING
    assert verdicts["1i.subset"].outcome is Outcome.MISSING
    assert verdicts["3b.epochs"].outcome is Outcome.BLOCKED


def test_an_exception_in_the_cell_is_told():
    nb = Story()
    nb.cell("1c", error="NameError: name 'Dense' is not defined")
    assert "NameError" in nb.judge()["1c.layers"].message


def test_an_exception_in_a_check_is_ours(monkeypatch):
    def broken(case):
        raise ZeroDivisionError

    monkeypatch.setitem(checks.REGISTRY, "model.layers", broken)
    verdicts = solution().judge()
    assert verdicts["1c.layers"].outcome is Outcome.ERRORED
    assert "ZeroDivisionError" in verdicts["1c.layers"].actual
    assert verdicts["1e.optimizer"].outcome is Outcome.PASSED


def test_rubrics_may_say_it_in_their_own_words():
    loaded = loaded_rubric()
    raw = json.loads(loaded.rubric.model_dump_json())
    raw["tasks"][2]["criteria"][0]["messages"] = {"missing": "Build one!"}
    own = replace(loaded, rubric=type(loaded.rubric).model_validate(raw))
    assert judge(evidence(submission("pass")), Labels(), own)["1c.layers"].message == "Build one!"


# ------------------------------------------------------------------ properties


@st.composite
def stories(draw):
    """Notebooks of all kinds: tasks in any order, right and wrong networks, trained or not."""
    nb = Story()
    nets = [SMALL, LARGE, cnn_net(), strided_net(), cnn_net(8, 16), dense_net(10, 10, last="linear"), dense_net(5)]
    for task in draw(
        st.lists(st.sampled_from(["", "1c", "1f", "1g", "1h", "1i", "3a", "3b", "4a", "4b", "2"]), max_size=6)
    ):
        nb.cell(task)
        net = nb.build(draw(st.sampled_from(nets)))
        if draw(st.booleans()):
            nb.compile(net, draw(st.sampled_from(["SGD", "Adam"])), draw(st.sampled_from([None, 0.005, 0.1])))
        if draw(st.booleans()):
            nb.fit(
                net,
                epochs=draw(st.sampled_from([1, 3, 10])),
                test_accuracy=draw(st.sampled_from([0.1, 0.7, 0.9])),
                error=draw(st.sampled_from(["", "", "ValueError: x"])),
                unverified=draw(st.sampled_from(["", "It has a Lambda layer."])),
            )
    if nb.runs and draw(st.booleans()):
        nb.dies()
    return nb


@given(nb=stories(), labelled=st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_criterion_gets_one_verdict_within_its_points(nb, labelled):
    ids = [c.id for task in loaded_rubric().rubric.tasks for c in task.criteria]
    verdicts = nb.judge(labelled=labelled)
    assert list(verdicts) == ids
    for verdict in verdicts.values():
        assert verdict.outcome is not Outcome.ERRORED, verdict.actual
        assert 0 <= verdict.share <= 1
        assert (verdict.share == 1) == (verdict.outcome is Outcome.PASSED)
        assert (0 < verdict.share < 1) == (verdict.outcome is Outcome.PARTIAL)
        assert verdict.message


@given(nb=stories(), names=st.permutations(["model", "a", "b", "net", "x1", "Ω"]))
@settings(max_examples=25, deadline=None)
def test_names_of_variables_change_nothing(nb, names):
    before = nb.judge()
    nb.facts["networks"] = [replace(n, names=(names[i],)) for i, n in enumerate(nb.facts.get("networks", []))]
    assert nb.judge() == before


@given(seed=st.integers(1, 4))
@settings(max_examples=4, deadline=None)
def test_networks_that_have_nothing_to_do_with_it_change_nothing(seed):
    before = {k: v.outcome for k, v in solution().judge().items() if not k.startswith(("1a", "1b", "1j"))}
    nb = solution()
    for i in range(seed):
        nb.cell("")
        nb.train(network_of(layer("LSTM", units=i + 1), input_shape=(28, 28)), "RMSprop")
    after = nb.judge()
    assert {k: after[k].outcome for k in before} == before


def test_layers_that_are_given_single_numbers_have_no_shape() -> None:
    """What a kernel reports may be anything: an output without axes, for instance."""
    for kind, config in (("Dense", {"units": 10}), ("Conv2D", {"filters": 2, "kernel_size": 3}), ("MaxPooling2D", {})):
        compared = canonical_layer(kind, config, ())
        assert (compared.after, compared.weight_shapes) == (None, ())
