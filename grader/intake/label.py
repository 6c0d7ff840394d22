"""Stage 5: which lines answer which task.

`label_candidates` finds where a label may stand, `label_grammar` reads it, `label_scoring` says what it is worth there, `label_sequence`
decides which ones are meant, and this module spreads them over the lines that follow: a label holds until
the next one, in the cells after it too, except that one inside a function ends with the function.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from grader.intake.label_scoring import events_of
from grader.intake.label_sequence import Event, Sheet, What, decide
from grader.records import Cell, Labels, Span, Submission


class _Held(NamedTuple):
    """The label that holds at a line."""

    tasks: tuple[str, ...] = ()
    source: str = ""
    cell: int = -1


def label(submission: Submission, task_ids: Sequence[str]) -> Labels:
    """Spans of lines with the task that each belongs to; lines without one have no span.

    A line that names several tasks ('1a-c', 'e/f') has a span for each. Where only the problem is known, the
    task is its number. Pure; never raises, whatever the cells hold.
    """
    sheet = Sheet.of(task_ids)
    if not sheet.letters:
        return Labels()
    events, sources = events_of(submission.cells, sheet)
    decided = decide(events, sheet)
    by_cell: dict[int, list[tuple[Event, _Held | None]]] = {}
    for index, event in enumerate(events):
        tasks = decided.get(index)
        if tasks is not None or event.what not in (What.LABEL, What.CELL):
            held = _Held(tasks, sources[index], event.cell) if tasks is not None else None
            by_cell.setdefault(event.cell, []).append((event, held))
    return Labels(tuple(_spread(submission.cells, by_cell)))


def _spread(cells: Sequence[Cell], events: dict[int, list[tuple[Event, _Held | None]]]) -> Iterator[Span]:
    held, outer = _Held(), _Held()
    for cell in cells:
        line, last = 1, cell.source.count("\n") + 1
        for event, accepted in events.get(cell.index, ()):
            yield from _spans(held, cell.index, line, min(event.line - 1, last))
            line = max(line, event.line)
            if accepted is not None:
                held = accepted
            elif event.what is What.ENTER:
                outer = held
            elif event.what is What.LEAVE:
                held = outer
            else:
                problems = {task.rstrip("abcdefghijklmnopqrstuvwxyz") for task in held.tasks}
                held = _Held(tuple(problems), held.source, held.cell) if event.keeps_problem else _Held()
        yield from _spans(held, cell.index, line, last)


def _spans(held: _Held, cell: int, first: int, last: int) -> Iterator[Span]:
    if first <= last:
        for task in held.tasks:
            yield Span(cell, first, last, task, held.source if held.cell == cell else "inherited")
