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
        self._unused_bytes = _KEPT_BYTES
        self._lock = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def is_empty(self) -> bool:
        """Whether nothing at all is known yet."""
        with contextlib.suppress(UsageError):
            return not self._kept and (self.cache is None or not self.cache.show().entries)
        return True

    def known(self, key: str) -> Message | None:
        """What there is already."""
        stored_key = self._stored_key(key)
        if (entry := self._kept.get(stored_key)) is None and self.cache is not None:
            entry = self.cache.get(stored_key)
            self._keep(stored_key, entry)
        return entry

    def result(self, key: str, compute: Callable[[], Message]) -> Message:
        """What there is, else what `compute` gives; whoever wants the same meanwhile waits for it.

        Raises what `compute` raises (which is then computed anew by the next who wants it), and KeyboardInterrupt
        when the run is stopped.
        """
        stored_key = self._stored_key(key)
        with self._lock:
            key_lock = self._locks[stored_key]
        with key_lock:
            if entry := self.known(key):
                return entry
            if self.cache is None:
                entry = compute()
            else:
                with self.cache.lock(stored_key, self._stop.is_set):
                    entry = self.cache.get(stored_key)
                    if entry is None:
                        entry = compute()
                        self.cache.put(stored_key, entry)
            self._keep(stored_key, entry)
            return entry

    def _stored_key(self, key: str) -> str:
        return hashlib.sha256(f"{self._namespace} {key}".encode()).hexdigest()

    def _keep(self, stored_key: str, entry: Message | None) -> None:
        if entry is not None and stored_key not in self._kept:
            size = sum(array.nbytes for array in entry.arrays)
            with self._lock:
                if size <= self._unused_bytes:
                    self._unused_bytes -= size
                    self._kept[stored_key] = entry
