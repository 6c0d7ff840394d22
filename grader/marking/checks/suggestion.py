"""What a written answer seems to be worth: proposed to the person who marks it, never given.

The guide's steps decide (`Step` in the rubric): each is earned by points to look for that the text asserts. Silence is
cheap and a wrong figure is dear, so nothing is proposed where the text contradicts itself, where it says
something that no earned step covers, or where nothing in it is recognised.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from grader.marking.checks import wording
from grader.records import Suggestion

if TYPE_CHECKING:
    from grader.rubric.expected import AnswerPoint, WrittenAnswer
    from grader.rubric.schema import Criterion, Step

_UNREAD = 2
"""Chosen: words outside of what is recognised from which on a part of the points is no safe proposal."""
_LETTERS = 4
"""Chosen: letters from which on a word says something by itself."""
_UNREAD_IN_ALL = 6
"""Chosen: the same where nothing earns a point."""

Span = tuple[int, int, int]
"""The index of a sentence, and where something begins and ends in it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says of one point: where it asserts it, says the opposite, or turns to what it is about."""

    asserted: tuple[Span, ...]
    denied: tuple[Span, ...]
    about: tuple[Span, ...]


def touches(point: AnswerPoint, text: str) -> bool:
    """Whether a text speaks of a point to look for, in whatever sense."""
    said = wording.sentences(text)
    return any(_found(pattern, said) for pattern in (*point.patterns, *point.either_way, *point.contrary))


def asserts(point: AnswerPoint, text: str) -> bool:
    """Whether a text says what the point says, and nowhere the opposite."""
    reading = _read((point,), wording.statements(text))[0]
    return bool(reading.asserted) and not reading.denied


def suggest(criterion: Criterion, reference: WrittenAnswer, text: str) -> Suggestion | None:
    """Points by the steps of the guide, and why; None where no figure is safe."""
    if not criterion.steps or wording.is_at_a_loss(text):
        return None
    said = wording.statements(text)
    if not said:
        return Suggestion(0, "It seems to repeat the question.")
    if wording.is_word_list(text):
        spoken_of = sum(touches(p, text) or any(_found(a, said) for a in p.about) for p in reference.points)
        return Suggestion(0, "It seems to be a list of words that states nothing.") if spoken_of > 1 else None
    return None if wording.is_terse(text) else _by_the_guide(criterion, reference, said)


def _by_the_guide(criterion: Criterion, reference: WrittenAnswer, said: tuple[str, ...]) -> Suggestion | None:
    points = (*reference.points, *reference.misleading)
    readings = {point.id: reading for point, reading in zip(points, _read(points, said), strict=True)}
    wanted = [point for point in reference.points if any(s.points and point.id in s.names for s in criterion.steps)]
    opposite = [point for point in wanted if readings[point.id].denied]
    if any(readings[point.id].asserted for point in opposite):
        return None  # it contradicts itself
    earned = [step for step in criterion.steps if holds(step, {n for n, r in readings.items() if r.asserted})]
    limits = [step.at_most for step in earned if step.at_most is not None]
    worth = min([criterion.points, sum(step.points for step in earned), *limits])
    if worth == criterion.points:
        return None if opposite else _proposed(worth, earned)
    if not _is_understood(readings, wanted, earned, said):
        return None
    if limits or not (opposite or worth):
        return _proposed(worth, earned) if earned else None
    if opposite:
        return None if worth else Suggestion(0, f"It seems to say the opposite of: {opposite[0].text}")
    misled = any(readings[p.id].asserted for p in reference.misleading if any(p.id in step.names for step in earned))
    return None if misled else _proposed(worth, earned)


def _proposed(worth: float, earned: list[Step]) -> Suggestion:
    """With the steps that it comes from; one without points is the reason of a 0 only."""
    telling = [step for step in earned if step.points or step.at_most is not None] or earned
    return Suggestion(worth, " ".join(_reason(step) for step in telling))


def holds(step: Step, asserted: set[str]) -> bool:
    """Whether a step of the guide is earned by the points that a text asserts."""
    return (
        (not step.any_of or not asserted.isdisjoint(step.any_of))
        and asserted.issuperset(step.all_of)
        and asserted.isdisjoint(step.none_of)
    )


def _reason(step: Step) -> str:
    if step.points:
        return f"{step.text}: {step.points:g} {'point' if step.points == 1 else 'points'}."
    return f"{step.text}."


# ------------------------------------------------------------------ reading


def _read(points: tuple[AnswerPoint, ...], said: tuple[str, ...]) -> list[Reading]:
    """What the sentences say of each point.

    What one point takes 'either way' ('no gap') is no denial of another.
    """
    neutral = [s for p in points for pattern in p.either_way for s in _found(pattern, said)]
    return [_read_one(point, said, neutral) for point in points]


def _read_one(point: AnswerPoint, said: tuple[str, ...], neutral: list[Span]) -> Reading:
    contrary = [s for pattern in point.contrary for s in _found(pattern, said) if not _denied_before(said, s)]
    found = [s for pattern in point.patterns for s in _found(pattern, said) if not _meets(s, contrary)]
    denied = [s for s in found if wording.denied(said[s[0]], s[1], s[2])]
    either_way = [s for pattern in point.either_way for s in _found(pattern, said) if not _meets(s, contrary)]
    stated = [s for s in found if s not in denied]
    doubted = [s for s in stated if wording.doubtful(said[s[0]], s[1], s[2]) and not _meets(s, neutral)]
    asserted = [s for s in stated if s not in doubted]
    return Reading(
        (*asserted, *either_way),
        (*contrary, *(s for s in denied if not _meets(s, neutral) and not _meets(s, asserted))),
        (*doubted, *(s for pattern in point.about for s in _found(pattern, said))),
    )


def _found(pattern: str, said: tuple[str, ...]) -> list[Span]:
    """Where a pattern is found: its group where it has one, which tells the words from what must stand around them."""
    return [(i, *m.span(m.lastindex or 0)) for i, s in enumerate(said) for m in _compiled(pattern).finditer(s)]


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(wording.fold(pattern), re.IGNORECASE)


def _denied_before(said: tuple[str, ...], span: Span) -> bool:
    """A pattern of the opposite may hold a negation of its own: only one before it turns it round."""
    return wording.denied(said[span[0]][: span[1] + 1], span[1], span[1] + 1)


def _meets(span: Span, others: list[Span]) -> bool:
    return any(span[0] == i and span[1] < end and start < span[2] for i, start, end in others)


def _is_understood(
    readings: dict[str, Reading], wanted: list[AnswerPoint], earned: list[Step], said: tuple[str, ...]
) -> bool:
    """Whether hardly anything is said beside what the earned steps cover and what is denied."""
    covered = {name for step in earned for name in step.names}
    read = [s for name, r in readings.items() for s in (*(r.asserted if name in covered else ()), *r.denied)]
    unread = [
        (i, start, end)
        for i, sentence in enumerate(said)
        for start, end in wording.clauses(sentence)
        if not _meets((i, start, end), read)
    ]
    beside = [s for name, r in readings.items() if name not in covered for s in r.asserted]
    hinted = [s for p in wanted if p.id not in covered and not readings[p.id].denied for s in readings[p.id].about]
    words = sum(wording.words(said[i][start:end], _LETTERS) for i, start, end in unread)
    return (
        words <= (_UNREAD if any(step.points for step in earned) else _UNREAD_IN_ALL)
        and not any(_meets(clause, beside) for clause in unread)
        and all(_meets(span, read) for span in hinted)
    )
