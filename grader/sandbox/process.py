"""A command that waits in a finished sandbox until it may start; held by pipes, ended as a whole.

The grader starts `supervisor.py`, that the level's own program (bubblewrap, podman) where it has one, and that
`enter.py`, which becomes the command.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import SandboxError
from grader.wire.files import PinnedFolder

ENTER = Path(__file__).with_name("enter.py")
_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_START_S = 60.0
"""Longest that a sandbox may take to be made, on a machine that is busy."""
_END_S = 15.0
"""Longest that killed processes may take to be gone."""
_MESSAGE_BYTES = 2000
_FOR_PROGRAMS = ("PATH", "HOME", "XDG_RUNTIME_DIR")
"""Of the environment: what a level's own program needs. Student code gets none of it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """`enter.py`, which waits for its instructions."""

    supervisor: subprocess.Popen[bytes]
    instructions_fd: int
    status_fd: int
    ending: contextlib.ExitStack
    """Closed, it ends everything in the sandbox."""

    def kill(self) -> None:
        """End everything in the sandbox; comes back when it is gone."""
        self.ending.close()
        try:
            self.supervisor.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.supervisor.kill()
            self.supervisor.wait()


@dataclass(slots=True, weakref_slot=True)
class SandboxProcess:
    """A sandbox that stands, whose command waits for `go`. `evidence` stays readable after everything in it is dead."""

    level: str
    waiting: Waiting
    instructions: dict[str, Any]
    """For `enter.py`."""
    sockets: Path
    """The folder of sockets as the grader reaches it."""
    evidence: PinnedFolder
    used_mib: Callable[[], int]
    """Memory of all processes in the sandbox."""
    disk_full: Callable[[], bool]
    """Whether what was written has reached the limit."""
    disk_exceeded: Callable[[], bool]
    """Whether it went beyond what the sandbox itself refuses, so that the caller must end the run."""
    log: Path
    """What was said before the command took over, and by it until it closed its standard output."""
    remove: Callable[[], object] = lambda: None
    """Removes what of the sandbox lies on disk."""
    fork: Callable[[int], bool] | None = None
    """Starts the command from a zygote, given the pipe that keeps `enter.py` waiting for as long as the copy holds it.
    False where that does not work: then the command is started from nothing."""
    forked: bool = False
    """Whether that was done."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The grader's child, which ends when the command has."""
        return self.waiting.supervisor

    def go(self) -> None:
        """Let the command start. Raises SandboxError when the last step inside fails."""
        line = json.dumps(self.instructions | {"wait": self.fork is not None}).encode() + b"\n"
        problem = b""
        with os.fdopen(self.waiting.status_fd, "rb") as status:
            with (
                contextlib.suppress(BrokenPipeError),
                os.fdopen(self.waiting.instructions_fd, "wb") as instructions,
            ):
                instructions.write(line)
                instructions.flush()
                if self.fork is not None and (problem := status.readline(_MESSAGE_BYTES)) == b"there\n":
                    self.forked = self.fork(instructions.fileno())
                    if self.forked:
                        return
                    problem = b""
                    instructions.write(b"start\n")
            problem += status.read(_MESSAGE_BYTES)
        if problem:
            why = problem.decode("utf-8", "replace")
            raise SandboxError(f"The sandbox level '{self.level}' cannot start a program: {why}")

    @property
    def last_line(self) -> str:
        """The last line of the log, '' where there is none."""
        return _last_line(self.log)

    def kill(self) -> None:
        """End everything in the sandbox; comes back when it is gone."""
        self.waiting.kill()

    def discard(self) -> None:
        """End everything, let go of the evidence, leave nothing on disk."""
        self.kill()
        self.evidence.close()
        self.remove()


@dataclass(frozen=True, slots=True)
class NamedPipes:
    """A folder for the two pipes, for a program that hands no descriptors on; `inside` is how the sandbox sees it."""

    folder: Path
    inside: Path


def start_waiting(
    level: str,
    program: Sequence[str],
    log: Path,
    *,
    enter: Path = ENTER,
    pass_fds: Sequence[int] = (),
    named_pipes: NamedPipes | None = None,
) -> Waiting:
    """Start `enter`, as its path is inside, behind the command line of a level's own program, under a supervisor.

    Comes back when `enter` says that it is there; all of it ends when the grader dies. Raises SandboxError with what
    was said instead.
    """
    ending = contextlib.ExitStack()
    with contextlib.ExitStack() as handed_on, contextlib.ExitStack() as on_failure:
        lifeline, ours = os.pipe()
        handed_on.callback(os.close, lifeline)
        ending.callback(os.close, ours)
        on_failure.callback(ending.close)
        if named_pipes is None:
            instructions_out, instructions_fd = os.pipe()
            status_fd, status_in = os.pipe()
            handed_on.callback(os.close, instructions_out)
            handed_on.callback(os.close, status_in)
            ends = [str(instructions_out), str(status_in)]
            pass_fds = (instructions_out, status_in, *pass_fds)
        else:
            pipes = [named_pipes.folder / name for name in ("config", "status")]
            for pipe in pipes:
                os.mkfifo(pipe)
                pipe.chmod(0o666)
            instructions_fd = os.open(pipes[0], os.O_RDWR | os.O_CLOEXEC)
            status_fd = os.open(pipes[1], os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            ends = [str(named_pipes.inside / pipe.name) for pipe in pipes]
        on_failure.callback(os.close, instructions_fd)
        on_failure.callback(os.close, status_fd)
        python = (sys.executable, "-I", "-S")
        with log.open("wb") as stream:
            supervisor = subprocess.Popen(
                [*python, str(_SUPERVISOR), str(lifeline), *program, *python, str(enter), *ends],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                pass_fds=(lifeline, *pass_fds),
                env={name: os.environ[name] for name in _FOR_PROGRAMS if name in os.environ},
                cwd="/",
                start_new_session=True,
            )
        waiting = Waiting(supervisor, instructions_fd, status_fd, ending)
        on_failure.callback(waiting.kill)
        handed_on.close()
        readable, _, _ = select.select([status_fd], [], [], _START_S)
        if not readable or os.read(status_fd, _MESSAGE_BYTES) != b"ready\n":
            waiting.kill()
            why = _last_line(log) or "it says nothing"
            raise SandboxError(f"The sandbox level '{level}' does not work here: {why}")
        os.set_blocking(status_fd, True)
        on_failure.pop_all()
        return waiting


def _last_line(log: Path) -> str:
    try:
        lines = log.read_bytes()[-_MESSAGE_BYTES:].decode("utf-8", "replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1] if lines else ""
