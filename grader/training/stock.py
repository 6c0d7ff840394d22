"""The stock parts that are trained for all: layers, initializers, optimizers, losses, metrics, callbacks.

Each is taken from plain data by its name and bounded numbers; whatever else stands there raises `Unsupported`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from grader.keras.config import Unsupported
from grader.keras.layers import PlannedLayer
from grader.keras.rebuild import Plan
from grader.records import Layer
from grader.training.request import CallbackFacts, OptimizerFacts
from grader.wire.recipe import CALLBACKS

Named = tuple[str, dict[str, Any]]
"""A class of Keras and what it is made from."""

_RANDOM = {
    "Dropout": "rate",
    "SpatialDropout1D": "rate",
    "SpatialDropout2D": "rate",
    "GaussianDropout": "rate",
    "GaussianNoise": "stddev",
}
"""Layers that draw in training, and the number they are made from."""
_NOT_ALIKE = {"Normalization", "ActivityRegularization", "AlphaDropout"}
"""Layers that are rebuilt for measuring but would train otherwise; those whose names begin with Random, too."""
_INITIALIZERS = frozenset(
    {
        "Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "LecunNormal", "LecunUniform", "Ones",
        "Orthogonal", "RandomNormal", "RandomUniform", "TruncatedNormal", "VarianceScaling", "Zeros",
    }
)  # fmt: skip
_OPTIMIZERS = frozenset({"SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion"})
_LOSSES = frozenset(
    {
        "sparse_categorical_crossentropy", "categorical_crossentropy", "binary_crossentropy", "mean_squared_error",
        "mse", "mean_absolute_error", "mae", "poisson", "kl_divergence", "hinge", "squared_hinge",
        "categorical_hinge", "huber", "log_cosh",
    }
)  # fmt: skip
_LOSS_CLASSES = frozenset(
    {"SparseCategoricalCrossentropy", "CategoricalCrossentropy", "BinaryCrossentropy", "MeanSquaredError",
     "MeanAbsoluteError"}
)  # fmt: skip
_METRICS = _LOSSES | {"accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy"}
_METRIC_CLASSES = frozenset(
    {"SparseCategoricalAccuracy", "CategoricalAccuracy", "Accuracy", "BinaryAccuracy", "SparseCategoricalCrossentropy",
     "CategoricalCrossentropy", "MeanSquaredError", "MeanAbsoluteError"}
)  # fmt: skip
_WORDS = frozenset({"fan_in", "fan_out", "fan_avg", "normal", "truncated_normal", "untruncated_normal", "uniform"})


@dataclass(frozen=True, slots=True)
class Measures:
    """What a network is compiled with, but for its optimizer."""

    loss: str | Named
    metrics: tuple[str | Named, ...]


def for_training(planned: Plan, layers: Sequence[Layer], *, fresh: bool) -> tuple[Plan, tuple[dict[str, Named], ...]]:
    """The plan with what matters in training only, and the initializers of each step."""
    trained: list[PlannedLayer] = []
    initializers: list[dict[str, Named]] = []
    for planned_layer, layer in zip(planned.layers, layers, strict=True):
        trained.append(_trained(planned_layer, layer))
        initializers.append(_initializers(layer) if fresh and planned_layer.weight_shapes else {})
    return replace(planned, layers=tuple(trained)), tuple(initializers)


def _trained(planned: PlannedLayer, layer: Layer) -> PlannedLayer:
    config = layer.config
    if layer.kind in _NOT_ALIKE or layer.kind.startswith("Random"):
        raise Unsupported(f"a layer of it ({layer.kind}) is not trained for all")
    if config.get("trainable", True) is not True or not _is_float32(config.get("dtype")):
        raise Unsupported(f"a layer of it ({layer.kind}) trains in a way of its own")
    if any(config[key] is not None for key in config if key.endswith(("_regularizer", "_constraint"))):
        raise Unsupported(f"a layer of it ({layer.kind}) is regularised")
    if layer.kind in _RANDOM:
        name = _RANDOM[layer.kind]
        number = config.get(name)
        if not isinstance(number, int | float) or not 0 <= number < 1000 or config.get("noise_shape") is not None:
            raise Unsupported(f"a layer of it ({layer.kind}) draws in a way of its own")
        return replace(planned, arguments={name: float(number)}, kind=layer.kind)
    if layer.kind == "BatchNormalization":
        momentum = config.get("momentum", 0.99)
        if not isinstance(momentum, int | float) or not 0 <= momentum <= 1 or config.get("synchronized"):
            raise Unsupported("its normalisation is not trained for all")
        return replace(planned, arguments=planned.arguments | {"momentum": float(momentum)})
    return planned


def _is_float32(dtype: object) -> bool:
    if isinstance(dtype, dict):
        inner = dtype.get("config")
        dtype = inner.get("name") if isinstance(inner, dict) else None
    return dtype in {None, "float32"}


def _initializers(layer: Layer) -> dict[str, Named]:
    initializers: dict[str, Named] = {}
    for key, value in layer.config.items():
        if key.endswith("_initializer") and value is not None:
            kind, config = _class_of(value)
            if kind not in _INITIALIZERS or not all(_plain(v) for v in config.values()):
                raise Unsupported("its weights are drawn in a way of their own")
            initializers[key] = kind, {k: v for k, v in config.items() if k != "seed"}
    return initializers


def _plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, bool | int) or (isinstance(value, str) and value in _WORDS)


def _class_of(value: object) -> Named:
    """(class, configuration) of something that Keras wrote down."""
    match value:
        case {"class_name": str(kind), "config": dict(config)}:
            return kind, config
    raise Unsupported("a part of it is not one of Keras' own")


def optimizer(facts: OptimizerFacts) -> Named:
    """An optimizer and its settings, all numbers. Raises `Unsupported`."""
    if facts.kind not in _OPTIMIZERS:
        raise Unsupported(f"its optimizer is not one of those that train for all ({', '.join(sorted(_OPTIMIZERS))})")
    config = {key: value for key, value in facts.config.items() if key != "name"}
    if not all(isinstance(v, bool) or v is None or (math.isfinite(v) and abs(v) <= 1e9) for v in config.values()):
        raise Unsupported("its optimizer has a setting that is no number")
    if config.get("loss_scale_factor") is not None or config.get("gradient_accumulation_steps") is not None:
        raise Unsupported("its optimizer works in a way of its own")
    return facts.kind, config


def _function(config: object, names: frozenset[str], classes: frozenset[str]) -> str | Named:
    """A loss or a metric: by its name, or a class with settings."""
    match config:
        case str() if config in names:
            return config
        case {"class_name": "function", "config": str(name)} if name in names:
            return name
        case {"class_name": str(kind), "config": dict(settings)} if kind in classes:
            return kind, _settings(settings)
    raise Unsupported("its loss or a metric is not one of those that train for all")


def measures(loss: object, metrics: object) -> Measures:
    """Loss and metrics as `get_compile_config` writes them. Raises `Unsupported`."""
    return Measures(
        _function(loss, _LOSSES, _LOSS_CLASSES),
        tuple(_function(metric, _METRICS, _METRIC_CLASSES) for metric in _listed(metrics)),
    )


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for key, value in config.items():
        match key, value:
            case ("name", str()) if len(value) <= 60 and value.replace("_", "").replace(" ", "").isalnum():
                kept[key] = value
            case ("from_logits", bool()):
                kept[key] = value
            case ("label_smoothing" | "threshold", int() | float()) if 0 <= value <= 1:
                kept[key] = float(value)
            case ("dtype", _) if _is_float32(value):
                pass
            case ("axis", -1) | ("reduction", "sum_over_batch_size") | ("ignore_class" | "name", None):
                pass
            case _:
                raise Unsupported("its loss or a metric has settings of its own")
    return kept


def _listed(metrics: object) -> list[object]:
    if metrics is None:
        return []
    listed = metrics if isinstance(metrics, list) else [metrics]
    if len(listed) == 1 and isinstance(listed[0], list):
        listed = listed[0]
    if len(listed) > 20:
        raise Unsupported("it has too many metrics")
    return listed


def callback(facts: CallbackFacts, epochs: int) -> Named:
    """A callback and its settings, or its rate of each epoch. Raises `Unsupported`."""
    if facts.kind == "LearningRateScheduler" and facts.rates is not None and not facts.config:
        if len(facts.rates) != epochs or not all(math.isfinite(rate) for rate in facts.rates):
            raise Unsupported("its learning rates are no numbers")
        return facts.kind, {"rates": facts.rates}
    known = facts.kind in CALLBACKS and set(facts.config) == set(CALLBACKS[facts.kind]) and facts.rates is None
    if known and all(not isinstance(v, float) or math.isfinite(v) for v in facts.config.values()):
        return facts.kind, facts.config
    raise Unsupported(f"its callback {facts.kind} is not one of those that can be repeated")
