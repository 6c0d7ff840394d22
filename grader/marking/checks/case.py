"""What a check is given: one criterion, all that may be looked at to judge it, and a method for each outcome."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grader.marking.lacking import Lacking
from grader.records import CellStatus, FaultKind, Outcome, Suggestion, Verdict

if TYPE_CHECKING:
    from grader.marking.match import Assignment, Matched
    from grader.records import Cause, CellRun, Evidence, Labels, Place
    from grader.rubric.calibration import Calibration
    from grader.rubric.expected import NetworkSpec, Reference
    from grader.rubric.schema import Criterion, NetworkSlot, Rubric, Task

_WHY_STOPPED = {
    FaultKind.TIMEOUT: "the time for the whole notebook was over",
    FaultKind.MEMORY: "it needed more memory than it may",
    FaultKind.DISK: "it wrote more files than it may",
    FaultKind.KERNEL_DIED: "its kernel died",
    FaultKind.TAMPERED: "the recording of the run was disturbed",
}


_HOW_MUCH = {0.0: "nothing", 0.5: "half", 1.0: "as much"}
"""What a mistake that is made again costs, in words; else 'less'."""


_NETWORKS = re.compile(r"\b(?:Dense|Conv\w*|Sequential|Model|compile|fit)\s*\(")
_CONVOLUTIONS = re.compile(r"\bConv\w*\s*\(")
_LOOKS = {
    "model": _NETWORKS,
    "compile": _NETWORKS,
    "training": _NETWORKS,
    "text.noted": _NETWORKS,
    "data": re.compile(r"load_data|reshape|/\s*25[56]|Rescaling|read_csv|imread|\bopen\s*\(|\bload\w*\s*\("),
    "image": re.compile(r"predict|argmax"),
    "image.shown": re.compile(r"imshow|matshow|\bplot"),
    "matrix": re.compile(r"convol|filter|correlat|\barray\s*\(", re.IGNORECASE),
    "number": re.compile(r"count_params|summary|\bprint\s*\("),
}
"""How code looks that may do what a check, or a family of them, asks for; words are read whether code runs or not."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A mistake, and the share of a criterion's points that it costs alone."""

    cause: Cause
    cost: float = 1.0


def could_not_be_read(fact: str) -> str:
    """What is said of a fact ('The loss') that the recorder could not read."""
    return f"{fact} could not be read when the notebook ran: a person will look at it."


@dataclass(frozen=True, slots=True)
class Case:
    """One criterion of one submission, to be judged. Every method is pure; verdicts are about `criterion`."""

    criterion: Criterion
    evidence: Evidence
    labels: Labels
    assignment: Assignment
    rubric: Rubric
    reference: Reference
    calibration: Calibration
    earlier: tuple[Verdict, ...] = ()
    """Verdicts of the criteria before this one."""
    lacking: Lacking = field(default_factory=Lacking)
    """What depends on something that is not here."""

    # -------------------------------------------------------------- the rubric

    @property
    def task(self) -> Task:
        """The task that the criterion belongs to."""
        return next(t for t in self.rubric.tasks if any(c.id == self.criterion.id for c in t.criteria))

    @property
    def slot(self) -> NetworkSlot:
        """The network slot that the criterion is about."""
        return next(s for s in self.rubric.networks if s.id == self.criterion.network)

    @property
    def spec(self) -> NetworkSpec:
        """What the reference expects of the criterion's network."""
        return self.spec_of(self.criterion.network)

    def spec_of(self, slot_id: str) -> NetworkSpec:
        """What the reference expects of a network slot."""
        return self.reference.networks[next(s.expects for s in self.rubric.networks if s.id == slot_id)]

    @property
    def follow_share(self) -> float:
        """The share that following through earns."""
        share = self.criterion.follow_through
        return self.rubric.follow_through if share is None else share

    def misconception(self, slug: str) -> str:
        """A misconception's title as part of a sentence; the slug where the rubric does not name it."""
        named = self.rubric.misconceptions.get(slug)
        title = named.title if named else slug
        return title[:1].lower() + title[1:]

    # -------------------------------------------------------------- what was found

    @property
    def matched(self) -> Matched | None:
        """The student's network for the criterion's slot."""
        return self.network(self.criterion.network)

    @property
    def first_network(self) -> Matched | None:
        """The student's network for the rubric's first slot, whose settings later ones return to."""
        return self.network(self.rubric.networks[0].id)

    def network(self, slot_id: str) -> Matched | None:
        """The student's network for a slot of the rubric."""
        return self.assignment.matched.get(slot_id)

    def charged(self, slug: str) -> Verdict | None:
        """The first earlier verdict that lost points for a misconception."""
        return next((v for v in self.earlier if any(cause[0] == slug for cause in v.causes)), None)

    def earlier_of(self, check: str) -> list[Verdict]:
        """Earlier verdicts of a check ('compile.loss'), or of a family of them ('compile.')."""
        checks = {c.id: c.check for task in self.rubric.tasks for c in task.criteria}
        return [v for v in self.earlier if checks[v.criterion].startswith(check)]

    def is_labelled(self, place: Place) -> bool:
        """Whether a place is under the task's label; output, which has no line, where any of its cell's code is."""
        spans = [span for span in self.labels.of(self.task.id) if span.cell == place.cell]
        return any(place.line is None or span.first_line <= place.line <= span.last_line for span in spans)

    def tasks_at(self, place: Place) -> frozenset[str]:
        """Tasks that a place is labelled with; output, which has no line, with all of its cell's."""
        if place.cell is not None and place.line is not None:
            return self.labels.tasks_at(place.cell, place.line)
        return frozenset(span.task for span in self.labels.spans if span.cell == place.cell)

    # -------------------------------------------------------------- what never ran

    def why_blocked(self) -> str:
        """Return why code for the task had no chance to run; '' when all of it had its turn.

        The cells that could answer the task are those labelled with it; without such, those that bear no label of
        another task. They are out of reach when one of them did not run, or was cut off, because the kernel was
        gone or a limit struck.
        """
        fatal = {fault.cell for fault in self.evidence.faults if fault.kind in _WHY_STOPPED}
        cut = {CellStatus.NOT_RUN, CellStatus.TIMEOUT}
        lost = [run for run in self.evidence.cells if run.status in cut or run.cell in fatal]
        task = self.task.id
        labelled = {span.cell for span in self.labels.of(task)} & {run.cell for run in self.evidence.cells}
        if labelled:
            lost = [run for run in lost if run.cell in labelled]
        else:
            problem = task.rstrip(string.ascii_lowercase)
            elsewhere = {span.cell for span in self.labels.spans if span.task != problem}
            lost = [run for run in lost if run.cell not in elsewhere]
        return self._why_stopped(lost[0]) if lost else ""

    def _why_stopped(self, run: CellRun) -> str:
        for fault in self.evidence.faults:
            if fault.kind in _WHY_STOPPED:
                where = "" if fault.cell is None else f" in cell {fault.cell}"
                return f"the notebook stopped{where}: {_WHY_STOPPED[fault.kind]}"
        if run.status is CellStatus.TIMEOUT:
            return f"cell {run.cell} was stopped when its time was over"
        return f"the notebook stopped before cell {run.cell}"

    # -------------------------------------------------------------- what is not here

    def excused(self, verdict: Verdict) -> Verdict:
        """The verdict; one that would cost points for what this machine lacks is a person's to decide."""
        check = self.criterion.check
        looks = _LOOKS.get(check) or _LOOKS.get(check.partition(".")[0])
        match verdict.outcome:
            case Outcome.MISSING | Outcome.BLOCKED:
                why = self._why_not_found(looks)
            case Outcome.FAILED | Outcome.PARTIAL:
                why = self.lacking.at(verdict.place) if verdict.place else self._why_not_found(looks)
                if not why and self._lacks_its_network():
                    why = self._why_not_found(_NETWORKS)
            case _:
                why = ""
        if not why:
            return verdict
        points = round(self.criterion.points * verdict.share, 2)
        suggestion = Suggestion(points, "what it earns as it ran here") if points else verdict.suggestion
        return replace(
            verdict,
            outcome=Outcome.NEEDS_REVIEW,
            share=0.0,
            message=f"{verdict.message.removesuffix(self._raised())} {why}",
            misconceptions=(),
            suggestion=suggestion,
        )

    def _why_not_found(self, looks: re.Pattern[str] | None) -> str:
        """Why code for the task may have done here less than elsewhere; '' where nothing was lacking.

        The task's own code decides; where none bears its label, code that was not carried out and `looks` as if it did
        what the criterion asks for, unless its label is that of another task that asks for the same.
        """
        if looks is None:
            return ""
        spans = self.labels.of(self.task.id)
        if {span.cell for span in spans} & {run.cell for run in self.evidence.cells}:
            return self.lacking.among(spans)
        if self.criterion.network and any(layer.kind == "Conv2D" for layer in self.spec.model.layers):
            looks = _CONVOLUTIONS
        for statement in self.lacking.statements:
            if not statement.seen and looks.search(statement.text):
                lines = range(statement.first_line, statement.last_line + 1)
                tasks = set[str]().union(*(self.labels.tasks_at(statement.cell, line) for line in lines))
                if not any(self._asks_for_the_same(task) for task in tasks - {self.task.id}):
                    return statement.sentence
        return ""

    def _lacks_its_network(self) -> bool:
        """Whether there is no network that the criterion is about, or none that was trained where training counts."""
        if not self.criterion.network:
            return False
        return self.matched is None or (self.criterion.check.startswith("training.") and self.matched.training is None)

    def _asks_for_the_same(self, task: str) -> bool:
        """Whether code under another task's label is that task's own: its check is this one, or its network another."""
        mine = self.criterion
        others = [c for t in self.rubric.tasks if t.id == task for c in t.criteria]
        if mine.network:
            networks = {c.network for c in others} - {""}
            return bool(networks) and mine.network not in networks
        return any(c.check == mine.check for c in others)

    # -------------------------------------------------------------- verdicts
    # `message` is the sentence that the student reads, `facts` are further fields of `Verdict`.

    def passed(self, message: str, **facts: Any) -> Verdict:
        """All points."""
        return self._verdict(Outcome.PASSED, 1.0, message, facts)

    def partial(self, share: float, message: str, **facts: Any) -> Verdict:
        """`share` of the points, 0 < share < 1."""
        assert 0 < share < 1, share
        return self._verdict(Outcome.PARTIAL, share, message, facts)

    def failed(self, message: str, **facts: Any) -> Verdict:
        """No points for an attempt that is wrong."""
        return self._verdict(Outcome.FAILED, 0.0, message, facts)

    def missing(self, message: str, **facts: Any) -> Verdict:
        """No points, as nothing attempts it."""
        return self._verdict(Outcome.MISSING, 0.0, message, facts)

    def blocked(self, message: str, **facts: Any) -> Verdict:
        """No points, as the run ended before."""
        return self._verdict(Outcome.BLOCKED, 0.0, message, facts)

    def needs_review(self, message: str, **facts: Any) -> Verdict:
        """A person decides; the points wait."""
        return self._verdict(Outcome.NEEDS_REVIEW, 0.0, message, facts)

    def unreadable(self, fact: str, **facts: Any) -> Verdict:
        """A person decides, as the recorder could not read a fact ('The loss')."""
        return self.needs_review(could_not_be_read(fact), **facts)

    def graded(self, share: float, message: str, **facts: Any) -> Verdict:
        """`passed`, `partial` or `failed`, as the share says, cut to 0…1."""
        if share >= 1:
            return self.passed(message, **facts)
        return self.partial(share, message, **facts) if share > 0 else self.failed(message, **facts)

    def absent(self, message: str, **facts: Any) -> Verdict:
        """Nothing was found: `blocked` where code for the task never ran, else `missing` where the record is whole."""
        if why := self.why_blocked():
            return self.blocked(f"This could not be reached: {why}.", **facts)
        if self.evidence.unrecorded:
            message = f"The record of the run is not complete: {self.evidence.unrecorded[0]} A person will look at it."
            return self.needs_review(message, **facts)
        return self.missing(message + self._raised(), **facts)

    def followed_through(self, message: str, **facts: Any) -> Verdict:
        """Judge an answer that differs only because of a mistake charged earlier: it earns the follow-through share."""
        return self.graded(self.follow_share, message, follow_through=True, **facts)

    def charge(self, message: str, *charges: Charge, **facts: Any) -> Verdict:
        """Take off what mistakes cost; for one that was charged before, the rubric's `repeated` share of it.

        What is new costs in full. What is made again costs that share of what it would take away beyond it.
        """
        before = {charge.cause: self._charged_first(charge.cause) for charge in charges}
        new = min(1.0, sum(c.cost for c in charges if not before[c.cause]))
        every = min(1.0, sum(c.cost for c in charges))
        share = round(1 - new - self.rubric.repeated * (every - new), 9)
        repeated = list(dict.fromkeys(first for first in before.values() if first))
        if repeated:
            subject = "The same mistake" if all(before.values()) else "A part of this"
            cost = _HOW_MUCH.get(self.rubric.repeated, "less")
            message += f" {subject} was charged under {' and '.join(repeated)}: here it costs {cost}."
        facts |= {"causes": tuple(before), "repeats": next(iter(repeated), "")}
        return self.graded(share, message, **facts)

    def _charged_first(self, cause: Cause) -> str:
        """The criterion that was charged for a cause first; '' where none was.

        What was lost in a bonus task spares nothing elsewhere: who tries a bonus must not gain by doing it wrong.
        """
        bonus = {c.id for task in self.rubric.tasks if task.bonus for c in task.criteria}
        counted = (v for v in self.earlier if self.criterion.id in bonus or v.criterion not in bonus)
        return next((v.criterion for v in counted if cause in v.causes), "")

    def _verdict(self, outcome: Outcome, share: float, message: str, facts: dict[str, Any]) -> Verdict:
        return Verdict(self.criterion.id, outcome, share, message, **facts)

    def _raised(self) -> str:
        """Sentence about an exception in the code of the criterion's task."""
        for span in self.labels.of(self.task.id):
            run = next((run for run in self.evidence.cells if run.cell == span.cell), None)
            if run is not None and run.status is CellStatus.ERROR:
                error = run.error.split("\n")[0].rstrip(": .")
                return f" Cell {run.cell} stopped with {error}." if error else ""
        return ""
