"""What is asked for beside what is there: an optimal alignment of layers, and the differences that it shows.

The alignment has the least total cost of leaving out, adding and changing layers (Needleman & Wunsch 1970,
doi:10.1016/0022-2836(70)90057-4).
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from grader.keras.canonical import CanonicalNetwork, canonical
from grader.keras.canonical_layer import CanonicalLayer, canonical_layer, parameter_total
from grader.records import LayerRow, LayerTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from grader.records import Architecture
    from grader.rubric.expected import LayerSpec, ModelSpec

# Costs are in layers: 1 is a layer too many or too few. They are set by hand, in the order in which a person takes
# one layer for another, and only their order matters; `tests/test_match.py` and `tests/test_checks_model.py` hold it.
_GAP = 1.0
_OUTPUT_GAP = 0.5
"""More for leaving the output out: every network has one, it is the hidden layers that are left out."""
_OTHER_KIND = 0.6
_ENTRY = 0.4
"""Of an entry that differs."""
_LESSER_ENTRIES = dict.fromkeys(("padding", "use_bias", "dilation_rate"), 0.2)
"""Of an entry that is often left as Keras has it."""
_FREE_ENTRY = 0.01
"""Of an entry that students choose: only where all else is equal is the sheet's value nearer."""
_MOST_CHANGED = 0.9
"""Of layers of one kind, however many entries differ: less than `_GAP`, so that they stay a pair."""

_STAND_INS = (
    {"MaxPooling2D", "AveragePooling2D"},
    {"Flatten", "GlobalAveragePooling2D", "GlobalMaxPooling2D"},
)
"""Kinds that stand in each other's place: shown as one changed layer, not as one lost and one added."""

Pairs = list[tuple[int | None, int | None]]
"""Positions among what is asked for and what is there; None where one side has no such layer."""


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
    """An architecture beside what is asked for."""

    actual: CanonicalNetwork
    expected: tuple[CanonicalLayer, ...]
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


def compare(spec: ModelSpec, architecture: Architecture | CanonicalNetwork) -> Comparison:
    """Align an architecture with what is asked for, of which `optional` layers play no part; never raises."""
    actual = architecture if isinstance(architecture, CanonicalNetwork) else canonical(architecture)
    specs = [layer for layer in spec.layers if not layer.optional]
    expected: list[CanonicalLayer] = []
    for layer in specs:
        before = expected[-1].after if expected else spec.input_shape
        expected.append(canonical_layer(layer.kind, layer.config, before, params=0))
    differences: list[Difference] = []
    choices: list[Difference] = []
    rows: list[LayerRow] = []
    steps = iter(actual.steps)
    for e, a in _align(expected, specs, actual.layers):
        wanted = None if e is None else expected[e]
        got = None if a is None else actual.layers[a]
        if got is not None:
            rows += _rows_before(got, steps)
        free = () if e is None else specs[e].free
        changes = _differences(wanted, got, output=e == len(expected) - 1)
        differences += [d for d in changes if d.what not in free]
        choices += [d for d in changes if d.what in free]
        rows.append(_row(wanted, got, same=all(d.what in free for d in changes)))
    rows += _rows_before(None, steps)
    return Comparison(
        actual=actual,
        expected=tuple(expected),
        table=LayerTable(tuple(rows), parameter_total(expected), parameter_total(actual.steps)),
        differences=tuple(differences),
        choices=tuple(choices),
        distance=sum(map(_cost, differences)),
    )


def _differences(wanted: CanonicalLayer | None, got: CanonicalLayer | None, *, output: bool) -> list[Difference]:
    if wanted is None:
        assert got is not None
        return [Difference("extra", got.kind, got=got.text)]
    if got is None:
        return [Difference("missing", wanted.kind, wanted=wanted.text, output=output)]
    if wanted.kind != got.kind:
        return [Difference("kind", wanted.kind, wanted.kind, got.kind, output)]
    changes = {name for name, value in wanted.config.items() if got.config and got.config[name] != value}
    if "pool_size" in changes and got.config["strides"] == got.config["pool_size"]:
        changes.discard("strides")  # they follow from the pool's size
    return [
        Difference(name, wanted.kind, value, got.config[name], output)
        for name, value in wanted.config.items()
        if name in changes
    ]


def _cost(difference: Difference) -> float:
    match difference.what:
        case "missing" | "extra":
            return _GAP
        case "kind":
            return _OTHER_KIND
        case entry:
            return _LESSER_ENTRIES.get(entry, _ENTRY)


def _align(expected: Sequence[CanonicalLayer], specs: Sequence[LayerSpec], actual: Sequence[CanonicalLayer]) -> Pairs:
    """The pairs of least total cost."""
    ends = len(expected), len(actual)
    best: dict[tuple[int, int], tuple[float, int, int]] = {ends: (0.0, *ends)}
    """From each pair of positions: the least cost of all that follows, and the positions to go on from."""
    for e in range(ends[0], -1, -1):
        for a in range(ends[1], -1, -1):
            moves = []  # of those that cost the same the first is taken: what is too much stands at the end
            if e < ends[0] and a < ends[1]:
                change = _change(expected[e], specs[e], actual[a])
                if change is not None:
                    moves.append((best[e + 1, a + 1][0] + change, e + 1, a + 1))
            if e < ends[0]:
                gap = _GAP + (_OUTPUT_GAP if e == ends[0] - 1 else 0)
                moves.append((best[e + 1, a][0] + gap, e + 1, a))
            if a < ends[1]:
                moves.append((best[e, a + 1][0] + _GAP, e, a + 1))
            if moves:
                best[e, a] = min(moves, key=itemgetter(0))
    pairs: Pairs = []
    e, a = 0, 0
    while (e, a) != ends:
        _, next_e, next_a = best[e, a]
        pairs.append((e if next_e > e else None, a if next_a > a else None))
        e, a = next_e, next_a
    return pairs


def _change(wanted: CanonicalLayer, spec: LayerSpec, got: CanonicalLayer) -> float | None:
    """Cost of taking one layer for another; None when they have nothing in common."""
    if wanted.kind != got.kind:
        return _OTHER_KIND if any({wanted.kind, got.kind} <= group for group in _STAND_INS) else None
    changes = _differences(wanted, got, output=False)
    return min(_MOST_CHANGED, sum(_FREE_ENTRY if d.what in spec.free else _cost(d) for d in changes))


def _row(wanted: CanonicalLayer | None, got: CanonicalLayer | None, *, same: bool) -> LayerRow:
    return LayerRow(
        expected=wanted.text if wanted else "",
        actual=got.text if got else "",
        expected_params=wanted.arithmetic if wanted else "",
        actual_params=got.arithmetic if got else "",
        same=same,
    )


def _rows_before(layer: CanonicalLayer | None, steps: Iterator[CanonicalLayer]) -> list[LayerRow]:
    """Rows of the steps up to a compared layer (None: to the end); what is not compared has no other side."""
    rows = []
    for step in steps:
        if step is layer:
            break
        if step.role != "layer":
            rows.append(_row(None, step, same=True))
    return rows
