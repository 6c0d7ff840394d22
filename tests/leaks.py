"""Holds what students are handed against everything that is the answer to a question of the sheet."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from typing import Any

from saying import OF_CHECKS, students_words

from grader.extraction.numbers import extract_numbers
from grader.marking.checks.suggestion import suggest
from grader.marking.match import Assignment
from grader.records import Evidence, Grade

_SENTENCE = re.compile(r"(?<=[.;:])\s+|\n")
_LONG = 25
"""Characters from which a sentence is somebody's own words."""
_COUNTS = 1000
"""Smaller numbers (a rate, a label, a width) are the sheet's own."""
_MACHINE = re.compile(r"site-packages|dist-packages|/room/|grade_recorder|ipykernel_\d|/lib/python3|\.pyenv")


class _Text(HTMLParser):
    """The text of a page, hidden parts too."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self._silent += tag in {"script", "style"}
        self.parts += [value for name, value in attrs if name in {"title", "aria-label"} and value]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"script", "style"}

    def handle_data(self, data: str) -> None:
        self.parts += [] if self._silent else [data]


def page_text(html: str) -> str:
    return " ".join(_Text(html).parts)


def _plain(text: str) -> str:
    """Letters and digits only, so that no mark-up or line break hides a sentence."""
    return re.sub(r"[\W_]+", " ", text).strip().casefold()


def _counts(text: str) -> set[int]:
    return {
        int(re.sub(r"\D", "", n)) for n in re.findall(r"(?<![\d.])\d{1,3}(?:[,.\u202f' ]\d{3})+(?![\d])|\d{4,}", text)
    }


def leaks(handed_out: str, evidence: Evidence | None, assignment: Assignment | None, loaded: Any) -> list[str]:
    """What a text tells a student who has not said it: expected counts, matrices, reference answers, our folders."""
    reference, rubric = loaded.reference, loaded.rubric
    own = students_words(evidence) if evidence else ""
    if evidence:
        own += "\n".join(str(scalar.value) for scalar in evidence.scalars)
    criteria = [c for task in rubric.tasks for c in task.criteria]

    asked = {c.expects for c in criteria if c.check == "number.count"}
    counts = {int(reference.numbers[name]) for name in asked}
    counts |= {int(v) for name in asked for v in reference.number_alternatives.get(name, {}).values()}
    if assignment:
        counts |= {m.architecture.params or 0 for m in assignment.matched.values()}
    stated = {v for number in extract_numbers(evidence) for v in number.values} if evidence else set()
    told = {n for n in counts if n >= _COUNTS} & _counts(handed_out) - _counts(own) - stated
    found = [f"a count that is asked for: {n}" for n in sorted(told)]

    words, mine = _plain(handed_out), _plain(own)
    texts = [a.text for a in reference.answers.values()]
    texts += [p.text for a in reference.answers.values() for p in (*a.points, *a.misleading)]
    texts += [c.guidance for c in criteria]
    sentences = {_plain(s) for text in texts for s in _SENTENCE.split(text) if len(s) >= _LONG}
    sentences -= {_plain(c.title) for c in criteria}
    found += [f"a sentence of the reference: {s}" for s in sorted(sentences) if s and s in words and s not in mine]

    squeezed, written = re.sub(r"[\s.]+", "", handed_out), re.sub(r"[\s.]+", "", own)
    for convolution in reference.convolutions.values():
        rows = [",".join(f"{v:g}" for v in row) for row in convolution.expected]
        matrix = "[[" + "],[".join(rows) + "]]"
        theirs = evidence and any(a.values == convolution.expected for a in evidence.arrays)
        if matrix in squeezed.replace("−", "-") and matrix not in written and not theirs:
            found.append(f"the matrix of {convolution.name}")

    machine = {m[0] for m in _MACHINE.finditer(handed_out)} - {m[0] for m in _MACHINE.finditer(own)}
    machine |= {sys.prefix} if sys.prefix in handed_out else set()
    return found + [f"a folder of the grader: {part}" for part in sorted(machine)]


def answers_on_every_page(loaded: Any) -> list[str]:
    """Titles, and helps of misconceptions of the same problem, that would earn more than half of a question's points."""
    rubric, answers = loaded.rubric, loaded.reference.answers
    criteria = [c for task in rubric.tasks for c in task.criteria]
    found = []
    for criterion in criteria:
        if criterion.check != "text.review":
            continue
        problem = [c for c in criteria if c.id[0] == criterion.id[0]]
        public = {f"title of {c.id}": c.title for c in problem}
        for slug, misconception in rubric.misconceptions.items():
            if any(c.check.startswith(OF_CHECKS[slug.split(".")[0]]) for c in problem):
                public[f"help of {slug}"] = misconception.help
        worth = {name: suggest(criterion, answers[criterion.expects], text) for name, text in public.items()}
        found += [f"the {n} answers {criterion.id}" for n, s in worth.items() if s and s.points > criterion.points / 2]
    return found


def handed_out(grade: Grade, evidence: Evidence | None, assignment: Assignment | None, loaded: Any, run: Any) -> str:
    """The text of the student's page."""
    from grader.report import pages
    from grader.report.submission_view import submission_view

    view = submission_view(grade, evidence, loaded, run, "student", assignment)
    return page_text(pages.render_submission(view, "student"))
