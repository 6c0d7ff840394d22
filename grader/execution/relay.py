"""Between a kernel's client and its sockets: passes bytes on, and no more of them than a notebook may send.

A message in a thousand parts is buffered whole before anybody sees it, so only the number of bytes can be bounded.
The kernel's sockets are held by their descriptors: nothing that is put in their place later is connected to.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import stat
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from grader.system import leftovers

Connected = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]

_CHUNK = 1 << 16
_SMALL = 64 << 20
"""Bytes that a kernel may send over a channel that carries no outputs."""


class Relay:
    """Stands between `sockets` (paths of the kernel's, by the same names in `folder`) and whoever connects there."""

    def __init__(self, sockets: Sequence[Path], outputs: Path, output_bytes: int, direct: Sequence[Path] = ()) -> None:
        """`direct` are sockets that are held like the others, for `connect`, and not passed on."""
        self._sockets = sockets
        self._direct = direct
        self._left = {path: output_bytes if path == outputs else _SMALL for path in sockets}
        self._descriptors: dict[Path, int] = {}
        self._servers: list[asyncio.Server] = []
        self._passing: set[asyncio.Task[None]] = set()
        self.folder = Path(tempfile.mkdtemp(prefix=leftovers.prefix()))  # a socket's path holds 107 characters
        self.exceeded = False
        """Whether the kernel sent more than it may; nothing more of it is passed on."""

    def hold(self) -> bool:
        """Take hold of the kernel's sockets; False while one of them is not there."""
        for path in (*self._sockets, *self._direct):
            if path not in self._descriptors:
                try:
                    fd = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
                except OSError:
                    return False
                if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                    os.close(fd)
                    return False
                self._descriptors[path] = fd
        return True

    async def listen(self) -> None:
        """Offer sockets of the same names in `folder`, once the kernel's are held."""
        for path in self._sockets:
            server = await asyncio.start_unix_server(self._connected(path), self.folder / path.name)
            self._servers.append(server)

    def connect(self, path: Path) -> socket.socket:
        """A connection of one's own to a socket that is held. Raises OSError where nobody listens."""
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(f"/proc/self/fd/{self._descriptors[path]}")
        except OSError:
            connection.close()
            raise
        return connection

    def _connected(self, path: Path) -> Connected:
        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self._joined(path, reader, writer))
            self._passing.add(task)
            task.add_done_callback(self._passing.discard)

        return connected

    async def _joined(self, path: Path, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(OSError):
            if path not in self._descriptors:  # this was closed before the connection got here
                return
            theirs = await asyncio.open_unix_connection(f"/proc/self/fd/{self._descriptors[path]}")
            await asyncio.gather(self._pass(reader, theirs[1], None), self._pass(theirs[0], writer, path))

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: Path | None) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            while data := await reader.read(_CHUNK):
                if counted is not None:
                    self._left[counted] -= len(data)
                    if self._left[counted] < 0:
                        self.exceeded = True
                        return
                writer.write(data)
                await writer.drain()

    async def close(self) -> None:
        """Cut all connections, and let go of the kernel's sockets."""
        for server in self._servers:
            server.close()
        for task in list(self._passing):
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)
        for fd in self._descriptors.values():
            os.close(fd)
        self._descriptors.clear()
        shutil.rmtree(self.folder, ignore_errors=True)
