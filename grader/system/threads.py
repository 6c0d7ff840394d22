"""Does one thing for many, in threads, and gives way at once when it is stopped."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

_Item = TypeVar("_Item")

WIND_DOWN_S = 1.0
"""Longest that an interrupted run waits for its threads to end their kernels; then it ends without them."""


def longest_first(items: Iterable[_Item], seconds: Callable[[_Item], float | None]) -> list[_Item]:
    """Those of which it is not known how long they take come first of all: any of them may be the longest.

    Begun last, the longest would go on alone when everything else is done. Otherwise the order stays.
    """
    taken = [(item, seconds(item)) for item in items]
    return [item for item, s in sorted(taken, key=lambda pair: math.inf if pair[1] is None else pair[1], reverse=True)]


def in_parallel(
    do: Callable[[_Item], None],
    items: Iterable[_Item],
    threads: int,
    stop: threading.Event,
    cancel: Callable[[], None],
) -> None:
    """Do it for each; `cancel` calls off what the threads wait for.

    Raises KeyboardInterrupt within WIND_DOWN_S after an interrupt or once `stop` is set; else what `do` raised first.
    """
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="grade")
    futures: list[Future[None]] = []
    try:
        for item in items:
            futures.append(pool.submit(do, item))  # noqa: PERF401 - an interrupt keeps those that are there
        pending = set(futures)
        while pending and not stop.is_set():
            _, pending = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
    except KeyboardInterrupt:
        stop.set()
    pool.shutdown(wait=False, cancel_futures=True)
    if stop.is_set():
        cancel()
        wait([future for future in futures if not future.cancelled()], timeout=WIND_DOWN_S)
        raise KeyboardInterrupt
    for future in futures:
        future.result()
