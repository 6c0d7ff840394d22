"""Which system calls student code may make: all but those that only attacks need."""

from __future__ import annotations

import contextlib
import errno
import functools
import tempfile
from typing import Any

from grader.errors import SandboxError

_REFUSED = (
    # file systems and namespaces
    "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick",
    "mount_setattr", "unshare", "setns", "swapon", "swapoff", "quotactl", "quotactl_fd", "acct",
    "open_by_handle_at", "name_to_handle_at", "fanotify_init",
    # other processes
    "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "kcmp", "pidfd_getfd",
    # the kernel
    "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "reboot", "syslog", "bpf",
    "perf_event_open", "lookup_dcookie", "userfaultfd", "vhangup", "iopl", "ioperm", "modify_ldt",
    "io_uring_setup", "io_uring_enter", "io_uring_register",
    # keys, clocks, names
    "add_key", "request_key", "keyctl", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex",
    "sethostname", "setdomainname",
    # memory that belongs to no process
    "shmget", "msgget", "semget", "memfd_secret",
)  # fmt: skip
_UNKNOWN = ("clone3", "memfd_create")
"""Refused as if this kernel did not have them, so that libraries do without: flags that cannot be seen, and files in
memory that nothing counts."""
_PRETENDED = (
    "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown", "fchownat", "utime", "utimes", "futimesat",
    "utimensat", "setxattr", "lsetxattr", "fsetxattr", "setxattrat", "removexattr", "lremovexattr", "fremovexattr",
)  # fmt: skip
"""Landlock does not see them, and they reach every file of the same user: nothing is done, and it is called done."""
_OF_OTHERS = {
    "prlimit64": 0, "sched_setaffinity": 0, "sched_setscheduler": 0, "sched_setparam": 0, "sched_setattr": 0,
    "setpriority": 1, "ioprio_set": 1, "migrate_pages": 0, "move_pages": 0,
}  # fmt: skip
"""Call → which argument names a process; where there is no namespace of processes, only oneself (0)."""
_OWN_THREADS = frozenset(_OF_OTHERS) - {"prlimit64", "migrate_pages", "move_pages"}
"""Of these, what libraries do to their threads, by number; ZeroMQ ends the kernel when it is refused. Pretended too."""
_NAMESPACES = (0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000)
"""CLONE_NEW… of cgroup, uts, ipc, user, pid, net and mount (<linux/sched.h>)."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _IPV4, _IPV6, _NETLINK = 1, 2, 10, 16
_FAMILIES = 64
"""More than there are; larger numbers are refused as a whole."""
_DATAGRAM, _TYPE_MASK = 2, 0xF


@functools.cache
def program(*, namespaces: bool) -> bytes:
    """The filter as BPF instructions for this machine.

    `namespaces` says that network, processes and files have namespaces of their own. Without them there are no Internet
    sockets at all and no connections to sockets of this machine, and what would reach the user's other files and
    processes is refused. Raises SandboxError without libseccomp.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, OSError, RuntimeError) as problem:
        raise SandboxError("libseccomp is missing (Debian's package is libseccomp2).") from problem
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refused = seccomp.ERRNO(errno.EPERM)
    answers = [(refused, _REFUSED), (seccomp.ERRNO(errno.ENOSYS), _UNKNOWN)]
    if not namespaces:
        answers.append((seccomp.ERRNO(0), _PRETENDED))
    for answer, names in answers:
        for name in names:
            _add(rules, answer, name)
    for name, argument in () if namespaces else _OF_OTHERS.items():
        answer = seccomp.ERRNO(0) if name in _OWN_THREADS else refused
        _add(rules, answer, name, seccomp.Arg(argument, seccomp.NE, 0))
    for flag in _NAMESPACES:
        rules.add_rule(refused, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    for request in (_TIOCSTI, _TIOCLINUX):
        rules.add_rule(refused, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    _sockets(rules, seccomp, namespaces=namespaces)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _add(rules: Any, answer: int, name: str, *conditions: Any) -> None:
    with contextlib.suppress(OSError, ValueError, RuntimeError):  # this machine has no such call
        rules.add_rule(answer, name, *conditions)


def _sockets(rules: Any, seccomp: Any, *, namespaces: bool) -> None:
    """Only the usual families; every other one has had holes of its own."""
    refused = seccomp.ERRNO(errno.EAFNOSUPPORT)
    allowed = {_UNIX, _IPV4, _IPV6, _NETLINK} if namespaces else {_UNIX}  # libraries ask netlink for addresses
    for family in set(range(_FAMILIES)) - allowed:
        rules.add_rule(refused, "socket", seccomp.Arg(0, seccomp.EQ, family))
    rules.add_rule(refused, "socket", seccomp.Arg(0, seccomp.GE, _FAMILIES))
    if not namespaces:
        denied = seccomp.ERRNO(errno.EACCES)
        rules.add_rule(denied, "connect")
        for call in ("socket", "socketpair"):  # datagrams need no connection to reach a socket of this machine
            rules.add_rule(denied, call, seccomp.Arg(1, seccomp.MASKED_EQ, _TYPE_MASK, _DATAGRAM))
