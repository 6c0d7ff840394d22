"""Level 'container': podman, as root or as an ordinary user.

No image is needed: the sandbox is made of this machine's own files.

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
from grader.sandbox import host
from grader.sandbox.interface import Command, Sandbox
from grader.sandbox.namespaced import IN_ENTER, SHARED_MIB, USER, Empty, Namespaced, layout
from grader.sandbox.process import NamedPipes, SandboxProcess, start_waiting
from grader.system import leftovers

_PIPES = Path("/run/door")


class Container(Namespaced):
    name: ClassVar[str] = "container"
    fix: ClassVar[str] = "Install podman (Debian, Ubuntu: `apt-get install podman`)."

    def open(self, sandbox: Sandbox, command: Command) -> SandboxProcess:
        """See `SandboxLevel`."""
        program = shutil.which("podman")
        if program is None:
            raise SandboxError("podman is not installed.")
        uid = host.unprivileged_uid()
        instructions = self._instructions(sandbox, command, None)  # podman changes the user
        folder = Path(tempfile.mkdtemp(dir=sandbox.scratch))
        folder.chmod(0o755)
        pipes, root, pid = (folder / name for name in ("door", "root", "pid"))
        pipes.mkdir()
        _skeleton(root, sandbox)
        podman = (program, *_runtime())
        _sweep(podman)
        name = f"{leftovers.prefix()}{secrets.token_hex(8)}"
        run = ("run", "--name", name, "--pidfile", str(pid), *_options(sandbox, uid, pipes), "--rootfs", str(root))
        remove = functools.partial(_output, *podman, "rm", "--force", "--ignore", "--time", "0", name)
        try:
            waiting = start_waiting(
                self.name, (*podman, *run), sandbox.log, enter=IN_ENTER, named_pipes=NamedPipes(pipes, _PIPES)
            )
        except SandboxError:
            remove()
            raise
        process = self._look_into(sandbox, waiting, int(pid.read_text()), instructions)
        process.remove = remove
        return process


def _runtime() -> list[str]:
    """Where both versions of cgroups are in use crun refuses, and runc does it."""
    hybrid = Path("/sys/fs/cgroup/unified").is_dir()
    return ["--runtime", "runc", "--cgroup-manager", "cgroupfs"] if hybrid and shutil.which("runc") else []


@functools.cache
def _sweep(podman: tuple[str, ...]) -> None:
    """Remove, once, what podman still keeps of graders that were killed; the processes ended with them."""
    old = ("--filter", "name=^grade-", "--filter", f"until={leftovers.SPARED_S}s")
    listed = _output(*podman, "ps", "--all", *old, "--format", "{{.Names}}")
    if dead := [name for name in listed.split() if leftovers.of_the_dead(name)]:
        _output(*podman, "rm", "--force", "--ignore", "--time", "0", *dead)


def _skeleton(root: Path, sandbox: Sandbox) -> None:
    """A root file system that holds only links, and places for what is mounted.

    Places that podman made might belong to another user, who alone could remove them.
    """
    for folder in ("proc", "dev", "sys", "etc", "run/door", "run/secrets", "var"):
        (root / folder).mkdir(parents=True)
    for place, target in host.links():
        (root / place.relative_to("/")).symlink_to(target)
    for item in layout(sandbox):
        place = root / item.target.relative_to("/")
        if isinstance(item, Empty) or item.source.is_dir():
            place.mkdir(parents=True, exist_ok=True)
            if isinstance(item, Empty):
                place.chmod(int(item.mode, 8))  # runc gives the mount the mode of its place
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()


def _options(sandbox: Sandbox, uid: int | None, pipes: Path) -> list[str]:
    user = ["--user", f"{uid}:{uid}"] if uid is not None else ["--user", f"{USER}:{USER}", "--userns", "keep-id"]
    limits = {"nofile": sandbox.bounds.open_files, "nproc": sandbox.bounds.processes, "core": 0}
    ulimits = [word for limit, most in limits.items() for word in ("--ulimit", f"{limit}={most}:{most}")]
    options = [
        *user, "--rm", "--network", "none", "--read-only", "--read-only-tmpfs=false", "--cap-drop", "ALL",
        "--security-opt", "no-new-privileges", "--hostname", "room", "--no-hosts", "--passwd=false",
        "--log-driver", "none",
        "--shm-size", f"{SHARED_MIB}m", "--workdir", "/", *ulimits, "--volume", f"{pipes}:{_PIPES}:rw",
    ]  # fmt: skip
    for item in layout(sandbox):
        if isinstance(item, Empty):
            options += ["--tmpfs", f"{item.target}:rw,exec,size={item.size_mib}m,mode={item.mode},notmpcopyup"]
        else:
            options += ["--volume", f"{item.source}:{item.target}:ro"]
    return options


def _output(*command: str) -> str:
    """What it prints; nothing when it fails."""
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, timeout=30)
        return done.stdout
    return ""
