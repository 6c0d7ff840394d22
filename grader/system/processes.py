"""Processes of our own code: started so that they end with the grader and leave a terminal's signals to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing import connection, resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from grader.system.signals import ENDING

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

WORTH_IT = 20
"""Items for which one more process is started: it takes a second or two until it works."""
MOST = 8
"""Processes at once; each takes some 200 MiB."""


def start(work: Callable[..., None], *arguments: object) -> tuple[BaseProcess, connection.Connection[Any, Any]]:
    """A new process that calls `work(its end of a pipe, *arguments)`, all of which can be pickled, and our end.

    Raises OSError where there is no room for one more.
    """
    context = multiprocessing.get_context("spawn")
    os.environ["PYTHONSAFEPATH"] = "1"  # else a `re.py` among the submissions would be imported where one grades
    resource_tracker.ensure_running()  # starting it with the process would let the signals below through
    ours, theirs = context.Pipe()
    process = context.Process(target=_begin, args=(work, theirs, *arguments), daemon=True)
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, ENDING
    )  # inherited: a terminal sends them to all, the grader heeds them
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
    return process, ours


def end(process: BaseProcess) -> None:
    """Kill it; nothing of it is left."""
    process.kill()
    process.join()
    process.close()


def _begin(work: Callable[..., None], *arguments: object) -> None:
    threading.Thread(target=_end_with_the_grader, daemon=True).start()
    work(*arguments)


def _end_with_the_grader() -> None:
    grader = multiprocessing.parent_process()
    assert grader is not None
    grader.join()  # a pipe that closes however the grader ends
    os._exit(1)


def spread(do: Callable[[_Item], _Result], items: Sequence[_Item], jobs: int) -> Iterator[_Result]:
    """Do it for each item, in up to `jobs` processes where there are many; gives results as they come.

    Whatever can be pickled, and may be done twice: what a process that ended early left undone is done here.
    """
    processes = min(jobs, MOST, len(items) // WORTH_IT)
    missing = set(range(len(items)))
    started: list[tuple[BaseProcess, connection.Connection[Any, Any]]] = []
    try:
        if processes > 1:
            for first in range(processes):
                numbered = [(n, items[n]) for n in range(first, len(items), processes)]
                with suppress(OSError):
                    started.append(start(_do_each, do, numbered))
        pipes = [pipe for _, pipe in started]
        while pipes:
            for pipe in connection.wait(pipes):
                assert isinstance(pipe, connection.Connection)
                try:
                    number, result = pipe.recv()
                except (EOFError, OSError):
                    pipes.remove(pipe)
                    continue
                missing.discard(number)
                yield result
        for number in sorted(missing):
            yield do(items[number])
    finally:
        for process, _ in started:
            end(process)


def _do_each(
    pipe: connection.Connection[Any, Any], do: Callable[[_Item], _Result], items: Sequence[tuple[int, _Item]]
) -> None:
    with suppress(OSError):  # the grader ended: nobody waits for more
        for number, item in items:
            pipe.send((number, do(item)))
