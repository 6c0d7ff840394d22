"""The room that student code runs in, at the strongest level that holds on this machine.

A level makes a room and starts a program in it (`interface.SandboxLevel`); everything else (which kernel, what is
recorded, what is watched) is the same for all.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable
from dataclasses import dataclass

from grader.errors import SandboxError
from grader.sandbox import selftest
from grader.sandbox.bwrap import Bubblewrap
from grader.sandbox.container import Container
from grader.sandbox.folders import Landlock, Plain
from grader.sandbox.interface import Bounds, Command, Places, Sandbox, SandboxLevel, Zygote
from grader.sandbox.process import SandboxProcess

__all__ = [
    "LEVELS", "Bounds", "Command", "Places", "Sandbox", "SandboxLevel", "SandboxProcess", "Zygote", "choose",
    "credentials", "failure", "sandbox_level", "warning",
]  # fmt: skip

LEVELS: dict[str, Callable[[], SandboxLevel]] = {
    "bwrap": Bubblewrap,
    "container": Container,
    "landlock": Landlock,
    "none": Plain,
}
"""Name of a level (as given to `--sandbox`) → what makes it; strongest first."""
_SECRET = re.compile(r"TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|CREDENTIAL|PRIVATE_KEY", re.IGNORECASE)


def sandbox_level(name: str) -> SandboxLevel:
    """The level `name`. Raises SandboxError where there is none."""
    if name not in LEVELS:
        raise SandboxError(f"There is no sandbox '{name}'; choose from {', '.join(LEVELS)}.")
    return LEVELS[name]()


@functools.cache
def failure(name: str) -> str:
    """Why a level does not hold here, '' where it does; tried once."""
    try:
        selftest.check(sandbox_level(name))
    except SandboxError as problem:
        return str(problem)
    return ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The level that is in force, and what users must know about it."""

    name: str
    warnings: tuple[str, ...] = ()


def choose(name: str) -> Choice:
    """The level to use for `--sandbox NAME`; 'auto' takes the strongest that holds here, never 'none'.

    Raises SandboxError with the reasons and what to do where it is not to be had.
    """
    if name == "none":
        _no_secrets()
        return Choice("none", (warning("none"),))
    wanted = [level for level in LEVELS if level != "none"] if name == "auto" else [name]
    reasons: list[str] = []
    for level in wanted:
        if not (why := failure(level)):
            weaker = [warning(level)] if level != next(iter(LEVELS)) else []
            return Choice(level, (*reasons, *weaker))
        reasons.append(f"{why} {sandbox_level(level).fix}")
    raise SandboxError(
        " ".join(["No sandbox holds here.", *reasons, "`--sandbox none` runs student code unprotected."])
    )


def warning(level: str) -> str:
    """What a level leaves open and what to do about it, '' for one that leaves nothing."""
    gaps = sandbox_level(level).gaps
    if not gaps:
        return ""
    better = level if level == "none" else next(iter(LEVELS))
    return (
        f"Sandbox level '{level}': student code can {', '.join(gaps[:-1])} and {gaps[-1]}. {sandbox_level(better).fix}"
    )


def credentials() -> list[str]:
    """Names of the environment's variables that look like credentials, on a CI runner; elsewhere none."""
    if not os.environ.get("CI"):
        return []
    return sorted(key for key, value in os.environ.items() if value and _SECRET.search(key))


def _no_secrets() -> None:
    """A CI runner with credentials in its environment runs no student code unprotected."""
    if found := credentials():
        raise SandboxError(
            f"`--sandbox none` is refused on a CI runner that holds credentials ({', '.join(found[:3])}): "
            f"student code could read them. {sandbox_level('bwrap').fix}"
        )
