"""`python -m grader` is `grade`."""

import os
import signal

_INTERRUPTED = 130


def _leave(*_: object) -> None:
    """Nothing has begun, so nothing is to be ended; an exception could be lost in a library that is being imported."""
    os.write(2, b"grade: interrupted before it began.\n")
    os._exit(_INTERRUPTED)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under `nohup`
            signal.signal(number, _leave)
    from grader.cli import main as command

    command()


if __name__ == "__main__":
    main()
