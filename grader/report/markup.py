"""Student text as HTML: Markdown sanitised, code highlighted.

Everything that a student may have written passes `shown.clean` first. HTML comes out of this module as `Markup`
only; what it was made from was escaped (code) or went through an allow-list (Markdown).
"""

from __future__ import annotations

import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape
from pygments.lexers.python import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType

from grader.system.display_text import clean

ANSWER_LIMIT = 12_000
"""Characters of a written answer."""
HTML_LIMIT = 10 * ANSWER_LIMIT
"""Characters of its HTML; a table may grow a hundredfold."""
CODE_LIMIT = 20_000
"""Characters of a cell that are highlighted."""
LINE_LIMIT = 240
"""Characters of a line of code."""
_MOST_LINES = 400
"""Of a cell that is shown whole."""

# ------------------------------------------------------------------ Markdown

_MATH = re.compile(
    r"\$\$(.{1,2000}?)\$\$|\$(?!\s)([^$\n]{1,1000}?)(?<!\s)\$(?!\d)|\\\((.{1,1000}?)\\\)|\\\[(.{1,2000}?)\\\]"
    r"|(\\begin\{(\w{1,20}\*?)\}.{0,2000}?\\end\{\6\})",
    re.DOTALL,
)
_TAGS = {
    "p", "br", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "blockquote", "hr", "a",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_ATTRIBUTES = {"a": {"href"}, "code": {"class"}, "ol": {"start"}}


@lru_cache(maxsize=256)  # the rubric's and the reference's texts stand on every page
def markdown(source: str) -> Markup:
    """Markdown of a student or a rubric as sanitised HTML; raw HTML in it is shown as text.

    Headings become bold paragraphs (the page's outline is ours), images their alternative text (a page loads
    nothing), and mathematics stays legible source.
    """
    html = _parser().render(clean(source, ANSWER_LIMIT))
    html = nh3.clean(
        clean(html, HTML_LIMIT),  # again: '&#x202E;' has become what it stands for
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        url_relative="deny",  # '//host/share' would be a network share to whoever opens a page from disk
        link_rel="noopener noreferrer nofollow",
        attribute_filter=_only_our_classes,
    )
    # A wide table scrolls by itself, and whoever uses a keyboard must be able to reach it.
    html = html.replace("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>')
    return Markup(html.replace("</table>", "</table></div>"))  # noqa: S704 - sanitised above


def _only_our_classes(_tag: str, name: str, value: str) -> str | None:
    return value if name != "class" or value == "tex" else None


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20}).enable("table")
    parser.inline.ruler.before("escape", "math", _math)
    for name in ("heading_open", "heading_close", "image", "math"):
        parser.add_render_rule(name, globals()[f"_render_{name}"])
    return parser


def _math(state: StateInline, silent: bool) -> bool:
    """Keep TeX away from Markdown, whose emphasis would eat its underscores."""
    found = _MATH.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    if not silent:
        state.push("math", "", 0).content = next(group for group in found.groups() if group is not None).strip()
    state.pos = found.end()
    return True


def _render_math(_: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType) -> str:
    return f'<code class="tex">{escape(tokens[index].content)}</code>'


def _render_image(_: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType) -> str:
    return f"<em>[image: {escape(tokens[index].content or 'no description')}]</em>"


def _render_heading_open(*_: object) -> str:
    return "<p><strong>"


def _render_heading_close(*_: object) -> str:
    return "</strong></p>\n"


# ------------------------------------------------------------------ code


@dataclass(frozen=True, slots=True)
class CodeLine:
    number: int
    """As people count: from 1, in a script from the file's first line."""
    html: Markup
    marked: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    lines: tuple[CodeLine, ...]
    before: int
    """Lines of the cell above the excerpt."""
    after: int


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


def excerpt(
    source: str, *, marked: int | None = None, first_line: int = 1, context: int | None = 4, python: bool = True
) -> Excerpt:
    """Lines of a cell around the 1-based line `marked`, whose whole statement is marked; all of it by default.

    `first_line` is what the cell's first line is called; `context` how many lines stand around (None: all, up to
    400). Bounded for hostile cells: long lines are cut, and only `CODE_LIMIT` characters are highlighted.
    """
    lines_whole = clean(source, 10 * CODE_LIMIT).rstrip("\n").split("\n")
    texts = [line if len(line) <= LINE_LIMIT else f"{line[:LINE_LIMIT]} …" for line in lines_whole]
    first = last = marked or 0
    if marked is not None and python:
        first, last = _statement("\n".join(texts), marked)
    spread = 200 if context is None or marked is None else context
    start = max(0, min(first or 1, len(texts)) - 1 - spread)
    stop = min(len(texts), max(start + 1, min(last, first + 30, len(texts)) + spread))
    if marked is None or context is None:
        stop = min(len(texts), start + _MOST_LINES)
    code = "\n".join(texts[: max(stop, _MOST_LINES)])
    html = _highlighted(code if len(code) <= CODE_LIMIT else "\n".join(texts[:stop]), python=python)
    lines = tuple(
        CodeLine(first_line + row, html[row], marked is not None and first <= row + 1 <= last)
        for row in range(start, stop)
    )
    return Excerpt(lines, start, len(texts) - stop)


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
    pieces: list[list[str]] = [[]]
    for name, text in _tokens(code) if python and len(code) <= CODE_LIMIT else [("", code)]:
        for position, part in enumerate(text.split("\n")):
            if position:
                pieces.append([])
            if part:
                pieces[-1].append(f'<span class="{name}">{escape(part)}</span>' if name else escape(part))
    return tuple(Markup("".join(line)) for line in pieces)  # noqa: S704 - escaped above


def _tokens(code: str) -> Iterator[tuple[str, str]]:
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    for _, kind, text in lexer.get_tokens_unprocessed(code):
        yield _class_of(kind), text


@cache
def _class_of(kind: _TokenType) -> str:
    return next((name for parent, name in _CLASSES if kind in parent), "")
