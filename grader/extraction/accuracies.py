"""Accuracies as students note them: 'train 0.77 / test 0.78', tables in percent, printed histories."""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.extraction.arithmetic import LONGEST, mentions
from grader.extraction.notation import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.extraction.arithmetic import Mention

_TRAIN = r"train|lern(?:menge|daten)|(?<![a-z])tr(?![a-z])|entrena|entra[iî]n|addestra|allena|trein"
_TEST = r"test|val(?:id|_|\b|\.)|(?<![a-z])te(?![a-z])|prueba|prova\b"
_ROLE = re.compile(rf"(?P<train>{_TRAIN})|(?P<test>{_TEST})", re.IGNORECASE)
_ACCURACY = re.compile(r"acc|genauigkeit|korrekt|right|richtig", re.IGNORECASE)
_BARE_ACCURACY = re.compile(r"acc\w*\W{0,6}[\d.=\[(]|genauigkeit\W{0,6}[\d.=]", re.IGNORECASE)
_NAMES_ITS_FIGURE = re.compile(r"\w*?[ _-]?(?:acc\w*|genauigkeit)?[^\w\n]{0,6}[\d.=\[(]", re.IGNORECASE)
"""What follows the 'val' of 'val_acc: 0.77'."""
_LETTER = re.compile(r"[^\W\d_]")
_NEXT_PART = re.compile(r"[,;|/&]|\b(?:and|und|et|y|e|i|but|aber)\b", re.IGNORECASE)
"""Where another part of a sentence begins, with figures of its own."""
_TOPIC = re.compile(
    r"(?P<accuracy>acc|genauigkeit)|(?P<other>loss|verlust|fehler\b|seconds?|\bs/|time|param)"
    r"|(?P<setting>learning|lernrate|\brate\b|\blr\b|epochs?\b)",
    re.IGNORECASE,
)
_ITS_NUMBER = re.compile(r"\d[^\W\d_]*\s*$")
"""The 3 of '3 epochs'."""
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
_ASIDE_BEFORE = re.compile(
    r"\b(?:chance|guess\w*|random\w*|raten|zufall\w*|sheet|blatt\w*|goal|ziel|would|could|should|würde\w*|könnte\w*"
    r"|sollte\w*|i (?:had )?(?:expected|hoped)|erwartet hatte|far from|weit von|cnn\w*|convolution\w*|kaggle|mnist"
    r"|literature|state of the art|benchmark|paper|gap|difference|unterschied\w*|abstand|t-?shirts?|shirts?|trousers?"
    r"|pullovers?|dress(?:es)?|coats?|sandals?|sneakers?|bags?|boots?|hemden|schuhe\w*|stiefel\w*)\b"
    r"|\b(?:by|um)\W{0,5}$",
    re.IGNORECASE,
)
_ASIDE_AFTER = re.compile(
    r" {0,2}(?:percentage points?|prozentpunkte|points?|higher|lower|better|worse|more|less|fewer|below|above|höher\w*"
    r"|niedriger\w*|besser\w*|schlechter\w*|mehr|weniger|would|could|of mnist"
    r"|(?:would be |is |are |right )*(?:by chance|randomly)"
    r"|(?:(?:of|der)\b[^.,;\d]{0,40} )?(?:misclassified|wrong\w*|errors?|falsch\w*|fehler\w*)"
    r"|of (?:the |all )?(?:training )?(?:data|items|units|classes))\b",
    re.IGNORECASE,
)
"""A figure of chance, of the sheet, of another network, or a difference: no claim about this network."""
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
    named: bool = False
    """Its line says that it is an accuracy."""
    aside: bool = False
    """Said of chance, of the sheet, of another network, or of a difference: no claim about this one."""

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
        kept = [(at, m) for at, m in placed if _is_accuracy(m, line, at) and not _under_another_head(lines, number, at)]
        if _parts_of_a_whole(line, [m for _, m in kept]):
            kept = []
        columns = [at for at, _ in kept]
        for (_, m), role in zip(kept, _roles_at(columns, roles, lines, number, last_role), strict=True):
            value = _fraction(m)
            if value is not None:
                aside = _is_aside(line, m.start - starts[number], m.text)
                named = bool(_ACCURACY.search(line))
                accuracies.append(ExtractedAccuracy(value, role, number, m.text, _rounding(m), named, aside))
        if roles:
            last_role = roles[-1][1] if not kept else ""
    return accuracies


def only_role(line: str) -> str:
    """The one set of items that a line names, '' where it names both or none."""
    named = {m.lastgroup or "" for m in _ROLE.finditer(line)}
    return named.pop() if len(named) == 1 else ""


def _role_words(line: str) -> list[tuple[int, str]]:
    """Where a line names a set of items; in 'acc 0.76, val_acc 0.77' the first one is the training set's."""
    found = list(_ROLE.finditer(line))
    roles = [(m.start(), m.lastgroup or "") for m in found]
    first = _BARE_ACCURACY.search(line)
    only_test = bool(found) and all(name == "test" for _, name in roles)
    # unlike 'accuracy 0.77 on the test set', whose figure is not the test set's other one
    if only_test and first and first.start() < roles[0][0] and _NAMES_ITS_FIGURE.match(line, found[0].end()):
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
    if _topic(line, at) not in {"", "accuracy"} or _SETTING.search(line[max(0, at - _BEFORE) : at]):
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


def _topic(line: str, at: int) -> str:
    """What the number at a place is about, by the last word before it; a setting is about one number only."""
    for topic in reversed(list(_TOPIC.finditer(line, 0, at))):
        spent = re.search(r"\d", line[topic.end() : at]) or _ITS_NUMBER.search(line, 0, topic.start())
        if not (topic.lastgroup == "setting" and spent):
            return topic.lastgroup or ""
    return ""


def _is_aside(line: str, at: int, text: str) -> bool:
    since = re.split(r"\d|[.;] ", line[:at])[-1]
    after = line[at + len(text) :].lstrip(" %")
    return bool(_ASIDE_BEFORE.search(since) or _ASIDE_AFTER.match(after))


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
        named = (_is_named(line, at, places, spots) for at in places)
        return [
            names[bisect.bisect_right(spots, at) - 1] if is_named else ""
            for at, is_named in zip(places, named, strict=True)
        ]
    ends = zip([0, *places[:-1]], places, [*places[1:], len(line) + 1], strict=True)
    return [_beside(line, *around, roles) for around in ends]


def _beside(line: str, before: int, at: int, after: int, roles: list[tuple[int, str]]) -> str:
    """The role of an accuracy between two others: '0.77 on the training set', or '…, on the test set 0.78'."""
    following = next(((spot, name) for spot, name in roles if at < spot < after), None)
    alone = before == 0 and after > len(line)
    if following and (alone or not _NEXT_PART.search(line, at + len("0.5"), following[0])):
        return following[1]
    preceding = next(((spot, name) for spot, name in reversed(roles) if before < spot < at), None)
    return preceding[1] if preceding and _NEXT_PART.search(line, before + len("0.5"), preceding[0]) else ""


def _is_named(line: str, at: int, places: list[int], spots: list[int]) -> bool:
    """Whether the role word before this accuracy follows the accuracy before; lists such as [0.7, 0.8] share theirs."""
    before = [p for p in places if p < at]
    word = spots[bisect.bisect_right(spots, at) - 1]
    return not before or word > before[-1] or (len(places) > 2 and not _LETTER.search(line, before[-1], at))


def _columns(lines: list[str], number: int) -> dict[int, str]:
    """Column of a table → role, from the nearest line above that names any."""
    for line in _above(lines, number):
        found = {line.count("|", 0, m.start()): m.lastgroup or "" for m in _ROLE.finditer(line)}
        if found:
            return found
    return {}


def _under_another_head(lines: list[str], number: int, at: int) -> bool:
    """Whether an entry stands in a column of a table that is headed by something else: losses, rates, times."""
    column = lines[number].count("|", 0, at)
    head = next((line for line in _above(lines, number) if _LETTER.search(line)), "")
    cells = head.split("|")
    topics = {t.lastgroup for t in _TOPIC.finditer(cells[column])} if column < len(cells) else set()
    return "|" in lines[number] and bool(topics) and "accuracy" not in topics


def _above(lines: list[str], number: int) -> Iterator[str]:
    """The rows of its table above a line that hold no figures, the nearest first."""
    for line in reversed(lines[max(0, number - _TABLE_ROWS) : number]):
        if "|" not in line:
            return
        if not re.search(r"\d[.,]\d", line):
            yield line
