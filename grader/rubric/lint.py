"""What the schema cannot say: names that must exist, ids that must be unique."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from grader.errors import BadReferenceError
from grader.records import Outcome
from grader.rubric.expected import Reference
from grader.rubric.schema import Criterion, Rubric
from grader.rubric.yaml_source import Location, Source

_ABOUT_A_NETWORK = ("model.", "compile.", "training.", "text.noted", "data.shape")
"""Checks that look at one network: their criteria name a slot."""

_EXPECTING = {"number.": "numbers", "image.": "numbers", "matrix.": "convolutions", "text.review": "answers"}
"""Checks that compare with an expected value, and where the reference holds it."""

_NEEDS_EXPECTED = ("number.", "matrix.", "text.review", "image.retrieved", "image.stops")


def _criteria(rubric: Rubric) -> Iterator[tuple[tuple[str | int, ...], Criterion]]:
    for t, task in enumerate(rubric.tasks):
        for c, criterion in enumerate(task.criteria):
            yield ("tasks", t, "criteria", c), criterion


def _known(names: Collection[str]) -> str:
    return f"known are {', '.join(sorted(names))}" if names else "there are none"


def _unique(source: Source, what: str, ids: Iterable[tuple[Location, str]]) -> None:
    seen: set[str] = set()
    for location, identifier in ids:
        if identifier in seen:
            source.refuse(location, f"a second {what} with the id '{identifier}'.")
        seen.add(identifier)


def check_rubric(source: Source, rubric: Rubric, known_checks: Collection[str]) -> None:
    """Raise RubricError for an id that stands twice, or a name that neither the rubric nor the grader knows."""
    _unique(source, "task", ((("tasks", t, "id"), task.id) for t, task in enumerate(rubric.tasks)))
    _unique(source, "network", ((("networks", n, "id"), slot.id) for n, slot in enumerate(rubric.networks)))
    _unique(source, "criterion", (((*at, "id"), criterion.id) for at, criterion in _criteria(rubric)))
    _check_networks(source, rubric)
    slots = {slot.id for slot in rubric.networks}
    outcomes = {str(outcome) for outcome in Outcome}
    for at, criterion in _criteria(rubric):
        if criterion.check not in known_checks:
            source.refuse((*at, "check"), f"there is no check '{criterion.check}': {_known(known_checks)}.")
        if criterion.network and criterion.network not in slots:
            source.refuse((*at, "network"), f"there is no network '{criterion.network}': {_known(slots)}.")
        if not criterion.network and criterion.check.startswith(_ABOUT_A_NETWORK):
            source.refuse(at, f"'{criterion.id}' must say which `network` its check '{criterion.check}' is about.")
        for outcome in criterion.messages:
            if outcome not in outcomes:
                source.refuse((*at, "messages", outcome), f"there is no outcome '{outcome}': {_known(outcomes)}.")


def _check_networks(source: Source, rubric: Rubric) -> None:
    tasks, slots = {task.id for task in rubric.tasks}, {slot.id for slot in rubric.networks}
    for n, slot in enumerate(rubric.networks):
        at = ("networks", n)
        for field, named in (("task", [slot.task]), ("also", slot.also)):
            for task in named:
                if task not in tasks:
                    source.refuse((*at, field), f"there is no task '{task}': {_known(tasks)}.")
        for other in slot.may_reuse:
            if other not in slots:
                source.refuse((*at, "may_reuse"), f"there is no network '{other}': {_known(slots)}.")


def check_against_reference(source: Source, rubric: Rubric, reference: Reference) -> None:
    """Raise RubricError for an expected value the reference lacks, BadReferenceError for a mistake without help."""
    for n, slot in enumerate(rubric.networks):
        if slot.expects not in reference.networks:
            names = _known(reference.networks)
            source.refuse(("networks", n, "expects"), f"the reference has no network '{slot.expects}': {names}.")
    for at, criterion in _criteria(rubric):
        _check_expected(source, at, criterion, reference)
        _check_steps(source, at, criterion, reference)
    unknown = _named_mistakes(reference) - set(rubric.misconceptions)
    if unknown:
        raise BadReferenceError(
            f"The reference '{rubric.reference}' names the misconception '{min(unknown)}', "
            f"which {source.path} does not explain under `misconceptions`."
        )


def _check_expected(source: Source, at: tuple[str | int, ...], criterion: Criterion, reference: Reference) -> None:
    where = next((held for start, held in _EXPECTING.items() if criterion.check.startswith(start)), None)
    if criterion.expects:
        names: Collection[str] = (
            getattr(reference, where) if where else {*reference.numbers, *reference.convolutions, *reference.answers}
        )
        if criterion.expects not in names:
            kind = where or "expected values"
            source.refuse(
                (*at, "expects"), f"the reference has no '{criterion.expects}' among its {kind}: {_known(names)}."
            )
    elif criterion.check.startswith(_NEEDS_EXPECTED):
        source.refuse(at, f"'{criterion.id}' must say what its check '{criterion.check}' `expects`.")


def _check_steps(source: Source, at: tuple[str | int, ...], criterion: Criterion, reference: Reference) -> None:
    if criterion.steps and criterion.check != "text.review":
        source.refuse((*at, "steps"), f"'{criterion.id}' has steps, which only answers in words ('text.review') have.")
    for s, step in enumerate(criterion.steps):
        here = (*at, "steps", s)
        answer = reference.answers[criterion.expects]
        known = {point.id for point in (*answer.points, *answer.misleading) if point.id}
        for field in ("any_of", "all_of", "none_of"):
            for name in getattr(step, field):
                if name not in known:
                    sentence = f"the reference's answer '{criterion.expects}' has no point '{name}': {_known(known)}."
                    source.refuse((*here, field), sentence)
        if not (step.any_of or step.all_of):
            source.refuse(here, f"the step '{step.text}' of '{criterion.id}' must say what earns it: any_of or all_of.")
        if step.points > criterion.points:
            sentence = f"the step '{step.text}' is worth {step.points:g}, '{criterion.id}' only {criterion.points:g}."
            source.refuse((*here, "points"), sentence)


def _named_mistakes(reference: Reference) -> set[str]:
    named = {slug for mistakes in reference.number_mistakes.values() for slug in mistakes}
    for convolution in reference.convolutions.values():
        named |= {slug for slugs in convolution.mistakes for slug in slugs.split("+")}
    return named
