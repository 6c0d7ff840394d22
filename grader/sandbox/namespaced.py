"""What levels with a file system and processes of their own have in common: where things are, and how one looks in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grader.errors import SandboxError
from grader.sandbox import host
from grader.sandbox.interface import Command, Places, Sandbox
from grader.sandbox.limits import EVIDENCE_MIB, FILES, rlimits
from grader.sandbox.process import ENTER, SandboxProcess, Waiting, instructions
from grader.sandbox.usage import used_mib
from grader.wire.files import PinnedFolder, Rejected

_OWN = Path("/room")
_SOCKETS = Path("/run/k")
"""Short, because a socket's path holds 107 characters."""
PLACES = Places(
    _OWN / "work", _OWN / "home", Path("/tmp"), _OWN / "keras", _OWN / "recorder", _OWN / "evidence", _SOCKETS  # noqa: S108
)  # fmt: skip
"""The same in every room, so that the same code prints the same."""
IN_ENTER = Path("/run/enter.py")
_HANDED_IN = Path("/run/handed_in")
_SMALL_MIB = 64
_SHARED = Path("/dev/shm")  # noqa: S108 - the room's own
SHARED_MIB = 256
"""Memory that processes share by name."""


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


def layout(room: Sandbox) -> Iterator[Shown | Empty]:
    """All that is in the room; first what is written to, as the interpreter may lie below it (in /tmp for instance)."""
    yield Empty(PLACES.temporary, room.bounds.disk_mib, "1777")
    yield Empty(PLACES.work, room.bounds.disk_mib)
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
    yield Shown(room.data.resolve(), PLACES.keras / "datasets" / "fashion-mnist")
    for part in room.recorder:
        yield Shown(part, PLACES.package / part.name)
    yield Shown(ENTER, IN_ENTER)
    if room.handed_in:
        yield Shown(room.handed_in, _HANDED_IN)
    for folder in host.hidden():
        yield Empty(folder, 1, "0555")


def told(room: Sandbox, command: Command, uid: int | None, filtered: bytes) -> dict[str, Any]:
    """The instructions for `enter.py`."""
    return instructions(
        command.arguments,
        command.environment,
        PLACES.work,
        command.files,
        limits=rlimits(room.bounds),
        copy=[(_HANDED_IN, PLACES.work)] if room.handed_in else [],
        uid=uid,
        seccomp=filtered,
    )


def looked_into(
    level: str, room: Sandbox, waiting: Waiting, first: int, told: dict[str, Any], end: Callable[[], None]
) -> SandboxProcess:
    """The room whose first process is `first`. Raises SandboxError where its folders cannot be reached."""
    seen = Path(f"/proc/{first}/root")
    try:
        written = [PinnedFolder(_below(seen, place)) for place in PLACES.written]
        in_memory = [*written, PinnedFolder(_below(seen, _SHARED))]
    except Rejected as rejected:
        end()
        waiting.process.wait()
        raise SandboxError(f"The room of level '{level}' cannot be looked into: {rejected}.") from rejected
    return SandboxProcess(
        level=level,
        waiting=waiting,
        instructions=told,
        sockets=_below(seen, PLACES.sockets),
        evidence=written[PLACES.written.index(PLACES.evidence)],
        used_mib=lambda: (
            used_mib(1, room.bounds.memory_mib, seen / "proc") + (sum(folder.used_bytes for folder in in_memory) >> 20)
        ),
        disk_full=lambda: any(folder.full for folder in written),
        disk_exceeded=lambda: any(folder.files > FILES for folder in in_memory),
        end=end,
        log=room.log,
    )


def _below(root: Path, place: Path) -> Path:
    return root / place.relative_to("/")
