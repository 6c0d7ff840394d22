"""What stands for a package that is not here.

Progress bars, loggers and dashboards only watch: what they give may be made, called, kept and thrown away, and nothing
happens. Whoever needs a value of it (iterates, indexes, computes) gets the error that the import raised.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Self

Notice = Callable[..., None]
"""notice(text, **facts): tell the student, and the grader outside."""

_PROGRESS = re.compile(r"tqdm|progress|\bbar\b|_bar\b|\btrack\b|\balive_it\b", re.IGNORECASE)
"""Names of what goes through a loop's items unchanged."""
_NEEDING_A_VALUE = (
    "getitem delitem len contains next reversed float int index complex round "
    "add radd sub rsub mul rmul matmul rmatmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow "
    "lt le gt ge neg pos abs invert await aiter anext mro_entries"
)


class Absent:
    """Something of a package that could not be imported, known by the code that asks for it: 'wandb.init(…)'."""

    def __init__(self, error: ImportError, name: str, given: tuple[Any, ...] = ()) -> None:
        self.__dict__.update(_error=(type(error), error.args, error.name), _name=name, _given=given)

    def _raise(self, *_: Any, **__: Any) -> Any:
        kind, args, name = self.__dict__["_error"]
        raise kind(*args, name=name)

    def _part(self, name: str, given: tuple[Any, ...] = ()) -> Absent:
        part = Absent.__new__(Absent)
        part.__dict__.update(_error=self.__dict__["_error"], _name=name, _given=given)
        return part

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__", "_repr_", "_ipython_", "_error", "_name", "_given")):
            raise AttributeError(name)
        return self._part(f"{self.__dict__['_name']}.{name}")

    def __call__(self, *args: Any, **options: Any) -> Any:
        if len(args) == 1 and isinstance(args[0], FunctionType) and not options:  # a decorator: @profile, @njit
            return args[0]
        return self._part(f"{self.__dict__['_name'].removesuffix('(…)')}(…)", args)

    def __iter__(self) -> Iterator[Any]:
        given = self.__dict__["_given"]
        return iter(given[0]) if given and _PROGRESS.search(self.__dict__["_name"]) else self._raise()

    def __bool__(self) -> bool:
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __setattr__(self, name: str, value: Any) -> None: ...

    def __setitem__(self, key: Any, value: Any) -> None: ...

    def __repr__(self) -> str:
        return f"<{self.__dict__['_name']}, which is not available here>"


for _method in _NEEDING_A_VALUE.split():
    setattr(Absent, f"__{_method}__", Absent._raise)
Absent.__module__ = "builtins"  # errors of libraries say the type of what they are given


def without_absent(note: Callable[[str, str], None], argument: str, given: Any) -> Any:
    """Callbacks or metrics without those of packages that are not here."""
    items = list(given) if isinstance(given, (list, tuple)) else [given]
    absent = [item for item in items if isinstance(item, Absent)]
    if not absent:
        return given
    for item in absent:
        note(
            f"{argument}=[{item.__dict__['_name']}]", "left out: its package is not available here, and it only watches"
        )
    return [item for item in items if not isinstance(item, Absent)] or None


def import_failed(notice: Notice) -> Callable[[ImportError, str, str], Any]:
    """What a guarded import calls: notes it, and gives what stands for the `name` that it would have bound."""

    def failed(error: ImportError, module: str, name: str) -> Any:
        if module.startswith("google.colab"):
            notice("google.colab is not available here; the notebook goes on without it.\n")
            return Colab(notice)
        lacking = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
        fault = "missing_module" if lacking else "cell_error"
        notice(f"{error}: the cell goes on without it.\n", fault=fault, module=lacking, name=name, error=str(error))
        return Absent(error, name)

    return failed


class Colab:
    """Stands for `google.colab` and everything in it: does nothing, and says so once."""

    def __init__(self, notice: Notice) -> None:
        self._notice = notice

    def __getattr__(self, name: str) -> Colab:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> dict[str, Any]:
        self._notice("There is no Google Drive or upload here; files that were handed in lie beside the notebook.\n")
        return {}
