"""Keeps the processes of a room together where there is no pid namespace to do it: `supervisor.py LIFELINE_FD ARGV…`.

Everything that the command starts stays a descendant of this process, however it detaches itself. When the command
ends, or the lifeline closes because the grader let go of it or died, all of them are killed.
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
_PATIENCE_S = 10.0
"""Longest that processes which multiply are chased."""


def _descendants() -> set[int]:
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as stat:
                    parent = int(stat.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue  # it ended meanwhile
            parents.setdefault(parent, []).append(int(name))
    found: set[int] = set()
    left = [os.getpid()]
    while left:
        children = parents.get(left.pop(), [])
        found.update(children)
        left += children
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
        for pid in _descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.002)


def main() -> None:
    lifeline = int(sys.argv[1])
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    command = os.fork()
    if command == 0:
        os.close(lifeline)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        os.execv(sys.argv[2], sys.argv[2:])
    for name in os.listdir("/proc/self/fd"):  # what the command was given is its own
        if int(name) > 2 and int(name) != lifeline:
            with contextlib.suppress(OSError):
                os.close(int(name))
    watched = os.pidfd_open(command)
    status = 0
    while True:
        ready, _, _ = select.select([watched, lifeline], [], [])
        if watched in ready:
            _, status = os.waitpid(command, 0)
        break
    _kill_all()
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main()
