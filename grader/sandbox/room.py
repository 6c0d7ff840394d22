"""What every level of the sandbox works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Room:
    """Folders of one run, as the grader sees them; all but `data` are the run's own."""

    scratch: Path
    data: Path
    """The data set's files, read-only and shared by all runs."""
    memory_mib: int

    @property
    def work(self) -> Path:
        """Where student code starts; holds copies of what was handed in with the notebook."""
        return self.scratch / "work"

    @property
    def home(self) -> Path:
        return self.scratch / "home"

    @property
    def temporary(self) -> Path:
        return self.scratch / "tmp"

    @property
    def keras(self) -> Path:
        """KERAS_HOME: its `datasets/fashion-mnist` leads to `data`."""
        return self.scratch / "keras"

    @property
    def probe(self) -> Path:
        """Holds a copy of the recorder."""
        return self.scratch / "probe"

    @property
    def evidence(self) -> Path:
        return self.scratch / "evidence"


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started: '{connection_file}' in an argument stands for the path of the kernel's connection file."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    interrupt: str = "signal"
    """'signal' sends SIGINT to the process group, 'message' asks the kernel over its control socket."""


class Sandbox(Protocol):
    name: str

    def launch(self, room: Room, command: Launch) -> Launch:
        """What to start so that `command` runs in the room."""
        ...
