"""Makes the text of a cell runnable here without changing what it means.

* bare `pip install …` lines, which a notebook of several lines would not accept, print a sentence;
* an import that fails is noted and the cell goes on: on the student's machine it did not fail. What stands for
  what it would have bound is in `absent`;
* the body of a cell magic that nobody here knows is run as Python.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable

INSTALLERS = r"(?:sudo\s+)?(?:\S*python[\d.]*\s+-m\s+)?(?:pip[\d.]*|conda|mamba|apt(?:-get)?|brew|uv)\b"
_BARE = re.compile(rf"^(\s*){INSTALLERS}\s+(?:install|uninstall|update|upgrade)\b.*$")
_PRIVATE = "tensorflow.python.keras"
GUARD = "__import_failed__"


def without_installs(lines: list[str]) -> list[str]:
    """Bare install lines of a cell that is no Python because of them."""
    if not any(_BARE.match(line) for line in lines):
        return lines
    try:
        ast.parse("".join(lines))
    except SyntaxError:
        return [_BARE.sub(r"\1get_ipython().system('pip install')", line) for line in lines]
    return lines


_CELL_MAGIC = re.compile(r"%%(\w+)(.*)", re.DOTALL)
_NO_PYTHON = re.compile(r"^(\s*)[!%].*$", re.MULTILINE)


def unknown_cell_magic(lines: list[str], knows: Callable[[str], bool]) -> list[str]:
    """A cell whose magic nobody `knows` and whose body is Python: the magic of a line instead, then the body."""
    first = next((n for n, line in enumerate(lines) if line.strip()), 0)
    magic = _CELL_MAGIC.match(lines[first]) if lines else None
    if magic is None or knows(magic[1]):
        return lines
    body = lines[first + 1 :]
    try:
        ast.parse(_NO_PYTHON.sub(r"\1pass", "".join(body)))
    except SyntaxError:
        return lines
    return [*lines[:first], f"get_ipython().run_line_magic({magic[1]!r}, {magic[2].strip()!r})\n", *body]


class GuardImports(ast.NodeTransformer):
    """Wraps the imports of a cell, each by itself, but for those whose failure the student's own code handles.

    `note(idiom, today, line)` hears of TensorFlow's private copy of Keras, which is led to the public one: the
    copy is another library, and too old to be recorded.
    """

    def __init__(self, note: Callable[[str, str, int], None]) -> None:
        self._note = note

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """The same module, changed in place."""
        for statement in ast.walk(node):
            self._public(statement)
        self.generic_visit(node)
        return node

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Expressions, which may be nested deeply, hold no imports."""
        return node if isinstance(node, ast.expr) else super().generic_visit(node)

    def visit_Try(self, node: ast.Try) -> ast.Try:
        """What it tries is left alone: it has handlers of its own."""
        tried, node.body = node.body, [ast.copy_location(ast.Pass(), node)]
        self.generic_visit(node)
        node.body = tried
        return node

    def _public(self, statement: ast.AST) -> None:
        if isinstance(statement, ast.ImportFrom) and statement.module is not None:
            private = statement.module == "tensorflow.python" and statement.names[0].name == "keras"
            if private or f"{statement.module}.".startswith(_PRIVATE + "."):
                self._note(_PRIVATE, "tensorflow.keras", statement.lineno)
                statement.module = statement.module.replace("tensorflow.python", "tensorflow", 1)
        elif isinstance(statement, ast.Import):
            for alias in statement.names:
                if alias.asname and f"{alias.name}.".startswith(_PRIVATE + "."):
                    self._note(_PRIVATE, "tensorflow.keras", statement.lineno)
                    alias.name = alias.name.replace("tensorflow.python", "tensorflow", 1)

    def visit_Import(self, node: ast.Import) -> list[ast.Try]:
        """One guarded statement for each module: where one is not here, the others are."""
        return [
            _guarded(ast.Import([alias]), alias.name, alias.asname or alias.name.split(".")[0], node)
            for alias in node.names
        ]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.ImportFrom | list[ast.Try]:
        """The same for each name."""
        if node.module == "__future__":
            return node
        return [
            _guarded(
                ast.ImportFrom(node.module, [alias], node.level), node.module or "", alias.asname or alias.name, node
            )
            for alias in node.names
        ]


def _guarded(statement: ast.stmt, module: str, name: str, instead_of: ast.stmt) -> ast.Try:
    call = f"{GUARD}(__error__, {module!r}, {name!r})"
    handling = call if name == "*" else f"{name} = {call}"
    guarded = ast.parse(f"try:\n pass\nexcept ImportError as __error__:\n {handling}").body[0]
    assert isinstance(guarded, ast.Try)
    guarded.body = [statement]
    for inner in ast.walk(guarded):
        ast.copy_location(inner, instead_of)
    return guarded


def remaining_imports(code: str, line: int) -> list[ast.stmt]:
    """The top-level imports of a cell below `line`, where it stopped: they do no harm, and later cells need them."""
    return [s for s in ast.parse(code).body if isinstance(s, (ast.Import, ast.ImportFrom)) and s.lineno > line]
