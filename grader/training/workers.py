"""Processes with TensorFlow in them, which measure and train networks for the grader.

The grader itself never imports TensorFlow, and a network that takes a worker down costs no more than an answer. A
worker gets tasks made of plain data by our own code; it answers with a `Message`.
"""

from __future__ import annotations

import contextlib
import gc
import os
import queue
import resource
import threading
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np

from grader.datasets import fashion_mnist
from grader.errors import GradeError
from grader.system import processes
from grader.wire.determinism import SETTINGS, compute_as_written
from grader.wire.files import Rejected
from grader.wire.message import ANSWER_LIMITS, Message, decoded

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from grader.datasets.fashion_mnist import DataFiles

Array = np.ndarray[Any, Any]
Sets = tuple[tuple[Array, Array], tuple[Array, Array]]
"""The official data: (images, labels) for training and for testing, uint8."""

START_S = 120.0
"""Longest time that a worker may take to import TensorFlow and load the data."""
MEMORY_MIB = 8192
_READY = b"ready"


class Task(Protocol):
    """Something for a worker to do; can be pickled."""

    def do(self, sets: Sets) -> Message:
        """Runs inside the worker. May raise whatever Keras does."""
        ...


class NoAnswer(Exception):  # noqa: N818 - a finding about a task, which another try might not give
    """The worker ended, or was ended because it took too long (`slow`)."""

    def __init__(self, *, slow: bool) -> None:
        super().__init__("slow" if slow else "ended")
        self.slow = slow


class Failed(Exception):  # noqa: N818 - a finding about a task
    """What Keras made of a task; another try would say the same."""


class Workers:
    """Up to `jobs` of them, started when first needed; may be used by several threads at once."""

    def __init__(self, files: DataFiles, jobs: int = 1) -> None:
        self.files = files
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        self._all = [_Worker(files) for _ in range(max(1, jobs))]
        for worker in self._all:
            self._idle.put(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        for worker in self._all:
            worker.stop()

    def cancel(self) -> None:
        """End everything: `ask` raises KeyboardInterrupt, in threads that wait for it and from now on."""
        for worker in self._all:
            worker.cancel()

    def begin(self) -> None:
        """Start a worker ahead of the first task; what goes wrong, that task will tell."""
        worker = self._idle.get()
        try:
            with contextlib.suppress(GradeError, KeyboardInterrupt):
                worker.begin()
        finally:
            self._idle.put(worker)

    def ask(self, task: Task, answer_s: float) -> Message:
        """Have a task done within `answer_s` seconds.

        Raises `NoAnswer`, `Failed`, and GradeError when no worker can be started.
        """
        worker = self._idle.get()
        try:
            answer = worker.ask(task, answer_s)
        finally:
            self._idle.put(worker)
        if "failed" in answer.facts:
            raise Failed(answer.facts["failed"])
        return answer


class _Worker:
    """The grader's end of a worker process; used by one thread at a time, but for `cancel`."""

    def __init__(self, files: DataFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._cancelled = False
        self._process: BaseProcess | None = None
        self._connection: Connection[Any, Any] | None = None

    def ask(self, task: Task, answer_s: float) -> Message:
        try:
            connection = self.begin()
            connection.send(task)
            if not connection.poll(answer_s):
                self.stop()
                raise NoAnswer(slow=True)
            return decoded(connection.recv_bytes(ANSWER_LIMITS.facts_bytes + ANSWER_LIMITS.arrays_bytes), ANSWER_LIMITS)
        except (OSError, EOFError, ValueError, Rejected) as problem:
            self.stop()
            self._go_on()
            raise NoAnswer(slow=False) from problem

    def begin(self) -> Connection[Any, Any]:
        """The connection to the process, which is started where it is not there."""
        return self._connection or self._start()

    def _start(self) -> Connection[Any, Any]:
        with self._lock:
            self._go_on()
            self._process, self._connection = _, ours = processes.start(_work, self._files)
        try:
            if ours.poll(START_S) and ours.recv_bytes(len(_READY)) == _READY:
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
            processes.end(process)

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
    os.environ |= SETTINGS | {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "KERAS_BACKEND": "tensorflow"}
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    silence = os.open(os.devnull, os.O_WRONLY)
    for standard in (1, 2):
        os.dup2(silence, standard)
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    limit = MEMORY_MIB << 20
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))
    gc.disable()  # almost nothing of what is imported is garbage, and looking for it takes a sixth of the time
    import tensorflow as tf

    gc.enable()
    compute_as_written(tf)
    sets = fashion_mnist.load(files)
    connection.send_bytes(_READY)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        try:
            answer = task.do(sets)
        except Exception as error:  # noqa: BLE001 - whatever a network does to Keras is a finding
            answer = Message({"failed": f"{type(error).__name__}: {str(error)[:300]}"})
        connection.send_bytes(answer.encoded())
