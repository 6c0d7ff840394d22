"""A recorded network and its weights → our own Keras model.

`plan` is pure and decides everything; `assemble` only carries it out. Nothing that a student's kernel wrote is handed
to Keras' own loading (`from_config`, `load_model`): see `layers` for what a configuration may say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from grader.keras.config import Unsupported
from grader.keras.layers import PlannedLayer, Shape, plan_layer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from grader.records import Architecture, Layer

MOST_LAYERS = 500
MOST_PARAMETERS = 50_000_000
"""200 MB as float32."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A network that is known to be sound: every shape fits, every weight has its place."""

    input_shape: Shape
    layers: tuple[PlannedLayer, ...]
    output: int
    """The layer whose output is the network's."""

    @property
    def output_shape(self) -> Shape:
        """Of an item; its last axis holds a value for each class."""
        return self.layers[self.output].output_shape

    @property
    def parameters(self) -> int:
        """Numbers in its weights, trainable or not."""
        return sum(layer.parameters for layer in self.layers)


def plan(architecture: Architecture, weights: Sequence[Shape] | None, input_shape: Shape) -> Plan | str:
    """How to rebuild a network whose weight arrays have these shapes and whose input items have `input_shape`.

    Without `weights` (None) those that its layers ask for. A sentence with the reason where it cannot be rebuilt.
    """
    recorded = architecture.layers
    if not 0 < len(recorded) <= MOST_LAYERS:
        return f"A network of {len(recorded)} layers is not rebuilt."
    if sum(map(math.prod, weights or ())) > MOST_PARAMETERS:
        return f"A network of more than {MOST_PARAMETERS:,} parameters is not rebuilt."
    layers: list[PlannedLayer] = []
    unused = None if weights is None else iter(weights)
    for i, layer in enumerate(recorded):
        inbound = tuple(layer.inbound) or (i - 1,)
        shapes = [input_shape if j < 0 else layers[j].output_shape for j in inbound if j < i]
        try:
            layers.append(_planned(layer, inbound, shapes, input_shape, unused))
        except Unsupported as why:
            return f"Layer {i + 1} ({layer.kind}) is not rebuilt: {why}."
    if left := len(list(unused or ())):
        return f"There are {left} more weight arrays than its layers have."
    used = {j for layer in layers for j in layer.inbound}
    inputs = [i for i, layer in enumerate(recorded) if layer.kind == "InputLayer"]
    ends = [i for i in range(len(layers)) if i not in used and i not in inputs]
    if len(ends) != 1 or len(inputs) > 1:
        return "A network with several inputs or outputs is not rebuilt."
    return Plan(input_shape, tuple(layers), ends[0])


def _planned(
    layer: Layer, inbound: tuple[int, ...], shapes: Sequence[Shape], input_shape: Shape, unused: Iterator[Shape] | None
) -> PlannedLayer:
    """Plan one layer, which takes its weights from those that are `unused`; raises `Unsupported`."""
    if len(shapes) != len(inbound):
        raise Unsupported("it takes the output of a later layer")
    if not layer.stock:
        raise Unsupported("it is no layer of Keras")
    if layer.kind == "InputLayer":
        planned = PlannedLayer(input_shape)
    else:
        planned = plan_layer(layer.kind, layer.config, shapes, inbound)
    needed = planned.weight_shapes
    given = needed if unused is None else tuple(islice(unused, len(needed)))
    if given != needed or layer.weights != len(given):
        raise Unsupported(f"its weights have the shapes {list(given)}, not {list(needed)}")
    shape, recorded = planned.output_shape, layer.output_shape
    if recorded is not None and (
        len(shape) != len(recorded) or any(b is not None and a != b for a, b in zip(shape, recorded, strict=True))
    ):
        raise Unsupported(f"its output has shape {shape}, not {recorded}")
    return planned


def assemble(planned: Plan, initializers: Sequence[Mapping[str, Any]] = ()) -> tuple[Any, list[Any]]:
    """The Keras model of a plan with weights as its layers draw them, and its layers (None where one changes nothing).
    Imports Keras: for the workers only.

    `initializers` holds further arguments of each layer.
    """
    import keras

    entry = keras.Input(planned.input_shape)
    outputs: list[Any] = []
    layers: list[Any] = []
    for i, step in enumerate(planned.layers):
        inputs = [entry if j < 0 else outputs[j] for j in step.inbound] or [entry]
        layer = _keras_layer(step, initializers[i] if initializers else {}) if step.kind else None
        layers.append(layer)
        outputs.append(layer(inputs if len(inputs) > 1 else inputs[0]) if layer is not None else inputs[0])
    return keras.Model(entry, outputs[planned.output]), layers


def _keras_layer(planned: PlannedLayer, further: Mapping[str, Any]) -> Any:
    import keras

    arguments = {
        key: _keras_layer(value, {}) if isinstance(value, PlannedLayer) else value
        for key, value in planned.arguments.items()
    }
    return getattr(keras.layers, planned.kind)(**arguments, **further)
