"""Tables for terminals, made of what others found."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich import box
from rich.table import Column, Table
from rich.text import Text

from grader.system.display_text import one_line

_STATES = {"ok": ("✓", "green"), "info": ("·", "dim"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}


def of_points(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Table:
    """Rows of texts; a last column, for points, is added to `columns`."""
    table = Table(*columns, Column("points", justify="right"), box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(one_line(cell, 60)) for cell in row))
    return table


def of_checks(checks: Iterable[Any]) -> Table:
    """What `grade doctor` found, each with its fix."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for check in checks:
        icon, style = _STATES[check.state]
        text = Text(printable(check.found))
        if check.fix:
            text.append(f"\n→ {printable(check.fix)}", "bold")
        table.add_row(Text(f"{icon} {check.state}", style), Text(check.name), text)
    return table


def printable(text: str) -> str:
    """Paths and the words of other programs, without what steers a terminal."""
    return "".join(c if c.isprintable() else "·" for c in text)
