"""Levels without namespaces: folders on disk are the sandbox, and `supervisor.py` keeps its processes together."""

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
from grader.sandbox.enter import LANDLOCK_CREATE_RULESET
from grader.sandbox.instructions import EVIDENCE_MIB, FILES, make_instructions
from grader.sandbox.interface import Command, Places, Sandbox
from grader.sandbox.process import SandboxProcess, start_waiting
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

    def places(self, sandbox: Sandbox) -> Places:
        """See `SandboxLevel`."""
        # Short, as a socket's path holds 107 characters; not below the scratch folder, which is the grader's alone.
        name = hashlib.sha256(str(sandbox.scratch).encode()).hexdigest()[:12]
        return Places.under(Path(tempfile.gettempdir()) / f"{leftovers.prefix()}{name}")

    def open(self, sandbox: Sandbox, command: Command) -> SandboxProcess:
        """See `SandboxLevel`."""
        self._check()
        places, uid = self.places(sandbox), self._user()
        self._furnish(sandbox, places, uid)
        waiting = start_waiting(self.name, (), sandbox.log)
        students = tuple(place for place in places.written if place != places.evidence)

        def full() -> bool:
            return _more_than(sandbox.bounds.disk_mib, students) or _more_than(EVIDENCE_MIB, (places.evidence,))

        process = SandboxProcess(
            level=self.name,
            waiting=waiting,
            instructions=make_instructions(
                command,
                places.work,
                sandbox.bounds,
                handed_in=sandbox.handed_in,
                uid=uid,
                seccomp=self._filter(),
                landlock=self._allowed(sandbox, places),
                tasks_of_user=0 if uid is not None else _tasks_of_user(),
            ),
            sockets=places.sockets,
            evidence=PinnedFolder(places.evidence),
            used_mib=lambda: used_mib(waiting.supervisor.pid, sandbox.bounds.memory_mib),
            disk_full=full,
            disk_exceeded=full,
            log=sandbox.log,
        )
        process.remove = weakref.finalize(process, shutil.rmtree, places.work.parent, ignore_errors=True)
        return process

    def _check(self) -> None:
        """Raise SandboxError where this machine cannot do it."""

    def _user(self) -> int | None:
        return None

    def _filter(self) -> bytes:
        return b""

    def _allowed(self, sandbox: Sandbox, places: Places) -> dict[str, list[str]] | None:  # noqa: ARG002 - nothing is refused
        return None

    def _furnish(self, sandbox: Sandbox, places: Places, uid: int | None) -> None:
        try:
            places.work.parent.mkdir(mode=0o700)
        except OSError as problem:
            why = "it is already there" if isinstance(problem, FileExistsError) else problem.strerror
            raise SandboxError(f"The folder {places.work.parent} of a room cannot be made: {why}.") from problem
        for folder in (*places.written, places.recorder, places.package, places.data.parent):
            folder.mkdir()
        places.data.symlink_to(sandbox.data.resolve())
        for part in sandbox.recorder:
            (places.package / part.name).symlink_to(part)
        if uid is not None:
            for folder in (places.work.parent, *places.written, places.data.parent):
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
        abi = -1
        if sys.platform == "linux":
            abi = ctypes.CDLL(None, use_errno=True).syscall(LANDLOCK_CREATE_RULESET, None, 0, _VERSION)
        if abi < _ABI:
            raise SandboxError(f"This kernel's Landlock has version {max(abi, 0)}; version {_ABI} is needed.")

    def _user(self) -> int | None:
        return host.unprivileged_uid()

    def _filter(self) -> bytes:
        return seccomp.program(namespaces=False)

    def _allowed(self, sandbox: Sandbox, places: Places) -> dict[str, list[str]]:
        names: list[Path] = []
        read = [Path("/etc") / name for name in host.ETC]
        for folder in host.read_only():
            read += _around(folder, host.hidden(), names)
        read += [Path("/proc") / name for name in _PROC]
        read += [Path("/sys/devices/system") / name for name in ("cpu", "node")]
        read += [sandbox.data.resolve(), *sandbox.recorder, places.recorder]
        read += [sandbox.handed_in] if sandbox.handed_in else []
        devices = [Path("/dev") / name for name in ("null", "zero", "full", "random", "urandom")]
        allowed = {"names": names, "read": read, "write": [*places.written, *devices]}
        return {kind: [str(path) for path in paths] for kind, paths in allowed.items()}


_VERSION, _ABI = 1, 6
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


def _tasks_of_user() -> int:
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
