"""What depends on something that is not here: a package, a file, the internet, a GPU, a magic, another process.

Names are followed from statement to statement, through all cells: a statement that uses one that is not there as it
should be depends on the same. What only watches a training (`callbacks=`, `metrics=`) makes nothing depend on it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.extraction.passages import tree_of
from grader.intake.bindings import bindings
from grader.records import CellKind, CellStatus, FaultKind

if TYPE_CHECKING:
    from grader.records import Cell, CellRun, Evidence, Fault, Place, Span

_PHRASES = {
    FaultKind.MISSING_MODULE: "needs the package '{}', which is not available here",
    FaultKind.MISSING_FILE: "needs the file '{}', which was not handed in",
    FaultKind.MISSING_DEVICE: "needs a GPU or TPU, which is not available here",
    FaultKind.MISSING_MAGIC: "needs the magic %%{}, which is not available here",
    FaultKind.NETWORK_BLOCKED: "needs the internet, which is not available here",
    FaultKind.CELL_ERROR: "needs what cannot be imported here",
}
"""What is said of a cell, by the kind of fault; the braces stand for `Fault.lacking`."""
_ENDING = _PHRASES.keys() - {FaultKind.CELL_ERROR}
"""Kinds for which a cell stops; one that is not here is told by the names that it would have bound as well."""
_ELSEWHERE = "works in another process, in which nothing is recorded"
_COLAB = "needs Google Colab, which is not available here"

_PROCESSES = {"multiprocessing", "multiprocess", "concurrent", "joblib", "loky", "subprocess", "ray", "dask"}
"""Packages that carry out functions, or programs, in processes of their own."""
_PROGRAM = re.compile(
    r"^[ \t]*!.{0,300}\bpython[\d.]*[ \t]+\S{1,300}\.py|\A\s*%%(?:bash|sh|script)\b[\s\S]*\bpython", re.MULTILINE
)
_PYTHON = re.compile(r"python|sys\.executable|\.py\b")
_WRITES = re.compile(r"\s*%%(?:writefile|file)\b")
_WATCHING = {"callbacks", "metrics", "weighted_metrics"}
_RUNS = re.compile(r"\bexec\s*\(|^\s*%(?:run|load)\b", re.MULTILINE)
"""Code that brings names which are not known."""
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_STOPPED_AT = re.compile(r"^Cell In\[\d+\], line (\d+)$", re.MULTILINE)
"""What IPython's traceback calls the frame of the cell itself, outside of functions."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """A statement that depends on something that is not here."""

    cell: int
    first_line: int
    last_line: int
    text: str
    reason: _Reason
    seen: bool
    """Whether it was carried out where it is recorded."""

    @property
    def sentence(self) -> str:
        """'Cell 5 depends on cell 2, which needs the package 'x', which is not available here: a person …'."""
        through = "" if self.reason.cell == self.cell else f" depends on cell {self.reason.cell}, which"
        return f"Cell {self.cell}{through} {self.reason.phrase}, so a person will look."

    def within(self, cell: int | None, first: int, last: int) -> bool:
        """Whether some of these lines are its own."""
        return self.cell == cell and self.first_line <= last and first <= self.last_line


@dataclass(frozen=True, slots=True)
class _Reason:
    cell: int
    phrase: str


@dataclass(frozen=True, slots=True)
class Lacking:
    """All such statements of a submission, in order."""

    statements: tuple[Dependent, ...] = ()

    def at(self, place: Place) -> str:
        """Why what happened at a place may have been otherwise elsewhere; '' where nothing was lacking."""
        frames = place.stack or (((place.cell, place.line),) if place.cell is not None and place.line else ())
        found = (d for cell, line in frames for d in self.statements if d.within(cell, line, line))
        return next((d.sentence for d in found), "")

    def among(self, spans: tuple[Span, ...]) -> str:
        """The same of lines under a label."""
        found = (d for d in self.statements if any(d.within(s.cell, s.first_line, s.last_line) for s in spans))
        return next((d.sentence for d in found), "")


def lacking(evidence: Evidence) -> Lacking:
    """What depends on something that was lacking in this run."""
    follower = _Follower()
    runs = {run.cell: run for run in evidence.cells}
    for cell in evidence.submission.cells:
        if cell.kind is CellKind.CODE and not cell.skipped:
            follower.follow(cell, runs.get(cell.index), [f for f in evidence.faults if f.cell == cell.index])
    return Lacking(tuple(sorted(follower.found, key=lambda d: (d.cell, d.first_line))))


def _reason(fault: Fault, cell: Cell) -> _Reason:
    phrase = _PHRASES.get(fault.kind, "")
    return _Reason(cell.index, (phrase if fault.lacking else phrase.replace(" '{}'", "")).format(fault.lacking))


class _Follower:
    """Goes through the cells in order."""

    def __init__(self) -> None:
        self.found: list[Dependent] = []
        self._absent: dict[str, _Reason] = {}
        """Names that are not what they should be."""
        self._starting: set[str] = set()
        """Names of what starts processes."""
        self._functions: dict[str, Dependent] = {}
        """The student's functions, as they would depend on a process that they were given to."""
        self._reads: dict[str, set[str]] = {}
        """Function → names that it uses when it is called."""
        self._bound: set[str] = set()
        self._imported: set[str] = set()
        self._written: list[tuple[Cell, ast.stmt | None]] = []
        """Cells, and statements with long strings, that may be the text of a program."""

    def follow(self, cell: Cell, run: CellRun | None, faults: list[Fault]) -> None:
        if _WRITES.match(cell.source):
            self._written.append((cell, None))
            return
        stopped = run is not None and run.status is CellStatus.ERROR
        why: _Reason | None = None
        for fault in faults:
            if fault.names:
                self._absent.update(dict.fromkeys(fault.names, _reason(fault, cell)))
            elif fault.kind in _ENDING and (stopped or fault.kind is FaultKind.MISSING_MAGIC):
                why = why or _reason(fault, cell)
        if _PROGRAM.search(cell.source):
            why = _Reason(cell.index, _ELSEWHERE)
            self._starts_program(why)
        if why and _RUNS.search(cell.source):
            self._absent["*"] = why
        if "*" in self._absent and run and (name := _UNDEFINED.search(run.error)) and name[1] not in self._bound:
            self._absent[name[1]] = self._absent["*"]
        try:
            self._through(cell, run, why, stopped=stopped)
        except RecursionError:  # nested too deeply to be anybody's answer
            if why:
                self.found.append(_whole(cell, why))

    def _through(self, cell: Cell, run: CellRun | None, why: _Reason | None, *, stopped: bool) -> None:
        """Its statements; `why` is what it stopped for, or did nothing at all."""
        tree = tree_of(cell)
        if tree is None:
            if why:
                self.found.append(_whole(cell, why))
            return
        told = _STOPPED_AT.search(run.traceback) if run else None
        line = int(told[1]) if told else None
        unseen: _Reason | None = None
        for statement in _simple(tree.body):
            first, last = statement.lineno, statement.end_lineno or 0
            if not unseen and why and (line is None or last >= line):
                unseen = why
            if not unseen and stopped and (line is None or first <= line <= last):
                unseen = self._needs(_used(statement))
            self._statement(cell, statement, unseen)

    def _needs(self, names: set[str]) -> _Reason | None:
        """Why what uses these names, or functions that use others, depends on something."""
        reached, new = set[str](), set(names)
        while new:
            reached |= new
            new = set[str]().union(*(self._reads.get(name, set()) for name in new)) - reached
        return next((self._absent[name] for name in sorted(reached) if name in self._absent), None)

    def _statement(self, cell: Cell, statement: ast.stmt, unseen: _Reason | None) -> None:
        """Take note of one; `unseen` is why it was not carried out, where it was not."""
        used, bound = _used(statement), _bound(statement)
        self._bound |= bound
        if not isinstance(statement, ast.FunctionDef | ast.ClassDef) and _holds_lines(statement):
            self._written.append((cell, statement))
        self._processes(cell, statement, bound)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            self._imported |= bound
            for name in bound:
                module = _module(statement, name)
                if module.partition(".")[0] in _PROCESSES:
                    self._starting.add(name)
                if f"{module}.".startswith("google.colab."):
                    self._absent[name] = _Reason(cell.index, _COLAB)
            return
        for name in bound:
            self._reads.pop(name, None)
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            self._reads[statement.name] = used
            elsewhere = _Reason(cell.index, _ELSEWHERE)
            self._functions[statement.name] = _dependent(cell, statement, elsewhere, seen=False)
        if reason := self._needs(used) or unseen:
            self.found.append(_dependent(cell, statement, reason, seen=not unseen))
            done_to = {_called(statement)} - self._imported if unseen else set()
            self._absent.update(dict.fromkeys(bound | _changed(statement) | done_to, reason))
        else:
            for name in bound:
                self._absent.pop(name, None)

    def _processes(self, cell: Cell, statement: ast.stmt, bound: set[str]) -> None:
        """Functions and programs that a statement has carried out in another process."""
        reason = _Reason(cell.index, _ELSEWHERE)
        for call in (node for node in ast.walk(statement) if isinstance(node, ast.Call)):
            root = _root(call.func)
            if isinstance(call.func, ast.Attribute) and (root, call.func.attr) == ("os", "fork"):
                self.found.append(_whole(cell, reason))
            if root not in self._starting:
                continue
            self._starting |= bound
            given = set[str]().union(*map(_used, [*call.args, *(keyword.value for keyword in call.keywords)]))
            functions = [self._functions[name] for name in sorted(given) if name in self._functions]
            self.found += functions
            self._absent.update(dict.fromkeys((f for f in given if f in self._functions), reason))
            closures = any(isinstance(node, ast.Lambda) for node in ast.walk(call))
            if functions or closures or _PYTHON.search(ast.unparse(call)):
                self.found.append(_dependent(cell, statement, reason, seen=False))
            if _PYTHON.search(ast.unparse(call)):
                self._starts_program(reason)

    def _starts_program(self, reason: _Reason) -> None:
        """What was written before may be the program: what it does depends on the cell that starts it."""
        for cell, text in self._written:
            self.found.append(_dependent(cell, text, reason, seen=False) if text else _whole(cell, reason))
        self._written.clear()


# ------------------------------------------------------------------ statements


def _holds_lines(statement: ast.stmt) -> bool:
    return any(isinstance(node, ast.Constant) and "\n" in str(node.value) for node in ast.walk(statement))


def _whole(cell: Cell, reason: _Reason) -> Dependent:
    return Dependent(cell.index, 1, cell.source.count("\n") + 1, cell.source, reason, seen=False)


def _dependent(cell: Cell, statement: ast.stmt, reason: _Reason, *, seen: bool) -> Dependent:
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    text = "\n".join(cell.source.split("\n")[first - 1 : last])
    return Dependent(cell.index, first, last, text, reason, seen)


def _simple(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements one by one; of those that hold others, first the head (a test, a loop's items), then the others."""
    for statement in body:
        match statement:
            case ast.If() | ast.While() | ast.For() | ast.AsyncFor() | ast.With() | ast.AsyncWith():
                head = ast.copy_location(_head(statement), statement)
                head.end_lineno = max(statement.lineno, statement.body[0].lineno - 1)
                yield ast.fix_missing_locations(head)
                yield from _simple(statement.body)
                yield from _simple(getattr(statement, "orelse", []))
            case ast.Try():
                for part in (statement.body, *(h.body for h in statement.handlers), statement.orelse):
                    yield from _simple(part)
                yield from _simple(statement.finalbody)
            case _:
                yield statement


def _head(statement: ast.If | ast.While | ast.For | ast.AsyncFor | ast.With | ast.AsyncWith) -> ast.stmt:
    match statement:
        case ast.If() | ast.While():
            return ast.Expr(statement.test)
        case ast.For() | ast.AsyncFor():
            return ast.Assign([statement.target], statement.iter)
        case _:
            return ast.With(statement.items, [ast.Pass()])


class _Names(ast.NodeVisitor):
    """Names that are read, but by what only watches and for what is local to a function."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            self.read.add(node.id)

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in _WATCHING:
            self.visit(node.value)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        inner = _Names()
        inner.generic_visit(node)
        arguments = {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        self.read |= inner.read - arguments - stored

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _function  # noqa: N815 - names of `ast`


def _used(node: ast.AST) -> set[str]:
    names = _Names()
    names.visit(node)
    return names.read


def _bound(statement: ast.stmt) -> set[str]:
    return set(bindings(ast.Module([statement], [])))


def _changed(statement: ast.stmt) -> set[str]:
    """Names of what an assignment changes a part of: `a[0] = …`, `a.b = …`."""
    targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
    return {_root(target) for target in targets if isinstance(target, ast.Subscript | ast.Attribute)}


def _called(statement: ast.stmt) -> str:
    """'net' of the statement `net.compile(…)`: what it does to it is not done where the statement is not."""
    call = statement.value if isinstance(statement, ast.Expr) else None
    return _root(call) if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""


def _root(node: ast.expr) -> str:
    """'a' of `a.b(1)[2].c`; '' where it is no name."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _module(statement: ast.Import | ast.ImportFrom, name: str) -> str:
    if isinstance(statement, ast.ImportFrom):
        return statement.module or ""
    return next((a.name for a in statement.names if name in {a.asname, a.name.partition(".")[0]}), "")
