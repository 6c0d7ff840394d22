"""Which of several files answers the sheet, and which others belong to it."""

from __future__ import annotations

import hashlib
import re
import string
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from urllib.parse import unquote

from grader.intake.label import label
from grader.intake.names import natural
from grader.intake.read import is_notebook, is_script, read_submission
from grader.intake.versions import versions_of
from grader.records import CellKind, Submission, SubmissionRef

MOST_COMPANIONS = 2000
LARGEST_COMPANIONS_MIB = 200
"""All together; what is beyond, in natural order, is left behind."""

_ANY_TASK = tuple(f"{problem}{letter}" for problem in range(1, 10) for letter in string.ascii_lowercase[:12])
_NETWORK = re.compile(r"\b(keras|tensorflow|torch|fashion_mnist|Sequential|Dense|Conv2D)\b|\.fit\(")
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+\.?([\w.]+)[ \t]+import|import[ \t]+([\w., \t]+))", re.MULTILINE)
_ATTEMPT = re.compile(r"^[ \t]*(?!#|$|pass\b|\.\.\.|raise NotImplementedError)\S", re.MULTILINE)


@dataclass(frozen=True, slots=True, order=True)
class Substance:
    """How much of the sheet a file answers; the greater one is graded."""

    networks: bool = False
    """Mentions networks at all: in a student's repository other sheets lie beside this one."""
    tasks: int = 0
    """Labelled tasks under which there is code."""
    network_cells: int = 0
    code: int = 0
    """Characters of code."""


def substance(path: Path) -> Substance:
    """Read and label a file cheaply; nothing where it cannot be read."""
    submission = _read(path)
    if submission is None:
        return Substance()
    code = {c.index: c.source for c in submission.cells if c.kind is CellKind.CODE and _ATTEMPT.search(c.source)}
    labels = label(submission, _ANY_TASK)
    tasks = {span.task for span in labels.spans if span.cell in code and len(span.task) > 1}
    mentioning = sum(bool(_NETWORK.search(source)) for source in code.values())
    return Substance(mentioning > 0, len(tasks), mentioning, sum(len(source) for source in code.values()))


def best(paths: Sequence[Path], root: Path) -> tuple[Path, str]:
    """The file below `root` that answers most, or a later version of it; and why it was taken, where there are others.

    Of equals it is the first by name.
    """
    if len(paths) == 1:
        return paths[0], ""
    worth = {path: substance(path) for path in sorted(paths, key=lambda p: natural(str(p)))}
    most = max(worth, key=worth.__getitem__)
    versions = dict(zip(worth, versions_of([path.relative_to(root) for path in worth]), strict=True))
    same = [p for p in worth if versions[p].base == versions[most].base and _is_whole(worth[p], worth[most])]
    latest = max(same, key=lambda path: versions[path].order)
    earlier = versions[most].order < versions[latest].order
    if earlier or any(versions[path].order < versions[most].order for path in same):
        return latest if earlier else most, "the later version"
    return most, "it answers most of the sheet"


def _is_whole(draft: Substance, most: Substance) -> bool:
    """Whether a version is another answer to the sheet and no beginning of one."""
    halves = (2 * draft.tasks >= most.tasks, 2 * draft.network_cells >= most.network_cells, 2 * draft.code >= most.code)
    return draft.networks == most.networks and all(halves)


def main_scripts(scripts: Sequence[Path], importers: Sequence[Path] = ()) -> list[Path]:
    """The scripts that no other file imports; all of them where they import one another in a circle."""
    imported = {path: _imports(path) for path in (*scripts, *importers)}
    mains = [s for s in scripts if not any(s.stem in names for path, names in imported.items() if path != s)]
    return mains or ([] if importers else list(scripts))


def answering(scripts: Iterable[Path]) -> list[Path]:
    """The scripts that answer something, not tools or settings."""
    return [path for path in scripts if (value := substance(path)).networks or value.tasks]


def companions(source: Path, root: Path, files: Iterable[Path]) -> tuple[Path, ...]:
    """What goes with a submission: files below its folder that are no notebooks, bounded in number and size."""
    chosen: list[Path] = []
    size = 0
    for file in files:
        if file == source or is_notebook(file) or not file.is_relative_to(root):
            continue
        try:
            size += file.stat().st_size
        except OSError:
            continue
        if len(chosen) >= MOST_COMPANIONS or size > LARGEST_COMPANIONS_MIB << 20:
            break
        chosen.append(file.relative_to(root))
    return tuple(chosen)


def mentioned(source: Path, files: Iterable[Path]) -> list[Path]:
    """Of files that lie beside a submission by chance, those that it names or imports, directly or by a module."""
    waiting, chosen = [source], []
    remaining = [file for file in files if not is_notebook(file) and file != source]
    while waiting and remaining:
        path = waiting.pop()
        text, modules = _text(path), _imports(path)
        named = [f for f in remaining if f.name in text or (is_script(f) and f.stem in modules)]
        remaining = [f for f in remaining if f not in named]
        chosen += named
        waiting += [f for f in named if is_script(f)]
    return sorted(chosen, key=lambda p: natural(str(p)))


def digest(source: Path, root: Path, files: Sequence[PurePath], known: dict[Path, bytes]) -> str:
    """SHA-256 of the source's bytes, then of each companion's name and digest; '' for a folder.

    `known` keeps digests of files, which many submissions may share.
    """
    if source.is_dir():
        return ""
    try:
        with source.open("rb") as stream:
            total = hashlib.file_digest(stream, "sha256")
    except OSError:
        return ""
    for file in files:
        path = root / file
        if path not in known:
            try:
                with path.open("rb") as stream:
                    known[path] = hashlib.file_digest(stream, "sha256").digest()
            except OSError:
                known[path] = b"unreadable"
        total.update(str(file).encode("utf-8", "surrogateescape") + b"\0" + known[path])
    return total.hexdigest()


def _read(path: Path) -> Submission | None:
    submission = read_submission(SubmissionRef(path.name, path.name, path, path.parent))
    return submission if isinstance(submission, Submission) else None


def _text(path: Path) -> str:
    """What is written in a notebook or script, addresses as the names that they stand for."""
    submission = _read(path)
    return unquote("\n".join(cell.source for cell in submission.cells)) if submission else ""


def _imports(path: Path) -> set[str]:
    """Names of the modules that a notebook or script imports, `%run` among them."""
    submission = _read(path)
    names: set[str] = set()
    for cell in submission.cells if submission else ():
        for origin, listed in _IMPORT.findall(cell.source):
            names.update(part.split(" as ")[0].strip().split(".")[-1] for part in (origin or listed).split(","))
            names.update(part.strip().split(".")[0] for part in (origin or listed).split(","))
        names.update(re.findall(r"^[ \t]*%run[ \t]+(?:.*/)?([\w-]+)(?:\.py)?", cell.source, re.MULTILINE))
    return names
