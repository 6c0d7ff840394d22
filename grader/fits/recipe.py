"""A recipe as a kernel sent it → a `Work` that is known to be sound, bounded and made of stock parts, or `Refused`.

The kernel may lie: every entry is checked against what the trainer knows, and nothing in it is ever executed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from grader.fits.config import Unsupported
from grader.fits.layers import Made
from grader.fits.rebuild import Plan, Step, plan
from grader.probe.official import GREYS
from grader.probe.recipe import EPOCHS, FORMAT, PARAMETERS, key_of
from grader.records import Architecture, Layer

Array = np.ndarray[Any, Any]

IMAGES = 70_000
"""Official images: training images first, test images after them."""
TIMES = 1000
MULTIPLICATIONS = 2e13
"""Most multiplications of a training; about ten minutes of one core."""
BATCHES = 2_000_000
"""Most batches of a training: each costs a call, however small it is."""
_BATCH_VALUES = 1 << 27
"""Most values of a layer's output for one batch (512 MiB as float32)."""
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
_DTYPES = {"float32", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "bool"}


class Refused(Exception):  # noqa: N818 - a finding, not an error
    """Why a recipe is not trained; a part of a sentence."""


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


_Whole = Annotated[int, Field(ge=0, le=10**9)]
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_ -]{0,60}$")]


class Images(_Strict):
    rows: list[_Whole] | _Whole
    """First and last + 1 of rows that lie together, or the number of the array that holds them."""
    table: _Whole
    item: Annotated[list[Annotated[int, Field(ge=1, le=784)]], Field(min_length=1, max_length=4)]


class Labels(_Strict):
    classes: Annotated[int, Field(ge=0, le=100)]
    """Columns of one-hot labels; 0 for whole numbers."""
    values: _Whole
    shape: Annotated[list[_Whole], Field(min_length=1, max_length=3)]
    dtype: str


class _Data(_Strict):
    x: Images
    y: Labels


class _Layer(_Strict):
    kind: str
    output_shape: list[_Whole | None] | None
    weights: _Whole
    stock: bool
    inbound: list[Annotated[int, Field(ge=-1, le=500)]]
    config: dict[str, Any]


class _Optimizer(_Strict):
    kind: str
    config: dict[str, bool | int | float | None]


class _Callback(_Strict):
    kind: str
    config: dict[str, bool | int | float | _Name | None] = {}
    rates: list[float] | None = None


class Facts(_Strict):
    """What `probe.recipe.recipe_of` writes."""

    format: Literal[1]
    layers: Annotated[list[_Layer], Field(min_length=1, max_length=500)]
    weights: list[_Whole] | None
    generators: Annotated[list[list[Annotated[int, Field(ge=0, le=2**32)]] | None], Field(max_length=500)]
    seeds: list[str | None] | None
    optimizer: _Optimizer
    loss: Any
    metrics: Any
    slots: list[_Whole] | None
    x: Images
    y: Labels
    validation: _Data | None
    validation_split: Annotated[float, Field(ge=0, lt=1)]
    validation_batch_size: Annotated[int, Field(ge=1, le=IMAGES)]
    epochs: Annotated[int, Field(ge=1, le=EPOCHS)]
    initial_epoch: Annotated[int, Field(ge=0, lt=EPOCHS)]
    batch_size: Annotated[int, Field(ge=1, le=IMAGES)]
    shuffle: bool
    callbacks: Annotated[list[_Callback], Field(max_length=20)]


Named = tuple[str, dict[str, Any]]
"""A class of Keras and what it is made from."""


@dataclass(frozen=True, slots=True)
class Work:
    """A training, ready to be done by a trainer that has never heard of recipes."""

    key: str
    times: int
    facts: Facts
    arrays: tuple[Array, ...]
    planned: Plan
    initializers: tuple[dict[str, Named], ...]
    """For each step of the plan, by the name of its argument."""
    optimizer: Named
    loss: str | Named
    metrics: tuple[str | Named, ...]
    callbacks: tuple[Named, ...]


def checked(facts: Mapping[str, Any], arrays: Sequence[Array], times: int) -> Work:
    """The work that a recipe asks for. Raises `Refused`."""
    try:
        told = Facts.model_validate(facts)
    except (ValidationError, RecursionError) as problem:
        raise Refused("its recipe is not of the kind that the trainer knows") from problem
    if not 0 <= times < TIMES:
        raise Refused("it was repeated too often")
    assert told.format == FORMAT
    parts = _Parts(told, tuple(arrays))
    try:
        return parts.work(key_of(dict(facts), list(arrays)), times)
    except Unsupported as why:
        raise Refused(str(why)) from why


class _Parts:
    """Takes a recipe apart."""

    def __init__(self, told: Facts, arrays: tuple[Array, ...]) -> None:
        self._told = told
        self._arrays = arrays

    def work(self, key: str, times: int) -> Work:
        told = self._told
        rows = self._data(told.x, told.y)
        if told.validation is not None:
            self._data(told.validation.x, told.validation.y)
        layers = [_as_record(layer) for layer in told.layers]
        shapes = None if told.weights is None else [self._floats(i).shape for i in told.weights]
        planned = plan(Architecture("functional", tuple(layers), None, None, None), shapes, tuple(told.x.item))
        if isinstance(planned, str):
            raise Refused(planned)
        if told.validation is not None and tuple(told.validation.x.item) != planned.input_shape:
            raise Refused("its validation images have another shape")
        planned, initializers = _for_training(planned, layers, fresh=told.weights is None)
        if sum(math.prod(shape) for step in planned.steps for shape in step.made.weights) > PARAMETERS:
            raise Refused("the network is too large")
        self._bounded(planned, rows)
        for i in told.slots or ():
            self._array(i)
        return Work(
            key,
            times,
            told,
            self._arrays,
            planned,
            initializers,
            _optimizer(told.optimizer),
            _function(told.loss, _LOSSES, _LOSS_CLASSES),
            tuple(_function(metric, _METRICS, _METRIC_CLASSES) for metric in _listed(told.metrics)),
            tuple(_callback(callback, told) for callback in told.callbacks),
        )

    def _array(self, number: int) -> Array:
        if number >= len(self._arrays):
            raise Refused("its recipe lacks an array")
        return self._arrays[number]

    def _floats(self, number: int) -> Array:
        array = self._array(number)
        if array.dtype != np.float32 or not np.isfinite(array).all():
            raise Refused("its weights are no finite numbers")
        return array

    def _data(self, x: Images, y: Labels) -> int:
        """Number of items. Raises `Refused` where data are not what they should be."""
        table, values = self._array(x.table), self._array(y.values)
        if isinstance(x.rows, list):
            if len(x.rows) != 2 or not x.rows[0] < x.rows[1] <= IMAGES:
                raise Refused("its images are not the official ones")
            count = x.rows[1] - x.rows[0]
        else:
            rows = self._array(x.rows)
            if rows.dtype != np.int32 or rows.ndim != 1 or not 0 < len(rows) <= 2 * IMAGES:
                raise Refused("its images are not the official ones")
            if rows.min() < 0 or rows.max() >= IMAGES:
                raise Refused("its images are not the official ones")
            count = len(rows)
        if table.shape != (GREYS,) or table.dtype.name not in _DTYPES or not np.isfinite(table).all():
            raise Refused("its images are not the official ones")
        shape = (count, y.classes) if y.classes else tuple(y.shape)
        if math.prod(x.item) != 784 or y.dtype not in _DTYPES or tuple(y.shape) != shape:
            raise Refused("its data do not fit together")
        if values.dtype != np.uint8 or values.shape != (count,) or math.prod(shape) != count * max(1, y.classes):
            raise Refused("its data do not fit together")
        if y.classes and values.max() >= y.classes:
            raise Refused("its data do not fit together")
        return count

    def _bounded(self, planned: Plan, rows: int) -> None:
        told = self._told
        epochs = told.epochs - told.initial_epoch
        if epochs < 1:
            raise Refused("it has no epochs")
        largest = max(math.prod(step.made.shape) for step in planned.steps)
        if largest * max(told.batch_size, told.validation_batch_size) > _BATCH_VALUES:
            raise Refused("a batch of it takes more memory than there is for all")
        if epochs * rows * _multiplications(planned) * 3 > MULTIPLICATIONS or epochs * rows / told.batch_size > BATCHES:
            raise Refused("it takes longer than what is trained for all")


def _multiplications(planned: Plan) -> int:
    """Of one image, forwards: what each weight is used for, at each place of the output."""
    total = 0
    for step in planned.steps:
        places = math.prod(step.made.shape[:-1])
        total += places * sum(math.prod(shape) for shape in step.made.weights) + math.prod(step.made.shape)
    return total


# ------------------------------------------------------------------ parts


def _as_record(layer: _Layer) -> Layer:
    shape = None if layer.output_shape is None else tuple(layer.output_shape)
    return Layer(layer.kind, "", layer.config, shape, None, None, layer.weights, layer.stock, tuple(layer.inbound))


def _for_training(planned: Plan, layers: Sequence[Layer], *, fresh: bool) -> tuple[Plan, tuple[dict[str, Named], ...]]:
    """The plan with what matters in training only, and the initializers of each step."""
    steps: list[Step] = []
    found: list[dict[str, Named]] = []
    for step, layer in zip(planned.steps, layers, strict=True):
        steps.append(Step(_trained(step.made, layer), step.inbound))
        found.append(_initializers(layer) if fresh and step.made.weights else {})
    return Plan(planned.input_shape, tuple(steps), planned.output), tuple(found)


def _trained(made: Made, layer: Layer) -> Made:
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
        return Made(made.shape, {name: float(number)}, (), layer.kind)
    if layer.kind == "BatchNormalization":
        momentum = config.get("momentum", 0.99)
        if not isinstance(momentum, int | float) or not 0 <= momentum <= 1 or config.get("synchronized"):
            raise Unsupported("its normalisation is not trained for all")
        return Made(made.shape, made.arguments | {"momentum": float(momentum)}, made.weights, made.kind)
    return made


def _is_float32(dtype: object) -> bool:
    if isinstance(dtype, dict):
        inner = dtype.get("config")
        dtype = inner.get("name") if isinstance(inner, dict) else None
    return dtype in {None, "float32"}


def _initializers(layer: Layer) -> dict[str, Named]:
    found: dict[str, Named] = {}
    for key, value in layer.config.items():
        if key.endswith("_initializer") and value is not None:
            kind, config = _class_of(value)
            if kind not in _INITIALIZERS or not all(_plain(v) for v in config.values()):
                raise Unsupported("its weights are drawn in a way of their own")
            found[key] = kind, {k: v for k, v in config.items() if k != "seed"}
    return found


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


def _optimizer(told: _Optimizer) -> Named:
    if told.kind not in _OPTIMIZERS:
        raise Unsupported(f"its optimizer is not one of those that train for all ({', '.join(sorted(_OPTIMIZERS))})")
    config = {key: value for key, value in told.config.items() if key != "name"}
    if not all(isinstance(v, bool) or v is None or (math.isfinite(v) and abs(v) <= 1e9) for v in config.values()):
        raise Unsupported("its optimizer has a setting that is no number")
    if config.get("loss_scale_factor") is not None or config.get("gradient_accumulation_steps") is not None:
        raise Unsupported("its optimizer works in a way of its own")
    return told.kind, config


def _function(told: object, names: frozenset[str], classes: frozenset[str]) -> str | Named:
    """A loss or a metric: by its name, or a class with settings."""
    match told:
        case str() if told in names:
            return told
        case {"class_name": "function", "config": str(name)} if name in names:
            return name
        case {"class_name": str(kind), "config": dict(config)} if kind in classes:
            return kind, _settings(config)
    raise Unsupported("its loss or a metric is not one of those that train for all")


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
    found = metrics if isinstance(metrics, list) else [metrics]
    if len(found) == 1 and isinstance(found[0], list):
        found = found[0]
    if len(found) > 20:
        raise Unsupported("it has too many metrics")
    return found


_CALLBACK_ENTRIES = {
    "EarlyStopping": {
        "monitor", "min_delta", "patience", "mode", "baseline", "restore_best_weights", "start_from_epoch",
    },
    "ReduceLROnPlateau": {"monitor", "factor", "patience", "mode", "min_delta", "cooldown", "min_lr"},
    "TerminateOnNaN": set(),
}  # fmt: skip


def _callback(told: _Callback, facts: Facts) -> Named:
    if told.kind == "LearningRateScheduler" and told.rates is not None and not told.config:
        if len(told.rates) != facts.epochs or not all(math.isfinite(rate) for rate in told.rates):
            raise Unsupported("its learning rates are no numbers")
        return told.kind, {"rates": told.rates}
    known = told.kind in _CALLBACK_ENTRIES and set(told.config) == _CALLBACK_ENTRIES[told.kind] and told.rates is None
    if known and all(not isinstance(v, float) or math.isfinite(v) for v in told.config.values()):
        return told.kind, told.config
    raise Unsupported(f"its callback {told.kind} is not one of those that can be repeated")
