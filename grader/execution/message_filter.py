"""What a kernel sends may be forged in every part: what no kernel would send is dropped before anything looks at it."""

from __future__ import annotations

from queue import Empty
from typing import Any

from jupyter_client.channels import AsyncZMQSocketChannel

_TEXTS = {"stream": ("name", "text"), "error": ("ename", "evalue"), "status": ("execution_state",)}
_DISPLAYS = {"display_data", "execute_result", "update_display_data"}
_STREAMS = {"stdout", "stderr"}
_DEEP = 40
"""Most levels of structured data in a message."""


class Channel(AsyncZMQSocketChannel):  # type: ignore[misc]
    """Hands on well-formed messages only."""

    async def get_msg(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        while True:
            try:
                message = await super().get_msg(*args, **kwargs)
            except Empty:
                raise
            except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
                continue  # a bad signature, no JSON, too few parts
            if well_formed(message):
                known: dict[str, Any] = message
                return known


def well_formed(message: Any) -> bool:
    """Whether a message has the parts that nbclient and nbformat take for granted."""
    if not isinstance(message, dict):
        return False
    if not all(isinstance(message.get(key), dict) for key in ("header", "parent_header", "content", "metadata")):
        return False
    if not _shallow(message, _DEEP):
        return False
    header: dict[str, Any] = message["header"]
    content: dict[str, Any] = message["content"]
    kind = message.get("msg_type")
    if not isinstance(kind, str) or header.get("msg_type") != kind or not isinstance(header.get("msg_id"), str):
        return False
    if not all(isinstance(content.get(key), str) for key in _TEXTS.get(kind, ())):
        return False
    if type(content.get("execution_count", 0)) not in {int, type(None)}:  # nbclient takes it from any message
        return False
    match kind:
        case "stream":
            return content["name"] in _STREAMS
        case "error":
            return _texts(content.get("traceback"))
        case "execute_reply":
            return _reply(content)
        case _ if kind in _DISPLAYS:
            return _display(content)
    return True


def _shallow(value: object, left: int) -> bool:
    """Whether a value has at most `left` levels."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left > 0 and all(_shallow(part, left - 1) for part in inner)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _reply(content: dict[str, Any]) -> bool:
    if content.get("status") != "error":
        return isinstance(content.get("status"), str) and isinstance(content.get("payload", []), list)
    return (
        isinstance(content.get("ename"), str)
        and isinstance(content.get("evalue"), str)
        and _texts(content.get("traceback"))
    )


def _display(content: dict[str, Any]) -> bool:
    data, transient = content.get("data"), content.get("transient", {})
    if not isinstance(data, dict) or not isinstance(content.get("metadata"), dict) or not isinstance(transient, dict):
        return False
    if not isinstance(transient.get("display_id", ""), str):
        return False
    return all(isinstance(value, str) or _texts(value) or "json" in mime for mime, value in data.items())
