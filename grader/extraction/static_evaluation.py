"""Arithmetic in a student's code, evaluated without running it: 784*10 + 10, w1 + b1, params(784, 10).

Statements are followed in order, so that a name means what was last assigned to it. What comes from a network
(`summary()`, `count_params()`, sizes of its weights) is *machine-derived* and never the student's own arithmetic.
"""

from __future__ import annotations

import ast
import math
from collections import ChainMap, deque
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.extraction.arithmetic import LARGEST, apply
from grader.intake.python_text import called_name

if TYPE_CHECKING:
    from collections.abc import Iterator

_KERAS_COUNTS = {
    "summary", "count_params", "get_weights", "weights", "trainable_weights", "trainable_variables", "variables",
    "non_trainable_weights", "plot_model",
}  # fmt: skip
"""Attributes and functions through which Keras tells its own counts."""
_OPERATORS = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Pow: "^", ast.Mod: "%",
}  # fmt: skip
_LIST_FUNCTIONS: dict[str, Callable[[list[float]], float]] = {"sum": sum, "prod": math.prod, "product": math.prod}
_NUMBER_FUNCTIONS: dict[str, Callable[[float], float]] = {"int": math.trunc, "float": float, "round": round, "abs": abs}
_SHOWING = {"print", "display", "pprint"}
_HANDING_ON = _SHOWING | {"str", "format", "Markdown", "Latex", "dict", "list", "tuple"}
"""What is given to these is stated; what is given to another function sets something."""
_DEPTH = 60
"""Expressions and calls inside one another that are followed."""
_STEPS = 20_000
"""Nodes evaluated for one expression; more is no arithmetic of a person."""
_LONGEST_LIST = 1000
"""Items of a list that are looked at."""

Value = float | list["Value"]
Names = MutableMapping[str, Value]


@dataclass(frozen=True, slots=True)
class EvaluatedNumber:
    """A number in code, with its 1-based line and its source, cut to a bound."""

    value: float
    line: int
    text: str
    literal: bool
    """A bare literal, not arithmetic."""
    columns: tuple[int, int] = (0, 0)
    """Where it begins and ends in its line, in bytes; its end is 0 where that is another line."""
    operand: bool = False
    """A part of a larger expression."""
    setting: bool = False
    """An argument or an index: it sets something, and states nothing."""


@dataclass
class StaticEvaluator:
    """Follows cell after cell; what only the run could tell comes from the scalars it left."""

    names: Names = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef | ast.Lambda] = field(default_factory=dict)
    keras_names: set[str] = field(default_factory=set)
    """Names whose values come from a network."""
    run_scalars: dict[str, float] = field(default_factory=dict)
    """Scalars that variables held after the current cell."""
    _numbers: list[EvaluatedNumber] = field(default_factory=list)

    def follow(self, tree: ast.Module, run_scalars: dict[str, float]) -> list[EvaluatedNumber]:
        """Numbers of a cell in order; `run_scalars` are those that variables held after it."""
        self.run_scalars = run_scalars
        self._numbers = []
        self._statements(tree.body)
        return self._numbers

    def counted_by_keras(self, node: ast.AST) -> bool:
        """Whether an expression tells what Keras counted."""
        return any(
            (isinstance(n, ast.Attribute) and n.attr in _KERAS_COUNTS)
            or (isinstance(n, ast.Name) and (n.id in self.keras_names or n.id in _KERAS_COUNTS))
            for n in ast.walk(node)
        )

    # ------------------------------------------------------------------ statements

    def _statements(self, body: list[ast.stmt]) -> None:
        for statement in body:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.FunctionDef(name=name):
                self.functions[name] = node
                if any(self.counted_by_keras(part) for part in node.body):
                    self.keras_names.add(name)
                inner = self.names
                self.names = ChainMap({}, inner)
                self._statements(node.body)
                self.names = inner
                return
            case ast.Assign(targets=targets, value=value):
                self._record_numbers(value)
                for target in targets:
                    self._assign(target, value, node.lineno)
            case ast.AnnAssign(target=target, value=value) if value is not None:
                self._record_numbers(value)
                self._assign(target, value, node.lineno)
            case ast.AugAssign(target=ast.Name(id=name) as target, op=op, value=value):
                self._record_numbers(value)
                both = ast.BinOp(ast.Name(name, ast.Load()), op, value)
                ast.copy_location(both, node)
                self._assign(target, ast.fix_missing_locations(both), node.lineno)
                result = self.names.get(name)
                if isinstance(result, float):
                    self._numbers.append(EvaluatedNumber(result, node.lineno, _source(node), literal=False))
            case ast.For(target=target, iter=source, body=body, orelse=orelse):
                self._record_numbers(source)
                self._unbind(target, self.counted_by_keras(source))
                inside = [part for statement in body for part in ast.walk(statement)]
                for part in inside:
                    if isinstance(part, ast.Assign | ast.AugAssign):
                        for t in part.targets if isinstance(part, ast.Assign) else [part.target]:
                            self._unbind(t, self.counted_by_keras(part.value))
                self._statements(body + orelse)
                for part in inside:  # what a loop leaves is not what its body says once
                    if isinstance(part, ast.AugAssign):
                        self._unbind(part.target, counted_by_keras=False)
                        self._record_scalar_of_run(part.target, part.lineno)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self._record_numbers(child)
                for name in ("body", "orelse", "finalbody"):
                    self._statements([s for s in getattr(node, name, []) if isinstance(s, ast.stmt)])
                for handler in getattr(node, "handlers", []):
                    self._statements(handler.body)

    def _assign(self, target: ast.expr, value: ast.expr, line: int) -> None:
        pair = isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List)
        if pair and len(target.elts) == len(value.elts):  # type: ignore[attr-defined]
            for t, v in zip(target.elts, value.elts, strict=True):  # type: ignore[attr-defined]
                self._assign(t, v, line)
            return
        if not isinstance(target, ast.Name):
            self._unbind(target, self.counted_by_keras(value))
            return
        if isinstance(value, ast.Lambda):
            self.functions[target.id] = value
            return
        result = self.evaluate(value)
        self._unbind(target, self.counted_by_keras(value))
        if result is not None:
            self.names[target.id] = result
        else:
            self._record_scalar_of_run(target, line)

    def _record_scalar_of_run(self, target: ast.expr, line: int) -> None:
        """What the run says of a name whose value is not followed here."""
        if isinstance(target, ast.Name) and target.id in self.run_scalars and target.id not in self.keras_names:
            self._numbers.append(EvaluatedNumber(self.run_scalars[target.id], line, target.id, literal=False))

    def _unbind(self, target: ast.AST, counted_by_keras: bool) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name):
                self.names.pop(node.id, None)
                if counted_by_keras:
                    self.keras_names.add(node.id)
                elif isinstance(target, ast.Name):
                    self.keras_names.discard(node.id)

    # ------------------------------------------------------------------ expressions

    def _record_numbers(self, node: ast.expr) -> None:
        """Record every literal and every arithmetic in an expression that can be evaluated."""
        for part, operand, setting in _parts(node):
            value, text, literal = None, "", isinstance(part, ast.Constant)
            if isinstance(part, ast.Constant):
                if isinstance(part.value, int | float) and not isinstance(part.value, bool):
                    value, text = _number(part.value), str(part.value)[:40]
            elif isinstance(part, ast.BinOp | ast.Call) and not self.counted_by_keras(part):
                result = self.evaluate(part)
                value, text = (result, _source(part)) if isinstance(result, float) else (None, "")
            if value is not None:
                assert isinstance(part, ast.expr)
                ends_here = part.end_lineno == part.lineno
                columns = (part.col_offset, (part.end_col_offset or 0) if ends_here else 0)
                self._numbers.append(
                    EvaluatedNumber(value, part.lineno, text, literal, columns, operand=operand, setting=setting)
                )

    def evaluate(self, node: ast.expr) -> Value | None:
        """The value of an expression of numbers, known names and own functions; None for anything else."""
        if isinstance(node, ast.BinOp | ast.Call) and self.counted_by_keras(node):
            return None
        return _Evaluation(self).value(node, self.names, 0)


class _Evaluation:
    def __init__(self, evaluator: StaticEvaluator) -> None:
        self.evaluator = evaluator
        self.steps = 0

    def value(self, node: ast.AST | None, names: Names, depth: int) -> Value | None:
        self.steps += 1
        if depth > _DEPTH or self.steps > _STEPS:
            return None
        deeper = depth + 1
        match node:
            case ast.Constant(value=bool()):
                return None
            case ast.Constant(value=int() | float() as number):
                return _number(number)
            case ast.Name(id=name):
                if name in names:
                    return names[name]
                return None if name in self.evaluator.keras_names else self.evaluator.run_scalars.get(name)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.value(operand, names, deeper)
                return -inner if isinstance(inner, float) else None
            case ast.UnaryOp(op=ast.UAdd(), operand=operand):
                return self.value(operand, names, deeper)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                a = self.value(left, names, deeper)
                b = self.value(right, names, deeper) if a is not None else None
                if isinstance(a, float) and isinstance(b, float):
                    return apply(_OPERATORS[type(op)], a, b)
                return None
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                values = [self.value(e, names, deeper) for e in elements[:_LONGEST_LIST]]
                return [v for v in values if v is not None] if None not in values else None
            case ast.Subscript(value=whole, slice=index):
                items, at = self.value(whole, names, deeper), self.value(index, names, deeper)
                if isinstance(items, list) and isinstance(at, float) and -len(items) <= at < len(items):
                    return items[int(at)]
                return None
            case ast.Call(func=function, args=arguments, keywords=keywords):
                return self._call(function, arguments, keywords, names, deeper)
            case _:
                return None

    def _call(
        self, function: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword], names: Names, depth: int
    ) -> Value | None:
        name = function.id if isinstance(function, ast.Name) else getattr(function, "attr", "")
        defined = self.evaluator.functions.get(name) if isinstance(function, ast.Name) else None
        if defined is None and name not in _LIST_FUNCTIONS and name not in _NUMBER_FUNCTIONS:
            return None
        values = [self.value(a, names, depth) for a in arguments]
        if defined is not None:
            given = {k.arg: self.value(k.value, names, depth) for k in keywords if k.arg}
            return self._call_students(defined, values, given, names, depth)
        only = values[0] if len(values) == 1 and not keywords else None
        if isinstance(only, list) and name in _LIST_FUNCTIONS:
            numbers = [v for v in only if isinstance(v, float)]
            return _number(_LIST_FUNCTIONS[name](numbers)) if len(numbers) == len(only) else None
        return float(_NUMBER_FUNCTIONS[name](only)) if isinstance(only, float) and name in _NUMBER_FUNCTIONS else None

    def _call_students(
        self,
        function: ast.FunctionDef | ast.Lambda,
        values: list[Value | None],
        given: dict[str, Value | None],
        names: Names,
        depth: int,
    ) -> Value | None:
        """A call of a function whose body only assigns and returns."""
        parameters = [a.arg for a in function.args.args]
        local: dict[str, Value] = {}
        for parameter, default in zip(parameters[::-1], function.args.defaults[::-1], strict=False):
            worth = self.value(default, names, depth)
            if worth is not None:
                local[parameter] = worth
        bound = {**dict(zip(parameters, values, strict=False)), **given}
        if len(values) > len(parameters) or None in bound.values():
            return None
        local |= {k: v for k, v in bound.items() if v is not None}
        scope: Names = ChainMap(local, names)
        if isinstance(function, ast.Lambda):
            return self.value(function.body, scope, depth + 1)
        for statement in function.body:
            match statement:
                case ast.Return(value=value):
                    return self.value(value, scope, depth + 1)
                case ast.Assign(targets=[ast.Name(id=name)], value=value):
                    worth = self.value(value, scope, depth + 1)
                    if worth is None:
                        return None
                    scope[name] = worth
                case ast.Expr(value=ast.Constant()):
                    continue
                case _:
                    return None
        return None


def _parts(node: ast.AST) -> Iterator[tuple[ast.AST, bool, bool]]:
    """Every part of an expression: whether it is an operand of another one, and whether it sets something."""
    waiting = deque([(node, False, False)])
    while waiting:
        part, operand, setting = waiting.popleft()
        yield part, operand, setting
        match part:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                name = called_name(part)
                term = name in _LIST_FUNCTIONS or name in _NUMBER_FUNCTIONS
                sets = setting or not (term or name in _HANDING_ON)
                waiting.append((function, operand, setting))
                waiting.extend((given, operand or term, sets) for given in (*arguments, *keywords))
            case ast.Subscript(value=whole, slice=index):
                waiting.extend([(whole, operand, setting), (index, operand, True)])
            case ast.BinOp(left=left, right=right):
                formats = isinstance(left, ast.Constant) and isinstance(left.value, str)  # '%d parameters' % 8070
                waiting.extend((side, operand or not formats, setting) for side in (left, right))
            case _:
                waiting.extend((child, operand, setting) for child in ast.iter_child_nodes(part))


def _number(value: complex) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (OverflowError, TypeError):
        return None
    return number if abs(number) <= LARGEST else None


def _source(node: ast.AST) -> str:
    try:
        return ast.unparse(node)[:200]
    except (RecursionError, ValueError):
        return ""


def output_expressions(tree: ast.Module) -> Iterator[ast.expr]:
    """What a cell shows: arguments of `print` and `display` anywhere in it, and its last expression."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if called_name(node) in _SHOWING:
                yield from node.args
            elif called_name(node) == "summary":
                yield node
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        value = tree.body[-1].value
        if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in _SHOWING):
            yield value
