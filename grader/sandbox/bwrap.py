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
from typing import ClassVar

from grader.errors import SandboxError
from grader.sandbox import host, seccomp
from grader.sandbox.interface import Command, Places, Sandbox
from grader.sandbox.limits import MIB
from grader.sandbox.namespaced import IN_ENTER, PLACES, SHARED_MIB, Empty, layout, looked_into, told
from grader.sandbox.process import Killer, SandboxProcess, kept

_USER = 1000


class Bubblewrap:
    name: ClassVar[str] = "bwrap"
    gaps: ClassVar[tuple[str, ...]] = ()
    fix: ClassVar[str] = (
        "Install bubblewrap (Debian, Ubuntu: `apt-get install bubblewrap`). Where it is installed and refuses, allow"
        " unprivileged user namespaces (`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`), or grade as"
        " root."
    )

    def places(self, room: Sandbox) -> Places:  # noqa: ARG002 - the same in every room
        return PLACES

    def open(self, room: Sandbox, command: Command) -> SandboxProcess:
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxError("bubblewrap is not installed.")
        warm = command.zygote if command.zygote and command.zygote.serves(room, command) else None
        uid = host.unprivileged_uid()
        filtered = seccomp.program(namespaces=True)
        info_out, info_in = os.pipe()
        with _as_file([*_namespaces(uid), *_files(room), "--info-fd", str(info_in)]) as options:
            try:
                before = (program, "--args", str(options), "--")
                # Killed early enough, bubblewrap leaves its child asleep; the keeper does not.
                waiting, let_go = kept(self.name, before, room.log, enter=IN_ENTER, keep=(options, info_in))
            finally:
                os.close(info_in)
                with os.fdopen(info_out, "rb") as pipe:
                    info = pipe.read()
        first = int(json.loads(info)["child-pid"])
        # All others of its namespace go with the first process, at once; bubblewrap and its keeper end then.
        end = Killer(first, let_go)
        held = looked_into(self.name, room, waiting, first, told(room, command, uid, filtered), end)
        if warm:
            held.fork = lambda lifeline, told: warm.fork(end.fd, lifeline, told | {"enter": str(IN_ENTER)}, room.log)
        return held


def _namespaces(uid: int | None) -> list[str]:
    options = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "room", "--cap-drop", "ALL"]
    if uid is None:
        user = ["--unshare-user", "--disable-userns", "--uid", str(_USER), "--gid", str(_USER)]
        return ["--unshare-all", *user, *options]
    unshared = [f"--unshare-{what}" for what in ("pid", "net", "ipc", "uts", "cgroup-try")]
    for_enter = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # which gives them up
    return [*unshared, *options, *for_enter]


def _files(room: Sandbox) -> list[str]:
    options = ["--proc", "/proc", "--dev", "/dev"]
    made: set[Path] = {Path("/"), Path("/dev")}
    for item in (Empty(Path("/dev/shm"), SHARED_MIB, "1777"), *layout(room)):  # noqa: S108 - the room's own
        for parent in reversed(item.target.parents):
            if parent not in made:  # by itself bubblewrap would make it for the first user only
                mode = "0777" if parent.is_relative_to(PLACES.keras) else "0755"
                options += ["--perms", mode, "--dir", str(parent)]
                made.add(parent)
        made.add(item.target)
        if isinstance(item, Empty):
            options += ["--perms", item.mode, "--size", str(item.size_mib * MIB), "--tmpfs", str(item.target)]
        else:
            options += ["--ro-bind", str(item.source), str(item.target)]
    for place, target in host.links():
        options += ["--symlink", str(target), str(place)]
    for mounted in ("/proc", "/dev", "/"):
        options += ["--remount-ro", mounted]
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
