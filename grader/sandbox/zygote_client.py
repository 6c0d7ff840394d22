"""The grader's end of the zygote: starts the process (`zygote.py`), tests it, and asks it for copies."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Self

from grader.errors import SandboxError
from grader.sandbox import preload, selftest, zygote
from grader.sandbox.bwrap import Bubblewrap
from grader.sandbox.interface import Command, Sandbox
from grader.system import leftovers
from grader.wire import fingerprint

_LOAD_S = 120.0
"""Longest that the libraries may take to load, on a machine that is busy."""
_START_S = 30.0
"""Longest that a copy may take to be in its sandbox."""
_MESSAGE_BYTES = 1 << 16


class ZygoteClient:
    """A `Zygote` that is started when the first kernel wants it, and used where its copies pass the self-test.

    A context manager; may be used by several threads. Where it cannot be used, kernels start from nothing.
    """

    def __init__(self, note: Callable[[str], None] = lambda _: None) -> None:
        """`note` hears, once, why it is not used."""
        self._note = note
        self._lock = threading.Lock()
        self._process: _ZygoteProcess | None = None
        self._tried = False
        self._data, self._environment = Path(), dict[str, str]()
        """What it is started with; sandboxes and programs that differ start from nothing."""
        self.why = ""
        """Why it is not used, once that is known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def serves(self, sandbox: Sandbox, command: Command) -> bool:
        """See `Zygote`. The first call starts the process, which takes seconds."""
        with self._lock:
            if not self._tried:
                self._tried = True
                self._start(sandbox.data, command.environment)
        known = self._data, self._environment, ("-P", "-m")
        alike = (sandbox.data, command.environment, command.arguments[1:3]) == known
        return alike and self._process is not None and self._process.alive()

    def fork(self, init_fd: int, lifeline: int, instructions: dict[str, Any], log: Path) -> bool:
        """See `Zygote`."""
        return self._process is not None and self._process.fork(init_fd, lifeline, instructions, log)

    def close(self) -> None:
        """Kernels that run go on."""
        self._tried = True
        if self._process is not None:
            self._process.close()

    def _start(self, data: Path, environment: dict[str, str]) -> None:
        self._data, self._environment = data, environment
        process = _ZygoteProcess()
        self.why = process.start(data, environment) or _self_test(process)
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
    """One such process, whatever it is asked for."""

    def __init__(self) -> None:
        self._socket, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # The process ends with the thread that starts it, so that is one that stays.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="zygote")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, data: Path, environment: dict[str, str]) -> str:
        """Start it and wait until it has its libraries; what keeps it from that, '' where nothing does."""
        scratch = tempfile.mkdtemp(prefix=leftovers.prefix())
        settings = {"data": str(data.resolve()), "scratch": scratch, "fingerprint": fingerprint.__file__}
        self._socket.settimeout(_LOAD_S)
        try:
            with self._theirs, Path(zygote.__file__).open("rb") as program:
                self._process = self._thread.submit(
                    subprocess.Popen[bytes],
                    [sys.executable, "-P", "-", str(self._theirs.fileno())],
                    stdin=program,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[self._theirs.fileno()],
                    env=environment,
                    cwd="/",
                    start_new_session=True,
                ).result()
            self._socket.send(json.dumps(settings | {"preload": preload.__file__}).encode())
            answer = self._socket.recv(_MESSAGE_BYTES)
        except OSError as error:
            return f"it does not start ({error})."
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        return "" if answer == zygote.READY else f"{answer.decode('utf-8', 'replace') or 'it ended'}."

    def alive(self) -> bool:
        return self._socket.fileno() >= 0 and self._process is not None and self._process.poll() is None

    def serves(self, sandbox: Sandbox, command: Command) -> bool:  # noqa: ARG002 - `ZygoteClient` looks at them
        """See `Zygote`."""
        return self.alive()

    def fork(self, init_fd: int, lifeline: int, instructions: dict[str, Any], log: Path) -> bool:
        """See `Zygote`. The instructions go to the copy's monitor past the process that later copies are made of."""
        ours, monitors = socket.socketpair()
        with ours, monitors, log.open("ab", buffering=0) as stream:
            try:
                socket.send_fds(self._socket, [b"kernel"], [init_fd, lifeline, monitors.fileno(), stream.fileno()])
            except OSError:
                return False
            monitors.close()
            ours.settimeout(_START_S)
            try:
                ours.sendall(json.dumps(instructions | {"files": {}, "handed_in": None}).encode())  # they are there
                ours.shutdown(socket.SHUT_WR)
                answer = ours.recv(_MESSAGE_BYTES)
            except TimeoutError as late:
                raise SandboxError("A copy of the process that has loaded the libraries does not start.") from late
            except OSError:  # nobody is left to answer
                answer = b""
            if answer != zygote.RUNS:
                stream.write((answer or b"it ended") + b"\n")
            return answer == zygote.RUNS

    def close(self) -> None:
        """End it; copies go on."""
        self._socket.close()
        self._theirs.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._thread.shutdown()
