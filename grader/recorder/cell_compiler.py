"""Which submitted cell and line a frame belongs to, whatever IPython made of the cell's text."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any

from ipykernel.compiler import XCachingCompiler

from .record import Recorder

_HERE = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - as code objects spell it


class CellCompiler(XCachingCompiler):
    """Gives every piece of code of a cell a file name of its own, and notes how its lines map to the cell's."""

    recorder: Recorder | None = None
    cell_source = ""
    """Text of the submitted cell that runs."""

    def get_code_name(self, raw_code: str, code: str, number: int) -> str:
        """IPython's name for a cell's code, of its own for each cell that runs."""
        name = str(super().get_code_name(raw_code, code, number))  # type: ignore[no-untyped-call]
        recorder = self.recorder
        if recorder is None or recorder.cell is None:
            return name
        name = f"{name.removesuffix('.py')}_{recorder.cell}.py"
        # %%capture and %%time run the rest of their cell as a cell.
        above = max(0, _lines(self.cell_source) - _lines(raw_code)) if raw_code != self.cell_source else 0
        recorder.places[name] = (recorder.cell, line_map(raw_code, code, above))
        return name

    def __call__(self, source: Any, filename: str = "<input>", symbol: str = "single", **kwargs: Any) -> Any:
        recorder = self.recorder
        if (
            filename in {"<timed exec>", "<timed eval>", "<magic-timeit>"}
            and recorder is not None
            and recorder.cell is not None
        ):
            filename = f"<timed cell {recorder.cell}>"
            above = 1 if self.cell_source.lstrip().startswith("%%") else 0
            recorder.places[filename] = (recorder.cell, lambda line: line + above)
        return super().__call__(source, filename, symbol, **kwargs)


def _lines(text: str) -> int:
    return len(text.rstrip().splitlines())


def without_recorder(trace: TracebackType | None) -> TracebackType | None:
    """The same traceback without our own frames, which tell a student nothing."""
    if trace is None:
        return None
    rest = without_recorder(trace.tb_next)
    if trace.tb_frame.f_code.co_filename.startswith(_HERE):
        return rest
    return TracebackType(rest, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)


def line_map(raw: str, code: str, above: int = 0) -> Callable[[int], int]:
    """From 1-based lines of the code that IPython made to lines of the cell; `above` lines precede `raw` in it."""
    before, after = raw.splitlines(), code.splitlines()
    if len(before) == len(after):
        return lambda line: line + above
    mapped: dict[int, int] = {}
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag in {"equal", "replace"}:
            mapped.update({j + 1: min(i1 + j - j1, i2 - 1) + 1 + above for j in range(j1, j2)})
    return lambda line: mapped.get(line, min(line, len(before)) + above)
