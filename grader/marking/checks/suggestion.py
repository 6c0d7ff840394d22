"""What a written answer seems to be worth: proposed to the person who marks it, never given."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.records import Suggestion

if TYPE_CHECKING:
    from grader.rubric.expected import AnswerPoint, WrittenAnswer


def suggest(points: float, reference: WrittenAnswer, text: str, touched: list[bool]) -> Suggestion:
    """Points in halves, by the share of points touched; a person may see it otherwise."""
    share = sum(touched) / len(touched) if touched else 0.0
    why = f"It touches {sum(touched)} of {len(touched)} points to look for."
    misled = [p.text for p in reference.misleading if touches(p, text)]
    if misled:
        share /= 2
        why += f" But it {misled[0][:1].lower()}{misled[0][1:]}"
    return Suggestion(round(points * share * 2) / 2, why)


def touches(point: AnswerPoint, text: str) -> bool:
    """Whether a text speaks of a point to look for."""
    return any(re.search(pattern, text, re.IGNORECASE) for pattern in point.patterns)
