"""Code of a submission as highlighted HTML: the lines around a place, or a whole cell, bounded for hostile ones."""

from __future__ import annotations

import io
import tokenize
from dataclasses import dataclass
from functools import cache, lru_cache

from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType

from grader.system.display_text import clean

CODE_LIMIT = 20_000
"""Characters of a cell that are highlighted."""
LINE_LIMIT = 240
"""Characters of a line of code."""
_MOST_LINES = 400
"""Of a cell that is shown whole."""
_MOST_MARKED = 31
"""Lines of a marked statement that are shown."""
_CONTEXT = 4
"""Lines around the marked ones."""

_CLASSES: tuple[tuple[_TokenType, str], ...] = (
    (Comment, "c"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (String, "s"),
    (Number, "m"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Builtin, "b"),
    (Name.Decorator, "f"),
)
_BETWEEN_STATEMENTS = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of an excerpt."""

    number: int
    """As people count: from 1, in a script from the file's first line."""
    html: Markup
    marked: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Lines of a cell, and how many of it are left out."""

    lines: tuple[CodeLine, ...]
    before: int
    """Lines of the cell above the excerpt."""
    after: int


def excerpt(source: str, *, marked: int | None = None, first_line: int = 1, python: bool = True) -> Excerpt:
    """Lines of a cell around the 1-based line `marked`, whose whole statement is marked; without one the whole cell.

    `first_line` is what the cell's first line is called. Long lines are cut, at most 400 lines are shown, and only
    `CODE_LIMIT` characters are highlighted.
    """
    source_lines = clean(source, 10 * CODE_LIMIT).rstrip("\n").split("\n")
    lines = [line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]} …" for line in source_lines]
    if marked is None:
        first, last = 0, 0  # counted from 1: no line is marked
        start, stop = 0, min(len(lines), _MOST_LINES)
    else:
        first, last = _statement("\n".join(lines), marked) if python else (marked, marked)
        start = max(0, min(first or 1, len(lines)) - 1 - _CONTEXT)
        stop = min(len(lines), max(start + 1, min(last, first + _MOST_MARKED - 1) + _CONTEXT))
    # Mostly the same lines for each excerpt of a cell, so that they are highlighted once.
    code = "\n".join(lines[: max(stop, _MOST_LINES)])
    html = _highlighted(code if len(code) <= CODE_LIMIT else "\n".join(lines[:stop]), python=python)
    shown = (CodeLine(first_line + row, html[row], first <= row + 1 <= last) for row in range(start, stop))
    return Excerpt(tuple(shown), start, len(lines) - stop)


@lru_cache(maxsize=512)  # the same places stand on the student's page and on the staff's
def _statement(source: str, line: int) -> tuple[int, int]:
    """First and last line of the logical line around a line: a whole call, or the header of a block."""
    first = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NEWLINE:
                if first <= line <= token.end[0]:
                    return min(first, line), token.end[0]
                first = 0
            elif first == 0 and token.type not in _BETWEEN_STATEMENTS:
                first = token.start[0]
                if first > line:
                    break
    except (tokenize.TokenError, SyntaxError):
        pass  # magics, shell lines, unfinished code
    return line, line


@lru_cache(maxsize=128)  # excerpts of the same cell stand at many criteria, and on both pages
def _highlighted(code: str, *, python: bool) -> tuple[Markup, ...]:
    """One piece of HTML per line."""
    tokens = [("", code)]
    if python and len(code) <= CODE_LIMIT:
        lexer = PythonLexer(stripnl=False, ensurenl=False)
        tokens = [(_class_of(kind), text) for _, kind, text in lexer.get_tokens_unprocessed(code)]
    pieces: list[list[str]] = [[]]
    for name, text in tokens:
        for position, part in enumerate(text.split("\n")):
            if position:
                pieces.append([])
            if part:
                pieces[-1].append(f'<span class="{name}">{escape(part)}</span>' if name else escape(part))
    return tuple(Markup("".join(line)) for line in pieces)  # noqa: S704 - escaped above


@cache
def _class_of(kind: _TokenType) -> str:
    return next((name for parent, name in _CLASSES if kind in parent), "")
