"""Magics and shell lines that a notebook brings from another place: none of them may fail, install or wait."""

from __future__ import annotations

import re
from typing import Any

from .cell_source import INSTALLERS

_INSTALLER = re.compile(rf"^\s*{INSTALLERS}")
_SENTENCE = "Nothing is installed here: the notebook runs with the packages that the grader provides."


def install_magics(shell: Any) -> None:
    """On IPython's shell, before the first cell."""

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
    original = shell.find_line_magic("load_ext")

    def load_ext(line: str = "") -> Any:
        try:
            return original(line)
        except ImportError as error:
            print(f"The extension {line.strip()} is not available here ({error}).")
            return None

    shell.register_magic_function(load_ext, "line", "load_ext")


def _without_installers(shell: Any, name: str) -> None:
    original = getattr(shell, name)

    def system(command: str) -> Any:
        if _INSTALLER.match(command):
            print(_SENTENCE)
            shell.user_ns["_exit_code"] = 0
            return None
        return original(command)

    setattr(shell, name, system)
