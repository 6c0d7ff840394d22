"""The checks by the names that a rubric's `check:` may say; the modules beside this one fill it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.marking.checks.case import Case
    from grader.records import Verdict

    Check = Callable[[Case], Verdict]

REGISTRY: dict[str, Check] = {}
"""Name → check; full wherever it is imported, since this package imports all its checks first."""


def check(name: str) -> Callable[[Check], Check]:
    """Register a function as the check `name`."""

    def register(function: Check) -> Check:
        assert name not in REGISTRY, name
        REGISTRY[name] = function
        return function

    return register
