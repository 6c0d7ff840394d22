"""What runs on a worker of a Dask cluster: one submission, from bytes to bytes.

A worker process has a sandbox level, a data set, a cache and trainers of its own; they are made for the first
submission that wants them, shared by all, and let go when none came for a while.
"""

from __future__ import annotations

import errno
import functools
import multiprocessing
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.datasets import fashion_mnist
from grader.errors import DataError, EvidenceError, GradeError, SandboxError, UsageError
from grader.execution.cluster.bundle import Bundle, files_below, lay_out, pack, unpack
from grader.execution.gather import ThisMachine
from grader.records import SubmissionRef
from grader.rubric.schema import Limits
from grader.sandbox import choose
from grader.system import leftovers
from grader.training.cache import user_cache

if TYPE_CHECKING:
    from distributed import Worker

_POLL_S = 0.2
_TELL_S = 0.5
"""Least time between two words on how far a submission is."""
_IDLE_S = 120.0
"""How long trainers wait for the next submission before they are ended."""
_OVER = frozenset(["closing", "closed", "failed"])
"""States of a worker that does nothing more."""
_UNFIT = (SandboxError, DataError, UsageError)
_UNFIT_NUMBERS = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EROFS])


def run(job_bundle: bytes) -> bytes:
    """Run the submission in a bundle of the head's; the answer is a bundle with what came of it, or says why nothing.

    Raises `Reschedule` when the job was called off: nobody waits for an answer then.
    """
    from distributed import Reschedule, get_worker  # Dask is optional

    try:
        request = unpack(job_bundle)
    except EvidenceError as problem:
        return _refusal(f"What was sent cannot be read: {problem}.", unfit=True)
    worker = get_worker()
    job = _Job(worker, str(worker.get_current_task()), str(request.message["topic"]))
    try:
        with job.watched():
            return _answer(request, job)
    except KeyboardInterrupt:
        raise Reschedule from None
    except Exception as problem:  # noqa: BLE001 - no exception travels: a sentence does
        if isinstance(problem, GradeError):
            return _refusal(str(problem), unfit=_is_unfit(problem), exit_code=problem.exit_code)
        last = traceback.extract_tb(problem.__traceback__)[-1]
        sentence = f"{type(problem).__name__}: {problem} ({Path(last.filename).name}:{last.lineno})"
        return _refusal(sentence, unfit=_is_unfit(problem))


def packed_job(ref: SubmissionRef, files: dict[str, bytes], **settings: Any) -> bytes:
    """A bundle for `run`; `settings` is what `_answer` reads. Raises EvidenceError for too large a submission."""
    described = asdict(ref) | {
        "root": "",  # where it lies is nobody else's business
        "source": None if ref.source.is_dir() else ref.source.relative_to(ref.root).as_posix(),
        "companions": [file.as_posix() for file in ref.companions],
    }
    return pack(Bundle({"ref": described, **settings}, files))


def _is_unfit(problem: Exception) -> bool:
    """Whether it is the machine that is wrong rather than something about the submission."""
    full = isinstance(problem, OSError) and problem.errno in _UNFIT_NUMBERS
    return full or isinstance(problem, _UNFIT)


def _refusal(sentence: str, *, unfit: bool, exit_code: int = GradeError.exit_code) -> bytes:
    return pack(Bundle({"problem": sentence, "unfit": unfit, "exit_code": exit_code}, {}))


# ------------------------------------------------------------------ one submission


def _answer(request: Bundle, job: _Job) -> bytes:
    asked = request.message
    with (
        tempfile.TemporaryDirectory(prefix=leftovers.prefix(), ignore_cleanup_errors=True) as temporary,
        _machine(str(asked["sandbox"]), bool(asked["shared"]), job) as (machine, warnings),
    ):
        ref = _ref(asked["ref"], Path(temporary) / "handed_in", request.files)
        left, scratch = Path(temporary) / "left", Path(temporary) / "scratch"
        machine.gather(ref, left, scratch, Limits.model_validate(asked["limits"]), job.doing)
        problems = [*warnings, *filter(None, [machine.problem])]
        return pack(Bundle({"warnings": problems}, files_below(left)))


def _ref(described: dict[str, Any], root: Path, files: Mapping[str, bytes]) -> SubmissionRef:
    """The submission as it lies here, its files laid out."""
    root.mkdir()
    lay_out(files, root)
    source, companions = described["source"], tuple(map(Path, described["companions"]))
    here = {"root": root, "source": root / (source or ""), "companions": companions}
    return SubmissionRef(**described | here | {"ignored": tuple(described["ignored"])})


class _Job:
    """A submission under way: tells how far it is, and notices when nobody wants it any more."""

    def __init__(self, worker: Worker, key: str, topic: str) -> None:
        self.worker = worker
        self.stop = threading.Event()
        """Set once the job is called off."""
        self._key = key
        self._topic = topic
        self._last = ("", 0.0)
        """What was told last, and when."""

    def doing(self, text: str, share: float) -> None:
        before, at = self._last
        if text != before and time.monotonic() - at >= _TELL_S:
            self._last = (text, time.monotonic())
            event = {"key": self._key, "text": text, "share": share, "worker": self.worker.address}
            self.worker.log_event(self._topic, event)

    @contextmanager
    def watched(self) -> Iterator[None]:
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done,), daemon=True, name="grade-watch").start()
        try:
            yield
        finally:
            done.set()

    def _watch(self, done: threading.Event) -> None:
        """The scheduler takes a task back when its client cancels it, and when the client is gone, however it ended."""
        while not done.wait(_POLL_S):
            task = self.worker.state.tasks.get(self._key)
            if task is None or task.state == "cancelled" or self.worker.status.name in _OVER:
                self.stop.set()
                return


# ------------------------------------------------------------------ what the process keeps


@dataclass(slots=True)
class _Machine:
    """`ThisMachine` for all submissions of this process with the same settings."""

    here: ThisMachine
    warnings: list[str]
    """What users must know, so far."""
    stop: threading.Event
    users: int = 0
    since: float = 0.0
    """When the last user left."""

    def end(self) -> None:
        self.stop.set()
        self.here.cancel()
        self.here.__exit__()


_lock = threading.Lock()
_machines: dict[tuple[str, bool], _Machine] = {}


@contextmanager
def _machine(sandbox: str, shared: bool, job: _Job) -> Iterator[tuple[ThisMachine, list[str]]]:
    """What this process has for a job, and what users must know about its sandbox."""
    key = (sandbox, shared)
    with _lock:  # who comes meanwhile needs the same data set
        machine = _machines.get(key)
        if machine is None:
            machine = _machines[key] = _make(sandbox, shared, job)
        machine.users += 1
    try:
        yield machine.here.called_off_by(job.stop), machine.warnings
    finally:
        with _lock:
            machine.users -= 1
            machine.since = time.monotonic()
            if machine.users == 0:
                _let_go(key, machine, at_once=job.stop.is_set())


def _make(sandbox: str, shared: bool, job: _Job) -> _Machine:
    multiprocessing.current_process().daemon = False  # as Dask's nanny has it, no trainer could be started
    leftovers.sweep()
    choice = choose(sandbox)
    stop, files = threading.Event(), fashion_mnist.provide_data(lambda message: job.doing(message, 0.0))
    warnings, jobs = list(choice.warnings), job.worker.state.nthreads
    here = ThisMachine(files, user_cache(), stop, jobs=jobs, sandbox=choice.name, shared=shared, say=warnings.append)
    return _Machine(here, warnings, stop)


def _let_go(key: tuple[str, bool], machine: _Machine, *, at_once: bool) -> None:
    """End it once it is idle; at once, with trainings that go on for nobody, where its last job was called off."""
    if at_once:
        _machines.pop(key)
        machine.end()
        return
    timer = threading.Timer(_IDLE_S, functools.partial(_end_if_idle, key, machine))
    timer.daemon = True
    timer.start()


def _end_if_idle(key: tuple[str, bool], machine: _Machine) -> None:
    with _lock:
        idle = machine.users == 0 and time.monotonic() - machine.since >= _IDLE_S * 0.99
        if idle and _machines.get(key) is machine:
            _machines.pop(key)
            machine.end()
