"""Stages 2 to 4 of one submission: read, run, collect."""

from __future__ import annotations

import copy
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Protocol, Self

import nbformat

from grader.datasets.fashion_mnist import DataFiles
from grader.errors import GradeError
from grader.evidence import store
from grader.evidence.collect import collect, official
from grader.evidence.run_result import RunResult
from grader.execution.admission import KERNEL_BYTES, Admission
from grader.execution.run import RunSettings, run_submission
from grader.intake.read import read_submission
from grader.records import Evidence, Submission, SubmissionRef, Unreadable
from grader.rubric.schema import Limits
from grader.sandbox import Bounds
from grader.sandbox.zygote_client import ZygoteClient
from grader.system.atomic_files import atomic_write
from grader.system.memory import free_bytes
from grader.system.slots import Slots
from grader.training.cache import Cache
from grader.training.single_flight import SingleFlight
from grader.training.trainer import Trainer
from grader.training.verification import Verifier
from grader.training.workers import Workers

EXECUTED = "executed.ipynb"
_WORTH_A_ZYGOTE = 3
"""Fewest kernels for which it pays to load their libraries in advance."""

Stored = Evidence | Unreadable

Doing = Callable[[str, float], None]
"""Hears what is being done and how much of it is done (0 … 1)."""


class Gatherer(Protocol):
    """Where submissions run: on this machine, or on others."""

    threads: int
    """How many may be under way at once."""

    def gather(self, ref: SubmissionRef, folder: Path, scratch: Path, limits: Limits, doing: Doing) -> Stored:
        """Run a submission and leave what came of it in `folder`; the evidence is written last.

        `scratch` does not exist before and after. Raises WriteError, other errors of `grader.errors` where something of
        ours does not work, and KeyboardInterrupt once the run is stopped.
        """
        ...

    def expect(self, count: int) -> None:
        """Hear how many submissions will be gathered."""
        ...

    def cancel(self) -> None:
        """Call off everything that is under way."""
        ...

    @property
    def problem(self) -> str:
        """What users must know at the end of a run, one sentence; '' while all is well."""
        ...


class ThisMachine:
    """A `Gatherer` on the own machine: `jobs` cores, a sandbox for each submission, one trainer for all."""

    def __init__(
        self,
        files: DataFiles,
        cache: Cache,
        stop: threading.Event,
        *,
        jobs: int,
        sandbox: str,
        shared: bool,
        say: Callable[[str], None],
    ) -> None:
        """`shared`: trainings are shared; otherwise each notebook trains its own networks. `say` hears of troubles."""
        self.threads = 3 * jobs if shared else jobs  # those that wait for the trainer need no core
        self._stop = stop
        self._cache = cache
        self._sandbox = sandbox
        self._shared = shared
        self._workers = Workers(files, jobs)
        self._zygote: ZygoteClient | None = ZygoteClient(say)
        slots = Slots(jobs)
        self._admission = Admission(slots, KERNEL_BYTES, free_bytes, stop)
        self._single_flight = single_flight = SingleFlight(cache, stop)
        self._verifier = Verifier(self._workers, single_flight)
        self._trainer = Trainer(self._workers, single_flight, slots)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.close()
        if self._zygote is not None:
            self._zygote.close()

    def cancel(self) -> None:
        self._workers.cancel()

    def expect(self, count: int) -> None:
        if count < _WORTH_A_ZYGOTE:
            self._zygote = None
        if count:
            threading.Thread(target=self._prepare, daemon=True).start()
        if count and self._shared and self._single_flight.is_empty():  # then a worker is needed soon
            threading.Thread(target=self._workers.begin, daemon=True).start()

    def _prepare(self) -> None:
        """What every submission needs, while the first kernels load; what goes wrong, a submission will tell."""
        with suppress(GradeError):
            official(self._workers.files)

    @property
    def problem(self) -> str:
        return self._cache.problem

    def called_off_by(self, stop: threading.Event) -> ThisMachine:
        """The same machine, for a submission that `stop` ends alone."""
        same = copy.copy(self)
        same._stop = stop  # noqa: SLF001
        return same

    def gather(self, ref: SubmissionRef, folder: Path, scratch: Path, limits: Limits, doing: Doing) -> Stored:
        doing("reading", 0.0)
        submission = read_submission(ref)
        if isinstance(submission, Unreadable):
            store.save(submission, folder, limits)
            return submission
        scratch.mkdir(parents=True)
        try:
            with self._admission.entered():
                return self._run(submission, folder, scratch, limits, doing)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _run(self, submission: Submission, folder: Path, scratch: Path, limits: Limits, doing: Doing) -> Evidence:
        settings = RunSettings(
            data_directory=self._workers.files.directory,
            notebook_s=limits.notebook_s,
            cell_s=limits.cell_s,
            output_mib=limits.output_mib,
            bounds=Bounds(**{limit.name: getattr(limits, limit.name) for limit in fields(Bounds)}),
            sandbox=self._sandbox,
            stop=self._stop,
            trainer=self._trainer if self._shared else None,
            zygote=self._zygote,
        )
        result: RunResult | None = None
        try:
            if self._stop.is_set():
                raise KeyboardInterrupt
            result = run_submission(submission, scratch, settings, lambda p: doing(p.text, p.share))
            if self._stop.is_set():  # what its killed processes left is nobody's result
                raise KeyboardInterrupt
            doing("verifying", 1.0)
            atomic_write(folder / EXECUTED, nbformat.writes(result.executed).encode("utf-8", "replace") + b"\n")
            evidence = collect(submission, result, self._workers.files, self._verifier, folder)
            store.save(evidence, folder, limits)  # the last: where it is, the submission is never run again
            return evidence
        finally:
            if result is not None:
                result.discard()
