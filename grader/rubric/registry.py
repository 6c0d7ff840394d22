"""The names that a rubric's `check:` may say. `grader.marking.checks` fills it; a rubric is held against it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from grader.records import Verdict

if TYPE_CHECKING:
    from grader.rubric.schema import Criterion

    Check = Callable[[Any, Criterion], Verdict]

REGISTRY: dict[str, Check] = {}
"""Check name, as in a rubric's `check:`, → function."""


def check(name: str) -> Callable[[Check], Check]:
    """Register a function as the check `name`."""

    def register(function: Check) -> Check:
        assert name not in REGISTRY, name
        REGISTRY[name] = function
        return function

    return register
