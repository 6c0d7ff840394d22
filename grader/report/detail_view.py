"""A verdict's details as view data: layers, matrices and curves compared, and written answers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from itertools import chain, islice, repeat, zip_longest
from typing import ClassVar

from markupsafe import Markup

from grader.records import Curves, Detail, LayerRow, LayerTable, MatrixDiff, OnPaper, Written
from grader.report import charts
from grader.report.cell_view import Cells
from grader.report.markdown import safe_html
from grader.report.wording import accuracy, number
from grader.system.display_text import clean

_MOST_ROWS = 40
"""Of a matrix, a layer table and a table of epochs: a hostile notebook may record any number."""
_BREAK = re.compile(r"(?<!\n)\n(?!\n|[*+-]\s)")
"""The end of a line within a paragraph: reference answers are set in lines of source code, students' in their own."""


@dataclass(frozen=True, slots=True)
class LayersView:
    """An aligned table of layers; parameters are '' where students must not see them: the sheet asks for them."""

    kind: ClassVar[str] = "layers"
    title: ClassVar[str] = "Layers compared"
    rows: tuple[LayerRow, ...]
    expected_total: str
    actual_total: str
    different: int
    """Rows that differ, those that are not shown included."""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """An entry of a matrix, and whether the other matrix has another one there."""

    text: str
    off: bool


@dataclass(frozen=True, slots=True)
class MatrixView:
    """Two matrices side by side."""

    kind: ClassVar[str] = "matrix"
    title: ClassVar[str] = "Matrices compared"
    actual: tuple[tuple[MatrixCell, ...], ...]
    expected: tuple[tuple[MatrixCell, ...], ...]
    """Empty where students must not see it."""
    summary: str


@dataclass(frozen=True, slots=True)
class EpochRow:
    """Accuracies after an epoch, '–' where none was recorded."""

    epoch: int
    train: str
    validation: str


@dataclass(frozen=True, slots=True)
class CurvesView:
    """A learning curve, drawn and as a table."""

    kind: ClassVar[str] = "curves"
    title: ClassVar[str] = "Learning curve"
    chart: Markup
    epochs: tuple[EpochRow, ...]
    verified: str
    threshold: str


@dataclass(frozen=True, slots=True)
class LookForView:
    """A point that a marker looks for, and whether the answer seems to touch it."""

    text: Markup
    touched: bool


@dataclass(frozen=True, slots=True)
class WrittenView:
    """A written answer beside the reference; each '' where there is none or it must not be seen."""

    kind: ClassVar[str] = "written"
    title: ClassVar[str] = ""
    answer: Markup
    reference: Markup
    look_for: tuple[LookForView, ...]
    looked_at: tuple[int, ...]
    """Cells in which an answer was looked for. Staff only."""


@dataclass(frozen=True, slots=True)
class OnPaperView:
    """Pictures that may hold the answer, by their anchors on the page."""

    kind: ClassVar[str] = "on_paper"
    title: ClassVar[str] = ""
    pictures: tuple[int, ...]
    """Empty where the page does not show them."""


_Matrix = tuple[tuple[float, ...], ...]
DetailView = LayersView | MatrixView | CurvesView | WrittenView | OnPaperView


def detail_view(detail: Detail, detail_id: str, cells: Cells, *, reveal: bool, staff: bool) -> DetailView:
    """View of one detail; `reveal` says whether expected values that answer the sheet may be seen."""
    match detail:
        case LayerTable():
            return _layers(detail, reveal=reveal)
        case MatrixDiff():
            return _matrix(detail, reveal=reveal)
        case Curves():
            return _curves(detail, detail_id)
        case Written():
            return _written(detail, cells, reveal=reveal, staff=staff)
        case OnPaper():
            return OnPaperView(detail.pictures if staff else ())


def _layers(table: LayerTable, *, reveal: bool) -> LayersView:
    rows = (
        replace(
            row,
            expected=clean(row.expected, 200),
            actual=clean(row.actual, 200),
            expected_params=clean(row.expected_params, 200) if reveal else "",
            actual_params=clean(row.actual_params, 200) if reveal else "",
        )
        for row in table.rows[:_MOST_ROWS]
    )
    return LayersView(
        rows=tuple(rows),
        expected_total=clean(table.expected_total, 60) if reveal else "",
        actual_total=clean(table.actual_total, 60) if reveal else "",
        different=sum(not row.same for row in table.rows),
    )


def _matrix(diff: MatrixDiff, *, reveal: bool) -> MatrixView:
    actual, expected = _marked(diff.actual, diff.expected), _marked(diff.expected, diff.actual)
    expected_shape, actual_shape = _shape(diff.expected), _shape(diff.actual)
    wrong = sum(cell.off for row in actual for cell in row)
    if expected_shape != actual_shape:
        summary = f"Found is {actual_shape}, asked for is {expected_shape}; entries that differ are marked ≠."
    elif wrong:
        summary = f"{wrong} of {sum(map(len, actual))} entries differ; they are outlined and marked ≠."
    else:
        summary = "All entries agree."
    return MatrixView(actual, expected if reveal else (), summary)


def _marked(matrix: _Matrix, other: _Matrix) -> tuple[tuple[MatrixCell, ...], ...]:
    """Entries of a matrix, marked where the other one, which may be smaller and ragged, has none or another."""
    return tuple(
        tuple(
            MatrixCell(number(value), off=not math.isclose(value, beside, rel_tol=1e-6, abs_tol=1e-6))
            for value, beside in zip(row[:_MOST_ROWS], chain(other_row, repeat(math.nan)), strict=False)
        )
        for row, other_row in zip(matrix[:_MOST_ROWS], chain(other, repeat(())), strict=False)
    )


def _shape(matrix: _Matrix) -> str:
    return f"{len(matrix)}×{max(map(len, matrix), default=0)}"


def _curves(curves: Curves, detail_id: str) -> CurvesView:
    epochs = islice(zip_longest(curves.train, curves.validation), _MOST_ROWS)
    return CurvesView(
        chart=charts.learning_curves(curves, detail_id),
        epochs=tuple(EpochRow(n, accuracy(train), accuracy(val)) for n, (train, val) in enumerate(epochs, 1)),
        verified=accuracy(curves.verified),
        threshold=accuracy(curves.threshold),
    )


def _written(written: Written, cells: Cells, *, reveal: bool, staff: bool) -> WrittenView:
    return WrittenView(
        answer=safe_html(written.answer) if written.answer.strip() else Markup(""),
        reference=safe_html(_BREAK.sub(" ", written.reference)) if reveal else Markup(""),
        look_for=tuple(LookForView(safe_html(p.text), p.touched) for p in written.look_for) if staff else (),
        looked_at=tuple(n for n in written.looked_at[:_MOST_ROWS] if cells.refer(n)) if staff else (),
    )
