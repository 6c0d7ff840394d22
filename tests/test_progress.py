"""What a run shows: plain lines elsewhere than on a terminal, a live table with the time left on one."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from grader.records import Grade, Status, SubmissionRef
from grader.terminal.progress import Display, summary


def ref(name: str) -> SubmissionRef:
    return SubmissionRef(name.lower(), name, Path(name), Path())


def grade(status: Status = Status.GRADED, pending: float = 0.0) -> Grade:
    return Grade(ref("Ada"), status, (), (), 71.5, pending, 100.0, 0.0, 0.0, 10.0)


def test_summary_says_what_matters():
    assert summary(grade(pending=18)) == "71.5 of 100, 18 to review"
    assert summary(grade(Status.FAULTED)) == "71.5 of 100, faulted"
    assert summary(grade(Status.UNREADABLE)) == "unreadable"


def test_plain_lines_without_terminal():
    out = io.StringIO()
    with Display(Console(file=out, width=30), jobs=2) as display:
        display.expect([ref("Ada"), ref("Bob")])
        display.doing(ref("Ada"), "cell 1 of 9", 0.1)
        display.finished(ref("Ada"), grade(), reused=False)
        display.finished(ref("Bob"), grade(), reused=True)
    assert out.getvalue().splitlines() == ["[1/2] Ada: 71.5 of 100 (0 s)", "[2/2] Bob: 71.5 of 100 (stored)"]


def test_names_cannot_move_the_cursor_or_turn_the_text_round():
    out = io.StringIO()
    with Display(Console(file=out, width=80), jobs=1) as display:
        display.expect([ref("\x1b[2J\u202eevil\r\n")])
        display.finished(ref("\x1b[2J\u202eevil\r\n"), grade(), reused=False)
    assert out.getvalue() == "[1/1] ⟨U+202E⟩evil: 71.5 of 100 (0 s)\n"


def test_live_table_has_a_line_per_running_submission_and_the_time_left(monkeypatch):
    clock = iter(range(0, 100_000, 10))
    monkeypatch.setattr("grader.terminal.progress.time.monotonic", lambda: float(next(clock)))
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100, color_system=None)
    display = Display(console, jobs=2)
    display.expect([ref("Ada"), ref("Bob"), ref("Eve")])
    assert "estimating" in render(display, console)
    display.doing(ref("Ada"), "cell 3 of 9", 0.5)
    display.doing(ref("Bob"), "verifying", 1.0)
    text = render(display, console)
    assert "Ada" in text
    assert "cell 3 of 9" in text
    assert "verifying" in text
    assert "0 of 3 done" in text
    assert "left" in text


def render(display: Display, console: Console) -> str:
    with console.capture() as captured:
        console.print(display._table())
    return captured.get()
