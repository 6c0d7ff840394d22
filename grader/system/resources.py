"""Where the files that ship with the grader are: `reference/` and `rubrics/`."""

from __future__ import annotations

from pathlib import Path


def resource_root() -> Path:
    """The folder that contains them: inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    bundled = package / "_bundled"
    return bundled if bundled.is_dir() else package.parent
