"""A finding, and the facts of the machine that several checks read."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.rubric.schema import Limits

MIB, GIB = 1 << 20, 1 << 30


class State(StrEnum):
    """What a finding means for grading, the best first."""

    OK = "ok"
    INFO = "info"
    """Worth knowing; grading does not need it."""
    WARNING = "warning"
    """Grading works, but not as well as it could."""
    PROBLEM = "problem"
    """Grading does not work."""


Finding = tuple[State, str, str]
"""State, what was found and how to mend it, a sentence each; nothing to mend is ''."""


def jobs() -> int:
    """Notebooks that run at once where `--jobs` is not given: one per core that this process may use."""
    return len(os.sched_getaffinity(0))


def limits() -> Limits:
    """What a notebook may use unless its rubric says otherwise."""
    from grader.rubric.schema import Limits  # needs pydantic, which may be missing: then the check that asks says so

    return Limits()


def gib(size: float) -> str:
    """A number of bytes, for people."""
    return f"{size / GIB:.1f} GiB"
