# %% System calls that lead out of a room, or deep into the kernel
import ctypes
import fcntl
import os
import socket
import struct
import termios

from attack import attempt, libc, places, syscall

NEWNS, NEWUSER, NEWPID, NEWNET, NEWIPC, NEWUTS, NEWCGROUP = (
    0x20000, 0x10000000, 0x20000000, 0x40000000, 0x8000000, 0x4000000, 0x2000000,
)


@attempt("mount")
def _():
    os.makedirs("m", exist_ok=True)
    syscall(165, b"none", b"m", b"tmpfs", 0, None)
    return True


@attempt("mount by open_tree and move_mount")
def _():
    return syscall(428, -100, b"/", 1) > 0


@attempt("mount by fsopen")
def _():
    return syscall(430, b"tmpfs", 0) > 0


@attempt("umount")
def _():
    syscall(166, b"/tmp", 2)
    return True


@attempt("pivot_root")
def _():
    syscall(155, b".", b".")
    return True


@attempt("chroot")
def _():
    pid = os.fork()
    if not pid:
        try:
            os.chroot("/tmp")
            os._exit(0)
        except OSError:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


for name, flag in (
    ("user", NEWUSER), ("mount", NEWNS | NEWUSER), ("pid", NEWPID | NEWUSER), ("net", NEWNET | NEWUSER),
    ("ipc", NEWIPC), ("uts", NEWUTS), ("cgroup", NEWCGROUP), ("mount alone", NEWNS),
):

    @attempt(f"unshare: {name}")
    def _():
        pid = os.fork()
        if not pid:
            os._exit(0 if libc.unshare(flag) == 0 else 1)
        return os.waitpid(pid, 0)[1] == 0


@attempt("clone with a new user namespace")
def _():
    pid = libc.syscall(56, NEWUSER | 17, None, None, None, None)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
    return pid > 0


@attempt("clone3 with a new user namespace")
def _():
    arguments = struct.pack("11Q", NEWUSER, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)
    pid = libc.syscall(435, arguments, len(arguments))
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
    return pid > 0


@attempt("setns")
def _():
    for pid in ("1", str(os.getppid()), str(places.pid)):
        try:
            descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        except OSError:
            continue
        if os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net"):
            syscall(308, descriptor, 0)
            return pid
    return False


# %% Tracing and reading other processes
for pid in sorted({1, os.getppid(), places.pid} - {os.getpid()}):

    @attempt(f"ptrace of {'the launcher' if pid < 100 else 'another process'}")
    def _():
        syscall(101, 16, pid, 0, 0)
        syscall(101, 17, pid, 0, 0)
        return True

    @attempt(f"process_vm_readv of {'the launcher' if pid < 100 else 'another process'}")
    def _():
        buffer = ctypes.create_string_buffer(8)
        local = struct.pack("QQ", ctypes.addressof(buffer), 8)
        return syscall(310, pid, local, 1, struct.pack("QQ", 0x400000, 8), 1, 0) > 0

    @attempt(f"pidfd_getfd of {'the launcher' if pid < 100 else 'another process'}")
    def _():
        return syscall(438, syscall(434, pid, 0), 1, 0) >= 0


# %% Parts of the kernel with a history
@attempt("bpf")
def _():
    return syscall(321, 0, struct.pack("IIII", 2, 4, 4, 1) + bytes(112), 128) >= 0


@attempt("keyctl")
def _():
    return syscall(250, 0, -3, 1) > 0


@attempt("add_key")
def _():
    return syscall(248, b"user", b"x", b"y", 1, -3) > 0


@attempt("io_uring_setup")
def _():
    return syscall(425, 4, bytes(120)) >= 0


@attempt("userfaultfd")
def _():
    return syscall(323, 0) >= 0


@attempt("perf_event_open")
def _():
    return syscall(298, struct.pack("IIQ", 1, 112, 0) + bytes(96), 0, -1, -1, 0) >= 0


@attempt("open_by_handle_at")
def _():
    handle = ctypes.create_string_buffer(struct.pack("Ii", 8, 1) + struct.pack("II", 2, 0) + bytes(120))
    return syscall(304, os.open("/", os.O_RDONLY), handle, 0) >= 0


for name, number, arguments in (
    ("init_module", 175, (b"", 0, b"")),
    ("delete_module", 176, (b"nothing", 0)),
    ("kexec_load", 246, (0, 0, None, 0)),
    ("swapon", 167, (b"/room/work/x", 0)),
    ("settimeofday", 164, (None, None)),
    ("sethostname", 170, (b"x", 1)),
    ("acct", 163, (None,)),
    ("iopl", 172, (3,)),
    ("quotactl", 179, (0x800001, None, 0, None)),
    ("syslog", 103, (10, None, 0)),
    ("fanotify_init", 300, (0, 0)),
):

    @attempt(name)
    def _():
        syscall(number, *arguments)
        return True


# %% Typing into somebody's terminal
@attempt("TIOCSTI")
def _():
    descriptor = os.open("/dev/tty", os.O_RDWR)
    fcntl.ioctl(descriptor, termios.TIOCSTI, b" ")
    return True


@attempt("TIOCSTI on the standard streams")
def _():
    for descriptor in (0, 1, 2):
        try:
            fcntl.ioctl(descriptor, termios.TIOCSTI, b" ")
        except OSError:
            continue
        return descriptor
    return False


# %%
print("still here")
