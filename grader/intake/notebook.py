"""The cells of a notebook file, of every format version, however bent. No validation: what can be read is read.

Stored outputs are taken out first: they prove nothing, are most of the bytes, and count towards no limit.
Format history: https://nbformat.readthedocs.io/en/latest/format_description.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from grader.records import Cell, CellKind

MOST_VALUES = 2_000_000
"""Of a file without its outputs: an empty one takes two bytes there and a hundred in memory."""
MOST_CELLS = 10_000
MOST_TEXT = 32 << 20
"""Characters of all cells."""

_KINDS = {
    "code": CellKind.CODE,
    "markdown": CellKind.MARKDOWN,
    "raw": CellKind.RAW,
    # Of formats 1 to 3.
    "text": CellKind.MARKDOWN,
    "html": CellKind.MARKDOWN,
    "heading": CellKind.MARKDOWN,
    "plaintext": CellKind.RAW,
}
_OTHER_KERNELS = {
    "ir": "R",
    "julia": "Julia",
    "xcpp": "C++",
    "octave": "Octave",
    "matlab": "MATLAB",
    "scala": "Scala",
    "javascript": "JavaScript",
    "bash": "Bash",
}
"""Kernel name, without what follows a '-' or digit, → language, for notebooks that do not name one."""

# Possessive, and an unfinished string runs to the end: linear whatever the text holds.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\Z)', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONFLICT = re.compile(r"^(<{7}|>{7})(?!\S)", re.MULTILINE)

_DEEPEST_OUTPUT = 40
"""Lists and objects inside one another in an output; what is deeper stays, and counts."""
_MOST_OUTPUTS = 2 * MOST_CELLS
"""Lists of outputs that are taken out; more are no notebook's."""


def _nested(deepest: int) -> bytes:
    """A pattern of JSON whose brackets are closed, every part possessive: linear whatever the bytes."""
    pattern = b""
    for depth in range(deepest):
        inner = rb"|[\[{]" + pattern + rb"[\]}]" if depth else b""
        pattern = rb'(?:[^][{}"]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"' + inner + rb")*+"
    return pattern


_OUTPUTS = re.compile(rb'(?<!\\)"(outputs|widgets)"\s*+:\s*+[\[{]' + _nested(_DEEPEST_OUTPUT) + rb"[\]}]", re.DOTALL)
"""Also the state of widgets, which is stored once for the whole notebook."""

NOT_RUN_TAG = "skip-execution"
"""As nbclient, Jupytext and Jupyter Book have it. Tags that hide cells, and slides that are skipped, do run."""
_NOT_RUN = re.compile(r"\s*(?:%%script\s+(?:--\S+\s+)*(?:false|true|echo|:)(?!\S)|%%skip\b|#\|\s*eval:\s*false\b)")
"""Cells that begin as only those do that nobody wants to run."""


@dataclass(frozen=True, slots=True)
class Notebook:
    """What could be read of a notebook file."""

    cells: tuple[Cell, ...]
    language: str
    """'python', or the name of another."""
    notes: tuple[str, ...]
    attachments: dict[tuple[int, str], str]
    """Cell and name → the first of an attached picture's forms, as base64."""


def without_outputs(data: bytes) -> bytes:
    """A notebook's bytes with empty lists in place of the stored outputs, whatever else they are."""
    if data.count(b'"outputs"') > _MOST_OUTPUTS:
        return data
    return _OUTPUTS.sub(rb'"\1": []', data)


def read_notebook(text: str) -> Notebook | str:
    """The cells of a notebook, or one sentence that says why there are none."""
    if _is_crowded(text):
        return f"The file holds more than {MOST_VALUES:,} values beside its outputs: no notebook needs as many."
    data = _json(text)
    if isinstance(data, str):
        return data
    content, notes = data
    if not isinstance(content, dict):
        return "The file is valid JSON but not a notebook: a notebook is an object with a list of cells."
    version = content.get("nbformat")
    if isinstance(version, int) and version > 4:
        return f"The notebook has format {version}, newer than 4: save it in format 4 and hand it in again."
    raw = _raw_cells(content)
    if raw is None:
        return "The file is valid JSON but not a notebook: it has no list of cells."
    if len(raw) > MOST_CELLS:
        return f"The notebook holds {len(raw):,} cells, more than {MOST_CELLS:,}: remove those that are empty."
    if isinstance(version, int) and version < 4:
        notes.append(f"converted from notebook format {version}")
    cells, odd = _cells(raw)
    if sum(len(cell.source) for cell in cells) > MOST_TEXT:
        return f"The notebook's cells hold more than {MOST_TEXT >> 20} MiB of text: shorten them and hand it in again."
    if odd:
        notes.append("cells that could not be read: " + ", ".join(str(index) for index in odd))
    return Notebook(cells, _language(content), tuple(notes), _attachments(raw))


# ------------------------------------------------------------------ JSON


def _is_crowded(text: str) -> bool:
    """Whether it holds too many values, or so many strings that taking them out to count would be dear itself."""
    if _signs(text) <= MOST_VALUES:
        return False
    if text.count('"') - text.count('\\"') > 2 * MOST_VALUES + 2:
        return True
    return _signs(_STRING.sub("", text)) > MOST_VALUES


def _signs(text: str) -> int:
    """At least as many as the JSON values in a text."""
    return sum(map(text.count, ",:[{"))


def _json(text: str) -> tuple[Any, list[str]] | str:
    """The value, and a note when it was mended: unescaped control characters in strings harm nobody."""
    try:
        return json.loads(text), []
    except json.JSONDecodeError as problem:
        try:
            return json.loads(text, strict=False), ["held unescaped control characters"]
        except (ValueError, RecursionError, MemoryError):
            return _why_not_json(text, problem)
    except (RecursionError, MemoryError):
        return "The file is nested far deeper than any notebook: export the notebook again and hand that in."
    except ValueError as problem:
        return f"The file is not a notebook: {problem}."


def _why_not_json(text: str, problem: json.JSONDecodeError) -> str:
    where = f"line {problem.lineno}, column {problem.colno}"
    start = text[:2000].lstrip().lower()
    if start.startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
        return "The file is a web page, not a notebook: download the raw .ipynb file and hand that in."
    if start.startswith("version https://git-lfs"):
        return "The file is a Git LFS pointer: fetch the notebook itself with `git lfs pull` and hand that in."
    if conflict := _CONFLICT.search(text):
        line = text.count("\n", 0, conflict.start()) + 1
        return f"The notebook holds an unresolved merge conflict (line {line}): resolve it and hand it in again."
    if not start.startswith(("{", "[")):
        return f"The file is not a notebook but something else saved under its name ({problem.msg}, {where})."
    if not text[problem.pos :].strip() or problem.msg.startswith("Unterminated string"):
        line, column = text.count("\n") + 1, len(text) - text.rfind("\n")
        where = f"line {line}, column {column}"
        return f"The notebook is cut short: it ends in the middle ({where}); save it completely and hand it in again."
    return f"The notebook is damaged: {problem.msg} ({where}); export it again and hand that in."


# ------------------------------------------------------------------ cells


def _raw_cells(content: dict[str, Any]) -> list[Any] | None:
    cells = content.get("cells")
    if isinstance(cells, list):
        return cells
    sheets = content.get("worksheets")
    if isinstance(sheets, list):
        lists = [sheet.get("cells") for sheet in sheets if isinstance(sheet, dict)]
        return [cell for each in lists if isinstance(each, list) for cell in each]
    return None


def _cells(raw: list[Any]) -> tuple[tuple[Cell, ...], list[int]]:
    """The cells, and the positions of those that are none (they stay as empty raw cells: positions are addresses)."""
    cells, odd = [], []
    for index, cell in enumerate(raw):
        if not isinstance(cell, dict):
            odd.append(index)
            cell = {"source": cell} if isinstance(cell, str) else {}  # noqa: PLW2901
        kind = _KINDS.get(cell["cell_type"]) if isinstance(cell.get("cell_type"), str) else None
        source = _source(cell.get("source", cell.get("input")))
        if cell.get("cell_type") == "heading":
            level = cell.get("level")
            source = "#" * (level if isinstance(level, int) and 1 <= level <= 6 else 1) + " " + source
        metadata = _object(cell, "metadata")
        identity = _object(metadata, "nbgrader").get("grade_id")
        nbgrader_id = clean(identity) if isinstance(identity, str) else ""
        tags = _tags(metadata.get("tags"))
        skipped = _skipped(metadata, tags, source) if kind is CellKind.CODE else ""
        locked = _is_locked(metadata)
        cells.append(Cell(index, kind or CellKind.RAW, source, tags, nbgrader_id, skipped=skipped, locked=locked))
    return tuple(cells), odd


def _is_locked(metadata: dict[str, Any]) -> bool:
    """As nbgrader and Jupyter write it; a cell that must only not be deleted may still be one to fill in."""
    nbgrader = _object(metadata, "nbgrader")
    if isinstance(nbgrader.get("locked"), bool):
        return nbgrader["locked"] and nbgrader.get("solution") is not True
    return metadata.get("editable") is False and metadata.get("deletable") is False


def _skipped(metadata: dict[str, Any], tags: tuple[str, ...], source: str) -> str:
    """Why the author does not want a code cell to run; '' where nothing says so."""
    if any(each.get("frozen") is True for each in (metadata, _object(metadata, "run_control"))):
        return "frozen"
    if any(tag.strip().lower().replace("_", "-") == NOT_RUN_TAG for tag in tags):
        return f"tagged {NOT_RUN_TAG}"
    first = _NOT_RUN.match(source)
    return f"it begins with {first[0].strip()}" if first else ""


def _attachments(raw: list[Any]) -> dict[tuple[int, str], str]:
    return {
        (index, clean(name)): data
        for index, cell in enumerate(raw)
        if isinstance(cell, dict)
        for name, forms in _object(cell, "attachments").items()
        if isinstance(forms, dict)
        for data in (_source(next(iter(forms.values()), "")),)
    }


def _object(parent: dict[str, Any], key: str) -> dict[str, Any]:
    """The JSON object under a key; an empty one where there is none."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def _source(value: Any) -> str:
    """A cell's text: format 4 allows a string or a list of lines."""
    if isinstance(value, str):
        return clean(value)
    if not isinstance(value, list):
        return ""
    pieces = [piece for piece in value if isinstance(piece, str)]
    # Some exporters leave the line ends out.
    ended = any(piece.endswith(("\n", "\r")) for piece in pieces[:-1])
    return clean(("" if ended or len(pieces) < 2 else "\n").join(pieces))


def clean(text: str) -> str:
    """Text with one kind of line end, and that can be written as UTF-8."""
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n")).replace("\0", "")


def _tags(value: Any) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(clean(tag) for tag in values if isinstance(tag, str))


# ------------------------------------------------------------------ language


def _language(content: dict[str, Any]) -> str:
    metadata = _object(content, "metadata")
    kernel, info = _object(metadata, "kernelspec"), _object(metadata, "language_info")
    named = [name for name in (kernel.get("language"), info.get("name")) if isinstance(name, str) and name.strip()]
    if any("python" in name.lower() or name.lower() == "sage" for name in named):
        return "python"
    if named:
        return clean(named[-1].strip())[:40]
    name = kernel.get("name")
    stem = re.split(r"[-\d._ ]", name.lower())[0] if isinstance(name, str) else ""
    return _OTHER_KERNELS.get(stem, "python")
