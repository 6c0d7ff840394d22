"""Markdown of students and rubrics as sanitised HTML.

What a student may have written passes `display_text.clean` first; HTML comes out of here as `Markup` only, after an
allow-list.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup, escape

from grader.system.display_text import clean

ANSWER_LIMIT = 12_000
"""Characters of a written answer."""
HTML_LIMIT = 10 * ANSWER_LIMIT
"""Characters of its HTML; a table may grow a hundredfold."""

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
def safe_html(source: str) -> Markup:
    """Markdown as HTML that can do nothing; raw HTML in it is shown as text.

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
    parser.add_render_rule("heading_open", lambda *_: "<p><strong>")
    parser.add_render_rule("heading_close", lambda *_: "</strong></p>\n")
    parser.add_render_rule("image", _render_image)
    parser.add_render_rule("math", _render_math)
    return parser


def _math(state: StateInline, silent: bool) -> bool:
    """Keep TeX away from Markdown, whose emphasis would eat its underscores."""
    formula = _MATH.match(state.src, state.pos, state.posMax)
    if formula is None:
        return False
    if not silent:
        state.push("math", "", 0).content = next(group for group in formula.groups() if group is not None).strip()
    state.pos = formula.end()
    return True


def _render_math(_: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType) -> str:
    return f'<code class="tex">{escape(tokens[index].content)}</code>'


def _render_image(_: RendererHTML, tokens: Sequence[Token], index: int, _options: OptionsDict, _env: EnvType) -> str:
    return f"<em>[image: {escape(tokens[index].content or 'no description')}]</em>"
