"""Networks as they were trained: rate, epochs, validation, items, and the accuracy as measured here."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    FIRST_20000,
    LARGE,
    SMALL,
    Story,
    cnn_net,
    dense_net,
    images,
    judge,
    labels_of,
    layer,
    loaded_rubric,
    network_of,
    solution,
    strided_net,
)

from grader.marking.checks.accuracy import knows_test_images
from grader.records import Curves, Outcome, Verdict, Verified
from grader.rubric.calibration import Calibration, Configuration, Run

SPREAD = (0.0, 0.01, 0.02, 0.03)


def configuration(last: float, network: str = "dense", width: int | None = 10, rate: float = 0.01, rows: int = 60_000):
    """Four runs of three epochs whose accuracies end around `last`, 0.15 and 0.05 higher than in the epochs before."""
    epochs = [last - 0.15, last - 0.05, last]
    return Configuration(
        network=network,
        width=width,
        batch_size=64,
        learning_rate=rate,
        train_rows=rows,
        epochs=3,
        runs=tuple(Run(seed=i, train=(0.5,) * 3, test=tuple(e - s / 10 for e in epochs)) for i, s in enumerate(SPREAD)),
    )


def calibrated() -> Calibration:
    """Few, simple figures: thresholds are 0.02 to 0.04 below."""
    return Calibration(
        networks={"dense": ("dense_small", "dense_slow", "dense_large", "dense_subset"), "cnn": ("cnn",)},
        configurations=(
            configuration(0.70),
            configuration(0.60, rate=0.005),
            configuration(0.75, width=64),
            configuration(0.65, width=64, rows=20_000),
            configuration(0.70, "cnn", None),
        ),
    )


LOADED = replace(loaded_rubric(), calibration=calibrated())


def verdicts_of(nb: Story) -> dict[str, Verdict]:
    return judge(nb.evidence(), nb.labels, LOADED)


def trained(architecture=SMALL, task: str = "1f", **options) -> dict[str, Verdict]:
    nb = Story()
    nb.cell(task)
    nb.train(architecture, **options)
    return verdicts_of(nb)


# ------------------------------------------------------------------ rate


@pytest.mark.parametrize(
    ("rate", "outcome", "slugs"),
    [
        (0.005, Outcome.PASSED, ()),
        (0.004999999888241291, Outcome.PASSED, ()),
        (0.01, Outcome.FAILED, ("optimizer.rate_off",)),
        (0.05, Outcome.FAILED, ("optimizer.rate_off",)),
    ],
)
def test_rate_of_1g(rate, outcome, slugs):
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1g")
    nb.train(SMALL, rate=rate)
    verdict = verdicts_of(nb)["1g.rate"]
    assert (verdict.outcome, verdict.misconceptions) == (outcome, slugs)
    assert verdict.expected == "0.005"


def test_rate_compiled_but_never_trained_is_half():
    nb = Story()
    nb.cell("1g")
    nb.compile(nb.build(LARGE), rate=0.1)
    nb.cell("1h")
    nb.compile(nb.build(LARGE), rate=0.01)
    assert verdicts_of(nb)["1h.rate"].share == 0.5


def test_compiled_with_another_rate_and_never_trained_is_missing():
    nb = Story()
    nb.cell("1h")
    nb.compile(nb.build(LARGE), rate=0.1)
    assert verdicts_of(nb)["1h.rate"].outcome is Outcome.MISSING


def test_a_schedule_goes_to_a_person():
    nb = solution()
    nb.facts["trainings"] = [
        replace(t, compiled=replace(t.compiled, learning_rate=None)) if t.id == "t3" else t
        for t in nb.facts["trainings"]
    ]
    assert verdicts_of(nb)["1h.rate"].outcome is Outcome.NEEDS_REVIEW


def test_the_rate_of_1g_kept_in_1h_is_a_mistake():
    nb = solution()
    nb.facts["trainings"] = [
        replace(t, compiled=replace(t.compiled, learning_rate=0.005)) if t.id == "t3" else t
        for t in nb.facts["trainings"]
    ]
    assert verdicts_of(nb)["1h.rate"].misconceptions == ("optimizer.rate_off",)


def test_adam_back_at_its_own_default_is_followed_through():
    nb = Story()
    for task, net in (("1f", SMALL), ("1h", LARGE)):
        nb.cell(task)
        nb.train(net, "Adam")
    verdicts = verdicts_of(nb)
    assert verdicts["1e.optimizer"].outcome is Outcome.FAILED
    assert verdicts["1h.rate"].follow_through


def test_adam_at_the_rate_that_is_asked_for_has_the_right_rate():
    nb = Story()
    for task, rate in (("1f", None), ("1g", 0.005)):
        nb.cell(task)
        nb.train(SMALL, "Adam", rate)
    assert verdicts_of(nb)["1g.rate"].outcome is Outcome.PASSED


# ------------------------------------------------------------------ epochs


def test_epochs_charged_once():
    nb = Story()
    for task, net in (("1f", SMALL), ("3b", cnn_net())):
        nb.cell(task)
        nb.train(net, epochs=10)
    verdicts = verdicts_of(nb)
    assert (verdicts["1f.epochs"].outcome, verdicts["1f.epochs"].misconceptions) == (Outcome.FAILED, ("train.epochs",))
    assert (verdicts["3b.epochs"].share, verdicts["3b.epochs"].repeats) == (0.5, "1f.epochs")
    assert "1f.epochs" in verdicts["3b.epochs"].message


def test_another_wrong_number_of_epochs_is_another_mistake():
    nb = Story()
    for task, net, epochs in (("1f", SMALL, 10), ("3b", cnn_net(), 1)):
        nb.cell(task)
        nb.train(net, epochs=epochs)
    assert verdicts_of(nb)["3b.epochs"].outcome is Outcome.FAILED


def test_three_calls_of_one_epoch_are_three_epochs():
    nb = Story()
    nb.cell("1f")
    net = nb.train(SMALL, epochs=1)
    nb.fit(net, epochs=1)
    nb.fit(net, epochs=1)
    assert verdicts_of(nb)["1f.epochs"].outcome is Outcome.PASSED


def test_three_networks_of_one_epoch_are_not_three_epochs():
    nb = Story()
    nb.cell("1f")
    for _ in range(3):
        nb.train(SMALL, epochs=1)
    assert verdicts_of(nb)["1f.epochs"].outcome is Outcome.FAILED


def test_what_was_asked_for_counts_where_fit_raised():
    verdicts = trained(error="ValueError: shapes")
    assert verdicts["1f.epochs"].outcome is Outcome.PASSED
    assert "ValueError" in verdicts["1f.epochs"].message
    assert verdicts["1f.accuracy"].outcome is Outcome.MISSING
    assert "ValueError" in verdicts["1f.accuracy"].message


def test_a_call_that_stopped_at_once_trained_for_nothing():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, epochs=5, error="ValueError: You must call `compile()` before using the model.")
    verdict = verdicts_of(nb)["1f.epochs"]
    assert verdict.outcome is Outcome.FAILED
    assert verdict.message.startswith("`fit` is asked for 5 epochs instead of 3 (and stopped at once: ValueError")


# ------------------------------------------------------------------ validation


@pytest.mark.parametrize(
    ("options", "outcome", "slugs"),
    [
        ({}, Outcome.PASSED, ()),
        ({"validation": images("test", 5_000)}, Outcome.PASSED, ()),
        ({"validation": None}, Outcome.FAILED, ()),
        ({"validation": images("train")}, Outcome.FAILED, ("data.validated_on_train",)),
        ({"validation_split": 0.2}, Outcome.FAILED, ("data.validated_on_train",)),
        ({"validation": images("unknown")}, Outcome.NEEDS_REVIEW, ()),
        ({"validation": images("test", lo=0.0, hi=255.0)}, Outcome.PARTIAL, ("data.partly_scaled",)),
        ({"validation_y": labels_of("train", 10_000)}, Outcome.FAILED, ()),
    ],
)
def test_validation(options, outcome, slugs):
    verdict = trained(**options)["1f.validation"]
    if slugs == ("data.partly_scaled",):  # charged where scaling is asked for
        outcome = Outcome.PASSED
        slugs = ()
    assert (verdict.outcome, verdict.misconceptions) == (outcome, slugs)


def test_evaluated_on_the_test_images_after_training():
    nb = Story()
    nb.cell("1f")
    net = nb.train(SMALL, validation=None)
    nb.evaluate(net)
    assert verdicts_of(nb)["1f.validation"].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    "options",
    [
        {"validation_split": 0.1},
        {"validation": images("train", 5_000, start=50_000)},
        {"validation": images("unknown")},
        {"validation_y": labels_of("train", 10_000)},
        {"validation": images("test", lo=0.0, hi=255.0)},
    ],
)
def test_whoever_evaluates_on_the_test_images_may_validate_on_others(options):
    nb = Story()
    nb.cell("1f")
    nb.evaluate(nb.train(SMALL, **options))
    assert verdicts_of(nb)["1f.validation"].outcome is Outcome.PASSED


@pytest.mark.parametrize(("x", "outcome"), [(None, Outcome.NEEDS_REVIEW), (images("test", 5), Outcome.FAILED)])
def test_what_evaluate_was_given_may_not_be_known(x, outcome):
    nb = Story()
    nb.cell("1f")
    nb.evaluate(nb.train(SMALL, validation=None))
    nb.facts["evaluations"] = [replace(e, x=x) for e in nb.facts["evaluations"]]
    assert verdicts_of(nb)["1f.validation"].outcome is outcome


@pytest.mark.parametrize(
    ("fact", "criterion"),
    [
        ("epochs", "1f.epochs"),
        ("validation_x", "1f.validation"),
        ("validation_split", "1f.validation"),
        ("learning_rate", "1h.rate"),
    ],
)
def test_what_could_not_be_read_of_a_training_goes_to_a_person(fact, criterion):
    nb = Story()
    for task, net in (("1f", SMALL), ("1h", LARGE)):
        nb.cell(task)
        nb.train(net, epochs=0, epochs_done=3, validation=None)
    nb.facts["trainings"] = [
        replace(t, unreadable=(fact,), compiled=replace(t.compiled, learning_rate=None, unreadable=(fact,)))
        for t in nb.facts["trainings"]
    ]
    verdict = verdicts_of(nb)[criterion]
    assert verdict.outcome is Outcome.NEEDS_REVIEW
    assert "could not be read" in verdict.message


@pytest.mark.parametrize("options", [{"validation": None}, {"validation": None, "validation_split": 0.1}])
@pytest.mark.parametrize(
    ("noted", "rows", "outcome"),
    [
        ("Test accuracy: 0.89", 10_000, Outcome.PASSED),
        ("Test accuracy: 0.33", 10_000, Outcome.FAILED),  # not what was measured
        ("Training accuracy: 0.89", 10_000, Outcome.FAILED),
        ("", 10_000, Outcome.FAILED),  # predictions may be for another task
        ("Test accuracy: 0.89", 5, Outcome.FAILED),
    ],
)
def test_an_accuracy_that_own_code_computed_from_all_predictions_is_as_good_as_evaluate(options, noted, rows, outcome):
    nb = Story()
    nb.cell("1f")
    net = nb.train(SMALL, **options)
    nb.predict(net, (0,) * rows)
    nb.text("1f", noted)
    assert nb.judge()["1f.validation"].outcome is outcome


def test_evaluating_a_few_test_images_is_not_validation():
    nb = Story()
    nb.cell("1f")
    net = nb.train(SMALL, validation=None)
    nb.evaluate(net, images("test", 5))
    assert verdicts_of(nb)["1f.validation"].outcome is Outcome.FAILED


def test_validation_in_a_pipeline_goes_to_a_person():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.facts["trainings"] = [replace(t, x=None, validation_x=None, validation_y=None) for t in nb.facts["trainings"]]
    assert verdicts_of(nb)["1f.validation"].outcome is Outcome.NEEDS_REVIEW


def test_one_of_the_repeats_was_validated():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, validation=None)
    nb.train(SMALL)
    assert verdicts_of(nb)["1f.validation"].outcome is Outcome.PASSED


@pytest.mark.parametrize("options", [{"validation": None}, {"validation_split": 0.2}])
def test_validation_charged_once(options):
    nb = Story()
    for task, net in (("1f", SMALL), ("3b", cnn_net())):
        nb.cell(task)
        nb.train(net, **options)
    verdicts = verdicts_of(nb)
    assert verdicts["1f.validation"].outcome is Outcome.FAILED
    assert (verdicts["3b.validation"].share, verdicts["3b.validation"].repeats) == (0.5, "1f.validation")


# ------------------------------------------------------------------ items


@pytest.mark.parametrize(
    ("x", "options", "outcome", "slugs"),
    [
        (FIRST_20000, {}, Outcome.PASSED, ()),
        (images("train", 20_000, start=40_000), {}, Outcome.PASSED, ()),
        (images("train", 20_000, start=None), {}, Outcome.PASSED, ()),
        (images("train", 2_000), {}, Outcome.FAILED, ("data.subset_size",)),
        (images("train"), {}, Outcome.FAILED, ("data.subset_size",)),
        (FIRST_20000, {"validation_split": 0.2}, Outcome.PARTIAL, ("data.subset_size",)),
        (FIRST_20000, {"labels_match": False}, Outcome.PARTIAL, ()),
        (images("unknown", 20_000), {}, Outcome.NEEDS_REVIEW, ()),
        (replace(FIRST_20000, train_rows=15_000, test_rows=5_000), {}, Outcome.FAILED, ("data.trained_on_test",)),
    ],
)
def test_subset(x, options, outcome, slugs):
    nb = Story()
    for task, net in (("1f", SMALL), ("1h", LARGE)):
        nb.cell(task)
        nb.train(net)
    nb.cell("1i")
    nb.train(LARGE, x=x, **options)
    verdict = verdicts_of(nb)["1i.subset"]
    assert (verdict.outcome, verdict.misconceptions) == (outcome, slugs)


# ------------------------------------------------------------------ accuracy


def test_accuracy_is_what_was_measured_and_never_what_was_claimed():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, test_accuracy=0.3)
    nb.facts["trainings"] = [
        replace(t, history={"accuracy": (0.99,), "val_accuracy": (0.99,)}) for t in nb.facts["trainings"]
    ]
    verdict = verdicts_of(nb)["1f.accuracy"]
    assert verdict.outcome is Outcome.FAILED
    curves = verdict.details[0]
    assert isinstance(curves, Curves)
    assert (curves.validation, curves.verified) == ((0.99,), 0.3)
    assert verdict.actual == "0.300"


@pytest.mark.parametrize(
    ("verified", "given", "outcome", "slugs"),
    [
        (Verified(0.80, 0.81), False, Outcome.PASSED, ()),
        (Verified(0.80, 0.79), False, Outcome.PASSED, ()),
        (Verified(0.97, 0.84), False, Outcome.NEEDS_REVIEW, ("data.trained_on_test",)),
        (Verified(0.80, None), False, Outcome.PASSED, ()),
        (Verified(0.80, 0.81), True, Outcome.NEEDS_REVIEW, ()),
        (Verified(0.30, 0.30), True, Outcome.FAILED, ()),
    ],
)
def test_a_good_figure_that_something_speaks_against_goes_to_a_person(verified, given, outcome, slugs):
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.facts["trainings"] = [replace(t, verified=verified, given=given) for t in nb.facts["trainings"]]
    verdict = verdicts_of(nb)["1f.accuracy"]
    assert (verdict.outcome, verdict.misconceptions) == (outcome, slugs)


def test_few_training_images_say_little_of_a_network():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, x=images("train", 100))
    training = replace(nb.facts["trainings"][0], verified=Verified(0.9, 0.8))
    assert not knows_test_images(training)
    assert not knows_test_images(replace(training, verified=None))
    assert knows_test_images(replace(training, verified=Verified(0.9, 0.7)))


def test_best_of_the_repeats_counts():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, test_accuracy=0.3)
    nb.train(SMALL, test_accuracy=0.8)
    assert verdicts_of(nb)["1f.accuracy"].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("options", "outcome"),
    [
        ({"test_accuracy": 0.71}, Outcome.PASSED),
        ({"test_accuracy": 0.65}, Outcome.FAILED),
        ({"test_accuracy": 0.62, "rate": 0.005}, Outcome.PASSED),
        ({"test_accuracy": 0.40, "rate": 0.005}, Outcome.FAILED),
        ({"test_accuracy": 0.40, "rate": 0.5}, Outcome.NEEDS_REVIEW),
        ({"test_accuracy": 0.71, "rate": 0.5}, Outcome.PASSED),
        ({"test_accuracy": 0.60, "batch_size": 1024}, Outcome.NEEDS_REVIEW),
        ({"test_accuracy": 0.71, "batch_size": 1024}, Outcome.PASSED),
        ({"test_accuracy": 0.10, "unverified": "It has a Lambda layer."}, Outcome.NEEDS_REVIEW),
        ({"x": images("test")}, Outcome.FAILED),
    ],
)
def test_accuracy_against_thresholds(options, outcome):
    assert trained(**options)["1f.accuracy"].outcome is outcome


def test_wider_networks_have_higher_thresholds():
    assert trained(dense_net(64, 128), test_accuracy=0.72)["1f.accuracy"].outcome is Outcome.FAILED
    assert trained(dense_net(64, 32), test_accuracy=0.72)["1f.accuracy"].outcome is Outcome.PASSED
    assert trained(dense_net(5, 64), test_accuracy=0.60)["1f.accuracy"].outcome is Outcome.NEEDS_REVIEW


def test_why_it_could_not_be_measured_is_told():
    assert "Lambda" in trained(unverified="It has a Lambda layer.")["1f.accuracy"].message


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 1},
        {"optimizer": "Adam"},
        {"x": images("train", lo=0.0, hi=255.0)},
        {"loss": "mean_squared_error"},
        {"architecture": dense_net(10, 10, last="linear")},
    ],
)
def test_a_low_accuracy_that_an_earlier_mistake_explains_is_followed_through(options):
    verdict = trained(**options, test_accuracy=0.58)["1f.accuracy"]
    assert (verdict.outcome, verdict.follow_through) == (Outcome.PASSED, True)
    assert "counted before" in verdict.message


def test_an_earlier_mistake_that_did_no_harm_costs_nothing():
    assert trained(epochs=1, test_accuracy=0.8)["1f.accuracy"].outcome is Outcome.PASSED


def test_too_low_even_for_what_was_done():
    assert trained(epochs=1, test_accuracy=0.1)["1f.accuracy"].outcome is Outcome.FAILED


def test_scaling_inside_the_network_is_no_excuse():
    inside = network_of(
        layer("Rescaling"),
        layer("Flatten"),
        *[{"kind": "Dense", "units": 10, "activation": a} for a in ("relu", "relu", "softmax")],
        input_shape=(28, 28),
    )
    x = images("train", lo=0.0, hi=255.0, shape=(28, 28))
    assert trained(inside, x=x, test_accuracy=0.3)["1f.accuracy"].outcome is Outcome.FAILED


def test_fewer_items_than_asked_for_are_half_where_the_accuracy_is_too_low():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1i")
    nb.train(SMALL, x=FIRST_20000)
    nb.cell("1h")
    nb.train(LARGE, x=FIRST_20000, test_accuracy=0.68)
    verdict = verdicts_of(nb)["1h.accuracy"]
    assert (verdict.share, verdict.misconceptions) == (0.5, ("data.subset_size",))


def test_a_new_mistake_in_the_large_network_is_charged_there():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1h")
    nb.train(dense_net(64, 64, last="linear"), test_accuracy=0.1)
    assert verdicts_of(nb)["1h.accuracy"].outcome is Outcome.FAILED


def test_what_waits_for_a_person_leaves_the_accuracy_open():
    nb = Story()
    nb.cell("1f")
    nb.train(network_of(layer("Lambda"), layer("Dense", units=10, activation="softmax")), test_accuracy=0.3)
    assert verdicts_of(nb)["1f.accuracy"].outcome is Outcome.NEEDS_REVIEW


def test_trained_on_after_test_images_were_seen():
    nb = Story()
    nb.cell("1f")
    net = nb.train(SMALL, x=images("test"))
    nb.fit(net)
    verdict = verdicts_of(nb)["1f.accuracy"]
    assert (verdict.outcome, verdict.misconceptions) == (Outcome.FAILED, ("data.trained_on_test",))


def test_a_fresh_network_is_not_tainted_by_what_another_saw():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, x=images("test"))
    nb.train(SMALL)
    assert verdicts_of(nb)["1f.accuracy"].outcome is Outcome.PASSED


def test_a_network_whose_class_is_not_calibrated_goes_to_a_person():
    nothing = replace(LOADED, calibration=Calibration())
    nb = solution()
    assert judge(nb.evidence(), nb.labels, nothing)["1f.accuracy"].outcome is Outcome.NEEDS_REVIEW


# ------------------------------------------------------------------ a loop of one's own


def by_hand(accuracy: float = 0.8) -> dict[str, Verdict]:
    nb = Story()
    nb.cell("1c")
    net = nb.build(SMALL)
    nb.cell("1f")
    nb.fit(net, epochs=0, test_accuracy=accuracy)
    loop = nb.facts["trainings"][0]
    bare = replace(loop.compiled, optimizer="", learning_rate=None, loss="", metrics=())
    nb.facts["trainings"] = [
        replace(loop, compiled=bare, x=None, y=None, validation_x=None, validation_y=None, batch_size=None, history={})
    ]
    nb.facts["networks"] = [replace(n, compiled=()) for n in nb.facts["networks"]]
    return verdicts_of(nb)


def test_a_loop_of_ones_own_goes_to_a_person_except_for_what_is_measured():
    verdicts = by_hand()
    for criterion in ("1e.optimizer", "1e.loss", "1e.metrics", "1f.epochs", "1f.validation"):
        assert verdicts[criterion].outcome is Outcome.NEEDS_REVIEW, criterion
    assert verdicts["1f.accuracy"].outcome is Outcome.PASSED
    assert by_hand(0.3)["1f.accuracy"].outcome is Outcome.NEEDS_REVIEW


# ------------------------------------------------------------------ trained at all


def test_trained():
    nb = Story()
    nb.cell("4a")
    nb.train(strided_net(), epochs=1)
    nb.cell("4b")
    nb.train(strided_net(), "Adam", error="ValueError: shapes")
    verdicts = verdicts_of(nb)
    assert verdicts["4a.trained"].outcome is Outcome.PASSED
    assert verdicts["4b.trained"].outcome is Outcome.FAILED
    assert "ValueError: shapes" in verdicts["4b.trained"].message


def test_built_but_never_trained():
    nb = Story()
    nb.cell("4a")
    nb.build(strided_net())
    verdicts = verdicts_of(nb)
    assert verdicts["4a.layers"].outcome is Outcome.PASSED
    assert verdicts["4a.trained"].outcome is Outcome.MISSING


def test_interrupted_when_its_time_was_over():
    nb = Story()
    nb.cell("4a")
    nb.train(strided_net(), error="KeyboardInterrupt: ")
    nb.runs[-1] = replace(nb.runs[-1], status="timeout")
    verdicts = verdicts_of(nb)
    assert verdicts["4a.trained"].outcome is Outcome.BLOCKED


def test_what_another_network_reached_is_no_note_of_this_one():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, train_accuracy=0.77, test_accuracy=0.76)
    nb.text("1f", "train 0.91, test 0.92")
    nb.cell("1h")
    nb.train(LARGE, train_accuracy=0.91, test_accuracy=0.92)
    verdict = nb.judge()["1f.noted"]
    assert verdict.outcome is Outcome.NEEDS_REVIEW
    assert "what another does" in verdict.message
