# %% Disturbing processes that are not one's own
import os
import resource
import signal

from attack import attempt, places


@attempt("a signal to the marker's process")
def _():
    os.kill(places.pid, 0)
    return True


@attempt("signals to the parents")
def _():
    reached = []
    for pid in {os.getppid(), 1} - {os.getpid()}:
        name = open(f"/proc/{pid}/comm").read()
        try:
            os.kill(pid, 0)
        except OSError:
            continue
        # within its own processes a room may do as it likes: that ends the room
        reached += [name] if os.readlink(f"/proc/{pid}/ns/pid") != os.readlink("/proc/self/ns/pid") else []
    return reached


@attempt("limits of another process")
def _():
    limits = resource.prlimit(places.pid, resource.RLIMIT_CPU)
    resource.prlimit(places.pid, resource.RLIMIT_CPU, limits)
    return True


@attempt("priority of another process")
def _():
    before = os.getpriority(os.PRIO_PROCESS, places.pid)
    os.setpriority(os.PRIO_PROCESS, places.pid, before + 1)
    return os.getpriority(os.PRIO_PROCESS, places.pid) != before  # the call may be answered without being carried out


@attempt("cores of another process")
def _():
    before = os.sched_getaffinity(places.pid)
    os.sched_setaffinity(places.pid, {min(before)})
    changed = os.sched_getaffinity(places.pid) != before
    os.sched_setaffinity(places.pid, before)
    return changed


@attempt("a higher priority")
def _():
    os.setpriority(os.PRIO_PROCESS, 0, -5)
    return True


@attempt("real-time priority")
def _():
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    return True


@attempt("higher limits of one's own")
def _():
    for which in (resource.RLIMIT_DATA, resource.RLIMIT_NPROC, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        soft, hard = resource.getrlimit(which)
        if hard != resource.RLIM_INFINITY:
            resource.setrlimit(which, (hard, hard + 1))
            return which


# %%
print("still here")
