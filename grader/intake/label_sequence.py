"""Which possible labels are meant: the cheapest reading of the whole submission.

Students go through the sheet mostly in order. So ignoring a possible label costs what its form and place
are worth, accepting it costs what the step from the label before it is unlikely, and dynamic programming
(Viterbi) finds the reading that costs least. That decides whether 'a)' opens the next problem or lists a
reason, whether '(i)' is a letter or a numeral, and whether '2.' is a problem or a list item.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple


class What(enum.Enum):
    LABEL = "a possible label"
    CELL = "a new cell begins"
    ENTER = "a function begins"
    LEAVE = "it ends, and with it the labels inside"
    LIST_END = "a list of all tasks ends, which labels nothing after it"


@dataclass(frozen=True, slots=True)
class Event:
    """What happens at a line; `reads` and `worth` are a label's."""

    what: What
    cell: int
    line: int
    reads: tuple[tuple[int | None, str | None], ...] = ()
    """(problem, letter) of each task that it names; problem None: the one at hand."""
    worth: float = 0.0
    """The cost of ignoring it."""
    doubt: float = 0.0
    """The cost of accepting it."""
    keeps_problem: bool = False
    """LIST_END: all tasks of the list belong to one problem, which stays known."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The tasks that exist."""

    letters: dict[int, str]
    """Problem → its letters in order: {1: 'abcdefghij', 2: 'ab'}; '' for a problem without parts."""

    @staticmethod
    def of(task_ids: Sequence[str]) -> Sheet:
        letters: dict[int, str] = {}
        for task in task_ids:
            number, letter = task.rstrip("abcdefghijklmnopqrstuvwxyz"), task.lstrip("0123456789")
            if number.isascii() and number.isdigit() and len(letter) <= 1:
                letters[int(number)] = letters.get(int(number), "") + letter
        return Sheet(dict(sorted(letters.items())))

    def has(self, problem: int, letter: str | None) -> bool:
        return problem in self.letters and (letter is None or letter in self.letters[problem])


class _State(NamedTuple):
    problem: int | None = None
    letter: str | None = None
    listed: str | None = None
    """Letter of the last ignored label in this cell: an enumeration may be going on."""
    outer: tuple[int | None, str | None] | None = None
    """What held before the function that we are in."""


class _Step(NamedTuple):
    state: _State
    cost: float
    tasks: tuple[str, ...] | None


def decide(events: Sequence[Event], sheet: Sheet) -> dict[int, tuple[str, ...]]:
    """The accepted labels: index of the event → the tasks that it names (ids, or whole problems such as '1')."""
    declared_after = _declared_after(events)
    best: dict[_State, float] = {_State(): 0.0}
    back: list[dict[_State, tuple[_State, tuple[str, ...] | None]]] = []
    for event, declared in zip(events, declared_after, strict=True):
        reached: dict[_State, float] = {}
        came: dict[_State, tuple[_State, tuple[str, ...] | None]] = {}
        for state, so_far in best.items():
            for step in _steps(state, event, sheet, declared):
                cost = so_far + step.cost
                if cost < reached.get(step.state, float("inf")):
                    reached[step.state], came[step.state] = cost, (state, step.tasks)
        best = reached
        back.append(came)
    decided: dict[int, tuple[str, ...]] = {}
    state = min(best, key=lambda s: best[s])
    for index in range(len(events) - 1, -1, -1):
        state, tasks = back[index][state]
        if tasks is not None:
            decided[index] = tasks
    return decided


def _declared_after(events: Sequence[Event]) -> list[frozenset[int]]:
    """For each event the problems whose number is written somewhere after it."""
    seen: frozenset[int] = frozenset()
    result = []
    for event in reversed(events):
        result.append(seen)
        seen |= {problem for problem, _ in event.reads if problem is not None and event.worth >= 2}
    return result[::-1]


def _steps(state: _State, event: Event, sheet: Sheet, declared: frozenset[int]) -> list[_Step]:
    match event.what:
        case What.CELL:
            return [_Step(state._replace(listed=None), 0.0, None)]
        case What.ENTER:
            return [_Step(state._replace(outer=(state.problem, state.letter)), 0.0, None)]
        case What.LEAVE:
            problem, letter = state.outer or (None, None)
            return [_Step(_State(problem, letter), 0.0, None)]
        case What.LIST_END:
            problem = state.problem if event.keeps_problem else None
            return [_Step(_State(problem, None, None, state.outer), 0.0, None)]
        case What.LABEL:
            return [_ignore(state, event), *_accept(state, event, sheet, declared)]


def _ignore(state: _State, event: Event) -> _Step:
    letter = event.reads[0][1]
    goes_on = letter is not None and _follows(state.listed, letter)
    return _Step(state._replace(listed=letter or state.listed), 0.0 if goes_on else event.worth, None)


def _accept(state: _State, event: Event, sheet: Sheet, declared: frozenset[int]) -> list[_Step]:
    written, letter = event.reads[0]
    doubt = event.doubt + (2.0 if letter and _follows(state.listed, letter) else 0.0)
    steps = []
    for problem in sheet.letters if written is None else (written,):
        reads = [(problem if p is None else p, each) for p, each in event.reads]
        if not all(sheet.has(p, each) for p, each in reads):
            continue
        cost = doubt + (
            _written_step(state, problem, letter, sheet)
            if written is not None
            else _silent_step(state, problem, letter or "a", sheet, declared)
        )
        last_problem, last_letter = reads[-1]
        tasks = tuple(dict.fromkeys(f"{p}{each or ''}" for p, each in reads))
        steps.append(_Step(_State(last_problem, last_letter, None, state.outer), cost, tasks))
    return steps


def _written_step(state: _State, problem: int, letter: str | None, sheet: Sheet) -> float:
    """How unlikely a label that says its problem is here."""
    if state.problem is None:
        return 0.2 * list(sheet.letters).index(problem)
    if problem == state.problem:
        if letter is None:
            return 0.0 if state.letter is None else 0.5
        return 0.0 if state.letter is None or letter >= state.letter else 1.0
    if problem > state.problem:
        return 0.3 * (problem - state.problem - 1)
    return 1.0 if letter else 1.5


def _silent_step(state: _State, problem: int, letter: str, sheet: Sheet, declared: frozenset[int]) -> float:
    """How unlikely it is that a letter alone means this problem."""
    order = list(sheet.letters)
    if state.problem is None:
        return 0.5 + 2.0 * order.index(problem) + _gap(None, letter)
    if problem == state.problem:
        if state.letter == letter:
            return 0.2
        if state.letter is None or letter > state.letter:
            return _gap(state.letter, letter)
        # Back: to do it again, unless a new beginning at 'a' rather is an unsaid problem's.
        return 3.6 if letter == sheet.letters[problem][:1] and not any(p > problem for p in declared) else 2.5
    if problem < state.problem:
        return 6.0
    # The next problem begins without saying so: with its first letter, when this one is nearly through.
    left = _gap(state.letter, sheet.letters[state.problem][-1:] or "a")
    unsaid = 6.0 if problem in declared else 0.0
    skipped = 1.5 * (order.index(problem) - order.index(state.problem) - 1)
    return 2.0 + left + unsaid + skipped + (0.0 if letter == sheet.letters[problem][:1] else 3.0)


def _gap(last: str | None, letter: str) -> float:
    """Tasks left out between two letters, at 0.3 each."""
    skipped = ord(letter) - (ord(last) + 1 if last else ord("a"))
    return min(1.5, 0.3 * max(0, skipped))


def _follows(last: str | None, letter: str) -> bool:
    return last is not None and ord(letter) == ord(last) + 1
