"""Checks of how networks were compiled: optimizer, loss, metrics."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.extraction.passages import tree_of
from grader.keras.align import compare
from grader.keras.canonical import canonical
from grader.marking.candidates import is_custom_loop, same_rate
from grader.marking.checks.case import Charge, could_not_be_read
from grader.marking.checks.registry import check

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.marking.checks.case import Case
    from grader.marking.match import Matched
    from grader.records import Cause, Compiled, Verdict

_RELATED = {"Adam": {"AdamW", "Nadam", "Adamax"}}
"""Optimizers that work the same way and are not the one that is asked for."""

_ENCODERS = {"to_categorical", "one_hot", "eye", "get_dummies", "LabelBinarizer", "OneHotEncoder"}
_METRIC_NAMES = {"acc": "accuracy"}


@dataclass(frozen=True, slots=True)
class _Part:
    """What was found of one part of `compile`."""

    share: float | None
    """None: a person decides."""
    expected: str
    actual: str
    sentence: str
    cause: Cause = ()
    """Where it costs points: the misconception or the parameter, what is asked for, what there is."""
    slug: str = ""


@check("compile.optimizer")
def optimizer(case: Case) -> Verdict:
    """The optimizer that is asked for, on one of the networks that are asked for."""
    return _judged(case, "optimizer", _optimizer_on_a_network)


@check("compile.loss")
def loss(case: Case) -> Verdict:
    """The loss that is asked for, consistent with the labels and the output."""
    return _judged(case, "loss", _loss)


@check("compile.metrics")
def metrics(case: Case) -> Verdict:
    """Accuracy is measured, under any of its names."""
    return _judged(case, "metrics", _metrics)


@check("compile.all")
def everything(case: Case) -> Verdict:
    """Optimizer, loss and metrics together, a third of the points each."""
    matched = case.matched
    if matched is None or matched.compiled is None:
        return _never_compiled(case, matched)
    compiled = matched.compiled
    found = {
        "optimizer": _optimizer(case, compiled, as_before=True),
        "loss": _loss(case, matched, compiled),
        "metrics": _metrics(case, matched, compiled),
    }
    parts = [_as_read(compiled, fact, part) for fact, part in found.items()]
    facts = {
        "expected": ", ".join(part.expected for part in parts),
        "actual": ", ".join(part.actual for part in parts),
        "place": compiled.place,
    }
    wrong = [part for part in parts if part.share != 1]
    if not wrong:
        notes = " ".join(part.sentence for part in parts if part.sentence)
        return case.graded(1, f"Compiled as the first network is asked to be. {notes}".strip(), **facts)
    if any(part.share is None for part in wrong):
        return case.needs_review(" ".join(part.sentence for part in wrong), **facts)
    return case.charge(
        " ".join(part.sentence for part in wrong),
        *(Charge(part.cause, (1 - (part.share or 0)) / len(parts)) for part in wrong),
        misconceptions=tuple(part.slug for part in wrong if part.slug),
        **facts,
    )


# ------------------------------------------------------------------ the parts


def _as_read(compiled: Compiled, fact: str, part: _Part) -> _Part:
    """The part; a person decides where the fact could not be read, and what was read is not right by itself."""
    if part.share == 1 or fact not in compiled.unreadable:
        return part
    return _Part(None, part.expected, "not readable", could_not_be_read(f"The {fact}"))


def _optimizer(case: Case, compiled: Compiled, *, as_before: bool = False) -> _Part:
    """`as_before`: the learning rate has to be that of the first network, or the sheet's."""
    spec = case.spec
    wanted, got = spec.optimizer, compiled.optimizer
    if got != wanted:
        share = 0.5 if got in _RELATED.get(wanted, ()) else 0.0
        slug = "optimizer.other"
        return _Part(share, wanted, got, f"You use {got}, where {wanted} is asked for.", (slug, wanted, got), slug)
    if as_before and not _rate_as_before(case, compiled, spec.learning_rate):
        actual = f"{got} at {rate_text(compiled)}"
        sentence = f"{got} runs at a learning rate of {rate_text(compiled)} here, not as in the first network."
        return _Part(0.5, wanted, actual, sentence, rate_cause(spec.learning_rate, compiled), "optimizer.rate_off")
    momentum = compiled.optimizer_config.get("momentum")
    has_momentum = isinstance(momentum, int | float) and momentum > 0
    extra = f"The momentum of {momentum:g} goes beyond what is asked for." if has_momentum else ""
    return _Part(1.0, wanted, got, extra)


def _rate_as_before(case: Case, compiled: Compiled, sheet: float) -> bool:
    if compiled.learning_rate is None or same_rate(compiled.learning_rate, sheet):
        return True
    first = case.first_network
    before = first.compiled.learning_rate if first and first.compiled else None
    return before is not None and same_rate(compiled.learning_rate, before)


def rate_cause(asked: float, compiled: Compiled) -> Cause:
    """Another learning rate than asked for, as a cause."""
    return "optimizer.rate_off", asked, None if compiled.learning_rate is None else round(compiled.learning_rate, 8)


def rate_text(compiled: Compiled) -> str:
    """'0.005' for what Keras keeps as 0.004999999888."""
    if "learning_rate" in compiled.unreadable:
        return "not readable"
    return "a schedule" if compiled.learning_rate is None else f"{compiled.learning_rate:.6g}"


def _optimizer_on_a_network(case: Case, matched: Matched, compiled: Compiled) -> _Part:
    """The optimizer; where the rubric names `models`, on one of these or on the student's own version of one."""
    part = _optimizer(case, compiled)
    names = case.criterion.options.get("models")
    if part.share != 1 or not names:
        return part
    assert isinstance(names, list)
    form = canonical(matched.architecture)
    own_versions = {
        canonical(m.architecture).signature
        for slot in case.rubric.networks
        if slot.id != case.criterion.network
        and (m := case.network(slot.id)) is not None
        and case.reference.networks[slot.expects].model.name in names
    }
    right = any(not compare(case.reference.models[str(name)], form).differences for name in names)
    if right or form.signature in own_versions:
        return part
    sentence = f"{part.actual} is what is asked for, but not on a network of the tasks before."
    return _Part(0.5, part.expected, f"{part.actual} on another network", sentence, ("optimizer on another network",))


def _loss(case: Case, matched: Matched, compiled: Compiled) -> _Part:
    wanted, got = case.spec.loss, compiled.loss
    if got == "custom":
        return _Part(
            None, wanted, "a loss of your own", "The loss is a function of your own: a person will look at it."
        )
    if not got:
        return _Part(0.0, wanted, "no loss", "No loss was given.", ("loss", wanted, ""))
    if got == "categorical_crossentropy":
        if _one_hot(case, matched):
            sentence = "`categorical_crossentropy` with one-hot labels trains alike, but the sparse one is asked for."
            return _Part(0.5, wanted, got, sentence, ("loss.one_hot",), "loss.one_hot")
        sentence = "`categorical_crossentropy` needs one-hot labels; these labels are integers."
        return _Part(0.0, wanted, got, sentence, ("loss.one_hot",), "loss.one_hot")
    if got != wanted:
        return _Part(0.0, wanted, got, f"The loss is `{got}`, where `{wanted}` is asked for.", ("loss", wanted, got))
    output = canonical(matched.architecture).output
    if compiled.from_logits and output is not None and output.config.get("activation") == "softmax":
        sentence = "The loss expects logits (`from_logits=True`), but the output has a softmax already."
        slug = "model.softmax_with_logits_loss"
        return _Part(0.5, wanted, f"{got} from logits after softmax", sentence, (slug,), slug)
    return _Part(1.0, wanted, got, "The loss applies the softmax itself." if compiled.from_logits else "")


def _metrics(case: Case, matched: Matched, compiled: Compiled) -> _Part:
    wanted = ", ".join(case.spec.metrics)
    names = [_METRIC_NAMES.get(name, name) for name in compiled.metrics]
    cause = ("metrics", case.spec.metrics, tuple(names))
    got = ", ".join(names) or "no metric"
    if "accuracy" in names:
        return _Part(1.0, wanted, got, "")
    if "sparse_categorical_accuracy" in names or ("categorical_accuracy" in names and _one_hot(case, matched)):
        return _Part(1.0, wanted, got, f"`{got}` is what Keras takes for 'accuracy' here.")
    if "custom" in names:
        return _Part(None, wanted, got, "The metric is a function of your own: a person will look at it.")
    if {"exact_accuracy", "categorical_accuracy"} & set(names):
        return _Part(0.5, wanted, got, f"`{got}` does not count right classes here; `accuracy` does.", cause)
    return _Part(0.0, wanted, got, f"Accuracy is not measured: there is {got}.", cause)


def _one_hot(case: Case, matched: Matched) -> bool:
    """Whether the labels are one-hot: those it was trained on, or any where it was not."""
    if matched.training is not None and matched.training.y is not None:
        return matched.training.y.encoding == "one_hot"
    if any(state.data.encoding == "one_hot" for state in case.evidence.states):
        return True
    labelled = any(state.data.kind == "labels" for state in case.evidence.states)
    return not labelled and _encodes(case)


def _encodes(case: Case) -> bool:
    """Whether the code would make labels one-hot, where it came to none."""
    trees = filter(None, map(tree_of, case.evidence.submission.cells))
    calls = (node.func for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(getattr(f, "attr", getattr(f, "id", "")) in _ENCODERS for f in calls)


# ------------------------------------------------------------------ verdicts


def _judged(case: Case, fact: str, part_of: Callable[[Case, Matched, Compiled], _Part]) -> Verdict:
    """The verdict on one part; that there is none, where the network never was compiled."""
    matched = case.matched
    if matched is None or matched.compiled is None:
        return _never_compiled(case, matched)
    part = _as_read(matched.compiled, fact, part_of(case, matched, matched.compiled))
    facts = {"expected": part.expected, "actual": part.actual, "place": matched.compiled.place}
    if part.share is None:
        return case.needs_review(part.sentence, **facts)
    if part.share == 1:
        return case.passed(f"You use {part.actual}. {part.sentence}".strip(), **facts)
    slugs = (part.slug,) if part.slug else ()
    return case.charge(part.sentence, Charge(part.cause, 1 - part.share), misconceptions=slugs, **facts)


def _never_compiled(case: Case, matched: Matched | None) -> Verdict:
    if matched is None:
        return case.absent("No such network was built when the notebook ran.")
    if matched.training is not None and is_custom_loop(matched.training):
        sentence = "You train with a loop of your own instead of `compile` and `fit`: a person will look at it."
        return case.needs_review(sentence, place=matched.training.place)
    if matched.training is not None and "must call `compile" not in matched.training.error:
        return case.unreadable("The network was trained, but how it was compiled", place=matched.training.place)
    return case.absent("The network was never compiled when the notebook ran.", place=matched.network.place)
