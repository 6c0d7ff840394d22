"""The tokens of a line, and a cursor over them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(r"\s*(?:(?P<num>\d+)|(?P<word>[^\W\d_]+)|(?P<sign>\S))")


@dataclass(frozen=True, slots=True)
class Token:
    """A number, a word, a letter or a sign of a line."""

    kind: str
    """'num', 'word', 'letter' or 'sign'."""
    text: str
    spaced: bool
    """Whether white space stands before it."""
    end: int


class Cursor:
    """A position in the tokens of one line; `ahead` looks past it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens: list[Token] = []
        for match in _TOKEN.finditer(text):
            group = match.lastgroup or "sign"
            token = match[group]
            kind = "letter" if group == "word" and len(token) == 1 else group
            self.tokens.append(Token(kind, token, match.start() != match.start(group), match.end()))
        self.at = 0

    def peek(self, ahead: int = 0) -> Token | None:
        """The token; None past the end of the line."""
        return self.tokens[self.at + ahead] if self.at + ahead < len(self.tokens) else None

    def is_sign(self, signs: str, ahead: int = 0) -> bool:
        """Whether the token is one of these signs."""
        token = self.peek(ahead)
        return token is not None and token.kind == "sign" and token.text in signs

    def glued(self, ahead: int = 0) -> bool:
        """Whether the token is written without a space before it."""
        token = self.peek(ahead)
        return token is not None and not token.spaced

    def word(self, ahead: int = 0) -> str:
        """The token in lower case where it is a word or a letter, else ''."""
        token = self.peek(ahead)
        return token.text.lower() if token and token.kind in ("word", "letter") else ""

    def number(self, ahead: int = 0) -> int | None:
        """The token where it is a number of one or two digits, else None."""
        token = self.peek(ahead)
        return int(token.text) if token and token.kind == "num" and len(token.text) <= 2 else None

    def skip(self, signs: str) -> bool:
        """Step over one of these signs; whether it was there."""
        there = self.is_sign(signs)
        self.at += there
        return there

    def rest(self) -> str:
        """The text from the token on."""
        return self.text[self.tokens[self.at - 1].end if self.at else 0 :].strip()
