"""A Python script as cells, so that one error does not stop what follows it.

Scripts with cell markers (`# %%` of VS Code, Spyder and Jupytext, `# In[3]:` of nbconvert) are cut there; plain
ones at the top level, at blank lines and label comments. A statement is never cut.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass

from grader.intake import label_grammar, python_text
from grader.intake.label_grammar import Form
from grader.intake.notebook import NOT_RUN_TAG
from grader.records import Cell, CellKind

_PERCENT = re.compile(r"^#\s?%%(?P<title>.*)$")
_PROMPT = re.compile(r"^# In\s?\[[\s\d*]*\]:?\s*$")
_CODECELL = re.compile(r"^# <(?P<kind>\w+)cell>\s*$")
_TEXT_KIND = re.compile(r"\[(markdown|md|raw)\]", re.IGNORECASE)
_HEADER = re.compile(r"^(#!.*|#.*coding[:=].*)$")
_CLOSERS = (")", "]", "}", "elif ", "else:", "else ", "except", "finally")
_STRING = re.compile(r"(\s*)r?(\"{3}|'{3})((?:(?!\2).)*)\2\s*", re.DOTALL)
_BLOCKS_TRIED = 12
"""Blocks of a broken script that are joined at most to make sense together."""
_MOST_CELLS = 2000
"""A script that falls into more is one cell."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Lines [first, stop) of the script, 1-based."""

    first: int
    stop: int
    kind: CellKind = CellKind.CODE


def read_script(text: str) -> tuple[Cell, ...]:
    """The cells of a script with Unix line ends. Blank cells are left out. Never raises."""
    tree = python_text.parse(text)
    if tree is not None and (unwrapped := _without_main(text, tree)):
        text, tree = unwrapped
    lines = text.split("\n")
    statements = _statements(tree) if tree is not None else None
    markers = _markers(lines, statements)
    if len(markers) > _MOST_CELLS:
        pieces = []
    elif markers:
        pieces = _cut_at_markers(lines, markers, statements)
    elif statements is not None:
        pieces = _cut_at_gaps(lines, statements)
    else:
        pieces = _cut_broken(lines)
    if not 0 < len(pieces) <= _MOST_CELLS:
        pieces = [_Piece(1, len(lines) + 1)]
    cells: list[Cell] = []
    for piece in pieces:
        cell = _cell(len(cells), lines, piece)
        if cell is not None:
            cells.append(cell)
    return tuple(cells)


def _statements(tree: ast.Module) -> list[tuple[int, int]]:
    """First and last line of each top-level statement, decorators included."""
    return [
        (min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))]), node.end_lineno or node.lineno)
        for node in tree.body
    ]


def _without_main(text: str, tree: ast.Module) -> tuple[str, ast.Module] | None:
    """The script with `if __name__ == "__main__":` taken off its body, line for line; None when it has none."""
    node = next((n for n in tree.body if isinstance(n, ast.If) and not n.orelse and _is_main(n.test)), None)
    if node is None or len(node.body) < 2 or node.body[0].lineno == node.lineno:
        return None
    indent = node.body[0].col_offset
    lines = text.split("\n")
    body = node.body[0].lineno
    for number in range(node.lineno, body):  # the `if` itself, and comments below it
        line = lines[number - 1].strip()
        lines[number - 1] = line if line.startswith("#") else ""
    for number in range(body, (node.end_lineno or body) + 1):
        line = lines[number - 1]
        lines[number - 1] = line if line[:indent].strip() else line[indent:]
    plain = "\n".join(lines)
    bare = python_text.parse(plain)
    at = tree.body.index(node)
    meant = ast.Module([*tree.body[:at], *node.body, *tree.body[at + 1 :]], [])
    return (plain, bare) if bare is not None and python_text.same(bare, meant) else None


def _is_main(test: ast.expr) -> bool:
    match test:
        case ast.Compare(ast.Name("__name__"), [ast.Eq()], [ast.Constant("__main__")]) | ast.Compare(
            ast.Constant("__main__"), [ast.Eq()], [ast.Name("__name__")]
        ):
            return True
    return False


# ------------------------------------------------------------------ scripts with markers


def _markers(lines: Sequence[str], statements: Sequence[tuple[int, int]] | None) -> list[int]:
    """Lines of cell markers that are not inside a statement."""
    inside = _continued_lines(statements or ())
    return [
        n
        for n, line in enumerate(lines, 1)
        if n not in inside and (_PERCENT.match(line) or _PROMPT.match(line) or _CODECELL.match(line))
    ]


def _continued_lines(statements: Sequence[tuple[int, int]]) -> set[int]:
    """Lines of statements but for the first of each."""
    return set[int]().union(*(range(first + 1, last + 1) for first, last in statements))


def _cut_at_markers(
    lines: Sequence[str], markers: Sequence[int], statements: Sequence[tuple[int, int]] | None
) -> list[_Piece]:
    pieces = []
    for first, stop in zip([1, *markers], [*markers, len(lines) + 1], strict=True):
        if first == stop:
            continue
        marker = lines[first - 1]
        percent, cell = _PERCENT.match(marker), _CODECELL.match(marker)
        text = (percent and _TEXT_KIND.search(percent["title"])) or (
            cell and cell["kind"] in ("markdown", "raw", "html")
        )
        if text:
            pieces.append(_Piece(first, stop, CellKind.MARKDOWN))
        elif any(_PROMPT.match(lines[n - 1]) for n in markers):
            pieces += _exported(lines, first, stop, statements)
        else:
            pieces.append(_Piece(first, stop))
    return pieces


def _exported(
    lines: Sequence[str], first: int, stop: int, statements: Sequence[tuple[int, int]] | None
) -> list[_Piece]:
    """Nbconvert writes Markdown cells as comments between the code of one cell and the marker of the next."""
    if statements is None:
        return [_Piece(first, stop)]
    code = [last for begin, last in statements if first <= begin < stop]
    last = max(code, default=first if _PROMPT.match(lines[first - 1]) else first - 1)
    while last >= first and last + 1 < stop and lines[last].strip():  # comments right below the code belong to it
        last += 1
    pieces = [_Piece(first, last + 1)] if last >= first else []
    at = last + 1
    while at < stop:
        end = at
        while end < stop and lines[end - 1].strip():
            end += 1
        header = all(_HEADER.match(line) for line in lines[at - 1 : end - 1])
        pieces.append(_Piece(at, end, CellKind.CODE if header else CellKind.MARKDOWN))
        at = end + 1
    return pieces


def _cell(index: int, lines: Sequence[str], piece: _Piece) -> Cell | None:
    """The cell of a piece, without blank lines around it; None when nothing is left."""
    first, stop = piece.first, piece.stop
    while stop > first and not lines[stop - 2].strip():
        stop -= 1
    while first < stop and not lines[first - 1].strip():
        first += 1
    body = list(lines[first - 1 : stop - 1])
    if not body:
        return None
    text = _text(body) if piece.kind is CellKind.MARKDOWN else None
    if text is None:  # code, or marked as text but no comment and no string: then it is code
        why_not = f"tagged {NOT_RUN_TAG}" if _PERCENT.match(body[0]) and f'"{NOT_RUN_TAG}"' in body[0] else ""
        return Cell(index, CellKind.CODE, "\n".join(body), first_line=first, skipped=why_not)
    skipped = next((n for n, line in enumerate(text) if line.strip()), None)
    if skipped is None:
        return None
    return Cell(index, CellKind.MARKDOWN, "\n".join(text[skipped:]), first_line=first + skipped)


def _text(body: Sequence[str]) -> list[str] | None:
    """The lines of a text cell, line for line, without marker and comment signs; None when it holds code."""
    title, rest = [], list(body)
    if _CODECELL.match(rest[0]) or _PERCENT.match(rest[0]):
        marker = _PERCENT.match(rest.pop(0))
        title = [_TEXT_KIND.sub("", marker["title"]).strip() if marker else ""]
    if all(line.startswith("#") or not line.strip() for line in rest):
        return title + [line[2:] if line.startswith("# ") else line[1:] for line in rest]
    string = _STRING.fullmatch("\n".join(rest))
    return title + (string[1] + string[3]).split("\n") if string else None


# ------------------------------------------------------------------ plain scripts


def _cut_at_gaps(lines: Sequence[str], statements: Sequence[tuple[int, int]]) -> list[_Piece]:
    """Cut between statements where a line is blank or a comment is a label; comments go with what they touch."""
    inside = _continued_lines(statements)
    pieces, start = [], 1
    for number, line in enumerate(lines, 1):
        if number in inside or number == start:
            continue
        if not line.strip() or (line.startswith("#") and _is_label(line)):
            pieces.append(_Piece(start, number))
            start = number
    pieces.append(_Piece(start, len(lines) + 1))
    return pieces


def _is_label(comment: str) -> bool:
    written = label_grammar.parse(comment)
    return written is not None and written.closed and written.form in (Form.FULL, Form.PART, Form.PROBLEM)


def _cut_broken(lines: Sequence[str]) -> list[_Piece]:
    """Cut a script with a syntax error at blank lines, joining again what only together makes sense."""
    starts = [
        number
        for number, line in enumerate(lines, 1)
        if (number == 1 or not lines[number - 2].strip())
        and line.strip()
        and not line[0].isspace()
        and not line.startswith(_CLOSERS)
    ]
    if len(starts) > _MOST_CELLS:
        return []
    bounds = [*starts, len(lines) + 1]
    pieces, at = [], 0
    while at < len(starts):
        ends = range(at + 1, min(len(bounds), at + 1 + _BLOCKS_TRIED))
        whole = (
            end for end in ends if python_text.parse("\n".join(lines[bounds[at] - 1 : bounds[end] - 1])) is not None
        )
        end = next(whole, at + 1)
        pieces.append(_Piece(bounds[at], bounds[end]))
        at = end
    if starts and starts[0] > 1:
        pieces.insert(0, _Piece(1, starts[0]))
    return pieces or [_Piece(1, len(lines) + 1)]
