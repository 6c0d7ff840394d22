"""Notices when student code changes the recorder, its hooks or what it writes with.

Whoever studies the recorder can deceive it: student code runs in the same process. Accuracies are measured anew
outside, and the hash chain shows what others write into the record. Neither tells how a network was trained: a hook
that is taken off or replaced makes up epochs, data and optimizers, which count for marks. So each look here answers
one way in which people try that first (`tests/adversarial/forged_*`).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from .hooks import HOOKS
from .record import Recorder

_PACKAGE = __name__.rpartition(".")[0]
_LIBRARY = (
    (json, ("dumps",)),
    (np, ("asarray", "ascontiguousarray", "concatenate", "savez")),
    (os, ("getpid",)),
    (hashlib, ("blake2b", "sha256")),
    (sys, ("_getframe",)),
)
"""What the recorder calls and nobody has an honest reason to replace."""


class TamperDetector:
    """Knows how everything is when it is made; from then on the recorder takes events from its own modules only."""

    def __init__(self, recorder: Recorder, *others: Any) -> None:
        self._recorder = recorder
        self._instances = (recorder, *others)
        self._known = [(owner, name, found, _code(found)) for owner, name, found in _watched()]
        self._reported: set[str] = set()
        recorder.callers_checked = True

    def report_changes(self) -> None:
        """Note what student code changed since the last look, each thing once."""
        for name in dict.fromkeys(self._changed()):
            if name not in self._reported:
                self._reported.add(name)
                self._recorder.emit("tampered", what=f"{name} was replaced")

    def _changed(self) -> Iterator[str]:
        for owner, name, was, code in self._known:
            if vars(owner).get(name) is not was or _code(was) is not code:
                yield _name(owner, name)
        for (owner, name), hook in HOOKS.items():
            if owner.__module__.startswith("keras.src.") and vars(owner).get(name) is not hook:
                yield _name(owner, name)
        # A method set on a kind of model hides the hook on its base; Keras' own kinds have none of these.
        models = {owner for owner, _ in HOOKS if owner.__module__.startswith("keras.src.models.")}
        for owner, name in ((owner, name) for owner in models for _, name in HOOKS):
            holder = next((cls for cls in owner.__mro__ if name in vars(cls)), None)
            if (holder, name) not in HOOKS and any((cls, name) in HOOKS for cls in owner.__mro__):
                yield _name(holder or owner, name)
        for instance in self._instances:
            yield from (_name(type(instance), name) for name in vars(instance) if name in vars(type(instance)))


def _watched() -> Iterator[tuple[Any, str, Any]]:
    for library, names in _LIBRARY:
        for name in names:
            yield library, name, getattr(library, name)
    for module in [m for n, m in sys.modules.items() if n.startswith(_PACKAGE + ".") and isinstance(m, ModuleType)]:
        for name, value in list(vars(module).items()):
            if getattr(value, "__module__", None) != module.__name__:
                continue
            if isinstance(value, FunctionType):
                yield module, name, value
            elif isinstance(value, type):
                for method, function in list(vars(value).items()):
                    if isinstance(function, (FunctionType, property, classmethod, staticmethod)):
                        yield value, method, function


def _code(value: Any) -> Any:
    return getattr(value, "__code__", None)


def _name(owner: Any, name: str) -> str:
    """How a person knows it: 'numpy.savez', 'keras Trainer.fit', 'the recorder's Recorder.emit'."""
    module = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    if module.startswith(_PACKAGE):
        return f"the recorder's {name if isinstance(owner, ModuleType) else f'{owner.__name__}.{name}'}"
    if module.startswith("keras."):
        return f"keras' {owner.__name__}.{name}"
    return f"{module}.{name}"
