"""The way through: find → read → label → run → harvest → match → check → score → report.

`grade` is the whole of it; `rescore` starts from stored evidence. One bad submission never stops the
others, and each is on disk before the next is waited for.
"""

from __future__ import annotations

import shutil
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import nbformat
from filelock import FileLock, Timeout

from grader import data, records
from grader.atomic import atomic_write
from grader.checks import run_checks
from grader.errors import GradeError, NothingToGradeError, UsageError
from grader.evidence import store
from grader.evidence.harvest import harvest
from grader.fits.verify import Verifier
from grader.intake.find import find_submissions
from grader.intake.label import label
from grader.intake.read import read_submission
from grader.match import Assignment, match
from grader.records import Evidence, Grade, SubmissionRef, Unreadable
from grader.report import export
from grader.report.run_info import RunInfo
from grader.rubric.load import LoadedRubric, load_rubric
from grader.rubric.schema import Limits
from grader.run import RunResult, RunSettings, run_submission
from grader.sandbox import Bounds
from grader.score import errored_grade, score


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
    fresh: bool = False
    audience: str = "staff"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run leaves in memory: the grades, in the order of the report."""

    grades: tuple[Grade, ...]
    loaded: LoadedRubric
    info: RunInfo
    failures: tuple[str, ...]
    """One sentence for each submission on which the grader itself failed."""


def grade(settings: Settings, progress: Progress, stop: threading.Event) -> Outcome:
    """Grade everything under the given paths into `settings.out`.

    `stop` ends it early (kernels are killed, what finished stays stored); then KeyboardInterrupt is raised.
    Raises the errors of `grader.errors`, none of them for a student's fault.
    """
    loaded = load_rubric(settings.rubric)
    limits = loaded.rubric.limits.model_copy(update=settings.limits or {})
    with tempfile.TemporaryDirectory(prefix="grade-") as temporary:
        scratch = Path(temporary)
        refs = find_submissions(settings.paths, unpack_to=scratch / "unpacked")
        with _report_folder(settings.out):
            files = data.provide_data(progress.say)
            progress.expect(refs)
            with Verifier(files, jobs=settings.jobs) as verifier:
                run = _Run(settings, limits, loaded, verifier, scratch, progress, stop)
                done = _in_parallel(lambda ref: _grade_one(ref, run), refs, settings.jobs, stop)
            return _report(done, loaded, settings)


def rescore(out: Path, rubric: str | None, audience: str) -> tuple[Outcome, list[export.Change]]:
    """Apply today's rubric to the evidence stored under `out`; no student code runs."""
    loaded = load_rubric(rubric)
    before = export.read_results(out / "results.json")
    folders = store.stored_folders(out)
    if not folders:
        raise NothingToGradeError(f"{out} holds no stored evidence: run `grade PATH... --out {out}` first.")
    with _report_folder(out):
        done = [_judge_safely(store.load(folder), loaded) for folder in folders]
        sandbox = before.grader.sandbox if before else "none"
        outcome = _report(done, loaded, Settings((), out, sandbox=sandbox, audience=audience))
    return outcome, export.changes(before, outcome.grades)


# ------------------------------------------------------------------ one submission


@dataclass(frozen=True, slots=True)
class _Run:
    """What all submissions of a run share."""

    settings: Settings
    limits: Limits
    loaded: LoadedRubric
    verifier: Verifier
    scratch: Path
    progress: Progress
    stop: threading.Event


@dataclass(frozen=True, slots=True)
class _Graded:
    grade: Grade
    stored: Evidence | Unreadable | None
    assignment: Assignment | None = None
    failure: str = ""


def _grade_one(ref: SubmissionRef, run: _Run) -> _Graded:
    reused = None if run.settings.fresh else store.reusable(run.settings.out / ref.id, ref, run.limits)
    try:
        graded = _judge_safely(reused or _gather(ref, run), run.loaded)
    except Exception as problem:
        if run.stop.is_set():
            raise
        graded = _failed(ref, None, run.loaded, problem)
    if not run.stop.is_set():
        _write_pages(graded, run.loaded, run.settings)
        run.progress.finished(ref, graded.grade, reused=reused is not None)
    return graded


def _gather(ref: SubmissionRef, run: _Run) -> Evidence | Unreadable:
    """Stages 2 to 5: read, run, harvest, store."""
    folder = run.settings.out / ref.id
    run.progress.doing(ref, "reading", 0.0)
    submission = read_submission(ref)
    if isinstance(submission, Unreadable):
        store.save(submission, folder, run.limits)
        return submission
    scratch = run.scratch / ref.id
    scratch.mkdir(parents=True)
    settings = RunSettings(
        data_directory=run.verifier.files.directory,
        notebook_s=run.limits.notebook_s,
        cell_s=run.limits.cell_s,
        output_mib=run.limits.output_mib,
        bounds=Bounds(
            memory_mib=run.limits.memory_mib,
            disk_mib=run.limits.disk_mib,
            processes=run.limits.processes,
            open_files=run.limits.open_files,
        ),
        sandbox=run.settings.sandbox,
        stop=run.stop,
    )
    result: RunResult | None = None
    try:
        result = run_submission(submission, scratch, settings, lambda p: run.progress.doing(ref, p.text, p.share))
        run.progress.doing(ref, "verifying", 1.0)
        evidence = harvest(submission, result, run.verifier.files, run.verifier)
        store.save(evidence, folder, run.limits, weights_from=result.raw_evidence)
        atomic_write(folder / "executed.ipynb", nbformat.writes(result.executed) + "\n")
    finally:
        if result is not None:
            result.discard()
        shutil.rmtree(scratch, ignore_errors=True)
    return evidence


def _judge_safely(stored: Evidence | Unreadable, loaded: LoadedRubric) -> _Graded:
    ref = stored.ref if isinstance(stored, Unreadable) else stored.submission.ref
    try:
        return _judge(stored, loaded)
    except Exception as problem:  # noqa: BLE001 - our own fault: a sentence and exit code 3, never the student's
        return _failed(ref, stored, loaded, problem)


def _judge(stored: Evidence | Unreadable, loaded: LoadedRubric) -> _Graded:
    """Stages 6 to 8, pure: match, check, score."""
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


def _in_parallel(
    grade_one: Callable[[SubmissionRef], _Graded], refs: Sequence[SubmissionRef], jobs: int, stop: threading.Event
) -> list[_Graded]:
    """Grade with `jobs` threads; each drives a kernel of its own. In the order of `refs`."""
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="grade") as pool:
        futures: list[Future[_Graded]] = [pool.submit(grade_one, ref) for ref in refs]
        pending = set(futures)
        try:
            while pending and not stop.is_set():
                _, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
        except KeyboardInterrupt:
            stop.set()
        if stop.is_set():
            pool.shutdown(wait=True, cancel_futures=True)
            raise KeyboardInterrupt
    return [future.result() for future in futures]


def _report(done: Sequence[_Graded], loaded: LoadedRubric, settings: Settings) -> Outcome:
    info = _run_info(loaded, settings)
    for graded in done:
        _write_pages(graded, loaded, settings)
    grades = tuple(graded.grade for graded in done)
    export.write_class(settings.out, grades, [graded.stored for graded in done], loaded, info)
    return Outcome(grades, loaded, info, tuple(graded.failure for graded in done if graded.failure))


def _write_pages(graded: _Graded, loaded: LoadedRubric, settings: Settings) -> None:
    evidence = graded.stored if isinstance(graded.stored, Evidence) else None
    info = _run_info(loaded, settings)
    export.write_submission(settings.out, graded.grade, evidence, loaded, info, settings.audience, graded.assignment)


def _run_info(loaded: LoadedRubric, settings: Settings) -> RunInfo:
    return RunInfo.now(loaded, sandbox=settings.sandbox, fits="local")


@contextmanager
def _report_folder(out: Path) -> Iterator[None]:
    """Make the folder, and keep a second grader out of it while this one works there."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        lock = FileLock(out / ".lock", timeout=0)
        lock.acquire()
    except Timeout:
        raise UsageError(
            f"Another grade is working in {out}: wait until it has ended, or choose another --out."
        ) from None
    except OSError as problem:
        raise UsageError(
            f"Cannot write into {out} ({problem.strerror or problem}): choose another --out, or make it writable."
        ) from None
    try:
        yield
    finally:
        lock.release()
