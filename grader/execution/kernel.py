"""One kernel in its sandbox, driven cell by cell with deadlines that hold whatever the cell does."""

from __future__ import annotations

import asyncio
import contextlib
import time
from queue import Empty
from typing import TYPE_CHECKING, Any, Self

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import KernelProvisionerBase
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from traitlets import Type

from grader.errors import GradeError
from grader.execution.message_filter import Channel
from grader.execution.outputs import Budget
from grader.execution.relay import Relay
from grader.records import CellStatus, FaultKind

if TYPE_CHECKING:
    import socket
    import threading
    from collections.abc import Callable, Coroutine
    from pathlib import Path

    from nbformat import NotebookNode

    from grader.sandbox import Bounds, SandboxProcess
    from grader.training.trainer_connection import TrainerConnection

START_S = 120.0
"""Longest that a kernel may take to start, on a machine that is busy."""
GRACE_S = 5.0
"""From the interrupt to the end of a cell that does not heed it."""
POLL_S = 0.2
DISK_POLL_S = 1.0
PORTS = {"shell": 1, "iopub": 2, "stdin": 3, "hb": 4, "control": 5}
"""A kernel's sockets are files whose names end in these."""
TRAINER_SOCKET = "k-6"
"""Name of the socket on which a kernel asks the trainer."""
_NEARLY = 0.85
"""Share of its memory from which a kernel that dies is taken to have died of it."""
OUTPUTS_S = 20
"""Longest that outputs may come after the reply to their cell, on a machine that is busy."""
MESSAGE_BYTES = 16 << 20
"""Longest part of a message that is received; a longer one drops the connection."""
FLOOD = 4
"""Times the output that is kept: a kernel that sends more has left its recorder behind."""


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The run was called off."""


class KernelGone(Exception):  # noqa: N818 - a finding, caught by `run`
    """The kernel is no more; `kind` says of what, CELL_TIMEOUT that it did not heed the interrupt."""

    def __init__(self, kind: FaultKind) -> None:
        super().__init__(kind)
        self.kind = kind


class _Client(AsyncKernelClient):  # type: ignore[misc]
    """Says with each request which submitted cell it is."""

    cell: int | None = None
    shell_channel_class = iopub_channel_class = stdin_channel_class = control_channel_class = Type(Channel)
    record_key = ""
    """Key of the record's hash chain, which goes to the recorder with the first cell and never again."""

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
        metadata = {"cellId": str(self.cell), "seal": self.record_key}
        self.record_key = ""
        message = self.session.msg("execute_request", content, metadata=metadata)
        self.shell_channel.send(message)
        return str(message["header"]["msg_id"])


def connection_info(sockets: Path, message_key: str) -> dict[str, Any]:
    """How a kernel is reached through sockets in a folder, which has its own path inside the sandbox and outside."""
    ports = {f"{name}_port": number for name, number in PORTS.items()}
    return {
        "transport": "ipc",
        "ip": str(sockets / "k"),
        "key": message_key,
        "signature_scheme": "hmac-sha256",
        **ports,
    }


class _Provisioner(KernelProvisionerBase):  # type: ignore[misc]
    """A kernel that waits in a sandbox."""

    def __init__(self, process: SandboxProcess, sockets: Path, message_key: str) -> None:
        super().__init__()
        self._process = process
        self.connection_info = connection_info(sockets, message_key) | {"key": message_key.encode()}

    @property
    def has_process(self) -> bool:
        return self._process.process.returncode is None

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        return {"cmd": [], **kwargs}

    async def launch_kernel(self, cmd: list[str], **_: Any) -> dict[str, Any]:  # noqa: ARG002 - the sandbox has its own
        self._process.go()
        return self.connection_info

    async def poll(self) -> int | None:
        return self._process.process.poll()

    async def wait(self) -> int | None:
        while self._process.process.poll() is None:  # noqa: ASYNC110 - a process is no coroutine
            await asyncio.sleep(0.02)
        return self._process.process.returncode

    async def send_signal(self, signum: int) -> None:
        """Signals do not reach into a sandbox; interrupts are messages."""

    async def kill(self, restart: bool = False) -> None:  # noqa: ARG002
        self._process.kill()

    async def terminate(self, restart: bool = False) -> None:  # noqa: ARG002
        self._process.kill()

    async def cleanup(self, restart: bool = False) -> None:
        """Nothing is kept: the sandbox's folders go with it."""


class _Manager(AsyncKernelManager):  # type: ignore[misc]
    def __init__(self, process: SandboxProcess, sockets: Path, message_key: str) -> None:
        super().__init__(client_factory=_Client, autorestart=False)
        self.provisioner = _Provisioner(process, sockets, message_key)
        self._kernel_spec = KernelSpec(argv=[], display_name="Python", language="python", interrupt_mode="message")

    def _connect_control_socket(self) -> None:
        """Interrupts go through the client, whose connections are made once."""


class Kernel(NotebookClient):  # type: ignore[misc]
    """A running kernel; use as an asynchronous context manager."""

    def __init__(
        self,
        notebook: NotebookNode,
        process: SandboxProcess,
        message_key: str,
        bounds: Bounds,
        output_mib: int,
        stop: threading.Event,
        connect_trainer: Callable[[socket.socket], TrainerConnection] | None = None,
    ) -> None:
        """`connect_trainer` makes the thread that answers the kernel's recipes, where trainings are shared."""
        paths = {name: process.sockets / f"k-{number}" for name, number in PORTS.items()}
        direct = [process.sockets / TRAINER_SOCKET] if connect_trainer else []
        self._relay = Relay(tuple(paths.values()), paths["iopub"], FLOOD * output_mib << 20, direct)
        self._connect_trainer = connect_trainer
        self.trainer_connection: TrainerConnection | None = None
        super().__init__(
            notebook,
            km=_Manager(process, self._relay.folder, message_key),
            allow_errors=True,
            raise_on_iopub_timeout=True,
            iopub_timeout=OUTPUTS_S,
            timeout=None,
            store_widget_state=False,
        )
        self._process = process
        self._bounds = bounds
        self._stop = stop
        self._budget = Budget(output_mib << 20)
        self.notes: list[dict[str, Any]] = []
        """What the recorder told of the running cell, in the metadata of messages."""
        self.flooded = False
        """Whether the running cell put out more than is kept."""
        self.reply: dict[str, Any] | None = None
        """Content of the reply to the last cell; None when it ended without one."""
        self.on_cell_executed = self._keep_reply
        self._disk_at = 0.0
        self._most_mib = 0

    # -------------------------------------------------- start and end

    async def __aenter__(self) -> Self:
        try:
            await self.km.start_kernel()
            await self._unless_stopped(self._listening())
            self.kc = self.km.client()
            self.kc.start_channels()
            self.kc.allow_stdin = False
            await self._unless_stopped(self.kc.wait_for_ready(timeout=START_S))
        except (RuntimeError, OSError) as error:
            await self.end()
            raise GradeError(f"The notebook's kernel did not start: {self._process.last_line or error}") from error
        except BaseException:
            await self.end()
            raise
        return self

    async def _listening(self) -> None:
        """Wait for the kernel's sockets, and hold them."""
        deadline = time.monotonic() + START_S
        while not self._relay.hold():
            if self._process.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it ended with {self._process.process.returncode}")
            await asyncio.sleep(0.02)
        await self._relay.listen()
        if self._connect_trainer is not None:
            self.trainer_connection = self._connect_trainer(self._relay.connect(self._process.sockets / TRAINER_SOCKET))
            self.trainer_connection.start()

    @property
    def waited_s(self) -> float:
        """How long the notebook has waited for the trainer so far."""
        return self.trainer_connection.waited_s if self.trainer_connection is not None else 0.0

    async def _unless_stopped(self, starting: Coroutine[Any, Any, None]) -> None:
        """Raises `Stopped` when the run is called off meanwhile."""
        ready = asyncio.ensure_future(starting)
        while not ready.done():
            await asyncio.wait({ready}, timeout=POLL_S)
            if self._stop.is_set():
                ready.cancel()
                with contextlib.suppress(BaseException):
                    await ready
                raise Stopped
        ready.result()

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def end(self) -> None:
        """Kill everything in the sandbox."""
        self._process.kill()
        if self.kc is not None:
            self.kc.stop_channels()
            self.kc.context.destroy(linger=0)
            self.kc = None
        await self.km.cleanup_resources()
        if self.trainer_connection is not None:
            self.trainer_connection.close()
        await self._relay.close()

    # -------------------------------------------------- one cell

    async def run_cell(self, index: int, limit_s: float) -> CellStatus:
        """Run the cell at `index` of the notebook for at most `limit_s` seconds.

        `self.reply`, `self.notes` and `self.flooded` say more about it. Raises `KernelGone` and `Stopped`.
        """
        assert self.kc is not None
        self.kc.cell = index
        self.notes, self.flooded, self.reply = [], False, None
        running = asyncio.ensure_future(self.async_execute_cell(self.nb.cells[index], index))
        try:
            if await self._within(running, limit_s):
                return await self._status(running)
            self.kc.control_channel.send(self.kc.session.msg("interrupt_request", {}))
            if await self._within(running, GRACE_S):
                await self._status(running)
                return CellStatus.TIMEOUT
        finally:
            if not running.done():
                running.cancel()
                with contextlib.suppress(BaseException):
                    await running
        raise KernelGone(FaultKind.CELL_TIMEOUT)

    async def _within(self, running: asyncio.Future[Any], seconds: float) -> bool:
        """Whether it was done before the deadline; watches memory and the wish to stop meanwhile.

        What it waits for the trainer does not count.
        """
        deadline = time.monotonic() + seconds - self.waited_s
        while not running.done():
            left = deadline + self.waited_s - time.monotonic()
            if left <= 0:
                return False
            await asyncio.wait({running}, timeout=min(left, POLL_S))
            if self._stop.is_set():
                raise Stopped
            self._watch()
        return True

    def _watch(self) -> None:
        """Raises `KernelGone` when the sandbox uses more than it may."""
        used = self._process.used_mib()
        self._most_mib = max(self._most_mib, used)
        if used > self._bounds.memory_mib:
            raise KernelGone(FaultKind.MEMORY)
        if self._relay.exceeded:
            raise KernelGone(FaultKind.OUTPUT_FLOOD)
        if time.monotonic() > self._disk_at:
            self._disk_at = time.monotonic() + DISK_POLL_S
            if self._process.disk_exceeded():
                raise KernelGone(FaultKind.DISK)

    async def _status(self, running: asyncio.Future[Any]) -> CellStatus:
        try:
            running.result()
        except DeadKernelError as error:
            # An allocation that the limit refuses ends libraries that do not expect it.
            short = self._most_mib > _NEARLY * self._bounds.memory_mib
            raise KernelGone(FaultKind.MEMORY if short else FaultKind.KERNEL_DIED) from error
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

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> Any:
        """Take in what the kernel put out; whatever cannot be taken in is left alone."""
        try:
            return super().process_message(msg, cell, cell_index)
        except (AttributeError, KeyError, TypeError, ValueError):
            return None  # of a kind that is not shown, such as a widget's

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Keep an output, within bounds; text that goes on is joined to what was there."""
        note = msg.get("metadata", {}).get("grade")
        if isinstance(note, dict) and len(self.notes) < 100:
            self.notes.append(note)
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

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        """A display that replaces an earlier one is within the same bounds."""
        if self._budget.admit(msg):
            super()._update_display_id(display_id, msg)
