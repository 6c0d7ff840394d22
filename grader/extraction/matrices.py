"""Small matrices that a student stated: variables, list literals, printed output, tables, LaTeX, rows of numbers.

Each comes with what stands before it, in which its name may be found. Nothing raises; the work grows linearly.
"""

from __future__ import annotations

import ast
import enum
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from grader.extraction.passages import passages_of, tree_of
from grader.intake.python_text import called_name
from grader.records import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.records import Cell, CellRun, Evidence, SmallArray, Submission

Rows = tuple[tuple[float, ...], ...]

LARGEST_SIDE = 20
"""Rows or columns of a matrix that somebody states."""
_LONGEST = 200_000
"""Characters of a text that are read."""
_LONGEST_ROW, _LONGEST_CLAIM = 2000, 1000
"""Characters of a line that can be a row of numbers, or say that something is zero."""
_LONGEST_HINT, _LONGEST_AFTER = 300, 80
"""Characters before and after a matrix in which its name is looked for."""
_NUMBER = r"[-+]?(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})(?:[eE][-+]?\d{1,3})?"
_ROW = re.compile(rf"[\s|(\[{{]*{_NUMBER}(?:[\s,;|&]+{_NUMBER})+[\s,;|&)\]}}]*$")
_CELLS = re.compile(_NUMBER)
_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*$")
"""The line under a table's head."""
_LATEX = re.compile(
    r"\\begin\{((?:[pbBvV]|small|psmall|bsmall)?matrix|array|tabular)\}(?:\[[^\]\n]{0,20}\])?(?:\{[^{}\n]{0,80}\})?(.{0,4000}?)\\end\{\1\}",
    re.DOTALL,
)
_LATEX_SPACE = re.compile(r"\\(?:hline|[hv]?phantom\{-?\}|[,;:! ]|q?quad)")
_BRACKETS = re.compile(r"\[[^\[\]]{1,2000}\]")
_MINUS = str.maketrans({"−": "-", "–": "-", "‐": "-", "‑": "-", "\u00a0": " ", "\u2009": " ", "\u202f": " "})
_ZERO = re.compile(
    r"\b(?:zeros?|null|nullen|nullmatri\w+)\b|(?:=|->|→|:)\s*(?:\\math\w+|\\vec|\\bm|\\boldsymbol)?\s*\{?\s*0\s*\}?\s*(?:[$.,;(]|\\|$)",
    re.IGNORECASE,
)
_NOT_ZERO = re.compile(r"non-?\s?zero|not (?:all )?zero|nicht (?:alle )?null|pad|ungleich|\bsum\b", re.IGNORECASE)
_EQUALS = re.compile(r"[\s$)}\]]*=\s*(?!.*(?:\^|\\top|[Tt]ranspos|[^_]\bT\b))(?=[^\d\-\[(]*[A-Za-z])")


class MatrixOrigin(enum.StrEnum):
    """How a matrix was stated."""

    VARIABLE = "variable"
    PRINTED = "printed"
    CODE = "code"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class ExtractedMatrix:
    """A small matrix that a student stated."""

    values: Rows
    """Two-dimensional."""
    place: Place
    source: MatrixOrigin
    hint: str
    """The variable's name, or the text before it (since the matrix before, cut to a bound)."""


def extract_matrices(evidence: Evidence) -> tuple[ExtractedMatrix, ...]:
    """All small matrices that a submission states, cell by cell: code and text, variables, output."""
    return _extracted(evidence.submission, evidence.cells, evidence.arrays)


@lru_cache(maxsize=4)
def _extracted(
    submission: Submission, runs: tuple[CellRun, ...], arrays: tuple[SmallArray, ...]
) -> tuple[ExtractedMatrix, ...]:
    run_of = {run.cell: run for run in runs}
    matrices: list[ExtractedMatrix] = []
    for cell in submission.cells:
        matrices.extend(_in_source(cell))
        matrices += [
            ExtractedMatrix(a.values, Place(cell.index, _assigned(cell, a.name)), MatrixOrigin.VARIABLE, a.name)
            for a in arrays
            if a.cell == cell.index and a.values
        ]
        if (run := run_of.get(cell.index)) and run.printed:
            matrices += [
                ExtractedMatrix(grid.values, Place(cell.index), MatrixOrigin.PRINTED, grid.before)
                for grid in grids(run.printed)
            ]
    return tuple(matrices)


def _assigned(cell: Cell, name: str) -> int | None:
    """The line of a cell where a name is last assigned."""
    pattern = re.compile(rf"\s*{re.escape(name)}\b[^=\n]*=")
    lines = [n for n, line in enumerate(cell.source.split("\n"), 1) if pattern.match(line)]
    return lines[-1] if lines else None


@lru_cache(maxsize=512)
def _in_source(cell: Cell) -> tuple[ExtractedMatrix, ...]:
    matrices = [
        ExtractedMatrix(grid.values, passage.at(grid.line), MatrixOrigin.TEXT, grid.before)
        for passage in passages_of(cell)
        for grid in grids(passage.text)
    ]
    if tree := tree_of(cell):
        matrices += _literals(tree, cell)
    return tuple(sorted(matrices, key=lambda m: m.place.line or 0))


def extract_zero_claims(submission: Submission) -> tuple[ExtractedMatrix, ...]:
    """'K_y * I_A = 0', 'Ky*IA and Kx*IB are zero everywhere': a 1×1 zero for each sentence, hinted by it."""
    claims: list[ExtractedMatrix] = []
    for passage in (p for cell in submission.cells for p in passages_of(cell)):
        for offset, line in enumerate(passage.text[:_LONGEST].split("\n")):
            if len(line) < _LONGEST_CLAIM and _ZERO.search(line) and not _NOT_ZERO.search(line):
                claims.append(ExtractedMatrix(((0.0,),), passage.at(offset), MatrixOrigin.TEXT, line))
    return tuple(claims)


# ------------------------------------------------------------------ text


@dataclass(frozen=True, slots=True)
class Grid:
    """A matrix in a text."""

    values: Rows
    line: int
    """0-based line of the text where it starts."""
    before: str
    """What stands before it, since the matrix before."""


def grids(text: str) -> list[Grid]:
    """Every matrix in a text, in order; four side by side are four."""
    text = text[:_LONGEST].replace("\r\n", "\n").translate(_MINUS)
    latex = [*_latex(text)]
    blanked = _blank(text, latex)
    nested = [*_nested(blanked)]
    spans = sorted([*latex, *nested, *_rows(_blank(blanked, nested))])
    matrices: list[Grid] = []
    end = 0
    for start, stop, rows in spans:
        before = text[max(end, start - _LONGEST_HINT) : start]
        line = text.count("\n", 0, start)
        matrices.extend(Grid(block, line, before) for block in _blocks(rows))
        after = text[stop : stop + _LONGEST_AFTER].split("\n")[0]
        if _EQUALS.match(after):  # '… = K_x * I_B' after the matrix names it as well
            matrices.extend(Grid(block, line, after) for block in _blocks(rows))
        end = stop
    return matrices


_Span = tuple[int, int, Rows]


def _blank(text: str, spans: list[_Span]) -> str:
    """The text with spans (in order) made unreadable, lines and offsets kept."""
    pieces: list[str] = []
    end = 0
    for start, stop, _ in spans:
        pieces += [text[end:start], re.sub(r"[^\n]", "#", text[start:stop])]
        end = stop
    return "".join([*pieces, text[end:]])


def _numbers(cells: list[str]) -> tuple[float, ...] | None:
    """All cells as numbers; None when one is not."""
    bare = [re.sub(r"[\s${}*`]", "", cell) for cell in cells]
    return tuple(map(float, bare)) if all(re.fullmatch(_NUMBER, each) for each in bare) else None


def _matrix(rows: list[tuple[float, ...] | None]) -> Rows | None:
    whole = [r for r in rows if r]
    regular = len(whole) == len(rows) and len({len(r) for r in whole}) == 1
    return tuple(whole) if regular and len(whole) > 1 and len(whole[0]) > 1 else None


def _latex(text: str) -> Iterator[_Span]:
    for match in _LATEX.finditer(text):
        lines = re.split(r"\\\\(?:\[[^\]]*\])?|\\cr\b|\\newline", match.group(2))
        lines = [bare for bare in (_LATEX_SPACE.sub(" ", line) for line in lines) if bare.strip(" \n\t$|")]
        rows = _matrix([_numbers(line.split("&")) for line in lines])
        if rows:
            yield match.start(), match.end(), rows


def _nested(text: str) -> Iterator[_Span]:
    """[[0, -4, 0], [0, -4, 0]] in any layout: rows in brackets with nothing but commas and brackets between."""
    run: list[tuple[float, ...]] = []
    start = end = 0
    for match in _BRACKETS.finditer(text):
        inner = match.group()[1:-1]
        cells = re.split(r"[\s,;]+", inner.strip(" \n\t,;"))
        row = _numbers(cells) if len(cells) <= LARGEST_SIDE * LARGEST_SIDE else None
        between = text[end : match.start()]
        joined = bool(run) and row is not None and len(row) == len(run[0]) and len(between) <= 80
        closed = (
            "]" in between or ")" in between or between.count("\n") > 1 or re.sub(r"[\s,;\[]|np\.array\(", "", between)
        )
        if joined and not closed and row:
            run.append(row)
            end = match.end()
            continue
        if len(run) > 1:
            yield start, end, tuple(run)
        run, start, end = ([row] if row and len(row) > 1 else []), match.start(), match.end()
    if len(run) > 1:
        yield start, end, tuple(run)


def _rows(text: str) -> Iterator[_Span]:
    """Lines that are nothing but numbers, one under the other; the head of a table may be numbers as well."""
    run: list[tuple[float, ...]] = []
    start = position = end = 0
    for line in [*text.split("\n"), ""]:
        name = max(line.rfind("="), line.rfind(":")) + 1 if not run and len(line) < _LONGEST_ROW else 0
        if name and _ROW.match(line, name):  # 'Kx * IA = 0 -4 0 4 0', then the other rows
            run, start, end = [_cells(line[name:])], position + name, position + len(line)
            position += len(line) + 1
            continue
        row = _cells(line) if len(line) < _LONGEST_ROW and _ROW.match(line) else None
        rule = bool(run) and bool(_RULE.match(line)) and "|" in line
        if row and run and len(row) == len(run[-1]):
            run.append(row)
            end = position + len(line)
        elif row and run and _is_index(run, row):
            run = [row]
            end = position + len(line)
        elif not rule:
            if len(run) > 1:
                yield start, end, _without_index(tuple(run))
            run, start, end = ([row] if row else []), position, position + len(line)
        position += len(line) + 1


def _cells(line: str) -> tuple[float, ...]:
    return tuple(float(v) for v in _CELLS.findall(line)[:400])


def _is_index(run: list[tuple[float, ...]], row: tuple[float, ...]) -> bool:
    """A data frame prints its column numbers first, and a row number before each row."""
    return len(run) == 1 and len(row) == len(run[0]) + 1 and run[0] == tuple(map(float, range(len(run[0]))))


def _without_index(rows: Rows) -> Rows:
    numbered = all(row[0] == float(i) for i, row in enumerate(rows)) and len(rows[0]) == len(rows) + 1
    return tuple(row[1:] for row in rows) if numbered else rows


def _blocks(rows: Rows) -> list[Rows]:
    """Square blocks of several matrices side by side or stacked without a gap."""
    height, width = len(rows), len(rows[0])
    if 2 < height < width <= 4 * LARGEST_SIDE and width % height == 0:
        return [tuple(row[i : i + height] for row in rows) for i in range(0, width, height)]
    if 2 < width < height and height % width == 0:
        return [rows[i : i + width] for i in range(0, height, width)]
    return [rows]


# ------------------------------------------------------------------ code


def _literals(tree: ast.Module, cell: Cell) -> list[ExtractedMatrix]:
    """Nested list literals, also as [[0] * 5 for _ in range(5)] or np.zeros((5, 5)), under the names they get."""
    literals: list[ExtractedMatrix] = []
    named: set[int] = set()
    for node in ast.walk(tree):
        for name, value in _named(node):
            named.add(id(value))
            if rows := _list(value):
                named.update(id(n) for n in ast.walk(value))
                literals.append(ExtractedMatrix(rows, Place(cell.index, value.lineno), MatrixOrigin.CODE, name))
        if isinstance(node, ast.List | ast.Tuple | ast.BinOp) and id(node) not in named and (rows := _list(node)):
            named.update(id(n) for n in ast.walk(node))
            literals.append(ExtractedMatrix(rows, Place(cell.index, node.lineno), MatrixOrigin.CODE, ""))
    return literals


def _named(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=[target, *_], value=value):
            if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
                yield from ((ast.unparse(t), v) for t, v in zip(target.elts, value.elts, strict=False))
            else:
                yield ast.unparse(target), value
        case ast.Dict(keys=keys, values=values):
            for key, value in zip(keys, values, strict=True):
                if key is not None:
                    yield ast.unparse(key), value
        case ast.Call(keywords=keywords):
            yield from ((k.arg, k.value) for k in keywords if k.arg)


def _list(node: ast.expr) -> Rows | None:
    value = _value(node, 0)
    if isinstance(value, list) and 1 < len(value) <= LARGEST_SIDE:
        return _matrix([tuple(map(float, r)) if isinstance(r, list) and _flat(r) else None for r in value])
    return None


def _flat(row: list[object]) -> bool:
    return 1 < len(row) <= LARGEST_SIDE and all(isinstance(v, int | float) for v in row)


def _value(node: ast.AST, depth: int) -> list[object] | float | None:
    """The value of a literal of numbers and lists; None for anything else."""
    if depth > 6:
        return None
    match node:
        case ast.Constant(value=bool()):
            return None
        case ast.Constant(value=int() | float() as number) if abs(number) < 1e12:
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            value = _value(operand, depth + 1)
            return -value if isinstance(value, float) else None
        case ast.List(elts=elements) | ast.Tuple(elts=elements) if len(elements) <= LARGEST_SIDE:
            values = [_value(e, depth + 1) for e in elements]
            return None if None in values else list(values)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            a, b = _value(left, depth + 1), _value(right, depth + 1)
            times, of = (b, a) if isinstance(a, list) else (a, b)
            small = isinstance(of, list) and isinstance(times, float) and 0 < times * len(of) <= LARGEST_SIDE
            return of * int(times) if small else None  # type: ignore[operator, arg-type]
        case ast.ListComp(elt=element, generators=[ast.comprehension(iter=source, ifs=[])]):
            times = _value(source.args[-1], depth + 1) if _calls(source, "range") else None  # type: ignore[attr-defined]
            value = _value(element, depth + 1)
            few = isinstance(times, float) and 0 < times <= LARGEST_SIDE
            return [value] * int(times) if few and value is not None else None  # type: ignore[arg-type]
        case ast.Call(args=[first, *_]) if _calls(node, "array", "asarray", "matrix", "Matrix", "tensor", "constant"):
            return _value(first, depth + 1)
        case ast.Call(args=[ast.Tuple(elts=[height, width]), *_]) if _calls(node, "zeros"):
            h, w = _value(height, depth + 1), _value(width, depth + 1)
            fits = isinstance(h, float) and isinstance(w, float) and max(h, w) <= LARGEST_SIDE
            return [[0.0] * int(w)] * int(h) if fits else None  # type: ignore[arg-type]
        case _:
            return None


def _calls(node: ast.AST, *names: str) -> bool:
    return isinstance(node, ast.Call) and bool(node.args) and called_name(node) in names
