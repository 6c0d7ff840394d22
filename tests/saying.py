"""Reads what is said of a submission for contradictions: with what was seen, with the rubric, and with itself.

`contradictions` is held against every message that any story of the tests renders (`builders.judge`), and against the
examples and the corpus after a real run. A rule is a function of a `Said` that is true where the rule is broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from grader.marking.match import Assignment, Matched
from grader.records import UNDECIDED, CellStatus, Evidence, FaultKind, Outcome, Verdict

_QUOTED = re.compile(
    r"(?:Cell \d+ stopped with|`fit` stopped with|stopped early:|stopped at once:|Your notebook).*?"
    r"(?= Cell \d+ [^\n]*so a person will look\.$|\Z)",
    re.DOTALL,
)
"""Here a message quotes an error of Keras or the student's own; why a person decides may follow."""
_FILE = re.compile(r"\([^()\n]+\.\w{2,5}\)")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+|\d{4,}")
_DATA_SETS = {60_000, 10_000}
OF_CHECKS = {
    "conv": ("matrix.",),
    "params": ("number.",),
    "model": ("model.", "compile.", "training.accuracy"),
    "cnn": ("model.", "number."),
    "loss": ("compile.", "training.accuracy"),
    "optimizer": ("compile.", "training."),
    "train": ("training.",),
    "data": ("data.", "training."),
    "claims": ("text.noted",),
}
"""First part of a misconception → kinds of checks that it can be about."""
_LOST = {Outcome.FAILED, Outcome.MISSING, Outcome.BLOCKED}


@dataclass(frozen=True)
class Said:
    """One verdict with all that it is about."""

    verdict: Verdict
    earlier: tuple[Verdict, ...]
    evidence: Evidence
    assignment: Assignment
    loaded: Any

    @cached_property
    def criterion(self) -> Any:
        every = (c for task in self.loaded.rubric.tasks for c in task.criteria)
        return next(c for c in every if c.id == self.verdict.criterion)

    @property
    def check(self) -> str:
        return str(self.criterion.check)

    @cached_property
    def own(self) -> str:
        """The message without what it quotes: errors, and names of files."""
        return _FILE.sub("(a file)", _QUOTED.sub("(an error)", self.verdict.message))

    @cached_property
    def helps(self) -> str:
        known = self.loaded.rubric.misconceptions
        return " ".join(known[slug].help for slug in self.verdict.misconceptions if slug in known)

    @cached_property
    def matched(self) -> Matched | None:
        return self.assignment.matched.get(self.criterion.network)

    @cached_property
    def spec(self) -> Any:
        slots = {slot.id: slot.expects for slot in self.loaded.rubric.networks}
        return self.loaded.reference.networks[slots[self.criterion.network]] if self.criterion.network else None

    @cached_property
    def students_words(self) -> str:
        """All that the student wrote and the run printed."""
        return students_words(self.evidence)


def students_words(evidence: Evidence) -> str:
    printed = [part for run in evidence.cells for part in (run.printed, run.error, run.traceback)]
    return "\n".join([*(cell.source for cell in evidence.submission.cells), *printed])


def _numbers(text: str) -> set[int]:
    return {int(n.replace(",", "")) for n in _THOUSANDS.findall(text)}


# ------------------------------------------------------------------ rules


def large_figures_are_this_criterions(said: Said) -> bool:
    """'The sheet asks for the first 20,000' only where 20,000 items are asked for."""
    known = _numbers(f"{said.verdict.expected} {said.verdict.actual} {said.students_words}") | _DATA_SETS
    known |= {said.spec.train_rows} if said.spec else set()
    if said.matched is not None:
        architecture = said.matched.architecture
        known |= {architecture.params or 0, architecture.trainable_params or 0}
        known |= {t.x.rows for t in said.matched.repeats if t.x}
    if said.check == "number.count":
        known |= _derived(said)
    how_many = re.compile(r"\d+ counts are stated")
    return bool((_numbers(how_many.sub("", said.own)) | _numbers(said.helps)) - known)


def _derived(said: Said) -> set[int]:
    """Counts that the student's arithmetic comes to."""
    values = said.loaded.reference.number_mistakes.get(said.criterion.expects, {}).values()
    return {int(v) for v in (*said.loaded.reference.numbers.values(), *values)} if said.verdict.actual else set()


def a_default_is_its_optimizers(said: Said) -> bool:
    for figure, negated, optimizer in re.findall(
        r"([\d.,]+\d)\S*,? is (not )?the default[^.]* of (\w+)", said.own.replace("which ", "")
    ):
        right = abs(float(figure.replace(",", ".")) - (0.01 if optimizer == "SGD" else 0.001)) < 1e-6
        used = {c.optimizer for n in said.evidence.networks for c in n.compiled} | {said.spec.optimizer}
        if right == bool(negated) or optimizer not in used:
            return True
    return False


def never_is_said_of_what_never_was(said: Said) -> bool:
    matched, unseen = said.matched, bool(said.evidence.unrecorded)
    if "never compiled" in said.own:
        trained = matched is not None and any(t.epochs_done or not t.error for t in matched.repeats)
        return unseen or matched is None or matched.compiled is not None or trained
    if "not trained when" in said.own or ("never trained" in said.own and "by a network" not in said.own):
        return unseen or matched is None or any(t.epochs_done for t in matched.repeats)
    return "No such network was" in said.own and (unseen or matched is not None)


def networks_are_named_where_there_is_one(said: Said) -> bool:
    """'Right for your own network' is nothing to say of a matrix worked out by hand."""
    return said.check.startswith(("matrix.", "image.shown")) and bool(
        re.search("your own network", said.own + said.helps)
    )


def noted_figures_are_the_students_and_near(said: Said) -> bool:
    if said.check != "text.noted" or said.verdict.outcome is not Outcome.PASSED:
        return False
    figures = re.findall(r"\d+(?:[.,]\d+)?", said.verdict.actual)
    unscaled = any("data.unscaled" in v.misconceptions for v in said.earlier)
    trainings = said.matched.repeats if said.matched else ()
    reached = [
        v
        for t in trainings
        if t.verified
        for v in (t.verified.test_accuracy, t.verified.train_accuracy)
        if v is not None
    ]
    near = unscaled or not reached or all(any(_is_near(f, v, said) for v in reached) for f in figures)
    return len(figures) < 2 or not near or any(f not in said.students_words for f in figures)


def _is_near(figure: str, value: float, said: Said) -> bool:
    stated = float(figure.replace(",", "."))
    stated = stated / 100 if stated > 1 else stated
    return bool(abs(stated - value) <= said.loaded.rubric.claim_tolerance + 0.02)  # training figures rest on some rows


def full_points_are_no_reproach(said: Said) -> bool:
    excused = said.verdict.follow_through or said.verdict.repeats
    full = said.verdict.outcome is Outcome.PASSED and not excused
    return full and bool(
        re.search(
            r"not right|instead of|\bis wrong|is not the\b|are not the\b(?! first)|but not\b(?! scaled)", said.own
        )
    )


def no_points_are_no_praise(said: Said) -> bool:
    return said.verdict.outcome in _LOST and bool(
        re.search(r"\bis right\b|: right\.|^\d+ epochs, as asked|\bis stated\.", said.own)
    )


def criteria_named_were_charged(said: Said) -> bool:
    """'Charged under 1d.count' needs a 1d.count before this one that lost points."""
    lost = {v.criterion for v in said.earlier if v.share < 1 and v.outcome not in UNDECIDED}
    named = {*re.findall(r"\b\d[a-z]\.\w+", said.own), *filter(None, [said.verdict.repeats])}
    return not named - {said.verdict.criterion} <= lost


def cells_named_are_there(said: Said) -> bool:
    cells = {cell.index for cell in said.evidence.submission.cells}
    raised = {run.cell for run in said.evidence.cells if run.status is CellStatus.ERROR}
    named = {int(n) for n in re.findall(r"\bcell (\d+)", said.verdict.message.split("stopped with")[0], re.IGNORECASE)}
    stopped = {int(n) for n in re.findall(r"Cell (\d+) stopped with", said.verdict.message)}
    return not (named <= cells and stopped <= raised)


def what_was_asked_for_is_asked_for(said: Said) -> bool:
    if not said.check.startswith("training.") or said.spec is None:
        return False
    asked = {f"{said.spec.learning_rate:g}", str(said.spec.epochs), str(said.spec.train_rows)}
    return not {*re.findall(r"instead of (\d[\d.]*\d|\d)", said.own)} <= asked


def measured_figures_were_measured(said: Said) -> bool:
    found = re.search(r"Measured here on the official test images: (\d\.\d+)", said.own)
    if found is None:
        return False
    verified = [t.verified.test_accuracy for t in said.evidence.trainings if t.verified]
    threshold = re.search(r"(?:at least|where) (\d\.\d+)", said.own)
    odd = threshold is not None and said.verdict.outcome is Outcome.FAILED and threshold[1] not in said.verdict.expected
    return odd or not any(v is not None and abs(v - float(found[1])) < 0.00051 for v in verified)


def what_you_use_was_used(said: Said) -> bool:
    found = re.match(r"You use (\w+)[.,]", said.own)
    if found is None or said.matched is None or said.matched.compiled is None:
        return False
    compiled = said.matched.compiled
    return found[1] not in {compiled.optimizer, compiled.loss, *compiled.metrics, "accuracy"}


def what_stopped_is_known(said: Said) -> bool:
    cut = {CellStatus.NOT_RUN, CellStatus.TIMEOUT}
    stopped = any(f.kind is not FaultKind.CELL_ERROR for f in said.evidence.faults) or any(
        run.status in cut for run in said.evidence.cells
    )
    return "could not be reached" in said.own and not stopped


def outcome_and_share_agree(said: Said) -> bool:
    share, outcome = said.verdict.share, said.verdict.outcome
    return (outcome is Outcome.PASSED) != (share == 1) or (outcome is Outcome.PARTIAL) != (0 < share < 1)


def a_person_is_promised_where_one_decides(said: Said) -> bool:
    return ("a person" in said.own.lower()) != (said.verdict.outcome in UNDECIDED)


def misconceptions_are_of_this_kind(said: Said) -> bool:
    kinds = (OF_CHECKS[slug.split(".")[0]] for slug in said.verdict.misconceptions)
    return any(not said.check.startswith(of) for of in kinds)


def sentences_are_sentences(said: Said) -> bool:
    text = said.own.strip()
    slips = r"(?<!\d)1 (?:epochs|items|images|calls)\b|\s\s|(?<!\.)\.\.(?!\.)| [,;]| \.(?!\d)|\bNone\b|\bnan\b|\{|\}"
    ends = text == "" or text != said.verdict.message.strip() or text[-1] in ".!?)"
    return bool(re.search(slips, text)) or not ends or text[:1].islower()


RULES: tuple[Callable[[Said], bool], ...] = (
    large_figures_are_this_criterions,
    a_default_is_its_optimizers,
    never_is_said_of_what_never_was,
    networks_are_named_where_there_is_one,
    noted_figures_are_the_students_and_near,
    full_points_are_no_reproach,
    no_points_are_no_praise,
    criteria_named_were_charged,
    cells_named_are_there,
    what_was_asked_for_is_asked_for,
    measured_figures_were_measured,
    what_you_use_was_used,
    what_stopped_is_known,
    outcome_and_share_agree,
    a_person_is_promised_where_one_decides,
    misconceptions_are_of_this_kind,
    sentences_are_sentences,
)


def contradictions(evidence: Evidence, verdicts: Iterable[Verdict], assignment: Assignment, loaded: Any) -> list[str]:
    """'rule: criterion: message' for every rule that a verdict breaks; in the rubric's order."""
    found: list[str] = []
    earlier: tuple[Verdict, ...] = ()
    for verdict in verdicts:
        said = Said(verdict, earlier, evidence, assignment, loaded)
        earlier += (verdict,)
        if said.criterion.messages:  # the rubric's own words
            continue
        found += [
            f"{rule.__name__}: {verdict.criterion} {verdict.outcome}: {verdict.message}" for rule in RULES if rule(said)
        ]
    return found
