"""The sandbox levels, tried live, and who grades."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable

from grader.doctor.finding import Finding, State
from grader.errors import SandboxError


def checks() -> dict[str, Callable[[], Finding]]:
    try:
        from grader.sandbox import LEVELS
    except ImportError:
        return {"sandbox": sandbox}
    return {f"sandbox.{name}": functools.partial(level, name) for name in LEVELS} | {"sandbox": sandbox}


def in_force() -> str | None:
    """What `--sandbox auto` takes; levels are tried once, however often one asks."""
    try:
        from grader.sandbox import choose

        return choose("auto").name
    except (ImportError, OSError, SandboxError):
        return None


def level(name: str) -> Finding:
    """A level, tried live with its real options; 'none' holds nothing, so there is nothing to try."""
    from grader.sandbox import LEVELS, credentials, failure, sandbox_level, warning

    if name == "none":
        if found := credentials():
            return State.INFO, f"Refused on a CI runner that holds credentials ({', '.join(found[:3])}).", ""
        return State.INFO, f"Never taken unless asked for. {warning(name)}", ""
    if not (why := failure(name)):
        return State.OK, f"Holds, tried from the inside. {warning(name)}".rstrip(), ""
    order, taken = list(LEVELS), in_force()
    not_needed = taken is not None and order.index(taken) < order.index(name)
    return State.INFO if not_needed else State.WARNING, why, sandbox_level(name).fix


def sandbox() -> Finding:
    from grader.sandbox import LEVELS, warning

    strongest, taken = next(iter(LEVELS)), in_force()
    if taken is None:
        return (
            State.PROBLEM,
            "No level holds here: student code would run unprotected.",
            f"Mend `sandbox.{strongest}`, or grade with `--sandbox none` on a machine that holds nothing to lose.",
        )
    if warning(taken):
        return State.WARNING, f"`--sandbox auto` takes '{taken}', not the strongest.", f"Mend `sandbox.{strongest}`."
    return State.OK, f"`--sandbox auto` takes '{taken}', which leaves nothing open that is known.", ""


def user() -> Finding:
    from grader.sandbox import credentials

    who = "root; in a sandbox, student code gets a user id of its own" if not os.geteuid() else "an ordinary user"
    if found := credentials():
        return (
            State.WARNING,
            f"{who.capitalize()}. This CI job holds credentials ({', '.join(found[:3])}).",
            "Give the job that grades none of them.",
        )
    return State.OK, f"{who.capitalize()}.", ""
