"""Accuracies that a student noted, held against what was measured."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from grader.extraction.accuracies import extract_accuracies, only_role
from grader.extraction.arithmetic import LONGEST
from grader.extraction.passages import passages, tree_of
from grader.marking.candidates import is_custom_loop
from grader.marking.checks.registry import check
from grader.records import CellStatus, Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.extraction.accuracies import ExtractedAccuracy
    from grader.extraction.passages import Passage
    from grader.marking.checks.case import Case
    from grader.records import Training, Verdict

_ROLES = {"train": "training", "test": "test"}
_FORMAT = re.compile(r"(?<!\d)%[-+#0]*\d*(?:\.\d+)?[a-zA-Z]|\{[^{}\n]{0,80}\}")
_HALF = 0.5
"""Share for one of the two figures, and for both in a progress bar only."""


@dataclass(frozen=True, slots=True)
class Note:
    """An accuracy that a student noted."""

    figure: ExtractedAccuracy
    place: Place
    printed: bool = False


@dataclass(frozen=True)
class Notes:
    """The accuracies that belong to one network slot's training."""

    case: Case

    @cached_property
    def trainings(self) -> tuple[Training, ...]:
        """All trainings of the asked-for kind; their accuracies are as good as one another's."""
        matched = self.case.matched
        if matched is None or matched.training is None:
            return ()
        done = dict.fromkeys(t.id for t in (matched.training, *matched.repeats) if t.epochs_done or is_custom_loop(t))
        return tuple(t for t in self.case.evidence.trainings if t.id in done)

    @cached_property
    def window(self) -> range:
        """Cells from the training up to the next one of another kind."""
        if not self.trainings:
            return range(0)
        training_ids = {t.id for t in self.trainings}
        start = min(_called_in(t.place) for t in self.trainings)
        later = [_called_in(t.place) for t in self.case.evidence.trainings if t.id not in training_ids]
        stop = min((cell for cell in later if cell > start), default=10**6)
        return range(start, stop)

    # ------------------------------------------------------------------ what the trainings reached

    def reached(self, role: str) -> list[float]:
        """Accuracies in one role that the kernel reported, epoch by epoch and from `evaluate`."""
        networks = {t.network for t in self.trainings}
        values = [v for t in self.trainings for name, vs in t.history.items() if _role_of(name) == role for v in vs]
        for e in self.case.evidence.evaluations:
            if e.network in networks and e.accuracy is not None and e.x is not None:
                values += [e.accuracy] if (e.x.is_train if role == "train" else e.x.is_test) else []
        return values

    def measured(self, role: str) -> list[float]:
        """What a stated accuracy is held against: what was measured here, for the training set sooner the run itself.

        Where images were not scaled alike, which is charged elsewhere, the run saw other figures than are measured.
        """
        scaled_alike = not any(v.causes for v in self.case.earlier_of("data.scaled"))
        verified = [t.verified for t in self.trainings if t.verified]
        figures = [v.test_accuracy if role == "test" else v.train_accuracy for v in verified]
        known = [v for v in figures if v is not None]
        run = self.reached(role)
        return known if known and (not run or (role == "test" and scaled_alike)) else run

    # ------------------------------------------------------------------ what was noted

    def claims(self, role: str) -> tuple[list[Note], list[Note]]:
        """Claims that are borne out, and claims that are not: what is written decides, else what is printed.

        With no role: what is called an accuracy without a word on the set; then true claims of both sets count, too.
        """
        notes = [n for n in self.notes[role] if not n.figure.aside and (role or n.figure.named)]
        written = [n for n in notes if not n.printed]
        true = [n for n in written or notes if self.is_true(n.figure, role)]
        false = [n for n in written or notes if n not in true and not self._is_of_another(n.figure)]
        if not role:
            true += [n for other in _ROLES for n in self.claims(other)[0] if not n.printed]
        return (true, false) if written else (true, [] if true else false)

    def is_true(self, figure: ExtractedAccuracy, role: str) -> bool:
        """Near a measured figure, or just what the run showed, epoch by epoch; True where nothing was measured."""
        roles = (role,) if role else tuple(_ROLES)
        measured, tolerance = [v for r in roles for v in self.measured(r)], self.case.rubric.claim_tolerance
        near = any(abs(figure.value - v) <= tolerance for v in measured)
        return near or not measured or any(figure.agrees(v) for r in roles for v in self.reached(r))

    def _is_of_another(self, figure: ExtractedAccuracy) -> bool:
        """Whether a training of another kind showed just this figure."""
        mine = {t.id for t in self.trainings}
        others = (t for t in self.case.evidence.trainings if t.id not in mine)
        return any(figure.agrees(v) for t in others for name, vs in t.history.items() if _role_of(name) for v in vs)

    @cached_property
    def notes(self) -> dict[str, list[Note]]:
        """Role → notes under the task's label or right after the training; elsewhere only the exact figures."""
        here = self._sorted([n for n in self._all() if self._belongs(n)])
        if here["train"] and here["test"]:
            return here
        exact = (
            [n for n in self._all() if any(map(n.figure.agrees, self.reached(n.figure.role)))] if self.trainings else []
        )
        tight = self._sorted([n for n in exact if n.figure.rounding <= 0.0006])
        return {"": here[""]} | {role: here[role] or tight[role] for role in _ROLES}

    def _all(self) -> Iterator[Note]:
        for passage in passages(self.case.evidence.submission):
            text = _FORMAT.sub(" … ", passage.text) if passage.source == "string" else passage.text
            role_beside = self._beside(passage) if passage.source == "comment" else ""
            for figure in extract_accuracies(text):
                yield Note(replace(figure, role=figure.role or role_beside), passage.at(figure.line))
        for run in self.case.evidence.cells:
            for figure in extract_accuracies(_ends(run.printed)):
                yield Note(figure, Place(run.cell), printed=True)

    def _beside(self, comment: Passage) -> str:
        """The set that the code before a comment is about: `print('test', acc)  # 0.78`; '' for both or none."""
        source = next(c.source for c in self.case.evidence.submission.cells if c.index == comment.cell)
        code = source.split("\n")[comment.line - 1 : comment.line]
        return only_role(code[0].partition("#")[0]) if code else ""

    def _belongs(self, note: Note) -> bool:
        cell = note.place.cell
        tasks: set[str | None] = {*self.case.tasks_at(note.place)} or {None}
        if self.case.task.id in tasks:
            return not note.printed or cell in self.window or not self.trainings
        also = {None, self.case.task.id[:-1], *self.case.slot.also}
        return cell in self.window and bool(tasks & also)

    def _sorted(self, notes: list[Note]) -> dict[str, list[Note]]:
        """By role: as said, else by what the training reached; '' where nothing says it."""
        notes_of: dict[str, list[Note]] = {role: [] for role in ("", *_ROLES)}
        for note in notes:
            fits = [role for role in _ROLES if any(map(note.figure.agrees, self.reached(role)))]
            stated_role = note.figure.role
            if stated_role in fits or (stated_role in _ROLES and not (note.printed and fits)):
                notes_of[stated_role].append(note)
            elif len(fits) == 1:
                notes_of[fits[0]].append(note)
            elif fits or not note.printed:
                notes_of[""].append(note)
        return notes_of

    def of_others(self) -> Iterator[Note]:
        """Of each set for which no figure is borne out, the figures that another training showed."""
        for role in _ROLES:
            if not any(self.is_true(n.figure, role) for n in self.notes[role]):
                yield from (n for n in self.notes[role] if self._is_of_another(n.figure))

    @cached_property
    def unsaid(self) -> dict[float, Note]:
        """Figures near what was measured, other than those whose set is said; nothing says of which set they are."""
        said = {n.figure.value for role in _ROLES for n in self.notes[role]}
        return {n.figure.value: n for n in self.notes[""] if n.figure.value not in said and self.is_true(n.figure, "")}


def _role_of(name: str) -> str:
    if not name.endswith(("acc", "accuracy")):
        return ""
    return "test" if name.startswith("val_") else "train"


def _called_in(place: Place) -> int:
    """The cell that ran, whatever functions of earlier cells it called."""
    return place.stack[-1][0] if place.stack else place.cell or 0


@check("text.noted")
def noted(case: Case) -> Verdict:
    """Training and test accuracy are noted, and they are what the network really reaches."""
    notes = Notes(case)
    notes_of = notes.notes
    stated = [n for role in _ROLES for n in notes_of[role]]
    unsaid = [*notes.unsaid.values()]
    if not notes.trainings:
        return _without_training(case, notes, stated)
    facts: dict[str, Any] = {"expected": "training and test accuracy", "actual": _shown(notes)}
    if stated:
        facts["place"] = stated[0].place
    for role in () if case.charged("data.unscaled") else ("", *_ROLES):
        if contradicted := _contradicted(case, notes, role, facts):
            return contradicted
    if not case.charged("data.unscaled") and (others := [*notes.of_others()]):
        message = (
            f"What is noted ({', '.join(_texts(others)[:4])}) is not what this network reaches, but what another does."
        )
        return case.needs_review(f"{message} A person will look.", **facts | {"place": others[0].place})
    if all(notes_of[role] for role in _ROLES):
        return case.passed("Training and test accuracy are both noted.", **facts)
    named = sum(bool(notes_of[role]) for role in _ROLES)
    if unsaid:
        facts |= {"actual": ", ".join(filter(None, [_shown(notes), *_texts(unsaid)])), "place": unsaid[0].place}
    if named + len(unsaid) > 1:
        return case.passed("Two accuracies are noted; which is of which set could be said with them.", **facts)
    if unsaid:
        message = "One accuracy is noted, without a word on the set that it is of; training and test are asked for."
        return case.partial(_HALF, message, **facts)
    if stated:
        has, lacks = ("train", "test") if notes_of["train"] else ("test", "train")
        message = f"The {_ROLES[has]} accuracy is noted, the {_ROLES[lacks]} accuracy is not."
        return case.partial(_HALF, message, **facts)
    if others := notes_of[""]:
        figures = ", ".join(dict.fromkeys(_texts(others)[:4]))
        message = (
            f"Figures stand here ({figures}), but they are not said to be accuracies of this network, nor near them."
        )
        return case.needs_review(
            f"{message} A person will look.", **facts | {"actual": figures, "place": others[0].place}
        )
    if _silent(case, notes.trainings) or not any(map(notes.reached, _ROLES)):
        return case.missing("The accuracies are not noted.", place=notes.trainings[0].place, **facts)
    message = "The accuracies appear only in the progress bar of `fit`; the sheet asks to note them down."
    return case.partial(_HALF, message, place=notes.trainings[0].place, **facts)


def _contradicted(case: Case, notes: Notes, role: str, facts: dict[str, Any]) -> Verdict | None:
    """The verdict on claims in one role that are not borne out."""
    true, false = notes.claims(role)
    if not false:
        return None
    value = false[0].figure.value
    measured = min((v for r in _ROLES if role in {"", r} for v in notes.measured(r)), key=lambda v: abs(v - value))
    facts = facts | {"place": false[0].place, "misconceptions": ("claims.unverified",)}
    noted = f"The {_ROLES[role]} accuracy is noted" if role else "An accuracy is noted"
    message = f"{noted} as {value:.1%}, but this network reaches {measured:.1%}"
    if true:
        also = f"{true[0].figure.value:.1%} is noted as well"
        return case.needs_review(f"{message}; {also}: a person will see what is meant.", **facts)
    shown = any(n.printed and notes.is_true(n.figure, role) for r in _ROLES if role in {"", r} for n in notes.notes[r])
    return case.failed(f"{message}{', as your own output says' if shown else ''}.", **facts)


def _without_training(case: Case, notes: Notes, stated: list[Note]) -> Verdict:
    if not stated:
        return case.absent("No accuracies are noted.")
    facts = {"actual": _shown(notes), "place": stated[0].place}
    if why := case.why_blocked():
        return case.blocked(f"The accuracies noted could not be checked: {why}.", **facts)
    tried = {s.cell for s in case.labels.of(case.task.id)} or {run.cell for run in case.evidence.cells}
    raised = any(run.status is CellStatus.ERROR for run in case.evidence.cells if run.cell in tried)
    if raised:
        message = (
            "Accuracies are noted, but the training failed here, so that nothing can bear them out: a person will look."
        )
        return case.needs_review(message, **facts)
    message = "Accuracies are noted, but no such network was trained."
    return case.failed(message, misconceptions=("claims.unverified",), **facts)


def _texts(notes: list[Note]) -> list[str]:
    return [note.figure.text.strip() for note in notes]


def _shown(notes: Notes) -> str:
    """Of each set the figure that is nearest to what was measured, the last of those."""
    nearest = {
        role: min(reversed(of), key=partial(_distance, notes.measured(role))) for role, of in notes.notes.items() if of
    }
    return ", ".join(f"{_ROLES[role]} {nearest[role].figure.text.strip()}" for role in _ROLES if role in nearest)


def _distance(measured: list[float], note: Note) -> float:
    return min((abs(note.figure.value - v) for v in measured), default=0.0)


def _silent(case: Case, trainings: tuple[Training, ...]) -> bool:
    """Whether `fit` was told to show nothing."""
    cells = {c.index: c for c in case.evidence.submission.cells}
    calls = [
        node
        for training in trainings
        if training.place.cell in cells and (tree := tree_of(cells[training.place.cell])) is not None
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "fit"
    ]
    quiet = [
        any(k.arg == "verbose" and isinstance(k.value, ast.Constant) and not k.value.value for k in c.keywords)
        for c in calls
    ]
    return bool(quiet) and all(quiet)


def _ends(printed: str) -> str:
    """Both ends of what a cell printed: notebooks print whole arrays, and their accuracies before or after them."""
    half = LONGEST // 2 - 1
    return printed if len(printed) <= LONGEST else f"{printed[:half]}\n{printed[-half:]}"
