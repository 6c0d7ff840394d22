"""Architectures as people compare them: names, styles and ways of writing gone, differences aligned layer by layer.

Sequential, functional and subclassed networks of the same layers become the same tuple of `Step`s: an `Activation`
after a linear layer is that layer's activation, `(3, 3)` is 3, a pooling step without strides moves by its size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.keras.step import (
    ACTIVATION_LAYERS,
    ENTRIES,
    EXTRA,
    Shape,
    Step,
    activation_name,
    entry_of,
    known_shape,
    output_shape,
    sensible,
)
from grader.records import Layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grader.records import Architecture

_PREPARING = {"Flatten", "Reshape", "Rescaling", "Normalization", "Resizing"}
_NESTED = {"Sequential", "Functional", "Model"}
_OTHER_NAMES = {"Convolution2D": "Conv2D", "MaxPool2D": "MaxPooling2D", "AvgPool2D": "AveragePooling2D"}


@dataclass(frozen=True, slots=True)
class Canonical:
    steps: tuple[Step, ...]
    chain: bool
    """Each layer takes the output of the one before it."""
    subclassed: bool
    input_shape: Shape | None

    @property
    def layers(self) -> tuple[Step, ...]:
        """The steps that are compared."""
        return tuple(s for s in self.steps if s.role == "layer")

    @property
    def certain(self) -> bool:
        """Whether the layers say all that the network does: no branches, no layers or `call` of the student's own."""
        return self.chain and not self.subclassed and all(s.known for s in self.steps)

    @property
    def family(self) -> str:
        """'conv', 'dense' or 'other'."""
        kinds = [s.kind for s in self.layers]
        if any(kind.startswith(("Conv", "SeparableConv", "DepthwiseConv")) for kind in kinds):
            return "conv"
        return "dense" if "Dense" in kinds and not any("RNN" in k or k in {"LSTM", "GRU"} for k in kinds) else "other"

    @property
    def output(self) -> Step | None:
        """The last layer with units or filters."""
        return next((s for s in reversed(self.layers) if s.kind in {"Dense", "Conv2D"}), None)

    @property
    def hidden_units(self) -> tuple[int, ...]:
        """Units of the Dense layers before the output."""
        return tuple(s.config["units"] for s in self.layers if s.kind == "Dense" and s.config)[:-1]

    @property
    def signature(self) -> tuple[object, ...]:
        """Equal for networks that are the same but for how they were written."""
        return tuple(
            (s.kind, *sorted((k, str(v)) for k, v in s.config.items())) for s in self.steps if s.role != "prepare"
        )


# ------------------------------------------------------------------ one way of writing


def canonical(architecture: Architecture) -> Canonical:
    """Write an architecture in the one way; never raises, whatever the student built."""
    layers = [layer for layer in _unfolded(architecture.layers) if layer.kind != "InputLayer"]
    shape = known_shape(architecture.input_shape)
    steps: list[Step] = []
    for layer in layers:
        step = _step(layer, shape)
        shape = step.after
        if step.kind in ACTIVATION_LAYERS and _merged(steps, step):
            continue
        steps.append(step)
    return Canonical(
        steps=tuple(_roles(steps)),
        chain=_is_chain(architecture),
        subclassed=architecture.style == "subclassed",
        input_shape=known_shape(architecture.input_shape),
    )


def _unfolded(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Networks used as layers, opened as far as their configuration shows what is in them."""
    for layer in layers:
        inner = layer.config.get("layers")
        if layer.kind not in _NESTED or not isinstance(inner, list) or not all(isinstance(i, dict) for i in inner):
            yield layer
            continue
        opened = [
            Layer(
                str(i.get("class_name", "")), "", c if isinstance(c := i.get("config"), dict) else {}, None, None, None
            )
            for i in inner
        ]
        yield from _unfolded(opened)


def _step(layer: Layer, before: Shape | None) -> Step:
    kind = _OTHER_NAMES.get(layer.kind, layer.kind)
    raw = layer.config
    known = layer.stock and kind not in {"Lambda", *_NESTED}
    if kind in ENTRIES:
        config = {name: entry_of(kind, name, raw) for name in ENTRIES[kind]}
    elif kind in ACTIVATION_LAYERS:
        config = {"activation": _activation_of(kind, raw)}
    elif kind in {"Dropout", "SpatialDropout2D"}:
        config = {"rate": raw.get("rate")}
    else:
        config = {}
    if not sensible(config):
        config, known = {}, False
    known = known and config.get("activation", "linear") != "custom"
    step = Step(kind, config, before, None, layer.params, known=known)
    return replace(step, after=known_shape(layer.output_shape) or output_shape(step, raw))


def _activation_of(kind: str, raw: dict[str, object]) -> str:
    if kind == "Activation":
        return activation_name(raw.get("activation"))
    if kind == "ReLU" and not (
        raw.get("max_value") is None and not raw.get("negative_slope") and not raw.get("threshold")
    ):
        return "bounded_relu"
    return activation_name({"PReLU": "prelu", "ELU": "elu"}.get(kind, kind))


def _merged(steps: list[Step], activation: Step) -> bool:
    """Give an activation layer to the layer it follows; past steps that keep values apart (pooling, Dropout, …)."""
    name = activation.config["activation"]
    if name == "linear":
        return True
    for i in range(len(steps) - 1, -1, -1):
        own = steps[i].config.get("activation")
        if own is not None:
            if own == "linear":
                steps[i] = replace(steps[i], config={**steps[i].config, "activation": name})
            return bool(own == "linear" or own == name == "relu")
        if steps[i].kind not in EXTRA | {"Flatten", "MaxPooling2D"}:
            return False
    return False


def _roles(steps: list[Step]) -> Iterator[Step]:
    """Tell the asked-for kind of step from preparation and extras; drop a Flatten that changes nothing."""
    started = False
    for step in steps:
        flattens = step.kind == "Flatten" or (
            step.kind == "Reshape" and step.after is not None and len(step.after) == 1
        )
        if step.kind in EXTRA:
            yield replace(step, role="extra")
        elif not started and step.kind in _PREPARING:
            yield replace(step, role="prepare")
        elif flattens:
            if step.before is None or len(step.before) != 1:
                yield replace(step, kind="Flatten", config={})
        else:
            started = True
            yield step


def _is_chain(architecture: Architecture) -> bool:
    if architecture.style != "functional":
        return True
    inputs = {i for i, layer in enumerate(architecture.layers) if layer.kind == "InputLayer"} | {-1}
    last: set[int] = inputs
    for i, layer in enumerate(architecture.layers):
        if i in inputs:
            continue
        if layer.inbound and not (len(layer.inbound) == 1 and layer.inbound[0] in last):
            return False
        last = {i}
    return True
