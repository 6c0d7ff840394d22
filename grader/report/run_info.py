"""What produced a report."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from grader import __version__
from grader.sandbox import warning

if TYPE_CHECKING:
    from grader.rubric.load import LoadedRubric


@dataclass(frozen=True, slots=True)
class RunInfo:
    version: str
    """Of the grader."""
    sandbox: str
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
        return cls(
            version=__version__,
            sandbox=sandbox,
            warning=warning(sandbox),
            fits=fits,
            rubric_id=loaded.rubric.id,
            rubric_version=loaded.rubric.version,
            rubric_sha256=loaded.sha256,
            timestamp=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
