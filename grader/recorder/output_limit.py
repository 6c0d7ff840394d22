"""Bounds what leaves the kernel, so that one print cannot fill the memory of whoever listens.

Facts for the grader outside travel in a message's metadata under 'grade'.
"""

from __future__ import annotations

from typing import Any

MESSAGE_BYTES = 4 << 20
"""Longest text of a message; the rest is cut."""
PICTURE_BYTES = 8 << 20
ERROR_BYTES = 100_000
_CUT = "\n… [cut: too much output]\n"


class Messages:
    """Wraps the `send` of the kernel's session; `total` bytes may leave in all."""

    def __init__(self, kernel: Any, total: int) -> None:
        self._kernel = kernel
        self._left = total
        self._flooded = False
        self._send = kernel.session.send
        kernel.session.send = self.send

    def notice(self, text: str, **facts: Any) -> None:
        """Tell on stderr, and the grader outside."""
        kernel = self._kernel
        self._send(
            kernel.iopub_socket,
            "stream",
            {"name": "stderr", "text": text},
            parent=kernel.get_parent(),
            metadata={"grade": facts},
        )

    def send(self, stream: Any, msg_or_type: Any, content: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As the session's `send`; output is cut, and dropped once `total` bytes have left."""
        message = msg_or_type if isinstance(msg_or_type, dict) else None
        kind = message["header"]["msg_type"] if message else msg_or_type
        body = message["content"] if message else content
        if isinstance(body, dict) and kind in {"error", "execute_reply"}:
            _cut_error(body)
        elif isinstance(body, dict) and kind in {"stream", "display_data", "execute_result", "update_display_data"}:
            cut, size = _cut_stream(body) if kind == "stream" else _cut_data(body)
            spent = self._left <= 0
            if (cut or spent) and not self._flooded:
                self._flooded = True
                self.notice(_CUT.strip() + "\n", fault="output_flood")
            if spent:
                return None
            self._left -= size
        return self._send(stream, msg_or_type, content, *args, **kwargs)


def _cut_stream(body: dict[str, Any]) -> tuple[bool, int]:
    """Cut in place: (whether something was, characters that are left)."""
    text = body.get("text", "")
    if cut := len(text) > MESSAGE_BYTES:
        body["text"] = text[:MESSAGE_BYTES] + _CUT
    return cut, len(body["text"])


def _cut_data(body: dict[str, Any]) -> tuple[bool, int]:
    """The same for what is displayed; of text the beginning is left, a picture is left out."""
    data, cut = body.get("data") or {}, False
    for mime, value in list(data.items()):
        if isinstance(value, str) and len(value) > (PICTURE_BYTES if mime.startswith("image/") else MESSAGE_BYTES):
            cut = True
            del data[mime]
            if mime.startswith("text/plain"):
                data[mime] = value[:MESSAGE_BYTES] + _CUT
    return cut, sum(len(value) for value in data.values() if isinstance(value, str))


def _cut_error(body: dict[str, Any]) -> None:
    if len(str(body.get("evalue", ""))) > ERROR_BYTES:
        body["evalue"] = str(body["evalue"])[:ERROR_BYTES] + " …"
    lines = body.get("traceback")
    if isinstance(lines, list) and sum(map(len, lines)) > ERROR_BYTES:
        body["traceback"] = [line[: ERROR_BYTES // max(1, len(lines))] for line in lines]
