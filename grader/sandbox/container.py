"""Level 'container': podman, as root or as an ordinary user.

No image is needed: the room is made of this machine's own files.

Options: https://docs.podman.io/en/latest/markdown/podman-run.1.html
"""

from __future__ import annotations

import contextlib
import functools
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from grader.errors import SandboxError
from grader.sandbox import host, seccomp
from grader.sandbox.interface import Bounds, Command, Places, Sandbox
from grader.sandbox.namespaced import IN_ENTER, PLACES, SHARED_MIB, Empty, layout, looked_into, told
from grader.sandbox.process import Door, SandboxProcess, kept
from grader.system import leftovers

_DOOR = Path("/run/door")
_USER = 1000


class Container:
    name: ClassVar[str] = "container"
    gaps: ClassVar[tuple[str, ...]] = ()
    fix: ClassVar[str] = "Install podman (Debian, Ubuntu: `apt-get install podman`)."

    def places(self, room: Sandbox) -> Places:  # noqa: ARG002 - the same in every room
        return PLACES

    def open(self, room: Sandbox, command: Command) -> SandboxProcess:
        program = shutil.which("podman")
        if program is None:
            raise SandboxError("podman is not installed.")
        uid = host.unprivileged_uid()
        filtered = seccomp.program(namespaces=True)
        folder = Path(tempfile.mkdtemp(dir=room.scratch))
        folder.chmod(0o755)
        door, root, number = (folder / name for name in ("door", "root", "pid"))
        door.mkdir()
        _skeleton(root, room)
        name = f"{leftovers.prefix()}{secrets.token_hex(8)}"
        base = (program, *_runtime())
        _sweep(base)
        before = (
            *base,
            "run",
            "--name",
            name,
            "--pidfile",
            str(number),
            *_options(room, uid, door),
            "--rootfs",
            str(root),
        )
        remove = functools.partial(_quietly, *base, "rm", "--force", "--ignore", "--time", "0", name)
        try:
            waiting, end = kept(self.name, before, room.log, enter=IN_ENTER, door=Door(door, _DOOR))
        except SandboxError:
            remove()
            raise
        held = looked_into(self.name, room, waiting, int(number.read_text()), told(room, command, None, filtered), end)
        held.remove = remove
        return held


def _runtime() -> list[str]:
    """Where both versions of cgroups are in use crun refuses, and runc does it."""
    hybrid = Path("/sys/fs/cgroup/unified").is_dir()
    return ["--runtime", "runc", "--cgroup-manager", "cgroupfs"] if hybrid and shutil.which("runc") else []


@functools.cache
def _sweep(base: tuple[str, ...]) -> None:
    """Remove, once, what podman still keeps of graders that were killed; the processes ended with them."""
    old = ("--filter", "name=^grade-", "--filter", f"until={leftovers.SPARED_S}s")
    listed = _said(*base, "ps", "--all", *old, "--format", "{{.Names}}")
    if dead := [name for name in listed.split() if leftovers.of_the_dead(name)]:
        _quietly(*base, "rm", "--force", "--ignore", "--time", "0", *dead)


def _skeleton(root: Path, room: Sandbox) -> None:
    """A root file system that holds only links, and places for what is mounted.

    Places that podman made might belong to another user, who alone could remove them.
    """
    for folder in ("proc", "dev", "sys", "etc", "run/door", "run/secrets", "var"):
        (root / folder).mkdir(parents=True)
    for place, target in host.links():
        (root / place.relative_to("/")).symlink_to(target)
    for item in layout(room):
        place = root / item.target.relative_to("/")
        if isinstance(item, Empty) or item.source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            if isinstance(item, Empty):
                place.chmod(int(item.mode, 8))  # runc gives the mount the mode of its place
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()


def _options(room: Sandbox, uid: int | None, door: Path) -> list[str]:
    user = ["--user", f"{uid}:{uid}"] if uid is not None else ["--user", f"{_USER}:{_USER}", "--userns", "keep-id"]
    options = [
        *user, "--rm", "--network", "none", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--hostname", "room", "--no-hosts", "--passwd=false",
        "--log-driver", "none",
        "--shm-size", f"{SHARED_MIB}m", "--workdir", "/", *_ulimits(room.bounds), "--volume", f"{door}:{_DOOR}:rw",
    ]  # fmt: skip
    for item in layout(room):
        if isinstance(item, Empty):
            options += ["--tmpfs", f"{item.target}:rw,exec,size={item.size_mib}m,mode={item.mode},notmpcopyup"]
        else:
            options += ["--volume", f"{item.source}:{item.target}:ro"]
    return options


def _ulimits(bounds: Bounds) -> list[str]:
    numbers = {"nofile": bounds.open_files, "nproc": bounds.processes, "core": 0}
    return [word for name, most in numbers.items() for word in ("--ulimit", f"{name}={most}:{most}")]


def _quietly(*command: str) -> None:
    _said(*command)


def _said(*command: str) -> str:
    """What it prints; nothing when it fails."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=30)
        return done.stdout
    return ""
