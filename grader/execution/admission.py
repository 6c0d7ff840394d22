"""Lets in no more kernels than there are idle cores for, and than the memory that is free can hold."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from grader.system.slots import Slots

_POLL_S = 0.5
SETTLE_S = 3.0
"""How long a kernel that was let in takes to use what it will use."""

KERNEL_BYTES = 1 << 30
"""What a notebook's kernel usually takes: TensorFlow, the images as float64, and copies of them."""


class Admission:
    """The first is always let in; others once `free` (bytes, None where not known) is at least `need`."""

    def __init__(self, slots: Slots, need: float, free: Callable[[], float | None], stop: threading.Event) -> None:
        self._slots = slots
        self._need = need
        self._free = free
        self._stop = stop
        self._door = threading.Lock()
        self._counting = threading.Lock()
        self._inside = 0
        self._last = -SETTLE_S

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Within this a slot is held. Raises KeyboardInterrupt once the run is stopped."""
        with contextlib.ExitStack() as on_leaving:
            with self._door:  # one at a time: what the one before will use is not yet to be seen
                on_leaving.enter_context(self._slots.begun())
                while self._inside and self._is_short():
                    with self._slots.lent():
                        if self._stop.wait(_POLL_S):
                            raise KeyboardInterrupt
                self._count(1)
                on_leaving.callback(self._count, -1)
                self._last = time.monotonic()
            yield

    def _count(self, more: int) -> None:
        with self._counting:
            self._inside += more

    def _is_short(self) -> bool:
        free = self._free()
        if free is None:
            return False
        coming = self._need if time.monotonic() - self._last < SETTLE_S else 0.0
        return free - coming < self._need
