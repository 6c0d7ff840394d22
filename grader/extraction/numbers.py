"""Every number that a student stated: where, and how (written, worked out in code, printed, or told by Keras)."""

from __future__ import annotations

import ast
import enum
import math
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from grader.extraction.arithmetic import LONGEST, mentions
from grader.extraction.notation import plain
from grader.extraction.passages import Passage, passages_of, tree_of
from grader.extraction.static_evaluation import StaticEvaluator, output_expressions
from grader.records import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.extraction.arithmetic import Mention
    from grader.extraction.static_evaluation import EvaluatedNumber
    from grader.records import Cell, CellRun, Evidence, Scalar, Submission


class NumberOrigin(enum.StrEnum):
    """How a number was stated."""

    TEXT = "text"
    COMMENT = "comment"
    STRING = "string"
    LITERAL = "literal"
    ARITHMETIC = "arithmetic"
    PRINTED = "printed"
    KERAS = "machine"
    """Told by Keras: `summary()`, `count_params()`, sizes of weights."""
    SETTING = "setting"
    """An argument, a shape or an index in code: it sets something and states nothing."""


WRITTEN = frozenset({NumberOrigin.TEXT, NumberOrigin.COMMENT, NumberOrigin.STRING})
_ORIGIN_OF = {
    "comment": NumberOrigin.COMMENT,
    "string": NumberOrigin.STRING,
    "docstring": NumberOrigin.STRING,
}
"""`Passage.source` → origin; of the others TEXT."""
_SUMMARY = re.compile(r"\s*(?:(?:Total|Trainable|Non-trainable) params\b|[│┃|])")
"""A line of what `summary()` prints."""
_OPERATOR_BEFORE = re.compile(r"[\d)][^\W\d]{0,20} ?[-+*^] ?\(*$")
_OPERATOR_AFTER = re.compile(r"[^\W\d]{0,20} ?\)* ?(?:[+*^]|-(?= ?\(*\d)) ?\(*\d")
_OF_A_SHAPE = re.compile(r"[(\[](?:(?:\d+|None), ?)*#(?:, ?(?:\d+|None))*,?[)\]]")
"""A number, '#', of a printed shape."""
_NEAR = 60
"""Characters after a number that are kept, and before it that say whether it is a term."""
_LONGEST_CONTEXT = 400
"""Characters of a line that are kept."""


@dataclass(frozen=True, slots=True)
class ExtractedNumber:
    """A number that a student stated."""

    values: tuple[float, ...]
    """Every way to read it: '8.070' is 8070 or 8.07; a percentage is a fraction."""
    text: str
    place: Place
    origin: NumberOrigin
    context: str
    """The line it stands in, cut to a bound."""
    percent: bool = False
    derived: bool = False
    """Not written itself, but what written arithmetic comes to."""
    before: str = ""
    """What stands before it in its line, made plain."""
    after: str = ""
    operand: bool = False
    """A term or factor of what its line works out."""
    paragraph: str = ""
    """The lines above it in a text or output, up to a blank one, and the last line before that: a heading."""

    def says(self, value: float, tolerance: float = 1e-9) -> bool:
        """Whether one of its readings is `value`, up to a relative `tolerance`."""
        return any(math.isclose(v, value, rel_tol=tolerance) for v in self.values)


def extract_numbers(evidence: Evidence) -> tuple[ExtractedNumber, ...]:
    """All numbers that a submission states, in the order of its cells; never raises."""
    return _extracted(evidence.submission, evidence.cells, evidence.scalars)


@lru_cache(maxsize=4)
def _extracted(
    submission: Submission, runs: tuple[CellRun, ...], scalars: tuple[Scalar, ...]
) -> tuple[ExtractedNumber, ...]:
    run_of = {run.cell: run for run in runs}
    evaluator = StaticEvaluator()
    run_scalars: dict[str, float] = {}
    numbers: list[ExtractedNumber] = []
    for cell in submission.cells:
        for passage in passages_of(cell):
            numbers.extend(_written(passage))
        tree = tree_of(cell)
        run_scalars |= {s.name: s.value for s in scalars if s.cell == cell.index}
        if tree is not None:
            numbers.extend(_in_code(cell, evaluator.follow(tree, run_scalars)))
        if (run := run_of.get(cell.index)) and run.printed:
            numbers.extend(_printed(run, list(output_expressions(tree)) if tree is not None else [], evaluator))
    return tuple(numbers)


def _written(passage: Passage) -> Iterator[ExtractedNumber]:
    origin = _ORIGIN_OF.get(passage.source, NumberOrigin.TEXT)
    if not passage.for_readers and not re.search(r"\s", passage.text):
        origin = NumberOrigin.SETTING  # a key, a mode or a file name
    for m, line, at, sides, paragraph in _mentions_with_lines(passage.text):
        yield _stated(m, line, passage.at(at), origin, sides, paragraph)


def _stated(
    m: Mention, line: str, place: Place, origin: NumberOrigin, sides: tuple[str, str], paragraph: str
) -> ExtractedNumber:
    before, after = sides
    operand = bool(_OPERATOR_BEFORE.search(before[-_NEAR:]) or _OPERATOR_AFTER.match(after))
    return ExtractedNumber(
        m.values,
        m.text,
        place,
        origin,
        line[:_LONGEST_CONTEXT],
        m.percent,
        m.arithmetic,
        before,
        after,
        operand,
        paragraph,
    )


def _mentions_with_lines(text: str) -> Iterator[tuple[Mention, str, int, tuple[str, str], str]]:
    """Each mention with its line, that line's 0-based number, what is on both sides, made plain, and its paragraph."""
    lines = re.split(r"\r\n|\r|\n", text)
    paragraphs = _paragraphs(lines)
    bare = plain(text[:LONGEST])
    for m in mentions(text):
        at = min(m.line, len(lines) - 1)  # an entity such as &#10; makes lines that are none
        end = m.start + len(m.text)
        before = bare[max(0, m.start - _LONGEST_CONTEXT) : m.start].rsplit("\n", 1)[-1]
        after = bare[end : end + _NEAR].split("\n", 1)[0]
        yield m, lines[at], at, (before, after), paragraphs[at]


def _paragraphs(lines: list[str]) -> list[str]:
    """For each line the beginning of its paragraph, and the last line before that."""
    found: list[str] = []
    head = first = above = ""
    for line in lines:
        if not line.strip():
            head, above, first = "", first or above, ""
        elif len(head) < _LONGEST_CONTEXT:
            head = f"{head}\n{line[:_LONGEST_CONTEXT]}"
            first = line[:_LONGEST_CONTEXT]
        found.append(f"{above}\n{head}")
    return found


def _in_code(cell: Cell, numbers: list[EvaluatedNumber]) -> Iterator[ExtractedNumber]:
    lines = cell.source.split("\n")
    for n in numbers:
        context = lines[min(n.line, len(lines)) - 1][:_LONGEST_CONTEXT]
        origin = NumberOrigin.LITERAL if n.literal else NumberOrigin.ARITHMETIC
        origin = NumberOrigin.SETTING if n.setting else origin
        line, (start, end) = context.encode(), n.columns
        before, after = line[:start].decode(errors="ignore"), line[end:].decode(errors="ignore") if end else ""
        yield ExtractedNumber(
            (n.value,),
            n.text,
            Place(cell.index, n.line),
            origin,
            context,
            derived=not n.literal,
            before=before,
            after=after,
            operand=n.operand,
        )


def _printed(run: CellRun, shown: list[ast.expr], evaluator: StaticEvaluator) -> Iterator[ExtractedNumber]:
    """Numbers of a cell's output. A count is Keras' own where no other shown expression can account for it."""
    has_shape = any(getattr(node, "attr", getattr(node, "id", "")) == "shape" for e in shown for node in ast.walk(e))
    by_keras = [e for e in shown if evaluator.counted_by_keras(e)]
    others = any(not isinstance(e, ast.Constant) and not evaluator.counted_by_keras(e) for e in shown)
    outside_summaries = sum(getattr(getattr(e, "func", None), "attr", "") != "summary" for e in by_keras)
    printed = [mention for mention in _mentions_with_lines(run.printed) if not mention[0].arithmetic]
    often = Counter(m.values for m, line, *_ in printed if not _SUMMARY.match(line))
    for m, line, _, sides, paragraph in printed:
        count = all(v == int(v) for v in m.values[:1])
        accounted = bool(by_keras) and (not others or often[m.values] <= outside_summaries)
        keras = count and (accounted or bool(_SUMMARY.match(line)))
        origin = NumberOrigin.KERAS if keras else NumberOrigin.PRINTED
        if has_shape and _OF_A_SHAPE.search(f"{sides[0]}#{sides[1]}"):
            origin = NumberOrigin.SETTING
        yield _stated(m, line, Place(run.cell), origin, sides, paragraph)
