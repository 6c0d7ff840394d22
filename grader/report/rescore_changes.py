"""What a rescore changed: an earlier report beside the new one."""

from __future__ import annotations

from collections.abc import Sequence

from grader.report.results_schema import (
    CriterionChange,
    CriterionResult,
    Judged,
    RescoreInfo,
    ResultsDocument,
    RubricInfo,
    SubmissionChange,
    SubmissionResult,
)


def rescore_info(before: ResultsDocument | None, after: ResultsDocument) -> RescoreInfo:
    """Submissions that only one of the reports holds did not change; `before` is None where it could not be read."""
    earlier = {s.id: s for s in before.submissions} if before else {}
    pairs = [(earlier[s.id], s) for s in after.submissions if s.id in earlier]
    return RescoreInfo(
        when=after.generated,
        report_before=before.generated if before else None,
        rubric_before=before.rubric if before else None,
        rubric_after=after.rubric,
        submissions=[change for old, new in pairs if (change := _submission(old, new)).criteria],
        reworded=sum(_reworded(was, now) for old, new in pairs for was, now in _pairs(old, new)),
    )


# ------------------------------------------------------------------ for people


def rows(changes: Sequence[SubmissionChange]) -> list[tuple[str, ...]]:
    """Submission and score (once, and without bonus), then criterion, before, now, points."""
    table: list[tuple[str, ...]] = []
    for change in changes:
        before, after = f"{change.score_before:g}", f"{change.score_after:g}"
        head = (change.id, before if before == after else f"{before} → {after}")
        for c in change.criteria:
            table.append((*head, c.id, _outcome_and_points(c.before), _outcome_and_points(c.after), _points(c.change)))
            head = ("", "")
    return table


def sums(changes: Sequence[SubmissionChange]) -> list[tuple[str, ...]]:
    """Criterion, how many submissions gain by it, how many lose, points in all."""
    per_criterion: dict[str, list[float]] = {}
    for change in (criterion for submission in changes for criterion in submission.criteria):
        per_criterion.setdefault(change.id, []).append(change.change)
    return [
        (name, str(sum(gain > 0 for gain in gains)), str(sum(gain < 0 for gain in gains)), _points(sum(gains)))
        for name, gains in sorted(per_criterion.items())
    ]


def in_words(rescored: RescoreInfo, count: int) -> list[str]:
    """What was compared, and sums; `count`: submissions in all."""
    before, now = rescored.rubric_before, rescored.rubric_after
    changed = rescored.submissions
    total = [s.score_after + s.bonus_after - s.score_before - s.bonus_before for s in changed]
    lines = []
    if before is not None and before != now:
        lines.append(f"The rubric was {_rubric(before)} and is {_rubric(now)}.")
    gain, lose = sum(t > 0 for t in total), sum(t < 0 for t in total)
    more = f": {gain} gain, {lose} lose, {_points(sum(total))} points in all" if changed else ""
    lines.append(f"{count} rescored, {len(changed)} changed{more}.")
    if rescored.reworded:
        lines.append(f"Only the message is another: {rescored.reworded} criteria.")
    return lines


def _rubric(rubric: RubricInfo) -> str:
    return f"{rubric.id} {rubric.version} ({rubric.sha256[:8]})"


def _outcome_and_points(judged: Judged | None) -> str:
    return f"{judged.outcome.value} {judged.points:g}" if judged else "-"


def _points(change: float) -> str:
    return f"{change:+.6g}" if abs(change) >= 0.0005 else "0"


# ------------------------------------------------------------------ one submission


def _submission(old: SubmissionResult, new: SubmissionResult) -> SubmissionChange:
    return SubmissionChange(
        id=new.id,
        score_before=old.score,
        score_after=new.score,
        bonus_before=old.bonus,
        bonus_after=new.bonus,
        criteria=[_criterion(was, now) for was, now in _pairs(old, new) if _judged(was) != _judged(now)],
    )


def _pairs(old: SubmissionResult, new: SubmissionResult) -> list[tuple[CriterionResult | None, CriterionResult | None]]:
    was, now = ({c.id: c for task in s.tasks for c in task.criteria} for s in (old, new))
    return [(was.get(name), now.get(name)) for name in dict.fromkeys([*now, *was])]


def _criterion(was: CriterionResult | None, now: CriterionResult | None) -> CriterionChange:
    either = now or was
    assert either is not None
    change = (now.points if now else 0.0) - (was.points if was else 0.0)
    return CriterionChange(id=either.id, before=_judged(was), after=_judged(now), change=round(change, 4))


def _judged(result: CriterionResult | None) -> Judged | None:
    return Judged(outcome=result.outcome, points=result.points) if result else None


def _reworded(was: CriterionResult | None, now: CriterionResult | None) -> bool:
    return was is not None and now is not None and _judged(was) == _judged(now) and was.message != now.message
