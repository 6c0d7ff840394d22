"""Images that a notebook shows: a few of the data set, and the test items that a network takes for ankle boots."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from grader.extraction.passages import tree_of
from grader.marking.candidates import tasks_of
from grader.marking.checks.registry import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.marking.checks.case import Case
    from grader.records import Place, ShownImage, Verdict

_MARKS = re.compile(
    r"wrong|false|incorrect|mis-?class|not (?:a |an )?(?:ankle )?boot|error|falsch|fehl|correct|right|richtig|korrekt"
    r"|[✗✓❌✅]",
    re.IGNORECASE,
)
"""Words by which a title or a printed line tells right from wrong."""
_NO_CHANCE = 3
"""Chosen: so many different items of one predicted label (of ten), and no others, are no chance."""
_MOST_HITS = 0.8
"""Chosen: share of the items shown, predicted as the class, from which the search is believed."""
_PREDICTS = {"predict", "predict_classes", "predict_on_batch", "argmax", "call"}


@check("image.shown")
def shown(case: Case) -> Verdict:
    """Some of the official images were shown."""
    task = case.task.id
    official = [s for s in case.evidence.shown if s.source in {"train", "test"}]
    started = min((t.place.cell for t in case.evidence.trainings if t.place.cell is not None), default=None)

    def looks_at_the_data(image: ShownImage) -> bool:
        tasks = tasks_of(image.place, case.labels)
        before = started is None or (image.place.cell is not None and image.place.cell < started)
        elsewhere = bool(tasks) and not tasks & {task, task[:-1]}
        return image.source == "train" or task in tasks or (before and not elsewhere)

    fitting = [image for image in official if looks_at_the_data(image)]
    if fitting:
        count = "one image" if len(fitting) == 1 else f"{len(fitting):,} images"
        message = f"Your notebook shows {count} of the data set."
        return case.passed(message, actual=count, place=fitting[0].place)
    for image in case.evidence.shown:
        if image.source == "unknown" and task in tasks_of(image.place, case.labels):
            message = (
                "Pictures are shown that are not recognised as images of the data set: a person will look at them."
            )
            return case.needs_review(message, place=image.place)
    return case.absent("No images of the data set were shown before the networks.")


# ------------------------------------------------------------------ ankle boots


@dataclass(frozen=True)
class Search:
    """How the test items of one predicted label were looked for."""

    case: Case

    @cached_property
    def label(self) -> int:
        """The class that is looked for."""
        return int(self.case.reference.numbers[self.case.criterion.expects])

    @cached_property
    def predicted(self) -> dict[str, dict[int, int]]:
        """Network → test row → predicted label, from all its predictions together (a loop predicts one by one)."""
        labels_by_network: dict[str, dict[int, int]] = {}
        for prediction in self.case.evidence.predictions:
            if prediction.x is None or prediction.x.test_rows:
                rows = zip(prediction.rows, prediction.labels, strict=False)
                labels_by_network.setdefault(prediction.network, {}).update(
                    {row: label for row, label in rows if row >= 0}
                )
        return {network: rows for network, rows in labels_by_network.items() if rows}

    @cached_property
    def trained(self) -> frozenset[str]:
        """Networks that were trained before they predicted."""
        return frozenset(p.network for p in self.case.evidence.predictions if p.training)

    @cached_property
    def cells(self) -> dict[int, list[tuple[int, int]]]:
        """Cell → line ranges that belong to the search: labelled, else where test images are shown after training."""
        line_ranges: dict[int, list[tuple[int, int]]] = {}
        for span in self.case.labels.of(self.case.task.id):
            line_ranges.setdefault(span.cell, []).append((span.first_line, span.last_line))
        if line_ranges:
            return line_ranges
        for image in self.shown:
            for cell in {image.place.cell, *(c for c, _ in image.place.stack)} - {None}:
                line_ranges[cell] = [(1, 10**9)]  # type: ignore[index]
        for prediction in self.case.evidence.predictions:
            if prediction.place.cell is not None and not tasks_of(prediction.place, self.case.labels):
                line_ranges[prediction.place.cell] = [(1, 10**9)]
        return line_ranges

    @cached_property
    def shown(self) -> tuple[ShownImage, ...]:
        """Pictures of the search: under its label, else test images shown after the first prediction or training."""
        everything = self.case.evidence.shown
        labelled = [s for s in everything if self.case.task.id in tasks_of(s.place, self.case.labels)]
        if labelled:
            return tuple(labelled)
        places = [p.place for p in self.case.evidence.predictions] + [t.place for t in self.case.evidence.trainings]
        start = min((place.cell for place in places if place.cell is not None), default=None)
        if start is None:
            return ()
        late = [s for s in everything if s.source == "test" and s.place.cell is not None and s.place.cell >= start]
        return tuple(s for s in late if tasks_of(s.place, self.case.labels) <= {self.case.task.id[:-1]})

    @cached_property
    def _every_test(self) -> tuple[ShownImage, ...]:
        """Those of the pictures that are test images."""
        return tuple(s for s in self.shown if s.source == "test" and s.row is not None)

    @cached_property
    def groups(self) -> tuple[tuple[ShownImage, ...], ...]:
        """The test images together, and those of each line that shows several: others may be shown beside a search."""
        by_place: dict[Place, list[ShownImage]] = {}
        for image in self._every_test:
            by_place.setdefault(image.place, []).append(image)
        several = (group for group in by_place.values() if len({s.row for s in group}) >= _NO_CHANCE)
        return (self._every_test, *map(tuple, several))

    @cached_property
    def test(self) -> tuple[ShownImage, ...]:
        """Those that answer best."""
        return max(self.groups, key=self.hits_of)

    def hits_of(self, shown: tuple[ShownImage, ...]) -> float:
        """Share of the items that the best fitting network takes for the label; 0 when none is known."""
        right = [sum(rows.get(s.row or 0) == self.label for s in shown) for rows in self.predicted.values()]
        return max(right, default=0) / len(shown) if shown else 0.0

    @cached_property
    def hits(self) -> float:
        """That share of the test images which answer best."""
        return self.hits_of(self.test)

    # ------------------------------------------------------------------ the code

    def _nodes(self) -> Iterator[ast.AST]:
        names: set[str] = set()
        trees = {c.index: tree for c in self.case.evidence.submission.cells if (tree := tree_of(c))}
        for cell, ranges in self.cells.items():
            if cell in trees:
                for node in ast.walk(trees[cell]):
                    line = getattr(node, "lineno", None)
                    if line is not None and any(first <= line <= last for first, last in ranges):
                        names |= {node.id} if isinstance(node, ast.Name) else set()
                        yield node
        for cell, tree in trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef) and node.name in names and cell not in self.cells:
                    yield from ast.walk(node)

    @cached_property
    def code(self) -> tuple[ast.AST, ...]:
        """Syntax of the search's code, and of the functions that it calls."""
        return tuple(self._nodes())

    @cached_property
    def selects(self) -> set[str]:
        """Names of what is compared with the label: predictions, true labels."""
        names = set()
        for node in self.code:
            if isinstance(node, ast.Compare):
                sides = [node.left, *node.comparators]
                if any(self._is_label(side) for side in sides):
                    names |= {_base(side) for side in sides if not self._is_label(side)}
        return names - {""}

    def _is_label(self, node: ast.expr) -> bool:
        if not isinstance(node, ast.Constant):
            return False
        named = isinstance(node.value, str) and re.search(r"\bboots?\b|stiefel", node.value, re.IGNORECASE)
        return bool(named) or node.value in {self.label, str(self.label)}

    @cached_property
    def asks(self) -> bool:
        """Whether this is a search for the label: said by its heading, by a comparison, or by what it shows.

        A notebook that shows a few test items with their predictions looks for nothing; the first of them happens to
        be a boot.
        """
        if self.case.labels.of(self.case.task.id) or self.selects or self._compares_with_named_label:
            return True
        return self.hits == 1 and len({s.row for s in self.test}) >= _NO_CHANCE

    @cached_property
    def _compares_with_named_label(self) -> bool:
        """`boot = 9`, `boot = names.index('Ankle boot')`, and then a comparison with `boot`."""
        names: set[str] = set()
        for tree in filter(None, map(tree_of, self.case.evidence.submission.cells)):
            for node in ast.walk(tree):
                if isinstance(node, ast.Assign) and self._tells_label(node.value):
                    names |= {t.id for t in node.targets if isinstance(t, ast.Name)}
        compared = (side for n in self.code if isinstance(n, ast.Compare) for side in (n.left, *n.comparators))
        return any(self._tells_label(side) or (isinstance(side, ast.Name) and side.id in names) for side in compared)

    def _tells_label(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "index":
            return any(self._is_label(a) for a in node.args)
        return self._is_label(node)

    @cached_property
    def predicts(self) -> bool:
        """Whether the code itself asks a network."""
        return bool(self.predicted) or any(
            isinstance(n, ast.Call) and getattr(n.func, "attr", "") in _PREDICTS for n in self.code
        )

    @cached_property
    def compares(self) -> bool:
        """Whether predictions are held against true labels."""
        if len(self.selects) > 1:
            return True
        states = [s for s in self.case.evidence.states if s.data.kind == "labels"]
        truths = {s.name for s in states if s.data.is_test}
        for node in self.code:
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq | ast.NotEq):
                continue
            sides = [node.left, node.comparators[0]]
            names = [_base(side) for side in sides]
            differs = isinstance(node.ops[0], ast.NotEq)
            if truths & set(names) and (differs or all(names)):
                return True
            indexed = any(isinstance(side, ast.Subscript) for side in sides)
            if all(names) and names[0] != names[1] and (indexed or differs):
                return True
        return False


def _base(node: ast.expr) -> str:
    """The name that an expression is about: `test_y` in `test_y[i]`, `p` in `np.argmax(p[i])`."""
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and n.id not in {"np", "tf", "int", "keras", "K"}]
    return names[0] if names else ""


@check("image.retrieved")
def retrieved(case: Case) -> Verdict:
    """Test items that the network takes for ankle boots are found and shown."""
    search = Search(case)
    label = search.label
    place = search.test[0].place if search.test else None
    facts = {
        "expected": f"test items predicted as {label}",
        "actual": f"{len(search.test)} test items shown",
        "place": place,
    }
    if not search.asks:
        return case.absent(f"Nothing looks for the test items that are predicted as {label}.")
    if search.test:
        truly = all(s.true_label == label for s in search.test)
        if search.hits == 1 or (search.hits >= _MOST_HITS and not truly):
            trained = search.trained & set(search.predicted)
            if not trained:
                message = f"Items predicted as {label} are shown, but by a network that was never trained."
                return case.partial(0.5, message, **facts)
            return case.passed(f"Test items that the network predicts as {label} are shown.", **facts)
        if truly and (search.predicted or not search.predicts):
            message = f"The items shown are those whose true label is {label}, not those that are predicted as {label}."
            return case.failed(message, **facts)
        if search.predicted:
            message = f"Only {search.hits:.0%} of the test items that are shown are predicted as {label}."
            return case.failed(message, **facts)
        if search.predicts:
            message = "Test items are shown, but how they were predicted could not be seen: a person will look."
            return case.needs_review(message, **facts)
        return case.failed("Test items are shown, but no network was asked to predict them.", **facts)
    selected = bool(search.selects) and bool(search.predicted)
    if selected and search.shown:
        message = "Pictures are shown that are not recognised as test images: a person will look at them."
        return case.needs_review(message, **(facts | {"place": search.shown[0].place}))
    if selected:
        message = f"The items predicted as {label} are found, but they are not shown."
        return case.partial(0.5, message, **facts)
    return case.absent(f"No test items predicted as {label} were found and shown.", **facts)


@check("image.stops")
def stops(case: Case) -> Verdict:
    """The misclassified items among them are singled out: the loop stops at them, says so, or shows them alone."""
    search = Search(case)
    if not search.asks or (not search.test and not search.predicted):
        return case.absent("Nothing was found that singles out misclassified items.")
    wrong = [s for s in search.test if s.true_label is not None and s.true_label != search.label]
    place = (wrong or search.test)[0].place if search.test else None
    facts = {"place": place, "actual": f"{len(wrong)} of {len(search.test)} items shown have another true label"}
    if search.compares:
        return case.passed("Your code compares with the true labels and singles out the wrong items.", **facts)
    if any(search.hits_of(g) == 1 and all(s.true_label not in {None, search.label} for s in g) for g in search.groups):
        return case.passed("In one place only misclassified items are shown.", **facts)
    marked = {bool(_MARKS.search(s.title)) for s in wrong}
    if wrong and marked == {True}:
        return case.passed("The titles tell which items are misclassified.", **facts)
    titles = {s.title for s in search.test if s.title}
    if wrong and len(titles) > 1:
        message = "The titles show what each item is, but nothing stops at the misclassified ones or marks them."
        return case.partial(0.5, message, **facts)
    return case.missing("Nothing singles out the items that are misclassified.", **facts)
