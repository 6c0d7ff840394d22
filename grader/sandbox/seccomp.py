"""Which system calls student code may make: all but those that only attacks need."""

from __future__ import annotations

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
)  # fmt: skip
_NAMESPACES = (0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000)
"""CLONE_NEW… of cgroup, uts, ipc, user, pid, net and mount (<linux/sched.h>)."""
_TIOCSTI, _TIOCLINUX = 0x5412, 0x541C
_UNIX, _IPV4, _IPV6, _NETLINK = 1, 2, 10, 16
_FAMILIES = 64
"""More than there are; larger numbers are refused as a whole."""
_DATAGRAM, _TYPE_MASK = 2, 0xF


@functools.cache
def program(*, network: bool) -> bytes:
    """The filter as BPF instructions for this machine.

    `network` leaves Internet sockets and connections to a network namespace that leads nowhere; without one there are
    none at all, and no connection to a socket of this machine either. Raises SandboxError without libseccomp.
    """
    try:
        import pyseccomp as seccomp
    except (ImportError, OSError, RuntimeError) as problem:
        raise SandboxError("libseccomp is missing (Debian's package is libseccomp2).") from problem
    rules = seccomp.SyscallFilter(seccomp.ALLOW)
    refused = seccomp.ERRNO(errno.EPERM)
    for name in _REFUSED:
        try:
            rules.add_rule(refused, name)
        except (OSError, ValueError, RuntimeError):
            continue  # this machine has no such call
    rules.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")  # its flags cannot be seen; `clone` is used instead then
    for flag in _NAMESPACES:
        rules.add_rule(refused, "clone", seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
    for request in (_TIOCSTI, _TIOCLINUX):
        rules.add_rule(refused, "ioctl", seccomp.Arg(1, seccomp.MASKED_EQ, 0xFFFFFFFF, request))
    _sockets(rules, seccomp, network=network)
    with tempfile.TemporaryFile() as file:
        rules.export_bpf(file)
        file.seek(0)
        return file.read()


def _sockets(rules: Any, seccomp: Any, *, network: bool) -> None:
    """Only the usual families; every other one has had holes of its own."""
    refused = seccomp.ERRNO(errno.EAFNOSUPPORT)
    allowed = {_UNIX, _IPV4, _IPV6, _NETLINK} if network else {_UNIX}  # libraries ask netlink for addresses
    for family in set(range(_FAMILIES)) - allowed:
        rules.add_rule(refused, "socket", seccomp.Arg(0, seccomp.EQ, family))
    rules.add_rule(refused, "socket", seccomp.Arg(0, seccomp.GE, _FAMILIES))
    if not network:
        denied = seccomp.ERRNO(errno.EACCES)
        rules.add_rule(denied, "connect")
        for call in ("socket", "socketpair"):  # datagrams need no connection to reach a socket of this machine
            rules.add_rule(denied, call, seccomp.Arg(1, seccomp.MASKED_EQ, _TYPE_MASK, _DATAGRAM))
