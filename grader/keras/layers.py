"""The stock layers that are rebuilt: what their configuration may say, what they make of a shape, what they weigh.

Pure arithmetic on plain numbers: that a network is sound and small is known before Keras sees any of it. Shapes
leave the batch axis out; images have their channels last. Layer semantics: https://keras.io/api/layers/
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from grader.keras.config import WIDEST, Config, Unsupported, is_whole, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


Shape = tuple[int, ...]

VALUES = WIDEST
"""Most values of a layer's output per item."""
ACTIVATIONS = frozenset(
    {
        "celu",
        "elu",
        "exponential",
        "gelu",
        "hard_shrink",
        "hard_sigmoid",
        "hard_silu",
        "hard_swish",
        "hard_tanh",
        "leaky_relu",
        "linear",
        "log_sigmoid",
        "log_softmax",
        "mish",
        "relu",
        "relu6",
        "selu",
        "sigmoid",
        "silu",
        "soft_shrink",
        "softmax",
        "softplus",
        "softsign",
        "sparse_plus",
        "squareplus",
        "swish",
        "tanh",
        "tanh_shrink",
    }
)
_TENSORFLOW_NAMES = {"softmax_v2": "softmax", "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh"}
"""How Keras writes `tf.nn.softmax` and its like down where it does not know them as its own."""
_SAME_AT_INFERENCE = frozenset(
    {
        "ActivityRegularization",
        "AlphaDropout",
        "Dropout",
        "GaussianDropout",
        "GaussianNoise",
        "Identity",
        "RandomBrightness",
        "RandomContrast",
        "RandomFlip",
        "RandomRotation",
        "RandomTranslation",
        "RandomZoom",
        "SpatialDropout1D",
        "SpatialDropout2D",
    }
)
"""Layers that do nothing outside training."""


@dataclass(frozen=True, slots=True)
class Made:
    """A layer as planned."""

    shape: Shape
    """Of its output."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """For the constructor of the Keras class."""
    weights: tuple[Shape, ...] = ()
    kind: str = ""
    """The Keras class; '' for a layer that changes nothing."""


def _rank(kind: str, shape: Shape) -> int:
    """Spatial axes of a layer named '…1D' or '…2D'."""
    rank = int(kind[-2])
    if len(shape) != rank + 1:
        raise Unsupported(f"it is given shape {shape}")
    return rank


def _activation_in(c: Config) -> str | Made:
    """A name, or the planned layer that a student gave as an activation (`activation=LeakyReLU()`)."""
    value = c.get("activation")
    match value:
        case None:
            return "linear"
        case {"class_name": "function", "config": str(name)} if name in _TENSORFLOW_NAMES:
            return _TENSORFLOW_NAMES[name]
        case {"class_name": "ReLU" | "LeakyReLU" | "ELU" as kind, "module": "keras.layers", "config": dict(config)}:
            return make(kind, config, ((1,),))
        case str() if value in ACTIVATIONS:
            return value
    raise Unsupported(f"its activation is {shown(value)}")


def _windows(length: int, size: int, stride: int, padding: str, dilation: int = 1) -> int:
    if padding == "same":
        return -(-length // stride)
    reach = length if padding == "causal" else length - dilation * (size - 1)
    return max(0, (reach - 1) // stride + 1)


def _dense(_: str, c: Config, shape: Shape) -> Made:
    units, bias = c.whole("units"), c.flag("use_bias", default=True)
    weights = ((shape[-1], units), *([(units,)] if bias else []))
    return Made((*shape[:-1], units), {"units": units, "activation": _activation_in(c), "use_bias": bias}, weights)


def _convolution(kind: str, c: Config, shape: Shape) -> Made:
    rank = _rank(kind, shape)
    c.channels_last()
    size, strides = c.many("kernel_size", rank), c.many("strides", rank, 1)
    dilation, bias = c.many("dilation_rate", rank, 1), c.flag("use_bias", default=True)
    padding = c.choice("padding", "valid", frozenset({"valid", "same"} | ({"causal"} if kind == "Conv1D" else set())))
    arguments: dict[str, Any] = {
        "kernel_size": size,
        "strides": strides,
        "padding": padding,
        "dilation_rate": dilation,
        "use_bias": bias,
        "activation": _activation_in(c),
    }
    channels = shape[-1]
    if kind.startswith("Conv"):
        filters, groups = c.whole("filters"), c.whole("groups", 1)
        if channels % groups or filters % groups:
            raise Unsupported(f"its groups are {groups}")
        arguments |= {"filters": filters, "groups": groups}
        weights: tuple[Shape, ...] = ((*size, channels // groups, filters),)
    else:
        multiplier = c.whole("depth_multiplier", 1)
        arguments["depth_multiplier"] = multiplier
        filters = channels * multiplier
        weights = ((*size, channels, multiplier),)
        if kind.startswith("Separable"):
            filters = c.whole("filters")
            arguments["filters"] = filters
            weights += ((*([1] * rank), channels * multiplier, filters),)
    places = (_windows(n, k, s, padding, d) for n, k, s, d in zip(shape, size, strides, dilation, strict=False))
    return Made((*places, filters), arguments, weights + (((filters,),) if bias else ()))


def _pooling(kind: str, c: Config, shape: Shape) -> Made:
    rank = _rank(kind, shape)
    c.channels_last()
    size = c.many("pool_size", rank, 2)
    strides = size if c.get("strides") is None else c.many("strides", rank)
    padding = c.choice("padding", "valid", frozenset({"valid", "same"}))
    places = (_windows(n, k, s, padding) for n, k, s in zip(shape, size, strides, strict=False))
    return Made((*places, shape[-1]), {"pool_size": size, "strides": strides, "padding": padding})


def _global_pooling(kind: str, c: Config, shape: Shape) -> Made:
    rank = _rank(kind, shape)
    c.channels_last()
    keep = c.flag("keepdims", default=False)
    return Made(((1,) * rank if keep else ()) + shape[-1:], {"keepdims": keep})


def _flatten(_: str, c: Config, shape: Shape) -> Made:
    c.channels_last()
    return Made((math.prod(shape),))


def _reshape(_: str, c: Config, shape: Shape) -> Made:
    target = c.get("target_shape")
    if not isinstance(target, list | tuple) or not all(is_whole(v) and -1 <= v <= WIDEST for v in target):
        raise Unsupported(f"its target_shape is {shown(target)}")
    rest = math.prod(v for v in target if v >= 0)
    filled = tuple(math.prod(shape) // max(rest, 1) if v < 0 else v for v in target)
    if math.prod(filled) != math.prod(shape):
        raise Unsupported(f"its target_shape is {shown(target)}")
    return Made(filled, {"target_shape": filled})


def _permute(_: str, c: Config, shape: Shape) -> Made:
    dims = c.get("dims")
    if not isinstance(dims, list | tuple) or sorted(map(repr, dims)) != sorted(map(repr, range(1, len(shape) + 1))):
        raise Unsupported(f"its dims are {shown(dims)}")
    return Made(tuple(shape[d - 1] for d in dims), {"dims": tuple(dims)})


def _margins(kind: str, c: Config, shape: Shape) -> Made:
    _rank(kind, shape)
    c.channels_last()
    key, sign = ("padding", 1) if kind.startswith("Zero") else ("cropping", -1)
    margins = c.margins(key)
    places = (n + sign * sum(margin) for n, margin in zip(shape, margins, strict=False))
    return Made((*places, shape[-1]), {key: margins})


def _up_sampling(kind: str, c: Config, shape: Shape) -> Made:
    size = c.many("size", _rank(kind, shape), 2)
    c.channels_last()
    how = c.choice("interpolation", "nearest", frozenset({"nearest", "bilinear"}))
    places = (n * k for n, k in zip(shape, size, strict=False))
    return Made((*places, shape[-1]), {"size": size, "interpolation": how})


def _normalisation(kind: str, c: Config, shape: Shape) -> Made:
    axis = c.axis(len(shape))
    width = (shape[axis],)
    scale, center = c.flag("scale", default=True), c.flag("center", default=True)
    epsilon = c.number("epsilon", 1e-3)
    moving = 2 if kind == "BatchNormalization" else 0
    arguments = {"axis": axis + 1, "epsilon": epsilon, "scale": scale, "center": center}
    return Made(shape, arguments, (width,) * (scale + center + moving))


def _activation(_: str, c: Config, shape: Shape) -> Made:
    return Made(shape, {"activation": _activation_in(c)})


def _relu(_: str, c: Config, shape: Shape) -> Made:
    slope, threshold = c.number("negative_slope", 0.0), c.number("threshold", 0.0)
    return Made(shape, {"max_value": c.number("max_value", None), "negative_slope": slope, "threshold": threshold})


def _leaky_relu(_: str, c: Config, shape: Shape) -> Made:
    return Made(shape, {"negative_slope": c.number("negative_slope", 0.3)})


def _elu(_: str, c: Config, shape: Shape) -> Made:
    return Made(shape, {"alpha": c.number("alpha", 1.0)})


def _prelu(_: str, c: Config, shape: Shape) -> Made:
    shared = c.get("shared_axes") or []
    if not isinstance(shared, list | tuple) or not all(is_whole(v) and 1 <= v <= len(shape) for v in shared):
        raise Unsupported(f"its shared_axes are {shown(shared)}")
    alpha = tuple(1 if i in shared else n for i, n in enumerate(shape, start=1))
    return Made(shape, {"shared_axes": list(shared)}, (alpha,))


def _softmax(_: str, c: Config, shape: Shape) -> Made:
    return Made(shape, {"axis": c.axis(len(shape)) + 1})


def _rescaling(_: str, c: Config, shape: Shape) -> Made:
    return Made(shape, {"scale": c.number("scale", 1.0), "offset": c.number("offset", 0.0)})


def _fixed_normalization(_: str, c: Config, shape: Shape) -> Made:
    """Only with one mean and one variance for all: then it is a rescaling."""
    c.get("axis")
    mean, variance = c.number("mean", None), c.number("variance", None)
    if mean is None or variance is None or variance < 0:
        raise Unsupported("it was adapted to data")
    scale = 1 / max(math.sqrt(variance), 1e-7)
    return Made(shape, {"scale": scale, "offset": -mean * scale}, kind="Rescaling")


LAYERS: dict[str, Callable[[str, Config, Shape], Made]] = {
    "Dense": _dense,
    **dict.fromkeys(("Conv1D", "Conv2D", "DepthwiseConv2D", "SeparableConv2D"), _convolution),
    **dict.fromkeys(("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), _pooling),
    **{f"Global{how}Pooling{rank}D": _global_pooling for how in ("Max", "Average") for rank in (1, 2)},
    "Flatten": _flatten,
    "Reshape": _reshape,
    "Permute": _permute,
    **dict.fromkeys(("ZeroPadding2D", "Cropping2D"), _margins),
    "UpSampling2D": _up_sampling,
    **dict.fromkeys(("BatchNormalization", "LayerNormalization"), _normalisation),
    "Activation": _activation,
    "ReLU": _relu,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "PReLU": _prelu,
    "Softmax": _softmax,
    "Rescaling": _rescaling,
    "Normalization": _fixed_normalization,
}
"""Keras class → how it is planned, for layers with one input."""


def make(kind: str, config: Mapping[str, object], shapes: tuple[Shape, ...]) -> Made:
    """Plan a layer that is given `shapes`; raises `Unsupported`."""
    entries = Config(config)
    if kind in _SAME_AT_INFERENCE:
        return Made(_only(shapes))
    if kind in {"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"}:
        if len(shapes) < 2 or len(set(shapes)) > 1:
            raise Unsupported("it joins different shapes")
        made = Made(shapes[0])
    elif kind == "Concatenate":
        axis = entries.axis(len(shapes[0]))
        if len(shapes) < 2 or len({(*s[:axis], *s[axis + 1 :]) for s in shapes}) > 1:
            raise Unsupported("it joins different shapes")
        joined = sum(s[axis] for s in shapes)
        made = Made((*shapes[0][:axis], joined, *shapes[0][axis + 1 :]), {"axis": axis + 1})
    elif kind in LAYERS:
        made = LAYERS[kind](kind, entries, _only(shapes))
    else:
        raise Unsupported("it is not one of the layers that are rebuilt")
    entries.finish()
    if min(made.shape, default=1) < 1 or math.prod(made.shape) > VALUES:
        raise Unsupported(f"its output has shape {made.shape}")
    return Made(made.shape, made.arguments, made.weights, made.kind or kind)


def _only(shapes: tuple[Shape, ...]) -> Shape:
    if len(shapes) != 1 or not shapes[0]:
        raise Unsupported(f"it is given {len(shapes)} inputs")
    return shapes[0]
