r"""Numbers and arithmetic as people type them: 8,070 · 8.070 · 8 070 · 784x10+10 · $5\cdot 10^{-3}$ · 77,1 %.

A text is made plain, cut into tokens by one expression, and every stretch that reads as arithmetic is
evaluated by a small bounded parser. Nothing raises; the work grows linearly with the text.
"""

from __future__ import annotations

import bisect
import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

from grader.extraction.notation import plain

_DEPTH = 30
"""Nested parentheses that are followed."""
LONGEST = 60_000
"""Characters of a text that are read: more than anybody typed."""
LARGEST = 1e15
"""Larger results are nobody's count."""
_LARGEST_EXPONENT, _LARGEST_BASE = 32, 1e6
"""Chosen: beyond these a power is no count either, and costly."""
_SAME_RESULT = 1e-9
"""Relative difference of results that are the same but for rounding."""
_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
    "^": operator.pow,
}
_SUM, _PRODUCT = ("+", "-"), ("*", "/", "//")

_NUMBER = r"""[1-9]\d{0,2}(?:\.\d{3})+(?:,\d+)?(?!\d|\.\d) | [1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?(?!\d|,\d)
    | [1-9]\d{0,2}(?:['_\u2009]\d{3})+(?:[.,]\d+)?(?!\d) | [1-9]\d{0,2}(?:[ ]\d{3})+(?:[.,]\d+)?(?!\d)
    | \d+[.,]\d+(?:e[+-]?\d{1,3}\b)? | \d+(?:e[+-]?\d{1,3}\b)? | \.\d+(?:e[+-]?\d{1,3}\b)?"""
_TOKEN = re.compile(
    rf"""(?P<number>(?<!\w)(?:{_NUMBER}))(?P<percent>[ \u2009]?(?:%|percent\b|prozent\b))?
      | (?P<op>//|[-+*/^]) | (?P<lp>\() | (?P<rp>\)) | (?P<space>\s+) | (?P<word>[^\W\d]\w*) | (?P<other>\d+|.)""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Mention:
    """A number in a text: every value that it can be read as."""

    values: tuple[float, ...]
    text: str
    line: int
    """0-based line of the text."""
    start: int
    """Offset in the plain text (`plain`), for order and neighbourhood."""
    percent: bool = False
    """Written with a percent sign; `values` are fractions."""
    arithmetic: bool = False
    """Not written, but what the written arithmetic comes to: '784*10 + 10'."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int
    percent: bool = False
    values: tuple[float, ...] = ()
    partner: int = -1
    """Of a parenthesis: where its partner stands."""


@lru_cache(maxsize=256)
def mentions(text: str) -> tuple[Mention, ...]:
    """Every number that a text states, and what its arithmetic comes to, in order."""
    text = plain(text[:LONGEST])
    starts = [0, *(m.end() for m in re.finditer("\n", text))]
    tokens = _tokens(text)
    mentioned = [m for token in tokens if token.kind == "number" for m in _written(token)]
    strict = _pair(tokens)
    loose = _pair(_without_words(tokens))
    for stream in (strict, loose) if len(loose) < len(strict) else (strict,):
        for style in (0, -1):
            mentioned.extend(_Parser(stream, style, text).results())
    unique = {(m.start, m.text, m.arithmetic, m.values): m for m in mentioned}
    placed = (replace(m, line=bisect.bisect_right(starts, m.start) - 1) for m in unique.values())
    return tuple(sorted(placed, key=lambda m: (m.start, m.arithmetic, -len(m.text))))


def readings(written: str) -> tuple[float, ...]:
    """Values of one written number: '8.070' is 8070 or 8.07, '0,01' is 0.01; thousands come first."""
    bare = re.sub(r"['_\s]", "", written)
    marks = [c for c in bare if c in ".,"]
    if len(set(marks)) == 2:  # the last one is the decimal mark
        last = max(bare.rfind("."), bare.rfind(","))
        options = [re.sub(r"[.,]", "", bare[:last]) + "." + bare[last + 1 :]]
    elif len(marks) > 1:
        options = [re.sub(r"[.,]", "", bare)]
    else:
        options = [bare.replace(",", ".")]
        if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", bare):
            options.insert(0, re.sub(r"[.,]", "", bare))
    return tuple(v for v in (float(o) for o in options if len(o) <= 40) if v <= LARGEST)


def _written(token: _Token) -> list[Mention]:
    """A number, and where its thousands marks may also separate items of a list, those items."""
    mentioned = [Mention(token.values, token.text, 0, token.start, token.percent)] if token.values else []
    for mark in (" ", ","):
        parts = token.text.split(mark)
        if len(parts) > 1 and all(p.isdigit() for p in parts):
            mentioned += [Mention((float(p),), p, 0, token.start) for p in parts]
    return mentioned


def _tokens(text: str) -> list[_Token]:
    """Tokens without spaces; a line's end separates, unless an operator carries the arithmetic over it."""
    tokens: list[_Token] = []
    newline = False
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "other"
        if kind == "space":
            newline = newline or "\n" in match.group()
            continue
        start, end = match.span()
        if newline or not tokens:
            bullet = kind == "op" and match.group() in "-*" and text[end : end + 1].isspace()
            carried = tokens and (tokens[-1].kind == "op" or (kind == "op" and match.group() in "+*/"))
            if bullet or not carried:
                tokens.append(_Token("other", "\n", start, start))
            newline = False
            if bullet:
                continue
        number = match.group("number")
        if number is None:
            tokens.append(_Token(kind, match.group(), start, end))
        else:
            percent = match.group("percent") is not None
            values = tuple(v / 100 if percent else v for v in readings(number))
            tokens.append(_Token("number", number, start, end, percent, values))
    return tokens


def _without_words(tokens: list[_Token]) -> list[_Token]:
    """'784 inputs * 10 units + 10 biases' without its words: up to three between a number and an operator."""
    kept: list[_Token] = []
    i = 0
    while i < len(tokens):
        j = i
        while j < len(tokens) and tokens[j].kind == "word":
            j += 1
        if i < j <= i + 3 and kept and j < len(tokens):
            before, after = kept[-1].kind, tokens[j].kind
            if (before in {"number", "rp"} and after in {"op", "rp"}) or (before == "op" and after in {"number", "lp"}):
                i = j
                continue
        if i < j:
            kept.extend(tokens[i:j])
            i = j
        else:
            kept.append(tokens[i])
            i += 1
    return kept


def _pair(tokens: list[_Token]) -> list[_Token]:
    """Parentheses with their partners; one without a partner is nothing."""
    paired = list(tokens)
    stack: list[int] = []
    for i, token in enumerate(tokens):
        if token.kind == "lp":
            stack.append(i)
        elif token.kind == "rp":
            if stack:
                paired[stack[-1]] = replace(tokens[stack[-1]], partner=i)
                stack.pop()
            else:
                paired[i] = replace(token, kind="other")
    for i in stack:
        paired[i] = replace(tokens[i], kind="other")
    return paired


class _Parser:
    """Recursive descent over paired tokens; `style` 0 reads '8.070' as 8070, -1 as 8.07."""

    def __init__(self, tokens: list[_Token], style: int, text: str) -> None:
        self.tokens = tokens
        self.style = style
        self.text = text
        self.at = 0
        self.operations = 0
        self.stated: list[Mention] = []

    def results(self) -> list[Mention]:
        """What each longest stretch of arithmetic comes to, and each parenthesis in it."""
        chain: list[Mention] = []
        refuted: set[int] = set()
        end = -1
        while self.at < len(self.tokens):
            begin, operations = self.at, self.operations
            if self.tokens[begin].kind in {"number", "lp"} or self.tokens[begin].text == "-":
                value = self._state(begin, 0)
                if value is not None:
                    if begin != end + 1 or self.tokens[end].text != "=":
                        chain = []
                    if self.operations > operations:
                        chain.append(self.stated[-1])
                    elif self.at == begin + 1:  # '7850 + 110 + 110 = 8060': what is written as the result counts
                        written = self.tokens[begin].values
                        refuted |= {
                            id(m)
                            for m in chain
                            if not any(math.isclose(m.values[0], v, rel_tol=_SAME_RESULT) for v in written)
                        }
                    end = self.at
            if self.at == begin:
                self.at += 1
        return [m for m in self.stated if id(m) not in refuted]

    def _state(self, begin: int, depth: int) -> float | None:
        operations = self.operations
        value = self._chain(depth, _SUM)
        if value is not None and self.operations > operations:
            start, end = self.tokens[begin].start, self.tokens[self.at - 1].end
            self.stated.append(Mention((value,), self.text[start:end][:200], 0, start, arithmetic=True))
        return value

    def _peek(self, *texts: str) -> str:
        if self.at < len(self.tokens):
            token = self.tokens[self.at]
            if token.kind == "op" and token.text in texts:
                return token.text
        return ""

    def _chain(self, depth: int, signs: tuple[str, ...]) -> float | None:
        """A sum of products, or a product of powers; as far as it can be evaluated."""
        value = self._operand(depth, signs)
        while value is not None:
            back = self.at
            sign = self._peek(*signs)
            if sign:
                self.at += 1
            elif signs is _PRODUCT and self._implied():
                sign = "*"
            else:
                break
            right = self._operand(depth, signs)
            result = None if right is None else apply(sign, value, right)
            if result is None:
                self.at = back
                break
            value = result
            self.operations += 1
        return value

    def _operand(self, depth: int, signs: tuple[str, ...]) -> float | None:
        return self._chain(depth, _PRODUCT) if signs is _SUM else self._power(depth)

    def _implied(self) -> bool:
        """'(784+1)(10)' and '10(784+1)' multiply; a space between says they may not."""
        if not 0 < self.at < len(self.tokens):
            return False
        before, here = self.tokens[self.at - 1], self.tokens[self.at]
        joined = before.end == here.start and {before.kind, here.kind} <= {"number", "lp", "rp"}
        return joined and (here.kind == "lp" or before.kind == "rp")

    def _power(self, depth: int) -> float | None:
        begin = self.at
        sign = 1.0
        while self._peek("+", "-") and self.at < begin + 2:
            sign = -sign if self._peek("-") else sign
            self.at += 1
        value = self._atom(depth)
        if value is None:
            self.at = begin
            return None
        if self._peek("^") and depth < _DEPTH:
            back = self.at
            self.at += 1
            exponent = self._power(depth + 1)
            raised = None if exponent is None else apply("^", value, exponent)
            if raised is None:
                self.at = back
            else:
                self.operations += 1
                value = raised
        return sign * value

    def _atom(self, depth: int) -> float | None:
        if self.at >= len(self.tokens):
            return None
        token = self.tokens[self.at]
        if token.kind == "number" and token.values:
            self.at += 1
            return token.values[self.style]
        if token.kind == "lp" and depth < _DEPTH:
            begin, results_before = self.at, len(self.stated)
            self.at += 1
            value = self._state(self.at, depth + 1)
            if value is not None and self.at == token.partner:
                self.at += 1
                return value
            del self.stated[results_before:]
            self.at = begin
        return None


def apply(sign: str, left: float, right: float) -> float | None:
    """`left sign right` for a sign of `+ - * / // % ^`; None where it is undefined, or too large to be a count."""
    if sign == "^" and not (abs(right) <= _LARGEST_EXPONENT and abs(left) <= _LARGEST_BASE):
        return None
    try:
        value = _OPERATIONS[sign](left, right)
    except (ZeroDivisionError, OverflowError):
        return None
    return value if isinstance(value, float) and abs(value) <= LARGEST else None  # a power may be complex
