"""Which names a cell defines for those that come after it."""

from __future__ import annotations

import ast


def bindings(tree: ast.Module) -> dict[str, int]:
    """Name → the line where a cell first binds it at its top level, or declares it global in a function."""
    visitor = _Bindings()
    visitor.visit(tree)
    return visitor.lines


class _Bindings(ast.NodeVisitor):
    """Goes into everything that has no scope of its own."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}

    def _bind(self, name: str, node: ast.stmt | ast.expr | ast.pattern) -> None:
        self.lines.setdefault(name, node.lineno)

    def _scope(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        self._bind(node.name, node)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Global):
                for name in inner.names:
                    self._bind(name, inner)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = _scope  # noqa: N815 - names of `ast`

    def _elsewhere(self, node: ast.expr) -> None:
        """What is bound in it is seen nowhere else."""

    visit_Lambda = visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _elsewhere  # noqa: N815

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.split(".")[0], node)

    visit_Import = visit_ImportFrom = _import  # noqa: N815

    def visit_Name(self, node: ast.Name) -> None:
        """A target of `=`, `for`, `with`, `:=` and the like."""
        if isinstance(node.ctx, ast.Store):
            self._bind(node.id, node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        """`case … as name`."""
        if node.name:
            self._bind(node.name, node)
        self.generic_visit(node)
