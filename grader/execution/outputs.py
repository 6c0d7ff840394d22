"""Outputs of a run: kept within bounds, and as the text that a reader would see."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from html import unescape
from typing import Any

import nh3

from grader.system.display_text import without_machine, without_sequences

FIGURES_BYTES = 8 << 20
"""Pictures that an executed notebook keeps, in all."""
PRINTED = 200_000
"""Characters of a cell's printed text that are kept."""
_CUT = "… [cut]"

_INERT = ("text/plain", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/gif")
_MARKDOWN_PICTURE = re.compile(r"!(?=\[)")
_TAG = re.compile(r"<[a-zA-Z/!?]")
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/li|/h[1-6])\b[^>]*>", re.IGNORECASE)
_NO_TEXT = re.compile(r"<IPython\.\S+ object>|<Figure size .*")
"""What Python says of a displayed value that is not there to be read as plain text."""
_LINK = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
_PICTURE = re.compile(r"data:image/(?:png|jpeg|gif|svg\+xml);base64,", re.IGNORECASE)

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
        """Whether an output message is to be kept, whose content is now what is left of it: harmless and valid."""
        content = message["content"]
        match message["msg_type"]:
            case "stream":
                return self._stream(content)
            case "error":
                lines = content.get("traceback")
                content["traceback"] = [_text(line) for line in lines] if isinstance(lines, list) else []
                content["ename"], content["evalue"] = _text(content.get("ename", "")), _text(content.get("evalue", ""))
                self._spend(sum(map(len, (content["ename"], content["evalue"], *content["traceback"]))))
            case "display_data" | "execute_result" | "update_display_data":
                count = content.get("execution_count")
                content["execution_count"] = count if isinstance(count, int) else None
                content["metadata"] = {}
                content["data"] = self._pictures(inert(content.get("data")))
                self._spend(sum(len(text) for kind, text in content["data"].items() if not kind.startswith("image/")))
            case _:
                return False
        return self._left > 0

    def _stream(self, content: dict[str, Any]) -> bool:
        content["name"] = "stderr" if content.get("name") == "stderr" else "stdout"
        content["text"] = text = _text(content.get("text", ""))
        if self._left <= 0:
            self.flooded = True
            return False
        if len(text) > self._left:
            content["text"] = text[: self._left] + "\n… [cut: too much output]\n"
        self._spend(len(text))
        return True

    def _pictures(self, data: dict[str, str]) -> dict[str, str]:
        for kind in [kind for kind in data if kind.startswith("image/") or "data:image/" in data[kind]]:
            self._pictures_left -= len(data[kind])
            if self._pictures_left < 0:
                del data[kind]
                data["text/plain"] = f"{data.get('text/plain', '')} (picture not kept)".strip()
        return data

    def _spend(self, size: int) -> None:
        self._left -= size
        self.flooded |= self._left < 0


def inert(data: Any) -> dict[str, str]:
    """Of what a kernel displays, by MIME type, the parts that neither run nor load anything when they are looked at.

    HTML loses its scripts, styles, handlers and outside pictures; SVG, a document that may hold scripts, becomes a
    picture, in which they are dead. Of every other kind the plain text stays.
    """
    given = (
        {kind: _text(text) for kind, text in data.items() if isinstance(text, str)} if isinstance(data, dict) else {}
    )
    kept = {kind: given[kind] for kind in _INERT if kind in given}
    if markdown := kept.get("text/markdown"):
        kept["text/markdown"] = _inert_markdown(markdown)
    html = given.get("text/html", "")
    if svg := given.get("image/svg+xml"):
        html += f'<img src="data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}">'
    if html:
        kept["text/html"] = _clean(html)
    if not kept and given:
        kept["text/plain"] = f"({', '.join(given)}: not kept)"[:200]
    return kept


def _inert_markdown(text: str) -> str:
    """Markdown whose pictures are links, since they would be loaded, and whose HTML is harmless."""
    text = _MARKDOWN_PICTURE.sub("", text)
    return _clean(text) if _TAG.search(text) else text


def _clean(html: str) -> str:
    return nh3.clean(html, url_schemes={"http", "https", "mailto", "data"}, attribute_filter=_loads_nothing)


def _text(value: object) -> str:
    """As a string that can be written: Python prints halves of surrogate pairs, too."""
    return str(value).encode("utf-8", "replace").decode()


def _loads_nothing(tag: str, name: str, value: str) -> str | None:
    if name not in ("href", "src", "cite"):
        return value
    return value if (_PICTURE if tag == "img" else _LINK).match(value) else None


def as_seen(text: str) -> str:
    r"""Text with carriage returns and backspaces carried out, as a terminal would; colours removed.

    >>> as_seen("10%\r100%\nab\bc")
    '100%\nac'
    """
    if "\r" not in text and "\b" not in text:
        return without_sequences(text)
    return "\n".join(_line_as_seen(line) for line in without_sequences(text).split("\n"))


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


def tidy(output: dict[str, Any]) -> None:
    """Make an output of a cell read as it would on any machine: nothing overwritten, no folders of the grader."""
    match output["output_type"]:
        case "stream":
            output["text"] = without_machine(as_seen(output["text"]))
        case "error":
            output["evalue"] = without_machine(output["evalue"])
            output["traceback"] = [without_machine(line) for line in output["traceback"]]
        case _:
            data = output.get("data", {})
            data |= {kind: without_machine(text) for kind, text in data.items() if kind.startswith("text/")}


def without_progress(text: str) -> str:
    """Without the lines that Keras' `fit`, `evaluate` and `predict` print while they go."""
    return "".join(line for line in text.splitlines(keepends=True) if not _BAR.match(line))


def _as_text(data: dict[str, Any]) -> str:
    """A displayed value as text: of `Markdown`, `Latex` and `HTML` what they say; '' of a picture."""
    given = {kind: "".join(text) if isinstance(text, list) else str(text) for kind, text in data.items()}
    plain = given.get("text/plain", "")
    if plain and not _NO_TEXT.fullmatch(plain):
        return plain
    text = given.get("text/markdown") or given.get("text/latex") or ""
    return text or unescape(nh3.clean(_BREAK.sub("\n", given.get("text/html", "")), tags=set())).strip()


def printed(outputs: Iterable[Any]) -> str:
    """What a cell printed and displayed as text, in order; neither progress bars nor stderr."""
    parts: list[str] = []
    for output in outputs:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            parts.append(without_progress(as_seen(output["text"])))
        elif output["output_type"] in {"execute_result", "display_data"}:
            text = _as_text(output.get("data", {}))
            parts.append(without_sequences(text) + "\n" * bool(text))
    whole = "".join(parts)
    return whole if len(whole) <= PRINTED else whole[:PRINTED] + _CUT
