# %% Files of the machine and of the marker
import glob
import os
import sys

from attack import attempt, places

for path in (
    "/etc/shadow", "/etc/ssh", "/etc/machine-id", "/root/.bashrc", "/var/log", "/boot", "/run/docker.sock",
    "/var/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd", "/mnt", "/media", "/srv",
):

    @attempt(path)
    def _():
        return os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(64) if os.path.isfile(path) else os.path.exists(path)


@attempt("the marker's key")
def _():
    return open(places.home + "/.ssh/id_ed25519").read()


@attempt("somebody's home")
def _():
    known = [*sys.path, sys.prefix, sys.base_prefix, sys.executable]  # where Python lies is no secret
    found = [f for f in glob.glob("/home/*/*") + glob.glob("/root/*") if not f.startswith("/home/student")]
    return [f for f in found if not any(path.startswith(f) for path in known)]


@attempt("a file of the host by its path")
def _():
    return open(places.secret).read()


# %% The same through other processes
def read(path):
    try:
        return open(path).read(10)
    except OSError:
        return ""


for link in ("root", "cwd"):
    for pid in ("1", "self", str(os.getppid()), str(places.pid)):

        @attempt(f"/proc/{pid}/{link} leads to the host")
        def _():
            base = f"/proc/{pid}/{link}"
            return any(read(base + path) for path in (places.secret, places.repository + "/README.md", "/etc/shadow"))


@attempt("memory of another process")
def _():
    for pid in {"1", str(os.getppid()), str(places.pid)} - {str(os.getpid())}:
        first = open(f"/proc/{pid}/maps").readline().split("-")[0]
        with open(f"/proc/{pid}/mem", "rb") as memory:
            memory.seek(int(first, 16))
            if memory.read(16):
                return pid


# %% Links made here are followed nowhere else
for name, target in (("hard", places.secret), ("hard2", "/etc/shadow")):

    @attempt(f"a hard link to {target}")
    def _():
        os.link(target, name)
        return open(name).read()


@attempt("a symbolic link to the secret")
def _():
    os.symlink(places.secret, "soft")
    return open("soft").read()


# %%
print("still here")
