# %% Memory that processes of the machine share
import ctypes
import os

from attack import attempt, libc, places

libc.shmat.restype = ctypes.c_void_p


@attempt("a System V segment")
def _():
    number = libc.shmget(places.shm_key, 0, 0)
    if number < 0:
        return False
    address = libc.shmat(number, None, 0o10000)
    return ctypes.string_at(address, 64)


@attempt("a segment in /dev/shm")
def _():
    return open("/dev/shm/" + places.shm_name, "rb").read(64)


@attempt("other segments in /dev/shm")
def _():
    return os.listdir("/dev/shm")


@attempt("a message queue")
def _():
    return libc.msgget(places.shm_key, 0) >= 0


@attempt("semaphores")
def _():
    return libc.semget(places.shm_key, 0, 0) >= 0


@attempt("lists of segments")
def _():
    return open("/proc/sysvipc/shm").read().count("\n") > 1


# %%
print("still here")
