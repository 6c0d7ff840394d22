"""Cells of the submission as the pages show them: excerpts where something was found, and the whole cell below."""

from __future__ import annotations

from dataclasses import dataclass

from grader.records import Cell, CellKind, CellRun, CellStatus, Evidence, Place
from grader.report.code_excerpt import Excerpt, excerpt
from grader.report.wording import counted, seconds
from grader.system.display_text import clean

_MOST_CELLS = 80
_CODE_ROOM = 2_000_000
"""Characters of HTML that code may take on a page; of what comes after, only the place is said."""
_RAN = {
    CellStatus.OK: "ran in {}",
    CellStatus.ERROR: "raised an exception after {}",
    CellStatus.TIMEOUT: "was stopped after {}",
    CellStatus.NOT_RUN: "did not run",
}


@dataclass(frozen=True, slots=True)
class PlaceView:
    """Where something was found, with the code around it."""

    cell: int
    where: str
    """'Cell 7, line 3', in a script 'line 47'."""
    via: str
    """'called from cell 9, line 1' when a function of the student's did it."""
    excerpt: Excerpt | None
    whole: bool
    """Whether the page shows the whole cell further below."""


@dataclass(frozen=True, slots=True)
class CellView:
    """A whole cell, and what became of it."""

    index: int
    title: str
    facts: str
    """'code, 12 lines, ran in 4.2 s'."""
    code: Excerpt
    printed: str
    error: str


class Cells:
    """Makes place views and remembers which cells they refer to."""

    def __init__(self, evidence: Evidence | None) -> None:
        self._submission = evidence.submission if evidence else None
        self._cells: dict[int, Cell] = {c.index: c for c in self._submission.cells} if self._submission else {}
        self._runs: dict[int, CellRun] = {run.cell: run for run in evidence.cells} if evidence else {}
        self._referred: set[int] = set()
        self._room = _CODE_ROOM

    def refer(self, index: int | None) -> bool:
        """Have the page show the cell with this index, if there is one, whole; whether it does."""
        if index in self._cells and len(self._referred) < _MOST_CELLS:
            self._referred.add(index)
        return index in self._referred

    def place(self, place: Place | None) -> PlaceView | None:
        """The innermost student frame where there is one, else the cell."""
        if place is None or (place.cell is None and not place.stack):
            return None
        index, line = place.stack[0] if place.stack else (place.cell, place.line)
        if index is None:
            return None
        self.refer(index)
        cell = self._cells.get(index)
        return PlaceView(
            cell=index,
            where=self._where(index, line),
            via="; ".join(f"called from {self._where(*frame).lower()}" for frame in place.stack[1:4]),
            excerpt=None if cell is None else self._excerpt(cell, line),
            whole=index in self._referred,
        )

    def referred_to(self) -> tuple[CellView, ...]:
        """Those that were referred to so far, in the order of the notebook."""
        return tuple(self._view(self._cells[index]) for index in sorted(self._referred))

    def _where(self, index: int, line: int | None) -> str:
        if line is None:
            return f"Cell {index}"
        if self._is_script and index in self._cells:
            return f"Line {self._cells[index].first_line + line - 1}"
        return f"Cell {index}, line {line}"

    @property
    def _is_script(self) -> bool:
        return self._submission is not None and self._submission.is_script

    def _excerpt(self, cell: Cell, line: int | None = None) -> Excerpt:
        python = cell.kind is CellKind.CODE
        cut = excerpt(cell.source, marked=line, first_line=cell.first_line, python=python)
        self._room -= sum(len(shown.html) for shown in cut.lines)
        return cut if self._room >= 0 else Excerpt((), 0, cut.before + len(cut.lines) + cut.after)

    def _view(self, cell: Cell) -> CellView:
        run = self._runs.get(cell.index)
        facts = ["code" if cell.kind is CellKind.CODE else "text", counted(cell.source.count("\n") + 1, "line")]
        if cell.skipped:
            facts.append(f"not run: {cell.skipped}")
        if run:
            facts.append(_RAN[run.status].format(seconds(run.duration_s)))
        title = f"Cell {cell.index}"
        if self._is_script:
            title += f", from line {cell.first_line}"
        return CellView(
            index=cell.index,
            title=title,
            facts=", ".join(facts),
            code=self._excerpt(cell),
            printed=clean(run.printed.strip("\n"), 2000) if run else "",
            error=clean(run.error, 400) if run else "",
        )
