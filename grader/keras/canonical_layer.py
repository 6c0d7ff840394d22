"""One layer in its canonical form: the entries that matter, what people call it, its shapes and parameter count."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.keras.config import Config, Unsupported, is_whole
from grader.keras.layers import ACTIVATIONS, LAYERS, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ENTRIES = {
    "Dense": ("units", "activation", "use_bias"),
    "Conv2D": ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias"),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
}
"""Entries of a layer's configuration that matter when it is compared; initialisers and names do not."""

_DEFAULTS = {"use_bias": True, "padding": "valid", "dilation_rate": 1, "strides": 1, "pool_size": 2}
"""What Keras takes where an entry is not given (https://keras.io/api/layers/); pooling strides are the pool's size."""

_SIZES = {"units", "filters", "kernel_size", "strides", "pool_size", "dilation_rate"}
_OTHER_NAMES = {"Convolution2D": "Conv2D", "MaxPool2D": "MaxPooling2D", "AvgPool2D": "AveragePooling2D"}
NETWORKS_AS_LAYERS = {"Sequential", "Functional", "Model"}
ACTIVATION_LAYERS = {"Activation", "ReLU", "Softmax", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU"}
EXTRA = {
    "Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianNoise", "GaussianDropout", "BatchNormalization",
    "LayerNormalization", "ActivityRegularization",
}  # fmt: skip
"""Regularisation and normalisation: not asked for, but what was asked for is still there."""

_SHAPE_KEEPING = EXTRA | ACTIVATION_LAYERS | {"Rescaling", "Normalization"}
_KERAS_ACTIVATIONS = ACTIVATIONS | {"bounded_relu", "prelu", "glu", "sparsemax", "threshold"}
"""Also those that are compared but not rebuilt; any other name is a function of the student's."""


@dataclass(frozen=True, slots=True)
class CanonicalLayer:
    """A layer as it is compared, whoever wrote it and however."""

    kind: str
    config: dict[str, Any]
    """Entries that matter; square sizes as one number. Empty where a size is none."""
    before: Shape | None
    """Shape that goes in (no batch axis); None when unknown."""
    after: Shape | None
    weight_shapes: tuple[Shape, ...]
    """Of a Dense or Conv2D layer: kernel and bias, by formula. Empty for others and where `before` is unknown."""
    params: int | None
    """Parameters as the run recorded them; None where it did not."""
    role: str = "layer"
    """'layer', 'prepare' (treats the input only: Flatten, Reshape, Rescaling at the start), 'extra' (Dropout, …)."""
    known: bool = True
    """A layer of Keras itself, whose configuration says all that it does."""

    @property
    def text(self) -> str:
        """For people: 'Dense 10, relu', 'Conv2D 16, 3×3, relu, strides 2'."""
        c = self.config
        match self.kind if c else "":
            case "Dense":
                parts = [f"Dense {c['units']}", c["activation"]]
            case "Conv2D":
                parts = [f"Conv2D {c['filters']}", _square(c["kernel_size"]), c["activation"]]
                parts += [f"strides {_side(c['strides'])}"] if c["strides"] != 1 else []
                parts += [f"dilation {_side(c['dilation_rate'])}"] if c["dilation_rate"] != 1 else []
            case "MaxPooling2D" | "AveragePooling2D":
                parts = [f"{self.kind} {_square(c['pool_size'])}"]
                parts += [f"strides {_side(c['strides'])}"] if c["strides"] != c["pool_size"] else []
            case _:
                parts = [self.kind, *(str(v) for v in c.values())]
        parts += ['padding "same"'] if c.get("padding") == "same" else []
        parts += ["no bias"] if c.get("use_bias") is False else []
        return ", ".join(parts)

    @property
    def count(self) -> int | None:
        """Its parameters: by formula where its weights are known, else as recorded."""
        return sum(map(math.prod, self.weight_shapes)) if self.weight_shapes else self.params

    @property
    def arithmetic(self) -> str:
        """Its parameter count as one does it by hand: '784·10 + 10 = 7850'; '' when it is unknown."""
        if not self.weight_shapes:
            return "" if self.params is None else str(self.params)
        return " + ".join("·".join(map(str, shape)) for shape in self.weight_shapes) + f" = {self.count}"


def canonical_layer(
    kind: str,
    config: Mapping[str, object],
    before: Shape | None,
    *,
    recorded_shape: Shape | None = None,
    params: int | None = None,
    stock: bool = True,
) -> CanonicalLayer:
    """A layer that a student built or a reference asks for, from its Keras class and configuration; never raises.

    `recorded_shape` is what the run says of its output; without it the shape is computed where it can be.
    """
    kind = _OTHER_NAMES.get(kind, kind)
    entries: dict[str, Any] = {}
    if kind in ENTRIES:
        entries = {name: _entry(kind, name, config) for name in ENTRIES[kind]}
    elif kind in ACTIVATION_LAYERS:
        entries = {"activation": _activation_of(kind, config)}
    elif kind in {"Dropout", "SpatialDropout2D"}:
        entries = {"rate": config.get("rate")}
    known = stock and kind not in {"Lambda", *NETWORKS_AS_LAYERS} and entries.get("activation") != "custom"
    if not _sensible(entries):
        entries, known = {}, False
    after, weight_shapes = _shapes(kind, entries, config, before)
    return CanonicalLayer(kind, entries, before, recorded_shape or after, weight_shapes, params, known=known)


def _shapes(
    kind: str, entries: dict[str, Any], config: Mapping[str, object], before: Shape | None
) -> tuple[Shape | None, tuple[Shape, ...]]:
    """Shapes of the output (None when it cannot be known) and of the weights, from the catalogue of layers."""
    if before is None or kind in _SHAPE_KEEPING:
        return before, ()
    match kind:
        case "Flatten":
            sizes: dict[str, Any] = {}
        case "Reshape":
            sizes = {"target_shape": config.get("target_shape")}
        case _ if kind in ENTRIES and entries:
            sizes = {name: value for name, value in entries.items() if name != "activation"}
        case _:
            return None, ()
    try:
        planned = LAYERS[kind](kind, Config(sizes), before)
    except Unsupported:
        return None, ()
    return planned.output_shape, planned.weight_shapes


def _entry(kind: str, name: str, config: Mapping[str, object]) -> Any:
    value = config.get(name)
    if name == "activation":
        return activation_name(value)
    if value is None and name == "strides" and "pool_size" in ENTRIES[kind]:
        value = config.get("pool_size")
    if value is None:
        value = _DEFAULTS.get(name)
    if isinstance(value, list | tuple):
        return value[0] if value and all(v == value[0] for v in value) else tuple(value)
    return value


def _sensible(entries: dict[str, Any]) -> bool:
    """Whether sizes are sizes: what a kernel reports may be anything."""
    sizes = [value for name, value in entries.items() if name in _SIZES]
    parts = [n for v in sizes for n in (v if isinstance(v, tuple) and len(v) == 2 else (v,))]
    return all(is_whole(n) and n > 0 for n in parts)


def activation_name(value: object) -> str:
    """'relu' for the string, the function, the class or its configuration; 'linear' for none, 'custom' for own ones."""
    if isinstance(value, dict):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name", "custom")
    if value is None:
        return "linear"
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(value)).lower().removesuffix("_v2")
    name = {"re_lu": "relu", "leaky_re_lu": "leaky_relu"}.get(name, name)
    return name if name in _KERAS_ACTIVATIONS else "custom"


def _activation_of(kind: str, config: Mapping[str, object]) -> str:
    if kind == "Activation":
        return activation_name(config.get("activation"))
    bounds = config.get("max_value") is not None or config.get("negative_slope") or config.get("threshold")
    if kind == "ReLU" and bounds:
        return "bounded_relu"
    return activation_name({"PReLU": "prelu", "ELU": "elu"}.get(kind, kind))


def _side(value: Any) -> str:
    return "×".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _square(value: Any) -> str:
    return _side(value if isinstance(value, tuple) else (value, value))


def parameter_total(layers: Sequence[CanonicalLayer]) -> str:
    """Parameters of several layers together; '' when those of one are unknown."""
    counts = [layer.count for layer in layers]
    return "" if None in counts else str(sum(n for n in counts if n is not None))
