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
        self._flooded_once = False
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
        message = msg_or_type if isinstance(msg_or_type, dict) else None
        kind = message["header"]["msg_type"] if message else msg_or_type
        body = message["content"] if message else content
        if isinstance(body, dict) and kind in {
            "stream",
            "display_data",
            "execute_result",
            "update_display_data",
            "error",
            "execute_reply",
        }:
            cut = self._bounded(kind, body)
            if cut:
                self._flooded()
            if cut is None:
                return None
        return self._send(stream, msg_or_type, content, *args, **kwargs)

    def _bounded(self, kind: str, body: dict[str, Any]) -> bool | None:
        """Cut `body` in place: whether something was, or None when nothing of it may leave."""
        if kind in {"error", "execute_reply"}:
            _cut_error(body)
            return False
        cut = False
        if kind == "stream":
            text = body.get("text", "")
            if len(text) > MESSAGE_BYTES:
                body["text"], cut = text[:MESSAGE_BYTES] + _CUT, True
            size = len(body["text"])
        else:
            data = body.get("data") or {}
            for mime, value in list(data.items()):
                limit = PICTURE_BYTES if mime.startswith("image/") else MESSAGE_BYTES
                if isinstance(value, str) and len(value) > limit:
                    cut = True
                    data[mime] = value[:MESSAGE_BYTES] + _CUT if mime.startswith("text/plain") else ""
                    if not data[mime]:
                        del data[mime]
            size = sum(len(value) for value in data.values() if isinstance(value, str))
        if self._left <= 0:
            self._flooded()
            return None
        self._left -= size
        return cut

    def _flooded(self) -> None:
        if not self._flooded_once:
            self._flooded_once = True
            self.notice(_CUT.strip() + "\n", fault="output_flood")


def _cut_error(body: dict[str, Any]) -> None:
    if len(str(body.get("evalue", ""))) > ERROR_BYTES:
        body["evalue"] = str(body["evalue"])[:ERROR_BYTES] + " …"
    lines = body.get("traceback")
    if isinstance(lines, list) and sum(map(len, lines)) > ERROR_BYTES:
        body["traceback"] = [line[: ERROR_BYTES // max(1, len(lines))] for line in lines]
