"""Answers in words: paragraphs of Markdown, comments and texts, without headings, placeholders and quoted questions."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from grader.extraction.passages import passages
from grader.intake.python_text import parse
from grader.records import CellKind, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.extraction.passages import Passage
    from grader.records import Labels, Submission

_HEADING = re.compile(
    r"^\s{0,3}#{1,6}\s|^\s*<h[1-6][^>]*>.*</h[1-6]>\s*$|^\s*(?:=+|-{3,}|\*{3,}|_{3,})\s*$", re.IGNORECASE
)
_PLACEHOLDER = re.compile(
    r"\b(?:your|deine|ihre|type|write|enter|insert|put|hier)\b.{0,25}"
    r"\b(?:answers?|code|text|solution|antwort|lösung|explanation)\b(?:.{0,25}\bhere\b)?"
    r"|\b(?:answer|antwort|lösung|code|solution) (?:here|hier|goes here)|\btodo\b|\bdouble-?click\b|\btbd\b"
    r"|^\W*(?:(?:not|nicht) (?:done|finished|attempted|solved|gemacht|bearbeitet|gelöst))\W*$"
    r"|^\W*(?:skipped|ausgelassen|fehlt|done|ok|fertig|erledigt|n/a)\W*$"
    r"|^\W*(?:\.\.\.|…)\W*$|^\W*\d+(?:[.,]\d)?\s*(?:points?|pts?|punkte?|p)\b\W*$",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"^[\s>*_#\-+•]*(?:(?:ex(?:ercise)?|task|problem|aufgabe|question|answer|antwort|solution|lösung|q|a|why|warum|note)\b\.?[\s:]*)?"
    r"(?:\(?\d{1,2}\s*[.)]?\s*\(?[a-j]?\)?[\s:.)*_]|\(?[a-j]\)[\s:*_]|[a-j]:\s)?[\s*_:]*",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\\(?:begin|end)\{\w+\}|\\[a-zA-Z]+|!\[[^\]\n]*\]\([^)\n]*\)|</?[a-zA-Z][^<>\n]*>|\bhttps?://\S+")
"""Commands of LaTeX, pictures, tags and addresses: nothing that is said."""
_WORD = re.compile(r"[^\W\d_]{2,}")
_SENTENCE = re.compile(r"(?<=[.!?])[\s)*_]+|\n{2,}")
_REASON = re.compile(
    r"\b(?:because|since|due to|so that|therefore|thus|hence|otherwise|reason|leads? to|in order to|that'?s why|as we"
    r"|cause[sd]?"
    r"|weil|da|damit|denn|deshalb|daher|sonst|dadurch|grund|wegen|somit|führt)\b|=>|->|→|⇒",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"(?:why|what|which|how|does|do|is|are|can|could|should|warum|wieso|weshalb|was|welche\w*|wie|ist|sind|hat)\b",
    re.IGNORECASE,
)
_ASKS_WITHIN = re.compile(
    r"(?:^(?:and|but|so|now|in|on|at|for|by|from|with|to|und|aber|nun|an|auf|bei|für|mit|zu)\s+|[,:;]\s*(?:and |und )?)"
    r"(?:why|what|which|how|where|when|warum|wieso|weshalb|was|welche\w*|wie|wo|wann)\b",
    re.IGNORECASE,
)
"""'In which direction …', 'Compared with 1h, how many …'."""
_DEMAND = re.compile(
    r"(?:why|warum|wieso|weshalb)\b[^:,]*$"
    r"|(?:compare|calculate|compute|explain|describe|discuss|inspect|visually|look at|find out|note down"
    r"|give (?:a|the) reason|justify|name the|(?:hints?|hinweise?|tip+s?)\b\W*"
    r"|begründe|erkläre?|vergleiche|berechne|beschreibe)\b(?!\s*:)",
    re.IGNORECASE,
)
"""How the sheet, and whoever repeats it, begins a sentence that asks for something."""
_POLITE = re.compile(r"(?:\w+ )?\w+n Sie\b")
"""'Skalieren Sie …', 'Bitte skalieren Sie …': with a small 'sie' it is a condition, 'Werden sie nicht skaliert, …'."""
_RELATION = re.compile(
    r"\d\s*%?\s*(?:[<>≤≥≈]|!=|==)\s*\d|\b(?:vs|versus|statt|instead of|gegen|as (?:good|many))\b", re.IGNORECASE
)
_FIGURES = re.compile(r"\d\s*[*·×+]\s*\(?\d|=\s*[\d.,]*\d\s*\W*$")
_ITEM = re.compile(r"\s*[>\-*]?\s*\(?(?:\d{1,2}|[a-j])[).:]\s")
"""How an item of a counted list begins."""
_LONGEST = 20_000
"""Characters of a passage that are read."""
_LONG_HEADING = 12
"""Chosen: words from which on a heading is an answer in large letters."""
_QUOTED_SHARE = 0.75
"""Chosen: the share of a sentence's shingles found in the sheet from which on it quotes the sheet."""
_FEW_WORDS = 4
"""Chosen: words from which on a line with a calculation says something about it."""
_SENTENCE_OF = 8
"""Chosen: words from which on a line that is no Python is a sentence, whatever signs it has."""
_SHINGLE = 4
"""Words in a row that are compared with the sheet."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A coherent text that the student wrote, as it stands in the notebook."""

    text: str
    cell: int
    line: int
    source: str
    """As `Passage.source`."""
    code: str = ""
    """The line of code that a comment heads or ends; '' where it stands alone."""

    @property
    def place(self) -> Place:
        """Where it begins."""
        return Place(self.cell, self.line)

    @property
    def words(self) -> int:
        """How many words it has, without its label."""
        return len(_WORD.findall(_bare(self.text)))

    @property
    def sentences(self) -> tuple[str, ...]:
        """Its sentences, without label and emphasis."""
        return tuple(filter(None, map(_bare, _SENTENCE.split(self.text))))

    @property
    def reasons(self) -> bool:
        """Whether it gives a reason, or sets one thing against another: 'because', 'damit', '=>', '3330 < 8070'."""
        return bool(_REASON.search(self.text) or _RELATION.search(self.text))


@lru_cache(maxsize=4)
def paragraphs(submission: Submission, labels: Labels, sheet: str) -> tuple[Paragraph, ...]:
    """What the student wrote in words, in order; a paragraph ends where the task changes.

    Sentences that quote `sheet`, the text of the exercise sheet, are left out.
    """
    quoted = _shingles(sheet)
    written: list[Paragraph] = []
    lines = {cell.index: cell.source.split("\n") for cell in submission.cells if cell.kind is CellKind.CODE}
    for passage in passages(submission):
        if passage.source == "string" and not passage.for_readers:
            continue
        for paragraph in _split(passage, labels):
            text = students_words(paragraph.text, quoted)
            if _WORD.search(_bare(text)) or _RELATION.search(text):
                code = _code_beside(paragraph, lines.get(paragraph.cell, []))
                written.append(replace(paragraph, text=text, code=code))
    return tuple(written)


def _code_beside(paragraph: Paragraph, lines: list[str]) -> str:
    """The line that a comment or a docstring is about: its own, the next one, or the head of the function."""
    if paragraph.source == "docstring":
        above = next((line for line in reversed(lines[: paragraph.line - 1]) if line.strip()), "")
        return above.strip() if above.lstrip().startswith(("def ", "class ", "async def ")) else ""
    if paragraph.source != "comment" or paragraph.line > len(lines):
        return ""
    own = lines[paragraph.line - 1]
    if not own.lstrip().startswith("#"):
        return own.split("#")[0].strip()
    below = paragraph.line + paragraph.text.count("\n")
    while below < len(lines) and lines[below].lstrip().startswith("#"):
        below += 1
    return lines[below].strip() if below < len(lines) else ""


def _split(passage: Passage, labels: Labels) -> Iterator[Paragraph]:
    """At empty lines, headings, lines of code, and where another task begins."""
    block: list[str] = []
    start = 0
    task: str | None = None
    for offset, line in enumerate([*passage.text[:_LONGEST].split("\n"), ""]):
        here = labels.task_at(passage.cell, passage.line + offset)
        ends = not line.strip() or _is_heading(line, passage) or _is_code(line, passage) or _is_no_text(line)
        if block and (ends or here != task or _ITEM.match(line)):
            yield Paragraph("\n".join(block), passage.cell, passage.line + start, passage.source)
            block = []
        if not ends:
            if not block:
                start, task = offset, here
            block.append(line.lstrip("# ") if passage.source == "code" else line)


def _is_heading(line: str, passage: Passage) -> bool:
    if passage.source == "code" or not _HEADING.match(line):
        return False
    short = len(_WORD.findall(line)) < _LONG_HEADING and not re.search(r"\b(?:because|weil)\b", line)
    return short or line.rstrip().endswith("?")


def _is_no_text(line: str) -> bool:
    """A label alone, or a count by hand with hardly a word: 'hidden 1: 784*10 + 10 = 7850'."""
    words = len(_WORD.findall(_bare(line)))
    counts = _FIGURES.search(line) and words < _FEW_WORDS
    return not _RELATION.search(line) and bool(counts or (not words and len(re.findall(r"\w", line)) < _FEW_WORDS))


def _is_code(line: str, passage: Passage) -> bool:
    """A line of code in a comment, or in a cell that is no Python as a whole."""
    if passage.source not in {"comment", "code"}:
        return False
    bare = line.strip().lstrip("#").strip()
    if (
        passage.source == "code"
        and len(_WORD.findall(bare)) < _SENTENCE_OF
        and re.search(
            r"[\w\])]\s*[-+*/|&]?=\s*[\w\[('\"]|\w\(.*\)\s*$|^(?:import|from|for|if|def|class|return|print)\b.*[:)\w]$",
            bare,
        )
    ):
        return True
    tree = parse(bare) or (parse(bare + " pass") if bare.endswith(":") else None)
    return tree is not None and not all(_is_text(s) for s in tree.body)


def _is_text(statement: ast.stmt) -> bool:
    """A word, a number or a sum is a text that happens to be an expression."""
    if not isinstance(statement, ast.Expr):
        return isinstance(statement, ast.AnnAssign) and statement.value is None  # 'why: words'
    return not any(isinstance(n, ast.Call | ast.Attribute | ast.Subscript) for n in ast.walk(statement))


# ------------------------------------------------------------------ the student's own words


def students_words(text: str, quoted: frozenset[tuple[str, ...]]) -> str:
    """The text without questions, placeholders and sentences of the sheet; '' when nothing is left."""
    sentences = _SENTENCE.split(text)
    kept = []
    for sentence in sentences:
        bare = _bare(sentence)
        asks = _asks(bare) or _asks(sentence.strip(" \t\n>*_#`"))  # a label may be taken for the 'why'
        if bare and not (asks or _PLACEHOLDER.search(sentence) or _is_quoted(bare, quoted)):
            kept.append(sentence.strip())
    return text.strip() if len(kept) == len(sentences) else " ".join(kept).strip()


def _asks(sentence: str) -> bool:
    """A question or a demand, as on the sheet; 'ten classes?' is the answer of who is not sure."""
    if sentence.endswith("?"):
        return bool(_QUESTION.match(sentence) or (_ASKS_WITHIN.search(sentence) and not _REASON.search(sentence)))
    if _POLITE.match(sentence):
        return True
    return bool(_DEMAND.match(sentence)) and not re.search(r"\bbecause\b|\bweil\b|[-=]>|→|\d\D+\d", sentence)


def _bare(text: str) -> str:
    """Without label, emphasis, closing marks and what is nothing said."""
    return _LABEL.sub("", _MARKS.sub("", text), count=1).strip(" \t\n*_`()\"'")


def _is_quoted(sentence: str, quoted: frozenset[tuple[str, ...]]) -> bool:
    shingles = _shingles(sentence)
    return bool(shingles) and len(shingles & quoted) >= _QUOTED_SHARE * len(shingles)


@lru_cache(maxsize=256)
def _shingles(text: str) -> frozenset[tuple[str, ...]]:
    """Every four words in a row; none where there are fewer."""
    words = re.findall(r"[^\W_]+", text.lower())
    return frozenset(tuple(words[i : i + _SHINGLE]) for i in range(len(words) - _SHINGLE + 1))
