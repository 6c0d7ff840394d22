"""The pictures and scans that a submission holds or shows: attached, linked, embedded, or lying beside the notebook.

What the notebook's own code draws or saves is none of them.
"""

from __future__ import annotations

import ast
import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from grader.intake import python_text
from grader.records import Cell, CellKind, Picture, Place, Submission

MOST = 200
"""Pictures of a submission that are looked at."""
LARGEST_MIB = 20
"""Of a picture that is kept."""

_EMBEDDED = re.compile(r"data:(?:image/[\w.+-]+|application/pdf)(?:;[\w=-]+)*;base64,(?P<data>[\w+/=\s]*+)")
_TARGET = r"\s*<?(?P<{0}>[^)(\s<>\"']++(?:\([^)(\s]*\)[^)(\s<>\"']*)*)"
_WRITTEN = re.compile(
    rf"(?P<shown>!)?\[(?P<alt>[^\]\[\n]{{0,500}})\]\({_TARGET.format('link')}>?(?:\s+[\"'(](?P<title>[^\n]{{0,300}}?)[\"')])?\s*\)"
    rf"|^\s{{0,3}}\[[^\]\[\n]{{1,200}}\]:{_TARGET.format('reference')}"
    r"|<(?P<tag>img|embed|object|iframe|a)\b(?P<rest>[^<>]{0,2000})>",
    re.IGNORECASE | re.MULTILINE,
)
_ATTRIBUTE = re.compile(r"\b(?:src|data|href)\s*=\s*[\"']?(?P<source>[^\"'\s<>]+)", re.IGNORECASE)
_ALT = re.compile(r"\b(?:alt|title)\s*=\s*[\"'](?P<alt>[^\"'<>]*)", re.IGNORECASE)
_PICTURE = re.compile(r".*\.(?:png|jpe?g|heic|heif|gif|bmp|tiff?|webp|svg|pdf|djvu)", re.IGNORECASE)
_REMOTE = re.compile(r"(?:[a-z]+:)?//", re.IGNORECASE)
_TEXT_MAGIC = re.compile(r"\s*%%(?:markdown|html|latex)\b")
_SAVES = re.compile(r"save|write|dump|to_file|plot_model|export|savefig", re.IGNORECASE)
_SHOWS = {"Image", "imread", "load_img", "IFrame", "SVG", "open"}
"""Calls that make an attempt of a picture also where it was not handed in."""
_LARGEST_CELL = 1_000_000
_KINDS = (
    (b"\x89PNG\r\n", "png"),
    (b"\xff\xd8\xff", "jpg"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\0", "tif"),
    (b"MM\0*", "tif"),
    (b"%PDF-", "pdf"),
)


@lru_cache(maxsize=16)
def pictures(submission: Submission) -> tuple[Picture, ...]:
    """All of them, in the order of the cells, then those that lie beside and are mentioned nowhere."""
    names = {file.as_posix() for file in submission.ref.companions if _PICTURE.fullmatch(file.name)}
    saved: set[str] = set()
    found: dict[tuple[str, Place], Picture] = {}
    for cell in (cell for cell in submission.cells if not cell.locked):
        for picture in _in_code(cell, names, saved) if _is_code(cell) else _in_text(cell):
            found.setdefault((picture.name, picture.place), picture)
    shown = [p for p in found.values() if p.place.cell is None or PurePosixPath(p.name).name not in saved]
    mentioned = {PurePosixPath(p.name).name for p in shown} | saved
    beside = (name for name in sorted(names) if PurePosixPath(name).name not in mentioned)
    return tuple([*shown, *(Picture(name, Place(), beside=True) for name in beside)][:MOST])


def without_pictures(text: str) -> str:
    """Markdown without its pictures: of each only a description in words is left."""

    def described(match: re.Match[str]) -> str:
        alt = match["alt"] or ""
        return "" if _PICTURE.fullmatch(alt) or match["tag"] else alt

    return _WRITTEN.sub(lambda m: described(m) if m["shown"] or m["tag"] in {"img", "embed"} else m[0], text)


def _is_code(cell: Cell) -> bool:
    return cell.kind is CellKind.CODE and not _TEXT_MAGIC.match(cell.source)


def _in_text(cell: Cell) -> Iterator[Picture]:
    source = cell.source
    if "data:" in source:  # a number in place of megabytes
        count = iter(range(len(source)))
        source = _EMBEDDED.sub(lambda _: f"embedded:{next(count)}", source)
    source = source[:_LARGEST_CELL]
    for match in _WRITTEN.finditer(source):
        rest = match["rest"] or ""
        attribute = _ATTRIBUTE.search(rest)
        target = match["link"] or match["reference"] or (attribute["source"] if attribute else "")
        target = unquote(target).strip().removeprefix("./")
        is_shown = bool(match["shown"]) or (match["tag"] or "").lower() == "img"
        if not target or not (is_shown or _PICTURE.fullmatch(target) or target.startswith("embedded:")):
            continue
        alt = _ALT.search(rest)
        caption = " ".join(filter(None, [match["alt"], match["title"], alt and alt["alt"]]))
        place = Place(cell.index, source.count("\n", 0, match.start()) + 1)
        yield Picture(target.removeprefix("attachment:"), place, caption[:500], remote=bool(_REMOTE.match(target)))


def _in_code(cell: Cell, names: set[str], saved: set[str]) -> Iterator[Picture]:
    """Picture files that code names, also in calls; what it saves is added to `saved`."""
    tree = python_text.parse(cell.source[:_LARGEST_CELL])
    calls = {
        id(argument): node
        for node in (ast.walk(tree) if tree else ())
        if isinstance(node, ast.Call)
        for argument in ast.walk(node)
    }
    for node in ast.walk(tree) if tree else ():
        match node:
            case ast.Constant(value=str(text)) if _PICTURE.fullmatch(text):
                name, call = text.removeprefix("./"), calls.get(id(node))
                function = python_text.called_name(call) if call else ""
                named = call is not None and any(k.arg == "to_file" and k.value is node for k in call.keywords)
                if _SAVES.search(function) or named:
                    saved.add(PurePosixPath(name).name)
                elif function in _SHOWS or name in names or PurePosixPath(name).name in names:
                    yield Picture(name, Place(cell.index, node.lineno), remote=bool(_REMOTE.match(name)))


# ------------------------------------------------------------------ their bytes


def contents(submission: Submission, attachments: Mapping[tuple[int, str], str]) -> Iterator[tuple[int, str, bytes]]:
    """(position, ending, bytes) of each picture that is there and is what it claims to be: no markup, no program.

    `attachments`: base64 by cell and name.
    """
    sources = {cell.index: cell.source for cell in submission.cells}
    for number, picture in enumerate(pictures(submission)):
        cell = picture.place.cell
        if cell is not None and (attached := attachments.get((cell, picture.name))):
            data = _decoded(attached)
        elif cell is not None and picture.name.startswith("embedded:"):
            data = _decoded(_payload(sources[cell], picture.name))
        else:
            data = b"" if picture.remote else _file(submission.ref.root, picture.name)
        if kind := _kind(data):
            yield number, kind, data


def _payload(source: str, name: str) -> str:
    wanted = name.removeprefix("embedded:")
    return next((m["data"] for n, m in enumerate(_EMBEDDED.finditer(source)) if str(n) == wanted), "")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def _file(root: Path, name: str) -> bytes:
    path = root / name
    try:
        inside = path.resolve().is_relative_to(root.resolve())
        return path.read_bytes() if inside and path.is_file() and path.stat().st_size <= LARGEST_MIB << 20 else b""
    except (OSError, ValueError):
        return b""


def _kind(data: bytes) -> str:
    """The ending that fits what the bytes are; '' for all that is not kept."""
    if len(data) > LARGEST_MIB << 20:
        return ""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return "heic"
    return next((ending for magic, ending in _KINDS if data.startswith(magic)), "")
