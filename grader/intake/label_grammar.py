"""The grammar of task labels: what the beginning of a line says of the task that it opens.

    label  := filler* target (("," | "/" | "&" | "+" | "and") target)*
    target := [task word] number [separator] part?  |  [task word] part
    part   := letter ((range | list) letter)*     with or without brackets

`parse` tells what is written and how firmly ('c)' is firm, 'c' alone is not); whether it is meant as a label
depends on where it stands (`label_scoring`) and on its neighbours (`label_sequence`).
"""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass, replace

from grader.intake.label_sequence import Target
from grader.intake.label_tokens import Cursor
from grader.intake.label_vocabulary import (
    AND_WORDS,
    BONUS_WORDS,
    FILLERS,
    LOOSE_WORDS,
    SHEET_WORDS,
    TASK_WORDS,
    TITLES,
    TO_WORDS,
)

_MARKUP = re.compile(r"\*+|__+|`+|~~|\\(?=[().:\[\]*#-])|<[^<>]{0,80}>|\$")
_BRACKETED = re.compile(r"^[(\[]\s*(\d{1,2}\s*[.-]?\s*[a-zA-Z])\s*[)\]]")
_BOLD = re.compile(r"^\W*?(\*\*|__)(.+?)\1(.*)")
_LEAD = re.compile(r"^[^\w(\[]+")
_CAMEL = re.compile(r"(?<=[a-zäöü])(?=[A-Z])|_+|-+")
_ROMAN = {"I": 1, "II": 2, "III": 3, "IV": 4, "V": 5, "VI": 6}
_LONGEST = 160
"""Characters of a line that are looked at."""


class Form(enum.Enum):
    """How a label is written, from the firmest to the loosest."""

    FULL = "number and letter"
    PROBLEM = "task word and number"
    PART = "letter in brackets or after a task word"
    PAIR = "two numbers, 1.3"
    SOFT = "letter and dot or colon"
    NUMBER = "number alone"
    BARE = "letter alone on its line"


@dataclass(frozen=True, slots=True)
class WrittenLabel:
    """What may be a label."""

    form: Form
    targets: tuple[Target, ...]
    closed: bool
    """Ended by a bracket, a dot, a colon or the end of the line, not by running on into a sentence."""
    rest: str
    """What follows on the line."""
    second: int | None = None
    """The 3 of '1.3'."""
    bonus: bool = False
    """Named the bonus problem without a number: `targets` leave the problem out."""

    @property
    def problem(self) -> int | None:
        """Of the first task that it names, like `letter`."""
        return self.targets[0][0]

    @property
    def letter(self) -> str | None:
        return self.targets[0][1]


def plain(text: str) -> str:
    """A line without Markdown or comment decoration, and with one spelling of every character."""
    text = _MARKUP.sub("", unicodedata.normalize("NFKC", text[:_LONGEST]).replace("–", "-").replace("—", "-"))
    return _LEAD.sub("", text).rstrip(" \t#=*-_~")


def parse(line: str) -> WrittenLabel | None:
    """The label at the beginning of a line of text; None when there is none."""
    text = _BRACKETED.sub(r"\1)", plain(line))
    written = _Parser(text).label()
    if written is not None and not written.closed and (bold := _BOLD.match(line[:_LONGEST])):
        inner = parse(bold[2])
        if inner is not None and inner.closed and not inner.rest:
            return replace(inner, rest=plain(bold[3]))
    return written


def parse_name(name: str) -> WrittenLabel | None:
    """The label in an identifier, a tag or an nbgrader id: 'problem_1', 'q1a', 'ps10-1-c', 'exercise1cSolution'."""
    text = re.sub(r"(?<=[^\W\d_]{2})(?=\d)", " ", _CAMEL.sub(" ", unicodedata.normalize("NFKC", name[:_LONGEST])))
    written = _Parser(text.strip()).label()
    return written if written and written.form in (Form.FULL, Form.PROBLEM, Form.PART) else None


def title_of(text: str) -> int | None:
    """The problem whose title the text holds; None when it holds none, or several."""
    found = [number for number, title in TITLES.items() if title.search(text.lower())]
    return found[0] if len(found) == 1 else None


class _Parser(Cursor):
    """Recursive descent over the tokens of one line."""

    def label(self) -> WrittenLabel | None:
        bonus = self._prefix()
        named = self.at
        first = self._target(worded=bonus)
        if first is None:
            if not bonus:
                return None
            self.at = named
            return WrittenLabel(Form.PROBLEM, ((None, None),), self._closed(), self.rest(), bonus=True)
        targets = list(first.targets)
        while first.form is not Form.NUMBER and first.form is not Form.PAIR:
            more = self._next_of_list(targets[-1])
            if more is None:
                break
            targets += more
        bracketed = self.tokens[self.at - 1].text in ")]"
        if (first.form is Form.BARE and not bracketed and self.peek() is not None) or self._runs_into_number():
            return None
        form = Form.PART if first.form is Form.BARE and bracketed else first.form
        return WrittenLabel(form, tuple(targets), first.closed or self._closed(), self.rest(), first.second, bonus)

    def _prefix(self) -> bool:
        """Skip words without meaning; tell whether 'bonus' was among them."""
        bonus = False
        while word := self.word():
            if word in BONUS_WORDS:
                bonus = True
                self.at += 1
                if self.is_sign(":-.") and self.peek(1) is not None:
                    self.at += 1
            elif word in SHEET_WORDS or self.word(1) in SHEET_WORDS:
                if not self._sheet():
                    break
            elif len(word) > 1 and word in FILLERS:
                self.at += 1
            else:
                break
        return bonus

    def _sheet(self) -> bool:
        """'Problem set 10', 'PS10', 'Sheet 10 -'."""
        start = self.at
        self.at += 1 if self.word() in SHEET_WORDS else 2
        self.skip("#.")
        if self.number() is None:
            self.at = start
            return False
        self.at += 1
        while self.skip(".:-_/,"):
            pass
        return True

    def _target(self, *, worded: bool) -> WrittenLabel | None:
        start = self.at
        loose = self.word() in LOOSE_WORDS
        worded = self._task_word() or worded
        numbers = self._numbers(worded=worded)
        target = self._part(worded=worded) if numbers is None else self._numbered(numbers, worded=worded)
        if target is None:
            self.at = start
        return replace(target, form=Form.NUMBER) if target and loose and target.form is Form.PROBLEM else target

    def _task_word(self) -> bool:
        word, following = self.word(), self.peek(1)
        if word not in TASK_WORDS or following is None:
            return False
        if len(word) == 1 and not (following.kind == "num" and (not following.spaced or word == "q")):
            return False
        self.at += 1
        if self.is_sign(".:#-") and self.peek(1) is not None:
            self.at += 1
        if self.word() in ("no", "nr", "number", "nummer"):
            self.at += 1
            self.skip(".:")
        self.skip("#")
        return True

    def _numbers(self, *, worded: bool) -> list[int] | None:
        """'1', '(1)', '1.3', '10.1.3'; None when no number stands here."""
        start = self.at
        opened = self.skip("([")
        if worded and self.number() is None and self.word() and self.peek() is not None:
            roman = _ROMAN.get(self.tokens[self.at].text)
            if roman is not None and not self.is_sign(")", 1):
                self.at += 1
                return [roman]
        numbers = []
        while (number := self.number()) is not None:
            numbers.append(number)
            self.at += 1
            following = self.peek(1)
            if self.is_sign(".-") and self.glued() and following and following.kind == "num" and not following.spaced:
                self.at += 1
                continue
            break
        if not numbers or (opened and not self.skip(")]")):
            self.at = start
            return None
        return numbers

    def _numbered(self, numbers: list[int], *, worded: bool) -> WrittenLabel | None:
        """What may follow a number: a letter, or the end of the label."""
        if len(numbers) > 2:
            return None
        start = self.at
        glued = self.glued()
        while self.is_sign(".-_):/,]") and self.peek(1) is not None:
            self.at += 1
            glued = glued and self.glued()
        letter = self._letter_of_number(glued=glued, worded=self._task_word() or worded)
        if letter is not None:
            return WrittenLabel(Form.FULL, ((numbers[-1], letter[0]),), letter[1], "")
        self.at = start
        following = self.peek()
        if following and not following.spaced and following.kind in ("word", "letter"):
            return None
        form = Form.PAIR if len(numbers) == 2 else Form.PROBLEM if worded else Form.NUMBER
        return WrittenLabel(form, ((numbers[0], None),), self._closed(), "", numbers[1] if len(numbers) == 2 else None)

    def _letter(self, brackets: str) -> tuple[str, bool] | None:
        """A letter, and whether it stands behind one of the opening brackets. Where there is none, callers go back."""
        opened = self.skip(brackets)
        token = self.peek()
        if token is None or token.kind != "letter":
            return None
        self.at += 1
        return token.text.lower(), opened

    def _letter_of_number(self, *, glued: bool, worded: bool) -> tuple[str, bool] | None:
        """A letter after a number, and whether it is closed."""
        letter_opened = self._letter("([{")
        if letter_opened is None:
            return None
        letter, opened = letter_opened
        if self.skip(")]}"):
            return letter, True
        following = self.peek()
        if opened:
            return None
        if following is None or (self.is_sign(".:,/&+-;") and not self._abbreviation()):
            return letter, True
        if self.is_sign("("):
            return letter, following.spaced
        if following.spaced and following.kind != "sign" and (glued or (worded and letter not in "ai")):
            return letter, False
        return (letter, True) if following.spaced and self.word() in AND_WORDS | TO_WORDS else None

    def _part(self, *, worded: bool) -> WrittenLabel | None:
        """A letter without a number."""
        letter_opened = self._letter("([")
        if letter_opened is None:
            return None
        letter, opened = letter_opened
        form, closed = None, True
        following = self.peek()
        if self.skip(")]"):
            form = Form.PART
        elif opened:  # '(a, b)', '(a-c)'
            if self.is_sign(",/&+-") and len(self.word(1)) == 1:
                form = Form.PART
        elif following is None:
            form = Form.PART if worded else Form.BARE
        elif worded and (self.is_sign(".:-,/&+") or (following.spaced and letter not in "ai")):
            form, closed = Form.PART, self.is_sign(".:-,/&+")
        elif self.is_sign(".:") and self.glued() and not self._abbreviation() and not self.glued(1):
            form = Form.SOFT
        elif self.is_sign(",/&+-") or self.word() in AND_WORDS | TO_WORDS:
            form = Form.BARE
        return WrittenLabel(form, ((None, letter),), closed, "") if form else None

    def _abbreviation(self) -> bool:
        """'i.e.', 'd. h.', 'e.g': a dot that does not end a label."""
        after = self.peek(1)
        if not self.is_sign(".") or after is None or after.kind not in ("word", "letter"):
            return False
        return not after.spaced or (after.kind == "letter" and self.is_sign(".", 2))

    def _next_of_list(self, last: Target) -> list[Target] | None:
        """The members after a list or range sign: 'e/f', 'a-c', '1e und 1f', 'Problem 3 + 4'."""
        start = self.at
        ranged = last[1] is not None and (self.is_sign("-") or self.word() in TO_WORDS)
        if not (ranged or self.is_sign(",/&+;") or self.word() in AND_WORDS):
            return None
        self.at += 1
        if self.word() in AND_WORDS:
            self.at += 1
        problem, letter = last
        if letter is None:
            number = self.number()
            following = self.peek(1)
            if number is not None and (following is None or following.kind == "sign"):
                self.at += 1
                return [(number, None)]
        elif (target := self._listed_letter(problem)) is not None:
            if not ranged:
                return [target]
            if target[0] == problem and target[1] > letter:
                return [(problem, chr(code)) for code in range(ord(letter) + 1, ord(target[1]) + 1)]
        self.at = start
        return None

    def _listed_letter(self, problem: int | None) -> tuple[int | None, str] | None:
        if problem is not None and (number := self.number()) is not None:
            self.at += 1
            self.skip(".")
            problem = number
        letter_opened = self._letter("([")
        if letter_opened is None or not "a" <= letter_opened[0] <= "z":
            return None
        closed = self.skip(")]") or self._closed() or self.is_sign(".&+") or self.word() in AND_WORDS
        return (problem, letter_opened[0]) if closed or letter_opened[1] else None

    def _closed(self) -> bool:
        return self.peek() is None or self.is_sign(").:-,;([/|]")

    def _runs_into_number(self) -> bool:
        """'1e-3', '1/3', 'c = 3', '(c) 2019 Ada': what looked like a label is a number, code or a notice."""
        previous, token, after = self.tokens[self.at - 1], self.peek(), self.peek(1)
        if token is None:
            return False
        if token.kind == "num":
            year = token.text[:2] in ("19", "20") and len(token.text) == 4
            notice = year and self.text[:3].lower() == "(c)" and after is not None and after.kind == "word"
            return notice or (not token.spaced and previous.kind != "sign")
        if token.kind != "sign":
            return False
        fraction = token.text in "/-+" and after is not None and after.kind == "num" and not token.spaced
        return (fraction and previous.kind != "sign") or (token.text in "=%^°€" and previous.kind != "sign")
