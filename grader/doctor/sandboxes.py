"""The sandbox levels, tried live, and who grades."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

from grader import sandbox
from grader.doctor.finding import Finding, State
from grader.errors import SandboxError

_LEVELS = list(sandbox.LEVELS)
"""Names of the levels, the strongest first."""


def checks() -> dict[str, Callable[[], Finding]]:
    """Name of a check → the check: of each level, then of what `--sandbox auto` makes of them."""
    return {f"sandbox.{name}": functools.partial(level, name) for name in _LEVELS} | {"sandbox": chosen}


def in_force() -> str | None:
    """What `--sandbox auto` takes; levels are tried once, however often one asks."""
    try:
        return sandbox.choose("auto").name
    except (OSError, SandboxError):
        return None


def level(name: str) -> Finding:
    """A level, tried live with its real options; 'none' holds nothing, so there is nothing to try."""
    if name == "none":
        if credentials := _credentials():
            return State.INFO, f"Refused on a CI runner that holds credentials ({credentials}).", ""
        return State.INFO, f"Never taken unless asked for. {sandbox.warning(name)}", ""
    if not (why := sandbox.failure(name)):
        return State.OK, f"Holds, tried from the inside. {sandbox.warning(name)}".rstrip(), ""
    taken = in_force()
    not_needed = taken is not None and _LEVELS.index(taken) < _LEVELS.index(name)
    return State.INFO if not_needed else State.WARNING, why, sandbox.sandbox_level(name).fix


def chosen() -> Finding:
    """The level that `--sandbox auto` takes; a problem where none holds."""
    strongest, taken = _LEVELS[0], in_force()
    if taken is None:
        return (
            State.PROBLEM,
            "No level holds here: student code would run unprotected.",
            f"Mend `sandbox.{strongest}`, or grade with `--sandbox none` on a machine that holds nothing to lose.",
        )
    if sandbox.warning(taken):
        return State.WARNING, f"`--sandbox auto` takes '{taken}', not the strongest.", f"Mend `sandbox.{strongest}`."
    return State.OK, f"`--sandbox auto` takes '{taken}', which leaves nothing open that is known.", ""


def user() -> Finding:
    """Root or not, and the credentials of a CI job; both are fine, but root's student code gets another user id."""
    who = "An ordinary user" if os.geteuid() else "Root; in a sandbox, student code gets a user id of its own"
    if credentials := _credentials():
        found = f"{who}. This CI job holds credentials ({credentials})."
        return State.WARNING, found, "Give the job that grades none of them."
    return State.OK, f"{who}.", ""


def _credentials() -> str:
    """Names of the first few; '' where there are none."""
    return ", ".join(sandbox.credentials()[:3])
