"""The report of a class as it grows: pages of a submission once it is judged, then those of the class.

Nobody else writes into the folder meanwhile; what cannot be written costs its own submission.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from grader.errors import GradeError, UsageError, WriteError
from grader.marking.match import Assignment
from grader.marking.score import errored_grade
from grader.records import Evidence, Grade, SubmissionRef, Unreadable
from grader.report import export
from grader.report.provenance import RunInfo
from grader.report.results_schema import RescoreInfo
from grader.rubric.load import LoadedRubric
from grader.system.atomic_files import require_room, sweep

_INTERRUPTED_S = 0.7
"""Longest that an interrupted run writes on the report of what had finished: nobody waits longer for a Ctrl-C."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A submission's grade and what its pages are made of."""

    grade: Grade
    stored: Evidence | Unreadable | None
    """None where the grader failed before there was any."""
    assignment: Assignment | None = None
    failure: str = ""
    """One sentence where the grader itself failed on it."""

    @classmethod
    def failed(
        cls, ref: SubmissionRef, stored: Evidence | Unreadable | None, loaded: LoadedRubric, problem: Exception
    ) -> Self:
        """Our own fault: no points are lost by it, and a person has to look."""
        if isinstance(problem, GradeError):
            why = str(problem)
        else:
            last = traceback.extract_tb(problem.__traceback__)[-1]
            why = f"{type(problem).__name__}: {problem} ({Path(last.filename).name}:{last.lineno})"
        failure = f"{ref.id}: the grader itself failed: {why}"
        return cls(errored_grade(ref, failure, loaded), stored, failure=failure)


@dataclass(frozen=True, slots=True)
class Reported:
    """What the pages of the class say of a submission whose own pages are written."""

    grade: Grade
    failure: str
    duration_s: float | None
    """None where no code ran."""
    sandbox: str
    """The level that its code ran in; '' where none ran."""


@dataclass(frozen=True, slots=True)
class ClassResult:
    """What is reported of a class."""

    grades: tuple[Grade, ...]
    """In the order of the report."""
    failures: tuple[str, ...]
    """One sentence for each submission on which the grader itself failed."""
    rescored: RescoreInfo | None = None
    """What a rescore changed."""


@contextmanager
def report_folder(out: Path) -> Iterator[None]:
    """Make the folder, and keep a second grader out of it while this one works there.

    Raises UsageError where another one does, and where nothing can be written.
    """
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


@dataclass(frozen=True, slots=True)
class ClassReport:
    """The report in the folder `out`, for students or staff."""

    out: Path
    loaded: LoadedRubric
    info: RunInfo
    audience: str
    reported: dict[str, Reported] = field(default_factory=dict)
    """By the submission's id: what is on disk, pages and all."""
    unwritten: dict[str, WriteError] = field(default_factory=dict)
    """By the submission's id: why it is not."""

    def knows(self, name: str) -> bool:
        """Whether nothing is to be done any more for the submission with this id."""
        return name in self.reported or name in self.unwritten

    def take(self, name: str, reported: Reported | WriteError) -> None:
        """Note what `add` gave or raised in another process."""
        if isinstance(reported, WriteError):
            self.unwritten[name] = reported
        else:
            self.reported[name] = reported

    def add(self, name: str, judged: Judged) -> Reported:
        """Write the pages of the submission with the id `name`; keeps no evidence in memory. Raises WriteError."""
        try:
            self._write_pages(judged)
        except WriteError:
            raise
        except Exception as problem:  # noqa: BLE001 - our own fault, as in judging
            judged = Judged.failed(judged.grade.ref, None, self.loaded, problem)
            self._write_pages(judged)
        ran = judged.stored if isinstance(judged.stored, Evidence) else None
        duration_s, level = (ran.duration_s, ran.sandbox) if ran else (None, "")
        reported = self.reported[name] = Reported(judged.grade, judged.failure, duration_s, level)
        return reported

    def write(self, ids: Sequence[str], against: export.Against | None = None) -> ClassResult:
        """Write the pages of the class. Raises WriteError where they, or a submission before, cannot be written."""
        reported = [self.reported[name] for name in ids if name in self.reported]
        grades = tuple(each.grade for each in reported)
        failures = tuple(each.failure for each in reported if each.failure)
        problems = list(self.unwritten.values())
        durations = {each.grade.ref.id: each.duration_s for each in reported if each.duration_s is not None}
        info = self.info.in_force(each.sandbox for each in reported if each.sandbox)
        document = None
        try:
            if reported:
                document = export.write_class(self.out, grades, durations, self.loaded, info, against)
        except WriteError as problem:
            problems.append(problem)
        if problems:
            finished = f"{len(reported)} of {len(ids)} submissions have finished and are stored"
            raise WriteError(f"{problems[0]} {finished}: run the same command again to go on from there.")
        return ClassResult(grades, failures, document.rescore if document else None)

    def write_interrupted(self, ids: Sequence[str]) -> None:
        """Write what an interrupt leaves time for: files are whole or not there, so it may be cut off anywhere."""

        def write() -> None:
            with suppress(Exception):  # the interrupt is what is told; the report before it stays
                self.write(ids)

        writing = threading.Thread(target=write, daemon=True)
        writing.start()
        writing.join(_INTERRUPTED_S)

    def _write_pages(self, judged: Judged) -> None:
        evidence = judged.stored if isinstance(judged.stored, Evidence) else None
        info = self.info.in_force([evidence.sandbox] if evidence else [])
        export.write_submission(self.out, judged.grade, evidence, self.loaded, info, self.audience, judged.assignment)
