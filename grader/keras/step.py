"""One layer, written in one way: the entries that matter, what people call it, its shape and parameter count."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.rubric.expected import LayerSpec

Shape = tuple[int, ...]

ENTRIES = {
    "Dense": ("units", "activation", "use_bias"),
    "Conv2D": ("filters", "kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias"),
    "MaxPooling2D": ("pool_size", "strides", "padding"),
    "AveragePooling2D": ("pool_size", "strides", "padding"),
}
"""Entries of a layer's configuration that matter when it is compared; initialisers and names do not."""

_USUAL = {"activation": "linear", "use_bias": True, "padding": "valid", "dilation_rate": 1, "strides": 1}
"""What Keras takes where an entry is not given; pooling strides are the pool's size."""

_SIZES = {"units", "filters", "kernel_size", "strides", "pool_size", "dilation_rate"}
ACTIVATION_LAYERS = {"Activation", "ReLU", "Softmax", "LeakyReLU", "PReLU", "ELU", "ThresholdedReLU"}
EXTRA = {
    "Dropout", "SpatialDropout2D", "AlphaDropout", "GaussianNoise", "GaussianDropout", "BatchNormalization",
    "LayerNormalization", "ActivityRegularization",
}  # fmt: skip
"""Regularisation and normalisation: not asked for, but what was asked for is still there."""

_ACTIVATIONS = {
    "linear", "relu", "softmax", "sigmoid", "tanh", "elu", "selu", "gelu", "silu", "swish", "softplus", "softsign",
    "relu6", "bounded_relu", "leaky_relu", "prelu", "exponential", "hard_sigmoid", "hard_silu", "mish", "log_softmax",
    "celu", "glu", "hard_tanh", "hard_shrink", "soft_shrink", "tanh_shrink", "sparsemax", "squareplus", "threshold",
}  # fmt: skip
"""Of Keras itself; any other name is a function of the student's."""


@dataclass(frozen=True, slots=True)
class Step:
    """A layer, written in the one way."""

    kind: str
    config: dict[str, Any]
    """Entries that matter; square sizes as one number."""
    before: Shape | None = None
    """Shape that goes in (no batch axis); None when unknown."""
    after: Shape | None = None
    params: int | None = None
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
    def arithmetic(self) -> str:
        """Its parameter count as one does it by hand: '784·10 + 10 = 7850'; '0' for a layer without any."""
        inputs = self.before[-1] if self.before else None
        bias = self.config.get("use_bias", True)
        if self.kind == "Dense" and self.config and inputs is not None:
            units = self.config["units"]
            return _sum(f"{inputs}·{units}", inputs * units, units if bias else 0)
        if self.kind == "Conv2D" and self.config and inputs is not None:
            (high, wide), filters = _pair(self.config["kernel_size"]), self.config["filters"]
            return _sum(f"{high}·{wide}·{inputs}·{filters}", high * wide * inputs * filters, filters if bias else 0)
        return "" if self.params is None else str(self.params)


# ------------------------------------------------------------------ entries


def sensible(config: dict[str, Any]) -> bool:
    """Whether sizes are sizes: what a kernel reports may be anything."""
    sizes = [v for name, v in config.items() if name in _SIZES]
    parts = [n for v in sizes for n in (v if isinstance(v, tuple) and len(v) == 2 else (v,))]
    return all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in parts)


def entry_of(kind: str, name: str, raw: dict[str, object]) -> Any:
    value = raw.get(name)
    if name == "activation":
        return activation_name(value)
    if name == "strides" and "pool_size" in ENTRIES[kind] and value is None:
        value = raw.get("pool_size")
    if value is None:
        value = {"pool_size": 2}.get(name, _USUAL.get(name))
    if isinstance(value, list | tuple):
        value = tuple(value)
        return value[0] if value and all(v == value[0] for v in value) else value
    return value


def activation_name(value: object) -> str:
    """'relu' for the string, the function, the class or its configuration; 'linear' for none, 'custom' for own ones."""
    if isinstance(value, dict):
        inner = value.get("config")
        value = inner if isinstance(inner, str) else value.get("class_name", "custom")
    if value is None:
        return "linear"
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", str(value)).lower().removesuffix("_v2")
    name = {"re_lu": "relu", "leaky_re_lu": "leaky_relu"}.get(name, name)
    return name if name in _ACTIVATIONS else "custom"


# ------------------------------------------------------------------ shapes and counts


def known_shape(shape: tuple[int | None, ...] | None) -> Shape | None:
    return None if shape is None or None in shape else tuple(n for n in shape if n is not None)


def _pair(value: Any) -> tuple[int, int]:
    return (value[0], value[1]) if isinstance(value, tuple) else (value, value)


def _side(value: Any) -> str:
    return str(value) if not isinstance(value, tuple) else "×".join(map(str, value))


def _square(value: Any) -> str:
    return "{}×{}".format(*_pair(value))


def _sum(product: str, weights: int, biases: int) -> str:
    return f"{product} + {biases} = {weights + biases}" if biases else f"{product} = {weights}"


def output_shape(step: Step, raw: dict[str, object]) -> Shape | None:
    """Output shape of a step by formula, where the run did not record it; None when it cannot be known.

    A 'valid' window of side k and stride s leaves ⌊(n − k) / s⌋ + 1 of n positions, a 'same' one ⌈n / s⌉
    (https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2).
    """
    shape, c = step.before, step.config
    if shape is None:
        return None
    match step.kind:
        case "Dense":
            return (*shape[:-1], c["units"]) if shape and c else None
        case "Flatten":
            return (math.prod(shape),)
        case "Reshape":
            target = raw.get("target_shape")
            whole = isinstance(target, list | tuple) and all(isinstance(n, int) and n > 0 for n in target)
            return tuple(target) if whole and isinstance(target, list | tuple) else None
        case "Conv2D" | "MaxPooling2D" | "AveragePooling2D" if len(shape) == 3 and c:
            sizes, steps = _pair(c.get("kernel_size", c.get("pool_size"))), _pair(c["strides"])
            grid = (_positions(n, k, s, c["padding"]) for n, k, s in zip(shape, sizes, steps, strict=False))
            return (*grid, c.get("filters", shape[2]))
        case kind if kind in EXTRA | ACTIVATION_LAYERS | {"Rescaling", "Normalization"}:
            return shape
        case _:
            return None


def _positions(n: int, window: int, stride: int, padding: str) -> int:
    return math.ceil(n / stride) if padding == "same" else (n - window) // stride + 1


def asked_for(layer: LayerSpec, before: Shape | None) -> Step:
    """An asked-for layer as a step."""
    config = {name: entry_of(layer.kind, name, layer.config) for name in ENTRIES.get(layer.kind, ())}
    step = Step(layer.kind, config, before, params=0)
    return replace(step, after=output_shape(step, layer.config))


def total(steps: Iterable[Step]) -> str:
    """Sum of the parameters of several steps; '' when one of them is unknown."""
    counts = [s.arithmetic.rpartition("= ")[2] for s in steps]
    return str(sum(map(int, counts))) if all(counts) else ""
