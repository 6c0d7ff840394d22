"""Which of several files are versions of one another, and which is the later: their names say so."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

_DATE = r"(?P<date>20\d\d[-_.]?[01]\d[-_.]?[0-3]\d(?:[-_.T ]{0,3}[0-2]\d[-_.:h]?[0-5]\d(?:[-_.:]?[0-5]\d)?)?)(?!\d)"
_NUMBER = (
    r"(?<![^\W\d_])(?:v|ver|version|rev|revision|attempt|try|versuch|abgabe)"
    r"[\s._-]{0,3}(?P<number>\d{1,3}(?:\.\d+)*)(?!\d)"
)
_AGAIN = r"\(\s?(?P<again>\d+)\s?\)"
"""As browsers number what is downloaded twice."""
_LATE = (
    r"(?P<late>final|finale?s?|fixed|corrected|correction|revised|updated?|newest|new|latest|last|resubmission"
    r"|neue?s?|neu|korrigiert|korrektur|überarbeitet|endfassung|endversion)"
)
_EARLY = r"(?P<early>draft|old|backup|previous|wip|entwurf|alte?s?|vorher)"
_WORDS = rf"(?<![^\W\d_])(?:{_LATE}|{_EARLY})(?P<nth>\d{{0,2}})(?![^\W_])"
_MARK = re.compile(rf"(?<!\d){_DATE}|{_NUMBER}|{_AGAIN}|{_WORDS}", re.IGNORECASE)
_TRAILING = re.compile(r"(?<=\w)[\s._-]+(\d{1,2})$")


@dataclass(frozen=True, slots=True)
class Version:
    """What a file's name says of its version."""

    base: str
    """The name without it: equal for versions of the same file."""
    order: tuple[int, str, tuple[int, ...]] = (0, "", ())
    """The later, the greater: a word, a date, numbers."""


def versions_of(paths: Sequence[PurePath]) -> list[Version]:
    """The version of each file, by its own name and its folders'."""
    versions = [_version(str(path.with_suffix(""))) for path in paths]
    plain = {version.base for version in versions}
    for i, path in enumerate(paths):
        # 'ps10_2' is a version beside 'ps10'; 'exercise_1' and 'exercise_2' are two exercises.
        number = _TRAILING.search(path.stem)
        shorter = path.with_name(path.stem[: number.start()]) if number else path
        if number and (base := _version(str(shorter)).base) in plain:
            stage, date, numbers = versions[i].order
            versions[i] = Version(base, (stage, date, (*numbers, int(number[1]))))
    return versions


def _version(name: str) -> Version:
    stage, date, numbers = 0, "", []
    for mark in _MARK.finditer(name):
        date = max(date, re.sub(r"\D", "", mark["date"] or ""))
        numbers += [int(part) for part in (mark["number"] or mark["again"] or mark["nth"] or "").split(".") if part]
        stage = 1 if mark["late"] else -1 if mark["early"] and not stage else stage
    base = re.sub(r"[\s._/\\-]+", " ", _MARK.sub(" ", name)).strip().casefold()
    return Version(base, (stage, date, tuple(numbers)))
