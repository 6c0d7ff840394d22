# %% The machine's own switches: opened for writing, never written
import glob
import os

from attack import attempt

paths = [
    "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/kernel/hostname",
    "/proc/sys/vm/overcommit_memory", "/proc/sys/fs/binfmt_misc/register", "/proc/sys/net/ipv4/ip_forward",
    "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/1/oom_score_adj", "/proc/kcore",
    "/proc/kmsg", "/proc/acpi/alarm", "/proc/irq/default_smp_affinity", "/sys/kernel/uevent_helper",
    "/sys/power/state", "/sys/module/kernel/parameters/panic", "/sys/fs/cgroup/cgroup.procs",
    "/sys/fs/cgroup/memory.max", "/proc/bus", "/proc/timer_list",
]
for path in paths + glob.glob("/sys/kernel/security/*") + glob.glob("/sys/kernel/debug"):

    @attempt(f"opening {path} for writing")
    def _():
        opened = os.open(path, os.O_WRONLY)
        null = os.fstat(opened).st_rdev == os.makedev(1, 3)  # which containers put in the place of some
        os.close(opened)
        return None if null else path


for path in ("/proc/kcore", "/proc/kmsg", "/sys/kernel/debug/tracing", "/proc/timer_list", "/proc/keys", "/dev/kmsg"):

    @attempt(f"reading {path}")
    def _():
        return os.listdir(path) if os.path.isdir(path) else os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 10)


# %% Any other, whatever it is called
@attempt("some file below /proc/sys or /sys for writing")
def _():
    found = []
    for top in ("/proc/sys", "/sys"):
        for folder, _, files in os.walk(top):
            for name in files[:200]:
                try:
                    os.close(os.open(os.path.join(folder, name), os.O_WRONLY | os.O_NONBLOCK))
                except OSError:
                    continue
                found.append(os.path.join(folder, name))
                if len(found) > 3:
                    return found
    return found


# %%
print("still here")
