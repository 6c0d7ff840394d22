"""Stage 8: verdicts × rubric → a grade. Pure."""

from __future__ import annotations

import ast
import builtins
from typing import TYPE_CHECKING

from grader.extraction.passages import tree_of
from grader.records import (
    UNDECIDED,
    CellKind,
    CriterionGrade,
    Evidence,
    Fault,
    FaultKind,
    Grade,
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


def score(stored: Evidence | Unreadable, verdicts: Sequence[Verdict], loaded: LoadedRubric) -> Grade:
    """Add up what was judged; `verdicts` holds one per criterion, none for an unreadable submission.

    Whatever its status, a grade lists every task and criterion of the rubric.
    """
    if isinstance(stored, Unreadable):
        faults = (Fault(FaultKind.UNREADABLE, None, stored.reason),)
        by_criterion = {c.id: Verdict(c.id, Outcome.MISSING, 0.0, stored.reason) for c in _criteria(loaded)}
        return _grade(stored.ref, Status.UNREADABLE, faults, by_criterion, loaded)
    by_criterion = {verdict.criterion: verdict for verdict in verdicts}
    return _grade(stored.submission.ref, _status(stored, verdicts), stored.faults, by_criterion, loaded)


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


def _status(evidence: Evidence, verdicts: Sequence[Verdict]) -> Status:
    if any(fault.kind in _CUT_SHORT for fault in evidence.faults):
        return Status.FAULTED
    if all(v.outcome is Outcome.MISSING for v in verdicts) and not _attempted(evidence):
        return Status.EMPTY
    return Status.GRADED


def _attempted(evidence: Evidence) -> bool:
    """Whether any code does something; what was written in words has its own criteria."""
    for cell in evidence.submission.cells:
        if cell.kind is CellKind.CODE and cell.source.strip():
            tree = tree_of(cell)
            if tree is None or not all(_idle(statement) for statement in tree.body):
                return True
    return False


def _idle(statement: ast.stmt) -> bool:
    """Whether a statement is what a template holds where nothing was filled in."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case ast.Assign(value=ast.Constant(value=None | builtins.Ellipsis)) | ast.Return(value=None):
            return True
        case ast.FunctionDef(body=body) | ast.ClassDef(body=body):
            return all(_idle(inner) for inner in body)
        case _:
            return False
