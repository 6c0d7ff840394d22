"""Merge conflicts that nobody resolved, in the cells of a notebook or script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from grader.intake import python_text
from grader.records import Cell, CellKind, Submission

# Git's markers; nbdime writes them into cells of their own, in bold and red.
_MARKER = re.compile(r"^(?:<span[^>\n]{0,80}>)?\**(<{7}|\|{7}|={7}|>{7})(?![<|=>])", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two versions with git's markers around them."""

    first: Cell
    first_line: int
    """1-based, of the file where it is a script."""
    last: Cell
    last_line: int
    is_script: bool

    @property
    def where(self) -> str:
        """'cell 15, lines 1 to 5', 'cells 3 to 7', in a script 'lines 5 to 9'."""
        if self.is_script:
            return f"lines {self.first_line} to {self.last_line}"
        if self.first.index == self.last.index:
            return f"cell {self.first.index}, lines {self.first_line} to {self.last_line}"
        return f"cells {self.first.index} to {self.last.index}"

    @property
    def sentence(self) -> str:
        """What is there and what to do."""
        return f"An unresolved merge conflict ({self.where}): keep one of the versions and remove the markers."


def conflicts(submission: Submission) -> tuple[Conflict, ...]:
    """Every conflict from its first marker to its last; a lone marker, a ruler of signs, is none."""
    found: list[Conflict] = []
    begun: tuple[Cell, int] | None = None
    divided = False
    for cell in submission.cells:
        for marker in _markers(cell):
            line = cell.source.count("\n", 0, marker.start()) + cell.first_line
            match marker[1][0]:
                case "<":
                    begun, divided = (cell, line), False
                case ">" if begun and divided:
                    found.append(Conflict(*begun, cell, line, submission.is_script))
                    begun = None
                case "=":
                    divided = True
    return tuple(found)


def _markers(cell: Cell) -> Sequence[re.Match[str]]:
    markers = list(_MARKER.finditer(cell.source))
    if markers and cell.kind is CellKind.CODE and python_text.parse(cell.source) is not None:
        return ()  # inside a string
    return markers
