"""The catalogue of stock layers: what a configuration may say, the shapes of a layer's output and of its weights.

Pure arithmetic on plain numbers: that a network is sound and small is known before Keras sees any of it. Formulas of
shapes and parameter counts stand here alone; those in `reference/` are independent on purpose. Shapes leave the batch
axis out; images have their channels last. Layer semantics: https://keras.io/api/layers/
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from grader.keras.config import WIDEST, Config, Unsupported, is_whole, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Shape = tuple[int, ...]

VALUES_PER_ITEM = WIDEST
"""Most values of a layer's output per item."""
ACTIVATIONS = frozenset(
    {
        "celu", "elu", "exponential", "gelu", "hard_shrink", "hard_sigmoid", "hard_silu", "hard_swish", "hard_tanh",
        "leaky_relu", "linear", "log_sigmoid", "log_softmax", "mish", "relu", "relu6", "selu", "sigmoid", "silu",
        "soft_shrink", "softmax", "softplus", "softsign", "sparse_plus", "squareplus", "swish", "tanh", "tanh_shrink",
    }
)  # fmt: skip
"""Activations of Keras that need no settings and keep the shape (https://keras.io/api/layers/activations/)."""

_TENSORFLOW_NAMES = {"softmax_v2": "softmax", "relu": "relu", "sigmoid": "sigmoid", "tanh": "tanh"}
"""How Keras writes `tf.nn.softmax` and its like down where it does not know them as its own."""

_SAME_AT_INFERENCE = frozenset(
    {
        "ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise", "Identity",
        "RandomBrightness", "RandomContrast", "RandomFlip", "RandomRotation", "RandomTranslation", "RandomZoom",
        "SpatialDropout1D", "SpatialDropout2D",
    }
)  # fmt: skip
"""Layers that do nothing outside training."""


@dataclass(frozen=True, slots=True)
class PlannedLayer:
    """A layer that is known to be sound, with all that it is built from."""

    output_shape: Shape
    arguments: dict[str, Any] = field(default_factory=dict)
    """For the constructor of the Keras class."""
    weight_shapes: tuple[Shape, ...] = ()
    """In the order of Keras' `layer.weights`."""
    kind: str = ""
    """The Keras class; '' for a layer that changes nothing."""
    inbound: tuple[int, ...] = ()
    """Layers of the network whose outputs it takes; -1 is the network's input."""

    @property
    def parameters(self) -> int:
        """Numbers in its weights, trainable or not."""
        return sum(map(math.prod, self.weight_shapes))


def _rank(kind: str, c: Config, shape: Shape) -> int:
    """Spatial axes of a layer named '…1D' or '…2D'."""
    rank = int(kind[-2])
    if len(shape) != rank + 1:
        raise Unsupported(f"it is given shape {shape}")
    c.channels_last()
    return rank


def _activation_in(c: Config) -> str | PlannedLayer:
    """A name, or the planned layer that a student gave as an activation (`activation=LeakyReLU()`)."""
    value = c.get("activation")
    match value:
        case None:
            return "linear"
        case {"class_name": "function", "config": str(name)} if name in _TENSORFLOW_NAMES:
            return _TENSORFLOW_NAMES[name]
        case {"class_name": "ReLU" | "LeakyReLU" | "ELU" as kind, "module": "keras.layers", "config": dict(config)}:
            return plan_layer(kind, config, ((1,),))
        case str() if value in ACTIVATIONS:
            return value
    raise Unsupported(f"its activation is {shown(value)}")


def _positions(length: int, size: int, stride: int, padding: str, dilation: int = 1) -> int:
    """How often a window fits along an axis of the input.

    ⌊(n − d(k − 1) − 1) / s⌋ + 1 for 'valid', ⌈n / s⌉ for 'same'; 'causal' pads in front so that windows of stride 1
    fit everywhere (https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2).
    """
    if padding == "same":
        return -(-length // stride)
    reach = length if padding == "causal" else length - dilation * (size - 1)
    return max(0, (reach - 1) // stride + 1)


def _dense(_: str, c: Config, shape: Shape) -> PlannedLayer:
    if not shape:
        raise Unsupported("it is given single numbers")
    units, bias = c.whole("units"), c.flag("use_bias", default=True)
    arguments = {"units": units, "activation": _activation_in(c), "use_bias": bias}
    return PlannedLayer((*shape[:-1], units), arguments, ((shape[-1], units), *([(units,)] if bias else [])))


def _convolution(kind: str, c: Config, shape: Shape) -> PlannedLayer:
    rank = _rank(kind, c, shape)
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
    places = (_positions(n, k, s, padding, d) for n, k, s, d in zip(shape, size, strides, dilation, strict=False))
    return PlannedLayer((*places, filters), arguments, weights + (((filters,),) if bias else ()))


def _pooling(kind: str, c: Config, shape: Shape) -> PlannedLayer:
    rank = _rank(kind, c, shape)
    size = c.many("pool_size", rank, 2)
    strides = size if c.get("strides") is None else c.many("strides", rank)
    padding = c.choice("padding", "valid", frozenset({"valid", "same"}))
    places = (_positions(n, k, s, padding) for n, k, s in zip(shape, size, strides, strict=False))
    return PlannedLayer((*places, shape[-1]), {"pool_size": size, "strides": strides, "padding": padding})


def _global_pooling(kind: str, c: Config, shape: Shape) -> PlannedLayer:
    rank = _rank(kind, c, shape)
    keep = c.flag("keepdims", default=False)
    return PlannedLayer(((1,) * rank if keep else ()) + shape[-1:], {"keepdims": keep})


def _flatten(_: str, c: Config, shape: Shape) -> PlannedLayer:
    c.channels_last()
    return PlannedLayer((math.prod(shape),))


def _reshape(_: str, c: Config, shape: Shape) -> PlannedLayer:
    target = c.get("target_shape")
    if not isinstance(target, list | tuple) or not all(is_whole(v) and -1 <= v <= WIDEST for v in target):
        raise Unsupported(f"its target_shape is {shown(target)}")
    rest = math.prod(v for v in target if v >= 0)
    filled = tuple(math.prod(shape) // max(rest, 1) if v < 0 else v for v in target)
    if math.prod(filled) != math.prod(shape):
        raise Unsupported(f"its target_shape is {shown(target)}")
    return PlannedLayer(filled, {"target_shape": filled})


def _permute(_: str, c: Config, shape: Shape) -> PlannedLayer:
    dims = c.get("dims")
    if not isinstance(dims, list | tuple) or sorted(map(repr, dims)) != sorted(map(repr, range(1, len(shape) + 1))):
        raise Unsupported(f"its dims are {shown(dims)}")
    return PlannedLayer(tuple(shape[d - 1] for d in dims), {"dims": tuple(dims)})


def _margins(kind: str, c: Config, shape: Shape) -> PlannedLayer:
    _rank(kind, c, shape)
    key, sign = ("padding", 1) if kind.startswith("Zero") else ("cropping", -1)
    margins = c.margins(key)
    places = (n + sign * sum(margin) for n, margin in zip(shape, margins, strict=False))
    return PlannedLayer((*places, shape[-1]), {key: margins})


def _up_sampling(kind: str, c: Config, shape: Shape) -> PlannedLayer:
    size = c.many("size", _rank(kind, c, shape), 2)
    how = c.choice("interpolation", "nearest", frozenset({"nearest", "bilinear"}))
    places = (n * k for n, k in zip(shape, size, strict=False))
    return PlannedLayer((*places, shape[-1]), {"size": size, "interpolation": how})


def _normalisation(kind: str, c: Config, shape: Shape) -> PlannedLayer:
    axis = c.axis(len(shape))
    width = (shape[axis],)
    scale, center = c.flag("scale", default=True), c.flag("center", default=True)
    epsilon = c.number("epsilon", 1e-3)
    moving = 2 if kind == "BatchNormalization" else 0
    arguments = {"axis": axis + 1, "epsilon": epsilon, "scale": scale, "center": center}
    return PlannedLayer(shape, arguments, (width,) * (scale + center + moving))


def _elementwise(kind: str, c: Config, shape: Shape) -> PlannedLayer:
    match kind:
        case "Activation":
            arguments: dict[str, Any] = {"activation": _activation_in(c)}
        case "ReLU":
            arguments = {key: c.number(key, 0.0) for key in ("negative_slope", "threshold")}
            arguments["max_value"] = c.number("max_value", None)
        case "LeakyReLU":
            arguments = {"negative_slope": c.number("negative_slope", 0.3)}
        case "ELU":
            arguments = {"alpha": c.number("alpha", 1.0)}
        case "Softmax":
            arguments = {"axis": c.axis(len(shape)) + 1}
        case _:
            arguments = {"scale": c.number("scale", 1.0), "offset": c.number("offset", 0.0)}
    return PlannedLayer(shape, arguments)


def _prelu(_: str, c: Config, shape: Shape) -> PlannedLayer:
    shared = c.get("shared_axes") or []
    if not isinstance(shared, list | tuple) or not all(is_whole(v) and 1 <= v <= len(shape) for v in shared):
        raise Unsupported(f"its shared_axes are {shown(shared)}")
    alpha = tuple(1 if i in shared else n for i, n in enumerate(shape, start=1))
    return PlannedLayer(shape, {"shared_axes": list(shared)}, (alpha,))


def _fixed_normalization(_: str, c: Config, shape: Shape) -> PlannedLayer:
    """Only with one mean and one variance for all: then it is a rescaling."""
    c.get("axis")
    mean, variance = c.number("mean", None), c.number("variance", None)
    if mean is None or variance is None or variance < 0:
        raise Unsupported("it was adapted to data")
    scale = 1 / max(math.sqrt(variance), 1e-7)
    return PlannedLayer(shape, {"scale": scale, "offset": -mean * scale}, kind="Rescaling")


LAYERS: dict[str, Callable[[str, Config, Shape], PlannedLayer]] = {
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
    **dict.fromkeys(("Activation", "ReLU", "LeakyReLU", "ELU", "Softmax", "Rescaling"), _elementwise),
    "PReLU": _prelu,
    "Normalization": _fixed_normalization,
}
"""Keras class → its plan from class, configuration and input shape, for layers with one input; raises `Unsupported`."""


_JOINING = frozenset({"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum"})
"""Layers that take several inputs of one shape and leave that shape."""


def plan_layer(
    kind: str, config: Mapping[str, object], shapes: Sequence[Shape], inbound: tuple[int, ...] = ()
) -> PlannedLayer:
    """Plan a layer that is given items of `shapes`; raises `Unsupported` with the reason."""
    if kind in _SAME_AT_INFERENCE:
        return PlannedLayer(_only(shapes), inbound=inbound)
    entries = Config(config)
    if kind in _JOINING:
        _refuse_unlike(shapes)
        planned = PlannedLayer(shapes[0])
    elif kind == "Concatenate":
        axis = entries.axis(len(shapes[0]))
        _refuse_unlike([(*shape[:axis], *shape[axis + 1 :]) for shape in shapes])
        joined = sum(shape[axis] for shape in shapes)
        planned = PlannedLayer((*shapes[0][:axis], joined, *shapes[0][axis + 1 :]), {"axis": axis + 1})
    elif kind in LAYERS:
        planned = LAYERS[kind](kind, entries, _only(shapes))
    else:
        raise Unsupported("it is not one of the layers that are rebuilt")
    entries.finish()
    shape = planned.output_shape
    if min(shape, default=1) < 1 or math.prod(shape) > VALUES_PER_ITEM:
        raise Unsupported(f"its output has shape {shape}")
    return replace(planned, kind=planned.kind or kind, inbound=inbound)


def _refuse_unlike(shapes: Sequence[Shape]) -> None:
    if len(shapes) < 2 or len(set(shapes)) > 1:
        raise Unsupported("it joins different shapes")


def _only(shapes: Sequence[Shape]) -> Shape:
    if len(shapes) != 1 or not shapes[0]:
        raise Unsupported(f"it is given {len(shapes)} inputs")
    return shapes[0]
