"""Level 'bwrap': bubblewrap, with namespaces of its own for files, processes, network and users.

The options and the reasons for each: https://man.archlinux.org/man/bwrap.1. As root no user namespace is used: the
uid inside would be root's outside.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

from grader.errors import SandboxError
from grader.evidence.files import PinnedFolder, Rejected
from grader.sandbox import host, seccomp
from grader.sandbox.limits import EVIDENCE_MIB, MIB, rlimits
from grader.sandbox.process import ENTER, Held, Waiting, instructions, kill_pid, wait_at_the_door
from grader.sandbox.room import Command, Places, Room
from grader.sandbox.usage import used_mib

_SMALL_MIB = 64
_SHARED_MIB = 256
_ENTER = "/run/enter.py"
_HANDED_IN = "/run/handed_in"
_TEMPORARY = Path("/tmp")  # noqa: S108 - the room's own
_SOCKETS = Path("/run/k")
"""Short, because a socket's path holds 107 characters."""
_USER = 1000


class Bubblewrap:
    name: ClassVar[str] = "bwrap"
    gaps: ClassVar[tuple[str, ...]] = ()
    fix: ClassVar[str] = (
        "Install bubblewrap (Debian, Ubuntu: `apt-get install bubblewrap`). Where it is installed and refuses, allow"
        " unprivileged user namespaces (`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`), or grade as"
        " root."
    )

    def places(self, room: Room) -> Places:  # noqa: ARG002 - the same in every room
        own = Path("/room")
        return Places(own / "work", own / "home", _TEMPORARY, own / "keras", own / "probe", own / "evidence", _SOCKETS)

    def open(self, room: Room, command: Command) -> Held:
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxError("bubblewrap is not installed.")
        uid = host.unprivileged_uid()
        filtered = seccomp.program(network=True)
        places = self.places(room)
        info_out, info_in = os.pipe()
        arguments = [*_namespaces(uid), *_files(room, places), "--info-fd", str(info_in)]
        with _as_file(arguments) as options:
            try:
                before = (program, "--args", str(options), "--")
                waiting = wait_at_the_door(self.name, before, room.log, enter=Path(_ENTER), keep=(options, info_in))
            finally:
                os.close(info_in)
                with os.fdopen(info_out, "rb") as told:
                    info = told.read()
        inner = int(json.loads(info)["child-pid"])
        return _held(room, places, waiting, inner, _config(room, places, command, uid, filtered))


def _held(room: Room, places: Places, waiting: Waiting, inner: int, told: dict[str, Any]) -> Held:
    def end() -> None:
        kill_pid(inner)  # the first process of its namespace: all others go with it
        waiting.process.kill()

    seen = Path(f"/proc/{inner}/root")
    try:
        written = [PinnedFolder(_below(seen, place)) for place in places.written]
    except Rejected as rejected:
        end()
        waiting.process.wait()
        raise SandboxError(f"bubblewrap's room cannot be looked into: {rejected}.") from rejected
    return Held(
        level=Bubblewrap.name,
        waiting=waiting,
        instructions=told,
        sockets=_below(seen, places.sockets),
        evidence=written[places.written.index(places.evidence)],
        used_mib=lambda: used_mib(1, seen / "proc"),
        disk_full=lambda: any(folder.full for folder in written),
        refuses_writes=True,
        end=end,
        log=room.log,
    )


def _config(room: Room, places: Places, command: Command, uid: int | None, filtered: bytes) -> dict[str, Any]:
    return instructions(
        command.arguments,
        command.environment,
        places.work,
        command.files,
        limits=rlimits(room.bounds),
        copy=[(Path(_HANDED_IN), places.work)] if room.handed_in else [],
        uid=uid,
        seccomp=filtered,
    )


def _namespaces(uid: int | None) -> list[str]:
    options = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "room", "--cap-drop", "ALL"]
    if uid is None:
        user = ["--unshare-user", "--disable-userns", "--uid", str(_USER), "--gid", str(_USER)]
        return ["--unshare-all", *user, *options]
    unshared = [f"--unshare-{what}" for what in ("pid", "net", "ipc", "uts", "cgroup-try")]
    return [
        *unshared,
        *options,
        "--cap-add",
        "CAP_SETUID",
        "--cap-add",
        "CAP_SETGID",
    ]  # for `enter.py`, which gives them up


def _files(room: Room, places: Places) -> list[str]:
    options: list[str] = []
    made: set[Path] = {Path("/")}

    def parents(path: Path) -> None:
        for parent in reversed(path.parents):
            if parent not in made:
                made.add(parent)
                options.extend(("--perms", "0755", "--dir", str(parent)))

    def show(source: Path, target: Path) -> None:
        parents(target)
        made.add(target)
        options.extend(("--ro-bind", str(source), str(target)))

    def empty(target: Path, size_mib: int, perms: str = "0777") -> None:
        parents(target)
        made.add(target)
        options.extend(("--perms", perms, "--size", str(size_mib * MIB), "--tmpfs", str(target)))

    # What is written to comes first: the interpreter may lie below it, in /tmp for instance.
    options.extend(("--proc", "/proc", "--dev", "/dev"))
    empty(Path("/dev/shm"), _SHARED_MIB, "1777")  # noqa: S108 - the room's own
    empty(places.temporary, room.bounds.disk_mib, "1777")
    empty(places.work, room.bounds.disk_mib)
    empty(places.evidence, EVIDENCE_MIB)
    for place in (places.home, places.keras):
        empty(place, _SMALL_MIB)
    empty(places.sockets, 1)
    for folder in host.read_only():
        show(folder, folder)
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        place = Path("/") / name
        if place.is_symlink():
            options.extend(("--symlink", str(place.readlink()), str(place)))
        elif place.is_dir():
            show(place, place)
    for name in host.ETC:
        if (file := Path("/etc") / name).exists():
            show(file, file)
    options.extend(("--perms", "0777", "--dir", str(places.keras / "datasets")))
    show(room.data.resolve(), places.keras / "datasets" / "fashion-mnist")
    show(room.probe, places.probe / "grade_probe")
    show(ENTER, Path(_ENTER))
    if room.handed_in:
        show(room.handed_in, Path(_HANDED_IN))
    for path in host.hidden():
        empty(path, 1, "0555")
    for mounted in ("/proc", "/dev", "/"):
        options.extend(("--remount-ro", mounted))
    return options


@contextlib.contextmanager
def _as_file(options: list[str]) -> Iterator[int]:
    """A descriptor from which bubblewrap reads its options: its command line can be seen inside."""
    fd = os.memfd_create("options")
    try:
        os.write(fd, b"".join(option.encode() + b"\0" for option in options))
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def _below(root: Path, place: Path) -> Path:
    return root / place.relative_to("/")
