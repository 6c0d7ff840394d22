"""Written answers, for a person to decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.marking.checks.registry import check
from grader.marking.checks.suggestion import asserts, suggest
from grader.marking.checks.written_answers import LONGEST, answer
from grader.records import PointToLookFor, Written

if TYPE_CHECKING:
    from grader.marking.checks.case import Case
    from grader.records import Verdict


@check("text.review")
def review(case: Case) -> Verdict:
    """There is an answer in words; a person decides what it is worth."""
    reference = case.reference.answers[case.criterion.expects or case.criterion.id]
    answered = answer(case)
    if not answered:
        written = Written("", reference.text, tuple(PointToLookFor(p.text, touched=False) for p in reference.points))
        return case.missing("No answer in words was found.", details=(written,))
    text = "\n\n".join(p.text for p in answered)[:LONGEST]
    points = tuple(PointToLookFor(p.text, asserts(p, text)) for p in reference.points)
    return case.needs_review(
        "You answered in words: a person reads it.",
        place=answered[0].place,
        details=(Written(text, reference.text, points),),
        suggestion=suggest(case.criterion, reference, text),
    )
