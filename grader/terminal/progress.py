"""What a run shows while it goes: a live table on a terminal, plain lines elsewhere. Always on stderr."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from grader.records import Grade, Status, SubmissionRef
from grader.system.display_text import one_line


@dataclass(slots=True)
class _Running:
    name: str
    since: float
    step: str = "waiting"
    share: float = 0.0


@dataclass(slots=True)
class Display:
    """The `pipeline.Progress` of a terminal: a line per running submission, and the time left for all.

    On a terminal the lines are redrawn in place; elsewhere each finished submission is one plain line.
    The time left is estimated from the mean pace so far of those that really ran.
    """

    console: Console
    jobs: int
    _total: int = 0
    _done: int = 0
    _reused: int = 0
    _started: float = 0.0
    _running: dict[str, _Running] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _live: Live | None = None

    def __enter__(self) -> Self:
        self._started = time.monotonic()
        if self.console.is_terminal:
            self._live = Live(console=self.console, get_renderable=self._table, refresh_per_second=4, transient=True)
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def expect(self, refs: Sequence[SubmissionRef]) -> None:
        """The time left counts from here."""
        with self._lock:
            self._total = len(refs)
            self._started = time.monotonic()

    def doing(self, ref: SubmissionRef, step: str, share: float) -> None:
        with self._lock:
            running = self._running.setdefault(ref.id, _Running(ref.name, time.monotonic()))
            running.step, running.share = step, share

    def finished(self, ref: SubmissionRef, grade: Grade, *, reused: bool) -> None:
        """Says how it went."""
        with self._lock:
            running = self._running.pop(ref.id, None)
            self._done += 1
            self._reused += reused
            seconds = 0.0 if running is None else time.monotonic() - running.since
            position = f"[{self._done}/{self._total}]"
        self.say(f"{position} {_safe(ref.name)}: {summary(grade)}" + (" (stored)" if reused else f" ({seconds:.0f} s)"))

    def say(self, message: str) -> None:
        """A line of its own; what would steer a terminal is taken out."""
        with suppress(OSError):  # a terminal that was closed does not end the run
            self.console.print(Text(one_line(message)), soft_wrap=True)

    def _left(self) -> str:
        """Estimated time left, from the pace of the submissions that ran."""
        with self._lock:
            ran = self._done - self._reused + sum(r.share for r in self._running.values())
            remaining = self._total - self._done - sum(r.share for r in self._running.values())
        if ran < 0.3:
            return "estimating the time left"
        seconds = (time.monotonic() - self._started) / ran * remaining
        return f"about {seconds / 60:.0f} min left" if seconds > 90 else f"about {seconds:.0f} s left"

    def _table(self) -> Table:
        left = self._left()
        table = Table.grid(padding=(0, 2))
        with self._lock:
            for running in self._running.values():
                seconds = time.monotonic() - running.since
                bar = "━" * round(running.share * 12)
                table.add_row(
                    Text(_safe(running.name), "bold"),
                    Text(f"{bar:<12}", "cyan"),
                    Text(_safe(running.step)),
                    Text(f"{seconds:.0f} s", "dim"),
                )
            table.add_row(Text(f"{self._done} of {self._total} done", "bold"), "", Text(left, "dim"), "")
        return table


def summary(grade: Grade) -> str:
    """One line on a grade, for people."""
    if grade.status in {Status.UNREADABLE, Status.EMPTY}:
        return grade.status.value
    text = f"{grade.score:g} of {grade.max_score:g}"
    if grade.pending:
        text += f", {grade.pending:g} to review"
    if grade.status is Status.FAULTED:
        text += ", faulted"
    return text


def _safe(text: str) -> str:
    """Names come from strangers."""
    return one_line(text, 60)
