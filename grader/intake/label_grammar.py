"""The grammar of task labels: what the beginning of a line says of the task that it opens.

    label  := filler* target (("," | "/" | "&" | "+" | "and") target)*
    target := [task word] number [separator] part?  |  [task word] part
    part   := letter ((range | list) letter)*     with or without brackets

`parse` tells what is written and how firmly ('c)' is firm, 'c' alone is not); whether it is meant as a label
depends on where it stands and on its neighbours, which `label_sequence` weighs.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import TypeAlias

from grader.intake import label_vocabulary as words
from grader.intake.label_tokens import Cursor

Target: TypeAlias = tuple[int | None, str | None]
"""Problem and letter, either of which may be left out."""

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
class Mark:
    """A possible label."""

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


def plain(text: str) -> str:
    """A line without Markdown or comment decoration, and with one spelling of every character."""
    text = _MARKUP.sub("", unicodedata.normalize("NFKC", text[:_LONGEST]).replace("–", "-").replace("—", "-"))
    return _LEAD.sub("", text).rstrip(" \t#=*-_~")


def parse(line: str) -> Mark | None:
    """The label at the beginning of a line of text; None when there is none."""
    text = _BRACKETED.sub(r"\1)", plain(line))
    mark = _Parser(text).label() if text else None
    if mark is not None and not mark.closed and (bold := _BOLD.match(line[:_LONGEST])):
        inner = parse(bold[2])
        if inner is not None and inner.closed and not inner.rest:
            return replace(inner, rest=plain(bold[3]))
    return mark


def parse_name(name: str) -> Mark | None:
    """The label in an identifier, a tag or an nbgrader id: 'problem_1', 'q1a', 'ps10-1-c', 'exercise1cSolution'."""
    text = re.sub(r"(?<=[^\W\d_]{2})(?=\d)", " ", _CAMEL.sub(" ", unicodedata.normalize("NFKC", name[:_LONGEST])))
    mark = _Parser(text.strip()).label()
    return mark if mark and mark.form in (Form.FULL, Form.PROBLEM, Form.PART) else None


def title_of(text: str) -> int | None:
    """The problem whose title the text holds; None when it holds none, or several."""
    found = [number for number, title in words.TITLES.items() if title.search(text.lower())]
    return found[0] if len(found) == 1 else None


class _Parser(Cursor):
    """Recursive descent over the tokens of one line."""

    def label(self) -> Mark | None:
        bonus = self._prefix()
        named = self.at
        first = self._target(worded=bonus)
        if first is None:
            if not bonus:
                return None
            self.at = named
            return Mark(Form.PROBLEM, ((None, None),), self._closed(), self.rest(), bonus=True)
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
        return Mark(form, tuple(targets), first.closed or self._closed(), self.rest(), first.second, bonus)

    def _prefix(self) -> bool:
        """Skip words without meaning; tell whether 'bonus' was among them."""
        bonus = False
        while word := self.word():
            if word in words.BONUS_WORDS:
                bonus = True
                self.at += 1
                if self.mark(":-.") and self.peek(1) is not None:
                    self.at += 1
            elif word in words.SHEET_WORDS or self.word(1) in words.SHEET_WORDS:
                if not self._sheet():
                    break
            elif len(word) > 1 and word in words.FILLERS:
                self.at += 1
            else:
                break
        return bonus

    def _sheet(self) -> bool:
        """'Problem set 10', 'PS10', 'Sheet 10 -'."""
        start = self.at
        self.at += 1 if self.word() in words.SHEET_WORDS else 2
        self.skip("#.")
        if self.number() is None:
            self.at = start
            return False
        self.at += 1
        while self.skip(".:-_/,"):
            pass
        return True

    def _target(self, *, worded: bool) -> Mark | None:
        start = self.at
        loose = self.word() in words.LOOSE_WORDS
        worded = self._task_word() or worded
        numbers = self._numbers(worded=worded)
        mark = self._part(worded=worded) if numbers is None else self._numbered(numbers, worded=worded)
        if mark is None:
            self.at = start
        return replace(mark, form=Form.NUMBER) if mark and loose and mark.form is Form.PROBLEM else mark

    def _task_word(self) -> bool:
        word, following = self.word(), self.peek(1)
        if word not in words.TASK_WORDS or following is None:
            return False
        if len(word) == 1 and not (following.kind == "num" and (not following.spaced or word == "q")):
            return False
        self.at += 1
        if self.mark(".:#-") and self.peek(1) is not None:
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
            if roman is not None and not self.mark(")", 1):
                self.at += 1
                return [roman]
        numbers = []
        while (number := self.number()) is not None:
            numbers.append(number)
            self.at += 1
            following = self.peek(1)
            if self.mark(".-") and self.glued() and following and following.kind == "num" and not following.spaced:
                self.at += 1
                continue
            break
        if not numbers or (opened and not self.skip(")]")):
            self.at = start
            return None
        return numbers

    def _numbered(self, numbers: list[int], *, worded: bool) -> Mark | None:
        """What may follow a number: a letter, or the end of the label."""
        if len(numbers) > 2:
            return None
        start = self.at
        glued = self.glued()
        while self.mark(".-_):/,]") and self.peek(1) is not None:
            self.at += 1
            glued = glued and self.glued()
        letter = self._letter(glued=glued, worded=self._task_word() or worded)
        if letter is not None:
            return Mark(Form.FULL, ((numbers[-1], letter[0]),), letter[1], "")
        self.at = start
        following = self.peek()
        if following and not following.spaced and following.kind in ("word", "letter"):
            return None
        if len(numbers) == 2:
            return Mark(Form.PAIR, ((numbers[0], None),), self._closed(), "", numbers[1])
        return Mark(Form.PROBLEM if worded else Form.NUMBER, ((numbers[0], None),), self._closed(), "")

    def _letter(self, *, glued: bool, worded: bool) -> tuple[str, bool] | None:
        """A letter after a number, and whether it is closed."""
        start = self.at
        opened = self.skip("([{")
        token = self.peek()
        if token is None or token.kind != "letter":
            self.at = start
            return None
        letter = token.text.lower()
        self.at += 1
        if self.skip(")]}"):
            return letter, True
        following = self.peek()
        if not opened:
            if following is None or (self.mark(".:,/&+-;") and not self._abbreviation()):
                return letter, True
            if self.mark("("):
                return letter, following.spaced
            if following.spaced and (following.kind != "mark") and (glued or (worded and letter not in "ai")):
                return letter, False
            if following.spaced and self.word() in words.AND_WORDS | words.TO_WORDS:
                return letter, True
        self.at = start
        return None

    def _part(self, *, worded: bool) -> Mark | None:
        """A letter without a number."""
        start = self.at
        opened = self.skip("([")
        token = self.peek()
        if token is None or token.kind != "letter":
            self.at = start
            return None
        letter = token.text.lower()
        self.at += 1
        target: Target = (None, letter)
        if self.skip(")]"):
            return Mark(Form.PART, (target,), closed=True, rest="")
        following = self.peek()
        if opened:  # '(a, b)', '(a-c)'
            listed = self.mark(",/&+-") and self.peek(1) is not None and len(self.word(1)) == 1
            return Mark(Form.PART, (target,), closed=True, rest="") if listed else None
        if following is None:
            return Mark(Form.PART if worded else Form.BARE, (target,), closed=True, rest="")
        if worded and (self.mark(".:-,/&+") or (following.spaced and letter not in "ai")):
            return Mark(Form.PART, (target,), closed=self.mark(".:-,/&+"), rest="")
        if self.mark(".:") and self.glued() and not self._abbreviation():
            after = self.peek(1)
            if after is None or after.spaced:
                return Mark(Form.SOFT, (target,), closed=True, rest="")
        if self.mark(",/&+-") or self.word() in words.AND_WORDS | words.TO_WORDS:
            return Mark(Form.BARE, (target,), closed=True, rest="")
        self.at = start
        return None

    def _abbreviation(self) -> bool:
        """'i.e.', 'd. h.', 'e.g': a dot that does not end a label."""
        after = self.peek(1)
        if not self.mark(".") or after is None or after.kind not in ("word", "letter"):
            return False
        return not after.spaced or (after.kind == "letter" and self.mark(".", 2))

    def _next_of_list(self, last: Target) -> list[Target] | None:
        """The members after a list or range sign: 'e/f', 'a-c', '1e und 1f', 'Problem 3 + 4'."""
        start = self.at
        ranged = last[1] is not None and (self.mark("-") or self.word() in words.TO_WORDS)
        if not (ranged or self.mark(",/&+;") or self.word() in words.AND_WORDS):
            return None
        self.at += 1
        if self.word() in words.AND_WORDS:
            self.at += 1
        problem, letter = last
        if letter is None:
            number = self.number()
            following = self.peek(1)
            if number is not None and (following is None or following.kind == "mark"):
                self.at += 1
                return [(number, None)]
        elif (found := self._listed_letter(problem)) is not None:
            if not ranged:
                return [found]
            if found[0] == problem and found[1] > letter:
                return [(problem, chr(code)) for code in range(ord(letter) + 1, ord(found[1]) + 1)]
        self.at = start
        return None

    def _listed_letter(self, problem: int | None) -> tuple[int | None, str] | None:
        if problem is not None and (number := self.number()) is not None:
            self.at += 1
            self.skip(".")
            problem = number
        opened = self.skip("([")
        token = self.peek()
        if token is None or token.kind != "letter" or not "a" <= token.text.lower() <= "z":
            return None
        self.at += 1
        closed = self.skip(")]") or self._closed() or self.mark(".&+") or self.word() in words.AND_WORDS
        return (problem, token.text.lower()) if closed or opened else None

    def _closed(self) -> bool:
        return self.peek() is None or self.mark(").:-,;([/|]")

    def _runs_into_number(self) -> bool:
        """'1e-3', '1/3', 'c = 3', '(c) 2019 Ada': what looked like a label is a number, code or a notice."""
        previous, token, after = self.tokens[self.at - 1], self.peek(), self.peek(1)
        if token is None:
            return False
        if token.kind == "num":
            year = token.text[:2] in ("19", "20") and len(token.text) == 4
            notice = year and self.text[:3].lower() == "(c)" and after is not None and after.kind == "word"
            return notice or (not token.spaced and previous.kind != "mark")
        if token.kind != "mark":
            return False
        fraction = token.text in "/-+" and after is not None and after.kind == "num" and not token.spaced
        return (fraction and previous.kind != "mark") or (token.text in "=%^°€" and previous.kind != "mark")
