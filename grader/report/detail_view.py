"""The parts of a verdict that are shown as tables, matrices, curves and texts: records → view data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from markupsafe import Markup

from grader.records import Curves, Detail, LayerTable, MatrixDiff, Written
from grader.report import charts
from grader.report.markdown import safe_html
from grader.report.wording import accuracy, number
from grader.system.display_text import clean

_MOST_ROWS = 40
"""Of a matrix, a layer table and a table of epochs: a hostile notebook may record any number."""


@dataclass(frozen=True, slots=True)
class LayerRowView:
    expected: str
    expected_params: str
    """'' where students must not see it."""
    actual: str
    actual_params: str
    same: bool


@dataclass(frozen=True, slots=True)
class LayersView:
    kind: ClassVar[str] = "layers"
    title: ClassVar[str] = "Layers compared"
    rows: tuple[LayerRowView, ...]
    expected_total: str
    actual_total: str
    different: int


@dataclass(frozen=True, slots=True)
class MatrixCell:
    text: str
    off: bool


@dataclass(frozen=True, slots=True)
class MatrixView:
    kind: ClassVar[str] = "matrix"
    title: ClassVar[str] = "Matrices compared"
    actual: tuple[tuple[MatrixCell, ...], ...]
    expected: tuple[tuple[MatrixCell, ...], ...]
    """Empty where students must not see it."""
    summary: str


@dataclass(frozen=True, slots=True)
class EpochRow:
    epoch: int
    train: str
    validation: str


@dataclass(frozen=True, slots=True)
class CurvesView:
    kind: ClassVar[str] = "curves"
    title: ClassVar[str] = "Learning curve"
    chart: Markup
    epochs: tuple[EpochRow, ...]
    verified: str
    threshold: str


@dataclass(frozen=True, slots=True)
class LookForView:
    text: Markup
    touched: bool


@dataclass(frozen=True, slots=True)
class WrittenView:
    kind: ClassVar[str] = "written"
    title: ClassVar[str] = ""
    answer: Markup
    """'' when there is none."""
    reference: Markup
    """'' where it must not be seen."""
    look_for: tuple[LookForView, ...]


DetailView = LayersView | MatrixView | CurvesView | WrittenView


def detail_view(detail: Detail, detail_id: str, *, reveal: bool, staff: bool) -> DetailView:
    """View of one detail; `reveal` says whether expected values that answer the sheet may be seen."""
    match detail:
        case LayerTable():
            return _layers(detail, reveal=reveal)
        case MatrixDiff():
            return _matrix(detail, reveal=reveal)
        case Curves():
            return _curves(detail, detail_id)
        case Written():
            return _written(detail, reveal=reveal, staff=staff)


def _layers(table: LayerTable, *, reveal: bool) -> LayersView:
    rows = tuple(
        LayerRowView(
            expected=clean(row.expected, 200),
            expected_params=clean(row.expected_params, 200) if reveal else "",
            actual=clean(row.actual, 200),
            actual_params=clean(row.actual_params, 200),
            same=row.same,
        )
        for row in table.rows[:_MOST_ROWS]
    )
    return LayersView(
        rows=rows,
        expected_total=clean(table.expected_total, 60) if reveal else "",
        actual_total=clean(table.actual_total, 60),
        different=sum(not row.same for row in table.rows),
    )


def _matrix(diff: MatrixDiff, *, reveal: bool) -> MatrixView:
    actual, expected = _cells(diff.actual, diff.expected), _cells(diff.expected, diff.actual)
    asked, found = _shape(diff.expected), _shape(diff.actual)
    wrong = sum(cell.off for row in actual for cell in row)
    if asked != found:
        summary = f"Found is {found}, asked for is {asked}; entries that differ are marked ≠."
    elif wrong:
        summary = f"{wrong} of {sum(map(len, actual))} entries differ; they are outlined and marked ≠."
    else:
        summary = "All entries agree."
    return MatrixView(actual, expected if reveal else (), summary)


def _cells(
    values: tuple[tuple[float, ...], ...], others: tuple[tuple[float, ...], ...]
) -> tuple[tuple[MatrixCell, ...], ...]:
    return tuple(
        tuple(
            MatrixCell(number(value), off=not _agrees(value, others, row, column))
            for column, value in enumerate(line[:_MOST_ROWS])
        )
        for row, line in enumerate(values[:_MOST_ROWS])
    )


def _agrees(value: float, others: tuple[tuple[float, ...], ...], row: int, column: int) -> bool:
    if row >= len(others) or column >= len(others[row]):
        return False
    return math.isclose(value, others[row][column], rel_tol=1e-6, abs_tol=1e-6)


def _shape(values: tuple[tuple[float, ...], ...]) -> str:
    return f"{len(values)}×{max(map(len, values), default=0)}"


def _curves(curves: Curves, detail_id: str) -> CurvesView:
    count = min(max(len(curves.train), len(curves.validation)), _MOST_ROWS)
    return CurvesView(
        chart=charts.learning_curves(curves, detail_id),
        epochs=tuple(
            EpochRow(epoch + 1, accuracy(_at(curves.train, epoch)), accuracy(_at(curves.validation, epoch)))
            for epoch in range(count)
        ),
        verified=accuracy(curves.verified),
        threshold=accuracy(curves.threshold),
    )


def _at(values: tuple[float, ...], position: int) -> float | None:
    return values[position] if position < len(values) else None


def _written(written: Written, *, reveal: bool, staff: bool) -> WrittenView:
    return WrittenView(
        answer=safe_html(written.answer) if written.answer.strip() else Markup(""),
        reference=safe_html(written.reference) if reveal else Markup(""),
        look_for=tuple(LookForView(safe_html(p.text), p.touched) for p in written.look_for) if staff else (),
    )
