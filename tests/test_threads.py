"""What is done for many: in which order, and in several processes."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from grader.errors import WriteError
from grader.system.processes import WORTH_IT, spread
from grader.system.threads import longest_first

MANY = 2 * WORTH_IT


def test_the_longest_come_first_and_of_all_the_unknown():
    seconds = {"a": 3.0, "b": None, "c": 60.0, "d": 3.0, "e": None, "f": 0.0}
    assert longest_first(seconds, seconds.get) == ["b", "e", "c", "a", "d", "f"]
    assert longest_first([], seconds.get) == []


def square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def test_few_are_done_here():
    assert list(spread(square, range(MANY - 1), 8)) == [(n * n, os.getpid()) for n in range(MANY - 1)]
    assert list(spread(square, range(MANY), 1)) == [(n * n, os.getpid()) for n in range(MANY)]


def test_many_are_done_in_processes():
    found = list(spread(square, range(MANY), 2))
    assert sorted(value for value, _ in found) == [n * n for n in range(MANY)]
    processes = {process for _, process in found}
    assert len(processes) == 2
    assert os.getpid() not in processes


def dying(number: int) -> int:
    if number == WORTH_IT and Path("/proc/self/stat").read_text().split()[3] == os.environ["GRADE_TEST_PARENT"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_what_a_process_leaves_undone_is_done_here(monkeypatch):
    monkeypatch.setenv("GRADE_TEST_PARENT", str(os.getpid()))
    assert sorted(spread(dying, range(MANY), 2)) == list(range(MANY))


def error_as_value(number: int) -> WriteError:
    return WriteError(f"{number} has no room.")


def test_errors_of_ours_come_as_values():
    assert {str(e) for e in spread(error_as_value, range(MANY), 2)} == {f"{n} has no room." for n in range(MANY)}


def slow(number: int) -> int:
    time.sleep(3600 if number else 0)
    return os.getpid()


def test_who_stops_listening_ends_the_processes():
    results = spread(slow, range(MANY), 2)
    process = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_no_process_can_be_started(monkeypatch):
    def refused(*_, **__):
        raise OSError

    monkeypatch.setattr("multiprocessing.context.SpawnProcess.start", refused)
    assert len({process for _, process in spread(square, range(MANY), 2)}) == 1
