"""Stage 2: the bytes of a submission → its cells, or one sentence why there are none."""

from __future__ import annotations

import codecs
import io
import re
import tokenize
from dataclasses import replace
from pathlib import Path

from grader.intake import pictures, tree
from grader.intake.conflict import conflicts
from grader.intake.notebook import Notebook, clean, read_notebook, without_outputs
from grader.intake.script import read_script
from grader.intake.unpack import why_not
from grader.records import Submission, SubmissionRef, Unreadable

LARGEST_MIB = 512
"""A larger file is not read at all, as none is taken from an archive."""
LARGEST_TEXT_MIB = 100
"""Of a notebook without its outputs: the text takes up to seven times as much in memory."""
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
_SMALLER = "make the pictures in its texts smaller"
_UNPACKED = "unpack it and hand in the notebook (.ipynb) itself, or a zip"
_ITSELF = "download the notebook itself (.ipynb) and hand that in"
_NO_WORK = {
    **dict.fromkeys((".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz"), ("an archive", _UNPACKED)),
    **dict.fromkeys((".html", ".htm", ".xhtml", ".mht", ".mhtml"), ("a web page", _ITSELF)),
    **dict.fromkeys((".url", ".webloc", ".lnk", ".desktop", ".gdoc", ".link"), ("a link", _ITSELF)),
    **dict.fromkeys((".pdf", ".ps", ".djvu"), ("a printed notebook, which does not run", _HAND_IN)),
    **dict.fromkeys((".doc", ".docx", ".odt", ".rtf", ".pages", ".tex"), ("a text document", _HAND_IN)),
    **dict.fromkeys((".m", ".r", ".jl", ".mlx", ".java", ".js", ".c", ".cpp", ".nb"), ("no Python", _HAND_IN)),
}
"""By ending: what cannot be graded although it may be somebody's work, and what to do instead."""
_TEXTS = (".txt", ".md", ".rst")
"""No work, unless they hold a link to it."""
_ABOUT_FILES = re.compile(r"(?:readme|licen[cs]e|requirements|changelog)\b", re.IGNORECASE)
_LINK = re.compile(rb"\s*(?:\S+:?\s+){0,5}https?://\S+\s*")
"""A text that is a link with a few words before it."""


def read_submission(ref: SubmissionRef) -> Submission | Unreadable:
    """Read a notebook (every format version) or a script. Never raises.

    A folder without either has no cells; where it holds work of another kind, it is unreadable.

    Nothing is validated more than reading needs: unknown kernels, missing cell ids and odd metadata are fine.
    """
    try:
        if ref.source.is_dir():
            files = [path for path in tree.walk(ref.source) if not _ABOUT_FILES.match(path.name)]
            if refused := next((reason for path in files if (reason := _why_no_work(path))), ""):
                return Unreadable(ref, refused)
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


def _why_no_work(path: Path) -> str:
    """The sentence for a file that may be somebody's work but cannot be graded; '' for any other."""
    kind, instead = _NO_WORK.get(path.suffix.lower(), ("", ""))
    if path.suffix.lower() in _TEXTS and _LINK.fullmatch(path.read_bytes()[:2000]):
        kind, instead = _NO_WORK[".url"]
    return f"No notebook was handed in, but {clean(path.name)} ({kind}): {instead}." if kind else ""


def may_be_work(path: Path) -> bool:
    """Whether a file that cannot be graded may be somebody's work all the same."""
    return path.suffix.lower() in _NO_WORK and not _ABOUT_FILES.match(path.name)


def is_notebook(path: Path) -> bool:
    """Whether a file has a notebook's name; what it holds is `read_submission`'s to say."""
    return path.name.lower().endswith(NOTEBOOKS)


def is_script(path: Path) -> bool:
    """Whether a file has a Python script's name."""
    return path.suffix.lower() == ".py"


def picture_files(ref: SubmissionRef) -> tuple[tuple[int, str, bytes], ...]:
    """(position, ending, bytes) of a submission's pictures, as far as they are there."""
    submission = read_submission(ref)
    if isinstance(submission, Unreadable) or not pictures.pictures(submission):
        return ()
    attachments: dict[tuple[int, str], str] = {}
    if ref.source.is_file() and not submission.is_script:
        notebook, _ = _notebook(ref.source.read_bytes())
        attachments = {} if isinstance(notebook, str) else notebook.attachments
    return tuple(pictures.contents(submission, attachments))


def _read(ref: SubmissionRef, data: bytes) -> Submission | Unreadable:
    path = ref.source
    if path.suffix.lower() == ".zip":
        return Unreadable(ref, why_not(path) or "The archive holds no notebook: " + _HAND_IN + ".")
    if not (is_notebook(path) or is_script(path)):
        usual = (f"a {path.suffix} file" if path.suffix else "a file without an ending", _HAND_IN)
        kind, instead = _NO_WORK.get(path.suffix.lower(), usual)
        return Unreadable(ref, f"This is {clean(kind)}, not a notebook: {instead}.")
    if not data.strip(b"\0 \t\r\n"):
        what = "holds nothing but zero bytes: it was damaged on the way" if data.strip() else "is empty"
        return Unreadable(ref, f"The file {what}; save it again and hand that in.")
    disguised = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    if disguised:
        return Unreadable(ref, f"The file is {disguised} under another name: {_HAND_IN}.")
    if is_script(path):
        if len(data) > LARGEST_SCRIPT_MIB << 20:
            return Unreadable(ref, f"The script has more than {LARGEST_SCRIPT_MIB} MiB: keep the data out of it.")
        text, note = _decode(data, script=True)
        cells = read_script(clean(text))
        return _noted(Submission(ref, cells, is_script=True, notes=tuple(filter(None, [note]))))
    notebook, note = _notebook(data)
    if isinstance(notebook, str):
        return Unreadable(ref, notebook)
    if notebook.language != "python":
        return Unreadable(ref, f"The notebook is written in {notebook.language}: only Python notebooks can be graded.")
    return _noted(Submission(ref, notebook.cells, notes=(*filter(None, [note]), *notebook.notes)))


def _notebook(data: bytes) -> tuple[Notebook | str, str]:
    """The notebook, or why it is none; and a note on its encoding."""
    data = without_outputs(data)
    if len(data) > LARGEST_TEXT_MIB << 20:
        return f"The notebook has more than {LARGEST_TEXT_MIB} MiB beside its outputs: {_SMALLER}.", ""
    text, note = _decode(data, script=False)
    return read_notebook(text), note


def _noted(submission: Submission) -> Submission:
    """With what its reader should know of the cells."""
    skipped: dict[str, list[str]] = {}
    for cell in submission.cells:
        if cell.skipped:
            skipped.setdefault(cell.skipped, []).append(str(cell.index))
    not_run = (f"not run, as you asked for ({why}): cell {', '.join(listed)}" for why, listed in skipped.items())
    found = (conflict.sentence for conflict in conflicts(submission))
    return replace(submission, notes=(*submission.notes, *not_run, *found))


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
