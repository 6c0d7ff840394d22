"""Python, packages and programs."""

from __future__ import annotations

import platform
import shutil
import subprocess
from importlib import metadata
from typing import TYPE_CHECKING

from grader.doctor.finding import Finding, State
from grader.system.memory import read

if TYPE_CHECKING:
    from packaging.requirements import Requirement

PYTHON = "3.11"
_DISTRIBUTION = "grade-notebooks"


def python() -> Finding:
    """Which it is. An older one than `PYTHON` cannot even read this module's package."""
    return State.OK, f"Python {platform.python_version()}; {PYTHON} or newer is asked for.", ""


def packages() -> Finding:
    """Whether what grade asks for is installed, in versions that it works with."""
    if (asked := _asked_for()) is None:
        found = "grade itself is not installed here, so what it asks for is not known."
        return State.WARNING, found, "Run `pip install .` in its folder."
    if unmet := _unmet(asked):
        return State.PROBLEM, *unmet
    return State.OK, f"All {len(asked)} that grade asks for are here, in versions it works with.", ""


def dev_packages() -> Finding:
    """The same of what only development asks for."""
    asked = _asked_for("dev") or []
    if unmet := _unmet(asked):
        return State.INFO, *unmet
    return State.OK, f"{len(asked)} for tests and linting are here.", ""


def _asked_for(extra: str = "") -> list[Requirement] | None:
    """The requirements of the package, or those that only this extra adds; None where it is not installed."""
    from packaging.requirements import Requirement  # it may be missing: then the check that asks says so

    try:
        requirements = [Requirement(text) for text in metadata.requires(_DISTRIBUTION) or ()]
    except metadata.PackageNotFoundError:
        return None
    return [r for r in requirements if _applies(r, extra) and not (extra and _applies(r, ""))]


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": extra})


def _unmet(asked: list[Requirement]) -> tuple[str, str] | None:
    """What is wrong with those that are not met, and how to mend it."""
    wrong: dict[str, str] = {}
    for requirement in asked:
        name, versions = requirement.name, requirement.specifier
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            wrong[f"'{name}{versions}'"] = f"{name} is missing"
            continue
        if not versions.contains(version, prereleases=True):
            wrong[f"'{name}{versions}'"] = f"{name} is {version}, {versions} is asked for"
    return (f"{'; '.join(wrong.values())}.", f"Run `pip install {' '.join(wrong)}`.") if wrong else None


def processor() -> Finding:
    """Whether TensorFlow runs on it: on x86 its packages are built for AVX."""
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
    found = f"{package} is not here; only development needs it."
    return State.INFO, found, f"Debian, Ubuntu: `apt-get install {package}`."


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
        found = "No fonts; only the browser tests need them."
        return State.INFO, found, "Debian, Ubuntu: `apt-get install fonts-dejavu`."
    return State.OK, f"{count} fonts.", ""
