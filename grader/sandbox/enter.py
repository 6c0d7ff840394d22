"""The last step into a sandbox: runs inside it as `python -I -S enter.py CONFIG STATUS`, standard library only.

Both are pipes, given by number or by name. Waits for its instructions, a line that comes when the grader has everything
in place and never comes when it has died; gives up every right that student code shall not have; then becomes the
kernel, or where it is process 1 its parent.
What goes wrong here is told through the status pipe, which closes by itself when the kernel takes over.

Instructions (JSON): uid (or null), limits {name of a resource: value}, handed_in (a folder whose content is copied to
cwd, or null), files {path: text}, landlock ({names: […], read: […], write: […]} or null), seccomp (base64 of a BPF
program), argv, env, cwd, and whether to wait: then it says so, and becomes the kernel only at a further line 'start'.
When none comes, because a copy of the zygote (see `zygote.py`) was let in and has ended, or the grader has died, it
ends, and the sandbox with it.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import json
import os
import resource
import shutil
import signal
import struct
import sys
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)

# <linux/prctl.h>, <linux/capability.h>, <linux/seccomp.h>
_PR_SET_DUMPABLE = 4
_PR_SET_KEEPCAPS = 8
_PR_SET_SECCOMP = 22
_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE, _PR_CAP_AMBIENT_CLEAR_ALL = 2, 4
_SECCOMP_MODE_FILTER = 2
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522

# <linux/landlock.h>; the numbers of these three calls are the same on every architecture.
LANDLOCK_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH_BENEATH = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_ALL_FILES = (1 << 16) - 1
"""Everything up to ABI 5: also making, removing, renaming, linking, truncating and device control."""
_FILE_ONLY = _EXECUTE | _WRITE_FILE | _READ_FILE | 1 << 14 | 1 << 15
"""Rights that a rule on a file (not a folder) may carry."""
_NETWORK = 0b11
_SCOPES = 0b11
"""Abstract sockets and signals do not leave the domain (ABI 6)."""


class _Program(ctypes.Structure):
    """`sock_fprog` of <linux/filter.h>."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def _checked(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{what}: {os.strerror(ctypes.get_errno())}")
    return result


def _prctl(what: str, *arguments: int) -> None:
    padded = [ctypes.c_ulong(n) for n in (*arguments, 0, 0, 0, 0)[:5]]
    _checked(_LIBC.prctl(*padded), what)


def _become(uid: int, *, read_anything: bool) -> None:
    """Change to an unprivileged user without any capability.

    `read_anything` keeps the one that lets it read files whatever their mode says: for Landlock, which decides by
    itself what is read, where the interpreter lies in a folder of root's own.
    """
    kept = 1 << _CAP_DAC_READ_SEARCH if read_anything else 0
    _prctl("keep capabilities", _PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _keep_capabilities(kept)
    _prctl("keep capabilities", _PR_SET_KEEPCAPS, 0)
    if read_anything:
        _prctl("raise capability", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_READ_SEARCH)


def _keep_capabilities(kept: int) -> None:
    """Effective, permitted and inheritable ones; `kept` has bits of the first 32."""
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_LIBC.capset(header, struct.pack("=6I", kept, kept, kept, 0, 0, 0)), "set capabilities")


def give_up_capabilities(*, but_those_to_change_user: bool) -> None:
    """What bubblewrap does before it starts a program: none can be had again, and none is left.

    Where the user changes, that takes capabilities; with it (`prepare`) they go too.
    """
    for capability in range(64):
        if _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) < 0:
            if ctypes.get_errno() == errno.EINVAL:  # there are no more
                break
            raise OSError(ctypes.get_errno(), "drop capability")
    _prctl("drop capabilities", _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    if not but_those_to_change_user:
        _keep_capabilities(0)


def set_dumpable(*, dumpable: bool) -> None:
    """Whether processes of the same user may look into this one."""
    _prctl("dumpable", _PR_SET_DUMPABLE, int(dumpable))


def _limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        number = getattr(resource, name)
        most = resource.getrlimit(number)[1]
        allowed = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(number, (allowed, allowed))


def _restrict(names: list[str], read: list[str], write: list[str]) -> None:
    """From here on only what lies beneath these is reached (of `names` only what it is called), and no network."""
    ruleset = struct.pack("=QQQ", _ALL_FILES, _NETWORK, _SCOPES)
    fd = _checked(_LIBC.syscall(LANDLOCK_CREATE_RULESET, ruleset, ctypes.c_size_t(len(ruleset)), 0), "Landlock")
    for paths, allowed in ((names, _READ_DIR), (read, _EXECUTE | _READ_FILE | _READ_DIR), (write, _ALL_FILES)):
        for path in paths:
            try:
                beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            rights = allowed if os.path.isdir(path) else allowed & _FILE_ONLY
            rule = struct.pack("=Qi", rights, beneath)
            _checked(_LIBC.syscall(_ADD_RULE, fd, _RULE_PATH_BENEATH, rule, 0), f"Landlock rule {path}")
            os.close(beneath)
    _checked(_LIBC.syscall(_RESTRICT_SELF, fd, 0), "Landlock")
    os.close(fd)


def _filter_calls(program: bytes) -> None:
    loaded = _Program(len(program) // 8, program)
    _prctl("seccomp", _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(loaded))


def _furnish(config: dict[str, Any]) -> None:
    """The files that are there when the command starts."""
    if config["handed_in"]:
        for entry in os.scandir(config["handed_in"]):
            copy = shutil.copytree if entry.is_dir() else shutil.copyfile
            copy(entry.path, os.path.join(config["cwd"], entry.name))
    for path, text in config["files"].items():
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


def _stay_as_init() -> None:
    """Where this is process 1, go on in a child: what dies in there must die, which process 1 does for nobody inside.

    All others end with it, so it stays for as long as the child, and buries who is left to it.
    """
    if os.getpid() != 1:
        return
    child = os.fork()
    if child:
        set_dumpable(dumpable=False)  # nobody inside reads or writes its /proc/1
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.closerange(3, 1 << 10)  # the status pipe closes when the kernel takes over
        while (ended := os.wait())[0] != child:
            pass
        os._exit(min(255, abs(os.waitstatus_to_exitcode(ended[1]))))


def prepare(config: dict[str, Any]) -> None:
    """Furnish the sandbox and give up every right: all but the last step. Raises OSError where that is refused."""
    os.umask(0o022)
    _limit(config["limits"])
    if config["uid"] is not None:
        _become(config["uid"], read_anything=config["landlock"] is not None)
    _furnish(config)
    _prctl("no new privileges", _PR_SET_NO_NEW_PRIVS, 1)
    if config["landlock"] is not None:
        _restrict(**config["landlock"])
    os.chdir(config["cwd"])
    if config["seccomp"]:
        _filter_calls(base64.b64decode(config["seccomp"]))


def _opened(pipe: str, flag: int) -> int:
    fd = int(pipe) if pipe.isdigit() else os.open(pipe, flag)
    os.set_inheritable(fd, False)
    return fd


def _main() -> None:
    config_fd, status_fd = _opened(sys.argv[1], os.O_RDONLY), _opened(sys.argv[2], os.O_WRONLY)
    for fd in map(int, os.listdir("/proc/self/fd")):  # nothing that was inherited reaches student code
        if fd > 2 and fd not in {config_fd, status_fd}:
            try:
                os.close(fd)
            except OSError:
                continue
    os.write(status_fd, b"ready\n")
    stream = open(config_fd, "rb")  # noqa: SIM115 - until the end of this program
    line = stream.readline()
    if not line:  # the grader is gone
        os._exit(0)
    try:
        config = json.loads(line)
        prepare(config)
        if config["wait"]:
            set_dumpable(dumpable=False)
            os.write(status_fd, b"there\n")
            if stream.readline() != b"start\n":
                os._exit(0)
        _stay_as_init()
        os.execve(config["argv"][0], config["argv"], config["env"])
    except Exception as problem:  # noqa: BLE001 - told outside, where it becomes the level's reason
        os.write(status_fd, f"{type(problem).__name__}: {problem}".encode())
        os._exit(1)


if __name__ == "__main__":
    _main()
