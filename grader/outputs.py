"""Outputs of a run: kept within bounds, and as the text that a reader would see."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from grader.faults import plain_text

FIGURES_BYTES = 8 << 20
"""Pictures that an executed notebook keeps, in all."""
PRINTED = 200_000
"""Characters of a cell's printed text that are kept."""
_CUT = "… [cut]"

_BAR = re.compile(
    r"""^\s*(?:
        Epoch\ +\d+/\d+\s*$                                         # a heading
      | \d+/Unknown\b.*$
      | \d+/\d+\s*(?:\[[=>.\-\s]*\]|[━╸╺─\s]*[━╸╺]+).*$   # a bar: Keras 3, and 1875/1875 [====>...]
      | (?:\d+/(?:\d+|Unknown)\s+-\s+)?\d+(?:\.\d+)?(?:ms|us|µs|s|m|h)\b[\d:ms ]*-\s+.*(?:loss|step|acc).*$  # verbose=2
      | \d+/\d+\s+-\s+\d+:\d+.*(?:loss|step|acc).*$
      | WARNING:(?:tensorflow|absl):.*$                             # TensorFlow's log goes to stdout in a notebook
      | Train\ on\ \d+\ samples.*$
      )""",
    re.VERBOSE,
)


class Budget:
    """What a notebook may still put out; `admit` cuts a message's content to it."""

    def __init__(self, limit_bytes: int) -> None:
        self._left = limit_bytes
        self._pictures_left = FIGURES_BYTES
        self.flooded = False

    def admit(self, message: dict[str, Any]) -> bool:
        """Whether (what is now left of) an output message is to be kept."""
        content = message["content"]
        if message["msg_type"] == "stream":
            return self._text(content)
        data = content.get("data")
        if isinstance(data, dict):
            for kind in [k for k in data if k.startswith(("image/", "application/", "video/", "audio/"))]:
                size = len(data[kind]) if isinstance(data[kind], str) else len(str(data[kind]))
                self._pictures_left -= size
                if self._pictures_left < 0:
                    del data[kind]
                    data["text/plain"] = f"{data.get('text/plain', '')} (picture not kept)".strip()
            self._spend(sum(len(v) for k, v in data.items() if isinstance(v, str) and not k.startswith("image/")))
            return self._left > 0
        return True

    def _text(self, content: dict[str, Any]) -> bool:
        text = str(content.get("text", ""))
        if self._left <= 0:
            self.flooded = True
            return False
        if len(text) > self._left:
            content["text"] = text[: self._left] + "\n… [cut: too much output]\n"
        self._spend(len(text))
        return True

    def _spend(self, size: int) -> None:
        self._left -= size
        self.flooded |= self._left < 0


def as_seen(text: str) -> str:
    r"""Text with carriage returns and backspaces carried out, as a terminal would; colours removed.

    >>> as_seen("10%\r100%\nab\bc")
    '100%\nac'
    """
    if "\r" not in text and "\b" not in text:
        return plain_text(text)
    return "\n".join(_line_as_seen(line) for line in plain_text(text).split("\n"))


def _line_as_seen(line: str) -> str:
    shown = ""
    for part in re.sub(r"\x08+\r", "\r", line).rstrip("\r").split("\r"):
        written = _backspaced(part) if "\b" in part else part
        shown = written + shown[len(written) :]
    return shown.rstrip() if "\r" in line else shown


def _backspaced(part: str) -> str:
    cells: list[str] = []
    cursor = 0
    for character in part:
        if character == "\b":
            cursor = max(0, cursor - 1)
        else:
            cells[cursor : cursor + 1] = [character]
            cursor += 1
    return "".join(cells)


def without_progress(text: str) -> str:
    """Without the lines that Keras' `fit`, `evaluate` and `predict` print while they go."""
    return "".join(line for line in text.splitlines(keepends=True) if not _BAR.match(line))


def printed(outputs: Iterable[Any]) -> str:
    """What a cell printed and displayed as text, in order; neither progress bars nor stderr."""
    parts: list[str] = []
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            parts.append(without_progress(as_seen(output["text"])))
        elif output["output_type"] in {"execute_result", "display_data"}:
            text = output.get("data", {}).get("text/plain", "")
            text = "".join(text) if isinstance(text, list) else str(text)
            if text and not text.startswith("<Figure size"):
                parts.append(plain_text(text) + "\n")
    whole = "".join(parts)
    return whole if len(whole) <= PRINTED else whole[:PRINTED] + _CUT
