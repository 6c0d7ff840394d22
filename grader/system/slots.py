"""Cores as slots: whoever computes holds one, and whoever only waits gives it back meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class Slots:
    """A context manager that holds one of `count` slots.

    Threads that wait are served in the order of their coming; those that begin something new (`begun`) come last, so
    that they begin only where a core would be idle.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._turn = threading.Condition()
        self._going_on: list[object] = []
        self._beginning: list[object] = []

    def __enter__(self) -> Self:
        self._take(self._going_on)
        return self

    def _take(self, waiting: list[object]) -> None:
        me = object()
        with self._turn:
            waiting.append(me)
            try:
                self._turn.wait_for(lambda: self._free > 0 and (self._going_on or self._beginning)[0] is me)
                self._free -= 1
            finally:
                waiting.remove(me)
                self._turn.notify_all()

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._free += 1
            self._turn.notify_all()

    @contextmanager
    def begun(self) -> Iterator[None]:
        """With a slot that is taken once nobody who goes on wants it."""
        self._take(self._beginning)
        try:
            yield
        finally:
            self.__exit__()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Without the slot that the caller holds."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
