"""A process that has loaded the libraries of notebooks, and of which kernels start as copies: `python -P - SOCKET`.

It runs no student code, knows no submission, and imports nothing of grader. This file is its standard input, because
copies share its command line: it names no folder of the grader. Standard library only, beside what it loads for others
(`preload.py`).

    the grader ── socket ── this process         once per run; one thread, no TensorFlow operation
                              └ monitor          one per kernel: reads the instructions, watches, ends the sandbox
                                  └ setns step   goes into the sandbox's namespaces
                                      └ inside   is born in them
                                          └ kernel   gives up every right; then runs the command

The setns step and its child end at once, so that the kernel becomes a child of the sandbox's first process, as it is
when it starts from nothing. What one submission brings comes to its monitor alone: it is never in the memory that the
next one is a copy of.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import types
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""CLONE_NEW… of mount, cgroup, uts, ipc, pid and net (<linux/sched.h>)."""
_MESSAGE_BYTES = 1 << 16
_DESCRIPTORS = 1 << 20
"""More than a process has."""
READY, RUNS = b"ready", b"runs"
"""What the grader hears when the libraries are loaded, and when a kernel runs; anything else is a problem's text."""
_HOST_FOLDERS = frozenset(path for path in sys.path if os.path.exists(path))
"""Of the folders of modules, those of this machine: a sandbox may lack them."""


def _main() -> list[str]:
    """Load the libraries, then serve. Comes back in a kernel alone, with its command line."""
    grader = socket.socket(fileno=int(sys.argv[1]))
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGHUP, signal.SIGTERM):  # a grader under `nohup` hands on that it ignores them
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    message = grader.recv(_MESSAGE_BYTES)
    poll = select.poll()
    poll.register(grader, select.POLLHUP)
    if not message or poll.poll(0):  # the grader was gone before it could be this process's end
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    gc.disable()  # almost nothing of what is made here is ever garbage, and looking for it takes a sixth of the time
    try:
        settings = json.loads(message)
        problem: str = runpy.run_path(settings.pop("preload"))["preload"](**settings)
    except BaseException as raised:  # noqa: BLE001 - told to the grader
        problem = f"{type(raised).__name__}: {raised}"
    grader.send(problem.encode() or READY)
    if problem:
        os._exit(1)
    gc.collect()  # what is left counts against the memory of every notebook
    _LIBC.malloc_trim(0)
    gc.freeze()  # collections leave what is shared alone
    gc.enable()
    return _serve(grader)


def _serve(grader: socket.socket) -> list[str]:
    """Start a monitor for each request until the grader is gone. Comes back in a kernel alone, with its command line.

    A request is four descriptors: a pidfd of the sandbox's first process; a pipe that the monitor only holds, because
    `enter.py` in the sandbox ends when nobody does any more; a socket for the monitor; a log for the kernel.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for monitors
    while True:
        request, descriptors, _, _ = socket.recv_fds(grader, _MESSAGE_BYTES, 4)
        if not request:
            os._exit(0)
        monitor = -1
        with contextlib.suppress(OSError):
            monitor = os.fork()
        if monitor == 0:
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                grader.close()
                init, _lifeline, requester, log = descriptors
                return _monitor(init, socket.socket(fileno=requester), log)
            except BaseException:  # noqa: BLE001 - the grader sees that it did not start
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)


def _monitor(init: int, requester: socket.socket, log: int) -> list[str]:
    """Start a kernel in a sandbox and watch it to its end. Comes back in the kernel alone, with its command line."""
    with requester.makefile("rb") as stream:
        instructions = json.load(stream)
    ours, theirs = socket.socketpair()
    setns_step = os.fork()
    if setns_step == 0:
        ours.close()
        requester.close()
        _become_kernel(init, instructions, theirs, log)
        arguments: list[str] = instructions["argv"]
        return arguments
    theirs.close()
    problem, kernels, _, _ = socket.recv_fds(ours, _MESSAGE_BYTES, 1)
    os.waitpid(setns_step, 0)
    if not kernels:
        requester.send(problem or b"it ended")
        os._exit(1)
    requester.send(RUNS)
    requester.close()
    poll = select.poll()
    poll.register(kernels[0], select.POLLIN)
    poll.poll()
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(init, signal.SIGKILL)
    os._exit(0)


# ------------------------------------------------------------------ a kernel


def _become_kernel(init: int, instructions: dict[str, Any], monitor: socket.socket, log: int) -> None:
    """Comes back in the kernel alone, whose pidfd the monitor has then; or the monitor hears what went wrong."""
    try:
        # As an ordinary user the sandbox has a user namespace too; as root there is none.
        _enter(init, _NAMESPACES | (_CLONE_NEWUSER if instructions["uid"] is None else 0))
        if inside := os.fork():
            os.waitpid(inside, 0)
            os._exit(0)
        os.setsid()  # of the sandbox, not of this machine; and not led by the kernel, as when it starts from nothing
        if os.fork():
            os._exit(0)
        _settle(instructions, monitor.fileno(), log)
        kernel = os.pidfd_open(os.getpid())
        socket.send_fds(monitor, [b"kernel"], [kernel])
        os.close(kernel)
        monitor.close()
    except BaseException as problem:  # noqa: BLE001 - told outside
        with contextlib.suppress(OSError):
            monitor.send(f"{type(problem).__name__}: {problem}".encode())
        os._exit(1)


def _enter(init: int, namespaces: int) -> None:
    if _LIBC.setns(init, namespaces) < 0:
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")


def _settle(instructions: dict[str, Any], kept: int, log: int) -> None:
    """Become what a process is that was started in the sandbox; of the descriptors one is kept for now."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, kept)
    os.closerange(kept + 1, _DESCRIPTORS)
    enter = runpy.run_path(instructions["enter"])
    enter["give_up_capabilities"](but_those_to_change_user=instructions["uid"] is not None)
    enter["prepare"](instructions)
    enter["set_dumpable"](dumpable=True)
    os.environ.clear()
    os.environ.update(instructions["env"])
    sys.path[:] = [path for path in sys.path if path not in _HOST_FOLDERS or os.path.exists(path)]
    importlib.invalidate_caches()
    sys.modules["numpy"].random.seed()
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].current_process().authkey = os.urandom(32)
    sys.modules.pop("__mp_main__", None)


def _run(arguments: list[str]) -> None:
    """As Python does with a command line that begins with `-P -m` or `-P -c`."""
    _, _, kind, program, *rest = arguments
    sys.orig_argv[:] = arguments
    sys.argv[:] = [kind, *rest]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if kind == "-m":
        runpy._run_module_as_main(program)  # type: ignore[attr-defined]  # noqa: SLF001 - what `-m` itself calls
    else:
        exec(compile(program, "<string>", "exec"), vars(main))  # noqa: S102 - what `-c` does


if __name__ == "__main__":
    _run(_main())
