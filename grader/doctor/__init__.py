"""What this machine can do for grading: a finding per check, each with its fix, in seconds. Prints nothing.

No package that may be missing is imported before its check, and TensorFlow never: it takes seconds.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grader import __version__
from grader.doctor import installed, places, sandboxes
from grader.doctor.finding import MIB, Finding, State
from grader.errors import GradeError, SandboxError, UsageError

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Check:
    """A finding under the name of its check; `found` and `fix` as in `Finding`."""

    name: str
    state: State
    found: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """`level` is the sandbox that `--sandbox auto` takes here, None where none holds."""

    version: str
    level: str | None
    exit_code: int
    """0: grading works; 2: something that it needs is missing; 4: only a sandbox is."""
    checks: tuple[Check, ...]


def examine(out: Path) -> Report:
    """Look at everything; `out` is where reports would go. Never raises, changes nothing."""
    looked_at: dict[str, Callable[[], Finding]] = {
        "python": installed.python,
        "packages": installed.packages,
        "processor": installed.processor,
        "data": places.data_set,
        **sandboxes.checks(),
        "user": sandboxes.user,
        "memory": places.memory,
        "disk.reports": lambda: places.disk(out, 1024 * MIB, "Give another folder with `--out`"),
        "disk.temporary": places.temporary,
        "disk.cache": places.cache,
        "open_files": places.open_files,
        "dev.git": lambda: installed.program("git", "git"),
        "dev.make": lambda: installed.program("make", "make"),
        "dev.browser": lambda: installed.program("chromium", os.environ.get("GRADE_BROWSER", ""), *BROWSERS),
        "dev.fonts": installed.fonts,
        "dev.packages": installed.dev_packages,
    }
    checks = tuple(Check(name, *_safely(look)) for name, look in looked_at.items())
    return Report(__version__, sandboxes.in_force(), _exit_code(checks), checks)


def _exit_code(checks: tuple[Check, ...]) -> int:
    problems = [check.name for check in checks if check.state is State.PROBLEM]
    if not problems:
        return 0
    only_sandbox = all(name.partition(".")[0] == "sandbox" for name in problems)
    return SandboxError.exit_code if only_sandbox else UsageError.exit_code


def _safely(look: Callable[[], Finding]) -> Finding:
    """A check that cannot be made says why: a package that it needs may be what is missing."""
    try:
        return look()
    except ImportError as problem:
        return State.PROBLEM, f"This cannot be looked at: {problem}.", "Mend `packages` first."
    except (OSError, ValueError, GradeError) as problem:
        return State.PROBLEM, f"This cannot be looked at: {problem}", "Mend what the message names."
