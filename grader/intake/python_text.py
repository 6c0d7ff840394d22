"""Looking at student Python without running it: parsing that never raises and never warns."""

from __future__ import annotations

import ast
import io
import re
import threading
import tokenize
import warnings
from collections.abc import Iterator
from contextlib import suppress

MOST_PIECES = 200_000
"""Words and signs of a source that is parsed: each may take a kilobyte as part of a tree."""
_PARSING = threading.Lock()
"""Python 3.11 counts the depth of all threads' trees as one, and fails with SystemError where they differ."""
NO_TOKENS = (tokenize.TokenError, SyntaxError, ValueError)
"""What `tokenize` raises for what is no Python."""
_WORD = re.compile(r"\w++")
_MAGIC = re.compile(r"^([ \t]*)(?:[%!].*|\?+\w.*|\w[\w.]*\?+[ \t]*)$", re.MULTILINE)


def parse(source: str) -> ast.Module | None:
    """The syntax tree, with lines as in `source`; None when it is not Python, magics and shell lines aside, or huge."""
    if len(source) > MOST_PIECES and len(_WORD.sub("a", source)) > MOST_PIECES:
        return None
    for text in (source, _MAGIC.sub(r"\1pass", source)):
        try:
            with _PARSING, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
            continue
    return None


def same(tree: ast.Module, other: ast.Module) -> bool:
    """Whether two trees are the same but for positions; False where they are too deep to tell."""
    try:
        return ast.dump(tree) == ast.dump(other)
    except RecursionError:
        return False


def called_name(call: ast.AST) -> str:
    """'print' of `print(…)`, 'summary' of `model.summary()`; '' for what is no call of a name or an attribute."""
    function = getattr(call, "func", None)
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")


def comments(source: str) -> Iterator[tuple[int, bool, str]]:
    """(1-based line, whether it has the line to itself, text from the '#' on) of comments, magics aside.

    Raises one of `NO_TOKENS` where the source ceases to be Python; what comes before has been given then.
    """
    for token in tokenize.generate_tokens(io.StringIO(_MAGIC.sub(r"\1pass", source)).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], not token.line[: token.start[1]].strip(), token.string


def full_line_comments(source: str) -> Iterator[tuple[int, str]]:
    """(1-based line, text from the '#' on) of comments that have a line to themselves, not those inside strings."""
    lines = source.split("\n")
    starts = [number for number, line in enumerate(lines, 1) if line.lstrip().startswith("#")]
    if starts:
        with suppress(*NO_TOKENS):
            starts = [line for line, alone, _ in comments(source) if alone]
    for number in starts:
        yield number, lines[number - 1].strip()
