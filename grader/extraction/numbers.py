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
from grader.extraction.static_evaluation import Workings, output_expressions
from grader.records import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.records import Cell, CellRun, Evidence, Scalar, Submission


class How(enum.StrEnum):
    TEXT = "text"
    COMMENT = "comment"
    STRING = "string"
    LITERAL = "literal"
    ARITHMETIC = "arithmetic"
    PRINTED = "printed"
    MACHINE = "machine"
    """Told by Keras: `summary()`, `count_params()`, sizes of weights."""


WRITTEN = frozenset({How.TEXT, How.COMMENT, How.STRING})


@dataclass(frozen=True, slots=True)
class Stated:
    """A number that a student stated."""

    values: tuple[float, ...]
    """Every way to read it: '8.070' is 8070 or 8.07; a percentage is a fraction."""
    text: str
    place: Place
    how: How
    context: str
    """The line it stands in, cut to a bound."""
    percent: bool = False
    derived: bool = False
    """Not written itself, but what written arithmetic comes to."""

    def says(self, value: float, tolerance: float = 1e-9) -> bool:
        """Whether one of its readings is `value`, up to a relative `tolerance`."""
        return any(abs(v - value) <= tolerance * max(abs(v), abs(value)) for v in self.values)


def stated_numbers(evidence: Evidence) -> tuple[Stated, ...]:
    """All numbers that a submission states, in the order of its cells."""
    return _stated(evidence.submission, evidence.cells, evidence.scalars)


@lru_cache(maxsize=4)
def _stated(submission: Submission, runs: tuple[CellRun, ...], scalars: tuple[Scalar, ...]) -> tuple[Stated, ...]:
    run_of = {run.cell: run for run in runs}
    workings = Workings()
    known: dict[str, float] = {}
    found: list[Stated] = []
    for cell in submission.cells:
        for passage in passages_of(cell):
            found.extend(_written(passage))
        tree = tree_of(cell)
        known |= {s.name: s.value for s in scalars if s.cell == cell.index}
        if tree is not None:
            found.extend(_worked(cell, tree, workings, known))
        run = run_of.get(cell.index)
        if run is not None and run.printed:
            found.extend(_printed(run, tree, workings))
    return tuple(found)


_HOW = {"markdown": How.TEXT, "code": How.TEXT, "comment": How.COMMENT, "string": How.STRING, "docstring": How.STRING}


def _written(passage: Passage) -> Iterator[Stated]:
    lines = _lines(passage.text)
    for m in mentions(passage.text):
        line = min(m.line, len(lines) - 1)  # an entity such as &#10; makes lines that are none
        how, context = _HOW[passage.source], lines[line][:400]
        yield Stated(m.values, m.text, passage.at(line), how, context, m.percent, m.arithmetic)


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", text)


def _worked(cell: Cell, tree: ast.Module, workings: Workings, known: dict[str, float]) -> Iterator[Stated]:
    lines = cell.source.split("\n")
    for worked in workings.follow(tree, known):
        context = lines[min(worked.line, len(lines)) - 1][:400]
        how = How.LITERAL if worked.literal else How.ARITHMETIC
        place = Place(cell.index, worked.line)
        yield Stated((worked.value,), worked.text, place, how, context, derived=not worked.literal)


_SUMMARY = re.compile(r"\s*(?:(?:Total|Trainable|Non-trainable) params\b|[│┃|])")
"""A line of what `summary()` prints."""


def _printed(run: CellRun, tree: ast.Module | None, workings: Workings) -> Iterator[Stated]:
    """Numbers of a cell's output. A count is Keras' own where no other shown expression can account for it."""
    shown = list(output_expressions(tree)) if tree is not None else []
    told = [e for e in shown if workings.tainted(e)]
    own = any(not isinstance(e, ast.Constant) and not workings.tainted(e) for e in shown) or not told
    by_keras = sum(1 for e in told if not (isinstance(e, ast.Call) and getattr(e.func, "attr", "") == "summary"))
    lines = _lines(run.printed)
    plain = [(m, lines[min(m.line, len(lines) - 1)]) for m in mentions(run.printed) if not m.arithmetic]
    often = Counter(m.values for m, line in plain if not _SUMMARY.match(line))
    for m, line in plain:
        count = all(v == int(v) for v in m.values[:1])
        keras = count and (bool(_SUMMARY.match(line)) or (bool(told) and (not own or often[m.values] <= by_keras)))
        how = How.MACHINE if keras else How.PRINTED
        yield Stated(m.values, m.text, Place(run.cell), how, line[:400], m.percent)
