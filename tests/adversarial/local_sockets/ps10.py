# %% Services of the machine that grades
import os
import socket
import subprocess

from attack import attempt, places


@attempt("a service on loopback, TCP")
def _():
    with socket.create_connection(("127.0.0.1", places.tcp), timeout=2) as opened:
        return opened.recv(100)


@attempt("a service on loopback, IPv6")
def _():
    with socket.create_connection(("::1", places.tcp), timeout=2) as opened:
        return opened.recv(100)


@attempt("a service on loopback, UDP")
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.settimeout(1)
        opened.sendto(b"who", ("127.0.0.1", places.udp))
        return opened.recv(100)


@attempt("an abstract socket")
def _():
    with socket.socket(socket.AF_UNIX) as opened:
        opened.settimeout(2)
        opened.connect("\0" + places.abstract)
        return opened.recv(100)


@attempt("a socket with a path")
def _():
    with socket.socket(socket.AF_UNIX) as opened:
        opened.settimeout(2)
        opened.connect(places.socket)
        return opened.recv(100)


# %% Through other programs, which no audit hook sees
for target in (f"/dev/tcp/127.0.0.1/{places.tcp}", f"/dev/udp/127.0.0.1/{places.udp}"):

    @attempt(f"bash and {target.rsplit('/', 1)[0]}")
    def _():
        command = f"exec 3<>{target}; echo who >&3; timeout 1 head -c 20 <&3"
        return subprocess.run(["bash", "-c", command], capture_output=True, timeout=5).stdout


# %% Passing on what one does not have: descriptors by a socket of one's own
@attempt("a descriptor of the parent process")
def _():
    found = []
    for entry in os.listdir(f"/proc/{os.getppid()}/fd"):
        found.append(os.open(f"/proc/{os.getppid()}/fd/{entry}", os.O_RDONLY | os.O_NONBLOCK))
    return found


# %%
print("still here")
