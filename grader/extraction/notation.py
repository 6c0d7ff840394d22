"""Texts made plain: LaTeX, HTML and Markdown around numbers become `+ - * / ^ ( )`, and what states no number goes."""

from __future__ import annotations

import html
import re
from functools import lru_cache

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_MARKS = str.maketrans(
    dict.fromkeys("×·⋅∙•∗✕✖⨯", "*")
    | dict.fromkeys("−–‐‑", "-")
    | dict.fromkeys("\u00a0\u202f\u2007", "\u2009")
    | dict.fromkeys("≈→⇒≃∼", "=")
    | dict.fromkeys("`${}", " ")
    | {"÷": "/", "’": "'", "[": "(", "]": ")"}
)

_WORDS = "ex|exercise|task|problem|question|aufgabe|teilaufgabe|übung|part|section|fig|figure|tab|table"
_TAGS = (
    "a|b|i|u|p|br|hr|h[1-6]|div|span|img|table|t[rdh]|thead|tbody|su[bp]|center|font|em|strong|code|pre|ul|ol|li|small|big"
    "|mark|kbd|details|summary|style|script|svg|iframe|video|source|blockquote|figure|del|ins|s"
)
_NOT_NUMBERS = re.compile(
    rf"""https?://\S+ | data:[\w/+.-]{{1,40}};base64,\S* | \]\([^()\n]{{0,400}}\)
      | </?(?:{_TAGS})\b[^<>\n]{{0,400}}>
      | \b0x[0-9a-f]+\b | \#[0-9a-f]{{6}}\b
      | \b\d{{4}}-\d{{1,2}}-\d{{1,2}}\b | \b\d{{1,2}}/\d{{1,2}}/\d{{2,4}}\b
      | \b\d{{1,2}}\.[ ]?\d{{1,2}}\.[ ]?(?:19|20)\d\d\b
      | \b\d{{1,2}}:\d\d(?::\d\d)?\b(?![.,]?\d)
      | \b(?:version|python|tensorflow|keras|numpy|scipy|tf|v)[ ]?[ =v]{{0,3}}\d+(?:\.\d+)+ | ==\d+(?:\.\d+)+
      | (?<![\d.])\d+\.\d{{1,2}}\.\d+(?:\.\d+)* | (?<![\d.])\d+\.\d{{3}}\.\d{{1,2}}(?!\d)
      | \b(?:{_WORDS})[ ]?[.:\#-]?[ ]?\d{{1,2}}(?![\d]|[.,']\d|[ ]?[*/^%+])(?:[ ]?\.?[ ]?\(?[a-j]\)|[a-j]\b|\.[a-j]\b)?
      | (?<![\w.,(*+/-])\(?\d{{1,2}}[ ]?\.?[ ]?\(?[a-j]\)
      | ^[ \t>]*\(?\d{{1,2}}[.)](?=[ ])""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
"""Dates, versions, addresses, exercise labels, list numerals: what looks like a number and states none."""

_LATEX = tuple(
    (re.compile(pattern), instead)
    for pattern, instead in (
        (r"\\(?:cdot|times|ast)(?![a-zA-Z])", "*"),
        (r"\\div(?![a-zA-Z])", "/"),
        (r"\{,\}", ","),
        (r"(?<=\d)(?:\\[,;:! ]|~)(?=\d{3})", "\u2009"),
        (r"\\(?:text|mathrm|mathit|textit|operatorname|label|tag) {0,3}\{[^{}\n\d]{0,80}\}", " "),
        (r"\\[dt]?frac {0,3}\{([^{}\n]{0,200})\} {0,3}\{([^{}\n]{0,200})\}", r"((\1)/(\2))"),
        (r"_\{[^{}\n]{0,200}\}", " "),
        (r"\\%", "%"),
        (r"\^\{([^{}\n]{1,40})\}", r"^(\1)"),
        (r"\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])\.?", " "),
        (r"\\(?:approx|[rR]ightarrow|implies|to|equiv|sim)(?![a-zA-Z])", "="),
        (r"\\\\", " ; "),
        (r"\\\*", "*"),
        (r"\\(?:boxed|mathbf|textbf|text|underline|underbrace|mathrm|q?quad|[,;:! #$_]|[a-zA-Z]+)", " "),
        (r"&", " "),
    )
)
_POWER = re.compile(r"(?<=[\d)])\*\*(?=[\d(-])|(?<=[\d)]) \*\* (?=[\d(-])")
_EMPHASIS = re.compile(r"\*\*|(?<!\w)__?(?=\d)|(?<=\d)__?(?!\w)")
_ASIDE = re.compile(r"\(([^()\d\n]{1,60})\)")
_TIMES = re.compile(r"(?<=[\d)]) ?[xX] ?(?=[\d(])")


@lru_cache(maxsize=256)
def plain(text: str) -> str:
    """The text with LaTeX, HTML and Markdown marks made plain and non-numbers blanked; it has the same lines."""
    text = html.unescape(text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _NOT_NUMBERS.sub(" ; ", text)
    for pattern, instead in _LATEX:
        text = pattern.sub(instead, text)
    text = re.sub(r"[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: f"^({m.group().translate(_SUPERSCRIPTS)})", text)
    text = text.translate(_MARKS)
    text = _EMPHASIS.sub(" ", _POWER.sub("^", text))
    text = _ASIDE.sub(lambda m: " " if any(c.isalpha() for c in m.group(1)) else m.group(), text)
    return _TIMES.sub("*", text)
