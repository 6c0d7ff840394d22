"""What is the same for everybody is computed once: in this run, in later ones, and in those at the same time."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

from grader.errors import UsageError
from grader.training.cache import namespace

if TYPE_CHECKING:
    from collections.abc import Callable

    from grader.training.cache import Cache
    from grader.wire.message import Message

_KEPT_BYTES = 256 << 20
"""Most that is kept in memory as well."""


class SingleFlight:
    """Results by key, in memory and in the user's cache; may be used by several threads at once."""

    def __init__(self, cache: Cache | None, stop: threading.Event) -> None:
        self.cache = cache
        self._stop = stop
        self._namespace = namespace() if cache is not None else ""
        self._kept: dict[str, Message] = {}
        self._left = _KEPT_BYTES
        self._lock = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def is_empty(self) -> bool:
        """Whether nothing at all is known yet."""
        with contextlib.suppress(UsageError):
            return not self._kept and (self.cache is None or not self.cache.show().entries)
        return True

    def known(self, key: str) -> Message | None:
        """What there is already."""
        named = self._named(key)
        if (entry := self._kept.get(named)) is None and self.cache is not None:
            entry = self.cache.get(named)
            self._keep(named, entry)
        return entry

    def result(self, key: str, compute: Callable[[], Message]) -> Message:
        """What there is, else what `compute` gives; whoever wants the same meanwhile waits for it.

        Raises what `compute` raises (which is then computed anew by the next who wants it), and KeyboardInterrupt
        when the run is stopped.
        """
        named = self._named(key)
        with self._lock:
            own = self._locks[named]
        with own:
            if entry := self.known(key):
                return entry
            if self.cache is None:
                entry = compute()
            else:
                with self.cache.lock(named, self._stop.is_set):
                    entry = self.cache.get(named)
                    if entry is None:
                        entry = compute()
                        self.cache.put(named, entry)
            self._keep(named, entry)
            return entry

    def _named(self, key: str) -> str:
        return hashlib.sha256(f"{self._namespace} {key}".encode()).hexdigest()

    def _keep(self, named: str, entry: Message | None) -> None:
        if entry is not None and named not in self._kept:
            size = sum(array.nbytes for array in entry.arrays)
            with self._lock:
                if size <= self._left:
                    self._left -= size
                    self._kept[named] = entry
