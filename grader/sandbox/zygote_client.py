"""The grader's end of the process that kernels start as copies of (see `zygote`)."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from grader.errors import SandboxError
from grader.sandbox import selftest, zygote
from grader.sandbox.bwrap import Bubblewrap
from grader.sandbox.interface import Command, Sandbox
from grader.system import leftovers
from grader.wire import fingerprint

_LOAD_S = 120.0
"""Longest that the libraries may take to load, on a machine that is busy."""
_START_S = 30.0
_MESSAGE = 1 << 16


class ZygoteClient:
    """Starts the process when the first kernel wants it, and uses it where it holds what a room promises.

    A context manager; may be used by several threads. Where it cannot be used, kernels start from nothing.
    """

    def __init__(self, note: Callable[[str], None] = lambda _: None) -> None:
        self._note = note
        self._lock = threading.Lock()
        self._process: _ZygoteProcess | None = None
        self._tried = False
        self._data, self._environment = Path(), dict[str, str]()
        """What it is started with; rooms and programs that differ start from nothing."""
        self.why = ""
        """Why it is not used, once that is known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def serves(self, room: Sandbox, command: Command) -> bool:
        with self._lock:
            if not self._tried:
                self._tried = True
                self._start(room.data, command.environment)
        known = self._data, self._environment, ("-P", "-m")
        alike = (room.data, command.environment, command.arguments[1:3]) == known
        return alike and self._process is not None and self._process.alive()

    def fork(self, first: int, lifeline: int, told: dict[str, Any], log: Path) -> bool:
        return self._process is not None and self._process.fork(first, lifeline, told, log)

    def close(self) -> None:
        """Kernels that run go on."""
        self._tried = True
        if self._process is not None:
            self._process.close()

    def _start(self, data: Path, environment: dict[str, str]) -> None:
        self._data, self._environment = data, environment
        process = _ZygoteProcess(data, environment)
        self.why = process.problem() or _self_test(process)
        if self.why:
            process.close()
            self._note(f"Every notebook's Python starts from nothing, which takes seconds: {self.why}")
        else:
            self._process = process


def _self_test(process: _ZygoteProcess) -> str:
    try:
        selftest.check(Bubblewrap(), process)
    except SandboxError as problem:
        return str(problem)
    return ""


class _ZygoteProcess:
    """One such process."""

    def __init__(self, data: Path, environment: dict[str, str]) -> None:
        self._data, self._environment = data, environment
        self._end, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._started: subprocess.Popen[bytes] | None = None
        with theirs:
            # The process ends with the thread that started it.
            begun = threading.Event()
            threading.Thread(target=self._keep, args=(theirs, begun), daemon=True).start()
            begun.wait()

    def _keep(self, theirs: socket.socket, begun: threading.Event) -> None:
        try:
            with Path(zygote.__file__).open("rb") as text:
                self._started = subprocess.Popen(
                    [sys.executable, "-P", "-", str(theirs.fileno())],
                    stdin=text,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    env=self._environment,
                    cwd="/",
                    start_new_session=True,
                )
        except OSError:
            return  # `problem` tells
        finally:
            begun.set()
        self._started.wait()

    def problem(self) -> str:
        """Wait until it is ready; what keeps it from that."""
        scratch = tempfile.mkdtemp(prefix=leftovers.prefix())
        self._end.settimeout(_LOAD_S)
        try:
            told = {"data": str(self._data.resolve()), "scratch": scratch, "fingerprint": fingerprint.__file__}
            self._end.send(json.dumps(told).encode())
            said = self._end.recv(_MESSAGE)
        except OSError as error:
            return f"it does not start ({error})."
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return "" if said == zygote.READY else f"{said.decode('utf-8', 'replace') or 'it ended'}."

    def alive(self) -> bool:
        return self._end.fileno() >= 0 and self._started is not None and self._started.poll() is None

    def serves(self, room: Sandbox, command: Command) -> bool:  # noqa: ARG002 - `ZygoteClient` looks at them
        return self.alive()

    def fork(self, first: int, lifeline: int, told: dict[str, Any], log: Path) -> bool:
        told_out, told_in = os.pipe()
        status_out, status_in = os.pipe()
        with os.fdopen(status_out, "rb", buffering=0) as status, os.fdopen(told_in, "wb") as words:
            try:
                with log.open("ab") as stream:
                    socket.send_fds(self._end, [b"kernel"], [first, lifeline, told_out, status_in, stream.fileno()])
            except OSError:
                return False
            finally:
                os.close(told_out)
                os.close(status_in)
            with contextlib.suppress(BrokenPipeError):
                words.write(json.dumps(told | {"files": {}, "handed_in": None}).encode())
                words.close()
            if not select.select([status], [], [], _START_S)[0]:
                raise SandboxError("A copy of the process that has loaded the libraries does not start.")
            said = status.read(_MESSAGE)
            if said != zygote.RUNS:
                with log.open("ab") as stream:
                    stream.write((said or b"it ended") + b"\n")
            return said == zygote.RUNS

    def close(self) -> None:
        self._end.close()
        if self._started is not None:
            self._started.kill()
