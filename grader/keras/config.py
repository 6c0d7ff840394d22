"""A layer's recorded configuration, read entry by entry with bounds. Whatever stands in it is data, never code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

WIDEST = 1 << 20
"""Largest whole number in a configuration: far beyond what is built, far below what fills a memory."""
_LARGEST = 1e6
"""Largest other number, which scales or bounds values that are near 1."""
_NO_MATTER = frozenset(
    {"name", "trainable", "dtype", "seed", "momentum", "synchronized", "renorm_clipping", "renorm_momentum"}
)
_NO_MATTER_ENDINGS = ("_initializer", "_regularizer", "_constraint")


class Unsupported(Exception):  # noqa: N818 (a finding about a student's network, caught in `rebuild.plan`)
    """Why a network is not rebuilt; a part of a sentence."""


class Config:
    """A layer's configuration, read entry by entry; each method but `get` raises `Unsupported` for any other value."""

    def __init__(self, config: Mapping[str, object]) -> None:
        self._config = config
        self._read: set[str] = set()

    def get(self, key: str, default: object = None) -> Any:
        """The value as it stands there; it counts as read."""
        self._read.add(key)
        return self._config.get(key, default)

    def whole(self, key: str, default: int | None = None, *, low: int = 1) -> int:
        """A whole number from `low` to `WIDEST`."""
        value = self.get(key, default)
        if not is_whole(value) or not low <= value <= WIDEST:
            raise Unsupported(f"its {key} is {shown(value)}")
        return int(value)

    def number(self, key: str, default: float | None) -> float | None:
        """A bounded number; None where there is none by default."""
        value = self.get(key, default)
        if isinstance(value, dict) and set(value) >= {"class_name", "config"}:  # Keras wraps NumPy scalars
            inner = value["config"]
            value = inner.get("value") if isinstance(inner, dict) else inner
        if value is None and default is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
            raise Unsupported(f"its {key} is {shown(value)}")
        return float(value)

    def flag(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.get(key, default)
        if not isinstance(value, bool):
            raise Unsupported(f"its {key} is {shown(value)}")
        return value

    def choice(self, key: str, default: str, options: frozenset[str]) -> str:
        """One of several words."""
        value = self.get(key, default)
        if value is None:
            value = default
        if not isinstance(value, str) or value not in options:
            raise Unsupported(f"its {key} is {shown(value)}")
        return value

    def many(self, key: str, n: int, default: int | None = None) -> tuple[int, ...]:
        """`n` positive whole numbers, or one that stands for all."""
        value = self.get(key, default)
        if value is None:
            value = default
        values = [value] * n if is_whole(value) else value
        if (
            not isinstance(values, list | tuple)
            or len(values) != n
            or not all(is_whole(v) and 1 <= v <= WIDEST for v in values)
        ):
            raise Unsupported(f"its {key} is {shown(value)}")
        return tuple(values)

    def margins(self, key: str) -> tuple[tuple[int, int], tuple[int, int]]:
        """((top, bottom), (left, right)), in pixels."""
        match self.get(key):
            case [[int(a), int(b)], [int(c), int(d)]] if all(0 <= v <= 1000 for v in (a, b, c, d)):
                return (a, b), (c, d)
        raise Unsupported(f"its {key} is {shown(self.get(key))}")

    def axis(self, rank: int, default: int = -1) -> int:
        """One axis, as a position in a shape without the batch axis."""
        value = self.get("axis", default)
        if isinstance(value, list | tuple) and len(value) == 1:
            value = value[0]
        if is_whole(value) and (-rank <= value < 0 or 1 <= value <= rank):
            return int(value) % (rank + 1) - 1
        raise Unsupported(f"its axis is {shown(value)}")

    def channels_last(self) -> None:
        """The only order of axes that is rebuilt."""
        self.choice("data_format", "channels_last", frozenset({"channels_last"}))

    def finish(self) -> None:
        """Refuse an entry that nobody read and that says something."""
        for key, value in self._config.items():
            silent = key in self._read or key in _NO_MATTER or key.endswith(_NO_MATTER_ENDINGS)
            if not silent and value is not None and value is not False:
                raise Unsupported(f"its {key} is {shown(value)}")


def is_whole(value: object) -> bool:
    """Whether it is an int: True and False are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def shown(value: object) -> str:
    """A value that a kernel reported, cut short for a sentence."""
    return repr(value)[:60]
