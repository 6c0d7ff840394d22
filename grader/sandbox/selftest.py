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
outside = json.loads(sys.argv[1])
refused, works = {}, {}

def must_fail(name, attempt):
    try:
        attempt()
        refused[name] = False
    except Exception:
        refused[name] = True

def must_work(name, attempt):
    try:
        works[name] = attempt() is not None
    except Exception:
        works[name] = False

def connect(family, address):
    with socket.socket(family) as end:
        end.settimeout(2)
        end.connect(address)

def processes():
    if len([name for name in os.listdir("/proc") if name.isdigit()]) >= 5:
        return
    raise PermissionError

must_fail("reads files of this machine", lambda: open(outside["file"]).read())
must_fail("writes files of this machine", lambda: open(outside["file"] + ".x", "w"))
must_fail("reaches ports of this machine", lambda: connect(socket.AF_INET, ("127.0.0.1", outside["port"])))
must_fail("reaches abstract sockets of this machine", lambda: connect(socket.AF_UNIX, "\0" + outside["abstract"]))
must_fail("sees other processes", processes)
environment = "/proc/%d/environ" % outside["pid"]
must_fail("reads the environment of other processes", lambda: open(environment, "rb").read(1) or 1 / 0)
must_fail("signals other processes", lambda: os.kill(outside["pid"], 0))
must_fail("writes to settings of the kernel", lambda: open("/proc/sys/kernel/core_pattern", "w"))
must_fail("makes namespaces", lambda: __import__("ctypes").CDLL(None).unshare(0x10000000) and 1 / 0)
must_fail("imports the grader", lambda: __import__("grader.records"))
if outside["copy"]:  # its interpreter is the machine's own, by another way than the sandbox's
    must_fail("writes to the interpreter", lambda: open("/proc/self/exe", "r+b"))
    mode = os.stat("/proc/self/exe").st_mode & 0o7777
    must_fail("changes the interpreter", lambda: os.chmod("/proc/self/exe", mode))
environment = "".join(os.environ.values()) + open("/proc/self/environ").read()
refused["inherits the environment"] = outside["canary"] not in environment
must_work("finds TensorFlow", lambda: importlib.util.find_spec("tensorflow"))
must_work("finds the data set", lambda: open(outside["data"], "rb").read(2))
must_work("writes its evidence", lambda: open(os.path.join(outside["evidence"], "x"), "w"))
with open(os.path.join(outside["evidence"], "trials.json"), "w") as file:
    json.dump({"refused": refused, "works": works}, file)
"""


def check(level: SandboxLevel, zygote: Zygote | None = None) -> None:
    """Raise SandboxError with what a level does not hold, or why it does not work.

    With `zygote` the same of programs that start as copies of it.
    """
    with tempfile.TemporaryDirectory(prefix=leftovers.prefix()) as temporary, _outside(Path(temporary)) as outside:
        scratch, data, recorder = (Path(temporary) / name for name in ("sandbox", "data", "recorder"))
        for folder in (scratch, data, recorder):
            folder.mkdir()
        (data / "some").write_text("data")
        for path in (Path(temporary), scratch, data, recorder):
            path.chmod(0o755)
        sandbox = Sandbox(scratch, data, (recorder,), bounds=Bounds(memory_mib=1024, disk_mib=16, processes=64))
        places = level.places(sandbox)
        outside |= {
            "evidence": str(places.evidence),
            "data": str(places.data / "some"),
            "copy": zygote is not None,
        }
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(places.home), **host.environment()}
        command = Command((sys.executable, "-P", "-c", _TRIALS, json.dumps(outside)), environment, zygote=zygote)
        trials = _run(level, sandbox, command)
    failed = [f"student code {what}" for what, refused in trials["refused"].items() if refused is not True]
    failed += [f"the kernel never {what}" for what, works in trials["works"].items() if works is not True]
    if failed:
        raise SandboxError(f"The sandbox level '{level.name}' fails its self-test: {'; '.join(failed)}.")


def _run(level: SandboxLevel, sandbox: Sandbox, command: Command) -> dict[str, Any]:
    """What the trials wrote."""
    process = level.open(sandbox, command)
    try:
        process.go()
        if command.zygote and not process.forked:
            raise SandboxError(
                f"The sandbox level '{level.name}' does not let a copy into a room: {process.last_line}."
            )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.process.wait(_SECONDS)
        process.kill()
        trials: dict[str, Any] = json.loads(process.evidence.read("trials.json", 1 << 16))
    except (Rejected, ValueError) as problem:
        why = process.last_line or f"it ended with {process.process.returncode}"
        raise SandboxError(f"The sandbox level '{level.name}' does not run a program: {why}.") from problem
    finally:
        process.discard()
    return trials


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
