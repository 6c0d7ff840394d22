"""Answers on paper: which pictures may hold what nobody typed, so that a person looks at them.

A picture answers the task that it is labelled with, by its place or its name. One without a label may be any
calculation: its caption, or the networks before and after it, say which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from string import ascii_lowercase
from typing import TYPE_CHECKING

from grader.intake.label_grammar import parse_name
from grader.intake.pictures import pictures
from grader.marking.checks import convolution_names
from grader.records import CellKind, OnPaper, Outcome

if TYPE_CHECKING:
    from grader.marking.match import Assignment
    from grader.records import Evidence, Labels, Picture, Verdict
    from grader.rubric.schema import Criterion, Rubric

CALCULATED = ("number.count", "matrix.")
"""Kinds of checks whose answer is worked out by hand."""
ANSWERED = ("number.", "matrix.", "text.review")
"""Kinds of checks whose answer is stated: all that may stand on paper."""

_MATRICES = re.compile(
    r"\bby hand\b|\bvon hand\b|hand-?written|handschrift|\bconvolutions?\b|convolve|faltung(?!s)|gefaltet"
    r"|\bmatri(?:x|zen|ces)",
    re.IGNORECASE,
)
_COUNTS = re.compile(r"param|\bweights?\b|gewicht|anzahl|\bcount|\bbias", re.IGNORECASE)
_CAPTION = 15
"""Chosen: words beside a picture that may be no more than its caption; one within a longer text illustrates that."""
_NAMED = re.compile(r"(?<![a-z0-9])(\d)[\s_.-]?([a-l])(?![a-z0-9])", re.IGNORECASE)
_SHEET = re.compile(r"problem|sheet|blatt|aufgabe|exercise|assignment|übung|uebung", re.IGNORECASE)
_LINKS = re.compile(r"!?\[[^\]\[]{0,500}\](?:\([^)\n]{0,3000}\)|:\s*\S{1,3000})|<[^<>\n]{0,3000}>|data:\S+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_LONG = 200
"""Chosen: characters of a text within which a picture from the net illustrates, whatever its label."""
_LONGEST = 20_000


def on_paper(
    verdicts: Sequence[Verdict], evidence: Evidence, labels: Labels, assignment: Assignment, rubric: Rubric
) -> tuple[Verdict, ...]:
    """The same verdicts, but for answers that were not found and that a picture may hold: a person decides those."""
    if not pictures(evidence.submission):
        return tuple(verdicts)
    unanswered = {v.criterion for v in verdicts if _is_unanswered(v, rubric)}
    waiting = {v.criterion for v in verdicts if v.outcome is Outcome.NEEDS_REVIEW}
    assigned = _Desk(evidence, labels, assignment, rubric, unanswered, waiting).assigned()
    return tuple(_with_pictures(v, assigned.get(v.criterion, []), evidence) for v in verdicts)


def _is_unanswered(verdict: Verdict, rubric: Rubric) -> bool:
    """Whether nothing that the student wrote decided it: a count that was only put out is none by hand."""
    check = next(c.check for task in rubric.tasks for c in task.criteria if c.id == verdict.criterion)
    put_out = verdict.place is not None and verdict.place.line is None and verdict.share < 1
    return verdict.outcome is Outcome.MISSING or (
        check == "number.count" and put_out and verdict.outcome in {Outcome.FAILED, Outcome.PARTIAL}
    )


def _with_pictures(verdict: Verdict, numbers: Sequence[int], evidence: Evidence) -> Verdict:
    if not numbers:
        return verdict
    details = (*verdict.details, OnPaper(tuple(numbers)))
    if verdict.outcome is Outcome.NEEDS_REVIEW:
        return replace(verdict, details=details)
    handed_in = [pictures(evidence.submission)[n] for n in numbers]
    shown = " and ".join(_told(picture) for picture in handed_in[:2]) + " and more" * (len(handed_in) > 2)
    verb = "holds" if len(handed_in) == 1 else "hold"
    message = f"No typed answer was found; perhaps {shown} {verb} it: a person will look."
    place = handed_in[0].place if handed_in[0].place.cell is not None else None
    return replace(
        verdict, outcome=Outcome.NEEDS_REVIEW, share=0.0, message=message, place=place, details=details, actual=""
    )


def _told(picture: Picture) -> str:
    name = "" if picture.name.startswith("embedded:") else f" ({PurePosixPath(picture.name).name[:80]})"
    return f"the file{name}" if picture.place.cell is None else f"the picture in cell {picture.place.cell}{name}"


@dataclass(frozen=True, slots=True)
class _Desk:
    """What is needed to say which picture may answer what."""

    evidence: Evidence
    labels: Labels
    assignment: Assignment
    rubric: Rubric
    unanswered: set[str]
    """Criteria for which nothing was typed."""
    waiting: set[str]
    """Criteria that wait for a person, who may want to see a picture beside what was typed."""

    def assigned(self) -> dict[str, list[int]]:
        """Criterion → the pictures that may answer it."""
        taken: dict[str, list[int]] = {}
        for number, picture in enumerate(pictures(self.evidence.submission)):
            for criterion in self._answers(picture):
                if criterion.id in self.unanswered | self.waiting:
                    taken.setdefault(criterion.id, []).append(number)
        return taken

    def _answers(self, picture: Picture) -> list[Criterion]:
        """Criteria that a picture may answer, whether they are answered or not."""
        around = self._around(picture)
        hinted = self._hinted(f"{picture.name} {picture.caption} {around}")
        # One within a longer text, or from the net, illustrates; so does the sheet itself.
        illustrates = picture.remote or self._in_head(picture) or len(_WORD.findall(around)) > _CAPTION
        is_sheet = picture.beside and picture.name.lower().endswith(".pdf") and bool(_SHEET.search(picture.name))
        tasks = self._tasks(picture)
        if not tasks:
            if is_sheet or (illustrates and not hinted):
                return []
            between, anywhere = self._between(picture), range(len(self.rubric.tasks))
            return self._calculated(hinted, between) or self._calculated(hinted, anywhere)
        own = [] if picture.remote and len(around) > _LONG else self._under(tasks, hinted)
        if illustrates or self.unanswered & {c.id for c in own} or not (own and self._ends_with(tasks)):
            return own
        return own + self._calculated(hinted, range(max(map(self._position, own)) + 1))  # an appendix

    def _calculated(self, kinds: Sequence[str], positions: range) -> list[Criterion]:
        """Calculations of these kinds, or of any, that lack an answer, in the tasks at these positions."""
        every = [c for task in self.rubric.tasks for c in self._of(task.id, kinds or CALCULATED)]
        return [c for c in every if self._position(c) in positions and c.id in self.unanswered]

    # -------------------------------------------------------------- by label

    def _tasks(self, picture: Picture) -> set[str]:
        """Tasks, or whole problems, that its name, its caption or its place is labelled with."""
        known = {task.id for task in self.rubric.tasks}
        written = PurePosixPath(picture.name).stem if not picture.name.startswith("embedded:") else ""
        for text in (picture.caption, written):
            named = {f"{number}{letter.lower()}" for number, letter in _NAMED.findall(text)} & known
            label = parse_name(text)
            whole = {f"{n}{letter or ''}" for n, letter in label.targets} if label else set()
            if tasks := named or {t for t in whole if any(k.startswith(t) for k in known)}:
                return tasks
        if picture.place.cell is None or picture.place.line is None:
            return set()
        return set(self.labels.tasks_at(picture.place.cell, picture.place.line))

    def _under(self, tasks: set[str], hinted: Sequence[str]) -> list[Criterion]:
        """All that is stated in tasks; of a whole problem only calculations, told apart by what the text speaks of."""
        whole = [task for task in tasks if not task[-1].isalpha()]
        kinds = hinted if any(True for task in whole for _ in self._of(task, hinted)) else CALCULATED
        return [c for task in tasks for c in self._of(task, kinds if task in whole else ANSWERED)]

    def _of(self, task: str, kinds: Sequence[str]) -> Iterator[Criterion]:
        """Criteria of a task, or of a whole problem, with a check of these kinds."""
        for each in self.rubric.tasks:
            if each.id == task or each.id.rstrip(ascii_lowercase) == task:
                yield from (c for c in each.criteria if c.check.startswith(tuple(kinds)))

    def _ends_with(self, tasks: set[str]) -> bool:
        """Whether one of them is the notebook's last label."""
        last = max(self.labels.spans, key=lambda span: (span.cell, span.first_line), default=None)
        return last is not None and last.task in tasks

    def _position(self, criterion: Criterion) -> int:
        """Of its task in the rubric."""
        return next(i for i, task in enumerate(self.rubric.tasks) if criterion in task.criteria)

    # -------------------------------------------------------------- without a label

    def _in_head(self, picture: Picture) -> bool:
        """Whether it stands above all labels and code, as a logo does."""
        begins = [span.cell for span in self.labels.spans]
        begins += [c.index for c in self.evidence.submission.cells if c.kind is CellKind.CODE]
        return picture.place.cell is not None and picture.place.cell < min(begins, default=0)

    def _around(self, picture: Picture) -> str:
        """What is written beside it in its cell, without links and tags."""
        cells = self.evidence.submission.cells
        source = next((c.source for c in cells if c.index == picture.place.cell), "")
        return _LINKS.sub(" ", source[:_LONGEST]) if picture.place.cell is not None else ""

    def _hinted(self, text: str) -> list[str]:
        """Kinds of calculations that a text speaks of."""
        text = text[:_LONGEST].replace("_", " ")
        matrices = _MATRICES.search(text) or convolution_names.in_text(text)
        return ["number.count"] * bool(_COUNTS.search(text)) + ["matrix."] * bool(matrices)

    def _between(self, picture: Picture) -> range:
        """Positions of the tasks between those whose networks stand before and after it; all where not both do."""
        order = [task.id for task in self.rubric.tasks]
        slots = {slot.id: slot for slot in self.rubric.networks}
        before, after = [], []
        for name, matched in self.assignment.matched.items():
            cell, here = matched.place.cell, picture.place.cell
            if cell is not None and here is not None and not matched.reused_from:
                positions = [order.index(task) for task in (slots[name].task, *slots[name].also)]
                built = matched.network.place.cell
                before += [min(positions)] * (built is not None and built < here) + positions * (cell < here)
                after += [max(positions)] * (cell > here)
        return range(max(before), min(after) + 1) if before and after else range(len(order))
