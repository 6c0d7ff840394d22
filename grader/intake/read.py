"""Stage 2: the bytes of a submission → its cells, or one sentence why there are none."""

from __future__ import annotations

import codecs
import io
import tokenize
from pathlib import Path

from grader.intake.notebook import clean, read_notebook
from grader.intake.script import read_script
from grader.intake.unpack import why_not
from grader.records import Submission, SubmissionRef, Unreadable

LARGEST_MIB = 100
"""A larger file is not read: its text takes up to seven times as much in memory."""
LARGEST_SCRIPT_MIB = 2

NOTEBOOKS = (".ipynb", ".ipynb.txt", ".ipynb.json")
"""Endings of notebooks; browsers add the longer ones on download."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with the other's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = (
    (b"PK\x03\x04", "a zip archive"),
    (b"%PDF", "a PDF"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x89PNG", "a picture"),
)
_HAND_IN = "hand in the notebook (.ipynb) or a script (.py)"


def read_submission(ref: SubmissionRef) -> Submission | Unreadable:
    """Read a notebook (every format version) or a script; a folder without either has no cells. Never raises.

    Nothing is validated more than reading needs: unknown kernels, missing cell ids and odd metadata are fine.
    """
    try:
        if ref.source.is_dir():
            names = sorted(p.name for p in ref.source.iterdir() if not p.name.startswith("."))
            listed = clean(", ".join(names[:5])) + (", …" if len(names) > 5 else "")
            return Submission(ref, (), notes=(f"no notebook or script was handed in; found: {listed or 'nothing'}",))
        size = ref.source.stat().st_size
        data = ref.source.read_bytes() if size <= LARGEST_MIB << 20 else b""
    except OSError as problem:
        return Unreadable(ref, f"The file cannot be opened: {problem.strerror or problem}.")
    if size > LARGEST_MIB << 20:
        return Unreadable(
            ref, f"The file has {size >> 20} MiB, more than {LARGEST_MIB}: clear its outputs and hand it in again."
        )
    return _read(ref, data)


def is_notebook(path: Path) -> bool:
    """Whether a file has a notebook's name; what it holds is `read_submission`'s to say."""
    return path.name.lower().endswith(NOTEBOOKS)


def is_script(path: Path) -> bool:
    """Whether a file has a Python script's name."""
    return path.suffix.lower() == ".py"


def _read(ref: SubmissionRef, data: bytes) -> Submission | Unreadable:
    path = ref.source
    if path.suffix.lower() == ".zip":
        return Unreadable(ref, why_not(path) or "The archive holds no notebook: " + _HAND_IN + ".")
    if not (is_notebook(path) or is_script(path)):
        kind = f"a {path.suffix} file" if path.suffix else "a file without an ending"
        return Unreadable(ref, f"This is {clean(kind)}, not a notebook: {_HAND_IN}.")
    if not data.strip(b"\0 \t\r\n"):
        what = "holds nothing but zero bytes: it was damaged on the way" if data.strip() else "is empty"
        return Unreadable(ref, f"The file {what}; save it again and hand that in.")
    disguised = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    if disguised:
        return Unreadable(ref, f"The file is {disguised} under another name: {_HAND_IN}.")
    text, note = _decode(data, script=is_script(path))
    notes = (note,) if note else ()
    if is_script(path):
        if len(text) > LARGEST_SCRIPT_MIB << 20:
            return Unreadable(ref, f"The script has more than {LARGEST_SCRIPT_MIB} MiB: keep the data out of it.")
        return Submission(ref, read_script(clean(text)), is_script=True, notes=notes)
    notebook = read_notebook(text)
    if isinstance(notebook, str):
        return Unreadable(ref, notebook)
    if notebook.language != "python":
        return Unreadable(ref, f"The notebook is written in {notebook.language}: only Python notebooks can be graded.")
    return Submission(ref, notebook.cells, notes=notes + notebook.notes)


def _decode(data: bytes, *, script: bool) -> tuple[str, str]:
    """The text, and a note when it was not plain UTF-8. Never fails: Latin-1 reads every byte."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            text = data[len(mark) :].decode(encoding, "replace")
            return text, "" if encoding == "utf-8" else f"decoded from {encoding.upper()}"
    if data[:400].count(0) > len(data[:400]) // 3:
        encoding = "utf-16-le" if data[1:400:2].count(0) >= data[0:400:2].count(0) else "utf-16-be"
        return data.decode(encoding, "replace"), f"decoded from {encoding.upper()}"
    try:
        return data.decode("utf-8"), ""
    except UnicodeDecodeError:
        encoding = _declared(data) if script else ""
        for candidate in (encoding, "cp1252"):
            try:
                return data.decode(candidate), f"decoded from {candidate}"
            except (UnicodeDecodeError, LookupError, ValueError):
                continue
        return data.decode("latin-1"), "decoded from Latin-1"


def _declared(data: bytes) -> str:
    """The encoding that a script declares (PEP 263)."""
    try:
        return tokenize.detect_encoding(io.BytesIO(data).readline)[0]
    except SyntaxError:
        return ""
