"""What a student may not see in an error: why, as far as the notebook itself tells."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from grader.intake.bindings import bindings
from grader.intake.conflict import conflicts
from grader.intake.python_text import parse
from grader.records import CellKind, CellStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.records import CellRun, Submission

_NAME = re.compile(r"^name '(\w+)' is not defined")


def hint(name: str, value: str, cell: int, submission: Submission, runs: Sequence[CellRun]) -> str:
    """A sentence about the exception `name: value` that ended a cell; '' where there is nothing to add.

    `runs` are the cells that ran before it.
    """
    if name in {"SyntaxError", "IndentationError"}:
        holding = (c for c in conflicts(submission) if c.first.index <= cell <= c.last.index)
        return next((conflict.sentence for conflict in holding), "")
    missing = _NAME.match(value)
    if name == "NameError" and missing:
        return _where_defined(missing[1], cell, submission, runs)
    return ""


def _where_defined(name: str, cell: int, submission: Submission, runs: Sequence[CellRun]) -> str:
    """Whether a name that a cell lacks is defined elsewhere in the notebook: the nearest cell after it, or before."""
    trees = {c.index: parse(c.source) for c in submission.cells if c.kind is CellKind.CODE}
    lines = {index: bindings(tree).get(name) for index, tree in trees.items() if tree is not None}
    defining = [index for index, line in lines.items() if line is not None]
    skipped = {c.index: c.skipped for c in submission.cells if c.skipped}
    first_line = {c.index: c.first_line for c in submission.cells}
    ended = {run.cell for run in runs if run.status is CellStatus.OK}

    def place(index: int) -> str:
        line = (lines[index] or 1) + first_line[index] - 1
        return f"line {line}" if submission.is_script else f"cell {index}, line {line}"

    for index in (i for i in reversed(defining) if i < cell and i not in ended):
        if index in skipped:
            return f"`{name}` is defined in a cell that is not run ({place(index)}): {skipped[index]}."
        return f"`{name}` is defined in a cell that stopped before it could be used ({place(index)})."
    if cell in defining:
        return f"`{name}` is defined only further down in this cell ({place(cell)})."
    for index in (i for i in defining if i > cell and i not in skipped):
        return f"`{name}` is defined in a later cell ({place(index)}): cells run from top to bottom."
    return ""
