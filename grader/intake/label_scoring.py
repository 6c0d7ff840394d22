"""The candidates' scores: what each one costs to ignore where it stands, in the style of this submission.

Costs are on the scale of `label_sequence`, and chosen like those there.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from grader.intake.label_candidates import ON_THE_CELL, Candidate, Position, candidates, functions
from grader.intake.label_grammar import Form, WrittenLabel, plain, title_of
from grader.intake.label_sequence import NAMES_FOR_SURE, Event, EventKind, Sheet, Target
from grader.intake.label_vocabulary import DIMENSIONAL
from grader.records import Cell, CellKind

_CLOSED_COST: dict[Form, dict[Position, float]] = {
    Form.FULL: {Position.HEADING: 8, Position.COMMENT: 7, Position.TEXT: 6, Position.NAME: 8},
    Form.PROBLEM: {Position.HEADING: 6, Position.COMMENT: 5, Position.TEXT: 4, Position.NAME: 6},
    Form.PART: {Position.HEADING: 6, Position.COMMENT: 4, Position.TEXT: 3, Position.NAME: 4},
    Form.PAIR: {Position.HEADING: 4, Position.COMMENT: 3},
    Form.SOFT: {Position.HEADING: 4, Position.COMMENT: 2.5, Position.TEXT: 2},
    Form.NUMBER: {Position.HEADING: 3, Position.COMMENT: 2},
    Form.BARE: {Position.HEADING: 3, Position.COMMENT: 1},
}
"""Chosen: the firmer the form and the more prominent its position, the dearer to ignore; a form that is not listed
for a position is no label there."""

_RUNNING_ON_COST: dict[Form, dict[Position, float]] = {
    Form.FULL: {Position.HEADING: 6, Position.COMMENT: 3, Position.NAME: 8},
    Form.PROBLEM: {Position.HEADING: 4, Position.COMMENT: 2, Position.NAME: 6},
    Form.PART: {Position.HEADING: 4, Position.COMMENT: 2, Position.NAME: 4},
    Form.PAIR: {Position.HEADING: 4, Position.COMMENT: 2},
}
"""Chosen: the same for one that runs on into a sentence: 'Task 1c build the network'."""

_ON_THE_CELL_COST = 9.0
"""Chosen: above all others, since somebody labelled the cell on purpose."""
_NUMBERED_TITLE_COST = {Position.HEADING: 5.0, Position.COMMENT: 3.0, Position.TEXT: 1.3}
"""Chosen: a number alone, followed by the title of that problem; elsewhere no more than a title."""
_TITLE_COST = 1.2
"""Chosen: a problem's title without its number, a last resort."""
_ENUMERATION_COST = {Position.COMMENT: 2.0, Position.TEXT: 0.8}
"""Chosen: at most, a letter alone in a cell whose task is already named: it may just count reasons."""
_NEXT_HEADING_ACCEPT_COST = 2.0
"""Chosen: such a letter in text, when the next heading names it anyway."""
_INITIAL_COST = 0.4
"""Chosen: 'A. Meier' is hardly a label."""
_NAMED_COST = 1.0
"""Chosen: candidates that cost as much to ignore count when a list of tasks is looked for."""

_USES_LETTERS, _USES_LETTERS_ALONE = 2, 3
"""Chosen: labels with a letter, or lines of a letter alone, from which on letters name tasks in a submission; of
the latter one fewer where a number has a heading to itself."""
_HEADINGS_NAME_TASKS, _TASKS_ARE_PAIRS = 3, 3
"""Chosen: headings with a task's letter, or pairs such as 1.2, from which on they are this submission's way."""

_LONGEST_TITLE = 60
"""Characters of a heading that can be a problem's title; longer ones speak about it."""
_ROMAN_TWO = re.compile(r"^[^\w\n]*+ii[).:]", re.MULTILINE | re.IGNORECASE)

_Score: TypeAlias = tuple[tuple[Target, ...], float]
"""What a candidate names, and the cost of ignoring it."""


def scored_events(cells: Sequence[Cell], sheet: Sheet) -> list[Event]:
    """What `cheapest_reading` decides on: candidates with their costs, cells, functions, lists of tasks."""
    by_cell = [candidates(cell) for cell in cells]
    style = _Style.of([candidate for each in by_cell for candidate in each], sheet)
    scored = [
        _scored(cell, each, style, sheet, heading)
        for cell, each, heading in zip(cells, by_cell, _next_heading_letters(by_cell), strict=True)
    ]
    events: list[Event] = []
    for position, (cell, cell_events) in enumerate(zip(cells, scored, strict=True)):
        events += [Event(EventKind.CELL, cell.index, 1), *_in_functions(cell, cell_events)]
        sure = (event for each in scored[position + 1 :] for event in each if event.ignore_cost >= NAMES_FOR_SURE)
        if cell.kind is not CellKind.CODE and _is_list(cell_events, next(sure, None)):
            problems = {problem for event in cell_events for problem, _ in event.targets} - {None}
            end = cell.source.count("\n") + 2
            events.append(Event(EventKind.LIST_END, cell.index, end, keeps_problem=len(problems) <= 1))
    return events


def _next_heading_letters(by_cell: Sequence[Sequence[Candidate]]) -> list[str]:
    """For each cell the first letter that a heading after it names, '' when none does."""
    following = ""
    result: list[str] = []
    for each in reversed(by_cell):
        result.append(following)
        letters = [c.written.letter for c in each if c.written is not None and c.position is Position.HEADING]
        following = next(filter(None, letters), following)
    return result[::-1]


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
    def of(all_candidates: Sequence[Candidate], sheet: Sheet) -> _Style:
        everywhere = [c.written for c in all_candidates if c.written is not None]
        prominent = [c.written for c in all_candidates if c.written is not None and c.position is not Position.TEXT]
        headings = [c.written for c in all_candidates if c.written is not None and c.position is Position.HEADING]
        letters = sum(w.form in (Form.FULL, Form.PART, Form.SOFT) for w in everywhere)
        letters_alone = sum(w.form is Form.BARE and _exists(w.targets, sheet) for w in prominent)
        numbers_have_headings = any(w.form is Form.NUMBER and not w.rest for w in headings)
        pairs = [
            (w.problem or 0, w.second or 0)
            for w in prominent
            if w.form is Form.PAIR and 0 < (w.second or 0) <= len(sheet.letters.get(w.problem or 0, ""))
        ]
        in_order = bool(pairs) and pairs[0][1] == 1 and pairs == sorted(pairs)
        beyond = max(sheet.letters) + 1
        return _Style(
            letters=letters >= _USES_LETTERS or letters_alone >= _USES_LETTERS_ALONE - numbers_have_headings,
            headings=sum(_names_a_task(w, sheet) for w in headings) >= _HEADINGS_NAME_TASKS,
            pairs=in_order
            and len(set(pairs)) >= _TASKS_ARE_PAIRS
            and not any(_names_a_task(w, sheet) for w in prominent),
            steps=frozenset(w.form for w in prominent if w.form in (Form.NUMBER, Form.PROBLEM) and w.problem == beyond),
            problems=frozenset(
                problem
                for w in prominent
                if w.form in (Form.FULL, Form.PROBLEM, Form.NUMBER)
                for problem, _ in w.targets
                if problem is not None
            ),
        )


def _names_a_task(written: WrittenLabel, sheet: Sheet) -> bool:
    return written.form in (Form.FULL, Form.PART) and _exists(written.targets, sheet)


def _exists(targets: Sequence[Target], sheet: Sheet) -> bool:
    """Whether every target is a task of the sheet, or of some problem where it does not say which."""
    return all(
        any(sheet.has(p, letter) for p in (sheet.letters if problem is None else (problem,)))
        for problem, letter in targets
    )


# ------------------------------------------------------------------ one cell


def _scored(
    cell: Cell, cell_candidates: Sequence[Candidate], style: _Style, sheet: Sheet, next_heading_letter: str
) -> list[Event]:
    """The candidates of a cell that can be labels, with their costs."""
    counts_roman = bool(_ROMAN_TWO.search(cell.source))
    task_named = False
    events = []
    for candidate in cell_candidates:
        score = _score(candidate, style, sheet)
        if score is None or not _exists(score[0], sheet):
            continue
        targets, ignore_cost = score
        problem, letter = targets[0]
        if problem is None and counts_roman and letter in ("i", "v"):
            continue
        accept_cost = 0.0
        may_count = problem is None and candidate.position in _ENUMERATION_COST
        if may_count and (task_named or (style.headings and candidate.position is Position.COMMENT)):
            ignore_cost = min(ignore_cost, _ENUMERATION_COST[candidate.position])
            if candidate.position is Position.TEXT and letter == next_heading_letter:
                accept_cost = _NEXT_HEADING_ACCEPT_COST
        task_named = task_named or (letter is not None and not may_count)
        source = "comment" if cell.kind is CellKind.CODE else "heading"
        if candidate.position in ON_THE_CELL:
            source = candidate.position.value
        events.append(Event(EventKind.CANDIDATE, cell.index, candidate.line, targets, ignore_cost, accept_cost, source))
    return events


def _score(candidate: Candidate, style: _Style, sheet: Sheet) -> _Score | None:
    """What a candidate names, and what it costs to ignore; None for what is no label in this style."""
    if candidate.written is None:
        return _title_score(candidate.text, style, sheet)
    written = _with_problem(candidate.written, sheet)
    if written.form in style.steps:
        return None
    if candidate.position in ON_THE_CELL:
        return written.targets, _ON_THE_CELL_COST
    if written.form is Form.NUMBER:
        return _number_score(candidate, written, style, sheet)
    if written.form is Form.PAIR:
        letters = sheet.letters.get(written.problem or 0, "")
        if not (style.pairs and 0 < (written.second or 0) <= len(letters)):
            return None
        written = replace(written, targets=((written.problem, letters[(written.second or 0) - 1]),))
    first_word = written.rest.split(" ", 1)[0].lower().strip(".,:")
    if not written.closed and written.letter == "d" and first_word in DIMENSIONAL:
        return None
    if written.form is Form.PROBLEM and not style.letters and title_of(written.rest) not in (None, written.problem):
        return _title_score(written.rest, style, sheet)  # the student's own numbers
    if written.form is Form.SOFT and _is_initial(candidate.text, written):
        return written.targets, _INITIAL_COST
    cost = (_CLOSED_COST if written.closed else _RUNNING_ON_COST).get(written.form, {}).get(candidate.position)
    return (written.targets, cost) if cost else None


def _with_problem(written: WrittenLabel, sheet: Sheet) -> WrittenLabel:
    """Resolve what 'bonus' and a sheet's number stand for: 'Bonus b)', '10.1'."""
    highest = max(sheet.letters)
    number = written.problem
    if written.form is Form.PAIR and number not in sheet.letters and written.second in sheet.letters:
        return replace(written, form=Form.PROBLEM, targets=((written.second, None),))
    if not written.bonus:
        return written
    if written.form is Form.PROBLEM and number != highest and 0 < (number or 0) <= len(sheet.letters[highest]):
        letter = sheet.letters[highest][(number or 0) - 1]
        return replace(written, form=Form.FULL, targets=((highest, letter),))
    return replace(written, targets=tuple((highest if p is None else p, letter) for p, letter in written.targets))


def _number_score(candidate: Candidate, written: WrittenLabel, style: _Style, sheet: Sheet) -> _Score | None:
    """A number alone is a problem where its title says so, or letters and punctuation make it likely."""
    title = title_of(written.rest)
    heading = candidate.position is Position.HEADING
    if title is not None and title == written.problem:
        return written.targets, _NUMBERED_TITLE_COST.get(candidate.position, _TITLE_COST)
    if title is not None:
        return _title_score(written.rest, style, sheet) if heading else None
    alone = not written.rest.strip(".:)-")
    if style.letters and (alone or (written.closed and heading)):
        cost = _CLOSED_COST[Form.NUMBER].get(candidate.position)
        return (written.targets, cost) if cost else None
    return None


def _title_score(text: str, style: _Style, sheet: Sheet) -> _Score | None:
    """A heading that holds a problem's title and no label; only where that problem is never named by number."""
    title = title_of(text) if len(text) <= _LONGEST_TITLE else None
    if title is None or title in style.problems or title not in sheet.letters:
        return None
    return ((title, None),), _TITLE_COST


def _is_initial(text: str, written: WrittenLabel) -> bool:
    """'A. Meier': an initial, not a label."""
    following = written.rest.strip(". ").split()
    return plain(text)[:1].isupper() and 0 < len(following) <= 2 and all(w[:1].isupper() for w in following)


# ------------------------------------------------------------------ functions and lists


def _in_functions(cell: Cell, scored: Sequence[Event]) -> list[Event]:
    """The events of a cell, those inside a function between its beginning and its end."""
    if cell.kind is not CellKind.CODE or not scored:
        return list(scored)
    result: list[Event] = []
    waiting = list(scored)
    for first, last in functions(cell.source):
        while waiting and waiting[0].line < first:
            result.append(waiting.pop(0))
        inside = [event for event in waiting if event.line <= last]
        if inside:
            waiting = waiting[len(inside) :]
            enter = Event(EventKind.ENTER, cell.index, first)
            result += [enter, *inside, Event(EventKind.LEAVE, cell.index, last + 1)]
    return result + waiting


def _is_list(scored: Sequence[Event], later: Event | None) -> bool:
    """Whether a text cell lists tasks (the sheet's text, a table of contents) rather than opening the last of them.

    It does when the next label goes back to one of them, or when four letters follow one another.
    """
    named = [(p, m) for event in scored if event.ignore_cost >= _NAMED_COST for p, m in event.targets if m]
    letters = "".join(letter for _, letter in named)
    if "abcd" in letters:
        return True
    if len(named) < 2 or later is None or later.targets[0][1] is None:
        return False
    problem, letter = later.targets[0]
    if problem is None and len(named) < 3:
        return False
    return any(letter == m and (p is None or problem is None or p == problem) for p, m in named[:-1])
