"""Makes the text of a cell runnable here without changing what it means.

* bare `pip install …` lines, which a notebook of several lines would not accept, print a sentence;
* a top-level import that fails is noted and the cell goes on: on the student's machine it did not fail. What
  it would have bound raises the import's own error when it is used.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from typing import Any

INSTALLERS = r"(?:sudo\s+)?(?:\S*python[\d.]*\s+-m\s+)?(?:pip[\d.]*|conda|mamba|apt(?:-get)?|brew|uv)\b"
_BARE = re.compile(rf"^(\s*){INSTALLERS}\s+(?:install|uninstall|update|upgrade)\b.*$")
_PRIVATE = "tensorflow.python.keras"
GUARD = "__import_failed__"

Notice = Callable[..., None]
"""notice(text, **facts): tell the student, and the grader outside."""


def without_installs(lines: list[str]) -> list[str]:
    """Bare install lines of a cell that is no Python because of them."""
    if not any(_BARE.match(line) for line in lines):
        return lines
    try:
        ast.parse("".join(lines))
    except SyntaxError:
        return [_BARE.sub(r"\1get_ipython().system('pip install')", line) for line in lines]
    return lines


class GuardImports(ast.NodeTransformer):
    """Wraps the imports at the top level of a cell, each by itself.

    `note(idiom, today, line)` hears of TensorFlow's private copy of Keras, which is led to the public one: the
    copy is another library, and too old to be recorded.
    """

    def __init__(self, note: Callable[[str, str, int], None]) -> None:
        self._note = note

    def visit_Module(self, node: ast.Module) -> ast.Module:
        """The same module, changed in place."""
        for statement in ast.walk(node):
            self._public(statement)
        node.body = [self._guarded(statement) for statement in node.body]
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

    def _guarded(self, statement: ast.stmt) -> ast.stmt:
        if not isinstance(statement, (ast.Import, ast.ImportFrom)):
            return statement
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            return statement
        bound = [alias.asname or alias.name.split(".")[0] for alias in statement.names if alias.name != "*"]
        module = statement.module or "" if isinstance(statement, ast.ImportFrom) else statement.names[0].name
        call = f"{GUARD}(__error__, {module!r}, {bound!r}, globals())"
        guarded = ast.parse(f"try:\n pass\nexcept ImportError as __error__:\n {call}").body[0]
        assert isinstance(guarded, ast.Try)
        for inner in ast.walk(guarded):
            ast.copy_location(inner, statement)
        guarded.body = [statement]
        return guarded


def remaining_imports(code: str, line: int) -> list[ast.stmt]:
    """The top-level imports of a cell below `line`, where it stopped: they do no harm, and later cells need them."""
    return [s for s in ast.parse(code).body if isinstance(s, (ast.Import, ast.ImportFrom)) and s.lineno > line]


def import_failed(notice: Notice) -> Callable[..., None]:
    """What a guarded import calls."""

    def failed(error: ImportError, module: str, names: list[str], variables: dict[str, Any]) -> None:
        if module.startswith("google.colab"):
            notice("google.colab is not available here; the notebook goes on without it.\n")
            stub: Any = Colab(notice)
        else:
            missing = (error.name or "") if isinstance(error, ModuleNotFoundError) else ""
            fault = "missing_module" if missing else "cell_error"
            notice(f"{error}: the cell goes on without it.\n", fault=fault, module=missing, error=str(error))
            stub = Missing(error)
        variables.update(dict.fromkeys(names, stub))

    return failed


class Missing:
    """Stands for what could not be imported: any use raises the error of the import."""

    def __init__(self, error: ImportError) -> None:
        self.__dict__["_error"] = (type(error), error.args, error.name)

    def _raise(self, *_: Any, **__: Any) -> Any:
        kind, args, name = self.__dict__["_error"]
        raise kind(*args, name=name)

    __call__ = __getitem__ = __iter__ = __setattr__ = __mro_entries__ = __enter__ = _raise

    def __getattr__(self, name: str) -> Any:
        if name.startswith(("__", "_repr_", "_ipython_")):
            raise AttributeError(name)
        return self._raise()


class Colab:
    """Stands for `google.colab` and everything in it: does nothing, and says so once."""

    def __init__(self, notice: Notice) -> None:
        self._notice = notice

    def __getattr__(self, name: str) -> Colab:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __call__(self, *_: Any, **__: Any) -> dict[str, Any]:
        self._notice("There is no Google Drive or upload here; files that were handed in lie beside the notebook.\n")
        return {}
