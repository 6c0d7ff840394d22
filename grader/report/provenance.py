"""What produced a report: the grader, its sandbox, the rubric, and when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from grader import __version__
from grader.sandbox import LEVELS, warning

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.rubric.load import LoadedRubric


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What the foot of every page and the head of `results.json` say."""

    version: str
    """Of the grader."""
    sandbox: str
    """The level; what was asked for ('auto') where a cluster ran no student code."""
    warning: str
    """What that leaves open; '' when nothing."""
    fits: str
    rubric_id: str
    rubric_version: str
    rubric_sha256: str
    timestamp: str
    """ISO 8601, UTC, to the second: the only time in a report."""

    @classmethod
    def now(cls, loaded: LoadedRubric, *, sandbox: str, fits: str) -> Self:
        """Of this grader and this moment; `fits` is 'shared' or 'local'."""
        return cls(
            version=__version__,
            sandbox=sandbox,
            warning=warning(sandbox) if sandbox in LEVELS else "",
            fits=fits,
            rubric_id=loaded.rubric.id,
            rubric_version=loaded.rubric.version,
            rubric_sha256=loaded.sha256,
            timestamp=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )

    def in_force(self, levels: Iterable[str]) -> Self:
        """As it was where student code ran: with the weakest of these levels, where there is one.

        Machines of a cluster differ, and so may the runs that a report was made of.
        """
        known = list(LEVELS)
        weakest = max((level for level in levels if level in LEVELS), key=known.index, default="")
        return replace(self, sandbox=weakest, warning=warning(weakest)) if weakest else self
