"""Written answers, for a person to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.marking.checks.registry import check
from grader.marking.checks.suggestion import asserts, suggest
from grader.marking.checks.written_answers import LONGEST, answered
from grader.records import PointToLookFor, Written

if TYPE_CHECKING:
    from grader.marking.checks.case import Case
    from grader.records import Verdict


@check("text.review")
def review(case: Case) -> Verdict:
    """There is an answer in words; a person decides what it is worth."""
    reference = case.reference.answers[case.criterion.expects or case.criterion.id]
    found = answered(case)
    text = "\n\n".join(p.text for p in found.texts)[:LONGEST]
    points = tuple(PointToLookFor(p.text, asserts(p, text)) for p in reference.points)
    details = (Written(text, reference.text, points, found.looked_at),)
    if not found.texts:
        return case.missing("No answer in words was found.", details=details)
    place = found.texts[0].place
    if not found.sure:
        return case.needs_review(
            f"Nothing under {case.task.id} clearly answers this; could it be what stands here? A person reads it.",
            place=place,
            details=details,
        )
    return case.needs_review(
        "You answered in words: a person reads it.",
        place=place,
        details=details,
        suggestion=suggest(case.criterion, reference, text),
    )
