"""Level 'bwrap': bubblewrap, with namespaces of its own for files, processes, network and users.

The options and the reasons for each: https://man.archlinux.org/man/bwrap.1. As root no user namespace is used: the
uid inside would be root's outside.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from grader.errors import SandboxError
from grader.sandbox import host
from grader.sandbox.instructions import MIB
from grader.sandbox.interface import Command, Sandbox
from grader.sandbox.namespaced import IN_ENTER, PLACES, SHARED, SHARED_MIB, USER, Empty, Namespaced, layout
from grader.sandbox.process import SandboxProcess, start_waiting


class Bubblewrap(Namespaced):
    name: ClassVar[str] = "bwrap"
    fix: ClassVar[str] = (
        "Install bubblewrap (Debian, Ubuntu: `apt-get install bubblewrap`). Where it is installed and refuses, allow"
        " unprivileged user namespaces (`sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`), or grade as"
        " root."
    )

    def open(self, sandbox: Sandbox, command: Command) -> SandboxProcess:
        """See `SandboxLevel`."""
        program = shutil.which("bwrap")
        if program is None:
            raise SandboxError("bubblewrap is not installed.")
        zygote = command.zygote if command.zygote and command.zygote.serves(sandbox, command) else None
        uid = host.unprivileged_uid()
        instructions = self._instructions(sandbox, command, uid)
        info_out, info_in = os.pipe()
        with _as_file([*_namespaces(uid), *_files(sandbox), "--info-fd", str(info_in)]) as options:
            try:
                bwrap = (program, "--args", str(options), "--")
                # Killed early enough, bubblewrap leaves its child asleep; the supervisor does not.
                waiting = start_waiting(self.name, bwrap, sandbox.log, enter=IN_ENTER, pass_fds=(options, info_in))
            finally:
                os.close(info_in)
                with os.fdopen(info_out, "rb") as pipe:
                    info = pipe.read()
        init = int(json.loads(info)["child-pid"])
        init_fd = os.pidfd_open(init)  # that very process, and none that has its number later
        # All others of its namespace go with the first process, at once; bubblewrap and its supervisor end then.
        waiting.ending.callback(os.close, init_fd)
        waiting.ending.callback(_kill, init_fd)
        process = self._look_into(sandbox, waiting, init, instructions)
        if zygote:
            for_copy = instructions | {"enter": str(IN_ENTER)}
            process.fork = lambda lifeline: zygote.fork(init_fd, lifeline, for_copy, sandbox.log)
        return process


def _kill(pidfd: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)


def _namespaces(uid: int | None) -> list[str]:
    options = ["--die-with-parent", "--new-session", "--clearenv", "--hostname", "room", "--cap-drop", "ALL"]
    if uid is None:
        user = ["--unshare-user", "--disable-userns", "--uid", str(USER), "--gid", str(USER)]
        return ["--unshare-all", *user, *options]
    unshared = [f"--unshare-{namespace}" for namespace in ("pid", "net", "ipc", "uts", "cgroup-try")]
    for_enter = ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]  # which gives them up
    return [*unshared, *options, *for_enter]


def _files(sandbox: Sandbox) -> list[str]:
    options = ["--proc", "/proc", "--dev", "/dev"]
    made: set[Path] = {Path("/"), Path("/dev")}
    for item in (Empty(SHARED, SHARED_MIB, "1777"), *layout(sandbox)):
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
