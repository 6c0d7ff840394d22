"""What every level works with: the sandbox as it is asked for, and the command that runs in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from grader.sandbox.process import SandboxProcess

PACKAGE = "grade_recorder"
"""Name of the recorder's package in a sandbox."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a run may use; what is counted over time is watched from outside."""

    memory_mib: int = 4096
    disk_mib: int = 512
    processes: int = 512
    """Processes and threads together."""
    open_files: int = 4096


@dataclass(frozen=True, slots=True)
class Places:
    """Folders of a sandbox as student code sees them."""

    work: Path
    """Where student code starts; holds copies of what was handed in with the notebook."""
    home: Path
    temporary: Path
    keras: Path
    """KERAS_HOME."""
    recorder: Path
    """Holds the recorder's package."""
    evidence: Path
    """The recorder's folder."""
    sockets: Path

    @classmethod
    def under(cls, folder: Path) -> Places:
        """All of them within one folder."""
        return cls(*(folder / name for name in ("work", "home", "tmp", "keras", "recorder", "evidence", "k")))

    @property
    def data(self) -> Path:
        """The data set, where Keras looks for it."""
        return self.keras / "datasets" / "fashion-mnist"

    @property
    def package(self) -> Path:
        """The recorder's package, from whose parts it is put together."""
        return self.recorder / PACKAGE

    @property
    def written(self) -> tuple[Path, ...]:
        """Those that student code may write to."""
        return (self.work, self.home, self.temporary, self.keras, self.evidence, self.sockets)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What goes into a sandbox; folders are the grader's own."""

    scratch: Path
    """An empty folder for this run alone; removed by the caller."""
    data: Path
    """The data set's files, read-only and shared by all runs."""
    recorder: tuple[Path, ...] = ()
    """The parts of the recorder's package: folders, which keep their names."""
    handed_in: Path | None = None
    """Copies of what was handed in beside the notebook."""
    bounds: Bounds = field(default_factory=Bounds)

    @property
    def log(self) -> Path:
        """What is said before student code starts."""
        return self.scratch / "kernel.log"


@dataclass(frozen=True, slots=True)
class Command:
    """What runs in the sandbox."""

    arguments: tuple[str, ...]
    """The program's absolute path first."""
    environment: dict[str, str]
    """All of it: nothing is inherited."""
    files: dict[Path, str] = field(default_factory=dict)
    """Texts that are there when it starts, by their path inside."""
    zygote: Zygote | None = None
    """Where a level can, the program starts as a copy of this process."""


class Zygote(Protocol):
    """A process that has loaded its libraries, of which programs start as copies."""

    def serves(self, sandbox: Sandbox, command: Command) -> bool:
        """Whether a copy is like the command's program when it starts from nothing."""
        ...

    def fork(self, init_fd: int, lifeline: int, instructions: dict[str, Any], log: Path) -> bool:
        """Start a copy in the sandbox whose first process is `init_fd` (a pidfd); it holds the descriptor `lifeline`.

        `instructions` are those for `enter.py`, and `enter`, its path inside. Returns whether the copy runs; what kept
        it from that is in `log`. Raises SandboxError when it takes too long.
        """
        ...


class SandboxLevel(Protocol):
    """A level. `grader.sandbox.LEVELS` lists them, the strongest first."""

    name: ClassVar[str]
    gaps: ClassVar[tuple[str, ...]]
    """What it does not protect against, each the rest of a sentence 'Student code can …'."""
    fix: ClassVar[str]
    """What to do where the level is not to be had, one sentence."""

    def places(self, sandbox: Sandbox) -> Places:
        """Where things are, seen from inside."""
        ...

    def open(self, sandbox: Sandbox, command: Command) -> SandboxProcess:
        """Make the sandbox; the command waits in it until `SandboxProcess.go`. Raises SandboxError with the reason."""
        ...
