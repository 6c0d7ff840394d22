"""`python -m grader` is `grade`."""

import os
import signal

from grader.system.signals import on_signals

_INTERRUPTED = 130


def _leave(*_: object) -> None:
    """Nothing has begun, so nothing is to be ended; an exception could be lost in a library that is being imported."""
    os.write(2, b"grade: interrupted before it began.\n")
    os._exit(_INTERRUPTED)


def main() -> None:
    on_signals(_leave)
    from grader.cli import main as command

    try:
        command()
    finally:  # all is written and said: while Python clears up, nothing changes the exit code any more
        on_signals(signal.SIG_IGN)


if __name__ == "__main__":
    main()
