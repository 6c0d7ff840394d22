"""Where the texts of a notebook stand: under which labels, and between the code of which tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from grader.extraction.passages import tree_of
from grader.rubric.expected import WrittenAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.extraction.prose import Paragraph
    from grader.marking.checks.case import Case
    from grader.records import Labels, Submission

NO_CODE = (0, 0)
"""Where code begins if there is none."""
_NEAR = 4
"""Chosen: questions between whose code a text stands up to which it is near them."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked in words."""

    id: str
    task: str
    order: int
    """Of its task in the rubric."""
    answer: WrittenAnswer


class Anchor(NamedTuple):
    """A place where code of a task stands."""

    cell: int
    line: int
    order: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a text stands."""

    labels: frozenset[str]
    """Tasks under whose label."""
    between: frozenset[str]
    """Questions of the tasks between whose code."""

    def is_near(self, question: Question) -> bool:
        """Whether it stands where an answer would, and under no other task's label."""
        return self.is_free and question.id in self.between and len(self.between) <= _NEAR

    def is_shared(self, question: Question) -> bool:
        """Whether it stands under the labels of several tasks, the question's among them."""
        return question.task in self.labels and len(self.labels) > 1

    @property
    def is_free(self) -> bool:
        """Whether it stands under no task's label, at most under a whole problem's."""
        return all(label.isdigit() for label in self.labels)


def questions_of(case: Case) -> tuple[Question, ...]:
    """What the rubric asks in words, in its order."""
    return tuple(
        Question(c.id, task.id, order, case.reference.answers[c.expects or c.id])
        for order, task in enumerate(case.rubric.tasks)
        for c in task.criteria
        if c.check == "text.review"
    )


def standings(case: Case, texts: Sequence[Paragraph], questions: tuple[Question, ...]) -> tuple[Standing, ...]:
    """Where each text stands."""
    anchors = sorted(_anchors(case))
    tasks = {task.id: order for order, task in enumerate(case.rubric.tasks)}
    start = first_code(case.evidence.submission)
    return tuple(
        _standing(text, case.labels, tasks, questions, anchors if (text.cell, text.line) > start else ())
        for text in texts
    )


def _anchors(case: Case) -> Iterator[Anchor]:
    """Where the networks of the tasks were built and trained."""
    tasks = [task.id for task in case.rubric.tasks]
    for slot in case.rubric.networks:
        matched = case.network(slot.id)
        if matched is None or matched.reused_from:
            continue
        first = min((slot.task, *slot.also), key=tasks.index)
        for place, task in ((matched.network.place, first), (matched.place, slot.task)):
            if place.cell is not None:
                cell, line = place.stack[-1] if place.stack else (place.cell, place.line or 1)
                yield Anchor(cell, line, tasks.index(task))


def first_code(submission: Submission) -> tuple[int, int]:
    """Where code begins: what stands above it is the head of the notebook, beside no task."""
    trees = ((cell.index, tree_of(cell)) for cell in submission.cells)
    return next(((index, tree.body[0].lineno) for index, tree in trees if tree and tree.body), NO_CODE)


def _standing(
    text: Paragraph, labels: Labels, tasks: dict[str, int], questions: tuple[Question, ...], anchors: Sequence[Anchor]
) -> Standing:
    """The tasks whose label holds at a text, and the questions between whose code it stands."""
    here = (text.cell, text.line)
    behind = [a for a in anchors if (a.cell, a.line) <= here]
    ahead = [a for a in anchors if (a.cell, a.line) > here]
    first = min((a.order for a in behind if a[:2] == behind[-1][:2]), default=0)
    last = max((a.order for a in ahead if a[:2] == ahead[0][:2]), default=len(tasks))
    between = range(first, last + 1) if first <= last else (first, last)
    named = frozenset(
        task[:1] if tasks.get(task, first) not in between and _is_stale(task, labels, here, behind) else task
        for task in labels.tasks_at(*here)
    )
    in_problem = {q.id for q in questions if q.task[:1] in named}
    beside = {q.id for q in questions if q.order in between} if anchors else set()
    return Standing(named, frozenset(beside & in_problem or in_problem or beside))


def _is_stale(task: str, labels: Labels, here: tuple[int, int], behind: Sequence[Anchor]) -> bool:
    """Whether a label only holds because no later one was set: a network of another task stands between."""
    written = [(s.cell, s.first_line) for s in labels.of(task) if s.source != "inherited"]
    origin = max((place for place in written if place <= here), default=here)
    return any((a.cell, a.line) >= origin for a in behind)
