"""Cores as slots: whoever computes holds one, and whoever only waits gives it back meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self


class Slots:
    """A context manager that holds one of `count` slots; threads that wait are served in the order of their coming."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._turn = threading.Condition()
        self._waiting: list[object] = []

    def __enter__(self) -> Self:
        me = object()
        with self._turn:
            self._waiting.append(me)
            try:
                self._turn.wait_for(lambda: self._free > 0 and self._waiting[0] is me)
                self._free -= 1
            finally:
                self._waiting.remove(me)
                self._turn.notify_all()
        return self

    def __exit__(self, *_: object) -> None:
        with self._turn:
            self._free += 1
            self._turn.notify_all()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Without the slot that the caller holds."""
        self.__exit__()
        try:
            yield
        finally:
            self.__enter__()
