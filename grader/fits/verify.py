"""Measures the accuracy of recorded networks on the official data, outside the kernels that trained them.

TensorFlow lives in worker processes that are started when first needed: the grader itself never imports it, and
a network that takes a worker down costs no more than an answer. A worker gets plain arrays and a `Plan`; it
answers in JSON.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import queue
import resource
import signal
import threading
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from grader import data
from grader.errors import GradeError
from grader.fits.rebuild import Plan, build, plan
from grader.records import Verified

if TYPE_CHECKING:
    from collections.abc import Sequence
    from multiprocessing.connection import Connection

    from grader.data import DataFiles
    from grader.records import Architecture

Array = np.ndarray[Any, Any]

START_S = 120.0
"""Longest time that a worker may take to import TensorFlow and load the data."""
ANSWER_S = 120.0
"""Longest time that a measurement may take."""
MEMORY_MIB = 8192
_GRADERS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Signals that a terminal sends to all processes, and that only the grader heeds: it decides when its workers end."""
_ANSWER_BYTES = 1 << 16
_READY = b"ready"
_VALUES = 1 << 24
"""Most values of a layer's output for one batch (64 MiB as float32)."""
_BATCH = 2000
TRAIN_ROWS = 20_000
"""Most training items that are measured, spread evenly: exact for the sheet's 20,000, ±0.005 for all 60,000."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """How the network saw the official images: shape of an item, and what became of black and white."""

    shape: tuple[int, ...]
    lo: float
    hi: float


@dataclass(frozen=True, slots=True)
class _Task:
    planned: Plan
    weights: tuple[Array, ...]
    prepared: Prepared
    train_rows: Array
    """int64 rows of the training set."""

    def key(self) -> str:
        """Equal for equal tasks."""
        hasher = hashlib.sha256(repr((self.planned, self.prepared, self.train_rows.shape)).encode())
        for array in (self.train_rows, *self.weights):
            hasher.update(f"{array.dtype.str}{array.shape}".encode())
            hasher.update(np.ascontiguousarray(array).tobytes())
        return hasher.hexdigest()


class Verifier:
    """Measures networks with up to `jobs` workers; may be used by several threads at once."""

    def __init__(self, files: DataFiles, jobs: int = 1, *, answer_s: float = ANSWER_S) -> None:
        self.files = files
        self._answer_s = answer_s
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._workers = [_Worker(files) for _ in range(max(1, jobs))]
        for worker in self._workers:
            self._idle.put(worker)
        self._known: dict[str, Verified] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for worker in self._workers:
            worker.stop()

    def cancel(self) -> None:
        """End all measuring: `verify` raises KeyboardInterrupt, in threads that wait for it and from now on."""
        for worker in self._workers:
            worker.cancel()

    def verify(
        self, architecture: Architecture, weights: Sequence[Array], prepared: Prepared, train_rows: Array
    ) -> Verified:
        """Accuracy on all official test images, and on the given rows of the training set (None without any).

        The same network on the same data is measured once. Never raises for what a network is: the reason is in
        `Verified.reason` then. Raises GradeError when no worker can be started.
        """
        planned = plan(architecture, [array.shape for array in weights], prepared.shape)
        if isinstance(planned, str):
            return Verified(None, None, planned)
        if planned.classes < 10:
            return Verified(None, None, f"Its output has {planned.classes} values per image, not one per class.")
        train_rows = np.asarray(train_rows, np.int64)
        if len(train_rows) > TRAIN_ROWS:
            train_rows = train_rows[np.linspace(0, len(train_rows) - 1, TRAIN_ROWS).astype(np.int64)]
        task = _Task(planned, tuple(weights), prepared, train_rows)
        key = task.key()
        with self._lock:
            if key in self._known:
                return self._known[key]
        worker = self._idle.get()
        try:
            verified, settled = worker.measure(task, self._answer_s)
        finally:
            self._idle.put(worker)
        if settled:
            with self._lock:
                self._known[key] = verified
        return verified


class _Worker:
    """The grader's end of a worker process; used by one thread at a time, but for `cancel`."""

    def __init__(self, files: DataFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._cancelled = False
        self._process: multiprocessing.process.BaseProcess | None = None
        self._connection: Connection[Any, Any] | None = None

    def measure(self, task: _Task, answer_s: float) -> tuple[Verified, bool]:
        """(what was measured, whether another try would say the same)."""
        try:
            connection = self._connection or self._start()
            connection.send(task)
            if not connection.poll(answer_s):
                self.stop()
                return Verified(None, None, f"Measuring it took longer than {answer_s:g} seconds."), True
            answer = json.loads(connection.recv_bytes(_ANSWER_BYTES))
        except (OSError, EOFError, ValueError):
            self.stop()
            self._go_on()
            return Verified(None, None, "The process that measures it ended unexpectedly."), False
        return Verified(answer["test"], answer["train"], answer["reason"]), True

    def _start(self) -> Connection[Any, Any]:
        context = multiprocessing.get_context("spawn")
        os.environ["PYTHONSAFEPATH"] = "1"  # else a `re.py` among the submissions would be imported where one grades
        resource_tracker.ensure_running()  # starting it with the worker would let the signals below through
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs, self._files), daemon=True, name="verify")
        with self._lock:
            self._go_on()
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _GRADERS)  # inherited from the worker's first moment
            try:
                process.start()
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._process, self._connection = process, ours
        theirs.close()
        try:
            if ours.poll(START_S) and ours.recv_bytes(_ANSWER_BYTES) == _READY:
                return ours
        except (OSError, EOFError):
            pass
        self.stop()
        self._go_on()
        raise GradeError("The process that verifies accuracies does not start: see whether TensorFlow can be imported.")

    def stop(self) -> None:
        with self._lock:
            process, connection = self._process, self._connection
            self._process = self._connection = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            process.join()
            process.close()

    def cancel(self) -> None:
        """Kill the process; the thread that waits for it, if any, finds its connection closed."""
        with self._lock:
            self._cancelled = True
            if self._process is not None:
                self._process.kill()

    def _go_on(self) -> None:
        if self._cancelled:
            raise KeyboardInterrupt


# ------------------------------------------------------------------ inside the worker


def _work(connection: Connection[Any, Any], files: DataFiles) -> None:
    threading.Thread(target=_end_with_the_grader, daemon=True).start()
    os.environ |= {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    silence = os.open(os.devnull, os.O_WRONLY)
    for standard in (1, 2):
        os.dup2(silence, standard)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = MEMORY_MIB << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    sets = data.load(files)
    connection.send_bytes(_READY)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        answer: dict[str, object] = {"test": None, "train": None, "reason": ""}
        try:
            answer |= _measured(task, sets)
        except Exception as error:  # noqa: BLE001 - whatever a network does to Keras is a reason
            answer["reason"] = f"It could not be run: {type(error).__name__}: {str(error)[:300]}"
        connection.send_bytes(json.dumps(answer).encode())


def _end_with_the_grader() -> None:
    grader = multiprocessing.parent_process()
    assert grader is not None
    grader.join()  # a pipe that closes however the grader ends
    os._exit(1)


def _measured(task: _Task, sets: tuple[tuple[Array, Array], tuple[Array, Array]]) -> dict[str, float | None]:
    (train_x, train_y), (test_x, test_y) = sets
    model = build(task.planned, task.weights)
    rows = task.train_rows
    return {
        "test": _accuracy(model, task, test_x, test_y),
        "train": _accuracy(model, task, train_x[rows], train_y[rows]) if len(rows) else None,
    }


def _accuracy(model: Any, task: _Task, images: Array, labels: Array) -> float:
    """Share of the uint8 images whose largest output is the one of their label."""
    prepared = task.prepared
    largest = max([int(np.prod(step.made.shape)) for step in task.planned.steps])
    batch = max(1, min(_BATCH, _VALUES // largest))
    right = 0
    for start in range(0, len(images), batch):
        grey = images[start : start + batch].astype(np.float64)
        x = (prepared.lo + grey * ((prepared.hi - prepared.lo) / 255.0)).astype(np.float32)
        scores = np.asarray(model(x.reshape(len(x), *prepared.shape), training=False))
        # A network with an axis more, such as (n, 1, 10), still gives one score per class.
        right += int((scores.reshape(len(x), -1).argmax(axis=1) == labels[start : start + batch]).sum())
    return right / len(images)
