"""The whole class in one view: a row per submission, distribution, pass rates, misconceptions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING
from urllib.parse import quote

from markupsafe import Markup

from grader.records import Fault, Grade, Outcome, Status, TaskGrade
from grader.report import charts
from grader.report.provenance import RunInfo
from grader.report.wording import FAULTS, OUTCOMES, STATUSES, Word, points, seconds
from grader.system.display_text import clean

if TYPE_CHECKING:
    from grader.rubric.load import LoadedRubric

_SLOWEST = 8
_UNDECIDED = (Outcome.NEEDS_REVIEW, Outcome.ERRORED)


@dataclass(frozen=True, slots=True)
class TaskCell:
    """A task of one submission in the table."""

    task: str
    points: str
    max_points: str
    level: str
    """'full', 'most', 'some', 'none', 'wait' (undecided), by share of the decided points."""
    share: float
    word: str


@dataclass(frozen=True, slots=True)
class RowView:
    id: str
    anchor: str
    name: str
    href: str
    """Of its folder, quoted, with the slash."""
    has_staff: bool
    status: Word
    score: str
    percent: float
    pending: str
    pending_percent: float
    bonus: str
    tasks: tuple[TaskCell, ...]
    faults: str
    """'cell_error ×2, timeout'."""
    fault_count: int
    misconceptions: tuple[str, ...]
    reviews: int
    """Criteria that wait for a person."""


@dataclass(frozen=True, slots=True)
class Link:
    name: str
    href: str


@dataclass(frozen=True, slots=True)
class Share:
    word: Word
    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class RateView:
    """How the class did on a task or a criterion."""

    id: str
    title: str
    percent: str
    shares: tuple[Share, ...]
    criteria: tuple[RateView, ...] = ()


@dataclass(frozen=True, slots=True)
class MisconceptionCount:
    slug: str
    title: str
    count: int
    percent: float
    who: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class SlowView:
    link: Link
    duration: str
    percent: float


@dataclass(frozen=True, slots=True)
class FailedView:
    link: Link
    status: Word
    what: str
    message: str


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A task in the table's head."""

    id: str
    title: str
    max_points: str


@dataclass(frozen=True, slots=True)
class ClassView:
    problem_set: str
    count: int
    statuses: tuple[Share, ...]
    max_score: str
    median: str
    """Of the submissions that were run, pending points left out; '' when none was."""
    mean: str
    reviews: int
    reviewed_submissions: int
    histogram: Markup
    rates: tuple[RateView, ...]
    legend: tuple[Word, ...]
    """Outcomes that occur in `rates`."""
    misconceptions: tuple[MisconceptionCount, ...]
    slowest: tuple[SlowView, ...]
    failed: tuple[FailedView, ...]
    tasks: tuple[ColumnView, ...]
    rows: tuple[RowView, ...]
    run: RunInfo


def class_view(
    grades: Sequence[Grade],
    loaded_rubric: LoadedRubric,
    run_info: RunInfo,
    durations: Mapping[str, float],
    with_staff_page: AbstractSet[str],
) -> ClassView:
    """View of the class. `durations`: seconds per submission id; `with_staff_page`: ids that have one."""
    rubric = loaded_rubric.rubric
    run = [g for g in grades if g.status in (Status.GRADED, Status.FAULTED)]
    statuses = Counter(g.status for g in grades)
    rows = tuple(_row(g, g.ref.id in with_staff_page) for g in grades)
    scores = [100 * g.score / (g.max_score or 1) for g in run]
    bins = [sum(min(int(s // 10), 9) == n for s in scores) for n in range(10)]
    rates = _rates(run, {c.id: c.title for task in rubric.tasks for c in task.criteria})
    seen = {share.word for rate in rates for share in rate.shares}
    return ClassView(
        problem_set=rubric.title,
        count=len(grades),
        statuses=tuple(
            Share(word, statuses[s], _percent(statuses[s], len(grades))) for s, word in STATUSES.items() if statuses[s]
        ),
        max_score=points(max((g.max_score for g in grades), default=0)),
        median=points(median(g.score for g in run)) if run else "",
        mean=f"{sum(g.score for g in run) / len(run):.1f}" if run else "",
        reviews=sum(row.reviews for row in rows),
        reviewed_submissions=sum(row.reviews > 0 for row in rows),
        histogram=charts.histogram(
            bins,
            [str(10 * n) for n in range(11)],
            "distribution",
            "Scores in percent of the points without bonus",
            "Submissions by score in percent",
        ),
        rates=rates,
        legend=tuple(word for word in OUTCOMES.values() if word in seen),
        misconceptions=_misconceptions(
            run, {slug: m.title for slug, m in rubric.misconceptions.items()}, with_staff_page
        ),
        slowest=_slowest(grades, durations, with_staff_page),
        failed=tuple(_failed(g, with_staff_page) for g in grades if g.status is not Status.GRADED),
        tasks=tuple(ColumnView(t.id, t.title, points(sum(c.points for c in t.criteria))) for t in rubric.tasks),
        rows=rows,
        run=run_info,
    )


def _row(grade: Grade, has_staff: bool) -> RowView:
    whole = grade.max_score or 1.0
    reviews = sum(c.verdict.outcome is Outcome.NEEDS_REVIEW for task in grade.tasks for c in task.criteria)
    return RowView(
        id=clean(grade.ref.id, 120),
        anchor=f"submission-{quote(grade.ref.id, safe='')}",
        name=clean(grade.ref.name, 120),
        href=_folder(grade),
        has_staff=has_staff,
        status=STATUSES[grade.status],
        score=points(grade.score),
        percent=_percent(grade.score, whole),
        pending=points(grade.pending),
        pending_percent=_percent(grade.pending, whole),
        bonus=points(grade.bonus),
        tasks=tuple(_task_cell(task) for task in grade.tasks),
        faults=_fault_kinds(grade.faults),
        fault_count=len(grade.faults),
        misconceptions=grade.misconceptions,
        reviews=reviews,
    )


def _folder(grade: Grade) -> str:
    return f"{quote(grade.ref.id, safe='')}/"


def _link(grade: Grade, with_staff_page: AbstractSet[str]) -> Link:
    page = "staff.html" if grade.ref.id in with_staff_page else "feedback.html"
    return Link(clean(grade.ref.name, 120), f"{_folder(grade)}{page}")


def _task_cell(task: TaskGrade) -> TaskCell:
    waiting = sum(c.max_points for c in task.criteria if c.verdict.outcome in _UNDECIDED)
    decided = task.max_points - waiting
    share = task.points / decided if decided > 0 else -1.0
    level = next(name for name, least in _LEVELS if share >= least)
    word = {"full": "all decided points", "wait": "undecided"}.get(level, f"{share:.0%} of the decided points")
    if waiting and level != "wait":
        word += f", {points(waiting)} pending"
    return TaskCell(task.id, points(task.points), points(task.max_points), level, round(share, 4), word)


_LEVELS = (("full", 1 - 1e-9), ("most", 0.6), ("some", 1e-9), ("none", 0.0), ("wait", -2.0))


def _fault_kinds(faults: Sequence[Fault]) -> str:
    kinds = Counter(fault.kind.value for fault in faults)
    return ", ".join(kind if count == 1 else f"{kind} ×{count}" for kind, count in kinds.items())


def _rates(run: Sequence[Grade], titles: Mapping[str, str]) -> tuple[RateView, ...]:
    """Outcomes per task and criterion over the submissions that were run."""
    criteria: dict[str, dict[str, Counter[Outcome]]] = {}
    names: dict[str, str] = {}
    for grade in run:
        for task in grade.tasks:
            names[task.id] = task.title
            per_task = criteria.setdefault(task.id, {})
            for c in task.criteria:
                per_task.setdefault(c.verdict.criterion, Counter())[c.verdict.outcome] += 1
    return tuple(
        _rate(
            task,
            names[task],
            sum(counters.values(), Counter[Outcome]()),
            tuple(_rate(c, titles.get(c, c), counter) for c, counter in counters.items()),
        )
        for task, counters in criteria.items()
    )


def _rate(rate_id: str, title: str, outcomes: Counter[Outcome], criteria: tuple[RateView, ...] = ()) -> RateView:
    total = outcomes.total()
    decided = total - sum(outcomes[o] for o in _UNDECIDED)
    return RateView(
        id=rate_id,
        title=title,
        percent=f"{_percent(outcomes[Outcome.PASSED], decided):.0f} %" if decided else "–",
        shares=tuple(
            Share(word, outcomes[o], _percent(outcomes[o], total)) for o, word in OUTCOMES.items() if outcomes[o]
        ),
        criteria=criteria,
    )


def _misconceptions(
    run: Sequence[Grade], titles: Mapping[str, str], with_staff_page: AbstractSet[str]
) -> tuple[MisconceptionCount, ...]:
    who: dict[str, list[Link]] = {}
    for grade in run:
        for slug in dict.fromkeys(grade.misconceptions):
            who.setdefault(slug, []).append(_link(grade, with_staff_page))
    most = max(map(len, who.values()), default=1)
    return tuple(
        MisconceptionCount(slug, titles.get(slug, slug), len(links), _percent(len(links), most), tuple(links))
        for slug, links in sorted(who.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _slowest(
    grades: Sequence[Grade], durations: Mapping[str, float], with_staff_page: AbstractSet[str]
) -> tuple[SlowView, ...]:
    timed = [(durations[g.ref.id], g) for g in grades if durations.get(g.ref.id, 0) > 0]
    slow = sorted(timed, key=lambda item: (-item[0], item[1].ref.id))[:_SLOWEST]
    return tuple(SlowView(_link(g, with_staff_page), seconds(took), _percent(took, slow[0][0])) for took, g in slow)


def _failed(grade: Grade, with_staff_page: AbstractSet[str]) -> FailedView:
    """The fault that ended it stands last."""
    fault = grade.faults[-1] if grade.faults else None
    cell = "" if fault is None or fault.cell is None else f", cell {fault.cell}"
    return FailedView(
        link=_link(grade, with_staff_page),
        status=STATUSES[grade.status],
        what=f"{FAULTS[fault.kind].word}{cell}" if fault else "",
        message=clean(fault.message, 300) if fault else STATUSES[grade.status].meaning,
    )


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
