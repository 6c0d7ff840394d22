"""The places in a cell where a label may stand: headings, line beginnings, comments, names, printed titles."""

from __future__ import annotations

import ast
import enum
import re
from collections.abc import Iterator
from dataclasses import dataclass

from grader.intake import label_grammar, python_text
from grader.intake.label_grammar import Form, Mark
from grader.records import Cell, CellKind


class Where(enum.StrEnum):
    TAG = "tag"
    NBGRADER = "nbgrader"
    NAME = "the name of a function"
    HEADING = "heading"
    COMMENT = "comment"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Place:
    """A line that may carry a label."""

    line: int
    """1-based, in the cell."""
    where: Where
    text: str
    mark: Mark | None
    """What the grammar reads in it."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The lines of a function: a label inside it ends with it."""

    first: int
    last: int


_HEADING = re.compile(r"^\s{0,3}(#{1,6}|<h[1-6][^>]*>)")
_BOLD = re.compile(r"^\s{0,3}(?:[-*+]\s+)?(\*\*|__)[^*_]+(\1)[\s:.]*$")
_UNDERLINE = re.compile(r"^\s{0,3}(=+|-+)\s*$")
_FENCE = re.compile(r"^\s{0,3}(```|~~~)")
_RULE = re.compile(r"^#[\s#=*~_-]*$")
_QUOTES = re.compile(r"^\s*(?:[rRuUbBfF]{0,2}(?:\"{3}|'{3}|\"|'))?\s*")
_LISTED = re.compile(r"(?:^|(?<=\s))[(\[]?([a-zA-Z])[)\]](?=\s)")


def places(cell: Cell) -> list[Place]:
    """The possible labels of a cell, in order; at most one a line."""
    found: dict[int, Place] = {}
    inside = _code(cell.source) if cell.kind is CellKind.CODE else _markdown(cell.source)
    for line, where, text in inside:
        mark = label_grammar.parse_name(text) if where is Where.NAME else label_grammar.parse(text)
        if mark is not None or where is Where.HEADING:
            found.setdefault(line, Place(line, where, text, _with_later_letters(mark, where)))
    return [*_on_the_cell(cell), *(found[line] for line in sorted(found))]


def scopes(source: str) -> list[Scope]:
    """The functions and classes at the top level of a code cell, their trailing comments included."""
    tree = python_text.parse(source)
    lines = source.split("\n")
    found = []
    for node in tree.body if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            last = node.end_lineno or node.lineno
            for number in range(last + 1, len(lines) + 1):
                line = lines[number - 1]
                if line[:1] in (" ", "\t") and line.lstrip().startswith("#"):
                    last = number
                elif line.strip():
                    break
            found.append(Scope(node.lineno, last))
    return found


def _on_the_cell(cell: Cell) -> Iterator[Place]:
    for where, names in ((Where.TAG, cell.tags), (Where.NBGRADER, (cell.nbgrader_id,))):
        for name in names:
            mark = label_grammar.parse_name(name)
            if mark is not None and (mark.closed or mark.form is Form.FULL):
                yield Place(1, where, name, mark)
                return


def _markdown(source: str) -> Iterator[tuple[int, Where, str]]:
    lines = source.split("\n")
    fenced = False
    for number, line in enumerate(lines, 1):
        if _FENCE.match(line):
            fenced = not fenced
        elif line.strip() and not fenced and not line.lstrip().startswith("|"):
            below = lines[number] if number < len(lines) else ""
            head = line[:200]
            heading = _HEADING.match(head) or _BOLD.match(head) or (_UNDERLINE.match(below) and len(line) < 100)
            yield number, Where.HEADING if heading else Where.TEXT, line


def _code(source: str) -> Iterator[tuple[int, Where, str]]:
    lines = source.split("\n")
    for number, comment in python_text.full_line_comments(source):
        if _RULE.match(comment):
            continue
        ruled = [n for n in (number - 2, number) if 0 <= n < len(lines) and len(lines[n]) > 3 and _RULE.match(lines[n])]
        banner = comment.startswith(("##", "#%%", "# %%")) or ruled
        yield number, Where.HEADING if banner else Where.COMMENT, comment
    tree = python_text.parse(source)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, Where.NAME, node.name
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            for number in range(node.lineno, (node.end_lineno or node.lineno) + 1):
                yield number, Where.TEXT, _QUOTES.sub("", lines[number - 1]).rstrip("\"' \t")
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and (title := _printed(node.value)):
            yield node.lineno, Where.TEXT, title


def _printed(call: ast.Call) -> str:
    """The text with which a `print` begins."""
    if not (isinstance(call.func, ast.Name) and call.func.id == "print" and call.args):
        return ""
    first = call.args[0]
    if isinstance(first, ast.JoinedStr) and first.values:
        first = first.values[0]
    text = first.value if isinstance(first, ast.Constant) else None
    return text.strip().split("\n")[0] if isinstance(text, str) else ""


def _with_later_letters(mark: Mark | None, where: Where) -> Mark | None:
    """Take up the answers that follow on the same line: 'd) 8070   e) SGD'."""
    if mark is None or where is Where.NAME or mark.form not in (Form.PART, Form.FULL) or not mark.rest:
        return mark
    targets = list(mark.targets)
    for match in _LISTED.finditer(mark.rest):
        problem, letter = targets[-1]
        if letter and ord(match[1].lower()) == ord(letter) + 1:
            targets.append((problem, match[1].lower()))
    return Mark(mark.form, tuple(targets), mark.closed, mark.rest, mark.second, mark.bonus)
