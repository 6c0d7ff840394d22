"""What each possible label is worth where it stands, in the style of this submission."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from grader.intake import label_candidates, label_grammar
from grader.intake import label_vocabulary as words
from grader.intake.label_candidates import Place, Where
from grader.intake.label_grammar import Form, Mark, Target
from grader.intake.label_sequence import Event, Sheet, What
from grader.records import Cell, CellKind

_WORTH: dict[Form, dict[Where, float]] = {
    Form.FULL: {Where.HEADING: 8, Where.COMMENT: 7, Where.TEXT: 6, Where.NAME: 8},
    Form.PROBLEM: {Where.HEADING: 6, Where.COMMENT: 5, Where.TEXT: 4, Where.NAME: 6},
    Form.PART: {Where.HEADING: 6, Where.COMMENT: 4, Where.TEXT: 3, Where.NAME: 4},
    Form.PAIR: {Where.HEADING: 4, Where.COMMENT: 3},
    Form.SOFT: {Where.HEADING: 4, Where.COMMENT: 2.5, Where.TEXT: 2},
    Form.NUMBER: {Where.HEADING: 3, Where.COMMENT: 2},
    Form.BARE: {Where.HEADING: 3, Where.COMMENT: 1},
}
"""The cost of ignoring a label (see `label_sequence`); a form that is not listed for a place is no label there."""

_RUNNING_ON: dict[Form, dict[Where, float]] = {
    Form.FULL: {Where.HEADING: 6, Where.COMMENT: 3, Where.NAME: 8},
    Form.PROBLEM: {Where.HEADING: 4, Where.COMMENT: 2, Where.NAME: 6},
    Form.PART: {Where.HEADING: 4, Where.COMMENT: 2, Where.NAME: 4},
    Form.PAIR: {Where.HEADING: 4, Where.COMMENT: 2},
}
"""The same for one that runs on into a sentence: 'Task 1c build the network'."""

_ON_THE_CELL = 9.0
_NUMBERED_TITLE = {Where.HEADING: 5.0, Where.COMMENT: 3.0, Where.TEXT: 1.3}
_TITLE = 1.2
_ENUMERATION = {Where.COMMENT: 2.0, Where.TEXT: 0.8}
"""A letter in a cell whose task is already named may just count reasons."""
_INITIAL = 0.4
_LONGEST_TITLE = 60
_NUMERALS = re.compile(r"^[^\w\n]*+ii[).:]", re.MULTILINE | re.IGNORECASE)


def events_of(cells: Sequence[Cell], sheet: Sheet) -> tuple[list[Event], dict[int, str]]:
    """What `label_sequence.decide` decides on, and for each label's index where it stands (`Span.source`)."""
    found = [label_candidates.places(cell) for cell in cells]
    style = _Style.of([place for places in found for place in places], sheet)
    labels = [
        _labels(cell, places, style, sheet, heading)
        for cell, places, heading in zip(cells, found, _next_headings(found), strict=True)
    ]
    events: list[Event] = []
    sources: dict[int, str] = {}
    for position, cell in enumerate(cells):
        events.append(Event(What.CELL, cell.index, 1))
        for event in _in_scopes(cell, labels[position]):
            if event.what is What.LABEL:
                sources[len(events)] = _source(cell, found[position], event)
            events.append(event)
        later = (event for each in labels[position + 1 :] for event in each if event.worth >= 2)
        if cell.kind is not CellKind.CODE and _is_list(labels[position], next(later, None)):
            problems = {problem for event in labels[position] for problem, _ in event.reads} - {None}
            events.append(Event(What.LIST_END, cell.index, _lines(cell) + 1, keeps_problem=len(problems) <= 1))
    return events, sources


def _next_headings(found: Sequence[Sequence[Place]]) -> list[str]:
    """For each cell the first letter that a heading after it names, '' when none does."""
    following = ""
    result: list[str] = []
    for places in reversed(found):
        result.append(following)
        named = [p.mark.targets[0][1] for p in places if p.mark is not None and p.where is Where.HEADING]
        following = next((letter for letter in named if letter), following)
    return result[::-1]


def _source(cell: Cell, places: Sequence[Place], event: Event) -> str:
    """What said so, in the words of `Span.source`."""
    if event.worth == _ON_THE_CELL:
        return next(place.where.value for place in places if place.where in (Where.TAG, Where.NBGRADER))
    return "comment" if cell.kind is CellKind.CODE else "heading"


def _lines(cell: Cell) -> int:
    return cell.source.count("\n") + 1


# ------------------------------------------------------------------ the submission's style


@dataclass(frozen=True, slots=True)
class _Style:
    """How this submission writes its labels, as far as that decides what a form means."""

    letters: bool
    """Letters are used at all: then a number alone can be a problem."""
    headings: bool
    """Headings name the tasks: then a letter in a comment may as well count what the code does."""
    pairs: bool
    """Tasks are written 1.1, 1.2, …"""
    steps: frozenset[Form]
    """Forms whose numbers run past the sheet's problems: they count steps."""
    problems: frozenset[int]
    """Problems named by number somewhere."""

    @staticmethod
    def of(places: Sequence[Place], sheet: Sheet) -> _Style:
        marks = [(place.where, place.mark) for place in places if place.mark is not None]
        standing = [mark for where, mark in marks if where is not Where.TEXT]
        lettered = [m for m in standing if m.form in (Form.FULL, Form.PART) and _exists(m.targets, sheet)]
        pairs = [
            (m.targets[0][0] or 0, m.second or 0)
            for m in standing
            if m.form is Form.PAIR and len(sheet.letters.get(m.targets[0][0] or 0, "")) >= (m.second or 99)
        ]
        beyond = max(sheet.letters) + 1
        numbered = [(m.form, m.targets[0][0]) for m in standing if m.form in (Form.NUMBER, Form.PROBLEM)]
        return _Style(
            letters=sum(m.form in (Form.FULL, Form.PART, Form.SOFT) for _, m in marks) >= 2
            or sum(m.form is Form.BARE and _exists(m.targets, sheet) for m in standing)
            >= (2 if any(w is Where.HEADING and m.form is Form.NUMBER and not m.rest for w, m in marks) else 3),
            headings=sum(
                where is Where.HEADING and m.form in (Form.FULL, Form.PART) and _exists(m.targets, sheet)
                for where, m in marks
            )
            >= 3,
            pairs=not lettered and len(set(pairs)) >= 3 and pairs[0][1] == 1 and pairs == sorted(pairs),
            steps=frozenset(form for form, number in numbered if number == beyond),
            problems=frozenset(
                problem
                for m in standing
                if m.form in (Form.FULL, Form.PROBLEM, Form.NUMBER)
                for problem, _ in m.targets
                if problem is not None
            ),
        )


def _exists(targets: Sequence[Target], sheet: Sheet) -> bool:
    """Whether every target is a task of the sheet, or of some problem where it does not say which."""
    return all(
        sheet.has(problem, letter) if problem is not None else any(sheet.has(p, letter) for p in sheet.letters)
        for problem, letter in targets
    )


# ------------------------------------------------------------------ one cell


def _labels(cell: Cell, places: Sequence[Place], style: _Style, sheet: Sheet, next_heading: str) -> list[Event]:
    """The possible labels of a cell with their worth."""
    numerals = bool(_NUMERALS.search(cell.source))
    named = False
    found = []
    for place in places:
        reading = _read(place, style, sheet)
        if reading is None:
            continue
        targets, worth = reading
        letter = targets[0][1]
        if not _exists(targets, sheet) or (numerals and letter in ("i", "v") and targets[0][0] is None):
            continue
        loose = targets[0][0] is None and place.where in _ENUMERATION
        doubt = 0.0
        if loose and (named or (style.headings and place.where is Where.COMMENT)):
            worth = min(worth, _ENUMERATION[place.where])
            doubt = 2.0 if place.where is Where.TEXT and letter == next_heading else 0.0
        named = named or (letter is not None and not loose)
        found.append(Event(What.LABEL, cell.index, place.line, targets, worth, doubt))
    return found


def _read(place: Place, style: _Style, sheet: Sheet) -> tuple[tuple[Target, ...], float] | None:
    """What a place names, and its worth."""
    mark = place.mark
    if mark is None:
        return _titled(place.text, style, sheet)
    mark = _with_problem(mark, sheet)
    if mark.form in style.steps:
        return None
    if place.where in (Where.TAG, Where.NBGRADER):
        return mark.targets, _ON_THE_CELL
    if mark.form is Form.PAIR:
        if not style.pairs:
            return None
        letters = sheet.letters.get(mark.targets[0][0] or 0, "")
        if not 0 < (mark.second or 0) <= len(letters):
            return None
        mark = replace(mark, targets=((mark.targets[0][0], letters[(mark.second or 0) - 1]),))
    if mark.form is Form.NUMBER:
        return _numbered(place, mark, style, sheet)
    first = mark.rest.split(" ", 1)[0].lower().strip(".,:")
    if not mark.closed and mark.targets[0][1] == "d" and first in words.DIMENSIONAL:
        return None
    if (
        mark.form is Form.PROBLEM
        and not style.letters
        and label_grammar.title_of(mark.rest) not in (None, mark.targets[0][0])
    ):
        return _titled(mark.rest, style, sheet)  # the student's own numbers
    if mark.form is Form.SOFT and _is_name(place.text, mark):
        return mark.targets, _INITIAL
    worth = (_WORTH if mark.closed else _RUNNING_ON).get(mark.form, {}).get(place.where)
    return (mark.targets, worth) if worth else None


def _with_problem(mark: Mark, sheet: Sheet) -> Mark:
    """Resolve what 'bonus' and a sheet's number stand for: 'Bonus b)', '10.1'."""
    highest = max(sheet.letters)
    number = mark.targets[0][0]
    if mark.form is Form.PAIR and number not in sheet.letters and mark.second in sheet.letters:
        return replace(mark, form=Form.PROBLEM, targets=((mark.second, None),))
    if not mark.bonus:
        return mark
    if (
        mark.form is Form.PROBLEM
        and number is not None
        and 0 < number <= len(sheet.letters[highest])
        and number != highest
    ):
        return replace(mark, form=Form.FULL, targets=((highest, sheet.letters[highest][number - 1]),))
    return replace(mark, targets=tuple((highest if p is None else p, letter) for p, letter in mark.targets))


def _numbered(place: Place, mark: Mark, style: _Style, sheet: Sheet) -> tuple[tuple[Target, ...], float] | None:
    """A number alone is a problem where its title says so, or letters and punctuation make it likely."""
    title = label_grammar.title_of(mark.rest)
    if title is not None and title == mark.targets[0][0]:
        return mark.targets, _NUMBERED_TITLE.get(place.where, _TITLE)
    if title is not None:
        return _titled(mark.rest, style, sheet) if place.where is Where.HEADING else None
    alone = not mark.rest.strip(".:)-")
    if style.letters and (alone or (mark.closed and place.where is Where.HEADING)):
        worth = _WORTH[Form.NUMBER].get(place.where)
        return (mark.targets, worth) if worth else None
    return None


def _titled(text: str, style: _Style, sheet: Sheet) -> tuple[tuple[Target, ...], float] | None:
    """A heading that holds a problem's title and no label; only where that problem is never named by number."""
    title = label_grammar.title_of(text) if len(text) <= _LONGEST_TITLE else None
    if title is None or title in style.problems or title not in sheet.letters:
        return None
    return ((title, None),), _TITLE


def _is_name(text: str, mark: Mark) -> bool:
    """'A. Meier': an initial, not a label."""
    following = mark.rest.strip(". ").split()
    return (
        label_grammar.plain(text)[:1].isupper() and 0 < len(following) <= 2 and all(w[:1].isupper() for w in following)
    )


# ------------------------------------------------------------------ functions and lists


def _in_scopes(cell: Cell, labels: Sequence[Event]) -> list[Event]:
    """The events of a cell, those inside a function between its beginning and its end."""
    if cell.kind is not CellKind.CODE or not labels:
        return list(labels)
    result: list[Event] = []
    waiting = list(labels)
    for scope in label_candidates.scopes(cell.source):
        while waiting and waiting[0].line < scope.first:
            result.append(waiting.pop(0))
        inside = [event for event in waiting if event.line <= scope.last]
        if inside:
            waiting = waiting[len(inside) :]
            enter = Event(What.ENTER, cell.index, scope.first)
            result += [enter, *inside, Event(What.LEAVE, cell.index, scope.last + 1)]
    return result + waiting


def _is_list(labels: Sequence[Event], later: Event | None) -> bool:
    """Whether a text cell lists tasks (the sheet's text, a table of contents) rather than opening the last of them.

    It does when the next label goes back to one of them, or when it runs through four or more from the first.
    """
    named = [(problem, letter) for event in labels for problem, letter in event.reads if letter and event.worth >= 1]
    if len(named) < 2:
        return False
    letters = "".join(letter for _, letter in named if letter)
    if any(letters.startswith("abcd", at) for at in range(len(letters))):
        return True
    if later is None or later.reads[0][1] is None:
        return False
    problem, letter = later.reads[0]
    if problem is None and len(named) < 3:
        return False
    return any(letter == m and (p is None or problem is None or p == problem) for p, m in named[:-1])
