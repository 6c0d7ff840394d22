"""Writes the table of SECURITY.md from what was seen of the hostile corpus: `python tests/security_table.py`."""

from __future__ import annotations

import json
from pathlib import Path

from hostile import LEVELS, RECORDED, read_cases

SECURITY = Path(__file__).parent.parent / "SECURITY.md"
BEGIN, END = "<!-- table: tests/security_table.py -->", "<!-- end of table -->"
HEADINGS = {
    "isolation": "Reading and reaching what is outside",
    "limits": "Using up the machine",
    "forging": "Forging a grade",
    "honest": "What honest notebooks need",
}


def table() -> str:
    """A table for each promise: a row per case, a column per level; '–' where a case was not run."""
    seen = json.loads(RECORDED.read_text(encoding="utf-8"))
    lines = []
    for promise, heading in HEADINGS.items():
        lines += [f"| {heading} | {' | '.join(LEVELS)} |", "|---|" + "---|" * len(LEVELS)]
        for case in read_cases().values():
            if case.promise == promise:
                outcomes = [seen.get(level, {}).get(case.name, "–") for level in LEVELS]
                lines.append(f"| {case.title} | {' | '.join(outcomes)} |")
        lines.append("")
    return "\n".join(lines)


def replaced(text: str, new: str) -> str:
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{new}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    SECURITY.write_text(replaced(SECURITY.read_text(encoding="utf-8"), table()), encoding="utf-8")
