"""The page of one submission as plain view data, from its grade and evidence; templates only print it.

What an audience must not see is not in its view. Students see neither reference answers nor, unless the rubric
reveals them, expected values that are the answer to a question of the sheet.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from markupsafe import Markup

from grader.intake.pictures import pictures
from grader.records import (
    UNDECIDED,
    CriterionGrade,
    Evidence,
    Fault,
    Grade,
    LayerTable,
    MatrixDiff,
    Outcome,
    TaskGrade,
    Verdict,
)
from grader.report.cell_view import Cells, CellView, PlaceView
from grader.report.detail_view import DetailView, detail_view
from grader.report.markdown import safe_html
from grader.report.provenance import RunInfo
from grader.report.training_view import FactsView, facts_view
from grader.report.wording import FAULTS, OUTCOMES, STATUSES, Word, counted, points, seconds, some_points
from grader.system.display_text import clean

if TYPE_CHECKING:
    from grader.marking.match import Assignment
    from grader.rubric.load import LoadedRubric
    from grader.rubric.schema import Rubric, Step

Audience = Literal["student", "staff"]

_ANSWERS = ("number.", "matrix.", "text.review")
"""Kinds of checks whose expected value is the answer to a question, not a demand that the sheet states."""
_LOST = (Outcome.PARTIAL, Outcome.FAILED, Outcome.MISSING)
_MOST_FIXES = 5
_PICTURES_BYTES = 16 << 20
"""Of pictures that a page holds; of others it has the address."""
_RASTER = {"png": "png", "jpg": "jpeg", "gif": "gif", "webp": "webp", "bmp": "bmp"}
"""What a browser draws and cannot run, by its ending."""
_MOST_FAULTS = 50


@dataclass(frozen=True, slots=True)
class MisconceptionView:
    """A misconception that the rubric names, with its help."""

    slug: str
    title: str
    help: Markup


@dataclass(frozen=True, slots=True)
class GuideLine:
    """A step of the guide for marking an answer in words, and what it is worth."""

    worth: str
    text: str


@dataclass(frozen=True, slots=True)
class CriterionView:
    """What is said of one criterion; points as text."""

    id: str
    title: str
    outcome: Word
    points: str
    max_points: str
    lost: str
    pending: bool
    message: str
    expected: str
    """Both '' where a table compares them."""
    actual: str
    place: PlaceView | None
    details: tuple[DetailView, ...]
    misconceptions: tuple[MisconceptionView, ...]
    follow_through: bool
    repeats: str
    """The criterion where the same mistake was charged first; '' where none was."""
    decided_by: str
    suggested: str
    """Points that the grader suggests to a person, and why. Staff only, as is `guidance`; '' without."""
    suggested_why: str
    guide: tuple[GuideLine, ...]
    guidance: Markup


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task with its criteria; points as text."""

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
class FaultView:
    """What went wrong in the run, and the end of its traceback."""

    word: Word
    message: str
    cell: int | None
    seconds: str
    traceback: str


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """The file of a picture that was handed in."""

    kind: str
    """The ending that fits its bytes."""
    data: bytes


@dataclass(frozen=True, slots=True)
class PictureView:
    """A picture or scan that was handed in."""

    number: int
    """Its anchor, as `OnPaperView.pictures` has it."""
    name: str
    cell: int | None
    source: Markup
    """A data address; '' where the page only links to the file, or the file is not there."""
    href: str
    """Of the file, relative to the page; '' where it was not handed in."""


@dataclass(frozen=True, slots=True)
class BridgeView:
    """An idiom of old code, how it is written today, and the cells that use it."""

    idiom: str
    today: str
    cells: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ScoreView:
    """Points as text, '' for none but of `score` and `bonus`; the bar's parts in percent."""

    score: str
    max_score: str
    pending: str
    blocked: str
    """Points that were not reached because the notebook stopped."""
    bonus: str
    max_bonus: str
    pending_bonus: str
    earned_percent: float
    pending_percent: float
    blocked_percent: float


@dataclass(frozen=True, slots=True)
class SubmissionView:
    """The whole page for one audience."""

    audience: Audience
    name: str
    source: str
    problem_set: str
    status: Word
    score: ScoreView
    fixes: tuple[CriterionView, ...]
    """What costs most first; a bonus not earned costs nothing."""
    more_fixes: int
    faults: tuple[FaultView, ...]
    more_faults: int
    bridged: tuple[BridgeView, ...]
    notes: tuple[str, ...]
    tasks: tuple[TaskView, ...]
    cells: tuple[CellView, ...]
    pictures: tuple[PictureView, ...]
    """Staff only, as is `facts`."""
    facts: FactsView | None
    has_run: bool
    measured: str
    """How good suggested points are; staff only."""
    run: RunInfo


def submission_view(
    grade: Grade,
    evidence: Evidence | None,
    loaded_rubric: LoadedRubric,
    run_info: RunInfo,
    audience: Audience,
    assignment: Assignment | None = None,
    stored_pictures: Mapping[int, StoredPicture] | None = None,
) -> SubmissionView:
    """View of one submission; `assignment` lets the staff page say which training answers what.

    `stored_pictures` are those that were handed in, by their positions; staff sees them.
    """
    staff = audience == "staff"
    cells = Cells(evidence)
    views = _Views(loaded_rubric.rubric, cells, staff=staff)
    tasks = tuple(views.task(task) for task in grade.tasks)
    lost = [
        (criterion.max_points - criterion.points, view)
        for task, task_view in zip(grade.tasks, tasks, strict=True)
        for criterion, view in zip(task.criteria, task_view.criteria, strict=True)
        if not task.bonus and criterion.verdict.outcome in _LOST
    ]
    lost.sort(key=lambda item: -item[0])
    faults = tuple(_fault(fault, evidence, cells) for fault in grade.faults[:_MOST_FAULTS])
    bridged = _bridged(evidence, cells)
    return SubmissionView(
        audience=audience,
        name=clean(grade.ref.name, 120),
        source=clean(grade.ref.source.name, 200),
        problem_set=loaded_rubric.rubric.title,
        status=STATUSES[grade.status],
        score=_score(grade),
        fixes=tuple(view for _, view in lost[:_MOST_FIXES]),
        more_fixes=max(0, len(lost) - _MOST_FIXES),
        faults=faults,
        more_faults=max(0, len(grade.faults) - _MOST_FAULTS),
        bridged=bridged,
        notes=_notes(grade, evidence),
        tasks=tasks,
        pictures=_pictures(evidence, stored_pictures or {}, cells) if staff else (),
        cells=cells.referred_to(),  # last: the others refer to cells
        facts=facts_view(evidence, _answers(assignment), run_info.fits) if staff and evidence else None,
        has_run=evidence is not None,
        measured=loaded_rubric.reference.measured if staff else "",
        run=run_info,
    )


class _Views:
    """Views of tasks and criteria for one audience."""

    def __init__(self, rubric: Rubric, cells: Cells, *, staff: bool) -> None:
        self._misconceptions = rubric.misconceptions
        self._rules = {c.id: c for task in rubric.tasks for c in task.criteria}
        self._cells = cells
        self._staff = staff
        self._reveal = staff or rubric.reveal_reference

    def task(self, task: TaskGrade) -> TaskView:
        return TaskView(
            id=task.id,
            title=task.title,
            bonus=task.bonus,
            points=points(task.points),
            max_points=points(task.max_points),
            pending=some_points(task.pending),
            state=_state(task),
            criteria=tuple(self._criterion(criterion) for criterion in task.criteria),
        )

    def _criterion(self, grade: CriterionGrade) -> CriterionView:
        verdict = grade.verdict
        rule = self._rules[verdict.criterion]
        reveal = self._reveal or not rule.check.startswith(_ANSWERS)
        details = (
            # An expected layer is asked for in words, its parameter count is an answer.
            detail_view(detail, f"{verdict.criterion}-{n}", self._cells, reveal=self._reveal, staff=self._staff)
            for n, detail in enumerate(verdict.details)
        )
        suggestion = verdict.suggestion if self._staff else None
        compared = any(isinstance(detail, LayerTable | MatrixDiff) for detail in verdict.details)
        return CriterionView(
            id=verdict.criterion,
            title=rule.title,
            outcome=OUTCOMES[verdict.outcome],
            points=points(grade.points),
            max_points=points(grade.max_points),
            lost=points(grade.max_points - grade.points),
            pending=verdict.outcome in UNDECIDED,
            message=clean(verdict.message),
            expected=clean(verdict.expected) if reveal and not compared else "",
            actual="" if compared else clean(verdict.actual),
            place=self._cells.place(verdict.place),
            details=tuple(details),
            misconceptions=tuple(self._misconception(slug) for slug in verdict.misconceptions),
            follow_through=verdict.follow_through,
            repeats=verdict.repeats,
            decided_by=_decided_by(verdict, rule.check),
            suggested=points(suggestion.points) if suggestion else "",
            suggested_why=clean(suggestion.why) if suggestion else "",
            guide=tuple(_guide_line(step) for step in rule.steps) if self._staff else (),
            guidance=safe_html(rule.guidance) if self._staff and rule.guidance else Markup(""),
        )

    def _misconception(self, slug: str) -> MisconceptionView:
        known = self._misconceptions.get(slug)
        return MisconceptionView(slug, known.title if known else slug, safe_html(known.help) if known else Markup(""))


def _guide_line(step: Step) -> GuideLine:
    worth = [points(step.points)] if step.points or step.at_most is None else []
    limit = [] if step.at_most is None else [f"at most {points(step.at_most)} in all"]
    return GuideLine(", ".join(worth + limit), clean(step.text))


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
        pending=some_points(grade.pending),
        blocked=some_points(blocked),
        bonus=points(grade.bonus),
        max_bonus=some_points(grade.max_bonus),
        pending_bonus=some_points(grade.pending_bonus),
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
    cells_of: dict[tuple[str, str], dict[int, None]] = {}
    for use in evidence.bridged if evidence else ():
        users = cells_of.setdefault((clean(use.idiom, 120), clean(use.today, 200)), {})
        if use.place.cell is not None:
            users[use.place.cell] = None
            cells.refer(use.place.cell)
    return tuple(BridgeView(idiom, today, tuple(users)) for (idiom, today), users in cells_of.items())


def _pictures(evidence: Evidence | None, stored: Mapping[int, StoredPicture], cells: Cells) -> tuple[PictureView, ...]:
    """All that were handed in, small ones on the page itself, which loads nothing."""
    views, room = [], _PICTURES_BYTES
    for number, picture in enumerate(pictures(evidence.submission) if evidence else ()):
        found = stored.get(number)
        source = ""
        if found is not None and found.kind in _RASTER and len(found.data) <= room:
            room -= len(found.data)
            source = f"data:image/{_RASTER[found.kind]};base64,{base64.b64encode(found.data).decode()}"
        cells.refer(picture.place.cell)
        name = "pasted picture" if picture.name.startswith("embedded:") else clean(picture.name, 120)
        href = f"evidence/pictures/{number}.{found.kind}" if found else ""
        views.append(PictureView(number, name, picture.place.cell, Markup(source), href))  # noqa: S704 - our own text
    return tuple(views)


def _notes(grade: Grade, evidence: Evidence | None) -> tuple[str, ...]:
    notes: Sequence[str] = evidence.submission.notes if evidence else ()
    others = grade.ref.ignored
    if others:
        names = ", ".join(others[:10]) + (" …" if len(others) > 10 else "")
        why = f" Graded is {grade.ref.chosen}." if grade.ref.chosen else ""
        notes = (*notes, f"Handed in with it, but not graded: {counted(len(others), 'file')} ({names}).{why}")
    return tuple(clean(note) for note in notes[:20])


def _answers(assignment: Assignment | None) -> dict[str, str]:
    """What each training answers, by its id."""
    if assignment is None:
        return {}
    answers = {training.id: "answers no task" for training in assignment.spare}
    for slot, matched in assignment.matched.items():
        for training in matched.repeats:
            answers[training.id] = f"{slot} (repeated)"
        if matched.training:
            answers[matched.training.id] = f"{slot}, by {matched.by}" if matched.by else slot
    return answers
