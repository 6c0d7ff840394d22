"""The page of the class as plain view data: a row per submission, distribution, pass rates, misconceptions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import quote

from markupsafe import Markup

from grader.records import UNDECIDED, Fault, FaultKind, Grade, Outcome, Status, TaskGrade
from grader.report import charts, packages
from grader.report.provenance import RunInfo
from grader.report.wording import FAULTS, OUTCOMES, STATUSES, Word, points, seconds
from grader.system.display_text import clean

if TYPE_CHECKING:
    from grader.rubric.load import LoadedRubric
    from grader.rubric.schema import Rubric

_State = TypeVar("_State", Outcome, Status)
_SLOWEST = 8
_LACKS = 20
_LACKING = {
    FaultKind.MISSING_MODULE: "package {}",
    FaultKind.MISSING_MAGIC: "magic %%{}",
    FaultKind.MISSING_FILE: "file {}",
    FaultKind.MISSING_DEVICE: "{}",
    FaultKind.NETWORK_BLOCKED: "{}",
}
"""Faults for what is not here; the braces stand for `Fault.lacking`."""
_LEVELS = (("full", 1 - 1e-9), ("most", 0.6), ("some", 1e-9), ("none", 0.0), ("wait", -2.0))
"""Names of colours in the table, and from which share of the decided points on."""


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
    """A submission in the table; points as text."""

    id: str
    anchor: str
    name: str
    href: str
    """Of its folder, quoted, with the slash."""
    page: str
    """Address of its page for whom the index is."""
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
class Share:
    """How many of a whole are in a state."""

    word: Word
    count: int
    percent: float


@dataclass(frozen=True, slots=True)
class RateView:
    """How the class did on a task or a criterion."""

    id: str
    title: str
    percent: str
    """Passed of what is decided."""
    shares: tuple[Share, ...]
    criteria: tuple[RateView, ...] = ()


@dataclass(frozen=True, slots=True)
class MisconceptionCount:
    """Who holds a misconception; percent of the most frequent one."""

    slug: str
    title: str
    count: int
    percent: float
    who: tuple[RowView, ...]


@dataclass(frozen=True, slots=True)
class SlowView:
    """One of the slowest runs; percent of the slowest."""

    row: RowView
    duration: str
    percent: float


@dataclass(frozen=True, slots=True)
class FailedView:
    """A submission that did not run to its end, and why: the fault that ended it stands last."""

    row: RowView
    fault: str
    message: str


@dataclass(frozen=True, slots=True)
class LackView:
    """Something that notebooks asked for and that is not here; percent of what most lacked."""

    what: str
    command: str
    """What would add it; '' where nothing is known to."""
    count: int
    percent: float
    who: tuple[RowView, ...]


@dataclass(frozen=True, slots=True)
class ColumnView:
    """A task in the table's head."""

    id: str
    title: str
    max_points: str


@dataclass(frozen=True, slots=True)
class ClassView:
    """The whole page."""

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
    lacking: tuple[LackView, ...]
    """The most frequent, by number of submissions."""
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
    rows = {g.ref.id: _row(g, g.ref.id in with_staff_page) for g in grades}
    rates = _rates(run, rubric) if run else ()
    occurring = {share.word for rate in rates for share in rate.shares}
    return ClassView(
        problem_set=rubric.title,
        count=len(grades),
        statuses=_shares(Counter(g.status for g in grades), STATUSES),
        max_score=points(max((g.max_score for g in grades), default=0)),
        median=points(median(g.score for g in run)) if run else "",
        mean=f"{sum(g.score for g in run) / len(run):.1f}" if run else "",
        reviews=sum(row.reviews for row in rows.values()),
        reviewed_submissions=sum(row.reviews > 0 for row in rows.values()),
        histogram=_histogram(run),
        rates=rates,
        legend=tuple(word for word in OUTCOMES.values() if word in occurring),
        misconceptions=_misconceptions(run, rubric, rows),
        slowest=_slowest(durations, rows),
        failed=tuple(_failed(g, rows[g.ref.id]) for g in grades if g.status is not Status.GRADED),
        lacking=_lacking(grades, rows),
        tasks=tuple(ColumnView(t.id, t.title, points(sum(c.points for c in t.criteria))) for t in rubric.tasks),
        rows=tuple(rows.values()),
        run=run_info,
    )


def _row(grade: Grade, has_staff: bool) -> RowView:
    whole = grade.max_score or 1.0
    folder = quote(grade.ref.id, safe="")
    reviews = sum(c.verdict.outcome is Outcome.NEEDS_REVIEW for task in grade.tasks for c in task.criteria)
    return RowView(
        id=clean(grade.ref.id, 120),
        anchor=f"submission-{folder}",
        name=clean(grade.ref.name, 120),
        href=f"{folder}/",
        page=f"{folder}/{'staff' if has_staff else 'feedback'}.html",
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


def _task_cell(task: TaskGrade) -> TaskCell:
    decided = task.max_points - task.pending
    share = task.points / decided if decided > 0 else -1.0
    level = next(name for name, least in _LEVELS if share >= least)
    word = {"full": "all decided points", "wait": "undecided"}.get(level, f"{share:.0%} of the decided points")
    if task.pending and level != "wait":
        word += f", {points(task.pending)} pending"
    return TaskCell(task.id, points(task.points), points(task.max_points), level, round(share, 4), word)


def _fault_kinds(faults: Sequence[Fault]) -> str:
    kinds = Counter(fault.kind.value for fault in faults)
    return ", ".join(kind if count == 1 else f"{kind} ×{count}" for kind, count in kinds.items())


def _histogram(run: Sequence[Grade]) -> Markup:
    """Submissions by tenth of the score."""
    tenths = Counter(min(int(100 * g.score / (g.max_score or 1) // 10), 9) for g in run)
    return charts.histogram(
        [tenths[n] for n in range(10)],
        [str(10 * n) for n in range(11)],
        "distribution",
        "Scores in percent of the points without bonus",
        "Submissions by score in percent",
    )


def _rates(run: Sequence[Grade], rubric: Rubric) -> tuple[RateView, ...]:
    """Outcomes per task and criterion over the submissions that were run."""
    outcomes: dict[str, Counter[Outcome]] = defaultdict(Counter)
    for grade in run:
        for criterion in (c for task in grade.tasks for c in task.criteria):
            outcomes[criterion.verdict.criterion][criterion.verdict.outcome] += 1
    return tuple(
        _rate(
            task.id,
            task.title,
            sum((outcomes[c.id] for c in task.criteria), Counter[Outcome]()),
            tuple(_rate(c.id, c.title, outcomes[c.id]) for c in task.criteria),
        )
        for task in rubric.tasks
    )


def _rate(rate_id: str, title: str, outcomes: Counter[Outcome], criteria: tuple[RateView, ...] = ()) -> RateView:
    decided = outcomes.total() - sum(outcomes[outcome] for outcome in UNDECIDED)
    passed = f"{_percent(outcomes[Outcome.PASSED], decided):.0f} %" if decided else "–"
    return RateView(rate_id, title, passed, _shares(outcomes, OUTCOMES), criteria)


def _shares(counts: Counter[_State], words: Mapping[_State, Word]) -> tuple[Share, ...]:
    """Those states that occur, in the order of `words`."""
    total = counts.total()
    return tuple(
        Share(word, counts[state], _percent(counts[state], total)) for state, word in words.items() if counts[state]
    )


def _misconceptions(
    run: Sequence[Grade], rubric: Rubric, rows: Mapping[str, RowView]
) -> tuple[MisconceptionCount, ...]:
    """The most frequent first."""
    who: dict[str, list[RowView]] = defaultdict(list)
    for grade in run:
        for slug in dict.fromkeys(grade.misconceptions):
            who[slug].append(rows[grade.ref.id])
    most = max(map(len, who.values()), default=1)
    titles = {slug: misconception.title for slug, misconception in rubric.misconceptions.items()}
    return tuple(
        MisconceptionCount(slug, titles.get(slug, slug), len(holders), _percent(len(holders), most), tuple(holders))
        for slug, holders in sorted(who.items(), key=lambda item: (-len(item[1]), item[0]))
    )


def _slowest(durations: Mapping[str, float], rows: Mapping[str, RowView]) -> tuple[SlowView, ...]:
    timed = ((name, took) for name, took in durations.items() if took > 0 and name in rows)
    slow = sorted(timed, key=lambda item: (-item[1], item[0]))[:_SLOWEST]
    return tuple(SlowView(rows[name], seconds(took), _percent(took, slow[0][1])) for name, took in slow)


def _lacking(grades: Sequence[Grade], rows: Mapping[str, RowView]) -> tuple[LackView, ...]:
    """The most frequent first."""
    who: dict[tuple[str, str], list[RowView]] = defaultdict(list)
    for grade in grades:
        for lack in dict.fromkeys(_lack(fault) for fault in grade.faults if fault.kind in _LACKING):
            who[lack].append(rows[grade.ref.id])
    most = max(map(len, who.values()), default=1)
    found = sorted(who.items(), key=lambda item: (-len(item[1]), item[0]))[:_LACKS]
    return tuple(
        LackView(what, command, len(holders), _percent(len(holders), most), tuple(holders))
        for (what, command), holders in found
    )


def _lack(fault: Fault) -> tuple[str, str]:
    """What was lacking, and the command that adds it."""
    name, command = fault.lacking, ""
    if fault.kind is FaultKind.MISSING_MODULE:
        top = name.partition(".")[0]
        if package := packages.distribution(top):
            name, command = top, f"pip install {package}"
    what = _LACKING[fault.kind] if name else FAULTS[fault.kind].word
    return clean(what.format(name), 120), command


def _failed(grade: Grade, row: RowView) -> FailedView:
    fault = grade.faults[-1] if grade.faults else None
    cell = "" if fault is None or fault.cell is None else f", cell {fault.cell}"
    return FailedView(
        row=row,
        fault=f"{FAULTS[fault.kind].word}{cell}" if fault else "",
        message=clean(fault.message, 300) if fault else STATUSES[grade.status].meaning,
    )


def _percent(part: float, whole: float) -> float:
    return round(100 * part / whole, 2) if whole else 0.0
