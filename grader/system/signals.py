"""The signals by which a terminal or a service manager ends a program."""

from __future__ import annotations

import signal
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def on_signals(handler: Any) -> None:
    """Let `handler` heed them, but for those that were ignored from the start, as under `nohup`."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)
