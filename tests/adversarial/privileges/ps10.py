# %% Becoming somebody else
import ctypes
import os
import shutil
import stat
import subprocess

from attack import attempt, libc


@attempt("being root")
def _():
    return os.geteuid() == 0 and "uid 0"


for name, change in (("setuid", os.setuid), ("setgid", os.setgid)):

    @attempt(f"{name}(0)")
    def _():
        pid = os.fork()
        if not pid:
            try:
                change(0)
            except BaseException:
                os._exit(1)
            os._exit(0)
        return os.waitpid(pid, 0)[1] == 0


@attempt("groups of the machine")
def _():
    return [group for group in os.getgroups() if group not in {os.getgid(), 65534}]


@attempt("capabilities")
def _():
    status = dict(line.split(":\t") for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    reading = 1 << 2  # where Landlock refuses what is not to be read, file modes need not
    return {k: status[k] for k in ("CapEff", "CapPrm", "CapInh", "CapAmb") if int(status[k], 16) & ~reading}


@attempt("programs that run as their owner")
def _():
    return "NoNewPrivs:\t1" not in open("/proc/self/status").read()


for command in (
    ["su", "-c", "id"], ["sudo", "-n", "id"], ["pkexec", "id"], ["mount", "-t", "tmpfs", "none", "/work"],
    ["newgrp"], ["unshare", "-Ur", "id"], ["bwrap", "--dev-bind", "/", "/", "id"], ["nsenter", "-t", "1", "-a", "id"],
    ["crontab", "-l"], ["at", "now"], ["systemd-run", "id"], ["chroot", "/", "id"],
):

    @attempt(" ".join(command))
    def _():
        if not shutil.which(command[0]):
            return False
        run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=5)
        return run.returncode == 0 and (run.stdout or command)


@attempt("a program of one's own that runs as root")
def _():
    shutil.copy("/usr/bin/id", "id")
    os.chown("id", 0, -1)
    os.chmod("id", 0o4755)
    return b"euid=0" in subprocess.run(["./id"], capture_output=True).stdout


# %% Devices
for path in ("mem", "kmem", "port", "kmsg", "sda", "vda", "nvme0n1", "dm-0", "loop0", "loop-control", "fuse", "kvm", "tty", "console", "tty0", "input", "net/tun", "vhost-net", "mapper/control", "uinput"):

    @attempt(f"/dev/{path}")
    def _():
        flags = os.O_RDONLY | os.O_NONBLOCK
        os.close(os.open(f"/dev/{path}", flags))
        return path


for kind, major, minor in ((stat.S_IFBLK, 8, 0), (stat.S_IFCHR, 1, 1), (stat.S_IFBLK, 254, 0)):

    @attempt(f"a device made here ({major}, {minor})")
    def _():
        os.mknod(f"d{major}_{minor}", kind | 0o600, os.makedev(major, minor))
        return True


# %%
print("still here")
