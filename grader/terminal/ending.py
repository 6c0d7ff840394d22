"""The orderly end of a command, whatever ends it: one sentence on stderr, the documented exit code, no traceback."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

import click

from grader.errors import GradeError
from grader.system.display_text import one_line
from grader.system.signals import on_signals

INTERRUPTED = 130
"""Exit code after SIGINT, as shells have it (128 + 2); the same for the other signals that end a run."""
STOP = threading.Event()
"""Set by the first interrupt."""


def end_well(command: Callable[[], object]) -> None:
    """Run `command`: a first signal becomes KeyboardInterrupt and sets `STOP`, an error its sentence and exit code."""
    STOP.clear()
    on_signals(interrupt)
    try:
        command()
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(2)
    except GradeError as problem:
        if STOP.is_set():
            _leave_interrupted()
        say(f"grade: {problem}")
        sys.exit(problem.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _leave_interrupted()
    except Exception as problem:
        if STOP.is_set():
            _leave_interrupted()
        if os.environ.get("GRADE_DEBUG"):
            raise
        say(f"grade: internal error ({type(problem).__name__}: {problem}). GRADE_DEBUG=1 shows where.")
        sys.exit(3)


def say(message: str) -> None:
    """Tell people on stderr; names and words of strangers that a message holds do no harm."""
    lines = message.split("\n", 1)
    click.echo("\n".join(" " * (len(line) - len(line.lstrip(" "))) + one_line(line, 4000) for line in lines), err=True)


def interrupt(*_: object) -> None:
    """The first signal ends the run in good order; those after it must not disturb that.

    What is raised here may be lost, in a destructor for instance, or become another error, in a library that is being
    imported: so it is noted as well.
    """
    sys.unraisablehook = _lost
    on_signals(signal.SIG_IGN)
    STOP.set()
    raise KeyboardInterrupt


def _lost(unraisable: Any) -> None:
    """An interrupt that a destructor swallowed is noted: no traceback of it."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)


def resume_command() -> str:
    """The command line as it was given, but for what would start anew."""
    program = Path(sys.argv[0])
    if program.name == "__main__.py":
        command = [sys.executable, "-m", "grader"]
    else:
        on_path = shutil.which(program.name)
        command = [program.name if on_path and Path(on_path).resolve() == program.resolve() else sys.argv[0]]
    return shlex.join([*command, *(argument for argument in sys.argv[1:] if argument != "--fresh")])


def _leave_interrupted() -> NoReturn:
    """Without waiting for threads that are busy: files and processes are safe without them."""
    with suppress(OSError):  # the terminal may be gone
        say(f"grade: interrupted. What had finished is stored. To go on from there:\n  {resume_command()}")
        sys.stdout.flush()
    os._exit(INTERRUPTED)
