"""Does one pure thing for many, on several cores: processes that our own code talks to, nobody else's."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.process import BaseProcess
from typing import TypeVar

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

WORTH_IT = 20
"""Items for which one more process is started: it takes a second or two until it works."""
MOST = 8
"""Processes at once; each takes some 200 MiB."""
_GRADERS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
"""Signals that a terminal sends to all processes, and that only the grader heeds."""


def spread(do: Callable[[_Item], _Result], items: Sequence[_Item], jobs: int) -> Iterator[_Result]:
    """Do it for each item, in up to `jobs` processes where there are many; gives results as they come.

    Whatever can be pickled, and may be done twice: what a process that ended early left undone is done here.
    """
    processes = min(jobs, MOST, len(items) // WORTH_IT)
    missing = set(range(len(items)))
    lines: list[connection.Connection] = []
    started: list[BaseProcess] = []
    try:
        if processes > 1:
            for first in range(processes):
                with suppress(OSError):  # no room for one more
                    lines.append(_start(do, items, range(first, len(items), processes), started))
        while lines:
            for line in connection.wait(lines):
                assert isinstance(line, connection.Connection)
                try:
                    number, result = line.recv()
                except (EOFError, OSError):
                    lines.remove(line)
                    continue
                missing.discard(number)
                yield result
        for number in sorted(missing):
            yield do(items[number])
    finally:
        for process in started:
            process.kill()
            process.join()
            process.close()


def _start(
    do: Callable[[_Item], _Result], items: Sequence[_Item], numbers: range, started: list[BaseProcess]
) -> connection.Connection:
    """Where the results of the items with these numbers will come from."""
    context = multiprocessing.get_context("spawn")
    os.environ["PYTHONSAFEPATH"] = "1"  # else a `re.py` among the submissions would be imported where one grades
    resource_tracker.ensure_running()  # starting it with the process would let the signals below through
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(theirs, do, [(n, items[n]) for n in numbers]), daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _GRADERS)  # inherited from the process's first moment
    try:
        process.start()
        started.append(process)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return ours


def _work(line: connection.Connection, do: Callable[[_Item], _Result], items: Sequence[tuple[int, _Item]]) -> None:
    threading.Thread(target=_end_with_the_grader, daemon=True).start()
    with suppress(OSError):  # the grader ended: nobody waits for more
        for number, item in items:
            line.send((number, do(item)))


def _end_with_the_grader() -> None:
    grader = multiprocessing.parent_process()
    assert grader is not None
    grader.join()  # a pipe that closes however the grader ends
    os._exit(1)
