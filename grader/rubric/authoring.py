"""What `grade rubric …` does: check, calibrate, print the schema, start a new rubric."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Collection, Iterable
from itertools import groupby
from pathlib import Path
from typing import Any

from grader.errors import RubricError, UsageError
from grader.rubric.load import load_rubric
from grader.rubric.reference_package import import_reference
from grader.rubric.schema import Rubric, Task
from grader.rubric.yaml_source import read_yaml

_SKELETON = Path(__file__).parent / "skeleton.yaml"
"""`ID` in it stands for the rubric's id."""


def json_schema() -> dict[str, Any]:
    """JSON Schema of a rubric file."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Rubric.model_json_schema()}


def summary(which: str | None, known_checks: Collection[str]) -> str:
    """Check a rubric and return what it is worth, a line per problem; raises RubricError and BadReferenceError."""
    loaded = load_rubric(which, known_checks)
    rubric = loaded.rubric
    lines = [f"{rubric.title} ({rubric.id} {rubric.version}), {loaded.path}"]
    for problem, tasks in groupby(rubric.tasks, lambda task: (_problem(task), task.bonus)):
        group = list(tasks)
        bonus = ", bonus" if problem[1] else ""
        count = sum(len(task.criteria) for task in group)
        worth = _points(group)
        lines.append(f"  problem {problem[0]}: {worth:g} points{bonus} ({count} criteria in {len(group)} tasks)")
    regular = _points(task for task in rubric.tasks if not task.bonus)
    bonus_points = _points(task for task in rubric.tasks if task.bonus)
    lines.append(f"  in all: {regular:g} points" + (f" and {bonus_points:g} bonus" if bonus_points else ""))
    configurations = loaded.calibration.configurations
    runs = sum(len(c.runs) for c in configurations)
    lines.append(f"  thresholds: from {runs:,} runs of {len(configurations)} configurations")
    return "\n".join(lines)


def _problem(task: Task) -> str:
    """'1' of '1a': the leading digits, or the whole id where there are none."""
    digits = task.id[: len(task.id) - len(task.id.lstrip("0123456789"))]
    return digits or task.id


def _points(tasks: Iterable[Task]) -> float:
    return sum(criterion.points for task in tasks for criterion in task.criteria)


def calibrate(which: str | None, known_checks: Collection[str], *, seeds: int, say: Callable[[str], None]) -> Path:
    """Run the reference's `calibrate(path, seeds, say)` and return the file that it wrote beside the rubric.

    Raises RubricError where the rubric names no calibration or its reference has no such function.
    """
    loaded = load_rubric(which, known_checks)
    source = read_yaml(loaded.path, loaded.path.read_text("utf-8"))
    if not loaded.rubric.calibration:
        source.refuse((), "to calibrate, name the file to write: `calibration: NAME.json`.")
    package = import_reference(source, loaded.rubric.reference)
    try:
        module = importlib.import_module(f"{package.__name__}.calibrate")
    except ModuleNotFoundError as problem:
        if problem.name != f"{package.__name__}.calibrate":
            raise
        raise RubricError(
            f"{loaded.path}: the reference '{loaded.rubric.reference}' cannot be calibrated: it has no calibrate.py."
        ) from None
    path = loaded.path.parent / loaded.rubric.calibration
    module.calibrate(path, seeds, say)
    return path


def new(file: Path) -> None:
    """Write a small commented rubric that passes `grade rubric check`; raises UsageError where it cannot."""
    if file.suffix not in {".yaml", ".yml"}:
        raise UsageError(f"{file}: a rubric's name ends in .yaml.")
    try:
        if file.exists():
            raise UsageError(f"{file} is already there: choose another name.")
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as out:
            out.write(_SKELETON.read_text("utf-8").replace("ID", file.stem))
    except OSError as problem:
        raise UsageError(f"Cannot write {file} ({problem.strerror}).") from None
