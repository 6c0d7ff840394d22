"""The texts of a submission: Markdown, comments, strings, and code that is no Python, each with its place.

Nothing here raises, whatever a cell holds, and the work grows linearly with the text.
"""

from __future__ import annotations

import ast
import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from grader.intake.pictures import without_pictures
from grader.intake.python_text import NO_TOKENS, called_name, comments, parse
from grader.records import Cell, CellKind, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.records import Submission

_EMBEDDED = re.compile(r"data:[\w/+.-]{1,40};base64,[\w+/=]*")
_SHOWING = {"print", "display", "Markdown", "Latex", "printmd", "write", "pprint", "display_markdown"}
_LARGEST = 1_000_000
"""Characters of a cell that are read; what follows is not an answer that anybody typed."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A text with the cell and the line where it starts."""

    text: str
    cell: int
    line: int
    source: str
    """'markdown', 'comment', 'string', 'docstring' or 'code' (a code cell that is no Python)."""
    for_readers: bool = True
    """Whether it is there to be read: not a key, a mode or a file name in code."""

    def at(self, offset: int) -> Place:
        """The place of the `offset`-th line (from 0) of the text."""
        return Place(self.cell, self.line + offset)


def passages(submission: Submission) -> tuple[Passage, ...]:
    """All texts of a submission, in order."""
    return tuple(p for cell in submission.cells for p in passages_of(cell))


@lru_cache(maxsize=512)
def passages_of(cell: Cell) -> tuple[Passage, ...]:
    """The texts of a cell, in order of their lines; none where it is blank, or one that nbgrader locked."""
    if cell.locked and cell.nbgrader_id:
        return ()
    source = _EMBEDDED.sub("", cell.source)[:_LARGEST]
    if cell.kind is not CellKind.CODE:
        source = without_pictures(source)
        return (Passage(source, cell.index, 1, "markdown"),) if source.strip() else ()
    if source.lstrip().startswith(("%%markdown", "%%html", "%%latex")):
        return (Passage(source.lstrip().split("\n", 1)[-1], cell.index, 2, "markdown"),)
    tree = _tree(cell)
    if tree is None:
        return (Passage(source, cell.index, 1, "code"),) if source.strip() else ()
    return tuple(sorted([*_comments(source, cell.index), *_strings(tree, cell.index)], key=lambda p: p.line))


def tree_of(cell: Cell) -> ast.Module | None:
    """The syntax tree of a code cell, magics aside; None when it is no Python. What is not run does nothing."""
    return ast.Module([], []) if cell.skipped else _tree(cell)


@lru_cache(maxsize=512)
def _tree(cell: Cell) -> ast.Module | None:
    return parse(cell.source[:_LARGEST]) if cell.kind is CellKind.CODE else None


def _comments(source: str, cell: int) -> Iterator[Passage]:
    """Comments up to a fault of the code; those on lines of their own that follow one another are one text."""
    block: list[str] = []
    start = last = 0
    with suppress(*NO_TOKENS):
        for line, alone, comment in comments(source):
            if block and not (alone and line == last + 1):
                yield Passage("\n".join(block), cell, start, "comment")
                block = []
            start = start if block else line
            block.append(comment.lstrip("#").removeprefix(" "))
            last = line if alone else -1
    if block:
        yield Passage("\n".join(block), cell, start, "comment")


def _strings(tree: ast.Module, cell: int) -> Iterator[Passage]:
    """String literals: docstrings and bare strings, and those in expressions; f-strings with holes as ' … '."""
    inside: set[int] = set()
    for_readers: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
                yield Passage(node.value.value, cell, node.lineno, "docstring")
                inside.add(id(node.value))
            elif isinstance(node.value, ast.Compare) and _is_of_numbers(node.value):
                yield Passage(ast.unparse(node), cell, node.lineno, "docstring")
            for_readers.update(id(a) for a in _shown_nodes(node.value))
        elif isinstance(node, ast.Assign):
            for_readers.add(id(node.value))
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            inside.update(id(n) for n in ast.walk(node.format_spec))  # '.4f' is nothing said
        elif isinstance(node, ast.JoinedStr) and id(node) not in inside:
            inside.update(id(part) for part in node.values)
            text = "".join(str(p.value) if isinstance(p, ast.Constant) else " … " for p in node.values)
            yield Passage(text, cell, node.lineno, "string")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield Passage(node.value, cell, node.lineno, "string", id(node) in for_readers)


def _is_of_numbers(comparison: ast.Compare) -> bool:
    """'3330 < 8070', which a reader is meant to see."""
    return all(isinstance(side, ast.Constant) for side in (comparison.left, *comparison.comparators))


def _shown_nodes(call: ast.expr) -> list[ast.AST]:
    """What a call of `print`, `display`, `Markdown`, `write`, … shows a reader."""
    if not isinstance(call, ast.Call) or called_name(call) not in _SHOWING:
        return []
    return [n for a in call.args for n in ast.walk(a)]
