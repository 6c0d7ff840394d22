"""What a kernel has loaded before it starts, where it is a copy of a process that did (`sandbox/preload.py`).

The modules are out of sight until something imports them, so that everything happens then which happens when they are
really imported: the recorder's hooks, random numbers that are drawn, messages that go to the notebook.
"""

from __future__ import annotations

import contextlib
import importlib
import random
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_HANDED_OVER = "grade_preloaded"


class Preloaded:
    """Empty in a kernel that started from nothing."""

    def __init__(self) -> None:
        given: Any = sys.modules.pop(_HANDED_OVER, None)
        self._groups: list[dict[str, Any]] = given.groups if given else []
        """In the order in which they were imported; see `preload._group`."""
        self.fashion_mnist: Any = given.fashion_mnist if given else None
        """What `load_data` returns: ((images, labels), (images, labels)), not to be written to."""
        self.hashes: Any = given.hashes if given else None
        """Those of the rows of the images, training images first: (of the pixels, of the masks)."""

    def module(self, name: str) -> ModuleType | None:
        """A module that is out of sight."""
        return next((group["modules"][name] for group in self._groups if name in group["modules"]), None)

    def show(self, name: str) -> list[ModuleType]:
        """Bring the group of a module to light, and those that it needs.

        Returns its modules, in the order in which they were complete.
        """
        group = next(group for group in self._groups if name in group["modules"])
        for earlier in self._groups[: self._groups.index(group)]:
            importlib.import_module(earlier["name"])
        self._groups = [other for other in self._groups if other is not group]
        modules: dict[str, ModuleType] = group["modules"]
        for full, module in modules.items():
            sys.modules[full] = module
            parent, _, child = full.rpartition(".")
            if parent not in modules and parent in sys.modules:
                setattr(sys.modules[parent], child, module)
        for _ in range(group["draws"]):
            random.getrandbits(32)
        for handler in group["handlers"]:
            handler.setStream(sys.stderr)
        for stream, text in group["printed"].items():
            getattr(sys, stream).write(text)
        for path, content in group["files"].items():
            with contextlib.suppress(OSError):
                Path(path).mkdir() if content is None else Path(path).write_bytes(content)
        return [module for full, module in modules.items() if module.__name__ == full]
