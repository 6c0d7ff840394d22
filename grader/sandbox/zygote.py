"""A process that has loaded the libraries of notebooks, and of which kernels start as copies: `python -P - SOCKET`.

It runs no student code, knows no submission, and imports nothing of grader: this file is its standard input. Standard
library only, beside what it loads for others.

    the grader ── socket ── this process             once per run; one thread, no TensorFlow operation
                              └ shepherd             one per kernel: gets the instructions, watches, ends the room
                                  └ traveller        goes into the room's namespaces
                                      └ usher        is born inside
                                          └ kernel   gives up every right; then runs the command

Traveller and usher end at once, so that the kernel becomes a child of the room's first process, as it is when it
starts from nothing. All that a room is told goes to its shepherd alone: what one submission brings is never in the
memory that the next one is a copy of.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import io
import json
import logging
import os
import random
import runpy
import select
import signal
import socket
import sys
import types
from collections.abc import Iterator
from typing import Any

_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_NAMESPACES = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""CLONE_NEW… of mount, cgroup, uts, ipc, pid and net (<linux/sched.h>)."""
_MESSAGE = 1 << 16
READY, RUNS = b"ready", b"runs"
_DESCRIPTORS = 1 << 20
"""More than a process has."""

PLAIN = (
    "numpy",
    "ipykernel.kernelapp",
    "ipykernel.ipkernel",
    "IPython.core.pylabtools",
    "sqlite3",
    "scipy.signal",
)
"""What every kernel has when it starts, and what most come to import, of which nobody takes notice."""
GROUPS = ("matplotlib", "matplotlib.pyplot", "tensorflow")
"""What notebooks import themselves, in this order, each with all that it imports; today's TensorFlow brings Keras, and
that matplotlib. The recorder acts when they are imported, so they are put out of sight until then."""
_PLACES = ("HOME", "TMPDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "KERAS_HOME", "MPLCONFIGDIR")
"""Variables that name folders of a room, to which libraries write when they are imported."""
_TREES = ("matplotlib", "mpl_toolkits", "tensorflow", "keras")
HANDED_OVER = "grade_preloaded"
"""Name of the module through which the recorder gets these groups and the data set."""


# ------------------------------------------------------------------ what is loaded


def _load(data: str, scratch: str, fingerprint: str) -> None:
    """Import everything as if in a room, whose folders are in `scratch` here.

    `fingerprint` is the file of the functions that hash images.
    """
    gc.disable()  # almost nothing of what is made here is ever garbage, and looking for it takes a sixth of the time
    environment = dict(os.environ)
    for name in _PLACES:
        os.environ[name] = scratch + environment[name]
    for name in ("HOME", "TMPDIR", "KERAS_HOME"):
        os.makedirs(os.environ[name])
    data_sets = os.path.join(os.environ["KERAS_HOME"], "datasets")
    os.mkdir(data_sets)
    os.symlink(data, os.path.join(data_sets, "fashion-mnist"))
    for name in PLAIN:
        importlib.import_module(name)
    preloaded: Any = types.ModuleType(HANDED_OVER)
    preloaded.groups = [_group(name, scratch) for name in GROUPS]
    preloaded.fashion_mnist = _data_set()
    preloaded.hashes = _hashes(preloaded.fashion_mnist, fingerprint)
    os.environ.clear()
    os.environ.update(environment)
    _forget(scratch)
    for group in reversed(preloaded.groups):
        _hide(group["modules"])
    sys.modules[HANDED_OVER] = preloaded


def _group(name: str, scratch: str) -> dict[str, Any]:
    """Import a module. What came with it:

    modules, those of the watched trees, by name, in the order in which they were complete; files that were written;
    draws, how many random numbers that took; what was printed; handlers of log messages that took hold of the
    standard error.
    """
    before, state, files = set(sys.modules), random.getstate(), dict(_files(scratch))
    printed, errors = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(errors):
        importlib.import_module(name)
    logged = [reference() for reference in logging._handlerList]  # type: ignore[attr-defined]  # noqa: SLF001
    return {
        "name": name,
        "modules": {n: m for n, m in sys.modules.items() if n not in before and n.partition(".")[0] in _TREES},
        "files": {path: content for path, content in _files(scratch) if path not in files},
        "draws": _draws(state),
        "printed": {"stdout": printed.getvalue(), "stderr": errors.getvalue()},
        "handlers": [handler for handler in logged if getattr(handler, "stream", None) is errors],
    }


def _draws(state: Any) -> int:
    """How many numbers of 32 bits were drawn from `random` since then."""
    dice = random.Random()  # noqa: S311
    dice.setstate(state)
    for drawn in range(1000):
        if dice.getstate() == random.getstate():
            return drawn
        dice.getrandbits(32)
    raise RuntimeError("a library sets the random numbers when it is imported")


def _data_set() -> Any:
    """What `keras.datasets.fashion_mnist.load_data` returns; None where the files are not as they should be."""
    try:
        return sys.modules["keras.src.datasets.fashion_mnist"].load_data()
    except Exception:  # noqa: BLE001 - the notebook that asks for it will be told why
        return None


def _hashes(loaded: Any, fingerprint: str) -> Any:
    """(hashes of the pixels, hashes of the masks) of all rows, training images first; None without the data set."""
    if loaded is None:
        return None
    functions = runpy.run_path(fingerprint)
    sets = [images.reshape(-1, functions["PIXELS"]) for images, _ in loaded]
    join = sys.modules["numpy"].concatenate
    return tuple(join([functions[name](rows) for rows in sets]) for name in ("hash_rows", "mask_rows"))


def _files(scratch: str) -> Iterator[tuple[str, bytes | None]]:
    """What libraries wrote when they were imported, under its path in a room; None for a folder."""
    for folder, folders, names in os.walk(scratch):
        for name in folders:
            yield os.path.join(folder, name).removeprefix(scratch), None
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                yield path.removeprefix(scratch), file.read()


def _forget(scratch: str) -> None:
    """What libraries remember of their folders is right in a room."""
    for holder in gc.get_objects():
        if type(holder) in {dict, list}:
            for key, value in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
                if isinstance(value, str) and scratch in value:
                    holder[key] = value.replace(scratch, "")
        elif type(holder) is types.CellType:
            with contextlib.suppress(ValueError):  # it is empty
                if isinstance(value := holder.cell_contents, str) and scratch in value:
                    holder.cell_contents = value.replace(scratch, "")


def _hide(modules: dict[str, Any]) -> None:
    """As if they had not been imported."""
    for name, module in modules.items():
        parent, _, child = name.rpartition(".")
        holder = sys.modules.get(parent)
        if parent not in modules and getattr(holder, child, None) is module:
            delattr(holder, child)
    for name in modules:
        del sys.modules[name]


def _problem() -> str:
    """What forbids to make copies of this process, '' where nothing does."""
    if len(os.listdir("/proc/self/task")) > 1:
        return "a library started a thread"
    with open("/proc/self/maps", encoding="utf-8") as maps:
        if any(fields[1][1] == "w" and fields[1][3] == "s" for fields in map(str.split, maps)):
            return "a library shares memory"
    for group in sys.modules[HANDED_OVER].groups:
        if getattr(group["modules"].get("tensorflow.python.eager.context"), "_context", None) is not None:
            return "a library started TensorFlow"
    return ""


# ------------------------------------------------------------------ a kernel


def _shepherd(room: int, told: int, status: int, log: int) -> list[str]:
    """Start a kernel in a room and watch it to its end. Comes back in the kernel alone, with its command line."""
    with open(told, "rb") as stream:
        config = json.loads(stream.read())
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    traveller = os.fork()
    if traveller == 0:
        os.close(ours.detach())
        _travel(room, config, theirs, log)
        arguments: list[str] = config["argv"]
        return arguments
    theirs.close()
    kernel, said = -1, b""
    while kernel < 0 or not said:
        message, descriptors, _, _ = socket.recv_fds(ours, _MESSAGE, 1)
        if not message:
            break
        if descriptors:
            kernel = descriptors[0]
        else:
            said = message
    os.waitpid(traveller, 0)
    if kernel < 0 or said != b"there":
        os.write(status, said or b"it ended")
        os._exit(1)
    ours.send(b"go")
    os.write(status, RUNS)
    os.close(status)
    poll = select.poll()
    poll.register(kernel, select.POLLIN)
    poll.poll()
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(room, signal.SIGKILL)
    os._exit(0)


def _travel(room: int, config: dict[str, Any], theirs: socket.socket, log: int) -> None:
    """Comes back in the kernel alone, when it may run."""
    try:
        # As an ordinary user the room has a user namespace too; as root there is none.
        _go_into(room, _NAMESPACES | (_CLONE_NEWUSER if config["uid"] is None else 0))
        if usher := os.fork():
            os.waitpid(usher, 0)
            os._exit(0)
        os.setsid()  # of the room, not of this machine; and not led by the kernel, as when it starts from nothing
        if kernel := os.fork():
            socket.send_fds(theirs, [b"kernel"], [os.pidfd_open(kernel)])
            os._exit(0)
        _settle(config, theirs.fileno(), log)
        theirs.send(b"there")
        if theirs.recv(_MESSAGE) != b"go":
            os._exit(0)
        theirs.close()
    except BaseException as problem:  # noqa: BLE001 - told outside
        with contextlib.suppress(OSError):
            theirs.send(f"{type(problem).__name__}: {problem}".encode())
        os._exit(1)


def _go_into(room: int, namespaces: int) -> None:
    if ctypes.CDLL(None, use_errno=True).setns(room, namespaces) < 0:
        raise OSError(ctypes.get_errno(), f"setns: {os.strerror(ctypes.get_errno())}")


def _settle(config: dict[str, Any], kept: int, log: int) -> None:
    """Become what a process is that was started in the room; of the descriptors one is kept for now."""
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.closerange(3, kept)
    os.closerange(kept + 1, _DESCRIPTORS)
    enter = runpy.run_path(config["enter"])
    enter["give_up_capabilities"](but_those_to_change_user=config["uid"] is not None)
    enter["prepare"](config)
    enter["set_dumpable"](dumpable=True)
    os.environ.clear()
    os.environ.update(config["env"])
    sys.path[:] = [path for path in sys.path if path not in _SEEN or os.path.exists(path)]
    importlib.invalidate_caches()
    sys.modules["numpy"].random.seed()
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].current_process().authkey = os.urandom(32)
    sys.modules.pop("__mp_main__", None)


_SEEN = frozenset(path for path in sys.path if os.path.exists(path))
"""Of the folders of modules, those of this machine: a room may lack them."""


def _run(arguments: list[str]) -> None:
    """As Python does with a command line that begins with `-P -m` or `-P -c`."""
    _, _, kind, what, *rest = arguments
    sys.orig_argv[:] = arguments
    sys.argv[:] = [kind, *rest]
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    if kind == "-m":
        runpy._run_module_as_main(what)  # type: ignore[attr-defined]  # noqa: SLF001 - what `-m` itself calls
    else:
        exec(compile(what, "<string>", "exec"), vars(main))  # noqa: S102 - what `-c` does


# ------------------------------------------------------------------ the grader's requests


def _serve(end: socket.socket) -> list[str]:
    """Start kernels until the grader is gone. Comes back in a kernel alone, with its command line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for shepherds
    while True:
        message, descriptors, _, _ = socket.recv_fds(end, _MESSAGE, 5)
        if not message:
            os._exit(0)
        shepherd = -1
        with contextlib.suppress(OSError):
            shepherd = os.fork()
        if shepherd == 0:
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                os.close(end.detach())
                room, _lifeline, told, status, log = descriptors
                return _shepherd(room, told, status, log)
            except BaseException:  # noqa: BLE001 - the grader sees that it did not start
                os._exit(1)
        for descriptor in descriptors:
            os.close(descriptor)


def _start() -> list[str]:
    end = socket.socket(fileno=int(sys.argv[1]))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    for number in (signal.SIGHUP, signal.SIGTERM):  # a grader under `nohup` hands on that it ignores them
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    told = end.recv(_MESSAGE)
    poll = select.poll()
    poll.register(end, select.POLLHUP)
    if not told or poll.poll(0):  # the grader was gone before that
        os._exit(0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    try:
        _load(**json.loads(told))
        problem = _problem()
    except BaseException as raised:  # noqa: BLE001 - told to the grader
        problem = f"{type(raised).__name__}: {raised}"
    end.send(problem.encode() or READY)
    if problem:
        os._exit(1)
    gc.collect()  # what is left counts against the memory of every notebook
    ctypes.CDLL(None).malloc_trim(0)
    gc.freeze()  # collections leave what is shared alone
    gc.enable()
    return _serve(end)


if __name__ == "__main__":
    _run(_start())
