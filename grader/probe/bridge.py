from __future__ import annotations

from typing import Any

from .record import Recorder


class Bridge:
    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder

    def install(self, watch: Any) -> None:
        pass
