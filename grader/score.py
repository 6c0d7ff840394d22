"""Stage 8: verdicts × rubric → a grade. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.checks.verdicts import missing
from grader.records import (
    CellKind,
    CriterionGrade,
    Evidence,
    FaultKind,
    Grade,
    Outcome,
    Status,
    SubmissionRef,
    TaskGrade,
    Unreadable,
    Verdict,
)
from grader.records import Fault as _Fault

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.rubric.load import LoadedRubric
    from grader.rubric.schema import Criterion

_CUT_SHORT = {FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.DISK, FaultKind.KERNEL_DIED, FaultKind.TAMPERED}
"""Faults that cut a run short or touch what it shows; others leave it graded."""

_OPEN = {Outcome.NEEDS_REVIEW, Outcome.ERRORED}
"""Outcomes whose points wait for a person."""


def score(stored: Evidence | Unreadable, verdicts: Sequence[Verdict], loaded: LoadedRubric) -> Grade:
    """Add up what was judged; `verdicts` holds one per criterion, none for an unreadable submission.

    Whatever its status, a grade lists every task and criterion of the rubric.
    """
    if isinstance(stored, Unreadable):
        nothing_there = stored.ref.source.is_dir()
        status = Status.EMPTY if nothing_there else Status.UNREADABLE
        faults = () if nothing_there else (_Fault(FaultKind.UNREADABLE, None, stored.reason),)
        found = {c.id: missing(c, stored.reason) for c in _criteria(loaded)}
        return _grade(stored.ref, status, faults, found, loaded)
    found = {verdict.criterion: verdict for verdict in verdicts}
    return _grade(stored.submission.ref, _status(stored, verdicts), stored.faults, found, loaded)


def errored_grade(ref: SubmissionRef, failure: str, loaded: LoadedRubric) -> Grade:
    """The grade of a submission on which the grader itself failed: nobody loses points, a person must look."""
    message = "The grader itself failed here, which costs you nothing: a person will look at it."
    found = {c.id: Verdict(c.id, Outcome.ERRORED, 0.0, message, actual=failure) for c in _criteria(loaded)}
    return _grade(ref, Status.GRADED, (), found, loaded)


def _grade(
    ref: SubmissionRef,
    status: Status,
    faults: tuple[_Fault, ...],
    verdicts: Mapping[str, Verdict],
    loaded: LoadedRubric,
) -> Grade:
    tasks = tuple(
        TaskGrade(task.id, task.title, task.bonus, tuple(_criterion(c, verdicts[c.id]) for c in task.criteria))
        for task in loaded.rubric.tasks
    )
    regular = [c for task in tasks if not task.bonus for c in task.criteria]
    bonus = [c for task in tasks if task.bonus for c in task.criteria]
    slugs = [slug for task in tasks for c in task.criteria for slug in c.verdict.misconceptions]
    return Grade(
        ref=ref,
        status=status,
        faults=faults,
        tasks=tasks,
        score=_points(regular),
        pending=_pending(regular),
        max_score=_most(regular),
        bonus=_points(bonus),
        pending_bonus=_pending(bonus),
        max_bonus=_most(bonus),
        misconceptions=tuple(dict.fromkeys(slugs)),
    )


def _criteria(loaded: LoadedRubric) -> list[Criterion]:
    return [criterion for task in loaded.rubric.tasks for criterion in task.criteria]


def _criterion(criterion: Criterion, verdict: Verdict) -> CriterionGrade:
    return CriterionGrade(verdict, round(criterion.points * verdict.share, 2), criterion.points)


def _points(criteria: Sequence[CriterionGrade]) -> float:
    return round(sum(c.points for c in criteria), 2)


def _pending(criteria: Sequence[CriterionGrade]) -> float:
    return round(sum(c.max_points for c in criteria if c.verdict.outcome in _OPEN), 2)


def _most(criteria: Sequence[CriterionGrade]) -> float:
    return round(sum(c.max_points for c in criteria), 2)


# ------------------------------------------------------------------ status


def _status(evidence: Evidence, verdicts: Sequence[Verdict]) -> Status:
    if any(fault.kind in _CUT_SHORT for fault in evidence.faults):
        return Status.FAULTED
    if all(v.outcome is Outcome.MISSING for v in verdicts) and not _attempted(evidence):
        return Status.EMPTY
    return Status.GRADED


_IMPORT = re.compile(r"\s*(?:#.*|import\s.*|from\s.+\simport\s.*|pass|\.\.\.|[%!].*)?$")
"""A line of code that does nothing yet."""


def _attempted(evidence: Evidence) -> bool:
    """Whether any code stands there beyond comments and imports; what was written has its own criteria."""
    return any(
        not _IMPORT.match(line)
        for cell in evidence.submission.cells
        if cell.kind is CellKind.CODE
        for line in cell.source.splitlines()
    )
