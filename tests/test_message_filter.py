"""What a kernel sends: only what is well-formed is looked at, and only so much of it."""

from __future__ import annotations

import asyncio
import functools
import socket
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jupyter_client.channels import AsyncZMQSocketChannel
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from running import run, submission

from grader.execution.message_filter import Channel, well_formed
from grader.execution.relay import Relay
from grader.execution.run import _make_valid
from grader.records import CellStatus, FaultKind

STREAM = {"name": "stdout", "text": "a"}
DISPLAY = {"data": {"text/plain": "a", "application/json": {"a": 1}}, "metadata": {}}


DEEP: Any = functools.reduce(lambda inner, _: {"a": inner}, range(900), {})


def message(kind: str, content: Any, **parts: Any) -> dict[str, Any]:
    header = {"msg_id": "1", "msg_type": kind}
    return {"header": header, "msg_type": kind, "parent_header": {}, "metadata": {}, "content": content, **parts}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("stream", STREAM),
        ("display_data", DISPLAY),
        ("display_data", DISPLAY | {"transient": {"display_id": "x"}}),
        ("execute_result", DISPLAY | {"execution_count": 1}),
        ("error", {"ename": "E", "evalue": "v", "traceback": ["t"]}),
        ("status", {"execution_state": "idle"}),
        ("execute_reply", {"status": "ok", "payload": []}),
        ("execute_reply", {"status": "error", "ename": "E", "evalue": "v", "traceback": []}),
        ("clear_output", {"wait": True}),
        ("comm_open", {}),
    ],
)
def test_what_kernels_send_is_well_formed(kind: str, content: dict[str, Any]):
    assert well_formed(message(kind, content))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("stream", []),
        ("stream", {"text": "a"}),
        ("stream", {"name": "stdin", "text": "a"}),
        ("stream", {"name": "stdout", "text": 7}),
        ("display_data", {"data": [], "metadata": {}}),
        ("display_data", {"data": {"text/plain": 7}, "metadata": {}}),
        ("display_data", {"data": {}, "metadata": []}),
        ("update_display_data", {"data": {}, "metadata": {}, "transient": 1}),
        ("update_display_data", {"data": {}, "metadata": {}, "transient": {"display_id": []}}),
        ("execute_result", {"data": {}, "metadata": {}, "execution_count": "1"}),
        ("display_data", {"data": {"application/json": DEEP}, "metadata": {}}),
        ("display_data", {"data": {}, "metadata": DEEP}),
        ("error", {"ename": "E", "evalue": 1, "traceback": []}),
        ("error", {"ename": "E", "evalue": "v", "traceback": [1]}),
        ("status", {"execution_state": {}}),
        ("execute_reply", {"status": 1}),
        ("execute_reply", {"status": "ok", "payload": 3}),
        ("execute_reply", {"status": "error", "ename": 1, "evalue": "", "traceback": []}),
    ],
)
def test_what_no_kernel_sends_is_not(kind: str, content: Any):
    assert not well_formed(message(kind, content))


@pytest.mark.parametrize("part", ["header", "parent_header", "metadata", "content"])
def test_every_part_is_there(part: str):
    assert not well_formed(message("stream", STREAM) | {part: []})
    assert not well_formed(message("stream", STREAM, header={"msg_id": "1", "msg_type": "error"}))
    assert not well_formed(message("stream", STREAM, header={"msg_id": 1, "msg_type": "stream"}))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(st.text(), c)
)


@given(JSON, st.sampled_from(["stream", "display_data", "execute_result", "error", "execute_reply", "status", "x"]))
def test_nothing_raises(content: Any, kind: str):
    assert well_formed(message(kind, content)) in {True, False}
    assert well_formed(content) is False or isinstance(content, dict)


def test_bad_messages_are_passed_over(monkeypatch: pytest.MonkeyPatch):
    good = message("stream", STREAM)
    arriving: list[Any] = [ValueError("Invalid Signature"), message("stream", {}), RecursionError(), good, Empty()]

    async def get_msg(self: Any, *args: Any, **kwargs: Any) -> Any:
        first = arriving.pop(0)
        if isinstance(first, Exception):
            raise first
        return first

    monkeypatch.setattr(AsyncZMQSocketChannel, "get_msg", get_msg)
    channel = object.__new__(Channel)
    assert asyncio.run(channel.get_msg()) == good
    with pytest.raises(Empty):
        asyncio.run(channel.get_msg())


# ------------------------------------------------------------------ the relay


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _through(relay: Relay, size: int) -> int:
    """Bytes that come back of `size` that are sent."""
    reader, writer = await asyncio.open_unix_connection(relay.folder / "k-2")
    sending = asyncio.ensure_future(_send(writer, size))
    back = 0
    while back < size and (data := await reader.read(1 << 16)):
        back += len(data)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    writer.close()
    return back


async def _send(writer: asyncio.StreamWriter, size: int) -> None:
    for _ in range(size // 1000):
        writer.write(b"x" * 1000)
        await writer.drain()


def test_no_more_is_passed_on_than_a_notebook_may_send(short_path: Path):
    async def tried() -> tuple[int, int, bool, bool]:
        server = await asyncio.start_unix_server(_echo, short_path / "k-2")
        relay = Relay([short_path / "k-2"], short_path / "k-2", 1_000_000)
        assert relay.hold()
        await relay.listen()
        (short_path / "k-2").unlink()
        (short_path / "k-2").symlink_to("/dev/null")  # whatever takes its place is not connected to
        first = await _through(relay, 600_000)
        before = relay.exceeded
        second = await _through(relay, 600_000)
        after = relay.exceeded
        await relay.close()
        server.close()
        return first, second, before, after

    first, second, before, after = asyncio.run(tried())
    assert (first, before, after) == (600_000, False, True)
    assert second <= 400_000


@pytest.mark.parametrize("what", ["none", "link", "file"])
def test_only_sockets_are_held(short_path: Path, what: str):
    place = short_path / "k-1"
    if what == "link":
        place.symlink_to("/dev/log")
    elif what == "file":
        place.touch()
    relay = Relay([place], place, 1)
    assert not relay.hold()
    asyncio.run(relay.close())
    assert not relay.folder.exists()


def test_a_kernel_that_closed_its_socket_is_not_reached(short_path: Path):
    async def tried() -> bytes:
        server = await asyncio.start_unix_server(_echo, short_path / "k-2")
        relay = Relay([short_path / "k-2"], short_path / "k-2", 1000)
        assert relay.hold()
        await relay.listen()
        server.close()
        await server.wait_closed()
        reader, writer = await asyncio.open_unix_connection(relay.folder / "k-2")
        said = await reader.read(10)
        writer.close()
        await relay.close()
        return said

    assert asyncio.run(tried()) == b""


def test_who_connects_while_it_closes_finds_the_end(short_path: Path):
    """Accepted before, told of it after."""

    async def tried() -> tuple[bytes, set[asyncio.Task[None]]]:
        server = await asyncio.start_unix_server(_echo, short_path / "k-2")
        relay = Relay([short_path / "k-2"], short_path / "k-2", 1000)
        assert relay.hold()
        await relay.close()
        ours, client = socket.socketpair()
        relay._connected(short_path / "k-2")(*await asyncio.open_unix_connection(sock=ours))
        reader, writer = await asyncio.open_unix_connection(sock=client)
        said = await reader.read(10)
        writer.close()
        server.close()
        return said, relay._passing

    assert asyncio.run(tried()) == (b"", set())


@pytest.fixture
def short_path():
    import tempfile

    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        yield Path(folder)


@pytest.mark.kernel
def test_forged_messages_cost_the_forger_alone(tmp_path: Path):
    forged = (
        "k = get_ipython().kernel\nfrom jupyter_client.session import Session\n"
        "for content in ({'text': 'a'}, '[]', {'name': 'stdout', 'text': 7}):\n"
        "    Session.send(k.session, k.iopub_socket, 'stream', content, parent=k.get_parent())\n"
        "k.iopub_socket.send_multipart([b'a', b'<IDS|MSG>', b'x', b'{', b'[]', b'{}', b'{}'])\nprint('here')"
    )
    ran = run(submission(forged, "print('next')"), tmp_path)
    assert [cell.status for cell in ran.result.cells] == [CellStatus.OK, CellStatus.OK]
    assert ran.cell(1).printed == "next\n"


@pytest.mark.kernel
def test_a_message_of_a_thousand_parts_is_cut_off(tmp_path: Path):
    parts = "k = get_ipython().kernel\nbig = b'x' * 15_000_000\nimport time\nk.iopub_socket.send_multipart([big] * 1000, copy=False)\ntime.sleep(60)"
    ran = run(submission(parts, "print('next')"), tmp_path, output_mib=4)
    assert [fault.kind for fault in ran.result.faults] == [FaultKind.OUTPUT_FLOOD, FaultKind.KERNEL_DIED]
    assert ran.cell(1).status is CellStatus.NOT_RUN


@pytest.mark.kernel
def test_a_display_that_replaces_another_is_within_the_same_bounds(tmp_path: Path):
    updates = "from IPython.display import display, HTML\nh = display(HTML('<b>a</b>'), display_id=True)\nh.update(HTML('<script>x</script><i>b</i>'))"
    ran = run(submission(updates), tmp_path)
    (output,) = ran.result.executed.cells[0].outputs
    assert output.data["text/html"] == "<i>b</i>"


def test_an_invalid_notebook_loses_its_outputs():
    cell = new_code_cell("1", outputs=[new_output("stream", text="a")])
    notebook = new_notebook(cells=[cell, new_markdown_cell("m")])
    cell.execution_count = "x"
    _make_valid(notebook)
    assert notebook.cells[0].outputs == []
    nbformat.validate(notebook)
