"""Where the files that ship with the grader are: `reference/` and `rubrics/`."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def resource_root() -> Path:
    """Return the folder that contains `reference/` and `rubrics/`.

    In a wheel they are bundled inside the package; in a checkout they stand beside it.
    """
    bundled = _PACKAGE / "_bundled"
    return bundled if bundled.is_dir() else _PACKAGE.parent
