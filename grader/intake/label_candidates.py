"""A label's candidates: headings, line beginnings, comments, names and printed titles where one may stand."""

from __future__ import annotations

import ast
import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from grader.intake import label_grammar, python_text
from grader.intake.label_grammar import Form, WrittenLabel
from grader.records import Cell, CellKind


class Position(enum.StrEnum):
    """Where a candidate stands."""

    TAG = "tag"
    NBGRADER = "nbgrader"
    NAME = "the name of a function"
    HEADING = "heading"
    COMMENT = "comment"
    TEXT = "text"


ON_THE_CELL = (Position.TAG, Position.NBGRADER)
"""What is said of the whole cell, in its metadata."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A line that may carry a label."""

    line: int
    """1-based, in the cell."""
    position: Position
    text: str
    written: WrittenLabel | None
    """What the grammar reads in it; None for a heading that holds no label, but perhaps a title."""


_HEADING = re.compile(r"^\s{0,3}(#{1,6}|<h[1-6][^>]*>)")
_BOLD = re.compile(r"^\s{0,3}(?:[-*+]\s+)?(\*\*|__)[^*_]+(\1)[\s:.]*$")
_UNDERLINE = re.compile(r"^\s{0,3}(=+|-+)\s*$")
_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_RULE = re.compile(r"^#[\s#=*~_-]*$")
_QUOTES = re.compile(r"^\s*(?:[rRuUbBfF]{0,2}(?:\"{3}|'{3}|\"|'))?\s*")
_LISTED = re.compile(r"(?:^|(?<=\s))[(\[]?([a-zA-Z])[)\]](?=\s)")


def candidates(cell: Cell) -> list[Candidate]:
    """The candidates of a cell, in order; at most one a line, and one for the whole cell before them."""
    by_line: dict[int, Candidate] = {}
    for line, position, text in _code(cell.source) if cell.kind is CellKind.CODE else _markdown(cell.source):
        written = label_grammar.parse_name(text) if position is Position.NAME else label_grammar.parse(text)
        if written is not None or position is Position.HEADING:
            by_line.setdefault(line, Candidate(line, position, text, _with_later_letters(written, position)))
    return [*_on_the_cell(cell), *(by_line[line] for line in sorted(by_line))]


def functions(source: str) -> list[tuple[int, int]]:
    """First and last line of each function and class at the top level of a code cell, trailing comments included."""
    tree = python_text.parse(source)
    lines = source.split("\n")
    line_ranges = []
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            last = node.end_lineno or node.lineno
            for number, line in enumerate(lines[last:], last + 1):
                if line.startswith((" ", "\t")) and line.lstrip().startswith("#"):
                    last = number
                elif line.strip():
                    break
            line_ranges.append((node.lineno, last))
    return line_ranges


def _on_the_cell(cell: Cell) -> list[Candidate]:
    names = [*((Position.TAG, tag) for tag in cell.tags), (Position.NBGRADER, cell.nbgrader_id)]
    for position, name in names:
        written = label_grammar.parse_name(name)
        if written is not None and (written.closed or written.form is Form.FULL):
            return [Candidate(1, position, name, written)]
    return []


def _markdown(source: str) -> Iterator[tuple[int, Position, str]]:
    lines = source.split("\n")
    fenced = False
    for number, line in enumerate(lines, 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif line.strip() and not fenced and not line.lstrip().startswith("|"):
            below = lines[number] if number < len(lines) else ""
            head = line[:200]
            heading = _HEADING.match(head) or _BOLD.match(head) or (_UNDERLINE.match(below) and len(line) < 100)
            yield number, Position.HEADING if heading else Position.TEXT, line


def _code(source: str) -> Iterator[tuple[int, Position, str]]:
    lines = source.split("\n")
    for number, comment in python_text.full_line_comments(source):
        if _RULE.match(comment):
            continue
        ruled = [n for n in (number - 2, number) if 0 <= n < len(lines) and len(lines[n]) > 3 and _RULE.match(lines[n])]
        banner = comment.startswith(("##", "#%%", "# %%")) or ruled
        yield number, Position.HEADING if banner else Position.COMMENT, comment
    tree = python_text.parse(source)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, Position.NAME, node.name
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                yield number, Position.TEXT, _QUOTES.sub("", lines[number - 1]).rstrip("\"' \t")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and (title := _printed(node.value)):
            yield node.lineno, Position.TEXT, title


def _printed(call: ast.Call) -> str:
    """The text with which a `print` begins."""
    if not (isinstance(call.func, ast.Name) and call.func.id == "print" and call.args):
        return ""
    first = call.args[0]
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    text = first.value if isinstance(first, ast.Constant) else None
    return text.strip().split("\n")[0] if isinstance(text, str) else ""


def _with_later_letters(written: WrittenLabel | None, position: Position) -> WrittenLabel | None:
    """Take up the answers that follow on the same line: 'd) 8070   e) SGD'."""
    if written is None or position is Position.NAME or written.form not in (Form.PART, Form.FULL):
        return written
    targets = list(written.targets)
    for match in _LISTED.finditer(written.rest):
        problem, letter = targets[-1]
        if letter and ord(match[1].lower()) == ord(letter) + 1:
            targets.append((problem, match[1].lower()))
    return replace(written, targets=tuple(targets))
