"""Names of submissions: what learning platforms make of a student's name, and ids that are safe as folder names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from grader.system.display_text import clean

_LONGEST_ID = 80
"""Bytes in UTF-8."""

_RESERVED = frozenset(
    (
        *("con", "prn", "aux", "nul", "index", "results", "grades", "assets"),
        *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
    )
)
"""Stems that Windows keeps for devices, or a report for its own files (`index.html`)."""

_PATTERNS = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        # Moodle, folders and the old flat mode: Full Name_1234567_assignsubmission_file[_nb.ipynb]
        r"(?P<name>.+?)_(?P<number>\d+)_assignsubmission_(?P<kind>file|onlinetext)(?:_(?P<file>.*))?",
        # Canvas: sortablename[_LATE]_user_attachment_original
        r"(?P<name>[^_]+)(?:_late)?_(?P<number>\d+)_\d+_(?P<file>.+)",
        # nbgrader's exchange: student+assignment+timestamp
        r"(?P<name>[^+]+)\+[^+]+\+\d{4}-\d\d-\d\d[^+]*",
    )
)


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What a folder's or file's name says."""

    name: str
    """The student, for people."""
    number: str = ""
    """The number by which the platform knows the student."""
    online_text: bool = False
    """Moodle's folder for text typed online, beside the one for files."""


def handed_in(name: str) -> HandedIn:
    """Read a name as learning platforms write it; any other name is taken as it is."""
    for pattern in _PATTERNS:
        if match := pattern.fullmatch(name):
            found = match.groupdict()
            text = (found.get("kind") or "").lower() == "onlinetext"
            return HandedIn(for_people(match["name"].replace("_", " ")), found.get("number") or "", text)
    return HandedIn(for_people(name))


def for_people(name: str) -> str:
    """A name that can be printed: one spelling, no control or direction characters, no undecodable bytes."""
    kept = (c for c in unicodedata.normalize("NFC", name) if not unicodedata.category(c).startswith("C"))
    return " ".join("".join(kept).split()) or "unnamed"


def safe_id(name: str) -> str:
    """A readable id that is safe as a folder name everywhere: letters, digits, '_', '.' and '-', 80 bytes at most."""
    text = "".join("-" if unicodedata.category(c) == "Cf" else c for c in name)
    text = unicodedata.normalize("NFC", clean(text))  # so that it reads the same in a table
    text = "".join(c if unicodedata.category(c)[0] in "LMN" or c in "_." else "-" for c in text)
    text = re.sub(r"-*\.-+|-+\.-*", "-", re.sub(r"-+", "-", re.sub(r"\.+", ".", text))).strip("-._")
    while text and (text[0] in "-._" or unicodedata.category(text[0]).startswith("M")):
        text = text[1:]
    text = text.encode()[:_LONGEST_ID].decode("utf-8", "ignore").rstrip("-._")
    if not text:
        return "submission"
    return f"{text}-submission" if text.split(".", 1)[0].casefold() in _RESERVED else text


def unique_ids(wanted: Sequence[HandedIn]) -> list[str]:
    """An id for each, in order; of one name, the platform's number tells them apart, else '-2', '-3', …

    Upper and lower case count as the same, as some file systems have it.
    """
    plain = [safe_id(each.name) for each in wanted]
    counts: dict[str, int] = {}
    for base in plain:
        counts[base.casefold()] = counts.get(base.casefold(), 0) + 1
    taken: set[str] = set()
    result = []
    for each, base in zip(wanted, plain, strict=True):
        proposed = f"{base}-{each.number}" if each.number and counts[base.casefold()] > 1 else base
        unique, n = proposed, 1
        while unique.casefold() in taken or (n > 1 and unique.casefold() in counts):
            n += 1
            unique = f"{proposed}-{n}"
        taken.add(unique.casefold())
        result.append(unique)
    return result


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key: 'ex2' before 'ex10', case ignored first."""
    pieces = re.findall(r"\d+|\D+", unicodedata.normalize("NFC", name).casefold())
    numbers = (piece if piece.isascii() and piece.isdigit() and len(piece) < 18 else "" for piece in pieces)
    return (*((0, int(n), p) if n else (1, 0, p) for n, p in zip(numbers, pieces, strict=True)), (2, 0, name))
