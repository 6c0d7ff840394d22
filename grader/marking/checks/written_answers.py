"""Which of a student's texts answer which question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.extraction.prose import paragraphs
from grader.marking.checks.suggestion import touches

if TYPE_CHECKING:
    from grader.extraction.prose import Paragraph
    from grader.marking.checks.case import Case
    from grader.rubric.expected import WrittenAnswer

LONGEST = 5_000
"""Characters of an answer that are kept."""


def answer(case: Case) -> list[Paragraph]:
    """Paragraphs that answer a criterion: under its task's label, else those that clearly speak of it."""
    task = case.task
    texts = paragraphs(case.evidence.submission, case.labels, case.reference.sheet)
    asked = {
        c.id: case.reference.answers[c.expects or c.id]
        for t in case.rubric.tasks
        for c in t.criteria
        if c.check == "text.review"
    }
    mine = asked[case.criterion.id]
    in_words_only = all(c.check == "text.review" for c in task.criteria)
    labelled = [
        p
        for p in texts
        if task.id in case.labels.tasks_at(p.cell, p.line)
        and (_answers(p, mine) or (in_words_only and p.source == "markdown"))
    ]
    siblings = [c.id for c in task.criteria if c.check == "text.review"]
    if len(siblings) > 1:
        labelled = [p for p in labelled if _best(p, {i: asked[i] for i in siblings}) in {case.criterion.id, ""}]
    if labelled:
        return labelled
    answering = {t.id for t in case.rubric.tasks if any(c.check == "text.review" for c in t.criteria)}
    free = [p for p in texts if case.labels.task_at(p.cell, p.line) not in answering]
    return [p for p in free if _clearly(p, mine) and _near(case, p, task.id) and _best(p, asked) == case.criterion.id]


def _answers(paragraph: Paragraph, reference: WrittenAnswer) -> bool:
    """Whether a text under the right label is an answer and no remark on the code."""
    touched = _touched(reference, paragraph.text)
    if paragraph.source in {"markdown", "code"}:
        return touched > 0 or (paragraph.words >= 2 and paragraph.reasons) or paragraph.words >= 4
    if paragraph.source == "string":
        return paragraph.words >= 15 or (paragraph.words >= 5 and touched > 0 and paragraph.reasons)
    return touched > 0 or (paragraph.words >= 3 and paragraph.reasons) or paragraph.words >= 12


def _clearly(paragraph: Paragraph, reference: WrittenAnswer) -> bool:
    """Without a label the text itself must show what it answers: most of the points, or two of them with a reason."""
    touched = _touched(reference, paragraph.text)
    enough = paragraph.words >= (6 if paragraph.source in {"markdown", "code"} else 10)
    return enough and (2 * touched > len(reference.points) or (touched >= 2 and paragraph.reasons))


def _near(case: Case, paragraph: Paragraph, task: str) -> bool:
    """Not under the label of another problem."""
    label = case.labels.task_at(paragraph.cell, paragraph.line)
    return label is None or label[:1] == task[:1]


def _best(paragraph: Paragraph, asked: dict[str, WrittenAnswer]) -> str:
    """The question whose points it touches most, '' where it touches none."""
    shares = {name: _touched(a, paragraph.text) / max(1, len(a.points)) for name, a in asked.items()}
    name = max(shares, key=lambda n: shares[n], default="")
    return name if name and shares[name] > 0 else ""


def _touched(reference: WrittenAnswer, text: str) -> int:
    return sum(touches(point, text[:LONGEST]) for point in reference.points)
