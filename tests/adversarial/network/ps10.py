# %% Out into the world
import os
import socket
import subprocess
import urllib.request

from attack import attempt, syscall

OUTSIDE = ("198.51.100.7", 80)


@attempt("names")
def _():
    return socket.getaddrinfo("example.org", 80)


for name, family, kind, protocol in (
    ("TCP", socket.AF_INET, socket.SOCK_STREAM, 0),
    ("UDP", socket.AF_INET, socket.SOCK_DGRAM, 0),
    ("TCP over IPv6", socket.AF_INET6, socket.SOCK_STREAM, 0),
    ("raw", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    ("ping", socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
):

    @attempt(f"{name} to the outside")
    def _():
        with socket.socket(family, kind, protocol) as opened:
            opened.settimeout(2)
            address = ("2001:db8::1", 80) if family == socket.AF_INET6 else OUTSIDE
            opened.connect(address)
            return opened.send(b"x")


@attempt("packets of one's own making")
def _():
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as opened:
        opened.bind(("eth0", 0))
        return True


@attempt("the hypervisor's socket")
def _():
    with socket.socket(40, socket.SOCK_STREAM) as opened:
        opened.settimeout(1)
        opened.connect((2, 1024))
        return True


# %% Without Python's own audit
@attempt("connect by system call")
def _():
    descriptor = syscall(41, 2, 1, 0)
    address = b"\x02\x00\x00\x50" + socket.inet_aton(OUTSIDE[0]) + bytes(8)
    os.set_blocking(descriptor, False)
    try:
        syscall(42, descriptor, address, 16)
    except BlockingIOError:
        return "on its way"
    return True


@attempt("UDP by system call")
def _():
    descriptor = syscall(41, 2, 2, 0)
    address = b"\x02\x00\x00\x35" + socket.inet_aton("198.51.100.7") + bytes(8)
    return syscall(44, descriptor, b"x", 1, 0, address, 16) > 0


@attempt("a network card other than loopback")
def _():
    return [name for _, name in socket.if_nameindex() if name != "lo"]


# %% By other programs
@attempt("curl")
def _():
    return not subprocess.run(
        ["curl", "-s", "-m", "2", "--noproxy", "*", f"http://{OUTSIDE[0]}/"], capture_output=True
    ).returncode


# %% What an honest notebook does; the rest of it goes on
urllib.request.urlopen("http://example.org/data.csv", timeout=5)

# %%
print("still here")
