"""Checks of how networks were trained: rate, epochs, validation, the items they saw."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from grader.marking.candidates import is_custom_loop, same_rate
from grader.marking.checks.case import Charge
from grader.marking.checks.compile import rate_cause, rate_text
from grader.marking.checks.noted_accuracies import Notes
from grader.marking.checks.registry import check
from grader.records import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.marking.checks.case import Case
    from grader.marking.checks.registry import Check
    from grader.marking.match import Matched
    from grader.records import Training, Verdict

_CUSTOM_LOOP = "You train with a loop of your own, which the grader cannot follow: a person will look at it."
TEST_ROWS = 10_000
"""Official test images."""


def needs_training(judge: Callable[[Case, Matched, Training], Verdict]) -> Check:
    """Make a check of what judges a training: that there is none is the verdict where there is none."""

    @functools.wraps(judge)
    def judged(case: Case) -> Verdict:
        matched = case.matched
        if matched is None or matched.training is None:
            return never_trained(case, matched)
        return judge(case, matched, matched.training)

    return judged


@check("training.rate")
def rate(case: Case) -> Verdict:
    """The network trained at the learning rate that is asked for."""
    matched = case.matched
    spec = case.spec
    expected = f"{spec.learning_rate:g}"
    if matched is None or matched.compiled is None:
        return never_trained(case, matched)
    compiled = matched.compiled
    facts = {"expected": expected, "actual": rate_text(compiled), "place": matched.place}
    if "learning_rate" in compiled.unreadable:
        return case.unreadable("The learning rate", **facts)
    if compiled.learning_rate is None:
        return case.needs_review("The learning rate follows a schedule: a person will look at it.", **facts)
    right = same_rate(compiled.learning_rate, spec.learning_rate)
    if matched.training is None:
        if not right:
            return never_trained(case, matched)
        return case.partial(0.5, f"Compiled with a rate of {expected}, but never trained.", **facts)
    if right:
        other = "" if compiled.optimizer == spec.optimizer else f" The optimizer is {compiled.optimizer}, though."
        return case.passed(f"Trained at a rate of {expected}.{other}", **facts)
    if compiled.optimizer != spec.optimizer and _own_default(case, matched) and case.charged("optimizer.other"):
        sentence = f"Back at the rate of your own first network, {rate_text(compiled)}, but not at {expected}."
        return case.followed_through(sentence, **facts)
    sentence = f"Trained at a rate of {rate_text(compiled)} instead of {expected}."
    charge = Charge(rate_cause(spec.learning_rate, compiled))
    return case.charge(sentence, charge, misconceptions=("optimizer.rate_off",), **facts)


def _own_default(case: Case, matched: Matched) -> bool:
    """Whether it has the optimizer and the rate of the student's first network, and is another one."""
    first = case.first_network
    if first is None or first.compiled is None or matched.compiled is None:
        return False
    before, here = first.compiled, matched.compiled
    # what asks for the first network's rate is followed through; another rate was asked for on purpose
    same_asked = same_rate(case.spec.learning_rate, case.spec_of(first.slot).learning_rate)
    same_used = before.learning_rate is not None and same_rate(here.learning_rate, before.learning_rate)
    return same_asked and same_used and before.optimizer == here.optimizer


@check("training.epochs")
@needs_training
def epochs(case: Case, matched: Matched, training: Training) -> Verdict:
    """The number of epochs that is asked for, in one `fit` or in several that continue one another."""
    wanted = case.spec.epochs
    facts = {"expected": f"{wanted} epochs", "actual": epochs_text(training.epochs), "place": training.place}
    if "epochs" in training.unreadable:
        return case.unreadable("The number of epochs", expected=f"{wanted} epochs", place=training.place)
    if is_custom_loop(training):
        return case.needs_review(_CUSTOM_LOOP, expected=f"{wanted} epochs", place=training.place)
    if any(t.epochs == wanted for t in matched.repeats):
        stopped = f" It stopped early: {_first_line(training.error)}." if training.error else ""
        return case.passed(f"{wanted} epochs, as asked for.{stopped}", **facts)
    together = sum(t.epochs for t in matched.repeats if t.network == training.network and not t.error)
    if together == wanted:
        return case.passed(f"{wanted} epochs in all, in {len(matched.repeats)} calls of `fit`.", **facts)
    asked = f"{epochs_text(training.epochs)} instead of {wanted}"
    sentence = f"Trained for {asked}."
    if training.error and not training.epochs_done:
        sentence = f"`fit` is asked for {asked} (and stopped at once: {_first_line(training.error)})."
    charge = Charge(("train.epochs", wanted, training.epochs))
    return case.charge(sentence, charge, misconceptions=("train.epochs",), **facts)


@check("training.validation")
@needs_training
def validation(case: Case, matched: Matched, _training: Training) -> Verdict:
    """Validated on the official test images."""
    verdicts = [_validation(case, t) for t in matched.repeats]
    return max(verdicts, key=lambda verdict: (verdict.share, verdict.outcome is Outcome.NEEDS_REVIEW))


def _validation(case: Case, training: Training) -> Verdict:
    """Judge what `fit` validated on; `evaluate` on the test images afterwards is as good, whatever that was.

    So is an accuracy that the student's own code computed from the predictions of all of them.
    """
    verdict = _validated(case, training)
    if verdict.share == 1:
        return verdict
    facts = {"expected": "the test images", "place": training.place}
    seen = [e.x for e in case.evidence.evaluations if e.network == training.network]
    if any(x is not None and x.is_test and x.rows >= TEST_ROWS for x in seen):  # whole sets only, not single items
        sentence = "Evaluated on the test images after training; with `validation_data` you see it after each epoch."
        return case.passed(sentence, actual="`evaluate` on the test images", **facts)
    if None in seen:
        return case.unreadable("What `evaluate` was given", **facts)
    if _has_predicted(case, training) and Notes(case).claims("test")[0]:
        sentence = "Measured on the test images by your own code; with `validation_data` you see it after each epoch."
        return case.passed(sentence, actual="`predict` on the test images, and the accuracy noted", **facts)
    return verdict


def _has_predicted(case: Case, training: Training) -> bool:
    """Whether the network predicted all test images, from which the student may have counted what is right."""
    mine = (p.x for p in case.evidence.predictions if p.network == training.network)
    return any(x is not None and x.is_test and x.rows >= TEST_ROWS for x in mine)


def _validated(case: Case, training: Training) -> Verdict:
    facts = {"expected": "the test images", "place": training.place}
    validation_x = training.validation_x
    if validation_x is not None and validation_x.is_test:
        rows = validation_x.rows
        facts["actual"] = "the test images" if rows >= TEST_ROWS else f"{rows} of the test images"
        if training.validation_y is not None and training.validation_y.is_train:
            sentence = "The test images are validated with labels of the training images."
            return case.charge(sentence, Charge(("validation", "labels of other images")), **facts)
        if _scaled_apart(training):
            sentence = "Validated on the test images, but these are not scaled as the training images are."
            if before := next((v for v in case.earlier_of("data.scaled") if v.causes), None):
                return case.followed_through(f"{sentence} That was charged under {before.criterion}.", **facts)
            facts["actual"] = "the test images, scaled otherwise"
            slug = "data.partly_scaled"
            return case.charge(sentence, Charge((slug,), 0.5), misconceptions=(slug,), **facts)
        part = "" if rows >= TEST_ROWS else f" There are {TEST_ROWS} of them; you use {rows}."
        return case.passed(f"Validated on the test images.{part}", **facts)
    on_train = training.validation_split > 0 or (validation_x is not None and validation_x.train_rows > 0)
    if on_train:
        facts["actual"] = "training images" if validation_x is not None else f"a split of {training.validation_split:g}"
        sentence = "Validated on training images; the test images are asked for."
        slug = "data.validated_on_train"
        return case.charge(sentence, Charge((slug,)), misconceptions=(slug,), **facts)
    if {"validation_x", "validation_split"} & {*training.unreadable}:
        return case.unreadable("What `fit` validated on", **facts)
    if is_custom_loop(training):
        return case.needs_review(_CUSTOM_LOOP, **facts)
    if validation_x is not None or any(name.startswith("val_") for name in training.history):
        facts["actual"] = "images that are not recognised"
        return case.needs_review("The validation images are not recognised: a person will look at them.", **facts)
    facts["actual"] = "no validation"
    sentence = "Trained without validation; the test images are asked for."
    return case.charge(sentence, Charge(("validation", "none")), **facts)


def _scaled_apart(training: Training) -> bool:
    """Whether training and validation images are known to be scaled differently."""
    x, validation_x = training.x, training.validation_x
    if x is None or validation_x is None or None in {x.lo, x.hi, validation_x.lo, validation_x.hi}:
        return False
    return (x.lo, x.hi) != (validation_x.lo, validation_x.hi)


@check("training.subset")
@needs_training
def subset(case: Case, _matched: Matched, training: Training) -> Verdict:
    """Trained on as many training items as are asked for; which ones is not important."""
    wanted = case.spec.train_rows
    expected = f"{wanted} training items"
    if training.x is None or training.x.unknown_rows or training.x.kind != "images":
        sentence = (
            _CUSTOM_LOOP
            if is_custom_loop(training)
            else "The images of this training are not recognised: a person looks."
        )
        return case.needs_review(sentence, expected=expected, place=training.place)
    rows = trained_rows(training)
    facts = {"expected": expected, "actual": f"{rows} items", "place": training.place}
    if training.x.test_rows:
        sentence = "Test images are among those that the network is trained on."
        return case.failed(sentence, misconceptions=("data.trained_on_test",), **facts)
    if rows == wanted:
        if training.labels_match is False:
            return case.partial(0.5, f"{wanted} items, but the labels are not those of these images.", **facts)
        note = "" if training.x.start == 0 else " They are not the first ones, which does no harm."
        return case.passed(f"Trained on {wanted} training items.{note}", **facts)
    slug = "data.subset_size"
    cost, sentence = 1.0, f"Trained on {rows} items instead of {wanted}."
    if training.x.rows == wanted:
        cost, sentence = 0.5, f"Of the {wanted} items, `validation_split` leaves {rows} to train on."
        if before := case.charged("data.validated_on_train"):
            return case.followed_through(f"{sentence} The split was charged under {before.criterion}.", **facts)
    return case.charge(sentence, Charge((slug, wanted, rows), cost), misconceptions=(slug,), **facts)


def trained_rows(training: Training) -> int:
    """Items that weights were fitted to: Keras holds the last `validation_split` of them back."""
    rows = training.x.rows if training.x else 0
    return int(rows * (1 - training.validation_split)) if 0 < training.validation_split < 1 else rows


@check("training.trained")
@needs_training
def trained(case: Case, matched: Matched, training: Training) -> Verdict:
    """It was trained at all."""
    if not training.epochs_done and not is_custom_loop(training):
        if training.error.startswith("KeyboardInterrupt"):
            return never_trained(case, matched)
        error = _first_line(training.error) or "no epoch was completed"
        return case.failed(f"Training stopped before the first epoch was over: {error}.", place=training.place)
    done = f" ({training.epochs_done} epochs)" if training.epochs_done > 1 else ""
    return case.passed(f"It was trained{done}.", place=training.place)


def epochs_text(epochs: int) -> str:
    """'1 epoch', '3 epochs'."""
    return f"{epochs} {'epoch' if epochs == 1 else 'epochs'}"


def never_trained(case: Case, matched: Matched | None) -> Verdict:
    """`missing`, or `blocked` where the code never had its turn."""
    if matched is None:
        return case.absent("No such network was trained when the notebook ran.")
    return case.absent("The network was built but not trained when the notebook ran.", place=matched.network.place)


def _first_line(error: str) -> str:
    return error.strip().split("\n", 1)[0][:200].rstrip(".")
