"""Check of a trained network's accuracy: as measured outside the kernel, never as claimed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grader.keras.align import compare
from grader.keras.canonical import canonical
from grader.marking.candidates import is_custom_loop, same_rate
from grader.marking.checks.architecture_mistakes import mistakes_in
from grader.marking.checks.case import Charge
from grader.marking.checks.registry import check
from grader.marking.checks.training import epochs_text, never_trained, trained_rows
from grader.marking.network_slots import hidden_units
from grader.records import Curves, Outcome
from grader.training.verification import TRAIN_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.marking.checks.case import Case
    from grader.marking.match import Matched
    from grader.records import Cause, Training, Verdict

_STANDARD_ERROR_MOST = 0.5
"""Of an accuracy, times the square root of the items: √(p·(1 − p)) at p = ½."""
_FEWER_ITEMS = 0.5
"""Chosen: what training on fewer items than asked for costs where it is why the accuracy is too low."""
_TEST_CHANCE = 0.02
"""Chosen: three standard errors of the test figure (0.015 on 10,000 images), and room for what is harder to count."""


@check("training.accuracy")
def accuracy(case: Case) -> Verdict:
    """The network reaches what right solutions reach, on the official test images; best of its repeats."""
    matched = case.matched
    ended = [t for t in matched.repeats if t.epochs_done or is_custom_loop(t)] if matched else []
    if matched is None or not ended:
        return _not_trained(case, matched)
    clean = [t for t in ended if not _saw_test_images(case, t)]
    if not clean:
        sentence = "The network was trained on test images, so its accuracy says nothing about new ones."
        facts = {"place": ended[0].place, "details": (_curves(ended[0]),)}
        return case.failed(sentence, misconceptions=("data.trained_on_test",), **facts)
    measured = [t for t in clean if t.verified and t.verified.test_accuracy is not None]
    if not measured:
        reasons = (t.verified.reason for t in clean if t.verified and t.verified.reason)
        sentence = "The accuracy could not be measured here, so a person will look at it. "
        sentence += next(reasons, "It could not be rebuilt.")
        return case.needs_review(sentence, place=clean[0].place, details=(_curves(clean[0]),))
    best = max(measured, key=_measured)
    verdict = _against_thresholds(case, matched, best)
    if verdict.share and (doubt := _doubt(best)):
        facts = {"expected": verdict.expected, "actual": verdict.actual, "details": verdict.details}
        slugs = ("data.trained_on_test",) if knows_test_images(best) else ()
        return case.needs_review(
            f"{verdict.message} {doubt} A person will look at it.", place=best.place, misconceptions=slugs, **facts
        )
    return verdict


def _doubt(training: Training) -> str:
    """Why a person has to look at a good figure; '' when nothing speaks against it."""
    if knows_test_images(training):
        assert training.verified is not None
        reached = f"{training.verified.train_accuracy:.3f}"
        return (
            f"On training images it reaches {reached} only, as networks do that have seen the test images in training."
        )
    if training.given:
        return "The weights that it started from were put in and come from no training of this notebook."
    return ""


def knows_test_images(training: Training) -> bool:
    """Whether it does better on the test images than on those it was trained on, by more than chance.

    Honest networks do not: the official test images are no easier than the training images. Chance: three standard
    errors of the training figure at worst, and `_TEST_CHANCE`.
    """
    verified = training.verified
    if verified is None or verified.test_accuracy is None or verified.train_accuracy is None:
        return False
    measured = min(training.x.train_rows if training.x and training.x.train_rows else TRAIN_ROWS, TRAIN_ROWS)
    chance = 3 * _STANDARD_ERROR_MOST / math.sqrt(measured)
    return verified.test_accuracy > verified.train_accuracy + chance + _TEST_CHANCE


def _against_thresholds(case: Case, matched: Matched, training: Training) -> Verdict:
    """Whether it reaches what is asked for; else what its own choices reach, and what may explain the rest."""
    reached, asked = _measured(training), _asked_threshold(case, training)
    # whoever reaches what exactly the sheet's version reaches is right, whatever was chosen
    threshold = asked if asked is not None else _threshold(case)
    facts = {
        "expected": f"at least {threshold:.3f}" if threshold is not None else "",
        "actual": f"{reached:.3f}",
        "place": training.place,
        "details": (_curves(training, threshold),),
    }
    measured = f"Measured here on the official test images: {reached:.3f}"
    if threshold is not None and reached >= threshold:
        return case.passed(f"{measured}, at least {threshold:.3f} is expected.", **facts)
    own_threshold, reasons = _own_threshold(case, training), list(_reasons(case, matched, training))
    below = f"{measured}, where {threshold:.3f} is expected" if threshold is not None else measured
    if any(reason.open for reason in reasons):
        return case.needs_review(f"{below}; what else is undecided here may explain it: a person will look.", **facts)
    if own_threshold is not None and reached < own_threshold and all(reason.in_own for reason in reasons):
        return case.failed(f"{below}.", **facts)
    if not reasons:
        unlike = asked is None or not same_rate(training.compiled.learning_rate, case.spec.learning_rate)
        if own_threshold is None and unlike:
            sentence = (
                f"{measured}. There are no figures for your choices to compare with, so a person will look at it."
            )
            return case.needs_review(sentence, **facts)
        if own_threshold is not None and reached >= own_threshold:
            return case.passed(f"{measured}, as expected of your choices (at least {own_threshold:.3f}).", **facts)
        return case.failed(f"{below}.", **facts)
    why = " and ".join(reason.phrase for reason in reasons)
    if any(reason.charged for reason in reasons):
        return case.followed_through(f"{below}: {why}, which was counted before.", **facts)
    # right for what the student did, as far as it is known what that reaches
    cost = _FEWER_ITEMS if own_threshold is not None and reached >= own_threshold else 1.0
    charges = [Charge(reason.cause, cost) for reason in reasons if reason.cause]
    if not charges:
        return case.failed(f"{below}: {why}.", **facts)
    return case.charge(f"{below}: {why}.", *charges, misconceptions=("data.subset_size",), **facts)


# ------------------------------------------------------------------ thresholds


def _threshold(case: Case, **choices: Any) -> float | None:
    """The calibrated threshold for exactly what the sheet says, but for some choices (see `Calibration.threshold`)."""
    spec = case.spec
    asked = {
        "width": min(hidden_units(spec), default=None),
        "batch_size": spec.batch_size,
        "learning_rate": spec.learning_rate,
        "train_rows": spec.train_rows,
        "epochs": spec.epochs,
        "optimizer": spec.optimizer,
    }
    return case.calibration.threshold(spec.name, **(asked | choices))


def _asked_threshold(case: Case, training: Training) -> float | None:
    """For what is asked for, with the student's free choices: batch size, free widths, a split."""
    spec = case.spec
    widths = canonical(training.architecture).hidden_units
    free = any("units" in layer.free for layer in spec.model.layers)
    width = min(widths) if free and widths else min(hidden_units(spec), default=None)
    rows = min(spec.train_rows, trained_rows(training)) if training.validation_split else spec.train_rows
    return _threshold(case, width=width, batch_size=training.batch_size or spec.batch_size, train_rows=rows)


def _own_threshold(case: Case, training: Training) -> float | None:
    """For just what the student did."""
    compiled = training.compiled
    if compiled.learning_rate is None or compiled.learning_rate <= 0 or is_custom_loop(training):
        return None
    return _threshold(
        case,
        width=min(canonical(training.architecture).hidden_units, default=None),
        batch_size=training.batch_size or case.spec.batch_size,
        learning_rate=compiled.learning_rate,
        train_rows=trained_rows(training),
        epochs=training.epochs_done,
        optimizer=compiled.optimizer,
    )


# ------------------------------------------------------------------ what may explain a low figure


@dataclass(frozen=True, slots=True)
class _Reason:
    phrase: str
    charged: bool
    """An earlier criterion lost points for it."""
    in_own: bool = False
    """The threshold for what the student did takes it into account."""
    cause: Cause = ()
    """Charged here, where nothing charged it before."""
    open: bool = False
    """A person still has to decide on it."""


def _reasons(case: Case, matched: Matched, training: Training) -> Iterator[_Reason]:
    spec, compiled, x = case.spec, training.compiled, training.x
    if mistakes_in(compare(spec.model, training.architecture), compiled):
        yield _reason(case, "the network differs from what is asked for", "model.")
    if compiled.optimizer != spec.optimizer and compiled.optimizer:
        yield _reason(case, f"it was trained with {compiled.optimizer}", "compile.", in_own=True)
    elif not same_rate(compiled.learning_rate, spec.learning_rate) and case.charged("optimizer.rate_off"):
        yield _Reason("it was trained at another learning rate", charged=True, in_own=True)
    if compiled.loss != spec.loss:
        yield _reason(case, f"its loss is {compiled.loss}", "compile.")
    if 0 < sum(t.epochs for t in matched.repeats if t.network == training.network) < spec.epochs:
        yield _reason(case, f"it was trained for {epochs_text(training.epochs)}", "training.epochs", in_own=True)
    if x is not None and not training.validation_split and x.rows < spec.train_rows:
        phrase = f"it saw {x.rows} items instead of {spec.train_rows}"
        cause = ("data.subset_size", spec.train_rows, x.rows)
        yield replace(_reason(case, phrase, "training.subset", in_own=True), cause=cause)
    scales = any(step.kind in {"Rescaling", "Normalization"} for step in canonical(training.architecture).steps)
    if x is not None and not scales and (x.unknown_rows or (x.lo, x.hi) != (0.0, 1.0)):
        yield _reason(case, "its images are not the official ones scaled to [0, 1]", "data.")


def _reason(case: Case, phrase: str, check_name: str, *, in_own: bool = False) -> _Reason:
    """A deviation that criteria with this kind of check are about."""
    about = case.earlier_of(check_name)
    return _Reason(
        phrase,
        charged=any(v.causes for v in about),
        in_own=in_own,
        open=any(v.outcome is Outcome.NEEDS_REVIEW for v in about),
    )


def _saw_test_images(case: Case, training: Training) -> bool:
    """Whether it, or a training that it continues, was fitted to test images."""
    fits = [t for t in case.evidence.trainings if t.network == training.network]
    for fit in reversed(fits[: fits.index(training) + 1]):
        if fit.x is not None and fit.x.test_rows:
            return True
        if fit.number == 0:
            break
    return False


def _not_trained(case: Case, matched: Matched | None) -> Verdict:
    error = next((t.error for t in matched.repeats if t.error), "") if matched else ""
    if not error or error.startswith("KeyboardInterrupt"):
        return never_trained(case, matched)
    sentence = f"The network was not trained: `fit` stopped with {error.splitlines()[0][:200]}"
    return case.absent(sentence, place=matched.place if matched else None)


def _measured(training: Training) -> float:
    verified = training.verified
    return verified.test_accuracy if verified and verified.test_accuracy is not None else 0.0


def _curves(training: Training, threshold: float | None = None) -> Curves:
    history = training.history
    names = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy")
    verified = training.verified.test_accuracy if training.verified else None
    return Curves(
        train=next((history[n] for n in names if n in history), ()),
        validation=next((history[f"val_{n}"] for n in names if f"val_{n}" in history), ()),
        verified=verified,
        threshold=threshold,
    )
