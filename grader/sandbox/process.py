"""A process that waits in a finished room for the word to start; held by pipes, ended as a whole."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import signal
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
START_S = 60.0
"""Longest that a room may take to be made, on a machine that is busy."""
END_S = 15.0
"""Longest that killed processes may take to be gone."""
_SAID = 2000
_FOR_PROGRAMS = ("PATH", "HOME", "XDG_RUNTIME_DIR")
"""Of the environment: what a level's own program needs. Student code gets none of it."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A process that has come as far as the room's door."""

    process: subprocess.Popen[bytes]
    config_fd: int
    status_fd: int


@dataclass(slots=True, weakref_slot=True)
class SandboxProcess:
    """A room that stands, whose command waits for `go`. `evidence` stays readable after everything in it is dead."""

    level: str
    waiting: Waiting
    instructions: dict[str, Any]
    """For `enter.py`."""
    sockets: Path
    """The folder of sockets as the grader reaches it."""
    evidence: PinnedFolder
    used_mib: Callable[[], int]
    """Memory of all processes in the room."""
    disk_full: Callable[[], bool]
    """Whether what was written has reached the limit."""
    disk_exceeded: Callable[[], bool]
    """Whether it went beyond what the room itself refuses, so that the caller must end the run."""
    end: Callable[[], None]
    """Kills everything in the room; the process that `waiting` holds ends with it."""
    log: Path
    """What was said before the command took over, and by it until it closed its standard output."""
    remove: Callable[[], None] = lambda: None
    """Removes what of the room lies on disk."""
    fork: Callable[[int, dict[str, Any]], bool] | None = None
    """Given the pipe that holds the room and the instructions, starts the command there from a process that has its
    libraries loaded already. False where that does not work: then it is started from nothing."""
    forked: bool = False
    """Whether that was done."""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The grader's child, which ends when the command has."""
        return self.waiting.process

    def go(self) -> None:
        """Let the command start. Raises SandboxError when the room's last step fails."""
        line = json.dumps(self.instructions | {"wait": self.fork is not None}).encode() + b"\n"
        said = b""
        with os.fdopen(self.waiting.status_fd, "rb") as status:
            with contextlib.suppress(BrokenPipeError), os.fdopen(self.waiting.config_fd, "wb") as config:
                config.write(line)
                config.flush()
                if self.fork is not None and (said := status.readline(_SAID)) == b"there\n":
                    self.forked = self.fork(config.fileno(), self.instructions)
                    if self.forked:
                        return
                    said = b""
                    config.write(b"start\n")
            said += status.read(_SAID)
        if said:
            words = said.decode("utf-8", "replace")
            raise SandboxError(f"The sandbox level '{self.level}' cannot start a program: {words}")

    @property
    def last_line(self) -> str:
        """The last line of the log."""
        try:
            lines = self.log.read_bytes()[-_SAID:].decode("utf-8", "replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def kill(self) -> None:
        """End everything in the room; comes back when it is gone."""
        self.end()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def discard(self) -> None:
        """End everything, let go of the evidence, leave nothing on disk."""
        self.kill()
        self.evidence.close()
        self.remove()


@dataclass(frozen=True, slots=True)
class Door:
    """Two named pipes in a folder, for a program that hands no descriptors on; `inside` is how the room sees it."""

    folder: Path
    inside: Path


def wait_at_the_door(
    level: str,
    before: Sequence[str],
    log: Path,
    *,
    enter: Path = ENTER,
    keep: Sequence[int] = (),
    door: Door | None = None,
) -> Waiting:
    """Start `enter` behind the words of a level's own program (`before`), and wait until it says that it is there.

    Raises SandboxError with what the program said instead.
    """
    if door is None:
        config_out, config_in = os.pipe()
        status_out, status_in = os.pipe()
        ends = [str(config_out), str(status_in)]
    else:
        config, status = door.folder / "config", door.folder / "status"
        for pipe in (config, status):
            os.mkfifo(pipe)
            pipe.chmod(0o666)
        config_out = config_in = os.open(config, os.O_RDWR | os.O_CLOEXEC)
        status_out = status_in = os.open(status, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        ends = [str(door.inside / pipe.name) for pipe in (config, status)]
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*before, sys.executable, "-I", "-S", str(enter), *ends],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            pass_fds=keep if door else (config_out, status_in, *keep),
            env={name: os.environ[name] for name in _FOR_PROGRAMS if name in os.environ},
            cwd="/",
            start_new_session=True,
        )
    if door is None:
        os.close(config_out)
        os.close(status_in)
    said = _read(status_out, START_S)
    if said == b"ready\n":
        os.set_blocking(status_out, True)
        return Waiting(process, config_in, status_out)
    os.close(config_in)
    os.close(status_out)
    process.kill()
    process.wait()
    words = log.read_bytes()[-_SAID:].decode("utf-8", "replace").strip().splitlines()
    raise SandboxError(f"The sandbox level '{level}' does not work here: {words[-1] if words else 'it says nothing'}")


def kept(
    level: str,
    before: Sequence[str],
    log: Path,
    *,
    enter: Path = ENTER,
    keep: Sequence[int] = (),
    door: Door | None = None,
) -> tuple[Waiting, Callable[[], None]]:
    """The same under a keeper, which ends everything when the second of these is called or the grader dies."""
    lifeline_out, lifeline = os.pipe()
    keeper = (sys.executable, "-I", "-S", str(_SUPERVISOR), str(lifeline_out))
    end = _Once(lifeline)
    try:
        return wait_at_the_door(level, (*keeper, *before), log, enter=enter, keep=(lifeline_out, *keep), door=door), end
    except BaseException:
        end()
        raise
    finally:
        os.close(lifeline_out)


@dataclass(slots=True)
class _Once:
    """Closes a descriptor the first time it is called."""

    fd: int

    def __call__(self) -> None:
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def instructions(
    arguments: Sequence[str],
    environment: dict[str, str],
    cwd: Path,
    files: dict[Path, str],
    *,
    limits: dict[str, int],
    copy: Sequence[tuple[Path, Path]] = (),
    uid: int | None = None,
    landlock: dict[str, list[str]] | None = None,
    seccomp: bytes = b"",
) -> dict[str, Any]:
    """What `enter.py` reads."""
    return {
        "argv": list(arguments),
        "env": environment,
        "cwd": str(cwd),
        "files": {str(path): text for path, text in files.items()},
        "copy": [[str(source), str(target)] for source, target in copy],
        "limits": limits,
        "uid": uid,
        "landlock": landlock,
        "seccomp": base64.b64encode(seccomp).decode(),
    }


class Killer:
    """Kills that very process when called, and none that has its number later; and does then what else ends a room."""

    def __init__(self, pid: int, then: Callable[[], None]) -> None:
        self._fd = _Once(os.pidfd_open(pid))
        self._then = then

    @property
    def fd(self) -> int:
        """The process, as a descriptor; -1 once it was killed."""
        return self._fd.fd

    def __call__(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            if self.fd >= 0:
                signal.pidfd_send_signal(self.fd, signal.SIGKILL)
        self._fd()
        self._then()


def _read(fd: int, seconds: float) -> bytes:
    """What comes first; nothing when the process ends or the time passes before."""
    readable, _, _ = select.select([fd], [], [], seconds)
    return os.read(fd, _SAID) if readable else b""
