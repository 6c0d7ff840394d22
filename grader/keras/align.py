"""What is asked for beside what is there: an optimal alignment of layers, and the differences that it shows.

The alignment has the least total cost of leaving out, adding and changing layers (Needleman & Wunsch 1970,
doi:10.1016/0022-2836(70)90057-4).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.keras.canonical import Canonical, canonical
from grader.keras.step import Step, asked_for, total
from grader.records import LayerRow, LayerTable

if TYPE_CHECKING:
    from grader.records import Architecture
    from grader.rubric.expected import LayerSpec, ModelSpec

_GAP = 1.0
_CHANGED = {"padding": 0.2, "use_bias": 0.2, "dilation_rate": 0.2}
"""Cost of an entry that differs; 0.4 for the others."""

_OTHER_KIND = 0.6
_STAND_INS = (
    {"MaxPooling2D", "AveragePooling2D"},
    {"Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"},
)
"""Kinds that stand in each other's place: shown as one changed layer, not as one lost and one added."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as asked for."""

    what: str
    """'missing' (a layer), 'extra' (a layer) or an entry of the configuration: 'units', 'activation', …; 'kind'."""
    kind: str
    """Of the layer that was asked for, or is extra."""
    wanted: Any = None
    got: Any = None
    output: bool = False
    """It is about the last layer that was asked for."""

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the same mistake made in another network."""
        if self.what in {"missing", "extra"}:
            return (self.what, self.kind)
        if self.what == "activation":
            return (self.what, self.got, self.output)
        return (self.what, self.kind, str(self.got), self.output)


@dataclass(frozen=True, slots=True)
class Comparison:
    actual: Canonical
    expected: tuple[Step, ...]
    table: LayerTable
    differences: tuple[Difference, ...]
    choices: tuple[Difference, ...]
    """Differences from the sheet that a student is free to choose (hidden widths, padding)."""
    distance: float
    """Cost of the alignment: 0 for what was asked for, about 1 for each layer too many or too few."""

    @property
    def flat_output(self) -> bool:
        """Whether the network gives one vector per image (True when shapes are unknown)."""
        output = self.actual.output
        return output is None or output.after is None or len(output.after) == 1


def compare(spec: ModelSpec, architecture: Architecture | Canonical) -> Comparison:
    """Align an architecture with what is asked for."""
    actual = architecture if isinstance(architecture, Canonical) else canonical(architecture)
    specs = [layer for layer in spec.layers if not layer.optional]
    expected: list[Step] = []
    for layer in specs:
        expected.append(asked_for(layer, expected[-1].after if expected else spec.input_shape))
    pairs = _align(expected, specs, actual.layers)
    differences: list[Difference] = []
    choices: list[Difference] = []
    rows: list[LayerRow] = []
    beside = iter(actual.steps)
    for e, a in pairs:
        if a is not None:
            rows += _passed_over(beside, actual.layers[a])
        wanted = expected[e] if e is not None else None
        got = actual.layers[a] if a is not None else None
        found = _differences(wanted, got, output=e == len(expected) - 1)
        free = specs[e].free if e is not None else ()
        differences += [d for d in found if d.what not in free]
        choices += [d for d in found if d.what in free]
        rows.append(_row(wanted, got, same=all(d.what in free for d in found)))
    rows += _passed_over(beside, None)
    return Comparison(
        actual=actual,
        expected=tuple(expected),
        table=LayerTable(tuple(rows), total(expected), total(actual.steps)),
        differences=tuple(differences),
        choices=tuple(choices),
        distance=sum(_cost(d) for d in differences),
    )


def _cost(difference: Difference) -> float:
    if difference.what in {"missing", "extra"}:
        return _GAP
    return _OTHER_KIND if difference.what == "kind" else _CHANGED.get(difference.what, 0.4)


def _differences(wanted: Step | None, got: Step | None, *, output: bool) -> list[Difference]:
    if wanted is None:
        assert got is not None
        return [Difference("extra", got.kind, got=got.text)]
    if got is None:
        return [Difference("missing", wanted.kind, wanted=wanted.text, output=output)]
    if wanted.kind != got.kind:
        return [Difference("kind", wanted.kind, wanted.kind, got.kind, output)]
    found = [
        Difference(name, wanted.kind, value, got.config[name], output)
        for name, value in wanted.config.items()
        if got.config and got.config[name] != value
    ]
    if any(d.what == "pool_size" for d in found) and got.config["strides"] == got.config["pool_size"]:
        return [d for d in found if d.what != "strides"]  # they follow from the pool's size
    return found


def _align(
    expected: list[Step], specs: list[LayerSpec], actual: tuple[Step, ...]
) -> list[tuple[int | None, int | None]]:
    """Pairs of positions, None where one side has no such layer."""
    n, m = len(expected), len(actual)
    best = [[0.0] * (m + 1) for _ in range(n + 1)]
    for e in range(n, -1, -1):
        for a in range(m, -1, -1):
            if e < n or a < m:
                best[e][a] = min(cost for cost, *_ in _moves(best, expected, specs, actual, e, a))
    pairs: list[tuple[int | None, int | None]] = []
    e = a = 0
    while e < n or a < m:
        # of moves that cost the same, a pair comes first: what is too much stands at the end
        _, e2, a2 = min(_moves(best, expected, specs, actual, e, a), key=lambda move: (move[0], -move[1] - move[2]))
        pairs.append((e if e2 > e else None, a if a2 > a else None))
        e, a = e2, a2
    return pairs


def _moves(
    best: list[list[float]],
    expected: list[Step],
    specs: list[LayerSpec],
    actual: tuple[Step, ...],
    e: int,
    a: int,
) -> list[tuple[float, int, int]]:
    moves = []
    if e < len(expected) and a < len(actual):
        together = _change(expected[e], specs[e], actual[a])
        if together is not None:
            moves.append((best[e + 1][a + 1] + together, e + 1, a + 1))
    if e < len(expected):
        # every network has an output: it is the hidden layers that are left out
        moves.append((best[e + 1][a] + _GAP + 0.5 * (e == len(expected) - 1), e + 1, a))
    if a < len(actual):
        moves.append((best[e][a + 1] + _GAP, e, a + 1))
    return moves


def _change(wanted: Step, spec: LayerSpec, got: Step) -> float | None:
    """Cost of taking one layer for another; None when they have nothing in common."""
    if wanted.kind != got.kind:
        return _OTHER_KIND if any({wanted.kind, got.kind} <= group for group in _STAND_INS) else None
    found = _differences(wanted, got, output=False)
    return min(0.9, sum(0.01 if d.what in spec.free else _cost(d) for d in found))


def _row(wanted: Step | None, got: Step | None, *, same: bool) -> LayerRow:
    return LayerRow(
        expected=wanted.text if wanted else "",
        actual=got.text if got else "",
        expected_params=wanted.arithmetic if wanted else "",
        actual_params=got.arithmetic if got else "",
        same=same,
    )


def _passed_over(beside: Any, until: Step | None) -> list[LayerRow]:
    """Rows of steps that are not compared, up to a layer that is: they stand on the student's side alone."""
    rows = []
    for step in beside:
        if step is until:
            break
        if step.role != "layer":
            rows.append(_row(None, step, same=True))
    return rows
