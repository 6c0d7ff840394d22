"""The room that student code runs in, at the strongest level that this machine offers and the user accepts.

A level turns "run these arguments with this environment" into what is really started. Everything else (which
kernel, which limits, what is recorded) is the same for all levels.
"""

from __future__ import annotations

from grader.errors import SandboxError
from grader.sandbox.plain import Plain
from grader.sandbox.room import Launch, Room, Sandbox

__all__ = ["LEVELS", "Launch", "Room", "Sandbox", "open_sandbox"]

LEVELS: dict[str, type[Sandbox]] = {"none": Plain}
"""Name of a level (as given to `--sandbox`) → what it does; strongest first."""


def open_sandbox(name: str) -> Sandbox:
    """The level `name`; 'auto' takes the strongest. Raises `SandboxError` for one that is not to be had."""
    if name == "auto":
        return next(iter(LEVELS.values()))()
    if name not in LEVELS:
        raise SandboxError(f"The sandbox '{name}' is not available here; there is: {', '.join(LEVELS)}.")
    return LEVELS[name]()
