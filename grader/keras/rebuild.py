"""A recorded network and its weights → our own Keras model.

`plan` is pure and decides everything; `assemble` only carries it out. Nothing that a student's kernel wrote is handed
to Keras' own loading (`from_config`, `load_model`): see `layers` for what a configuration may say.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.keras.config import Unsupported
from grader.keras.layers import Made, Shape, make

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grader.records import Architecture

LAYERS = 500
PARAMETERS = 50_000_000


@dataclass(frozen=True, slots=True)
class Step:
    made: Made
    inbound: tuple[int, ...]
    """Steps whose outputs it takes; -1 is the model's input."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A network that is known to be sound: every shape fits, every weight has its place."""

    input_shape: Shape
    steps: tuple[Step, ...]
    output: int
    """The step whose output is the network's."""

    @property
    def classes(self) -> int:
        return self.steps[self.output].made.shape[-1]


def plan(architecture: Architecture, weights: Sequence[Shape] | None, input_shape: Shape) -> Plan | str:
    """How to rebuild a network whose weight arrays have these shapes and whose input items have `input_shape`.

    Without `weights` (None) those that its layers ask for. A sentence with the reason where it cannot be rebuilt.
    """
    layers = architecture.layers
    if not 0 < len(layers) <= LAYERS:
        return f"A network of {len(layers)} layers is not rebuilt."
    if sum(map(math.prod, weights or ())) > PARAMETERS:
        return f"A network of more than {PARAMETERS:,} parameters is not rebuilt."
    steps: list[Step] = []
    left = list(weights or ())
    for i, layer in enumerate(layers):
        inbound = layer.inbound or (i - 1,)
        shapes = tuple(input_shape if j < 0 else steps[j].made.shape for j in inbound if j < i)
        try:
            if len(shapes) != len(inbound):
                raise Unsupported("it takes the output of a later layer")  # noqa: TRY301
            if not layer.stock:
                raise Unsupported("it is no layer of Keras")  # noqa: TRY301
            made = Made(input_shape) if layer.kind == "InputLayer" else make(layer.kind, layer.config, shapes)
            taken, left = tuple(left[: len(made.weights)]), left[len(made.weights) :]
            if weights is None:
                taken = made.weights
            if taken != made.weights or layer.weights != len(taken):
                raise Unsupported(f"its weights have the shapes {list(taken)}, not {list(made.weights)}")  # noqa: TRY301
            if layer.output_shape is not None and not _fits(made.shape, layer.output_shape):
                raise Unsupported(f"its output has shape {made.shape}, not {layer.output_shape}")  # noqa: TRY301
        except Unsupported as why:
            return f"Layer {i + 1} ({layer.kind}) is not rebuilt: {why}."
        steps.append(Step(made, () if layer.kind == "InputLayer" else tuple(inbound)))
    if left:
        return f"There are {len(left)} more weight arrays than its layers have."
    used = {j for step in steps for j in step.inbound}
    inputs = [i for i, layer in enumerate(layers) if layer.kind == "InputLayer"]
    ends = [i for i in range(len(steps)) if i not in used and i not in inputs]
    if len(ends) != 1 or len(inputs) > 1:
        return "A network with several inputs or outputs is not rebuilt."
    return Plan(input_shape, tuple(steps), ends[0])


def _fits(shape: Shape, recorded: tuple[int | None, ...]) -> bool:
    return len(shape) == len(recorded) and all(b is None or a == b for a, b in zip(shape, recorded, strict=True))


def assemble(planned: Plan, initializers: Sequence[Mapping[str, Any]] = ()) -> tuple[Any, list[Any]]:
    """The Keras model of a plan as its layers draw it, and the layer of each step (None where one changes nothing).
    Imports Keras: for the workers only.

    `initializers` holds further arguments of each step's layer.
    """
    import keras

    entry = keras.Input(planned.input_shape)
    outputs: list[Any] = []
    layers: list[Any] = []
    for i, step in enumerate(planned.steps):
        given = [entry if j < 0 else outputs[j] for j in step.inbound] or [entry]
        layer = _layer(step.made, initializers[i] if initializers else {}) if step.made.kind else None
        layers.append(layer)
        outputs.append(layer(given if len(given) > 1 else given[0]) if layer is not None else given[0])
    return keras.Model(entry, outputs[planned.output]), layers


def _layer(made: Made, further: Mapping[str, Any]) -> Any:
    import keras

    arguments = {key: _layer(value, {}) if isinstance(value, Made) else value for key, value in made.arguments.items()}
    return getattr(keras.layers, made.kind)(**arguments, **further)
