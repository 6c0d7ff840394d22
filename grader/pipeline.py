"""The way through: find → read → run → collect → label → match → check → score → report.

`grade` is the whole of it; `rescore` starts from stored evidence. One bad submission never stops the
others. What has finished is on disk, in this order: the executed notebook, weights, evidence, pages; whatever ends
a run, the next one goes on from there.
"""

from __future__ import annotations

import functools
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from grader import records
from grader.datasets import fashion_mnist
from grader.errors import ClusterError, EvidenceError, NothingToGradeError, UsageError, WriteError
from grader.evidence import store
from grader.execution.cluster.head import Cluster
from grader.execution.gather import EXECUTED, Gatherer, ThisMachine
from grader.intake.find import find_submissions
from grader.intake.label import label
from grader.intake.read import picture_files
from grader.marking.checks import run_checks
from grader.marking.checks.registry import REGISTRY
from grader.marking.match import match
from grader.marking.score import score
from grader.records import Evidence, Grade, SubmissionRef, Unreadable
from grader.report import export
from grader.report.class_report import ClassReport, ClassResult, Judged, Reported, report_folder
from grader.report.provenance import RunInfo
from grader.rubric.load import LoadedRubric, load_rubric
from grader.rubric.schema import Limits
from grader.system import leftovers
from grader.system.atomic_files import require_room
from grader.system.processes import spread
from grader.system.threads import in_parallel, longest_first
from grader.training.cache import user_cache


class Progress(Protocol):
    """What a run tells while it goes; every method may be called from any thread."""

    def expect(self, refs: Sequence[SubmissionRef]) -> None:
        """All that will be graded, before anything of it is."""

    def doing(self, ref: SubmissionRef, step: str, share: float) -> None:
        """What a submission is at, and how much of it is done (0 … 1)."""

    def finished(self, ref: SubmissionRef, grade: Grade, *, reused: bool) -> None:
        """Its pages are on disk; `reused`: what an earlier run stored was enough."""

    def say(self, message: str) -> None:
        """A sentence for people."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run was asked to do; limits are the rubric's unless overridden."""

    paths: tuple[Path, ...]
    out: Path
    rubric: str | None = None
    jobs: int = 1
    limits: dict[str, float] | None = None
    sandbox: str = "none"
    fits: str = "local"
    """'shared' or 'local'."""
    fresh: bool = False
    audience: str = "staff"
    scheduler: str = ""
    """Address of a Dask cluster to run on; empty: this machine."""


def grade(settings: Settings, progress: Progress, stop: threading.Event) -> ClassResult:
    """Grade everything under the given paths into `settings.out`.

    `stop` ends it early, as an interrupt does: kernels are killed, what finished stays stored and is reported; then
    KeyboardInterrupt is raised. Raises the errors of `grader.errors`, none of them for a student's fault.
    """
    loaded = load_rubric(settings.rubric, REGISTRY)
    info = RunInfo.now(loaded, sandbox=settings.sandbox, fits=settings.fits)
    report = ClassReport(settings.out, loaded, info, settings.audience)
    leftovers.sweep()
    with tempfile.TemporaryDirectory(prefix=leftovers.prefix(), ignore_cleanup_errors=True) as scratch:
        refs = find_submissions(settings.paths, unpack_to=Path(scratch) / "unpacked")  # stage 1: find
        ids = [ref.id for ref in refs]
        with report_folder(settings.out):
            with _gatherer(settings, progress, stop) as gatherer:
                progress.expect(refs)
                run = _ClassRun(settings, loaded, gatherer, Path(scratch), progress, stop, report)
                # What is stored comes first, so that an interrupted report lacks nothing of it.
                run.for_each(refs, run.reuse)
                try:
                    left = [ref for ref in refs if not report.knows(ref.id)]
                    gatherer.expect(len(left))
                    run.for_each(longest_first(left, lambda ref: store.duration_s(settings.out / ref.id)), run.grade)
                except KeyboardInterrupt:
                    progress.say(f"{len(report.reported)} of {len(refs)} have finished.")
                    report.write_interrupted(ids)
                    raise
            if gatherer.problem:
                progress.say(gatherer.problem)
            return report.write(ids)  # stage 9: report, of the class


def rescore(
    out: Path, rubric: str | None, audience: str, say: Callable[[str], None] = lambda _: None, *, jobs: int = 1
) -> ClassResult:
    """Apply today's rubric to the evidence stored under `out`, in up to `jobs` processes; no student code runs."""
    loaded = load_rubric(rubric, REGISTRY)
    with report_folder(out):
        try:
            before = export.read_results(out / "results.json")
        except UsageError as problem:
            say(f"{problem} It is written anew; what changed is not known.")
            before = None
        sources = {s.id: s.source for s in before.submissions} if before else {}
        folders = {folder.name: folder for folder in store.stored_folders(out)}
        folders |= {name: out / name for name in sources if (out / name).is_dir()}  # their evidence is lost
        if not folders:
            raise NothingToGradeError(f"{out} holds no stored evidence: run `grade PATH... --out {out}` first.")
        sandbox, fits = (before.grader.sandbox, before.grader.fits) if before else ("none", "local")
        report = ClassReport(out, loaded, RunInfo.now(loaded, sandbox=sandbox, fits=fits), audience)
        ids = sorted(folders)
        rescore_folder = functools.partial(_rescore_one, report)
        for name, reported in spread(rescore_folder, [(folders[name], sources.get(name, "")) for name in ids], jobs):
            report.take(name, reported)
        return report.write(ids, export.Against(before))  # stage 9: report, of the class


@dataclass(frozen=True, slots=True)
class _ClassRun:
    """What happens to each submission of a run, and what they share."""

    settings: Settings
    loaded: LoadedRubric
    gatherer: Gatherer
    scratch: Path
    progress: Progress
    stop: threading.Event
    report: ClassReport

    def for_each(self, refs: Sequence[SubmissionRef], do: Callable[[SubmissionRef], None]) -> None:
        """Do it for each of them; one that cannot be written does not stop the others, which may have more room."""

        def attempt(ref: SubmissionRef) -> None:
            try:
                do(ref)
            except WriteError as problem:
                self.report.unwritten[ref.id] = problem

        in_parallel(attempt, refs, self.gatherer.threads, self.stop, self.gatherer.cancel)

    def grade(self, ref: SubmissionRef) -> None:
        """Stages 2 to 9 of a submission."""
        folder, doing = self.settings.out / ref.id, functools.partial(self.progress.doing, ref)
        try:
            require_room(folder)  # no student code runs for what could not be stored
            store.save_pictures(picture_files(ref), folder)
            stored = self.gatherer.gather(ref, folder, self.scratch / ref.id, self.limits, doing)  # read, run, collect
            judged = judge(stored, self.loaded)  # label, match, check, score
        except (WriteError, ClusterError):
            raise
        except Exception as problem:
            if self.stop.is_set():
                raise
            judged = Judged.failed(ref, None, self.loaded, problem)
        self.finish(ref, judged, reused=False)  # report

    def reuse(self, ref: SubmissionRef) -> None:
        """Stages 5 to 9 of a submission that an earlier run stored, if it did."""
        folder = self.settings.out / ref.id
        try:
            stored = None if self.settings.fresh else store.reusable(folder, ref, self.limits)
        except EvidenceError as problem:
            self.progress.say(str(problem))
            return
        whole = isinstance(stored, Unreadable) or (folder / EXECUTED).is_file()
        if stored is not None and whole:
            self.finish(ref, judge(stored, self.loaded), reused=True)

    def finish(self, ref: SubmissionRef, judged: Judged, *, reused: bool) -> None:
        """Write its pages, then tell: what is announced is on disk."""
        if self.stop.is_set():  # what its killed processes left is nobody's result
            raise KeyboardInterrupt
        reported = self.report.add(ref.id, judged)
        self.progress.finished(ref, reported.grade, reused=reused)

    @property
    def limits(self) -> Limits:
        return self.loaded.rubric.limits.model_copy(update=self.settings.limits or {})


def _rescore_one(report: ClassReport, stored: tuple[Path, str]) -> tuple[str, Reported | WriteError]:
    """Stages 5 to 9 of what a folder holds, whose source is told; in a process of its own where there are many."""
    folder, source = stored
    try:
        judged = judge(store.load(folder), report.loaded)  # label, match, check, score
    except EvidenceError as problem:
        ref = SubmissionRef(folder.name, folder.name, Path(source), Path(), origin=source)
        judged = Judged.failed(ref, None, report.loaded, problem)
    try:
        return folder.name, report.add(folder.name, judged)  # report
    except WriteError as problem:
        return folder.name, problem


def judge(stored: Evidence | Unreadable, loaded: LoadedRubric) -> Judged:
    """Stages 5 to 8, pure: label, match, check, score. A failure of ours is part of what is given."""
    ref = stored.ref if isinstance(stored, Unreadable) else stored.submission.ref
    try:
        if isinstance(stored, Unreadable):
            return Judged(score(stored, (), loaded), stored)
        labels = label(stored.submission, [task.id for task in loaded.rubric.tasks])
        assignment = match(stored, labels, loaded.rubric, loaded.reference)
        verdicts = run_checks(stored, labels, assignment, loaded)
        errored = [f"{v.criterion} ({v.actual})" for v in verdicts if v.outcome is records.Outcome.ERRORED]
        failure = f"{ref.id}: the grader itself failed on {', '.join(errored)}" if errored else ""
        return Judged(score(stored, verdicts, loaded, labels), stored, assignment, failure)
    except Exception as problem:  # noqa: BLE001 - a sentence and exit code 3, never the student's fault
        return Judged.failed(ref, stored, loaded, problem)


def _gatherer(settings: Settings, progress: Progress, stop: threading.Event) -> AbstractContextManager[Gatherer]:
    """Where the submissions are read and run, and what they left is collected."""
    shared = settings.fits == "shared"
    if settings.scheduler:
        return Cluster(settings.scheduler, progress.say, sandbox=settings.sandbox, shared=shared)
    files, cache, say = fashion_mnist.provide_data(progress.say), user_cache(), progress.say
    return ThisMachine(files, cache, stop, jobs=settings.jobs, sandbox=settings.sandbox, shared=shared, say=say)
