"""The default learning rate that a student has to state."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.extraction.final_answers import Firmness, firmest, firmness, in_lists, since_figure
from grader.extraction.numbers import WRITTEN, ExtractedNumber, NumberOrigin, extract_numbers
from grader.marking.checks.parameter_count import number_facts
from grader.marking.checks.registry import check

if TYPE_CHECKING:
    from grader.marking.checks.case import Case
    from grader.records import Verdict

_USUAL_RATE = 0.001
"""Default of every optimizer of Keras but SGD."""
_OF_KERAS = {
    "SGD", "Adam", "AdamW", "Adamax", "Nadam", "Adagrad", "Adadelta", "Adafactor", "RMSprop", "Ftrl", "Lion", "Lamb",
}  # fmt: skip
_FLOAT32 = 1e-6
"""Relative; printed rates bear the rounding of float32, at most 6e-8: 0.009999999776 is 0.01."""
_SAME_AS_TRAINED = 1e-5
"""Relative; chosen: a rate that was trained with, as a student writes it."""
_CLAIM = re.compile(
    r"default|standard|voreinstell|vorgabe|vorgegeben|before|previous|vorher|bisher|zuvor|initial|originally|implicit"
    r"|\b(?:was|war|is|ist|used|verwendet)\b|[=:]",
    re.IGNORECASE,
)
_PAST_OR_DEFAULT = re.compile(r"default|standard|voreinst|was|war", re.IGNORECASE)
_RATE = re.compile(
    r"learning|lernrate|\brate\b|\blr\b|schrittweite|default|standard|voreinstell|step size|\beta\b|η|α|\balpha\b",
    re.IGNORECASE,
)
_OTHER_FIGURE = re.compile(r"acc|genauigkeit|loss|verlust|%|\btest\b|\btrain", re.IGNORECASE)
_READS_RATE = re.compile(r"learning_rate|\.lr\b|get_config|\blr\b")
_CODE = {NumberOrigin.LITERAL, NumberOrigin.ARITHMETIC, NumberOrigin.SETTING}
_PLAUSIBLE = re.compile(r"[1235]\.0{6}e-\d+")
"""One digit: accuracies and losses have more."""
_CALLED_DEFAULT = re.compile(r"default|standard|voreinst|vorgabe|^[\W_]*$", re.IGNORECASE)
"""What stands before a rate that is called the default, or that stands alone."""
_OTHER_OPTIMIZER = re.compile(r"adam|rmsprop|adagrad|adadelta|nadam|ftrl", re.IGNORECASE)
_SETS_RATE = re.compile(r"learning_rate|\blr\b|\brate|SGD\(|\beta\b|lernrate")


@check("number.default_rate")
def default_rate(case: Case) -> Verdict:
    """The default learning rate of the optimizer is stated: in words, by printing it, or by setting it."""
    accepted = _accepted(case)
    expected = " or ".join(f"{rate:g}" for rate in accepted)
    rates = [number for number in extract_numbers(case.evidence) if any(0 < v < 1 for v in number.values)]
    right = [number for number in rates if _is(number, accepted)]
    stated = [number for number in right if number.origin in WRITTEN | {NumberOrigin.PRINTED}]
    under_label = (number for number in stated if case.is_labelled(number.place) and not number.percent)
    elsewhere = (number for number in stated if _called_rate(case, number))
    if number := next(under_label, None) or next(elsewhere, None):
        if rivals := _rivals(case, accepted, rates, number):
            message = f"{number.text} is stated beside {', '.join(rivals)}: several different guesses are no answer."
            return case.failed(message, expected=expected, **number_facts(number))
        message = f"The default learning rate, {number.text}, is stated."
        return case.passed(message, expected=expected, **number_facts(number))
    claims = (number for number in rates if case.is_labelled(number.place) and not number.percent)
    if number := next((claim for claim in claims if _claims_default(case, claim)), None):
        message = f"{number.text} is not the default learning rate of {_optimizer(case)}."
        return case.failed(message, expected=expected, **number_facts(number))
    in_code = (number for number in right if number.origin in _CODE)
    number = next((n for n in in_code if _SETS_RATE.search(n.context) and n.says(_true_default(case), _FLOAT32)), None)
    if number and _tells_of_default(case, accepted):
        message = f"Your code sets the learning rate to {number.text}, which is the default of {_optimizer(case)}."
        return case.passed(message, expected=expected, **number_facts(number))
    return case.absent("The default learning rate is not stated.", expected=expected)


def _rivals(case: Case, accepted: tuple[float, ...], rates: list[ExtractedNumber], right: ExtractedNumber) -> list[str]:
    """Other rates that are stated in the same place as the default, at least as firmly as the right one."""
    specs = [case.spec_of(slot.id) for slot in case.rubric.networks]
    used = {t.compiled.learning_rate for t in case.evidence.trainings}
    used |= {spec.learning_rate for spec in specs if spec.optimizer == case.spec.optimizer}
    here = [
        n
        for n in rates
        if n.place.cell == right.place.cell
        and n.origin in WRITTEN | {NumberOrigin.PRINTED}
        and _PLAUSIBLE.fullmatch(f"{n.values[-1]:.6e}")
        and (_is(n, accepted) or not any(rate and n.says(rate, _SAME_AS_TRAINED) for rate in used))
        and not _OTHER_OPTIMIZER.search(since_figure(n) + re.split(r"[\d,;.]", n.after)[0])
    ]
    guesses = [
        listed
        for listed in in_lists(here)
        if len(listed) > 1 or _is(listed[0], accepted) or _CALLED_DEFAULT.search(since_figure(listed[0]))
    ]
    firm, top = firmest(guesses, _RATE)
    values = {n.text: _is(n, accepted) for n in top}
    decided = firm is Firmness.PASSING or (firmness(right, _RATE) > Firmness.RETRACTED and not any(values.values()))
    return [] if decided else [text for text, is_right in values.items() if not is_right]


def _is(number: ExtractedNumber, rates: tuple[float, ...]) -> bool:
    return any(number.says(rate, _FLOAT32) for rate in rates)


def _accepted(case: Case) -> tuple[float, ...]:
    """What is asked for, and the true default of the optimizer that the student really used."""
    asked = case.reference.numbers[case.criterion.expects]
    return tuple(dict.fromkeys((asked, _true_default(case))))


def _true_default(case: Case) -> float:
    """The default of the optimizer that the student used; of the one that is asked for where that is not known."""
    return case.reference.numbers[case.criterion.expects] if _optimizer(case) == case.spec.optimizer else _USUAL_RATE


def _optimizer(case: Case) -> str:
    """The optimizer that the student used; the one that is asked for where none is known."""
    compiled = case.matched.compiled if case.matched else None
    return compiled.optimizer if compiled is not None and compiled.optimizer in _OF_KERAS else case.spec.optimizer


def _called_rate(case: Case, number: ExtractedNumber) -> bool:
    """Whether a number is called a learning rate where it stands, or is the output of code that reads one."""
    if number.origin is not NumberOrigin.PRINTED:
        return bool(_RATE.search(number.context))
    cell = next((c for c in case.evidence.submission.cells if c.index == number.place.cell), None)
    return bool(_RATE.search(number.context.replace("_", " "))) or bool(cell and _READS_RATE.search(cell.source))


def _claims_default(case: Case, number: ExtractedNumber) -> bool:
    """Whether a text says of a number that it is the default; a rate that was trained with needs plainer words."""
    context = number.context
    if number.origin not in WRITTEN or _OTHER_FIGURE.search(context):
        return False
    if not _CLAIM.search(context) or not _RATE.search(context):
        return False
    trained = {training.compiled.learning_rate for training in case.evidence.trainings}
    used = any(number.says(rate, _SAME_AS_TRAINED) for rate in trained if rate)
    return bool(_PAST_OR_DEFAULT.search(context)) or not used


def _tells_of_default(case: Case, accepted: tuple[float, ...]) -> bool:
    """Whether a rate that code sets tells of the default.

    Where no label says what is answered, a network has it and another one another rate; else it is any code's rate.
    """
    if case.labels.spans:
        return True
    rates = {round(c.learning_rate, 6) for n in case.evidence.networks for c in n.compiled if c.learning_rate}
    return len(rates) > 1 and bool(rates & {round(rate, 6) for rate in accepted})
