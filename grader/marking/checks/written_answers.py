"""Which of a student's texts answer which question: all texts are assigned to all questions together.

What a text gains by being taken for the answer to a question is a sum of what speaks for it: the task's label, the
code that it stands beside, the order of texts and questions, the points that it touches, and the words that it shares
with the question's reference. Each question gets the text that makes the sum over all the greatest; further texts join
the question that they fit best. What is left near a question that has got none is shown to a person.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from grader.extraction.prose import paragraphs
from grader.marking.checks.data import DATASET
from grader.marking.checks.standing import NO_CODE, Question, Standing, first_code, questions_of, standings
from grader.marking.checks.suggestion import touches

if TYPE_CHECKING:
    from grader.extraction.prose import Paragraph
    from grader.marking.checks.case import Case
    from grader.records import Evidence, Span, Submission

Gains: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"
"""float64, shape (questions, texts)."""
LONGEST = 5_000
"""Characters of an answer that are kept."""
_STEM = 6
"""Chosen: letters of a word that are compared, so that 'parameter', 'parameters' and 'parámetros' are one."""
_LABEL, _PROBLEM, _ELSEWHERE = 3.0, 0.3, -1.0
"""Chosen: the task's own label outweighs all that a text says; a whole problem's says little."""
_PLACE = 1.2
"""Chosen: to stand beside the code of one task alone weighs as much as to touch most points."""
_POINTS, _WORDS, _MOST_WORDS = 1.5, 0.3, 1.5
"""Chosen: for touching all points; for a word that only this question's reference has; for all such words together."""
_ORDER = 0.8
"""Chosen: for the whole length of the notebook; decides only where nothing else does."""
_ANSWERS, _COULD = 1.6, 0.9
"""Chosen: without its label, what a text must gain to be an answer, and to be shown as one that could be."""
_LEAST = 0.01
"""What any text gains that can be an answer at all."""
_AS_GOOD = 0.3
"""Chosen: what is left is shown for the question that it fits best and for others, if it fits them almost as well."""
_USUAL = 10
"""Chosen: different words of a text up to which each counts in full; a long text shares words with every question."""
_SOME, _MOST, _TALKATIVE = 0.1, 0.5, 20
"""Chosen: the part of the sheet's networks that makes a notebook with its data an attempt at it, and the same where it
has more texts than students write or other data."""
_MANY = 5
"""Chosen: tasks from which on bare letters are those of the sheet, whatever the data."""
_OWN = 0.4
"""Chosen: the part of a demand's words up to which it may say in other words what the sheet does."""
_OUTPUT = re.compile(r"[:=]\s*$|…|%[\d.]*[dfs]|\{")
"""A printed text that names what is printed after it."""
_MOST_SHOWN = 3
"""Texts that could be the answer."""
_DOES = re.compile(
    r"(?:(?:we|now|then|let'?s|let us|next|first|here|nun|jetzt|wir|hier|zuerst)\b[\s,:]*){0,3}"
    r"(?:load|build|define|create|make|compile|train|fit|plot|show|display|import|get|set|add|reshape|flatten|normali[sz]e"
    r"|scale|convert|print|calculate|compute|evaluate|predict|use|take|find|loop|stop|reduce|change|initiali[sz]e|run|test"
    r"|check|prepare|vectori[sz]e|visuali[sz]e|download|split|select|restore|increase|count|laden?|trainiere\w*|erstelle\w*"
    r"|definiere\w*|zeige\w*|skaliere\w*|normalisiere\w*|kompiliere\w*|baue\w*|berechne\w*)\b"
    r"|.{1,60}\b(?:laden|trainieren|erstellen|definieren|anzeigen|skalieren|normalisieren|berechnen|kompilieren)\W*$",
    re.IGNORECASE,
)
"""How comments begin that say what the code does."""
_LEAD = re.compile(
    r"(?:with|for|using|from|in|on|instead|mit|für|statt)\b[^.:]{1,80}?,\s*"
    r"|(?:(?:please|bitte|again|also|finally|only|and|und|dann)\b[\s,]*){1,2}",
    re.IGNORECASE,
)
"""What may stand before a demand: 'With the trained network, find …'."""
_DEMANDS = re.compile(
    r"(?:think|remember|recall|consider|bring|map|leave|remove|replace|keep|write"
    r"|state|note|draw|look|inspect|visuali[sz]e|modify|go back|return|measure|observe|try|switch|exchange|swap|repeat"
    r"|denk\w*|überleg\w*"
    r"|beacht\w*|erinner\w*|nimm|nutz\w*|verwend\w*|entfern\w*|ersetz\w*|ersetze|zähl\w*|such\w*|lass\w*|schau\w*"
    r"|bestimm\w*|notier\w*|lies|gib|nenn\w*|bilde)\b",
    re.IGNORECASE,
)
"""How else whoever sets a task asks for something to be done, or gives a hint."""
_REGEX = re.compile(r"\\[a-zA-Z]|\{\d*,?\d*\}|[^\w\s]")
_THOUSANDS = re.compile(r"(?<=\d)[.,'\u2009\u00a0 ](?=\d{3}\b)")
_EMPTY = frozenset(
    re.findall(
        r"\w+",
        """the and are not for with that its they this than then have has was were which from into more one all but
        there only instead before after der die das statt vor nach und ist sind ein eine einen mit auf von den dem des
        nicht als auch wie nur network networ netz set test train""",
    )
)
"""Words that say nothing about what a text is about."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What there is for a question."""

    texts: tuple[Paragraph, ...] = ()
    sure: bool = True
    """Whether they stand under its label or clearly speak of it; else they are what is left that could be it."""
    looked_at: tuple[int, ...] = ()
    """Cells in which an answer was looked for."""


def answered(case: Case) -> Answered:
    """What there is for a criterion."""
    texts = paragraphs(case.evidence.submission, case.labels, case.reference.sheet)
    questions = questions_of(case)
    places = standings(case, texts, questions)
    found = _assigned(texts, places, questions, case.reference.sheet, follows=_follows_the_sheet(case, len(texts)))
    return replace(found[case.criterion.id], looked_at=_looked_at(case, texts, places, found[case.criterion.id]))


# ------------------------------------------------------------------ what the notebook is about, and where was looked


def _follows_the_sheet(case: Case, texts: int) -> bool:
    """Whether the notebook is about the sheet: a letter before a heading, or one network, says so of its data alone."""
    evidence = case.evidence
    share = len(case.assignment.matched) / max(1, len(case.rubric.networks))
    tasks = {task.id for task in case.rubric.tasks}
    named = [span for span in case.labels.spans if span.task in tasks]
    if not (_has_its_data(evidence) or first_code(evidence.submission) == NO_CODE):
        by_number = any(_has_number(span, evidence.submission) for span in case.labels.spans)
        return by_number or len({span.task for span in named}) >= _MANY or share >= _MOST
    return bool(named) or share >= (_MOST if texts > _TALKATIVE else _SOME)


def _has_its_data(evidence: Evidence) -> bool:
    """Whether it names the sheet's data, whether or not they were loaded, or its images were recognised."""
    used = [*(state.data for state in evidence.states), *(t.x for t in evidence.trainings if t.x)]
    texts = (re.sub(r"[^a-z]", "", cell.source.lower()) for cell in evidence.submission.cells)
    named = any(DATASET.replace("_", "") in text for text in texts)  # 'Fashion-MNIST', 'fashion_mnist.csv'
    return named or any(data.kind == "images" for data in used)


def _has_number(span: Span, submission: Submission) -> bool:
    """Whether a label was written with its problem's number: '## 1 b)', 'Problem 1'; others have letters, too."""
    line = submission.cells[span.cell].source.split("\n")[span.first_line - 1]
    return span.source != "inherited" and bool(re.match(rf"\W*(?:[^\W\d_]{{2,}}\W+)?{span.task[:1]}(?!\d)", line))


def _looked_at(
    case: Case, texts: tuple[Paragraph, ...], places: tuple[Standing, ...], found: Answered
) -> tuple[int, ...]:
    """The cells under the task's label; without one, those of all texts that stand where an answer would, or of all."""
    cells = {span.cell for span in case.labels.of(case.task.id)}
    beside = {t.cell for t, place in zip(texts, places, strict=True) if case.criterion.id in place.between}
    return tuple(sorted({text.cell for text in found.texts} | (cells or beside or {text.cell for text in texts})))


# ------------------------------------------------------------------ the assignment


@lru_cache(maxsize=4)
def _assigned(
    texts: tuple[Paragraph, ...],
    places: tuple[Standing, ...],
    questions: tuple[Question, ...],
    sheet: str,
    *,
    follows: bool,
) -> dict[str, Answered]:
    """All texts to all questions; see the module."""
    if not texts:
        return {question.id: Answered() for question in questions}
    from scipy.optimize import linear_sum_assignment  # late, as in `match`

    gains = _gains(texts, places, questions, _stems(sheet), follows=follows)
    main = {int(t): int(q) for q, t in zip(*linear_sum_assignment(-gains), strict=True) if gains[q, t] >= _ANSWERS}
    taken = {t: main.get(t, int(gains[:, t].argmax())) for t in range(len(texts)) if gains[:, t].max() >= _ANSWERS}
    answers = {
        q: [
            t
            for t in range(len(texts))
            if taken.get(t) == q or (gains[q, t] >= _ANSWERS and places[t].is_shared(question))
        ]
        for q, question in enumerate(questions)
    }
    could = _could_be(texts, places, questions, gains, taken)
    could[:, [t for t in taken if t in main or not places[t].is_free]] = 0.0  # a further text may be another's only one
    could[[q for q, mine in answers.items() if mine]] = 0.0
    could[could < could.max(axis=0) - _AS_GOOD] = 0.0
    found = {}
    for q, question in enumerate(questions):
        best = answers[q] or [int(t) for t in np.argsort(-could[q])[:_MOST_SHOWN] if could[q, t] > 0]
        found[question.id] = Answered(tuple(texts[t] for t in sorted(best)), sure=bool(answers[q]))
    return found


def _could_be(
    texts: tuple[Paragraph, ...],
    places: tuple[Standing, ...],
    questions: tuple[Question, ...],
    gains: Gains,
    taken: dict[int, int],
) -> Gains:
    """The gains of texts where they stand near a question or seem to speak of it; elsewhere 0."""
    could = np.zeros_like(gains)
    for q, question in enumerate(questions):
        before = max((t for t, other in taken.items() if other < q), default=-1)
        after = min((t for t, other in taken.items() if other > q), default=len(texts))
        cells = {texts[t].cell for t in (before, after) if t in taken}
        for t, (text, place) in enumerate(zip(texts, places, strict=True)):
            among = before < t < after and text.cell in cells and place.is_free
            if gains[q, t] >= _COULD or place.is_near(question) or among:
                could[q, t] = gains[q, t]
    return could


def _gains(
    texts: tuple[Paragraph, ...],
    places: tuple[Standing, ...],
    questions: tuple[Question, ...],
    sheet: frozenset[str],
    *,
    follows: bool,
) -> Gains:
    """What each text gains as the answer to each question, 0 where it is none."""
    common = Counter(stem for question in questions for stem in _words_of(question))
    gains = np.zeros((len(questions), len(texts)))
    ordered = _ORDER * min(1.0, len(texts) / len(questions))  # the order of a few texts says little
    for t, (text, place) in enumerate(zip(texts, places, strict=True)):
        said = _stems(text.text)
        new = said - sheet - _stems(text.code)
        if _only_demands(text, said, new):
            continue
        for q, question in enumerate(questions):
            shared = (said & _words_of(question)) - _stems(text.code)
            touched = sum(touches(p, text.text[:LONGEST]) for p in question.answer.points)
            labelled = question.task in place.labels
            if not _is_answer(text, touched, len(shared & new if text.code else shared), len(new), labelled=labelled):
                continue
            if not (follows or (labelled and touched) or _clearly(text, touched, question)):
                continue
            words = sum(math.log(len(questions) / common[s]) for s in shared) * min(1.0, (_USUAL / len(said)) ** 0.5)
            says = _POINTS * touched / max(1, len(question.answer.points)) + min(_MOST_WORDS, _WORDS * words)
            apart = t / max(1, len(texts) - 1) - q / max(1, len(questions) - 1)
            gains[q, t] = max(_LEAST, says + _stands(place, question) - ordered * abs(apart))
    return gains


def _stands(place: Standing, question: Question) -> float:
    """What its place says for a text."""
    if question.task in place.labels:
        return _LABEL
    beside = _PLACE / len(place.between) if question.id in place.between else 0.0
    if not place.labels:
        return beside
    problem = question.task[:1]
    if problem in place.labels:
        return beside + _PROBLEM
    return beside + _ELSEWHERE * (1 if any(label[:1] == problem for label in place.labels) else 2)


def _is_answer(text: Paragraph, touched: int, shared: int, new: int, *, labelled: bool) -> bool:
    """Whether a text can be an answer at all, and does not merely say what the code does."""
    if text.reasons and (text.words >= 2 or shared):
        return True
    describes = bool(_DOES.match(text.text.lstrip("#>*_- \t")))
    if text.source == "string":
        return not _OUTPUT.search(text.text) and (touched > 0 or (new >= 3 and not describes))
    if text.code:
        return text.words >= 12 or (
            not describes and (new >= 4 or shared >= 2 or (touched > 0 and (shared > 0 or (labelled and new > 0))))
        )
    if touched or (labelled and shared and new):
        return True
    return not describes and (new >= (1 if labelled else 2) or (labelled and text.words >= 4))


def _only_demands(text: Paragraph, said: frozenset[str], new: frozenset[str]) -> bool:
    """Whether it only asks for what the sheet asks for, in hardly other words: 'Scale the values. Think of …'."""
    demands = (_LEAD.sub("", sentence, count=1) if _LEAD.match(sentence) else sentence for sentence in text.sentences)
    asks = all(_DOES.match(demand) or _DEMANDS.match(demand) for demand in demands)
    return asks and not text.reasons and sum(word.isalpha() for word in new) <= _OWN * len(said)


def _clearly(text: Paragraph, touched: int, question: Question) -> bool:
    """Where nothing else says that a notebook is about the sheet, a text under no label must touch most points."""
    return text.words >= 6 and touched >= 2 and 2 * touched > len(question.answer.points)


@lru_cache(maxsize=64)
def _words_of(question: Question) -> frozenset[str]:
    """Words of its reference, points and patterns, without those of its task's title, which may describe the code."""
    answer = question.answer
    patterns = " ".join(pattern for p in answer.points for pattern in p.patterns)
    text = f"{answer.text} {' '.join(p.text for p in answer.points)} {_REGEX.sub(' ', patterns)}"
    return _stems(text)


@lru_cache(maxsize=4096)
def _stems(text: str) -> frozenset[str]:
    """Beginnings of its words, without accents, and its numbers without separators."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    plain = _THOUSANDS.sub("", plain.replace("ß", "ss"))
    return frozenset(word[:_STEM] for word in re.findall(r"[^\W\d_]{3,}|\d+(?:\.\d+)?", plain)) - _EMPTY
