"""Runs a command as the foster parent of all that it leaves behind: `reaper.py RESULT KILL_AFTER_S COMMAND...`.

Orphans come to a sub-reaper, whatever they do to hide. RESULT gets the command's exit code, the peak of its own
memory, and the command lines of what was still alive a while after it ended (which is killed then). With
KILL_AFTER_S above 0 the command is killed after that time.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SUBREAPER = 36
SETTLE_S = 3.0
"""How long what was killed may take to be gone."""


def children() -> list[int]:
    """Living children of this process; dead ones are reaped."""
    found = []
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            state, parent = (process / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state not in "ZX":
                found.append(int(process.name))
    return found


def peak_mib(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


def main() -> None:
    result, kill_after_s, command = Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    started = time.monotonic()
    process = subprocess.Popen(command)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, peak_mib(process.pid))
        if kill_after_s and time.monotonic() - started > kill_after_s:
            process.send_signal(signal.SIGKILL)
        time.sleep(0.005 if kill_after_s else 0.05)
    ended = time.monotonic()
    while (left := children()) and time.monotonic() - ended < SETTLE_S:
        time.sleep(0.02)
    names = [Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("latin-1") for pid in left]
    while left := children():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)
    result.write_text(json.dumps({"code": process.returncode, "peak_mib": peak, "left": names}))


if __name__ == "__main__":
    main()
