"""What outcomes, statuses and faults are called on the pages, and how numbers are written there."""

from __future__ import annotations

import math
from dataclasses import dataclass

from grader.records import FaultKind, Outcome, Status


@dataclass(frozen=True, slots=True)
class Word:
    """A state as people read it: `slug` names its icon and its colour, `word` says it."""

    slug: str
    word: str
    meaning: str


_OUTCOMES = {
    Outcome.PASSED: ("Passed", "full points"),
    Outcome.PARTIAL: ("Partly right", "some of the points; the message says which part is missing"),
    Outcome.FAILED: ("Not right", "attempted, and not what is asked for"),
    Outcome.MISSING: ("Missing", "nothing was found that attempts it"),
    Outcome.BLOCKED: ("Not reached", "the notebook stopped before it"),
    Outcome.NEEDS_REVIEW: ("For a person", "a person decides; until then it counts as pending"),
    Outcome.ERRORED: ("Grader’s fault", "the grader failed here; it never costs points"),
}

_STATUSES = {
    Status.GRADED: ("Graded", "The notebook ran to its end."),
    Status.FAULTED: ("Cut short", "Something ended or disturbed the run; what was earned stays."),
    Status.EMPTY: ("Empty", "Nothing was attempted."),
    Status.UNREADABLE: ("Unreadable", "No notebook could be read from what was handed in."),
}

_FAULTS = {
    FaultKind.TIMEOUT: (
        "Out of time",
        "The whole notebook took longer than its limit. Look for a loop that trains too often.",
    ),
    FaultKind.CELL_TIMEOUT: (
        "A cell took too long",
        "The cell was stopped at its time limit; the cells after it still ran.",
    ),
    FaultKind.MEMORY: (
        "Out of memory",
        "The notebook wanted more memory than its limit and was ended. Look for large copies.",
    ),
    FaultKind.DISK: ("Disk full", "The notebook wrote more to disk than its limit."),
    FaultKind.OUTPUT_FLOOD: ("Too much output", "The output was cut at its limit. Print less inside loops."),
    FaultKind.KERNEL_DIED: (
        "The kernel died",
        "Python itself ended in this cell, so nothing after it ran. Written answers still count.",
    ),
    FaultKind.CELL_ERROR: ("A cell raised an exception", "The cell stopped there; the cells after it still ran."),
    FaultKind.INPUT_REQUESTED: (
        "Waited for input",
        "Nobody is there to answer input() while grading. Use a variable instead.",
    ),
    FaultKind.MISSING_FILE: (
        "A file is missing",
        "Hand in the files that your notebook reads, beside it, by relative path.",
    ),
    FaultKind.MISSING_MODULE: (
        "A package is not here",
        "That is no fault of yours: what needs it is left out, or a person looks at it.",
    ),
    FaultKind.MISSING_DEVICE: ("No GPU or TPU", "That is no fault of yours: a person looks at what needs it."),
    FaultKind.MISSING_MAGIC: ("A magic is not here", "That is no fault of yours: a person looks at what needs it."),
    FaultKind.NETWORK_BLOCKED: ("No network", "Notebooks run without internet. The data set is there without it."),
    FaultKind.UNREADABLE: (
        "The file cannot be read",
        "Open it in Jupyter, save it again, and check that it is complete.",
    ),
    FaultKind.TAMPERED: (
        "The recording was disturbed",
        "What the run recorded contradicts itself; a person will look at it.",
    ),
}

OUTCOMES = {outcome: Word(outcome.value, *texts) for outcome, texts in _OUTCOMES.items()}
STATUSES = {status: Word(status.value, *texts) for status, texts in _STATUSES.items()}
FAULTS = {kind: Word(kind.value, *texts) for kind, texts in _FAULTS.items()}


def points(value: float) -> str:
    """At most two decimals, no trailing zeros, a real minus sign: 71.5, 100, 1.33."""
    return number(round(value, 2))


def some_points(value: float) -> str:
    """`points`; '' for none."""
    return points(value) if value else ""


def number(value: float) -> str:
    """A number as short as it reads exactly enough (6 digits): 4, −4, 0.005."""
    if not math.isfinite(value):
        return "∞" if value == math.inf else "−∞" if value == -math.inf else "not a number"
    return f"{value + 0.0:.6g}".replace("-", "−")


def accuracy(value: float | None) -> str:
    """A share in 0…1 with four decimals; '–' for none."""
    return "–" if value is None or not math.isfinite(value) else f"{value:.4f}"


def seconds(value: float) -> str:
    """4.2 s, 75 s as '1 min 15 s'."""
    if value < 60:
        return f"{value:.1f} s" if value < 10 else f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if rest else f"{minutes} min"


def counted(count: int, singular: str, form: str = "") -> str:
    """'1 file', '3 files'; with the number format ',' '20,000 files'."""
    return f"{count:{form}} {singular}" if count == 1 else f"{count:{form}} {singular}s"
