"""Make the full-marks notebook from its source: `python -m reference.ps10.build_solution`.

`solution.py` is a script in cells (`# %%`, `# %% [markdown]`), written as a good student would; `solution.ipynb` is
the same as a notebook without outputs.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SOURCE = Path(__file__).with_name("solution.py")
NOTEBOOK = Path(__file__).with_name("solution.ipynb")

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def build(source: str) -> str:
    """Return the notebook (nbformat 4.5, JSON) of a script in cells; equal sources give equal bytes."""
    cells = []
    for number, part in enumerate(re.split(r"^# %%", source, flags=re.MULTILINE)[1:], start=1):
        kind, _, body = part.partition("\n")
        if kind.strip() == "[markdown]":
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        new_cell = new_markdown_cell if kind.strip() else new_code_cell
        cells.append(new_cell(body.strip(), id=f"cell-{number:02}"))
    notebook = new_notebook(cells=cells, metadata=_METADATA, nbformat_minor=5)
    nbformat.validate(notebook)
    return nbformat.writes(notebook) + "\n"


if __name__ == "__main__":
    NOTEBOOK.write_text(build(SOURCE.read_text("utf-8")), "utf-8")
