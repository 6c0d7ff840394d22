"""Files that a library does without in silence, so that the error comes later and says nothing of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from .hooks import quietly, wrap


def tell_missing_files(notice: Callable[..., None]) -> Callable[[Any], None]:
    """What to do with OpenCV once it is imported; `notice` tells the student, and the grader outside."""

    def note(result: Any, path: Any) -> None:
        if result is None and not os.path.exists(path):  # noqa: PTH110 - as given
            name = os.fsdecode(path)
            notice(f"{name} is not there: imread gives None.\n", fault="missing_file", file=name)

    def reading(original: Any) -> Any:
        def imread(*args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            result = original(*args, **kwargs)
            quietly(note)(result, args[0] if args else kwargs.get("filename"))
            return result

        return imread

    return lambda cv2: wrap(cv2, ["imread"], reading)
