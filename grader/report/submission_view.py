"""Grades and evidence → plain view data; templates only print it.

What an audience must not see is not in its view. Students see neither reference answers nor, unless the rubric
reveals them, expected values that are the answer to a question of the sheet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

from grader.records import CriterionGrade, Evidence, Fault, Grade, LayerTable, MatrixDiff, Outcome, TaskGrade, Verdict
from grader.report.cell_view import Cells, CellView, PlaceView
from grader.report.class_view import ClassView, class_view
from grader.report.detail_view import DetailView, detail_view
from grader.report.markdown import safe_html
from grader.report.provenance import RunInfo
from grader.report.training_view import FactsView, facts_view
from grader.report.wording import FAULTS, OUTCOMES, STATUSES, Word, counted, points, seconds
from grader.system.display_text import clean

if TYPE_CHECKING:
    from grader.marking.match import Assignment
    from grader.rubric.load import LoadedRubric
    from grader.rubric.schema import Criterion

__all__ = ["Audience", "ClassView", "RunInfo", "SubmissionView", "class_view", "submission_view"]

Audience = Literal["student", "staff"]

_ANSWERS = ("number.", "matrix.", "text.review")
"""Kinds of checks whose expected value is the answer to a question, not a demand that the sheet states."""
_LOST = (Outcome.PARTIAL, Outcome.FAILED, Outcome.MISSING)
_UNDECIDED = (Outcome.NEEDS_REVIEW, Outcome.ERRORED)
_MOST_FIXES = 5
_MOST_FAULTS = 50


@dataclass(frozen=True, slots=True)
class MisconceptionView:
    slug: str
    title: str
    help: Markup


@dataclass(frozen=True, slots=True)
class SuggestionView:
    points: str
    why: str


@dataclass(frozen=True, slots=True)
class CriterionView:
    id: str
    title: str
    outcome: Word
    points: str
    max_points: str
    pending: bool
    message: str
    expected: str
    """Both '' where a table compares them."""
    actual: str
    place: PlaceView | None
    details: tuple[DetailView, ...]
    misconceptions: tuple[MisconceptionView, ...]
    follow_through: bool
    decided_by: str
    suggestion: SuggestionView | None
    """Staff only, as is `guidance`."""
    guidance: Markup


@dataclass(frozen=True, slots=True)
class TaskView:
    id: str
    title: str
    bonus: bool
    points: str
    max_points: str
    pending: str
    """Points that wait for a person; '' when none do."""
    state: Word
    criteria: tuple[CriterionView, ...]


@dataclass(frozen=True, slots=True)
class FixView:
    criterion: str
    title: str
    message: str
    lost: str


@dataclass(frozen=True, slots=True)
class FaultView:
    word: Word
    message: str
    cell: int | None
    seconds: str
    traceback: str


@dataclass(frozen=True, slots=True)
class BridgeView:
    idiom: str
    today: str
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ScoreView:
    """Points as text; the bar's parts in percent."""

    score: str
    max_score: str
    pending: str
    blocked: str
    """Points that were not reached because the notebook stopped; '' when none."""
    bonus: str
    max_bonus: str
    pending_bonus: str
    earned_percent: float
    pending_percent: float
    blocked_percent: float


@dataclass(frozen=True, slots=True)
class SubmissionView:
    audience: Audience
    id: str
    name: str
    source: str
    problem_set: str
    status: Word
    score: ScoreView
    fixes: tuple[FixView, ...]
    more_fixes: int
    faults: tuple[FaultView, ...]
    more_faults: int
    bridged: tuple[BridgeView, ...]
    notes: tuple[str, ...]
    tasks: tuple[TaskView, ...]
    cells: tuple[CellView, ...]
    facts: FactsView | None
    """Staff only."""
    has_run: bool
    run: RunInfo


def submission_view(
    grade: Grade,
    evidence: Evidence | None,
    loaded_rubric: LoadedRubric,
    run_info: RunInfo,
    audience: Audience,
    assignment: Assignment | None = None,
) -> SubmissionView:
    """View of one submission; `assignment` lets the staff page say which training answers what."""
    staff = audience == "staff"
    cells = Cells(evidence)
    builder = _Builder(loaded_rubric, cells, staff=staff)
    tasks = tuple(builder.task(task) for task in grade.tasks)
    lost = sorted(
        (c for task in grade.tasks if not task.bonus for c in task.criteria if c.verdict.outcome in _LOST),
        key=lambda c: c.points - c.max_points,
    )
    faults = tuple(_fault(fault, evidence, cells) for fault in grade.faults[:_MOST_FAULTS])
    bridged = _bridged(evidence, cells)
    return SubmissionView(
        audience=audience,
        id=clean(grade.ref.id, 120),
        name=clean(grade.ref.name, 120),
        source=clean(grade.ref.source.name, 200),
        problem_set=loaded_rubric.rubric.title,
        status=STATUSES[grade.status],
        score=_score(grade),
        fixes=tuple(builder.fix(c) for c in lost[:_MOST_FIXES]),
        more_fixes=max(0, len(lost) - _MOST_FIXES),
        faults=faults,
        more_faults=max(0, len(grade.faults) - _MOST_FAULTS),
        bridged=bridged,
        notes=_notes(grade, evidence),
        tasks=tasks,
        cells=cells.referred_to(),
        facts=facts_view(evidence, _matched(assignment), run_info.fits) if staff and evidence else None,
        has_run=evidence is not None,
        run=run_info,
    )


class _Builder:
    """Views of tasks and criteria for one audience."""

    def __init__(self, loaded: LoadedRubric, cells: Cells, *, staff: bool) -> None:
        self._misconceptions = loaded.rubric.misconceptions
        self._criteria: dict[str, Criterion] = {c.id: c for task in loaded.rubric.tasks for c in task.criteria}
        self._cells = cells
        self._staff = staff
        self._reveal = staff or loaded.rubric.reveal_reference

    def task(self, task: TaskGrade) -> TaskView:
        pending = sum(c.max_points for c in task.criteria if c.verdict.outcome in _UNDECIDED)
        return TaskView(
            id=task.id,
            title=task.title,
            bonus=task.bonus,
            points=points(task.points),
            max_points=points(task.max_points),
            pending=points(pending) if pending else "",
            state=_state(task),
            criteria=tuple(self.criterion(criterion) for criterion in task.criteria),
        )

    def criterion(self, grade: CriterionGrade) -> CriterionView:
        verdict = grade.verdict
        rule = self._criteria.get(verdict.criterion)
        kind = rule.check if rule else ""
        reveal = self._reveal or not kind.startswith(_ANSWERS)
        details = (
            # An expected layer is asked for in words, its parameter count is an answer.
            detail_view(detail, f"{verdict.criterion}-{n}", reveal=self._reveal, staff=self._staff)
            for n, detail in enumerate(verdict.details)
        )
        suggestion = verdict.suggestion if self._staff else None
        compared = any(isinstance(detail, LayerTable | MatrixDiff) for detail in verdict.details)
        return CriterionView(
            id=verdict.criterion,
            title=rule.title if rule else verdict.criterion,
            outcome=OUTCOMES[verdict.outcome],
            points=points(grade.points),
            max_points=points(grade.max_points),
            pending=verdict.outcome in _UNDECIDED,
            message=clean(verdict.message),
            expected=clean(verdict.expected) if reveal and not compared else "",
            actual="" if compared else clean(verdict.actual),
            place=self._cells.place(verdict.place),
            details=tuple(details),
            misconceptions=tuple(self._misconception(slug) for slug in verdict.misconceptions),
            follow_through=verdict.follow_through,
            decided_by=_decided_by(verdict, kind),
            suggestion=SuggestionView(points(suggestion.points), clean(suggestion.why)) if suggestion else None,
            guidance=safe_html(rule.guidance) if self._staff and rule and rule.guidance else Markup(""),
        )

    def fix(self, grade: CriterionGrade) -> FixView:
        verdict = grade.verdict
        rule = self._criteria.get(verdict.criterion)
        return FixView(
            criterion=verdict.criterion,
            title=rule.title if rule else verdict.criterion,
            message=clean(verdict.message),
            lost=points(grade.max_points - grade.points),
        )

    def _misconception(self, slug: str) -> MisconceptionView:
        known = self._misconceptions.get(slug)
        return MisconceptionView(slug, known.title if known else slug, safe_html(known.help) if known else Markup(""))


def _decided_by(verdict: Verdict, kind: str) -> str:
    if verdict.outcome is Outcome.NEEDS_REVIEW:
        return "waits for a person"
    by_person = kind == "text.review" and verdict.outcome in (Outcome.PASSED, Outcome.PARTIAL, Outcome.FAILED)
    return "decided by a person" if by_person else "decided by the grader"


def _state(task: TaskGrade) -> Word:
    """One word for a task: what stands out in it."""
    outcomes = {c.verdict.outcome for c in task.criteria}
    if len(outcomes) == 1:
        return OUTCOMES[outcomes.pop()]
    if Outcome.ERRORED in outcomes:
        return OUTCOMES[Outcome.ERRORED]
    if outcomes == {Outcome.PASSED, Outcome.NEEDS_REVIEW}:
        return OUTCOMES[Outcome.NEEDS_REVIEW]
    if task.points > 0 or Outcome.NEEDS_REVIEW in outcomes:
        return OUTCOMES[Outcome.PARTIAL]
    return OUTCOMES[Outcome.FAILED]


def _score(grade: Grade) -> ScoreView:
    whole = grade.max_score or 1.0
    criteria = (c for task in grade.tasks if not task.bonus for c in task.criteria)
    blocked = sum(c.max_points - c.points for c in criteria if c.verdict.outcome is Outcome.BLOCKED)
    return ScoreView(
        score=points(grade.score),
        max_score=points(grade.max_score),
        pending=points(grade.pending) if grade.pending else "",
        blocked=points(blocked) if blocked else "",
        bonus=points(grade.bonus),
        max_bonus=points(grade.max_bonus) if grade.max_bonus else "",
        pending_bonus=points(grade.pending_bonus) if grade.pending_bonus else "",
        earned_percent=round(100 * grade.score / whole, 2),
        pending_percent=round(100 * grade.pending / whole, 2),
        blocked_percent=round(100 * blocked / whole, 2),
    )


def _fault(fault: Fault, evidence: Evidence | None, cells: Cells) -> FaultView:
    runs = evidence.cells if evidence else ()
    traceback = next((run.traceback for run in runs if run.cell == fault.cell and run.traceback), "")
    cells.refer(fault.cell)
    return FaultView(
        word=FAULTS[fault.kind],
        message=clean(fault.message),
        cell=fault.cell,
        seconds="" if fault.seconds is None else seconds(fault.seconds),
        traceback=clean("\n".join(traceback.strip("\n").split("\n")[-30:]), 4000),
    )


def _bridged(evidence: Evidence | None, cells: Cells) -> tuple[BridgeView, ...]:
    """One line per idiom, with the cells that use it."""
    found: dict[tuple[str, str], list[int]] = {}
    for use in evidence.bridged if evidence else ():
        where = found.setdefault((clean(use.idiom, 120), clean(use.today, 200)), [])
        if use.place.cell is not None and use.place.cell not in where:
            where.append(use.place.cell)
            cells.refer(use.place.cell)
    return tuple(BridgeView(idiom, today, tuple(where)) for (idiom, today), where in found.items())


def _notes(grade: Grade, evidence: Evidence | None) -> tuple[str, ...]:
    notes: Sequence[str] = evidence.submission.notes if evidence else ()
    others = grade.ref.ignored
    if others:
        names = ", ".join(others[:10]) + (" …" if len(others) > 10 else "")
        notes = (*notes, f"Handed in with it, but not graded: {counted(len(others), 'file')} ({names}).")
    return tuple(clean(note) for note in notes[:20])


def _matched(assignment: Assignment | None) -> dict[str, str]:
    if assignment is None:
        return {}
    said = {training.id: "answers no task" for training in assignment.spare}
    for slot, matched in assignment.matched.items():
        for training in matched.repeats:
            said[training.id] = f"{slot} (repeated)"
        if matched.training:
            said[matched.training.id] = f"{slot}, by {matched.by}" if matched.by else slot
    return said
