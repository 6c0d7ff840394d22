"""Which of several figures is the answer: the one marked as final, else those that bear the question's words.

'First I thought 7960, but with biases 8070' states 8070; '7960 or 8060 or 8070' states three.
"""

from __future__ import annotations

import enum
import re
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.extraction.numbers import ExtractedNumber


class Firmness(enum.IntEnum):
    """How firmly a figure is stated as an answer."""

    RETRACTED = 0
    """'First I thought', 'not', 'without biases'; or 'about', which is no count."""
    PASSING = 1
    CALLED = 2
    """It bears a word of the question, or stands alone."""
    FINAL = 3
    """'total', 'so', 'the answer is', bold, what a sum comes to."""


_FINAL = re.compile(
    r"\b(?:total|sum|summe|insgesamt|gesamt\w*|zusammen|altogether|in all|overall|answer|antwort|ergebnis|result"
    r"|final\w*|exact\w*|genau|lösung|solution|therefore|thus|hence|so|also|daher|somit|richtig\w*|correct\w*|actually|tatsächlich|eigentlich"
    r"|macht|ergibt|makes|gives|sondern|but|aber|doch|instead|rather"
    r"|(?:with|plus|incl\w*|mit|inkl\w*) (?:all |the |allen |den )*bias\w*)\b",
    re.IGNORECASE,
)
_FINAL_AFTER = re.compile(
    r"\W{0,3}(?:[^\W\d]+\W{1,3}){0,3}(?:in total|in all|insgesamt|zusammen|altogether|overall|total)\b", re.IGNORECASE
)
_RETRACTED = re.compile(
    r"\b(?:first|erst|zuerst|anfangs|thought|dachte|guess\w*|geschätzt|not|nicht|no longer|statt|without|ohne|wrong\w*"
    r"|falsch\w*|about|approx\w*|roughly|around|circa|ca|etwa|rund|ungefähr|almost|fast|over|über)\b",
    re.IGNORECASE,
)
_RETRACTED_AFTER = re.compile(
    r"\W{0,3}(?:param\w*\W{1,3})?(?:(?:was|were|is|war|ist) (?:my first|the first|wrong|not|falsch|mein erster|nicht)"
    r"|without|ohne)\b",
    re.IGNORECASE,
)
_HEDGED = re.compile(r"\b(?:or|oder|maybe|perhaps|vielleicht|could|might|könnte|either|entweder)\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"(?:[\s,;/|?'\"()*_]|\b(?:or|oder|bzw|maybe|perhaps|vielleicht)\b\.?)*", re.IGNORECASE)
_MARKED = re.compile(r"(?:\*\*|__|<b>|<strong>|<mark>|\\(?:boxed|mathbf|textbf|underline)\{)[^*_<\n]{0,60}$")
_ROUNDED = re.compile(r"[≈~] ?(?:\*\*)?$")
_NEAR = 120
"""Characters before a figure that say what it is."""
_LETTERS = re.compile(r"[^\W\d_]")
_NO_WORDS = re.compile(
    r"\b(?:print|display|Markdown|Latex|or|oder|and|und|bzw|maybe|perhaps|vielleicht)\b", re.IGNORECASE
)
"""Beside these a number still stands alone."""


def firmness(number: ExtractedNumber, called: re.Pattern[str]) -> Firmness:
    """How firmly one figure is stated; `called` are words of the question."""
    since = since_figure(number)
    written = number.context[: max(0, number.context.find(number.text))][-_NEAR:]  # with its marks
    summed = "+" in number.before.rpartition("=")[0] and since.rstrip().endswith("=")
    bold = _MARKED.search(written)
    marked = _FINAL.search(since) or _FINAL_AFTER.match(number.after) or (number.derived and "+" in number.text)
    if _ROUNDED.search(written) or _RETRACTED_AFTER.match(number.after):
        return Firmness.RETRACTED
    if (summed or bold or marked) and not is_hedged(number):
        return Firmness.FINAL
    if _RETRACTED.search(since):
        return Firmness.RETRACTED
    return Firmness.CALLED if _is_called(number.context, called) else Firmness.PASSING


@lru_cache(maxsize=256)
def _is_called(line: str, called: re.Pattern[str]) -> bool:
    """Whether a line bears a word of the question, or no word at all."""
    return bool(called.search(line)) or not _LETTERS.search(_NO_WORDS.sub("", line))


def since_figure(number: ExtractedNumber) -> str:
    """What stands between a figure and the one before it in its line."""
    return re.split(r"\d", number.before[-_NEAR:])[-1]


def is_hedged(number: ExtractedNumber) -> bool:
    """'or 8070', 'maybe 8070'."""
    return bool(_HEDGED.search(since_figure(number)))


def in_lists(numbers: Iterable[ExtractedNumber]) -> list[list[ExtractedNumber]]:
    """The figures, those together that are listed in one line: '7960 or 8060', '7850, 110, 110'.

    'and' lists nothing: what it joins are different things.
    """
    lists: list[list[ExtractedNumber]] = []
    lines: dict[tuple[object, ...], list[ExtractedNumber]] = {}
    for n in numbers:
        lines.setdefault((n.place.cell, n.place.line, n.origin, n.context), []).append(n)
    for line in lines.values():
        last = None
        for n in sorted(line, key=lambda n: len(n.before)):
            head = last.before + last.text if last else ""
            if last and n.before.startswith(head) and _SEPARATOR.fullmatch(n.before[len(head) :]):
                lists[-1].append(n)
            else:
                lists.append([n])
            last = n
    return lists


def firmest(
    lists: Sequence[Sequence[ExtractedNumber]], called: re.Pattern[str]
) -> tuple[Firmness, list[ExtractedNumber]]:
    """The figures that are stated most firmly; what is listed together is as firm as its firmest."""
    firm = [max(firmness(n, called) for n in listed) for listed in lists]
    top = max(firm, default=Firmness.RETRACTED)
    return top, [n for listed, own in zip(lists, firm, strict=True) if own == top for n in listed]
