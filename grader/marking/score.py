"""Stage 8: verdicts × rubric → a grade. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.marking.checks.on_paper import ANSWERED
from grader.marking.template import attempted
from grader.records import (
    UNDECIDED,
    CriterionGrade,
    Evidence,
    Fault,
    FaultKind,
    Grade,
    Labels,
    Outcome,
    Status,
    SubmissionRef,
    TaskGrade,
    Unreadable,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.rubric.load import LoadedRubric
    from grader.rubric.schema import Criterion

_CUT_SHORT = {FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.DISK, FaultKind.KERNEL_DIED, FaultKind.TAMPERED}
"""Faults that cut a run short or touch what it shows; others leave it graded."""


def score(
    stored: Evidence | Unreadable, verdicts: Sequence[Verdict], loaded: LoadedRubric, labels: Labels | None = None
) -> Grade:
    """Add up what was judged; `verdicts` holds one per criterion, none for an unreadable submission.

    Whatever its status, a grade lists every task and criterion of the rubric. `labels` tell a template's own cells.
    """
    if isinstance(stored, Unreadable):
        faults = (Fault(FaultKind.UNREADABLE, None, stored.reason),)
        by_criterion = {c.id: Verdict(c.id, Outcome.MISSING, 0.0, stored.reason) for c in _criteria(loaded)}
        return _grade(stored.ref, Status.UNREADABLE, faults, by_criterion, loaded)
    status = _status(stored, verdicts, labels or Labels(), loaded)
    if status is Status.EMPTY:
        verdicts = [v if v.outcome in {Outcome.MISSING, Outcome.ERRORED} else _given(v) for v in verdicts]
    by_criterion = {verdict.criterion: verdict for verdict in verdicts}
    return _grade(stored.submission.ref, status, stored.faults, by_criterion, loaded)


def _given(verdict: Verdict) -> Verdict:
    """What a template's own code does earns nothing by itself."""
    message = "Only the template's own code does this; nothing was added to it."
    return Verdict(verdict.criterion, Outcome.MISSING, 0.0, message)


def errored_grade(ref: SubmissionRef, failure: str, loaded: LoadedRubric) -> Grade:
    """The grade of a submission on which the grader itself failed: nobody loses points, a person must look."""
    message = "The grader itself failed here, which costs you nothing: a person will look at it."
    by_criterion = {c.id: Verdict(c.id, Outcome.ERRORED, 0.0, message, actual=failure) for c in _criteria(loaded)}
    return _grade(ref, Status.GRADED, (), by_criterion, loaded)


def _grade(
    ref: SubmissionRef,
    status: Status,
    faults: tuple[Fault, ...],
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
    return round(sum(c.max_points for c in criteria if c.verdict.outcome in UNDECIDED), 2)


def _most(criteria: Sequence[CriterionGrade]) -> float:
    return round(sum(c.max_points for c in criteria), 2)


# ------------------------------------------------------------------ status


def _status(evidence: Evidence, verdicts: Sequence[Verdict], labels: Labels, loaded: LoadedRubric) -> Status:
    if any(fault.kind in _CUT_SHORT for fault in evidence.faults):
        return Status.FAULTED
    # Without code of the student's, only what was stated can be theirs.
    stated = {c.id for c in _criteria(loaded) if c.check.startswith((*ANSWERED, "text."))}
    said = any(v.outcome is not Outcome.MISSING and v.criterion in stated for v in verdicts)
    return Status.GRADED if said or attempted(evidence.submission, labels) else Status.EMPTY
