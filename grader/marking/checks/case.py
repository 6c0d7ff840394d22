"""All that a check may look at: what a run left, what the rubric asks, and what was judged before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from grader.marking.checks import verdicts
from grader.records import CellKind, CellStatus, FaultKind, Outcome

if TYPE_CHECKING:
    from grader.marking.match import Assignment, Matched
    from grader.records import CellRun, Evidence, Labels, Span, Verdict
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


@dataclass(frozen=True, slots=True)
class Case:
    evidence: Evidence
    labels: Labels
    assignment: Assignment
    rubric: Rubric
    reference: Reference
    calibration: Calibration
    earlier: tuple[Verdict, ...] = ()
    """Verdicts of the criteria before this one."""

    # -------------------------------------------------------------- the rubric

    def task(self, criterion: Criterion) -> Task:
        """The task that a criterion belongs to."""
        return next(t for t in self.rubric.tasks if any(c.id == criterion.id for c in t.criteria))

    def slot(self, slot_id: str) -> NetworkSlot:
        return next(s for s in self.rubric.networks if s.id == slot_id)

    def spec(self, slot_id: str) -> NetworkSpec:
        """What the reference expects of a network slot."""
        return self.reference.networks[self.slot(slot_id).expects]

    def follow_share(self, criterion: Criterion) -> float:
        """The share that following through earns."""
        own = criterion.follow_through
        return self.rubric.follow_through if own is None else own

    def worded(self, criterion: Criterion, verdict: Verdict) -> Verdict:
        """The verdict with the rubric's own sentence for its outcome, where it has one."""
        message = criterion.messages.get(str(verdict.outcome))
        return replace(verdict, message=message) if message else verdict

    # -------------------------------------------------------------- what was found

    def network(self, slot_id: str) -> Matched | None:
        """The student's network for a slot of the rubric."""
        return self.assignment.matched.get(slot_id)

    def charged(self, slug: str) -> Verdict | None:
        """The first earlier verdict that lost points for a misconception."""
        return next((v for v in self.earlier if slug in v.misconceptions and v.share < 1), None)

    def verdict(self, criterion_id: str) -> Verdict | None:
        """The verdict of an earlier criterion."""
        return next((v for v in self.earlier if v.criterion == criterion_id), None)

    # -------------------------------------------------------------- the student's cells

    def spans(self, task: str) -> tuple[Span, ...]:
        """The parts of cells that are labelled as this task's."""
        return self.labels.of(task)

    def code(self, task: str) -> str:
        """Source of the code labelled as this task's."""
        return self._source(task, CellKind.CODE)

    def text(self, task: str) -> str:
        """Markdown labelled as this task's."""
        return self._source(task, CellKind.MARKDOWN)

    def attempted(self, task: str) -> bool:
        """Whether anything at all stands under this task's label, beyond headings and comments."""
        code = any(line.strip() and not line.lstrip().startswith("#") for line in self.code(task).splitlines())
        return code or any(line.strip() and not line.startswith("#") for line in self.text(task).splitlines())

    def run_of(self, cell: int | None) -> CellRun | None:
        return next((run for run in self.evidence.cells if run.cell == cell), None)

    def _source(self, task: str, kind: CellKind) -> str:
        cells = {cell.index: cell for cell in self.evidence.submission.cells if cell.kind is kind}
        lines: list[str] = []
        for span in self.spans(task):
            if span.cell in cells:
                lines += cells[span.cell].source.split("\n")[span.first_line - 1 : span.last_line]
        return "\n".join(lines)

    # -------------------------------------------------------------- what never ran

    def blocked(self, *tasks: str) -> str:
        """Return why code for the tasks had no chance to run; '' when all of it had its turn.

        The cells that could answer a task are those labelled with it; without such, those that bear no label of
        another task. They are out of reach when one of them did not run, or was cut off, because the kernel was
        gone or a limit struck.
        """
        fatal = {fault.cell for fault in self.evidence.faults if fault.kind in _WHY_STOPPED}
        cut = {CellStatus.NOT_RUN, CellStatus.TIMEOUT}
        lost = [run for run in self.evidence.cells if run.status in cut or run.cell in fatal]
        labelled = {span.cell for task in tasks for span in self.spans(task)} & {
            run.cell for run in self.evidence.cells
        }
        if labelled:
            lost = [run for run in lost if run.cell in labelled]
        else:
            whole = {task.rstrip("abcdefghijklmnopqrstuvwxyz") for task in tasks}
            elsewhere = {span.cell for span in self.labels.spans if span.task not in whole}
            lost = [run for run in lost if run.cell not in elsewhere]
        return self._why(lost[0]) if lost else ""

    def _why(self, run: CellRun) -> str:
        for fault in self.evidence.faults:
            if fault.kind in _WHY_STOPPED:
                where = "" if fault.cell is None else f" in cell {fault.cell}"
                return f"the notebook stopped{where}: {_WHY_STOPPED[fault.kind]}"
        if run.status is CellStatus.TIMEOUT:
            return f"cell {run.cell} was stopped when its time was over"
        return f"the notebook stopped before cell {run.cell}"

    # -------------------------------------------------------------- verdicts that need to know the case

    def absent(self, criterion: Criterion, message: str, *tasks: str, **facts: Any) -> Verdict:
        """Nothing was found: `blocked` where code for the tasks (else the criterion's) never ran, or `missing`."""
        why = self.blocked(*(tasks or (self.task(criterion).id,)))
        if why:
            return verdicts.blocked(criterion, f"This could not be reached: {why}.", **facts)
        return verdicts.missing(criterion, message + self._raised(criterion), **facts)

    def _raised(self, criterion: Criterion) -> str:
        """Sentence about an exception in the code of the criterion's task."""
        for span in self.spans(self.task(criterion).id):
            run = self.run_of(span.cell)
            if run is not None and run.status is CellStatus.ERROR:
                return f" Cell {run.cell} stopped with {run.error.splitlines()[0]}" if run.error else ""
        return ""

    def followed_through(self, criterion: Criterion, message: str, **facts: Any) -> Verdict:
        """Judge an answer that differs only because of a mistake charged earlier: it earns the follow-through share."""
        return self._with_share(criterion, self.follow_share(criterion), message, follow_through=True, **facts)

    def graded(self, criterion: Criterion, share: float, message: str, **facts: Any) -> Verdict:
        """`passed`, `partial` or `failed`, as the share says."""
        return self._with_share(criterion, min(1.0, max(0.0, share)), message, **facts)

    def once(self, criterion: Criterion, verdict: Verdict) -> Verdict:
        """The verdict, unless it charges what an earlier criterion with the same check has charged: then that counts.

        The same mistake is the same `actual` where the same is `expected`.
        """
        if verdict.outcome not in {Outcome.FAILED, Outcome.PARTIAL}:
            return verdict
        checks = {c.id: c.check for task in self.rubric.tasks for c in task.criteria}
        for before in self.earlier:
            same = (before.expected, before.actual) == (verdict.expected, verdict.actual)
            if same and before.share < 1 and verdict.actual and checks[before.criterion] == criterion.check:
                share = max(verdict.share, self.follow_share(criterion))
                message = f"{verdict.message} This was counted under {before.criterion}; here it costs less."
                again = self._with_share(criterion, share, message, follow_through=True)
                return replace(verdict, outcome=again.outcome, share=again.share, message=message, follow_through=True)
        return verdict

    @staticmethod
    def _with_share(criterion: Criterion, share: float, message: str, **facts: Any) -> Verdict:
        if share >= 1:
            return verdicts.passed(criterion, message, **facts)
        if share <= 0:
            return verdicts.failed(criterion, message, **facts)
        return verdicts.partial(criterion, share, message, **facts)
