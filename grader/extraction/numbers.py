"""Every number that a student stated: where, and how (written, worked out in code, printed, or told by Keras)."""

from __future__ import annotations

import ast
import enum
import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from grader.extraction.arithmetic import mentions
from grader.extraction.passages import Passage, passages_of, tree_of
from grader.extraction.static_evaluation import StaticEvaluator, output_expressions
from grader.records import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.records import Cell, CellRun, Evidence, Scalar, Submission


class NumberOrigin(enum.StrEnum):
    TEXT = "text"
    COMMENT = "comment"
    STRING = "string"
    LITERAL = "literal"
    ARITHMETIC = "arithmetic"
    PRINTED = "printed"
    KERAS = "machine"
    """Told by Keras: `summary()`, `count_params()`, sizes of weights."""


WRITTEN = frozenset({NumberOrigin.TEXT, NumberOrigin.COMMENT, NumberOrigin.STRING})


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

    def says(self, value: float, tolerance: float = 1e-9) -> bool:
        """Whether one of its readings is `value`, up to a relative `tolerance`."""
        return any(abs(v - value) <= tolerance * max(abs(v), abs(value)) for v in self.values)


def extract_numbers(evidence: Evidence) -> tuple[ExtractedNumber, ...]:
    """All numbers that a submission states, in the order of its cells."""
    return _stated(evidence.submission, evidence.cells, evidence.scalars)


@lru_cache(maxsize=4)
def _stated(
    submission: Submission, runs: tuple[CellRun, ...], scalars: tuple[Scalar, ...]
) -> tuple[ExtractedNumber, ...]:
    run_of = {run.cell: run for run in runs}
    evaluator = StaticEvaluator()
    run_scalars: dict[str, float] = {}
    found: list[ExtractedNumber] = []
    for cell in submission.cells:
        for passage in passages_of(cell):
            found.extend(_written(passage))
        tree = tree_of(cell)
        run_scalars |= {s.name: s.value for s in scalars if s.cell == cell.index}
        if tree is not None:
            found.extend(_worked(cell, tree, evaluator, run_scalars))
        run = run_of.get(cell.index)
        if run is not None and run.printed:
            found.extend(_printed(run, tree, evaluator))
    return tuple(found)


_HOW = {
    "markdown": NumberOrigin.TEXT,
    "code": NumberOrigin.TEXT,
    "comment": NumberOrigin.COMMENT,
    "string": NumberOrigin.STRING,
    "docstring": NumberOrigin.STRING,
}


def _written(passage: Passage) -> Iterator[ExtractedNumber]:
    lines = _lines(passage.text)
    for m in mentions(passage.text):
        line = min(m.line, len(lines) - 1)  # an entity such as &#10; makes lines that are none
        origin, context = _HOW[passage.source], lines[line][:400]
        yield ExtractedNumber(m.values, m.text, passage.at(line), origin, context, m.percent, m.arithmetic)


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", text)


def _worked(
    cell: Cell, tree: ast.Module, evaluator: StaticEvaluator, run_scalars: dict[str, float]
) -> Iterator[ExtractedNumber]:
    lines = cell.source.split("\n")
    for evaluated in evaluator.follow(tree, run_scalars):
        context = lines[min(evaluated.line, len(lines)) - 1][:400]
        origin = NumberOrigin.LITERAL if evaluated.literal else NumberOrigin.ARITHMETIC
        place = Place(cell.index, evaluated.line)
        yield ExtractedNumber((evaluated.value,), evaluated.text, place, origin, context, derived=not evaluated.literal)


_SUMMARY = re.compile(r"\s*(?:(?:Total|Trainable|Non-trainable) params\b|[│┃|])")
"""A line of what `summary()` prints."""


def _printed(run: CellRun, tree: ast.Module | None, evaluator: StaticEvaluator) -> Iterator[ExtractedNumber]:
    """Numbers of a cell's output. A count is Keras' own where no other shown expression can account for it."""
    shown = list(output_expressions(tree)) if tree is not None else []
    told = [e for e in shown if evaluator.counted_by_keras(e)]
    own = any(not isinstance(e, ast.Constant) and not evaluator.counted_by_keras(e) for e in shown) or not told
    by_keras = sum(1 for e in told if not (isinstance(e, ast.Call) and getattr(e.func, "attr", "") == "summary"))
    lines = _lines(run.printed)
    plain = [(m, lines[min(m.line, len(lines) - 1)]) for m in mentions(run.printed) if not m.arithmetic]
    often = Counter(m.values for m, line in plain if not _SUMMARY.match(line))
    for m, line in plain:
        count = all(v == int(v) for v in m.values[:1])
        keras = count and (bool(_SUMMARY.match(line)) or (bool(told) and (not own or often[m.values] <= by_keras)))
        origin = NumberOrigin.KERAS if keras else NumberOrigin.PRINTED
        yield ExtractedNumber(m.values, m.text, Place(run.cell), origin, line[:400], m.percent)
