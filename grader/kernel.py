"""One kernel in its room, driven cell by cell with deadlines that hold whatever the cell does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from pathlib import Path
from queue import Empty
from typing import TYPE_CHECKING, Any, Self

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError

from grader.errors import GradeError
from grader.outputs import Budget
from grader.records import CellStatus
from grader.sandbox.memory import used_mib

if TYPE_CHECKING:
    import threading

    from nbformat import NotebookNode

    from grader.sandbox import Launch, Room

START_S = 120.0
"""Longest that a kernel may take to start, on a machine that is busy."""
GRACE_S = 5.0
"""From the interrupt to the end of a cell that does not heed it."""
POLL_S = 0.2
OUTPUTS_S = 20
"""Longest that outputs may come after the reply to their cell, on a machine that is busy."""
MESSAGE_BYTES = 16 << 20
"""Longest message that is received; a longer one drops the connection."""


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The run was called off."""


class KernelGone(Exception):  # noqa: N818 - a finding, caught by `run`
    """The kernel is no more; `reason` is 'died', 'memory' or 'deaf' (it did not heed the interrupt)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class _Client(AsyncKernelClient):  # type: ignore[misc]
    """Says with each request which submitted cell it is."""

    cell: int | None = None

    def _context_default(self) -> zmq.asyncio.Context:
        self._created_context = True
        context = zmq.asyncio.Context()
        context.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES)
        return context

    def execute(self, code: str, *, store_history: bool = True, stop_on_error: bool = True, **_: Any) -> str:
        content = {
            "code": code,
            "silent": False,
            "store_history": store_history,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": stop_on_error,
        }
        message = self.session.msg("execute_request", content, metadata={"cellId": str(self.cell)})
        self.shell_channel.send(message)
        return str(message["header"]["msg_id"])


class _Manager(AsyncKernelManager):  # type: ignore[misc]
    def __init__(self, launch: Launch, sockets: Path) -> None:
        super().__init__(client_factory=_Client, transport="ipc", ip=str(sockets / "k"), autorestart=False)
        self.connection_file = str(sockets / "connection.json")
        self._kernel_spec = KernelSpec(
            argv=list(launch.arguments), display_name="Python", language="python", interrupt_mode=launch.interrupt
        )


class Kernel(NotebookClient):  # type: ignore[misc]
    """A running kernel; use as an asynchronous context manager."""

    def __init__(
        self, notebook: NotebookNode, room: Room, launch: Launch, output_mib: int, stop: threading.Event
    ) -> None:
        self._sockets = Path(tempfile.mkdtemp(prefix="k-"))  # a socket's path holds 107 characters
        super().__init__(
            notebook,
            km=_Manager(launch, self._sockets),
            allow_errors=True,
            raise_on_iopub_timeout=True,
            iopub_timeout=OUTPUTS_S,
            timeout=None,
        )
        self._room = room
        self._launch = launch
        self._stop = stop
        self._budget = Budget(output_mib << 20)
        self.noted: list[dict[str, Any]] = []
        """What the recorder told of the running cell, in the metadata of messages."""
        self.flooded = False
        """Whether the running cell put out more than is kept."""
        self.reply: dict[str, Any] | None = None
        """Content of the reply to the last cell; None when it ended without one."""
        self.on_cell_executed = self._keep_reply
        self._pid: int | None = None

    # -------------------------------------------------- start and end

    async def __aenter__(self) -> Self:
        log = self._room.scratch / "kernel.log"
        try:
            with log.open("wb") as stream:
                await self.km.start_kernel(
                    env=dict(self._launch.environment),
                    cwd=str(self._room.work),
                    independent=True,  # else the kernel would end itself when its parent's id changes
                    stdout=stream,
                    stderr=stream,
                )
            self._pid = self.km.provisioner.pid
            self.kc = self.km.client()
            self.kc.start_channels()
            self.kc.allow_stdin = False
            await self.kc.wait_for_ready(timeout=START_S)
        except (RuntimeError, OSError) as error:
            said = log.read_text(errors="replace")[-2000:].strip() if log.exists() else ""
            await self.end()
            last = said.splitlines()[-1] if said else str(error)
            raise GradeError(f"The notebook's kernel did not start: {last}") from error
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def end(self) -> None:
        """Kill the kernel and everything in its process group, and forget its sockets."""
        if self.km is not None and self.km.has_kernel:
            with contextlib.suppress(Exception):
                await self.km.shutdown_kernel(now=True)
        if self._pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)
        if self.kc is not None:
            self.kc.stop_channels()
            self.kc.context.destroy(linger=0)
            self.kc = None
        shutil.rmtree(self._sockets, ignore_errors=True)

    # -------------------------------------------------- one cell

    async def run_cell(self, index: int, limit_s: float) -> CellStatus:
        """Run the cell at `index` of the notebook for at most `limit_s` seconds.

        `self.reply`, `self.noted` and `self.flooded` say more about it. Raises `KernelGone` and `Stopped`.
        """
        assert self.kc is not None
        self.kc.cell = index
        self.noted, self.flooded, self.reply = [], False, None
        running = asyncio.ensure_future(self.async_execute_cell(self.nb.cells[index], index))
        try:
            if await self._within(running, limit_s):
                return await self._status(running)
            await self.km.interrupt_kernel()
            if await self._within(running, GRACE_S):
                await self._status(running)
                return CellStatus.TIMEOUT
        finally:
            if not running.done():
                running.cancel()
                with contextlib.suppress(BaseException):
                    await running
        raise KernelGone("deaf")

    async def _within(self, running: asyncio.Future[Any], seconds: float) -> bool:
        """Whether it was done before the deadline; watches memory and the wish to stop meanwhile."""
        deadline = time.monotonic() + seconds
        while not running.done():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            await asyncio.wait({running}, timeout=min(left, POLL_S))
            if self._stop.is_set():
                raise Stopped
            if self._pid is not None and used_mib(self._pid) > self._room.memory_mib:
                raise KernelGone("memory")
        return True

    async def _status(self, running: asyncio.Future[Any]) -> CellStatus:
        try:
            running.result()
        except DeadKernelError as error:
            raise KernelGone("died") from error
        except CellTimeoutError:  # the reply came, the outputs did not: a message too long dropped their connection
            self.flooded = True
            await self._reconnect()
        return CellStatus.ERROR if self.reply is not None and self.reply.get("status") == "error" else CellStatus.OK

    async def _reconnect(self) -> None:
        self.kc.iopub_channel.close()
        self.kc._iopub_channel = None  # noqa: SLF001 - the client makes a new one
        self.kc.iopub_channel.start()
        for _ in range(20):  # a subscription takes effect some time later: ask until something is heard
            self.kc.kernel_info()
            with contextlib.suppress(Empty):
                await self.kc.iopub_channel.get_msg(timeout=0.2)
                return

    def _keep_reply(self, *, execute_reply: dict[str, Any], **_: Any) -> None:
        content = execute_reply.get("content")
        self.reply = content if isinstance(content, dict) else None

    # -------------------------------------------------- its outputs

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep an output, within bounds; text that goes on is joined to what was there."""
        noted = msg.get("metadata", {}).get("grade")
        if isinstance(noted, dict) and len(self.noted) < 100:
            self.noted.append(noted)
        kept = self._budget.admit(msg)
        self.flooded |= self._budget.flooded
        self._budget.flooded = False
        if not kept:
            return None
        content = msg["content"]
        if (
            msg["msg_type"] == "stream"
            and outs
            and outs[-1]["output_type"] == "stream"
            and outs[-1]["name"] == content["name"]
            and not self.clear_before_next_output
        ):
            outs[-1]["text"] += content["text"]
            return outs[-1]
        return super().output(outs, msg, display_id, cell_index)
