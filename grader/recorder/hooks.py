"""How methods and functions of libraries are replaced, so that student code cannot tell.

A hook calls the original with what it was given, returns and raises what the original does, and is `quiet` in all else.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

HOOKS: dict[tuple[type, str], Any] = {}
"""(class, name of a method) → what `wrap` set there last."""

_Function = TypeVar("_Function", bound=Callable[..., Any])


def quietly(function: _Function) -> _Function:
    """The same function, returning None where it would raise."""

    @functools.wraps(function)
    def quiet(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception:
            return None

    return quiet  # type: ignore[return-value]


class Reading:
    """Reads the facts of an event one by one: a fact that cannot be read is named, and the others stay."""

    def __init__(self) -> None:
        self.unreadable: list[str] = []

    def __call__(self, fact: str, otherwise: Any, read: Callable[..., Any], *args: Any) -> Any:
        """`read(*args)`, or `otherwise` where that raises."""
        try:
            return read(*args)
        except Exception:
            self.unreadable.append(fact)
            return otherwise


def wrap(owner: Any, names: Iterable[str], make: Callable[[Any], Any]) -> None:
    """Replace methods or functions of `owner` by `make(original)`, keeping names, docs and signatures."""
    for name in names:
        original = getattr(owner, name, None)
        if original is None:
            continue
        replaced: Any = functools.wraps(original)(make(original))
        replaced.autograph_info__ = {}  # TensorFlow's mark: call as it is, do not translate into a graph
        try:
            replaced.__signature__ = inspect.signature(original)  # Keras asks for it without unwrapping
        except (TypeError, ValueError):
            pass
        setattr(owner, name, replaced)
        if isinstance(owner, type):
            HOOKS[owner, name] = replaced


def wrap_arguments(owner: Any, names: Iterable[str], change: Callable[[Any, Any, Any], Any]) -> None:
    """Before each call of these methods, `change(object, args, kwargs)` edits the keyword arguments in place.

    It returns the positional arguments to go on with, and raises nothing.
    """

    def changing(original: Any) -> Any:
        def method(self: Any, /, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            return original(self, *change(self, args, kwargs), **kwargs)

        return method

    wrap(owner, names, changing)


def noted_before(note: Callable[..., None]) -> Callable[[Any], Any]:
    """Makes of a function one that is noted before each call."""

    def noting(original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            quietly(note)(*args, **kwargs)
            return original(*args, **kwargs)

        return call

    return noting
