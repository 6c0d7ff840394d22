"""What lies in a folder, as far as it was handed in: no hidden files, caches, environments, reports or links out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.intake.names import natural

DEEPEST = 12
"""Folders below a submission's that are looked into."""
MOST_FILES = 20_000
"""Files of one tree that are looked at."""

_SKIPPED = frozenset(
    ["__pycache__", "__MACOSX", "node_modules", "site-packages", "venv", "env", "virtualenv", "lost+found"]
)


@dataclass(frozen=True, slots=True)
class Folder:
    """The visible entries of a folder, in natural order."""

    files: tuple[Path, ...]
    folders: tuple[Path, ...]
    hides: bool
    """Whether it holds anything else."""


def look(path: Path, inside: Path) -> Folder:
    """List a folder; links count only when they lead to a file `inside`. Raises OSError when it cannot be read."""
    files, folders, hidden = [], [], False
    with os.scandir(path) as entries:
        for entry in entries:
            where = path / entry.name
            if _is_file(where, entry, inside) and not _is_ours(entry.name):
                files.append(where)
            elif entry.is_dir(follow_symlinks=False) and not _is_skipped(where):
                folders.append(where)
            else:
                hidden = True
    return Folder(_sorted(files), _sorted(folders), hidden)


def walk(root: Path, *, deep: bool = True) -> Iterator[Path]:
    """The visible files below a folder, in natural order, its own first; unreadable folders are passed over."""
    waiting, seen = [(root, 0)], 0
    while waiting:
        path, depth = waiting.pop()
        try:
            here = look(path, root)
        except OSError:
            continue
        for file in here.files:
            seen += 1
            if seen > MOST_FILES:
                return
            yield file
        if deep and depth < DEEPEST:
            waiting += [(folder, depth + 1) for folder in reversed(here.folders)]


def is_report(path: Path) -> bool:
    """Whether a folder is what an earlier run left: its `--out`, or a submission's folder there."""
    if (path / "feedback.html").is_file() and ((path / "evidence").is_dir() or (path / "executed.ipynb").is_file()):
        return True
    return (path / "results.json").is_file() and ((path / "index.html").is_file() or (path / "grades.csv").is_file())


def _is_file(where: Path, entry: os.DirEntry[str], inside: Path) -> bool:
    if entry.name.startswith((".", "~")):
        return False
    try:
        if not entry.is_symlink():
            return entry.is_file()
        return where.is_file() and where.resolve().is_relative_to(inside.resolve())
    except (OSError, RuntimeError):
        return False


def _is_ours(name: str) -> bool:
    """Expected verdicts of a test corpus."""
    return name == "expected.json" or name.endswith(".expected.json")


def _is_skipped(path: Path) -> bool:
    if path.name.startswith((".", "~")) or path.name in _SKIPPED:
        return True
    try:
        return (path / "pyvenv.cfg").is_file() or is_report(path)
    except OSError:
        return False  # it cannot be looked into: a submission that says so


def _sorted(paths: list[Path]) -> tuple[Path, ...]:
    return tuple(sorted(paths, key=lambda p: natural(p.name)))
