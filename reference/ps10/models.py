"""The networks that the sheet asks for, and their parameter counts by formula."""

from __future__ import annotations

import math
from collections.abc import Iterable

from grader.rubric.expected import LayerSpec, ModelSpec, NetworkSpec

TRAIN_ROWS = 60_000
SUBSET_ROWS = 20_000
CLASSES = 10
PIXELS = 28 * 28

Shape = tuple[int, ...]


# ------------------------------------------------------------------ layers


def dense(units: int, activation: str, *, free: tuple[str, ...] = ()) -> LayerSpec:
    return LayerSpec("Dense", {"units": units, "activation": activation}, free)


def conv(filters: int, stride: int = 1) -> LayerSpec:
    """3×3 with ReLU. The sheet does not say how to treat the border: padding is the student's choice."""
    config: dict[str, object] = {
        "filters": filters,
        "kernel_size": (3, 3),
        "strides": (stride, stride),
        "padding": "valid",
        "activation": "relu",
    }
    return LayerSpec("Conv2D", config, free=("padding",))


def pool() -> LayerSpec:
    config: dict[str, object] = {"pool_size": (2, 2), "strides": (2, 2), "padding": "valid"}
    return LayerSpec("MaxPooling2D", config, free=("padding",))


FLATTEN = LayerSpec("Flatten")
OUTPUT = dense(CLASSES, "softmax")


# ------------------------------------------------------------------ parameters by formula


def _config(layer: LayerSpec, name: str) -> int:
    value = layer.config[name]
    if isinstance(value, tuple):
        value = value[0]  # kernels, strides and pools of this sheet are square
    assert isinstance(value, int)
    return value


def _after(layer: LayerSpec, shape: Shape, *, bias: bool) -> tuple[Shape, int]:
    """Output shape and parameters of a layer for an input of `shape` (no batch axis)."""
    match layer.kind:
        case "Dense":
            units = _config(layer, "units")
            return (*shape[:-1], units), shape[-1] * units + bias * units
        case "Flatten":
            return (math.prod(shape),), 0
        case "Conv2D":
            filters, side = _config(layer, "filters"), _config(layer, "kernel_size")
            weights = side * side * shape[-1] * filters + bias * filters
        case "MaxPooling2D":
            filters, side, weights = shape[-1], _config(layer, "pool_size"), 0
        case kind:
            raise AssertionError(kind)
    stride, same = _config(layer, "strides"), layer.config["padding"] == "same"
    grid = tuple(math.ceil(n / stride) if same else (n - side) // stride + 1 for n in shape[:-1])
    return (*grid, filters), weights


def parameters(layers: Iterable[LayerSpec], input_shape: Shape, *, bias: bool = True) -> int:
    """Trainable parameters by formula.

    Dense: inputs · units + units. Conv2D: height · width · channels · filters + filters. Pooling has none; a
    'valid' window of side k and stride s leaves ⌊(n − k) / s⌋ + 1 of n positions, a 'same' one ⌈n / s⌉
    (https://www.tensorflow.org/api_docs/python/tf/nn#notes_on_padding_2).
    """
    total, shape = 0, input_shape
    for layer in layers:
        shape, own = _after(layer, shape, bias=bias)
        total += own
    return total


# ------------------------------------------------------------------ models


def _model(name: str, input_shape: Shape, *layers: LayerSpec) -> ModelSpec:
    return ModelSpec(name, input_shape, layers, parameters(layers, input_shape))


def dense_model(name: str, width: int, *, free: bool) -> ModelSpec:
    """Two hidden layers of `width`, output of ten. A `Flatten` before them vectorises as well as NumPy does."""
    hidden = dense(width, "relu", free=("units",) if free else ())
    start = LayerSpec("Flatten", optional=True)
    return _model(name, (PIXELS,), start, hidden, hidden, OUTPUT)


def cnn_model(name: str, *layers: LayerSpec) -> ModelSpec:
    return _model(name, (28, 28, 1), *layers, FLATTEN, OUTPUT)


MODELS = {
    model.name: model
    for model in (
        dense_model("dense_10", 10, free=True),
        dense_model("dense_64", 64, free=False),
        cnn_model("cnn", conv(16), pool(), conv(8), pool()),
        cnn_model("cnn_strided", conv(16, stride=2), conv(8, stride=2)),
    )
}


# ------------------------------------------------------------------ networks: models with their training


def _network(
    name: str,
    model: str,
    *,
    optimizer: str = "SGD",
    learning_rate: float = 0.01,
    rows: int = TRAIN_ROWS,
) -> NetworkSpec:
    """Loss, metric, epochs and batch size are the same throughout the sheet; 0.01 is Keras' default for SGD."""
    return NetworkSpec(
        name=name,
        model=MODELS[model],
        optimizer=optimizer,
        learning_rate=learning_rate,
        loss="sparse_categorical_crossentropy",
        metrics=("accuracy",),
        epochs=3,
        batch_size=64,
        train_rows=rows,
    )


NETWORKS = {
    network.name: network
    for network in (
        _network("dense_small", "dense_10"),
        _network("dense_slow", "dense_10", learning_rate=0.005),
        _network("dense_large", "dense_64"),
        _network("dense_subset", "dense_64", rows=SUBSET_ROWS),
        _network("cnn", "cnn"),
        _network("cnn_strided", "cnn_strided"),
        _network("cnn_adam", "cnn_strided", optimizer="Adam", learning_rate=0.001),
    )
}
