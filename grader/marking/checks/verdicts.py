"""How checks state what they found: one function for each outcome.

Each takes the criterion, the sentence a student reads, and any further fields of `Verdict` by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grader.records import Outcome, Verdict

if TYPE_CHECKING:
    from grader.rubric.schema import Criterion


def passed(criterion: Criterion, message: str, **facts: Any) -> Verdict:
    return Verdict(criterion.id, Outcome.PASSED, 1.0, message, **facts)


def partial(criterion: Criterion, share: float, message: str, **facts: Any) -> Verdict:
    """`share` of the points is earned, 0 < share < 1."""
    assert 0 < share < 1, share
    return Verdict(criterion.id, Outcome.PARTIAL, share, message, **facts)


def failed(criterion: Criterion, message: str, **facts: Any) -> Verdict:
    return Verdict(criterion.id, Outcome.FAILED, 0.0, message, **facts)


def missing(criterion: Criterion, message: str, **facts: Any) -> Verdict:
    return Verdict(criterion.id, Outcome.MISSING, 0.0, message, **facts)


def blocked(criterion: Criterion, message: str, **facts: Any) -> Verdict:
    return Verdict(criterion.id, Outcome.BLOCKED, 0.0, message, **facts)


def needs_review(criterion: Criterion, message: str, **facts: Any) -> Verdict:
    return Verdict(criterion.id, Outcome.NEEDS_REVIEW, 0.0, message, **facts)
