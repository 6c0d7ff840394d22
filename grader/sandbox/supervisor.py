"""Keeps the processes of a sandbox together, whatever the level does itself: `supervisor.py LIFELINE_FD ARGV…`.

Everything that the command starts stays a descendant of this process, however it detaches itself. When the command
ends, or the lifeline closes because the grader let go of it or died, all of them are killed. Standard library only.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time

_PR_SET_CHILD_SUBREAPER = 36
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_PATIENCE_S = 10.0
"""Longest that processes which multiply are chased."""


def family(top: int, proc: str = "/proc") -> dict[int, int]:
    """The process `top` and all that descend from it, as `proc` numbers them → resident pages of each."""
    pages: dict[int, int] = {}
    children: dict[int, list[int]] = {}
    for pid in map(int, filter(str.isdigit, os.listdir(proc))):
        try:
            with open(f"{proc}/{pid}/stat", "rb") as stat:
                # The name in parentheses may hold anything; after it: state, parent, …, 22nd: pages.
                fields = stat.read().rpartition(b")")[2].split()
            pages[pid] = int(fields[21])
            children.setdefault(int(fields[1]), []).append(pid)
        except (OSError, IndexError, ValueError):
            continue  # it ended meanwhile
    found: dict[int, int] = {}
    left = [top]
    while left:
        pid = left.pop()
        if pid in pages:
            found[pid] = pages[pid]
        left += children.pop(pid, ())
    return found


def _reap() -> bool:
    """Whether any child is left."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _kill_all() -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while _reap() and time.monotonic() < deadline:
        for pid in family(os.getpid()).keys() - {os.getpid()}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def _main() -> None:
    lifeline = int(sys.argv[1])
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    command = os.fork()
    if command == 0:
        os.close(lifeline)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        os.execv(sys.argv[2], sys.argv[2:])
    for fd in map(int, os.listdir("/proc/self/fd")):  # what the command was given is its own
        if fd > 2 and fd != lifeline:
            with contextlib.suppress(OSError):
                os.close(fd)
    watched = os.pidfd_open(command)
    ready, _, _ = select.select([watched, lifeline], [], [])
    status = os.waitpid(command, 0)[1] if watched in ready else 0
    _kill_all()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    _main()
