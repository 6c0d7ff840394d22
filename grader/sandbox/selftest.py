"""Whether a level holds on this machine: tried live, from the inside, before any student code runs."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grader.errors import SandboxError
from grader.sandbox import host
from grader.sandbox.interface import Bounds, Command, Sandbox, SandboxLevel, Zygote
from grader.system import leftovers
from grader.wire.files import Rejected

_SECONDS = 20.0

_TRIALS = r"""
import importlib.util, json, os, socket, sys
told = json.loads(sys.argv[1])
held = {}

def refused(name, what):
    try:
        what()
        held[name] = False
    except Exception:
        held[name] = True

def connect(family, address):
    with socket.socket(family) as end:
        end.settimeout(2)
        end.connect(address)

def processes():
    if len([name for name in os.listdir("/proc") if name.isdigit()]) >= 5:
        return
    raise PermissionError

refused("reads files of this machine", lambda: open(told["file"]).read())
refused("writes files of this machine", lambda: open(told["file"] + ".x", "w"))
refused("reaches ports of this machine", lambda: connect(socket.AF_INET, ("127.0.0.1", told["port"])))
refused("reaches abstract sockets of this machine", lambda: connect(socket.AF_UNIX, "\0" + told["abstract"]))
refused("sees other processes", processes)
environment = "/proc/%d/environ" % told["pid"]
refused("reads the environment of other processes", lambda: open(environment, "rb").read(1) or 1 / 0)
refused("signals other processes", lambda: os.kill(told["pid"], 0))
refused("writes to settings of the kernel", lambda: open("/proc/sys/kernel/core_pattern", "w"))
refused("makes namespaces", lambda: __import__("ctypes").CDLL(None).unshare(0x10000000) and 1 / 0)
refused("imports the grader", lambda: __import__("grader.records"))
if told["warm"]:  # its interpreter is the machine's own, by another way than the room's
    refused("writes to the interpreter", lambda: open("/proc/self/exe", "r+b"))
    refused("changes the interpreter", lambda: os.chmod("/proc/self/exe", os.stat("/proc/self/exe").st_mode & 0o7777))
environment = "".join(os.environ.values()) + open("/proc/self/environ").read()
held["inherits the environment"] = told["canary"] not in environment
wanted = {"finds TensorFlow": importlib.util.find_spec("tensorflow") is not None}
for name, try_it in {
    "finds the data set": lambda: open(os.path.join(told["data"], told["name"]), "rb").read(2),
    "writes its evidence": lambda: open(os.path.join(told["evidence"], "x"), "w").close(),
}.items():
    try:
        try_it()
        wanted[name] = True
    except Exception:
        wanted[name] = False
with open(os.path.join(told["evidence"], "told.json"), "w") as file:
    json.dump({"held": held, "wanted": wanted}, file)
"""


def check(sandbox: SandboxLevel, zygote: Zygote | None = None) -> None:
    """Raise SandboxError with what a level does not hold, or why it does not work.

    With `zygote` the same of programs that start as copies of it.
    """
    with tempfile.TemporaryDirectory(prefix=leftovers.prefix()) as temporary, _outside(Path(temporary)) as told:
        scratch = Path(temporary) / "room"
        data, recorder = Path(temporary) / "data", Path(temporary) / "recorder"
        for folder in (scratch, data, recorder):
            folder.mkdir()
        (data / "some").write_text("data")
        for path in (Path(temporary), scratch, data, recorder):
            path.chmod(0o755)
        room = Sandbox(scratch, data, (recorder,), bounds=Bounds(memory_mib=1024, disk_mib=16, processes=64))
        places = sandbox.places(room)
        told |= {
            "evidence": str(places.evidence),
            "data": str(places.keras / "datasets" / "fashion-mnist"),
            "name": "some",
            "warm": zygote is not None,
        }
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(places.home), **host.environment()}
        command = Command((sys.executable, "-P", "-c", _TRIALS, json.dumps(told)), environment, zygote=zygote)
        found = _told(sandbox, room, command)
    failed = [f"student code {what}" for what, held in found["held"].items() if held is not True]
    failed += [f"the kernel never {what}" for what, works in found["wanted"].items() if works is not True]
    if failed:
        raise SandboxError(f"The sandbox level '{sandbox.name}' fails its self-test: {'; '.join(failed)}.")


def _told(sandbox: SandboxLevel, room: Sandbox, command: Command) -> dict[str, Any]:
    held = sandbox.open(room, command)
    try:
        held.go()
        if command.zygote and not held.forked:
            raise SandboxError(f"The sandbox level '{sandbox.name}' does not let a copy into a room: {held.last_line}.")
        with contextlib.suppress(subprocess.TimeoutExpired):
            held.process.wait(_SECONDS)
        held.kill()
        found: dict[str, Any] = json.loads(held.evidence.read("told.json", 1 << 16))
    except (Rejected, ValueError) as problem:
        why = held.last_line or f"it ended with {held.process.returncode}"
        raise SandboxError(f"The sandbox level '{sandbox.name}' does not run a program: {why}.") from problem
    finally:
        held.discard()
    return found


@contextlib.contextmanager
def _outside(folder: Path) -> Iterator[dict[str, Any]]:
    """What the inside must not reach: a file, listening sockets, this process and its environment."""
    canary = secrets.token_hex(8)
    file = folder / "canary"
    file.write_text(canary)
    file.chmod(0o666)
    with socket.socket() as port, socket.socket(socket.AF_UNIX) as abstract:
        port.bind(("127.0.0.1", 0))
        port.listen()
        abstract.bind(f"\0grade-{canary}")
        abstract.listen()
        os.environ["GRADE_SELF_TEST"] = canary
        try:
            yield {
                "file": str(file),
                "port": port.getsockname()[1],
                "abstract": f"grade-{canary}",
                "pid": os.getpid(),
                "canary": canary,
            }
        finally:
            del os.environ["GRADE_SELF_TEST"]
