# %% What was left open when the kernel was started
import os
import stat

from attack import attempt, places

def fd_exists(fd):
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


@attempt("a folder that was left open")
def _():
    return [
        (fd, os.listdir(fd))
        for fd in map(int, os.listdir("/proc/self/fd"))
        if fd_exists(fd) and stat.S_ISDIR(os.fstat(fd).st_mode) and not os.readlink(f"/proc/self/fd/{fd}").startswith("/proc")
    ]


@attempt("a file of the host that was left open")
def _():
    links = []
    for fd in os.listdir("/proc/self/fd"):
        try:
            links.append(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:
            continue
    return [link for link in links if link.startswith(("/home", "/root", places.home, places.repository, places.out))]


@attempt("a file of the host, mapped")
def _():
    mapped = {line.split(None, 5)[5].strip() for line in open("/proc/self/maps") if line.count(" ") > 5 and "/" in line}
    return [file for file in mapped if file.startswith((places.home, places.repository + "/reference", places.out))]


@attempt("above the root")
def _():
    root = os.open("/", os.O_RDONLY)
    above = os.open("..", os.O_RDONLY, dir_fd=root)
    return os.fstat(above).st_ino != os.fstat(root).st_ino


# %%
print("still here")
