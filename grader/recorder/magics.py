"""Magics and shell lines that a notebook brings from another place: none of them may fail, install or wait."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from typing import Any

from .absent import Notice
from .cell_source import INSTALLERS, unknown_cell_magic

_INSTALLER = re.compile(rf"^\s*{INSTALLERS}")
_SENTENCE = "Nothing is installed here: the notebook runs with the packages that the grader provides."


def install_magics(shell: Any, notice: Notice) -> None:
    """On IPython's shell, before the first cell; `notice` tells the student and the grader outside."""

    def nothing_installed(line: str = "") -> None:  # noqa: ARG001
        print(_SENTENCE)

    def ignored(line: str = "", cell: str | None = None) -> None:
        """Does nothing."""

    for name in ("pip", "conda", "mamba", "micromamba", "uv"):
        shell.register_magic_function(nothing_installed, "line", name)
    for name in ("tensorflow_version", "tensorboard"):
        shell.register_magic_function(ignored, "line", name)
    _inline_only(shell)
    _forgiving_extensions(shell)
    _unknown_magics(shell, notice)
    _programs_without_installers()
    for name in ("system_piped", "system_raw"):
        _without_installers(shell, name)
    shell.system = shell.system_piped
    shell.user_ns.update(exit=leave, quit=leave)
    shell.user_ns_hidden.update(exit=leave, quit=leave)


def leave(code: object = None) -> None:
    """Ends the cell, not the kernel: the cells that follow still run."""
    raise SystemExit(code)


def _inline_only(shell: Any) -> None:
    original = shell.find_line_magic("matplotlib")

    def matplotlib(line: str = "") -> Any:
        return original(line if line.strip().startswith(("-l", "--list")) else "inline")

    shell.register_magic_function(matplotlib, "line", "matplotlib")


def _forgiving_extensions(shell: Any) -> None:
    def forgiving(name: str) -> None:
        original = shell.find_line_magic(name)

        def load_ext(line: str = "") -> Any:
            try:
                return original(line)
            except ImportError as error:
                print(f"The extension {line.strip()} is not available here ({error}).")
                return None

        shell.register_magic_function(load_ext, "line", name)

    forgiving("load_ext")
    forgiving("reload_ext")


def _unknown_magics(shell: Any, notice: Notice) -> None:
    """What an unknown magic measures or shows is left out; what it runs is run."""
    run_line, run_cell = shell.run_line_magic, shell.run_cell_magic

    def run_line_magic(magic_name: str, line: str, _stack_depth: int = 1) -> Any:
        if shell._find_with_lazy_load("line", magic_name) is not None:
            return run_line(magic_name, line, _stack_depth=_stack_depth + 1)
        notice(f"The magic %{magic_name} is not available here; the cell goes on without it.\n")
        if does_something(line):
            exec(compile(line, "<magic>", "exec"), shell.user_ns)  # noqa: S102
        return None

    def run_cell_magic(magic_name: str, line: str, cell: str) -> Any:
        if shell._find_with_lazy_load("cell", magic_name) is not None:
            return run_cell(magic_name, line, cell)
        text = f"The magic %%{magic_name} is not available here, so the cell did nothing.\n"
        notice(text, fault="missing_magic", magic=magic_name)
        return None

    shell.run_line_magic, shell.run_cell_magic = run_line_magic, run_cell_magic
    knows = lambda name: shell._find_with_lazy_load("cell", name) is not None  # noqa: E731
    shell.input_transformers_cleanup.insert(0, lambda lines: unknown_cell_magic(lines, knows))


def does_something(line: str) -> bool:
    """Whether it is Python that calls or assigns, as after %memit; options are no Python."""
    try:
        body = ast.parse(line.strip()).body
    except SyntaxError:
        return False
    calls = [isinstance(s, ast.Assign) or (isinstance(s, ast.Expr) and isinstance(s.value, ast.Call)) for s in body]
    return any(calls)


def _programs_without_installers() -> None:
    """The same for installers that Python code starts."""
    start, system = subprocess.Popen.__init__, os.system
    instead = [sys.executable, "-c", f"print({_SENTENCE!r})"]

    def __init__(self: Any, args: Any, *more: Any, **options: Any) -> None:  # noqa: N807
        command = args if isinstance(args, str) else shlex.join(map(os.fsdecode, args))
        if _INSTALLER.match(command):
            args, options = instead, {**options, "shell": False}
        start(self, args, *more, **options)

    def system_without(command: Any) -> int:
        return subprocess.call(instead) if _INSTALLER.match(os.fsdecode(command)) else system(command)  # noqa: S603

    subprocess.Popen.__init__ = __init__  # type: ignore[method-assign]
    os.system = system_without


def _without_installers(shell: Any, name: str) -> None:
    original = getattr(shell, name)

    def system(command: str) -> Any:
        if _INSTALLER.match(command):
            print(_SENTENCE)
            shell.user_ns["_exit_code"] = 0
            return None
        return original(command)

    setattr(shell, name, system)
