"""What levels with a file system and processes of their own share: what is in the sandbox, and how one looks in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from grader.errors import SandboxError
from grader.sandbox import host, seccomp
from grader.sandbox.instructions import EVIDENCE_MIB, FILES, make_instructions
from grader.sandbox.interface import Command, Places, Sandbox
from grader.sandbox.process import ENTER, SandboxProcess, Waiting
from grader.sandbox.usage import used_mib
from grader.wire.files import PinnedFolder, Rejected

_OWN = Path("/room")
_SOCKETS = Path("/run/k")
"""Short, because a socket's path holds 107 characters."""
PLACES = Places(
    _OWN / "work", _OWN / "home", Path("/tmp"), _OWN / "keras", _OWN / "recorder", _OWN / "evidence", _SOCKETS  # noqa: S108
)  # fmt: skip
"""The same in every sandbox, so that the same code prints the same."""
IN_ENTER = Path("/run/enter.py")
_HANDED_IN = Path("/run/handed_in")
_SMALL_MIB = 64
SHARED = Path("/dev/shm")  # noqa: S108 - the sandbox's own
SHARED_MIB = 256
"""Memory that processes share by name."""
USER = 1000
"""The user id inside, where the grader is an ordinary user."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A file or folder of this machine, read-only."""

    source: Path
    target: Path


@dataclass(frozen=True, slots=True)
class Empty:
    """A file system in memory."""

    target: Path
    size_mib: int
    mode: str = "0777"


def layout(sandbox: Sandbox) -> Iterator[Shown | Empty]:
    """All that is inside; first what is written to, as the interpreter may lie below it (in /tmp for instance)."""
    yield Empty(PLACES.temporary, sandbox.bounds.disk_mib, "1777")
    yield Empty(PLACES.work, sandbox.bounds.disk_mib)
    yield Empty(PLACES.evidence, EVIDENCE_MIB)
    yield Empty(PLACES.home, _SMALL_MIB)
    yield Empty(PLACES.keras, _SMALL_MIB)
    yield Empty(PLACES.sockets, 1)
    for folder in host.read_only():
        yield Shown(folder, folder)
    for folder in host.ROOT:
        if folder.is_dir() and not folder.is_symlink():
            yield Shown(folder, folder)
    for name in host.ETC:
        if (file := Path("/etc") / name).exists():
            yield Shown(file, file)
    yield Shown(sandbox.data.resolve(), PLACES.data)
    for part in sandbox.recorder:
        yield Shown(part, PLACES.package / part.name)
    yield Shown(ENTER, IN_ENTER)
    if sandbox.handed_in:
        yield Shown(sandbox.handed_in, _HANDED_IN)
    for folder in host.hidden():
        yield Empty(folder, 1, "0555")


class Namespaced:
    """A level whose sandboxes all look alike from inside."""

    name: ClassVar[str]
    gaps: ClassVar[tuple[str, ...]] = ()

    def places(self, sandbox: Sandbox) -> Places:  # noqa: ARG002 - the same in each
        """See `SandboxLevel`."""
        return PLACES

    def _instructions(self, sandbox: Sandbox, command: Command, uid: int | None) -> dict[str, Any]:
        """For `enter.py`, which becomes the user `uid` where it is not None. Raises SandboxError without libseccomp."""
        return make_instructions(
            command,
            PLACES.work,
            sandbox.bounds,
            handed_in=_HANDED_IN if sandbox.handed_in else None,
            uid=uid,
            seccomp=seccomp.program(namespaces=True),
        )

    def _look_into(self, sandbox: Sandbox, waiting: Waiting, init: int, instructions: dict[str, Any]) -> SandboxProcess:
        """The sandbox whose first process is `init`. Raises SandboxError where its folders cannot be reached."""
        root = Path(f"/proc/{init}/root")
        try:
            written = [PinnedFolder(_below(root, place)) for place in PLACES.written]
            in_memory = [*written, PinnedFolder(_below(root, SHARED))]
        except Rejected as rejected:
            waiting.kill()
            raise SandboxError(f"The room of level '{self.name}' cannot be looked into: {rejected}.") from rejected
        return SandboxProcess(
            level=self.name,
            waiting=waiting,
            instructions=instructions,
            sockets=_below(root, PLACES.sockets),
            evidence=written[PLACES.written.index(PLACES.evidence)],
            used_mib=lambda: (
                used_mib(1, sandbox.bounds.memory_mib, root / "proc")
                + (sum(folder.used_bytes for folder in in_memory) >> 20)
            ),
            disk_full=lambda: any(folder.full for folder in written),
            disk_exceeded=lambda: any(folder.files > FILES for folder in in_memory),
            log=sandbox.log,
        )


def _below(root: Path, place: Path) -> Path:
    return root / place.relative_to("/")
