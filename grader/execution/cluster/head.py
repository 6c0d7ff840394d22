"""The grader's end of a Dask cluster: each submission is a job, bytes out and bytes back.

The scheduler finds a worker for each; where a worker dies, its jobs start anew elsewhere, and one that takes several
workers with it ends as an error of ours. What comes back is validated and written anew, as if it came from a stranger.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import threading
import uuid
import warnings
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import nbformat

from grader import __version__
from grader.errors import ClusterError, EvidenceError, GradeError, UsageError, WriteError
from grader.evidence import store
from grader.evidence.decode import read_weights
from grader.execution.cluster import worker
from grader.execution.cluster.bundle import OtherVersion, lay_out, unpack
from grader.execution.gather import EXECUTED, Doing, Stored
from grader.intake.read import read_submission
from grader.records import Evidence, SubmissionRef, Training, Unreadable
from grader.rubric.schema import Limits
from grader.system.atomic_files import atomic_write
from grader.wire.files import PinnedFolder, Rejected
from grader.wire.npz import weights_digest

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_S = 10.0
_LEAST_AHEAD = 64
"""Jobs that the scheduler knows of at least, so that a cluster that grows has something to grow for."""
_LOOK_S = 5.0
_CLOSE_S = 2.0
_STEP_CHARS = 200
"""Most of what a worker says of what it is doing."""
_ADDRESS = re.compile(r"(?:tcp|tls)://[^\s/]+:\d{1,5}/?")
_EVIDENCE = f"{store.FOLDER}/{store.FILE}"
_WEIGHTS = re.compile(rf"{store.FOLDER}/weights/[0-9a-f]+\.npz")
_LOST = "The connection to the scheduler was lost, or it has forgotten this run"
_INSTALL = "`--scheduler` needs Dask's distributed: pip install 'grade-notebooks[cluster]'."


class Cluster:
    """A `Gatherer` on the workers that are connected to a scheduler, now or later."""

    def __init__(self, address: str, say: Callable[[str], None], *, sandbox: str, shared: bool) -> None:
        """`sandbox` as `--sandbox` has it: each worker chooses for itself. Raises UsageError for no address."""
        if not _ADDRESS.fullmatch(address):
            raise UsageError(f"`--scheduler {address}` is no address such as tcp://HOST:PORT or tls://HOST:PORT.")
        self.threads = _LEAST_AHEAD
        self._address = address
        self._say = say
        self._sandbox = sandbox
        self._shared = shared
        self._topic = f"grade-{uuid.uuid4().hex}"
        self._client: Client
        self._lock = threading.Lock()
        self._jobs: dict[str, tuple[Future[bytes], Doing]] = {}
        self._warnings: set[str] = set()
        """What was said already."""
        self._cancelled = False
        self._broken: ClusterError | None = None
        self._closed = threading.Event()
        self._settings = ExitStack()

    def __enter__(self) -> Self:
        """Raises UsageError without the extra, ClusterError where no scheduler answers."""
        self._client = self._connected()
        self._client.subscribe_topic(self._topic, self._heard)
        threads = self._client.scheduler_info(n_workers=0)["total_threads"]
        self.threads = max(_LEAST_AHEAD, 2 * threads)
        if not threads:
            self._say(f"No worker is connected to {self._address} yet: waiting for one.")
        threading.Thread(target=self._look_after, args=(bool(threads),), daemon=True, name="grade-look").start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        with suppress(Exception):  # what is to be had is here already
            self._client.close(timeout=_CLOSE_S)
        self._settings.close()

    def gather(self, ref: SubmissionRef, folder: Path, scratch: Path, limits: Limits, doing: Doing) -> Stored:
        """Raises ClusterError where no further submission can succeed; else as `Gatherer.gather` does."""
        read = read_submission(ref)
        if isinstance(read, Unreadable):
            store.save(read, folder, limits)
            return read
        settings = {"sandbox": self._sandbox, "shared": self._shared, "limits": limits.model_dump(mode="json")}
        job = worker.packed_job(ref, _files(ref), topic=self._topic, **settings)
        files = self._answered(job, doing)
        scratch.mkdir(parents=True)
        try:
            return received(files, ref, folder, scratch, limits)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    @property
    def problem(self) -> str:
        return ""  # workers' warnings are said as they come

    def expect(self, count: int) -> None:
        """The workers need not know."""

    def cancel(self) -> None:
        """The scheduler takes the jobs back, upon which workers kill their kernels; `gather` is interrupted."""
        with self._lock:
            self._cancelled = True
        self._call_off()

    # -------------------------------------------------------------- the connection

    def _connected(self) -> Client:
        try:
            import dask.config  # Dask is optional
            from distributed import Client
        except ImportError as missing:
            raise UsageError(_INSTALL) from missing
        for name in ("distributed", "distributed.client", "distributed.core", "distributed.comm"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)  # what users must know, we say
        # Submissions are jobs' arguments on purpose: data that lie on a worker would be lost with it.
        self._settings.enter_context(dask.config.set({"distributed.admin.large-graph-warning-threshold": "4 GiB"}))
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                client = Client(self._address, timeout=CONNECT_S, set_as_default=False, name="grade")
        except Exception as problem:
            self._settings.close()
            why = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
            raise ClusterError(
                f"No Dask scheduler answers at {self._address} ({why}): start one with `dask scheduler`, "
                "and see that this machine reaches its port."
            ) from problem
        if any("ersion" in str(warning.message) for warning in caught):
            self._say(f"Versions of Python or packages here and at {self._address} differ: use the same everywhere.")
        return client

    def _look_after(self, had_workers: bool) -> None:
        """Say when all workers are gone."""
        while not self._closed.wait(_LOOK_S):
            with suppress(Exception):  # the jobs notice that the scheduler is gone
                has_workers = bool(self._client.scheduler_info(n_workers=0)["n_workers"])
                if had_workers and not has_workers and self._jobs:
                    self._say(f"No worker is left at {self._address} (their logs say why): waiting for one.")
                had_workers = has_workers

    def _heard(self, event: tuple[float, Any]) -> None:
        """A worker tells how far it is."""
        match event[1]:
            case {"key": str(key), "text": str(text), "share": float() | int() as share, "worker": str(address)}:
                _, doing = self._jobs.get(key, (None, None))
                if doing is not None:
                    doing(f"{text[:_STEP_CHARS]} on {address[:_STEP_CHARS]}", min(max(float(share), 0.0), 1.0))

    # -------------------------------------------------------------- a job

    def _answered(self, job: bytes, doing: Doing) -> dict[str, bytes]:
        """The files that a worker answers with; see `gather` for what is raised."""
        key = f"grade-{uuid.uuid4().hex}"
        self._go_on()
        try:
            future = self._client.submit(worker.run, job, key=key, pure=False)
        except Exception as problem:
            raise self._fatal(_LOST) from problem
        with self._lock:
            self._jobs[key] = (future, doing)
        try:
            self._go_on()  # it may have been called off before it was noted
            return self._checked(self._result(future), future)
        finally:
            with self._lock:
                self._jobs.pop(key)
            future.release()  # where it still runs, the scheduler takes it back

    def _result(self, future: Future[bytes]) -> bytes:
        from distributed import KilledWorker

        try:
            data = future.result()
        except KilledWorker as problem:
            tries = problem.allowed_failures + 1
            raise GradeError(
                f"{tries} workers ended while they ran it, the last of them {problem.last_worker.address}: "
                "see their logs, or grade this one without `--scheduler`."
            ) from problem
        except CancelledError as problem:
            self._go_on()
            raise self._fatal(_LOST) from problem
        except Exception as problem:
            self._go_on()
            why = " ".join(f"{type(problem).__name__}: {problem}".split())[:300]
            raise self._fatal(
                f"The cluster cannot run grade's jobs ({why}): install grade {__version__} with "
                "`pip install 'grade-notebooks[cluster]'` where the scheduler and each worker run"
            ) from problem
        if not isinstance(data, bytes):
            raise self._fatal("A worker answered with something that is not grade's")
        return data

    def _checked(self, data: bytes, future: Future[bytes]) -> dict[str, bytes]:
        try:
            answer = unpack(data)
        except OtherVersion as problem:
            raise self._fatal(f"{self._who(future)} does not fit: {problem}. Install the same version on all") from None
        except EvidenceError as problem:
            raise EvidenceError(f"{self._who(future)} sent something that is damaged: {problem}.") from None
        match answer.message:
            case {"problem": str(why), "unfit": True, "exit_code": int(exit_code)}:
                raise self._fatal(f"{self._who(future)} cannot grade: {why.rstrip('.')}", exit_code)
            case {"problem": str(why)}:
                raise GradeError(f"{why} [on {self._who(future)}]")
            case {"warnings": list(warned)}:
                for text in warned:
                    self._say_once(str(text), self._who(future))
        return dict(answer.files)

    def _who(self, future: Future[bytes]) -> str:
        """The worker that a job's answer is from."""
        with suppress(Exception):
            for addresses in self._client.who_has([future]).values():
                for address in addresses:
                    return str(address)
        return "a worker"

    def _fatal(self, sentence: str, exit_code: int = ClusterError.exit_code) -> ClusterError:
        """The error that ends the run: a worker that fails at everything must not use the class up."""
        error = ClusterError(
            f"{sentence}. What had finished is stored: run the same command again to go on from there."
        )
        error.exit_code = exit_code
        with self._lock:
            error = self._broken = self._broken or error
        self._call_off()
        return error

    def _go_on(self) -> None:
        if self._cancelled:
            raise KeyboardInterrupt
        if self._broken:
            raise self._broken

    def _call_off(self) -> None:
        with self._lock:
            futures = [future for future, _ in self._jobs.values()]
        if futures:
            with suppress(Exception):  # without a scheduler nobody is left to tell
                self._client.cancel(futures)

    def _say_once(self, text: str, who: str) -> None:
        with self._lock:
            known = text in self._warnings
            self._warnings.add(text)
        if not known:
            self._say(f"On {who}: {text}")


def _files(ref: SubmissionRef) -> dict[str, bytes]:
    """What was handed in; of a folder without a notebook the names that are told of it."""
    if ref.source.is_dir():
        names = sorted(path.name for path in ref.source.iterdir() if not path.name.startswith("."))
        return dict.fromkeys(names[:6], b"")
    try:
        files = {ref.source.relative_to(ref.root).as_posix(): ref.source.read_bytes()}
        for companion in ref.companions:
            path = ref.root / companion
            if path.is_file() and not path.is_symlink():
                files[companion.as_posix()] = path.read_bytes()
    except OSError as problem:
        raise GradeError(f"{problem.filename} cannot be read ({problem.strerror}).") from problem
    return files


def received(
    files: dict[str, bytes], ref: SubmissionRef, folder: Path, scratch: Path, limits: Limits
) -> Evidence | Unreadable:
    """Store in `folder` what a worker left of a submission; the evidence is last.

    Raises EvidenceError where it is not what a run leaves, WriteError where it cannot be stored.
    """
    executed = files.get(EXECUTED)
    for name in files:
        if name not in (EXECUTED, _EVIDENCE) and not _WEIGHTS.fullmatch(name):
            raise EvidenceError(f"What a worker sent holds a file that no run leaves: {name[:100]!r}.")
    try:
        lay_out(files, scratch)
    except OSError as problem:
        raise WriteError(f"Cannot write into {scratch} ({problem.strerror}): free some space there.") from problem
    try:
        stored = store.load(scratch)
    except EvidenceError as problem:
        raise EvidenceError(f"What a worker sent is not whole: {str(problem).replace(f'{scratch}/', '')}") from problem
    if isinstance(stored, Unreadable):
        stored = replace(stored, ref=ref)
        store.save(stored, folder, limits)
        return stored
    if stored.submission.ref.sha256 != ref.sha256:
        raise EvidenceError("What a worker sent belongs to another submission.")
    for weights in {training.weights for training in stored.trainings if training.weights}:
        if f"{store.FOLDER}/{weights}" not in files:
            raise EvidenceError(f"What a worker sent lacks {weights[:100]!r}.")
    stored = replace(stored, submission=replace(stored.submission, ref=ref))
    atomic_write(folder / EXECUTED, _notebook(executed))
    with PinnedFolder(scratch / store.FOLDER) as sent:
        trainings = tuple(replace(t, weights=_rewritten(t, sent, folder)) for t in stored.trainings)
    stored = replace(stored, trainings=trainings)
    store.save(stored, folder, limits)
    return stored


def _rewritten(training: Training, sent: PinnedFolder, folder: Path) -> str:
    """The name under which its weights are stored anew; '' where they are not those that were measured."""
    if not training.weights:
        return ""
    try:
        weights = read_weights(sent, training.weights)
    except Rejected:
        return ""
    digest = weights_digest(weights)
    return store.save_weights(weights, digest, folder) if digest == training.weights_digest else ""


def _notebook(data: bytes | None) -> bytes:
    """The executed notebook, if it is one that every reader opens."""
    try:
        nbformat.validate(json.loads(data or b""), version=4)
    except (ValueError, RecursionError, nbformat.ValidationError) as problem:
        raise EvidenceError("What a worker sent lacks the executed notebook, or holds a damaged one.") from problem
    assert data is not None
    return data
