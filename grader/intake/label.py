"""Stage 5: which lines answer which task.

- `label_candidates` finds where a label may stand; `label_grammar` reads what is written there.
- `label_scoring` says what each candidate costs to ignore, in the style of this submission.
- `label_sequence` finds the cheapest sequence: which candidates are meant.

This module spreads them over the lines that follow: a label holds until the next one, in the cells after it too,
except that one inside a function ends with the function.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_lowercase
from typing import NamedTuple

from grader.intake.label_scoring import scored_events
from grader.intake.label_sequence import Event, EventKind, Sheet, cheapest_reading
from grader.records import Cell, Labels, Span, Submission


class _Label(NamedTuple):
    """The label that holds at a line."""

    tasks: tuple[str, ...] = ()
    source: str = ""
    cell: int = -1


def label(submission: Submission, task_ids: Sequence[str]) -> Labels:
    """Spans of lines with the task that each belongs to; lines without one have no span.

    Task ids are a problem's number and at most one letter: '1a', '3'. A line that names several tasks ('1a-c',
    'e/f') has a span for each. Where only the problem is known, the task is its number. Pure; never raises,
    whatever the cells hold.
    """
    sheet = Sheet.of(task_ids)
    if not sheet.letters:
        return Labels()
    events = scored_events(submission.cells, sheet)
    accepted = cheapest_reading(events, sheet)
    by_cell: dict[int, list[tuple[Event, _Label | None]]] = {}
    for index, event in enumerate(events):
        if index in accepted:
            by_cell.setdefault(event.cell, []).append((event, _Label(accepted[index], event.source, event.cell)))
        elif event.kind not in (EventKind.CANDIDATE, EventKind.CELL):
            by_cell.setdefault(event.cell, []).append((event, None))
    return Labels(tuple(_spread(submission.cells, by_cell)))


def _spread(cells: Sequence[Cell], events: dict[int, list[tuple[Event, _Label | None]]]) -> Iterator[Span]:
    current, outside = _Label(), _Label()
    for cell in cells:
        line, last = 1, cell.source.count("\n") + 1
        for event, accepted in events.get(cell.index, ()):
            yield from _spans(current, cell.index, line, min(event.line - 1, last))
            line = max(line, event.line)
            if accepted is not None:
                current = accepted
            elif event.kind is EventKind.ENTER:
                outside = current
            elif event.kind is EventKind.LEAVE:
                current = outside
            else:
                problems = {task.rstrip(ascii_lowercase) for task in current.tasks}
                current = current._replace(tasks=tuple(problems)) if event.keeps_problem else _Label()
        yield from _spans(current, cell.index, line, last)


def _spans(current: _Label, cell: int, first: int, last: int) -> Iterator[Span]:
    if first <= last:
        for task in current.tasks:
            yield Span(cell, first, last, task, current.source if current.cell == cell else "inherited")
