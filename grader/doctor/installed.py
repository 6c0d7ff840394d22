"""Python, packages and programs."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib import metadata
from typing import Any

from grader.doctor.finding import Finding, State
from grader.system.memory import read

PYTHON = (3, 11)
_DISTRIBUTION = "grade-notebooks"


def python() -> Finding:
    asked = ".".join(map(str, PYTHON))
    found = f"Python {platform.python_version()}; {asked} or newer is asked for."
    if tuple(map(int, platform.python_version_tuple()[:2])) < PYTHON:
        return State.PROBLEM, found, f"Install Python {asked} or newer, and grade with it."
    return State.OK, found, ""


def packages() -> Finding:
    if (asked := _asked_for()) is None:
        return (
            State.WARNING,
            "grade itself is not installed here, so what it asks for is not known.",
            "Run `pip install .` in its folder.",
        )
    if wrong := _unmet(asked):
        return State.PROBLEM, f"{'; '.join(wrong.values())}.", f"Run `pip install {_quoted(wrong)}`."
    return State.OK, f"All {len(asked)} that grade asks for are here, in versions it works with.", ""


def dev_packages() -> Finding:
    asked = _asked_for("dev") or []
    if wrong := _unmet(asked):
        return State.INFO, f"{'; '.join(wrong.values())}.", f"Run `pip install {_quoted(wrong)}`."
    return State.OK, f"{len(asked)} for tests and linting are here.", ""


def _asked_for(extra: str = "") -> list[Any] | None:
    """The requirements of the package, or those that only this extra adds; None where it is not installed."""
    from packaging.requirements import Requirement

    try:
        asked = [Requirement(text) for text in metadata.requires(_DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        return None
    always = [one for one in asked if _applies(one, "")]
    return [one for one in asked if one not in always and _applies(one, extra)] if extra else always


def _applies(requirement: Any, extra: str) -> bool:
    return requirement.marker is None or bool(requirement.marker.evaluate({"extra": extra}))


def _unmet(asked: list[Any]) -> dict[str, str]:
    """Requirement → what is wrong, of those that are not met."""
    wrong: dict[str, str] = {}
    for one in asked:
        wanted = f"{one.name}{one.specifier}"
        try:
            version = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            wrong[wanted] = f"{one.name} is missing"
            continue
        if not one.specifier.contains(version, prereleases=True):
            wrong[wanted] = f"{one.name} is {version}, {one.specifier} is asked for"
    return wrong


def _quoted(requirements: dict[str, str]) -> str:
    return " ".join(f"'{one}'" for one in requirements)


def processor() -> Finding:
    machine = platform.machine()
    if machine not in {"x86_64", "AMD64"}:
        return State.OK, f"{machine}: TensorFlow needs nothing special of it.", ""
    flags = next((line for line in read("proc/cpuinfo").splitlines() if line.startswith("flags")), None)
    if flags is None:
        return State.INFO, f"{machine}; this system does not tell whether it has AVX, which TensorFlow needs.", ""
    if "avx" not in flags.split():
        return (
            State.PROBLEM,
            f"{machine} without AVX: TensorFlow ends with 'illegal instruction'.",
            "Use a processor with AVX; a virtual machine has to pass it through (`-cpu host`).",
        )
    return State.OK, f"{machine} with AVX, which TensorFlow needs.", ""


def program(package: str, *names: str) -> Finding:
    """A program under one of its names; only development needs it."""
    if found := next((path for name in names if name and (path := shutil.which(name))), None):
        return State.OK, f"{found} is there.", ""
    return (
        State.INFO,
        f"{package} is not here; only development needs it.",
        f"Debian, Ubuntu: `apt-get install {package}`.",
    )


def fonts() -> Finding:
    """Browser tests measure text: without fonts they see boxes. Where no list is to be had, it is taken to be fine."""
    if not (lister := shutil.which("fc-list")):
        return State.OK, "This system does not list its fonts.", ""
    try:
        listed = subprocess.run(  # noqa: S603 - the program just found
            [lister], capture_output=True, text=True, errors="replace", timeout=5, check=False
        ).stdout
    except subprocess.TimeoutExpired:
        return State.INFO, "Listing the fonts takes too long.", ""
    if not (count := len(listed.splitlines())):
        return (
            State.INFO,
            "No fonts; only the browser tests need them.",
            "Debian, Ubuntu: `apt-get install fonts-dejavu`.",
        )
    return State.OK, f"{count} fonts.", ""
