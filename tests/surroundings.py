"""A machine with things that no student may see: planted before a run, looked at after it."""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import socket
import threading
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parent.parent
_IPC_CREAT, _IPC_RMID = 0o1000, 0


class Surroundings:
    """Files, environment, command line, services and shared memory that hold `prefix`-something.

    Everything that has permissions is open to all: what keeps it from a student must be the sandbox.
    """

    def __init__(self, folder: Path) -> None:
        self.prefix = "c" + secrets.token_hex(8)
        self.folder = folder
        self.handed_in = folder / "class"
        self.out = folder / "reports"
        self.contacted: list[str] = []
        """Services that somebody spoke to."""
        self._open: list[socket.socket] = []
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._key = secrets.randbits(30) | 1
        self._before: dict[Path, tuple[float, int]] = {}

    def __enter__(self) -> Self:
        folder = self.folder
        for made in (self.handed_in / "neighbour", folder / "home" / ".ssh", folder / "shared", folder / "bin"):
            made.mkdir(parents=True)
        (folder / "shared").chmod(0o777)
        self._plant(folder / "home" / ".ssh" / "id_ed25519", "home")
        self._plant(folder / "secret.txt", "file")
        self._plant(self.handed_in / "neighbour" / "notes.txt", "neighbour")
        neighbour = self.handed_in / "neighbour" / "ps10.py"
        neighbour.write_text("# %% 1 d)\ncount = 8070\nprint(count)\n")
        self._plant(Path("/dev/shm") / f"shared-{self._key}", "shm")
        self._segment = self._libc.shmget(self._key, 4096, _IPC_CREAT | 0o666)
        self._libc.shmat.restype = ctypes.c_void_p
        secret = f"{self.prefix}-segment".encode()
        ctypes.memmove(self._libc.shmat(self._segment, None, 0), secret, len(secret))
        self._services()
        self._before = self._state()
        return self

    def __exit__(self, *_: object) -> None:
        for opened in self._open:
            opened.close()
        (Path("/dev/shm") / f"shared-{self._key}").unlink(missing_ok=True)
        self._libc.shmctl(self._segment, _IPC_RMID, None)

    @property
    def places(self) -> dict[str, Any]:
        """What an attacker is told."""
        return {
            "prefix": self.prefix,
            "home": str(self.folder / "home"),
            "other": str(self.handed_in / "neighbour"),
            "out": str(self.out),
            "repository": str(ROOT),
            "secret": str(self.folder / "secret.txt"),
            "shared": str(self.folder / "shared"),
            "pid": os.getpid(),
            "tcp": self._tcp,
            "udp": self._udp,
            "abstract": f"hostile-{self._key}",
            "socket": str(self.folder / "s"),
            "shm_key": self._key,
            "shm_name": f"shared-{self._key}",
        }

    @property
    def environment(self) -> dict[str, str]:
        """The grader's."""
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "GRADE_DATA", "TMPDIR"}}
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        own = {"HOME": str(self.folder / "home"), "XDG_CACHE_HOME": cache, "NO_COLOR": "1"}
        return kept | own | {"DEPLOYMENT": f"{self.prefix}-environment"}

    def rubric(self, limits: dict[str, float]) -> Path:
        """The rubric with these limits; its name, which stands on the command line, is a secret too."""
        source = ROOT / "rubrics"
        text = (source / "ps10.yaml").read_text(encoding="utf-8")
        block = re.search(r"^limits:\n(?:  .*\n)+", text, re.MULTILINE)
        assert block is not None
        changed = block[0]
        for name, value in limits.items():
            changed, count = re.subn(rf"^  {name}: .*$", f"  {name}: {value:g}", changed, flags=re.MULTILINE)
            assert count == 1, name
        file = self.folder / f"{self.prefix}-commandline.yaml"
        file.write_text(text.replace(block[0], changed), encoding="utf-8")
        shutil.copy(source / "ps10.calibration.json", self.folder)
        return file

    def changed(self) -> list[str]:
        """Planted files that are other than they were, and files that nobody but a student can have made."""
        now = self._state()
        return [str(path) for path in self._before.keys() | now.keys() if self._before.get(path) != now.get(path)]

    # -------------------------------------------------- planting

    def _plant(self, file: Path, what: str) -> None:
        file.write_text(f"{self.prefix}-{what}\n")

    def _state(self) -> dict[Path, tuple[float, int]]:
        watched = [
            self.folder / "home",
            self.folder / "shared",
            self.handed_in / "neighbour",
            self.folder / "secret.txt",
        ]
        watched += [ROOT / "rubrics", ROOT / "reference"]
        files = [
            f
            for w in watched
            for f in [w, *w.rglob("*")]
            if f.is_file() and not {"__pycache__", ".keras"} & set(f.parts)
        ]
        return {file: ((found := file.stat()).st_mtime, found.st_size) for file in files}

    def _services(self) -> None:
        tcp = self._listen(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0), "TCP")
        udp = self._listen(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0), "UDP")
        self._tcp, self._udp = tcp.getsockname()[1], udp.getsockname()[1]
        self._listen(socket.AF_UNIX, socket.SOCK_STREAM, f"\0hostile-{self._key}", "abstract")
        self._listen(socket.AF_UNIX, socket.SOCK_STREAM, str(self.folder / "s"), "path")
        (self.folder / "s").chmod(0o777)

    def _listen(self, family: int, kind: int, address: Any, name: str) -> socket.socket:
        opened = socket.socket(family, kind)
        opened.bind(address)
        if kind == socket.SOCK_STREAM:
            opened.listen()
        self._open.append(opened)
        threading.Thread(target=self._serve, args=(opened, kind, name), daemon=True).start()
        return opened

    def _serve(self, opened: socket.socket, kind: int, name: str) -> None:
        """Tell whoever asks a secret."""
        secret = f"{self.prefix}-service".encode()
        while True:
            try:
                if kind == socket.SOCK_STREAM:
                    peer, _ = opened.accept()
                    self.contacted.append(name)
                    peer.sendall(secret)
                    peer.close()
                else:
                    _, sender = opened.recvfrom(100)
                    self.contacted.append(name)
                    opened.sendto(secret, sender)
            except OSError:
                return
