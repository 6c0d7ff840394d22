"""Looking at student Python without running it: parsing that never raises and never warns."""

from __future__ import annotations

import ast
import io
import re
import threading
import tokenize
import warnings
from collections.abc import Iterator

MOST_PIECES = 200_000
"""Words and signs of a source that is parsed: each may take a kilobyte as part of a tree."""
_PARSING = threading.Lock()
"""Python 3.11 counts the depth of all threads' trees as one, and fails with SystemError where they differ."""
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


def same(one: ast.Module, other: ast.Module) -> bool:
    """Whether two trees are the same but for positions; False where they are too deep to tell."""
    try:
        return ast.dump(one) == ast.dump(other)
    except RecursionError:
        return False


def full_line_comments(source: str) -> Iterator[tuple[int, str]]:
    """(1-based line, text from the '#' on) of comments that have a line to themselves, not those inside strings."""
    lines = source.split("\n")
    if not any(line.lstrip().startswith("#") for line in lines):
        return
    try:
        found = [
            token.start[0]
            for token in tokenize.generate_tokens(io.StringIO(_MAGIC.sub(r"\1pass", source)).readline)
            if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip()
        ]
    except (tokenize.TokenError, SyntaxError, ValueError):
        found = [number for number, line in enumerate(lines, 1) if line.lstrip().startswith("#")]
    for number in found:
        yield number, lines[number - 1].strip()
