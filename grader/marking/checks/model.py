"""Checks of networks as they were built: their layers and their widths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.keras.align import Comparison, compare
from grader.keras.canonical import canonical
from grader.marking.candidates import tasks_of
from grader.marking.checks.architecture_mistakes import Mistake, consistent_logits, mistakes_in
from grader.marking.checks.case import Charge
from grader.marking.checks.registry import check

if TYPE_CHECKING:
    from grader.marking.checks.case import Case
    from grader.marking.match import Matched
    from grader.records import Network, Verdict

_UNCERTAIN = "Your network has parts that cannot be compared automatically, so a person will look at it."
_WIDTHS = {"units", "model.output_width"}
_DENSE_LAYERS = {("extra", "Dense"), ("missing", "Dense")}


@check("model.layers")
def layers(case: Case) -> Verdict:
    """The layers that are asked for, however they are written; what may be chosen freely is free."""
    matched = case.matched
    if matched is None:
        return _something_else(case)
    comparison = compare(case.spec.model, matched.architecture)
    facts = _facts(comparison, matched.network)
    mistakes = mistakes_in(comparison, matched.compiled)
    padded = any(d.what == "padding" and d.kind == "Conv2D" for d in comparison.choices)
    slugs = ("cnn.same_padding",) if padded else ()
    notes = _notes(comparison, matched)
    if not mistakes:
        return case.passed(f"Your network has the layers that are asked for.{notes}", misconceptions=slugs, **facts)
    if not comparison.actual.certain:
        return case.needs_review(_UNCERTAIN, **facts)
    return _charged(case, mistakes, notes, slugs, facts)


def _charged(
    case: Case,
    mistakes: tuple[Mistake, ...],
    notes: str,
    slugs: tuple[str, ...],
    facts: dict[str, object],
) -> Verdict:
    return case.charge(
        f"Your network {_listed([m.phrase for m in mistakes])}.{notes}",
        *(Charge(m.key, m.weight) for m in mistakes),
        misconceptions=tuple(m.slug for m in mistakes if m.slug) + slugs,
        **facts,
    )


def _something_else(case: Case) -> Verdict:
    """Nothing was matched: perhaps a network of quite another kind stands under the task's label."""
    task = case.task.id
    taken = {m.network.id for m in case.assignment.matched.values()}
    for network in case.evidence.networks:
        if network.id in taken or task not in tasks_of(network.place, case.labels):
            continue
        form = canonical(network.architecture)
        facts = _facts(compare(case.spec.model, form), network)
        if not form.certain:
            return case.needs_review(_UNCERTAIN, **facts)
        if form.layers:
            return case.failed("The network here is of another kind than the one that is asked for.", **facts)
    return case.absent("No such network was built when the notebook ran.")


@check("model.units")
def units(case: Case) -> Verdict:
    """The widths that are asked for; activations are judged with the first network."""
    matched = case.matched
    if matched is None:
        return _something_else(case)
    comparison = compare(case.spec.model, matched.architecture)
    wanted = [s.config["units"] for s in comparison.expected if s.kind == "Dense"]
    got = [s.config.get("units") for s in comparison.actual.layers if s.kind == "Dense"]
    facts = {
        "expected": "-".join(map(str, wanted)),
        "actual": "-".join(map(str, got)),
        "details": (comparison.table,),
        "place": matched.network.place,
    }
    if got == wanted:
        return case.passed(f"The layers have {facts['expected']} units.{_notes(comparison, matched)}", **facts)
    if not comparison.actual.certain:
        return case.needs_review(_UNCERTAIN, **facts)
    mistakes = mistakes_in(comparison, matched.compiled)
    about_units = tuple(m for m in mistakes if m.key[0] in _WIDTHS or m.key[:2] in _DENSE_LAYERS)
    if not about_units:
        about_units = (Mistake(f"has {facts['actual']} units instead of {facts['expected']}", 0.5, ("units", *got)),)
    if wanted[:-1] and not set(wanted[:-1]) & set(got[:-1]):
        sentence = f"Your hidden layers have {facts['actual']} units instead of {facts['expected']}."
        return case.failed(sentence, **facts)
    return _charged(case, about_units, "", (), facts)


# ------------------------------------------------------------------ sentences


def _facts(comparison: Comparison, network: Network) -> dict[str, object]:
    return {
        "expected": " → ".join(s.text for s in comparison.expected),
        "actual": " → ".join(s.text for s in comparison.actual.steps),
        "details": (comparison.table,),
        "place": network.place,
    }


def _listed(phrases: list[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


def _notes(comparison: Comparison, matched: Matched) -> str:
    """What differs from the sheet's way and is right as well."""
    notes = []
    prepare = {step.kind for step in comparison.actual.steps if step.role == "prepare"}
    extra = {step.kind for step in comparison.actual.steps if step.role == "extra"}
    if "Flatten" in prepare and len(comparison.expected[0].before or ()) == 1:
        notes.append("Vectorising with a Flatten layer is as good as reshaping the data.")
    if {"Rescaling", "Normalization"} & prepare:
        notes.append("Scaling inside the network is as good as scaling the data.")
    if extra:
        notes.append(
            f"{_listed(sorted(extra))} was not asked for and does no harm here, but it changes what is compared later."
        )
    if any(d.what == "padding" and d.kind == "Conv2D" for d in comparison.choices):
        notes.append(
            'With padding="same" the images keep their size, so that the parameter count differs from the sheet\'s.'
        )
    if any(consistent_logits(d, matched.compiled) for d in comparison.differences):
        notes.append("It has no softmax, which is consistent, because the loss applies it (`from_logits=True`).")
    return "".join(f" {note}" for note in notes)
