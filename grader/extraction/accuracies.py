"""Accuracies as students note them: 'train 0.77 / test 0.78', tables in percent, printed histories."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.extraction.arithmetic import LONGEST, mentions
from grader.extraction.notation import plain

if TYPE_CHECKING:
    from grader.extraction.arithmetic import Mention

_TRAIN = r"train|lern(?:menge|daten)|(?<![a-z])tr(?![a-z])"
_TEST = r"test|val(?:id|_|\b|\.)|(?<![a-z])te(?![a-z])"
_ROLE = re.compile(rf"(?P<train>{_TRAIN})|(?P<test>{_TEST})", re.IGNORECASE)
_ACCURACY = re.compile(r"acc|genauigkeit|korrekt|right|richtig", re.IGNORECASE)
_BARE_ACCURACY = re.compile(r"acc\w*\W{0,6}[\d.=\[(]|genauigkeit\W{0,6}[\d.=]", re.IGNORECASE)
_TOPIC = re.compile(
    r"(?P<accuracy>acc|genauigkeit)|(?P<other>loss|verlust|fehler\b|learning|lernrate|\brate\b|\blr\b|seconds?|\bs/|time|epochs?\b|param)",
    re.IGNORECASE,
)
_SETTING = re.compile(
    r"(?:drop-?out|momentum|\bbeta|decay|\bsplit|patience|\balpha|threshold|schwelle"
    r"|windows|\bnt|cuda|cudnn|python|numpy|pandas|ubuntu|mac ?os|\bversion)\w*"
    r"[^\w\n]{0,5}(?:(?:of|von|is|ist|layer|schicht)[^\w\n]{1,3}){0,2}$",
    re.IGNORECASE,
)
"""What stands right before a number that is a setting, or the version of something."""
_UNIT = re.compile(
    r" ?(?:s|ms|secs?|seconds?|sek\w*|min|minute\w*|h|hours?|cm|px|[kmg]i?b|epochs?|dropout)\b", re.IGNORECASE
)
"""What follows a number that is no accuracy."""
_LEAST, _LEAST_WITHOUT_SIGN = 0.05, 0.1
"""Chosen: accuracies below are none, as half of what guessing among ten classes gets; nor are numbers such as 7.5
without a percent sign."""
_BEFORE = 50
"""Characters before a number in which a setting's name is looked for."""
_TABLE_ROWS = 30
"""Lines above a number in which its table's head is looked for."""
_NOISE = 1e-6
"""Error of a measured accuracy in single precision."""
_BAR = re.compile(r"^\s*(?:Epoch \d+/\d+|\d+/\d+ .*(?:step|━|=))")
"""Lines of a progress bar, should one be left in an output."""


@dataclass(frozen=True, slots=True)
class ExtractedAccuracy:
    """An accuracy that a student stated."""

    value: float
    """As a fraction."""
    role: str
    """'train', 'test', '' where the words do not say."""
    line: int
    """0-based line of the text."""
    text: str
    rounding: float
    """Half a unit of its last digit, as a fraction."""

    def agrees(self, value: float) -> bool:
        """Whether it is `value`, rounded."""
        return abs(self.value - value) <= self.rounding + _NOISE


def extract_accuracies(text: str) -> list[ExtractedAccuracy]:
    """The accuracies that a text states, in order of its lines, each with the set of items that it is said to be of."""
    text = text[:LONGEST]
    text = "\n".join("" if _BAR.match(line) else line for line in text.replace("\r", "\n").split("\n"))
    text = text.replace("(", " ").replace(")", " ")  # an aside may name the set: 'Accuracy (training)'
    bare = plain(text)
    lines = bare.split("\n")
    starts = [0, *(m.end() for m in re.finditer("\n", bare))]
    by_line: dict[int, list[Mention]] = {}
    end = -1
    for m in mentions(text):  # the whole number comes first, then what it may also be a list of
        if not m.arithmetic and m.line < len(lines) and m.start > end:
            by_line.setdefault(m.line, []).append(m)
            end = m.start + len(m.text) - 1
    accuracies: list[ExtractedAccuracy] = []
    last_role = ""
    for number, line in enumerate(lines):
        roles = _role_words(line)
        placed = [(m.start - starts[number], m) for m in by_line.get(number, [])]
        kept = [(at, m) for at, m in placed if _is_accuracy(m, line, at)]
        if _parts_of_a_whole(line, [m for _, m in kept]):
            kept = []
        columns = [at for at, _ in kept]
        for (_, m), role in zip(kept, _roles_at(columns, roles, lines, number, last_role), strict=True):
            value = _fraction(m)
            if value is not None:
                accuracies.append(ExtractedAccuracy(value, role, number, m.text, _rounding(m)))
        if roles:
            last_role = roles[-1][1] if not kept else ""
    return accuracies


def only_role(line: str) -> str:
    """The one set of items that a line names, '' where it names both or none."""
    named = {m.lastgroup or "" for m in _ROLE.finditer(line)}
    return named.pop() if len(named) == 1 else ""


def _role_words(line: str) -> list[tuple[int, str]]:
    """Where a line names a set of items; in 'acc 0.76, val_acc 0.77' the first one is the training set's."""
    roles = [(m.start(), m.lastgroup or "") for m in _ROLE.finditer(line)]
    first = _BARE_ACCURACY.search(line)
    if roles and first and first.start() < roles[0][0] and all(name == "test" for _, name in roles):
        roles.insert(0, (first.start(), "train"))
    return roles


def _fraction(m: Mention) -> float | None:
    """A number as the fraction that it is as an accuracy: 77.1 is 0.771."""
    if not m.values:
        return None
    value = m.values[-1] / 100 if m.values[-1] > 1 else m.values[-1]
    return value if _LEAST < value <= 1 else None


def _rounding(m: Mention) -> float:
    """Half a unit of the last digit, as a fraction."""
    _, mark, decimals = m.text.replace(",", ".").rpartition(".")
    percent = m.percent or m.values[-1] > 1 or "%" in m.text
    return 10.0 ** -min(len(decimals) if mark else 0, 12) / (100 if percent else 1) / 2


def _is_accuracy(m: Mention, line: str, at: int) -> bool:
    """Whether a number can be an accuracy: a percentage, or a fraction; not a loss, a rate or a time."""
    value = _fraction(m)
    if value is None or value == 1:
        return False
    topics = ["", *(t.lastgroup for t in _TOPIC.finditer(line, 0, at))]
    if topics[-1] == "other" or _SETTING.search(line[max(0, at - _BEFORE) : at]):
        return False
    if m.percent:
        return True
    if _UNIT.match(line, at + len(m.text)):
        return False
    if m.values[-1] <= 1:
        return True
    # 77.1 without a sign; 8,070 is a count
    says_so = "." in m.text or "," in m.text or bool(_ACCURACY.search(line) and "%" not in line)
    return max(m.values) <= 100 and value >= _LEAST_WITHOUT_SIGN and says_so


def _parts_of_a_whole(line: str, figures: list[Mention]) -> bool:
    """'80% for training and 20% for testing' is how data are divided."""
    divided = len(figures) > 1 and all(m.percent for m in figures) and not _ACCURACY.search(line)
    return divided and abs(sum(m.values[-1] for m in figures) - 1) < 1e-9


def _roles_at(
    places: list[int], roles: list[tuple[int, str]], lines: list[str], number: int, last_role: str
) -> list[str]:
    """The role of each accuracy of a line, given where they stand and where the line names a role."""
    line = lines[number]
    if not places:
        return []
    if not roles:
        if "|" in line and (columns := _columns(lines, number)):
            return [columns.get(line.count("|", 0, at), "") for at in places]
        return [last_role if len(places) == 1 else "" for _ in places]
    spots = [at for at, _ in roles]
    names = [name for _, name in roles]
    if len(spots) >= len(places) > 1 and spots[-1] < places[0]:  # 'train/test: 0.77/0.78'
        return names[-len(places) :]
    if spots[0] < places[0]:  # 'train 0.77, test 0.78'
        return [names[bisect.bisect_right(spots, at) - 1] if _is_named(at, places, spots) else "" for at in places]
    following = [bisect.bisect_right(spots, at) for at in places]  # '0.77 on the training set'
    limits = [*places[1:], len(line) + 1]
    return [names[i] if i < len(spots) and spots[i] < limit else "" for i, limit in zip(following, limits, strict=True)]


def _is_named(at: int, places: list[int], spots: list[int]) -> bool:
    """Whether the role word before this accuracy follows the accuracy before; lists such as [0.7, 0.8] share theirs."""
    before = [p for p in places if p < at]
    word = spots[bisect.bisect_right(spots, at) - 1]
    return not before or word > before[-1] or len(places) > 2


def _columns(lines: list[str], number: int) -> dict[int, str]:
    """Column of a table → role, from the nearest line above that names any."""
    for line in reversed(lines[max(0, number - _TABLE_ROWS) : number]):
        if "|" not in line:
            return {}
        found = {line.count("|", 0, m.start()): m.lastgroup or "" for m in _ROLE.finditer(line)}
        if found and not re.search(r"\d[.,]\d", line):
            return found
    return {}
