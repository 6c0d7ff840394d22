"""Import a reference implementation: the package that a rubric names, by path."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from grader.errors import BadReferenceError
from grader.rubric.expected import Reference
from grader.rubric.yaml_source import Source
from grader.system.resources import resource_root


def load_reference(source: Source, name: str) -> Reference:
    """Call `reference()` of the package `reference/<name>/`.

    It is looked for beside the rubric's folder, in it, and among those that ship with the grader. Raises
    RubricError when there is none, BadReferenceError when it cannot be imported or returns something else.
    """
    module = import_reference(source, name)
    try:
        reference = module.reference()
    except Exception as problem:
        raise BadReferenceError(f"The reference {_folder(module)} is broken: {_describe(problem)}.") from problem
    if not isinstance(reference, Reference):
        raise BadReferenceError(f"The reference {_folder(module)} is broken: reference() must return a Reference.")
    return reference


def import_reference(source: Source, name: str) -> ModuleType:
    """Import the package itself, once per folder."""
    rubrics = source.path.resolve().parent
    roots = dict.fromkeys((rubrics.parent / "reference", rubrics / "reference", resource_root() / "reference"))
    for root in roots:
        if name.isidentifier() and (root / name / "__init__.py").is_file():
            return _import(root / name)
    known = sorted({path.parent.name for root in roots for path in root.glob("*/__init__.py")})
    return source.refuse(("reference",), f"there is no reference '{name}': known are {', '.join(known) or 'none'}.")


def _import(folder: Path) -> ModuleType:
    """Import a package from its folder, under a name that no installed package has."""
    name = f"grade_reference_{folder.name}"
    loaded = sys.modules.get(name)
    if loaded is not None and _folder(loaded) == folder:
        return loaded
    for old in [n for n in sys.modules if n == name or n.startswith(f"{name}.")]:
        del sys.modules[old]
    spec = importlib.util.spec_from_file_location(
        name, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        del sys.modules[name]
        raise BadReferenceError(f"The reference {folder} is broken: {_describe(problem)}.") from problem
    return module


def _folder(module: ModuleType) -> Path:
    return Path(str(module.__file__)).parent


def _describe(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"
