"""Load a rubric with everything it names: its reference and its calibration."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from grader.errors import RubricError
from grader.rubric import lint
from grader.rubric.calibration import Calibration, load_calibration
from grader.rubric.expected import Reference
from grader.rubric.reference_package import load_reference
from grader.rubric.schema import Rubric
from grader.rubric.yaml_source import Source, read_yaml
from grader.system.resources import resource_root


@dataclass(frozen=True, slots=True)
class LoadedRubric:
    """A rubric that holds together, with all that it names."""

    rubric: Rubric
    path: Path
    sha256: str
    """Of the file's bytes."""
    reference: Reference
    calibration: Calibration


def _find_rubric(which: str | None) -> Path:
    """Return the file of a rubric given by id or path; None means the only one there is.

    Raises RubricError, which lists the known ones.
    """
    known = {path.stem: path for path in sorted((resource_root() / "rubrics").glob("*.yaml"))}
    names = ", ".join(known) or "none"
    if which is None:
        if len(known) != 1:
            raise RubricError(f"Say which rubric to use with --rubric: there are {names}.")
        return next(iter(known.values()))
    if which in known:
        return known[which]
    path = Path(which)
    if path.suffix not in {".yaml", ".yml"} and not path.exists():
        raise RubricError(f"There is no rubric '{which}': known are {names}; a file's name ends in .yaml.")
    return path


def load_rubric(which: str | None, known_checks: Collection[str]) -> LoadedRubric:
    """Load a rubric by id or path; None means the only one there is.

    Its criteria may name `known_checks` alone. Raises RubricError (file, line and what is wrong) and
    BadReferenceError.
    """
    path = _find_rubric(which)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except OSError as problem:
        raise RubricError(f"Cannot read the rubric {path}: {problem.strerror}.") from None
    except UnicodeDecodeError:
        raise RubricError(f"Cannot read the rubric {path}: it is not UTF-8 text.") from None
    source = read_yaml(path, text)
    rubric = _parse_rubric(source)
    lint.check_rubric(source, rubric, known_checks)
    reference = load_reference(source, rubric.reference)
    lint.check_against_reference(source, rubric, reference)
    calibration = load_calibration(path.parent / rubric.calibration) if rubric.calibration else Calibration()
    return LoadedRubric(rubric, path, hashlib.sha256(content).hexdigest(), reference, calibration)


def _parse_rubric(source: Source) -> Rubric:
    """Validate against the schema; raises RubricError about the first thing that is wrong."""
    try:
        return Rubric.model_validate(source.values, strict=True)
    except ValidationError as problem:
        # A field whose name is mistyped is unknown and missing at once: the first says more.
        errors = sorted(problem.errors(include_url=False), key=lambda error: error["type"] != "extra_forbidden")
        first, more = errors[0], len(errors) - 1
        sentence = _sentence(source, dict(first)) + (f" ({more} more after this.)" if more else "")
        return source.refuse(first["loc"], sentence)


_TYPES = {
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


def _sentence(source: Source, error: dict[str, Any]) -> str:
    *parents, last = error["loc"]
    where = _where(source, parents)
    match error["type"]:
        case "extra_forbidden":
            close = get_close_matches(str(last), _fields(parents), n=1)
            hint = f": did you mean '{close[0]}'?" if close else "."
            return f"unknown field '{last}'{where}{hint}"
        case "missing":
            return f"the field '{last}' is missing{where}."
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            relation = error["msg"].removeprefix("Input should be ")
            return f"'{last}'{where} must be {relation}, not {error['input']}."
        case "string_pattern_mismatch":
            return f"the name '{error['input']}' may hold lower-case letters, digits, '_' and single dots only."
        case "string_type":
            return f"'{last}'{where} must be text, not {error['input']!r}: put it in quotes."
        case kind:
            expected = _TYPES.get(kind) or error["msg"].removeprefix("Input should ").removeprefix("be ")
            return f"'{last}'{where} must be {expected}, not {error['input']!r}."


def _where(source: Source, parents: list[str | int]) -> str:
    """Name the innermost thing with an id (or key) that an error is in."""
    name, values = "", source.values
    for step in parents:
        try:
            values = values[step]
        except (LookupError, TypeError):
            break
        if isinstance(values, dict) and isinstance(values.get("id"), str):
            name = values["id"]
        elif isinstance(step, str):
            name = step
    return f" of '{name}'" if name else ""


def _fields(parents: list[str | int]) -> list[str]:
    """Known fields of the schema's model at a location."""
    model: type[BaseModel] = Rubric
    for step in parents:
        if not isinstance(step, str) or step not in model.model_fields:
            continue
        inner = [t for t in _types(model.model_fields[step].annotation) if issubclass(t, BaseModel)]
        if inner:
            model = inner[0]
    return list(model.model_fields)


def _types(annotation: Any) -> list[type]:
    arguments = getattr(annotation, "__args__", ())
    own = [annotation] if isinstance(annotation, type) and not arguments else []
    return own + [inner for argument in arguments for inner in _types(argument)]
