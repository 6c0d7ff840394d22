"""Checks of the images that were displayed: some of the data, and the test items that are taken for boots."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.checks import check
from grader.checks.verdicts import failed, needs_review, partial, passed
from grader.records import FaultKind, Outcome, Place
from grader.stated.passages import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.checks.case import Case
    from grader.records import ShownImage, Verdict
    from grader.rubric.schema import Criterion

_MOSTLY = 0.9
"""Share of the shown items that must be predicted as the class; a picture shown beside them does no harm."""


# ------------------------------------------------------------------ 1a


@check("image.shown")
def shown(case: Case, criterion: Criterion) -> Verdict:
    """Some of the official images are displayed."""
    elsewhere = _retrieval_tasks(case)
    here = [i for i in case.evidence.shown if not _tasks(case, i.place) & elsewhere]
    official = [i for i in here if i.source != "unknown"]
    if official:
        many = "an image" if len(official) == 1 else f"{len(official)} images"
        return passed(criterion, f"You show {many} of the data set.", place=official[0].place)
    task = case.task(criterion).id
    own = [i for i in here if task in _tasks(case, i.place)]
    if own:
        sentence = "Pictures are shown that are not recognised as images of the data set: a person will look at them."
        return needs_review(criterion, sentence, place=own[0].place)
    return case.absent(criterion, "No image of the data set was shown when the notebook ran.")


def _retrieval_tasks(case: Case) -> set[str]:
    """Tasks whose images are the answer to another question."""
    return {t.id for t in case.rubric.tasks if any(c.check == "image.retrieved" for c in t.criteria)}


def _tasks(case: Case, place: Place) -> set[str]:
    spots = place.stack or ((place.cell, place.line),)
    return {task for cell, line in spots if (task := case.labels.task_at(cell, line))}


# ------------------------------------------------------------------ 1j


@dataclass(frozen=True, slots=True)
class _Retrieval:
    """Which test items are predicted as the class, and which images of the task were shown."""

    predicted: dict[str, dict[int, int]]
    """Network → test row → predicted class."""
    shown: tuple[ShownImage, ...]
    wanted: int

    @property
    def test_rows(self) -> list[ShownImage]:
        return [i for i in self.shown if i.source == "test" and i.row is not None]

    def share(self) -> float:
        """Largest share of the shown test items that one network predicts as the class."""
        rows = [i.row for i in self.test_rows]
        hits = (
            sum(labels.get(row) == self.wanted for row in rows if row is not None) for labels in self.predicted.values()
        )
        return max(hits, default=0) / len(rows) if rows else 0.0


def _retrieval(case: Case, criterion: Criterion) -> _Retrieval:
    predicted: dict[str, dict[int, int]] = defaultdict(dict)
    for prediction in case.evidence.predictions:
        if prediction.x is not None and prediction.x.test_rows:
            predicted[prediction.network] |= {
                r: c for r, c in zip(prediction.rows, prediction.labels, strict=False) if r >= 0
            }
    task = case.task(criterion).id
    labelled = [i for i in case.evidence.shown if task in _tasks(case, i.place)]
    if not labelled:  # no label: what is shown once something has been predicted
        first = min((p.place.cell for p in case.evidence.predictions if p.place.cell is not None), default=None)
        others = {t.id for t in case.rubric.tasks} - {task}
        labelled = [
            i
            for i in case.evidence.shown
            if first is not None and (i.place.cell or 0) >= first and not _tasks(case, i.place) & others
        ]
    return _Retrieval(dict(predicted), tuple(labelled), int(case.reference.numbers[criterion.expects]))


@check("image.retrieved")
def retrieved(case: Case, criterion: Criterion) -> Verdict:
    """The test items that the network predicts as the class are found and shown."""
    found = _retrieval(case, criterion)
    expected = f"test items with predicted class {found.wanted}"
    rows = found.test_rows
    if rows and found.predicted:
        facts = {"expected": expected, "actual": f"{len(rows)} test items shown", "place": rows[0].place}
        if found.share() >= _MOSTLY:
            return passed(
                criterion, f"You show {len(rows)} test items that the network predicts as {found.wanted}.", **facts
            )
        if all(i.true_label == found.wanted for i in rows):
            sentence = (
                f"You show items whose true class is {found.wanted}; those predicted as {found.wanted} are asked for."
            )
            return failed(criterion, sentence, **facts)
        if not any(found.predicted.values()) or _unseen(found):
            sentence = "The predictions behind the shown items are not known: a person will look at them."
            return needs_review(criterion, sentence, **facts)
        sentence = f"Only {found.share():.0%} of the shown items are predicted as {found.wanted}."
        return failed(criterion, sentence, **facts)
    if rows:
        sentence = "Test items are shown, but how they were predicted was not seen: a person will look at them."
        return needs_review(criterion, sentence, expected=expected, place=rows[0].place)
    selects = next(_selections(case, criterion, found.wanted), None)
    if found.shown and selects is not None:
        sentence = "The pictures that are shown here are not recognised as test images: a person will look at them."
        return needs_review(criterion, sentence, expected=expected, place=found.shown[0].place)
    if found.predicted and selects is not None:
        sentence = f"You find the items that are predicted as {found.wanted}, but show none of them."
        return partial(criterion, 0.5, sentence, expected=expected, place=_place(selects))
    sentence = f"No test items predicted as {found.wanted} were shown when the notebook ran."
    return case.absent(criterion, sentence, expected=expected)


def _unseen(found: _Retrieval) -> bool:
    """Whether most of the shown items have no recorded prediction at all."""
    known = {row for labels in found.predicted.values() for row in labels}
    return sum(i.row in known for i in found.test_rows) < 0.5 * len(found.test_rows)


@check("image.stops")
def stops(case: Case, criterion: Criterion) -> Verdict:
    """The misclassified ones among them are singled out."""
    found = _retrieval(case, criterion)
    before = case.verdict(criterion.id.replace(".stops", ".retrieved"))
    rows = found.test_rows
    wrong = [i for i in rows if i.true_label != found.wanted]
    expected = "a stop, or a mark, at each item that is predicted wrongly"
    if rows and before is not None and before.outcome in {Outcome.PASSED, Outcome.NEEDS_REVIEW, Outcome.PARTIAL}:
        facts = {"expected": expected, "actual": f"{len(wrong)} of {len(rows)} shown items are wrong"}
        if wrong and len(wrong) == len(rows):
            return passed(criterion, "You show just the ones that are predicted wrongly.", place=rows[0].place, **facts)
        if wrong and wrong[0] is rows[-1]:
            sentence = "Your loop stops at the first item that is predicted wrongly."
            return passed(criterion, sentence, place=wrong[0].place, **facts)
        if wrong and _titles_tell(rows, wrong):
            return passed(
                criterion, "The titles tell which items are predicted wrongly.", place=wrong[0].place, **facts
            )
        if (compares := next(_comparisons(case, criterion), None)) is not None:
            return passed(criterion, "Your loop treats the wrong ones differently.", place=_place(compares), **facts)
        if wrong and _asked(case, wrong):
            sentence = "Your loop stops at a wrong item and waits for a key, which nobody can press here."
            return passed(criterion, sentence, place=wrong[-1].place, **facts)
        sentence = "All items are shown in the same way: nothing tells which of them are predicted wrongly."
        return failed(criterion, sentence, place=rows[0].place, **facts)
    compares = next(_comparisons(case, criterion), None)
    if compares is not None and (found.predicted or found.shown):
        if case.blocked(case.task(criterion).id):
            return case.absent(criterion, "", expected=expected)
        if _ran(case, compares[0]):
            sentence = "You single out items that are predicted wrongly, without showing those that are found."
            return partial(criterion, 0.5, sentence, expected=expected, place=_place(compares))
    return case.absent(
        criterion, "No wrongly predicted items were singled out when the notebook ran.", expected=expected
    )


_MARKS = re.compile(
    r"wrong|false|incorrect|misclass|mis-class|falsch|fehl|error|true|actual|wahr|echt|label", re.IGNORECASE
)


def _titles_tell(rows: list[ShownImage], wrong: list[ShownImage]) -> bool:
    """Whether the titles of wrong items differ from those of right ones in a way that speaks of it."""
    right = {i.title for i in rows if i not in wrong}
    return all(i.title and i.title not in right for i in wrong) and bool(_MARKS.search(wrong[0].title))


def _asked(case: Case, wrong: list[ShownImage]) -> bool:
    """Whether the cell that showed a wrong item then asked for input."""
    cells = {f.cell for f in case.evidence.faults if f.kind is FaultKind.INPUT_REQUESTED}
    return any(i.place.cell in cells for i in wrong)


# ------------------------------------------------------------------ what the code says


def _place(spot: tuple[int, int]) -> Place:
    return Place(*spot)


def _ran(case: Case, cell: int) -> bool:
    run = case.run_of(cell)
    return run is not None and run.status == "ok"


def _code(case: Case, criterion: Criterion) -> Iterator[tuple[int, ast.AST]]:
    """(cell, node) of the code that may answer the task: its own, else what no other task's label claims."""
    task = case.task(criterion).id
    spans = case.spans(task)
    for cell in case.evidence.submission.cells:
        tree = tree_of(cell)
        if tree is None:
            continue
        for node in ast.walk(tree):
            line = getattr(node, "lineno", None)
            if line is None:
                continue
            label = case.labels.task_at(cell.index, line)
            if label == task or (not spans and label in {None, task[:-1]}):
                yield cell.index, node


def _selections(case: Case, criterion: Criterion, wanted: int) -> Iterator[tuple[int, int]]:
    """Comparisons of something with the class: predictions == 9."""
    for cell, node in _code(case, criterion):
        if isinstance(node, ast.Compare) and any(isinstance(o, ast.Eq) for o in node.ops):
            sides = [node.left, *node.comparators]
            constants = [s.value for s in sides if isinstance(s, ast.Constant)]
            if wanted in constants or any("boot" in str(c).lower() for c in constants):
                yield cell, node.lineno


_TRUTH = re.compile(r"y_?te|te\w*_?y|label|target|true|truth|y_?val|actual|correct|wrong|gt", re.IGNORECASE)


def _comparisons(case: Case, criterion: Criterion) -> Iterator[tuple[int, int]]:
    """Comparisons with the true labels of the test items that decide about something."""
    for cell, node in _code(case, criterion):
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
            continue
        names = [
            n.id if isinstance(n, ast.Name) else n.attr
            for n in ast.walk(node)
            if isinstance(n, ast.Name | ast.Attribute)
        ]
        if any(_TRUTH.search(name) and "pred" not in name.lower() for name in names):
            yield cell, node.lineno
