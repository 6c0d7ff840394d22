"""A YAML file with its line numbers, so that whatever is wrong in it can be pointed at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from grader.errors import RubricError

Location = Sequence[str | int]
"""Keys and positions from the root of the file to a value."""


@dataclass(frozen=True, slots=True)
class Source:
    """The file as it was read."""

    path: Path
    values: Any
    """Plain dicts, lists and scalars."""
    root: Node

    def line(self, location: Location) -> int:
        """1-based line of the key or item at `location`, or of its nearest parent where there is none."""
        node, line = self.root, 1
        for step in location:
            found = _child(node, step)
            if found is None:
                break
            node, line = found
        return line

    def refuse(self, location: Location, sentence: str) -> NoReturn:
        """Raise RubricError with the file and the line of `location`."""
        raise RubricError(f"{self.path}, line {self.line(location)}: {sentence}")


def _child(node: Node, step: str | int) -> tuple[Node, int] | None:
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if key.value == str(step):
                return value, key.start_mark.line + 1
    if isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
        item = node.value[step]
        return item, item.start_mark.line + 1
    return None


def read_yaml(path: Path, text: str) -> Source:
    """Parse YAML 1.2; raises RubricError with the line of a syntax error or a duplicate key."""
    try:
        yaml = YAML(typ="safe", pure=True)
        root = yaml.compose(text)
        values = yaml.constructor.construct_document(root) if root else None
    except DuplicateKeyError as problem:
        what = str(problem.problem).split(" with ")[0]
        raise RubricError(f"{path}, line {_line(problem)}: {what}; each key may stand once.") from None
    except MarkedYAMLError as problem:
        raise RubricError(f"{path}, line {_line(problem)}: not valid YAML: {problem.problem}.") from None
    except YAMLError as problem:
        raise RubricError(f"{path}: not valid YAML: {' '.join(str(problem).split())}.") from None
    if not isinstance(values, dict):
        raise RubricError(f"{path}, line 1: a rubric is a mapping of fields such as `id:` and `tasks:`.")
    return Source(path, values, root)


def _line(problem: MarkedYAMLError) -> int:
    mark = problem.problem_mark or problem.context_mark
    return mark.line + 1 if mark else 1
