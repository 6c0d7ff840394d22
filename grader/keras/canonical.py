"""Architectures as people compare them: names, styles and ways of writing gone.

Sequential, functional and subclassed networks of the same layers become the same tuple of `CanonicalLayer`s: an
`Activation` after a linear layer is that layer's activation, `(3, 3)` is 3, a pooling layer without strides moves by
its size. Recipes of trainings have a stricter form of their own (`recorder/canonical_recipe.py`): there only what
gives the same numbers to the last digit is equal, and it runs inside the student's kernel, where this room is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from grader.keras.canonical_layer import ACTIVATION_LAYERS, EXTRA, NETWORKS_AS_LAYERS, CanonicalLayer, canonical_layer
from grader.records import Layer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grader.keras.layers import Shape
    from grader.records import Architecture

_PREPARING = {"Flatten", "Reshape", "Rescaling", "Normalization", "Resizing"}


@dataclass(frozen=True, slots=True)
class CanonicalNetwork:
    """A network as it is compared, whoever wrote it and however."""

    steps: tuple[CanonicalLayer, ...]
    """All its layers, those that only prepare the input or regularise too."""
    chain: bool
    """Each layer takes the output of the one before it."""
    subclassed: bool

    @property
    def layers(self) -> tuple[CanonicalLayer, ...]:
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
    def output(self) -> CanonicalLayer | None:
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


def canonical(architecture: Architecture) -> CanonicalNetwork:
    """Write an architecture in the one way; never raises, whatever the student built."""
    shape = _known_shape(architecture.input_shape)
    steps: list[CanonicalLayer] = []
    for layer in _unfolded(architecture.layers):
        if layer.kind == "InputLayer":
            continue
        step = canonical_layer(
            layer.kind,
            layer.config,
            shape,
            recorded_shape=_known_shape(layer.output_shape),
            params=layer.params,
            stock=layer.stock,
        )
        shape = step.after
        if step.kind not in ACTIVATION_LAYERS or not _merged(steps, step):
            steps.append(step)
    return CanonicalNetwork(
        steps=tuple(_with_roles(steps)),
        chain=_is_chain(architecture),
        subclassed=architecture.style == "subclassed",
    )


def _known_shape(shape: tuple[int | None, ...] | None) -> Shape | None:
    return None if shape is None or None in shape else tuple(n for n in shape if n is not None)


def _unfolded(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Networks used as layers, opened as far as their configuration shows what is in them."""
    for layer in layers:
        inner = layer.config.get("layers")
        if layer.kind in NETWORKS_AS_LAYERS and isinstance(inner, list) and all(isinstance(i, dict) for i in inner):
            yield from _unfolded(_inner_layer(description) for description in inner)
        else:
            yield layer


def _inner_layer(description: dict[str, object]) -> Layer:
    config = description.get("config")
    kind = str(description.get("class_name", ""))
    return Layer(kind, "", config if isinstance(config, dict) else {}, None, None, None)


def _merged(steps: list[CanonicalLayer], activation: CanonicalLayer) -> bool:
    """Give an activation layer to the layer it follows; past steps that keep values apart (pooling, Dropout, …)."""
    name = activation.config["activation"]
    if name == "linear":
        return True
    for i in range(len(steps) - 1, -1, -1):
        present = steps[i].config.get("activation")
        if present == "linear":
            steps[i] = replace(steps[i], config={**steps[i].config, "activation": name})
            return True
        if present is not None:
            return bool(present == name == "relu")  # once more changes nothing
        if steps[i].kind not in EXTRA | {"Flatten", "MaxPooling2D"}:
            return False
    return False


def _with_roles(steps: list[CanonicalLayer]) -> Iterator[CanonicalLayer]:
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
