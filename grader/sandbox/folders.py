"""Levels without namespaces: folders on disk are the room, and `supervisor.py` keeps its processes together."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import sys
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from grader.errors import SandboxError
from grader.sandbox import host, seccomp
from grader.sandbox.interface import Command, Places, Sandbox
from grader.sandbox.limits import EVIDENCE_MIB, FILES, rlimits
from grader.sandbox.process import SandboxProcess, instructions, kept
from grader.sandbox.usage import folder_mib, used_mib
from grader.system import leftovers
from grader.wire.files import PinnedFolder


class Plain:
    """Level 'none': limits, and an end to everything that was started; no isolation."""

    name: ClassVar[str] = "none"
    gaps: ClassVar[tuple[str, ...]] = (
        "read and change every file that you can",
        "use the network",
        "see and end your other processes",
        "change the results of others",
    )
    fix: ClassVar[str] = "Leave `--sandbox` out, so that the strongest level of this machine is taken."

    def places(self, room: Sandbox) -> Places:
        # Short, as a socket's path holds 107 characters; not below the scratch folder, which is the grader's alone.
        name = hashlib.sha256(str(room.scratch).encode()).hexdigest()[:12]
        return Places.under(Path(tempfile.gettempdir()) / f"{leftovers.prefix()}{name}")

    def open(self, room: Sandbox, command: Command) -> SandboxProcess:
        self._check()
        places, uid = self.places(room), self._user()
        self._furnish(room, places, uid)
        waiting, end = kept(self.name, (), room.log)
        students = tuple(place for place in places.written if place != places.evidence)

        def full() -> bool:
            return _more_than(room.bounds.disk_mib, students) or _more_than(EVIDENCE_MIB, (places.evidence,))

        held = SandboxProcess(
            level=self.name,
            waiting=waiting,
            instructions=instructions(
                command.arguments,
                command.environment,
                places.work,
                command.files,
                limits=rlimits(room.bounds, counted_from=0 if uid is not None else _threads_of_user()),
                copy=[(room.handed_in, places.work)] if room.handed_in else [],
                uid=uid,
                landlock=self._allowed(room, places),
                seccomp=self._filter(),
            ),
            sockets=places.sockets,
            evidence=PinnedFolder(places.evidence),
            used_mib=lambda: used_mib(waiting.process.pid, room.bounds.memory_mib),
            disk_full=full,
            disk_exceeded=full,
            end=end,
            log=room.log,
        )
        held.remove = weakref.finalize(held, shutil.rmtree, places.work.parent, ignore_errors=True)
        return held

    def _check(self) -> None:
        """Raise SandboxError where this machine cannot do it."""

    def _user(self) -> int | None:
        return None

    def _filter(self) -> bytes:
        return b""

    def _allowed(self, room: Sandbox, places: Places) -> dict[str, list[str]] | None:  # noqa: ARG002 - nothing is refused
        return None

    def _furnish(self, room: Sandbox, places: Places, uid: int | None) -> None:
        try:
            places.work.parent.mkdir(mode=0o700)
        except OSError as problem:
            why = "it is already there" if isinstance(problem, FileExistsError) else problem.strerror
            raise SandboxError(f"The folder {places.work.parent} of a room cannot be made: {why}.") from problem
        for folder in (*places.written, places.recorder, places.package, places.keras / "datasets"):
            folder.mkdir()
        (places.keras / "datasets" / "fashion-mnist").symlink_to(room.data.resolve())
        for part in room.recorder:
            (places.package / part.name).symlink_to(part)
        if uid is not None:
            for folder in (places.work.parent, *places.written, places.keras / "datasets"):
                os.chown(folder, uid, uid)


class Landlock(Plain):
    """Level 'landlock': files, sockets and signals are refused by the kernel; as root under a user id of its own."""

    name: ClassVar[str] = "landlock"
    gaps: ClassVar[tuple[str, ...]] = (
        "fill the disk for a moment before it is stopped",
        "see the names (not the content) of the grader's own files",
        "exhaust what all programs of this machine share, such as the numbers of processes",
    )
    fix: ClassVar[str] = (
        "Landlock with scopes needs Linux 6.12 or newer and, as an ordinary user or as root, the library libseccomp2."
    )

    def _check(self) -> None:
        abi = (
            ctypes.CDLL(None, use_errno=True).syscall(_CREATE_RULESET, None, 0, _VERSION)
            if sys.platform == "linux"
            else -1
        )
        if abi < _ABI:
            raise SandboxError(f"This kernel's Landlock has version {max(abi, 0)}; version {_ABI} is needed.")

    def _user(self) -> int | None:
        return host.unprivileged_uid()

    def _filter(self) -> bytes:
        return seccomp.program(namespaces=False)

    def _allowed(self, room: Sandbox, places: Places) -> dict[str, list[str]]:
        names: list[Path] = []
        read = [Path("/etc") / name for name in host.ETC]
        for folder in host.read_only():
            read += _around(folder, host.hidden(), names)
        read += [Path("/proc") / name for name in _PROC]
        read += [Path("/sys/devices/system") / name for name in ("cpu", "node")]
        read += [room.data.resolve(), *room.recorder, places.recorder]
        read += [room.handed_in] if room.handed_in else []
        devices = [Path("/dev") / name for name in ("null", "zero", "full", "random", "urandom")]
        found = {"names": names, "read": read, "write": [*places.written, *devices]}
        return {kind: [str(path) for path in paths] for kind, paths in found.items()}


_CREATE_RULESET, _VERSION, _ABI = 444, 1, 6
"""<linux/landlock.h>: asking for the version; 6 keeps signals and abstract sockets within."""
_PROC = ("self", "cpuinfo", "meminfo", "stat", "loadavg", "filesystems", "version", "sys/kernel", "sys/vm")


def _more_than(limit_mib: int, folders: tuple[Path, ...]) -> bool:
    return folder_mib(folders, FILES) > limit_mib


def _around(folder: Path, hidden: tuple[Path, ...], names: list[Path]) -> Iterator[Path]:
    """What lies in a folder besides what is hidden; folders around hidden things go to `names`."""
    real = folder.resolve()  # `lib64` of a virtual environment is a link to `lib`
    if any(real.is_relative_to(path) for path in hidden):
        return
    if not any(path.is_relative_to(real) for path in hidden):
        yield folder
        return
    if folder.is_symlink():  # what it leads to is reached where it is
        return
    names.append(folder)
    for entry in sorted(folder.iterdir()):
        yield from _around(entry, hidden, names)


def _threads_of_user() -> int:
    """Processes and threads that the user has already: the kernel counts them all against the limit."""
    count = 0
    for name in os.listdir("/proc") if sys.platform == "linux" else []:
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}").st_uid == os.getuid():
                    count += len(os.listdir(f"/proc/{name}/task"))
            except OSError:
                continue
    return count
