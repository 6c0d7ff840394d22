"""The best sequence: which candidates are labels, by the cheapest reading of the whole submission.

Students go through the sheet mostly in order. So ignoring a candidate costs what its form and place are worth,
accepting it costs what the step from the label before it is unlikely, and dynamic programming (Viterbi) finds
the reading that costs least. That decides whether 'a)' opens the next problem or lists a reason, whether '(i)' is
a letter or a numeral, and whether '2.' is a problem or a list item.

All costs, here and in `label_scoring`, share one scale and are chosen by judgement, not fitted to data;
`tests/test_label.py` holds the notebooks that they must read rightly. Only their order and sums matter.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_lowercase, digits
from typing import NamedTuple, TypeAlias

_FIRST_PROBLEM_LATER = 0.2
"""Chosen: for each problem that the first label passes over when it says its number; many hand in a part."""
_PROBLEM_PASSED_OVER = 0.3
"""Chosen: for each problem between two that are written; leaving out is common."""
_PROBLEM_REPEATED = 0.5
"""Chosen: the heading of a problem once more, after letters of it."""
_BACK_TO_LETTER, _BACK_TO_PROBLEM = 1.0, 1.5
"""Chosen: a label that says its problem goes back to a letter, or to a whole problem before."""

_FIRST_WITHOUT_PROBLEM, _FIRST_UNSAID_LATER = 0.5, 2.0
"""Chosen: the first label is a letter alone, and for each problem that it would pass over: it is the first's."""
_SAME_LETTER = 0.2
"""Chosen: the letter once more, as where an answer goes on after a plot."""
_LETTER_BACK = 2.5
"""Chosen: back to an earlier letter of the problem, to do it again."""
_LETTER_BACK_TO_FIRST = 3.6
"""Chosen: to its first letter, where no later problem is written: just above `_UNSAID_PROBLEM` + `_MOST_LEFT_OUT`,
since a new 'a' rather begins the next problem."""
_UNSAID_EARLIER = 6.0
"""Chosen: a letter alone means an earlier problem; next to impossible."""
_UNSAID_PROBLEM, _UNSAID_PASSED_OVER = 2.0, 1.5
"""Chosen: a letter alone begins a later problem, and for each problem passed over."""
_UNSAID_BUT_WRITTEN_LATER = 6.0
"""Chosen: … though that problem's number is still to come; next to impossible."""
_UNSAID_NOT_AT_FIRST = 3.0
"""Chosen: … with another letter than its first."""

_LETTER_LEFT_OUT, _MOST_LEFT_OUT = 0.3, 1.5
"""Chosen: for each letter left out between two, and at most."""
_ENUMERATION_GOES_ON = 2.0
"""Chosen: accepting the letter right after one that was ignored in the same cell: a list may be going on."""
NAMES_FOR_SURE = 2.0
"""Chosen: candidates that cost as much to ignore count as written when others look ahead for them."""

Target: TypeAlias = tuple[int | None, str | None]
"""Problem and letter, either of which may be left out; without a problem it is the one at hand."""


class EventKind(enum.Enum):
    CANDIDATE = "a possible label"
    CELL = "a new cell begins"
    ENTER = "a function begins"
    LEAVE = "it ends, and with it the labels inside"
    LIST_END = "a list of all tasks ends, which labels nothing after it"


@dataclass(frozen=True, slots=True)
class Event:
    """What happens at a line (1-based, in the cell); all from `targets` to `source` is a candidate's."""

    kind: EventKind
    cell: int
    line: int
    targets: tuple[Target, ...] = ()
    ignore_cost: float = 0.0
    accept_cost: float = 0.0
    """To be added to the cost of the step."""
    source: str = ""
    """As `Span.source`."""
    keeps_problem: bool = False
    """LIST_END: all tasks of the list belong to one problem, which stays known."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The tasks that exist."""

    letters: dict[int, str]
    """Problem → its letters in order: {1: 'abcdefghij', 2: 'ab'}; '' for a problem without parts."""

    @staticmethod
    def of(task_ids: Sequence[str]) -> Sheet:
        """The sheet with tasks such as '1a' and '3'; ids of another form are left out."""
        letters: dict[int, str] = {}
        for task in task_ids:
            number, letter = task.rstrip(ascii_lowercase), task.lstrip(digits)
            if number.isascii() and number.isdigit() and len(letter) <= 1:
                letters[int(number)] = letters.get(int(number), "") + letter
        return Sheet(dict(sorted(letters.items())))

    def has(self, problem: int, letter: str | None) -> bool:
        """Whether a task exists; without a letter, whether the problem does."""
        return problem in self.letters and (letter is None or letter in self.letters[problem])


class _State(NamedTuple):
    """What the label before says, and what else the next step depends on."""

    problem: int | None = None
    letter: str | None = None
    ignored_letter: str | None = None
    """Of the last ignored candidate in this cell: an enumeration may be going on."""
    outside: Target | None = None
    """What held before the function that we are in."""


class _Step(NamedTuple):
    state: _State
    cost: float
    tasks: tuple[str, ...] | None
    """Of an accepted candidate."""


_Accepted: TypeAlias = "tuple[int, tuple[str, ...], _Accepted] | None"
"""The accepted candidates of a reading: index and tasks of the last one, then those before it."""


def cheapest_reading(events: Sequence[Event], sheet: Sheet) -> dict[int, tuple[str, ...]]:
    """The accepted candidates: index of the event → the tasks that it names (ids, or whole problems such as '1')."""
    readings: dict[_State, tuple[float, _Accepted]] = {_State(): (0.0, None)}
    for index, (event, written_later) in enumerate(zip(events, _problems_written_later(events), strict=True)):
        reached: dict[_State, tuple[float, _Accepted]] = {}
        for state, (cost_before, accepted) in readings.items():
            for step in _steps(state, event, sheet, written_later):
                cost = cost_before + step.cost
                if step.state not in reached or cost < reached[step.state][0]:
                    chain = accepted if step.tasks is None else (index, step.tasks, accepted)
                    reached[step.state] = (cost, chain)
        readings = reached
    _, accepted = min(readings.values(), key=lambda reading: reading[0])
    tasks_of: dict[int, tuple[str, ...]] = {}
    while accepted is not None:
        index, tasks_of[index], accepted = accepted
    return tasks_of


def _problems_written_later(events: Sequence[Event]) -> list[frozenset[int]]:
    """For each event the problems whose number is written somewhere after it."""
    written: frozenset[int] = frozenset()
    result = []
    for event in reversed(events):
        result.append(written)
        if event.ignore_cost >= NAMES_FOR_SURE:
            written |= {problem for problem, _ in event.targets if problem is not None}
    return result[::-1]


def _steps(state: _State, event: Event, sheet: Sheet, written_later: frozenset[int]) -> list[_Step]:
    match event.kind:
        case EventKind.CANDIDATE:
            return [_ignore(state, event), *_accept(state, event, sheet, written_later)]
        case EventKind.CELL:
            after = state._replace(ignored_letter=None)
        case EventKind.ENTER:
            after = state._replace(outside=(state.problem, state.letter))
        case EventKind.LEAVE:
            after = _State(*(state.outside or (None, None)))
        case EventKind.LIST_END:
            after = _State(state.problem if event.keeps_problem else None, outside=state.outside)
    return [_Step(after, 0.0, None)]


def _ignore(state: _State, event: Event) -> _Step:
    letter = event.targets[0][1]
    after = state._replace(ignored_letter=letter or state.ignored_letter)
    return _Step(after, 0.0 if _follows(state.ignored_letter, letter) else event.ignore_cost, None)


def _accept(state: _State, event: Event, sheet: Sheet, written_later: frozenset[int]) -> list[_Step]:
    """The candidate is a label: of the problem that it says, or of any that has such a task."""
    written, letter = event.targets[0]
    extra = event.accept_cost + (_ENUMERATION_GOES_ON if _follows(state.ignored_letter, letter) else 0.0)
    steps = []
    for problem in sheet.letters if written is None else (written,):
        targets = [(problem if p is None else p, each) for p, each in event.targets]
        if not all(sheet.has(p, each) for p, each in targets):
            continue
        if written is not None:
            cost = extra + _written_problem_cost(state, problem, letter, sheet)
        else:
            cost = extra + _unsaid_problem_cost(state, problem, letter or "a", sheet, written_later)
        tasks = tuple(dict.fromkeys(f"{p}{each or ''}" for p, each in targets))
        steps.append(_Step(_State(*targets[-1], outside=state.outside), cost, tasks))
    return steps


def _written_problem_cost(state: _State, problem: int, letter: str | None, sheet: Sheet) -> float:
    """How unlikely a label that says its problem is here."""
    if state.problem is None:
        return _FIRST_PROBLEM_LATER * list(sheet.letters).index(problem)
    if problem > state.problem:
        return _PROBLEM_PASSED_OVER * (problem - state.problem - 1)
    if problem < state.problem:
        return _BACK_TO_LETTER if letter else _BACK_TO_PROBLEM
    if state.letter is None:
        return 0.0
    if letter is None:
        return _PROBLEM_REPEATED
    return 0.0 if letter >= state.letter else _BACK_TO_LETTER


def _unsaid_problem_cost(
    state: _State, problem: int, letter: str, sheet: Sheet, written_later: frozenset[int]
) -> float:
    """How unlikely it is that a letter alone means this problem."""
    order = list(sheet.letters)
    first_letter = sheet.letters[problem][:1]
    if state.problem is None:
        passed_over = _FIRST_UNSAID_LATER * order.index(problem)
        return _FIRST_WITHOUT_PROBLEM + passed_over + _letters_left_out(None, letter)
    if problem < state.problem:
        return _UNSAID_EARLIER
    if problem == state.problem:
        if state.letter == letter:
            return _SAME_LETTER
        if state.letter is None or letter > state.letter:
            return _letters_left_out(state.letter, letter)
        begins_anew = letter == first_letter and not any(p > problem for p in written_later)
        return _LETTER_BACK_TO_FIRST if begins_anew else _LETTER_BACK
    # A later problem begins without saying so: with its first letter, when this one is nearly through.
    unfinished = _letters_left_out(state.letter, sheet.letters[state.problem][-1:] or "a")
    unsaid = _UNSAID_BUT_WRITTEN_LATER if problem in written_later else 0.0
    passed_over = _UNSAID_PASSED_OVER * (order.index(problem) - order.index(state.problem) - 1)
    at_first = 0.0 if letter == first_letter else _UNSAID_NOT_AT_FIRST
    return _UNSAID_PROBLEM + unfinished + unsaid + passed_over + at_first


def _letters_left_out(last: str | None, letter: str) -> float:
    """The cost of the letters between two."""
    left_out = ord(letter) - (ord(last) + 1 if last else ord("a"))
    return min(_MOST_LEFT_OUT, _LETTER_LEFT_OUT * max(0, left_out))


def _follows(last: str | None, letter: str | None) -> bool:
    return last is not None and letter is not None and ord(letter) == ord(last) + 1
