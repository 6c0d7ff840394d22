"""What of a submission is the course's template, so that a template that only ran is told from an attempt."""

from __future__ import annotations

import ast
import builtins
import re
from typing import TYPE_CHECKING

from grader.extraction.passages import passages_of, tree_of
from grader.intake.python_text import called_name
from grader.records import CellKind

if TYPE_CHECKING:
    from grader.records import Cell, Labels, Submission

_PLACEHOLDER = re.compile(
    r"\b(?:your|deine?|ihre?)\b.{0,25}\b(?:code|answer|solution|lösung|antwort)\b"
    r"|\b(?:code|answer|solution) (?:goes )?here\b"
    r"|\bcode hier\b|\btodo\b|\bfill (?:this )?in\b|\bBEGIN SOLUTION\b",
    re.IGNORECASE,
)
_SETS_UP = {"load_data", "seed", "set_seed", "set_random_seed", "filterwarnings", "set_verbosity", "use", "set_theme"}
"""Calls that a template makes before anybody answers anything."""


def attempted(submission: Submission, labels: Labels) -> bool:
    """Whether any code is the student's; what was written in words has its own criteria.

    Cells that nbgrader locked are not. Where placeholders are left, neither is anything else that is locked, nor are
    imports, loading and settings: before the first task, and in tasks whose own placeholder is left.
    """
    unfilled = [cell for cell in submission.cells if _holds_placeholder(cell)]
    code = [
        cell
        for cell in submission.cells
        if cell.kind is CellKind.CODE and cell.source.strip() and not (cell.locked and (cell.nbgrader_id or unfilled))
    ]
    left = set[str]().union(*(_tasks(cell, labels) for cell in unfilled))
    for cell in code:
        tree = tree_of(cell)
        tasks = _tasks(cell, labels)
        given = bool(unfilled) and cell not in unfilled and (not tasks or bool(tasks & left))
        if tree is None or not all(_is_idle(s) or (given and _sets_up(s)) for s in tree.body):
            return True
    return False


def _tasks(cell: Cell, labels: Labels) -> set[str]:
    return {span.task for span in labels.spans if span.cell == cell.index}


def _holds_placeholder(cell: Cell) -> bool:
    if cell.kind is not CellKind.CODE:
        return False
    tree = tree_of(cell)
    if tree is not None and any(_is_unfilled(node) for node in ast.walk(tree)):
        return True
    return any(_PLACEHOLDER.search(text.text) for text in passages_of(cell))


def _is_unfilled(node: ast.AST) -> bool:
    match node:
        case ast.Raise(exc=ast.Name(id="NotImplementedError") | ast.Call(func=ast.Name(id="NotImplementedError"))):
            return True
        case ast.Constant(value=builtins.Ellipsis):
            return True
    return False


def _is_idle(statement: ast.stmt) -> bool:
    """Whether a statement is what a template holds where nothing was filled in."""
    match statement:
        case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()) | ast.Return(value=None):
            return True
        case ast.Raise():
            return _is_unfilled(statement)
        case ast.Assign(value=ast.Constant(value=None | builtins.Ellipsis)):
            return True
        case ast.FunctionDef(body=body) | ast.ClassDef(body=body):
            return all(_is_idle(inner) for inner in body)
        case _:
            return False


def _sets_up(statement: ast.stmt) -> bool:
    """Whether a statement loads the data, names constants, sets seeds, or prints what there is."""
    match statement:
        case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
            return called_name(value) == "load_data" or _is_constant(value)
        case ast.Expr(value=ast.Call() as call):
            return called_name(call) in _SETS_UP or (called_name(call) == "print" and all(map(_looks, call.args)))
        case _:
            return False


def _is_constant(value: ast.expr) -> bool:
    return all(isinstance(n, ast.Constant | ast.List | ast.Tuple | ast.Dict | ast.Load) for n in ast.walk(value))


def _looks(argument: ast.expr) -> bool:
    """Whether what is printed is a name, a shape, a version, or a text beside it: nothing that was worked out."""
    allowed = (ast.Name, ast.Attribute, ast.Subscript, ast.Load, ast.JoinedStr, ast.FormattedValue)
    return all(
        isinstance(node, allowed) or (isinstance(node, ast.Constant) and not isinstance(node.value, float))
        for node in ast.walk(argument)
    ) and not (isinstance(argument, ast.Constant) and not isinstance(argument.value, str))
