"""The way through: find → read → run → collect → label → match → check → score → report.

`grade` is the whole of it; `rescore` starts from stored evidence. One bad submission never stops the
others. What has finished is on disk, in this order: the executed notebook, weights, evidence, pages; whatever ends
a run, the next one goes on from there.
"""

from __future__ import annotations

import functools
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from grader import records
from grader.datasets import fashion_mnist as data
from grader.errors import ClusterError, EvidenceError, GradeError, NothingToGradeError, UsageError, WriteError
from grader.evidence import store
from grader.execution.gather import EXECUTED, Gatherer, Here
from grader.intake.find import find_submissions
from grader.intake.label import label
from grader.marking.checks import run_checks
from grader.marking.match import Assignment, match
from grader.marking.score import errored_grade, score
from grader.records import Evidence, Grade, SubmissionRef, Unreadable
from grader.report import export
from grader.report.results_schema import RescoreInfo
from grader.report.run_info import RunInfo
from grader.rubric.load import LoadedRubric, load_rubric
from grader.rubric.schema import Limits
from grader.system import leftovers
from grader.system.atomic_files import require_room, sweep
from grader.system.processes import spread
from grader.system.threads import in_parallel, longest_first
from grader.training.cache import user_cache

REPORT_S = 0.7
"""Longest that an interrupted run writes on the report of what had finished."""


class Progress(Protocol):
    """What a run tells while it goes; every method may be called from any thread."""

    def expect(self, refs: Sequence[SubmissionRef]) -> None: ...
    def doing(self, ref: SubmissionRef, what: str, share: float) -> None: ...
    def finished(self, ref: SubmissionRef, grade: Grade, *, reused: bool) -> None: ...
    def say(self, message: str) -> None: ...


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


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run leaves in memory: the grades, in the order of the report."""

    grades: tuple[Grade, ...]
    loaded: LoadedRubric
    info: RunInfo
    failures: tuple[str, ...]
    """One sentence for each submission on which the grader itself failed."""
    rescored: RescoreInfo | None = None
    """What a rescore changed."""


def grade(settings: Settings, progress: Progress, stop: threading.Event) -> Outcome:
    """Grade everything under the given paths into `settings.out`.

    `stop` ends it early, as an interrupt does: kernels are killed, what finished stays stored and is reported; then
    KeyboardInterrupt is raised. Raises the errors of `grader.errors`, none of them for a student's fault.
    """
    loaded = load_rubric(settings.rubric)
    limits = loaded.rubric.limits.model_copy(update=settings.limits or {})
    report = _Report(settings.out, loaded, _run_info(loaded, settings), settings.audience)
    leftovers.sweep()
    with tempfile.TemporaryDirectory(prefix=leftovers.prefix(), ignore_cleanup_errors=True) as temporary:
        scratch = Path(temporary)
        refs = find_submissions(settings.paths, unpack_to=scratch / "unpacked")
        ids = [ref.id for ref in refs]
        with _report_folder(settings.out):
            gathering = _gathering(settings, progress, stop)
            progress.expect(refs)
            with gathering as gatherer:
                run = _Run(settings, limits, loaded, gatherer, scratch, progress, stop, report)
                # What is stored comes first, so that an interrupted report lacks nothing of it.
                _for_each(refs, _reuse, run)
                try:
                    left = [ref for ref in refs if not report.knows(ref.id)]
                    gatherer.expect(len(left))
                    _for_each(longest_first(left, lambda r: store.duration_s(settings.out / r.id)), _grade_one, run)
                except KeyboardInterrupt:
                    progress.say(f"{len(report.done)} of {len(refs)} have finished.")
                    _in_time(lambda: report.write(ids))
                    raise
            if gatherer.problem:
                progress.say(gatherer.problem)
            return report.write(ids)


def rescore(
    out: Path, rubric: str | None, audience: str, say: Callable[[str], None] = lambda _: None, *, jobs: int = 1
) -> Outcome:
    """Apply today's rubric to the evidence stored under `out`, in up to `jobs` processes; no student code runs."""
    loaded = load_rubric(rubric)
    with _report_folder(out):
        try:
            before = export.read_results(out / "results.json")
        except UsageError as problem:
            say(f"{problem} It is written anew; what changed is not known.")
            before = None
        reported = {s.id: s.source for s in before.submissions} if before else {}
        folders = {folder.name: folder for folder in store.stored_folders(out)}
        folders |= {name: out / name for name in reported if (out / name).is_dir()}  # their evidence is lost
        if not folders:
            raise NothingToGradeError(f"{out} holds no stored evidence: run `grade PATH... --out {out}` first.")
        sandbox, fits = (before.grader.sandbox, before.grader.fits) if before else ("none", "local")
        info = _run_info(loaded, Settings((), out, sandbox=sandbox, fits=fits))
        report = _Report(out, loaded, info, audience)
        names = sorted(folders)
        again = functools.partial(_rescored, report)
        for done in spread(again, [(folders[name], reported.get(name, "")) for name in names], jobs):
            report.take(*done)
        return report.write(names, export.Against(before))


def _gathering(settings: Settings, progress: Progress, stop: threading.Event) -> AbstractContextManager[Gatherer]:
    """Where the submissions run."""
    shared = settings.fits == "shared"
    if settings.scheduler:
        from grader.execution.cluster.head import Cluster

        return Cluster(settings.scheduler, progress.say, sandbox=settings.sandbox, shared=shared)
    files, cache, say = data.provide_data(progress.say), user_cache(), progress.say
    return Here(files, cache, stop, jobs=settings.jobs, sandbox=settings.sandbox, shared=shared, say=say)


# ------------------------------------------------------------------ one submission


@dataclass(frozen=True, slots=True)
class _Run:
    """What all submissions of a run share."""

    settings: Settings
    limits: Limits
    loaded: LoadedRubric
    gatherer: Gatherer
    scratch: Path
    progress: Progress
    stop: threading.Event
    report: _Report


@dataclass(frozen=True, slots=True)
class _Graded:
    grade: Grade
    stored: Evidence | Unreadable | None
    assignment: Assignment | None = None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class _Done:
    """What the report of the class needs to know of a submission whose pages are written."""

    grade: Grade
    failure: str
    duration_s: float | None
    """None where no code ran."""
    sandbox: str
    """The level that its code ran in; '' where none ran."""


def _reuse(ref: SubmissionRef, run: _Run) -> None:
    """Judge what an earlier run stored of it, if it did."""
    folder = run.settings.out / ref.id
    try:
        stored = None if run.settings.fresh else store.reusable(folder, ref, run.limits)
    except EvidenceError as problem:
        run.progress.say(str(problem))
        return
    whole = isinstance(stored, Unreadable) or (folder / EXECUTED).is_file()
    if stored is not None and whole:
        _finish(ref, _judge_safely(stored, run.loaded), run, reused=True)


def _grade_one(ref: SubmissionRef, run: _Run) -> None:
    """Run it, judge it, report it."""
    try:
        require_room(run.settings.out / ref.id)  # no student code runs for what could not be stored
        folder, scratch = run.settings.out / ref.id, run.scratch / ref.id
        doing = functools.partial(run.progress.doing, ref)
        graded = _judge_safely(run.gatherer.gather(ref, folder, scratch, run.limits, doing), run.loaded)
    except (WriteError, ClusterError):
        raise
    except Exception as problem:
        if run.stop.is_set():
            raise
        graded = _failed(ref, None, run.loaded, problem)
    _finish(ref, graded, run, reused=False)


def _finish(ref: SubmissionRef, graded: _Graded, run: _Run, *, reused: bool) -> None:
    """Write its pages, then tell: what is announced is on disk."""
    _go_on(run)
    done = run.report.add(ref.id, graded)
    run.progress.finished(ref, done.grade, reused=reused)


def _go_on(run: _Run) -> None:
    """Raise KeyboardInterrupt in a run that was stopped: what its killed processes left is nobody's result."""
    if run.stop.is_set():
        raise KeyboardInterrupt


def _rescored(report: _Report, stored: tuple[Path, str]) -> tuple[str, _Done | WriteError]:
    """Judge what a folder holds and write its pages; runs in a process of its own where there are many."""
    folder, source = stored
    try:
        return folder.name, report.add(folder.name, _rejudged(folder, source, report.loaded))
    except WriteError as problem:
        return folder.name, problem


def _rejudged(folder: Path, source: str, loaded: LoadedRubric) -> _Graded:
    try:
        return _judge_safely(store.load(folder), loaded)
    except EvidenceError as problem:
        ref = SubmissionRef(folder.name, folder.name, Path(source), Path(), origin=source)
        return _failed(ref, None, loaded, problem)


def _judge_safely(stored: Evidence | Unreadable, loaded: LoadedRubric) -> _Graded:
    ref = stored.ref if isinstance(stored, Unreadable) else stored.submission.ref
    try:
        return _judge(stored, loaded)
    except Exception as problem:  # noqa: BLE001 - our own fault: a sentence and exit code 3, never the student's
        return _failed(ref, stored, loaded, problem)


def _judge(stored: Evidence | Unreadable, loaded: LoadedRubric) -> _Graded:
    """Stages 5 to 8, pure: label, match, check, score."""
    if isinstance(stored, Unreadable):
        return _Graded(score(stored, (), loaded), stored)
    labels = label(stored.submission, [task.id for task in loaded.rubric.tasks])
    assignment = match(stored, labels, loaded.rubric, loaded.reference)
    verdicts = run_checks(stored, labels, assignment, loaded)
    errored = [f"{v.criterion} ({v.actual})" for v in verdicts if v.outcome is records.Outcome.ERRORED]
    failure = f"{stored.submission.ref.id}: the grader itself failed on {', '.join(errored)}" if errored else ""
    return _Graded(score(stored, verdicts, loaded), stored, assignment, failure)


def _failed(
    ref: SubmissionRef, stored: Evidence | Unreadable | None, loaded: LoadedRubric, problem: Exception
) -> _Graded:
    if isinstance(problem, GradeError):
        why = str(problem)
    else:
        last = traceback.extract_tb(problem.__traceback__)[-1]
        why = f"{type(problem).__name__}: {problem} ({Path(last.filename).name}:{last.lineno})"
    failure = f"{ref.id}: the grader itself failed: {why}"
    return _Graded(errored_grade(ref, failure, loaded), stored, failure=failure)


# ------------------------------------------------------------------ all of them


@dataclass(frozen=True, slots=True)
class _Report:
    """The report as it grows."""

    out: Path
    loaded: LoadedRubric
    info: RunInfo
    audience: str
    done: dict[str, _Done] = field(default_factory=dict)
    """By the submission's id: what is on disk, pages and all."""
    unwritten: dict[str, WriteError] = field(default_factory=dict)
    """By the submission's id: why it is not."""

    def knows(self, name: str) -> bool:
        return name in self.done or name in self.unwritten

    def take(self, name: str, done: _Done | WriteError) -> None:
        if isinstance(done, WriteError):
            self.unwritten[name] = done
        else:
            self.done[name] = done

    def add(self, name: str, graded: _Graded) -> _Done:
        """Write a submission's pages; keeps what the class's pages say of it, not its evidence. Raises WriteError."""
        try:
            self._write_pages(graded)
        except WriteError:
            raise
        except Exception as problem:  # noqa: BLE001 - our own fault, as in judging
            graded = _failed(graded.grade.ref, None, self.loaded, problem)
            self._write_pages(graded)
        ran = graded.stored if isinstance(graded.stored, Evidence) else None
        taken, level = (ran.duration_s, ran.sandbox) if ran else (None, "")
        done = self.done[name] = _Done(graded.grade, graded.failure, taken, level)
        return done

    def write(self, names: Sequence[str], against: export.Against | None = None) -> Outcome:
        """Write the pages of the class. Raises WriteError where they, or a submission before, cannot be written."""
        done = [self.done[name] for name in names if name in self.done]
        grades = tuple(graded.grade for graded in done)
        failures = tuple(graded.failure for graded in done if graded.failure)
        problems = list(self.unwritten.values())
        durations = {d.grade.ref.id: d.duration_s for d in done if d.duration_s is not None}
        info = self.info.in_force(d.sandbox for d in done if d.sandbox)
        document = None
        try:
            if done:
                document = export.write_class(self.out, grades, durations, self.loaded, info, against)
        except WriteError as problem:
            problems.append(problem)
        if problems:
            finished = f"{len(done)} of {len(names)} submissions have finished and are stored"
            raise WriteError(f"{problems[0]} {finished}: run the same command again to go on from there.")
        return Outcome(grades, self.loaded, info, failures, document.rescore if document else None)

    def _write_pages(self, graded: _Graded) -> None:
        evidence = graded.stored if isinstance(graded.stored, Evidence) else None
        info = self.info.in_force([evidence.sandbox] if evidence else [])
        export.write_submission(self.out, graded.grade, evidence, self.loaded, info, self.audience, graded.assignment)


def _for_each(refs: Sequence[SubmissionRef], do: Callable[[SubmissionRef, _Run], None], run: _Run) -> None:
    def one(ref: SubmissionRef) -> None:
        try:
            do(ref, run)
        except WriteError as problem:  # the others may have more room
            run.report.unwritten[ref.id] = problem

    in_parallel(one, refs, run.gatherer.threads, run.stop, run.gatherer.cancel)


def _in_time(write: Callable[[], object]) -> None:
    """Write what an interrupt leaves time for: every file is whole or not there, so it may be cut off anywhere."""

    def writing_it() -> None:
        with suppress(Exception):  # the interrupt is what is told; the report before it stays
            write()

    writing = threading.Thread(target=writing_it, daemon=True)
    writing.start()
    writing.join(REPORT_S)


def _run_info(loaded: LoadedRubric, settings: Settings) -> RunInfo:
    return RunInfo.now(loaded, sandbox=settings.sandbox, fits=settings.fits)


@contextmanager
def _report_folder(out: Path) -> Iterator[None]:
    """Make the folder, and keep a second grader out of it while this one works there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"Another grade is working in {out}: wait until it has ended, or choose another folder."
        ) from None
    except OSError as problem:
        raise UsageError(
            f"Cannot write into {out} ({problem.strerror or problem}): choose another --out, or make it writable."
        ) from None
    try:
        require_room(out)
        sweep(out, depth=3)
        yield
    finally:
        lock.release()
