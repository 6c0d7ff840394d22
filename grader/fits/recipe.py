"""A recipe as a kernel sent it → a `Work` that is known to be sound, bounded and made of stock parts, or `Refused`.

The kernel may lie: every entry is checked against what the trainer knows, and nothing in it is ever executed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from grader.fits.config import Unsupported
from grader.fits.layers import Made
from grader.fits.rebuild import Plan, Step, plan
from grader.probe.fingerprint import PIXELS
from grader.probe.official import GREYS
from grader.probe.recipe import EPOCHS, PARAMETERS, VALUES, key_of
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
    rows: Annotated[tuple[_Whole, _Whole], Strict(False)] | _Whole
    """First and last + 1 of rows that lie together, or the number of the array that holds them."""
    table: _Whole
    item: Annotated[list[Annotated[int, Field(ge=1, le=784)]], Field(min_length=1, max_length=4)]


class Labels(_Strict):
    classes: Annotated[int, Field(ge=0, le=100)]
    """Columns of one-hot labels; 0 for whole numbers."""
    values: _Whole
    shape: Annotated[list[_Whole], Field(min_length=1, max_length=3)]
    dtype: str


class Data(_Strict):
    """What each epoch is measured on."""

    x: Images
    y: Labels
    batch_size: Annotated[int, Field(ge=1, le=IMAGES)]


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
    epochs: Annotated[int, Field(ge=1, le=EPOCHS)]
    initial_epoch: Annotated[int, Field(ge=0, lt=EPOCHS)]
    batch_size: Annotated[int, Field(ge=1, le=IMAGES)]
    shuffle: bool
    callbacks: Annotated[list[_Callback], Field(max_length=20)]
    validation: Data | None
    """Only where callbacks may look at it; else it is no part of the training."""


class Request(_Strict):
    """What `probe.trainer` sends along with arrays."""

    facts: dict[str, Any]
    own: _Whole
    validation: Data | None
    times: Annotated[int, Field(ge=0, lt=TIMES)]


Named = tuple[str, dict[str, Any]]
"""A class of Keras and what it is made from."""


@dataclass(frozen=True, slots=True)
class Work:
    """A training, ready to be done by a trainer that has never heard of recipes."""

    key: str
    """Equal for equal trainings, whatever they are validated on."""
    times: int
    facts: Facts
    arrays: tuple[Array, ...]
    validation: Data | None
    """What the weights of each epoch are measured on afterwards."""
    validation_key: str
    planned: Plan
    initializers: tuple[dict[str, Named], ...]
    """For each step of the plan, by the name of its argument."""
    optimizer: Named
    loss: str | Named
    metrics: tuple[str | Named, ...]
    callbacks: tuple[Named, ...]


def checked(told: object, arrays: Sequence[Array]) -> Work:
    """The work that a request asks for. Raises `Refused`."""
    try:
        request = Request.model_validate(told)
        facts = Facts.model_validate(request.facts)
    except (ValidationError, RecursionError) as problem:
        raise Refused("its recipe is not of the kind that the trainer knows") from problem
    try:
        return _work(request, facts, tuple(arrays))
    except Unsupported as why:
        raise Refused(str(why)) from why


def _work(request: Request, told: Facts, arrays: tuple[Array, ...]) -> Work:
    own = arrays[: request.own]  # the key is of these: nothing else may matter to the training
    rows = _rows(told.x, told.y, own)
    layers = [_as_record(layer) for layer in told.layers]
    shapes = None if told.weights is None else [_weights(own, i).shape for i in told.weights]
    planned = plan(Architecture("functional", tuple(layers), None, None, None), shapes, tuple(told.x.item))
    if isinstance(planned, str):
        raise Refused(planned)
    for data, among in ((told.validation, own), (request.validation, arrays)):
        if data is not None:
            _rows(data.x, data.y, among)
            if tuple(data.x.item) != planned.input_shape:
                raise Refused("its validation images have another shape")
            _batch_bounded(planned, data.batch_size)
    planned, initializers = _for_training(planned, layers, fresh=told.weights is None)
    _bounded(planned, told, rows)
    for i in told.slots or ():
        _array(own, i)
    callbacks = tuple(_callback(callback, told) for callback in told.callbacks)
    if request.validation is not None and not keeps_epochs(planned, told):
        raise Refused("its validation is no part of its recipe")
    return Work(
        key=key_of(request.facts, list(own)),
        times=request.times,
        facts=told,
        arrays=arrays,
        validation=request.validation,
        validation_key=_key_of_data(request.validation, arrays),
        planned=planned,
        initializers=initializers,
        optimizer=_optimizer(told.optimizer),
        loss=_function(told.loss, _LOSSES, _LOSS_CLASSES),
        metrics=tuple(_function(metric, _METRICS, _METRIC_CLASSES) for metric in _listed(told.metrics)),
        callbacks=callbacks,
    )


def _array(arrays: Sequence[Array], number: int) -> Array:
    if number >= len(arrays):
        raise Refused("its recipe lacks an array")
    return arrays[number]


def _weights(arrays: Sequence[Array], number: int) -> Array:
    array = _array(arrays, number)
    if array.dtype != np.float32 or not np.isfinite(array).all():
        raise Refused("its weights are no finite numbers")
    return array


def _rows(x: Images, y: Labels, arrays: Sequence[Array]) -> int:
    """Number of items of data that are what they should be; raises `Refused` for others."""
    table, values = _array(arrays, x.table), _array(arrays, y.values)
    if isinstance(x.rows, tuple):
        rows = np.array(x.rows) - [0, 1]
        count = x.rows[1] - x.rows[0]
    else:
        rows = _array(arrays, x.rows)
        count = len(rows) if rows.dtype == np.int32 and rows.ndim == 1 else 0
    if not 0 < count <= 2 * IMAGES or rows.min() < 0 or rows.max() >= IMAGES:
        raise Refused("its images are not the official ones")
    if table.shape != (GREYS,) or table.dtype.name not in _DTYPES or not np.isfinite(table).all():
        raise Refused("its images are not the official ones")
    shape = (count, y.classes) if y.classes else tuple(y.shape)
    fits = math.prod(x.item) == PIXELS and y.dtype in _DTYPES and tuple(y.shape) == shape
    fits = fits and values.dtype == np.uint8 and values.shape == (count,) == (math.prod(shape) // max(1, y.classes),)
    if not fits or (y.classes and values.max() >= y.classes):
        raise Refused("its data do not fit together")
    return count


def _key_of_data(data: Data | None, arrays: Sequence[Array]) -> str:
    if data is None:
        return ""
    numbers = [data.x.table, data.y.values, *([] if isinstance(data.x.rows, tuple) else [data.x.rows])]
    return key_of(data.model_dump(), [arrays[i] for i in numbers])


def _bounded(planned: Plan, told: Facts, rows: int) -> None:
    """Raises `Refused` for a training that takes too much."""
    if sum(math.prod(shape) for step in planned.steps for shape in step.made.weights) > PARAMETERS:
        raise Refused("the network is too large")
    _batch_bounded(planned, told.batch_size)
    items = (told.epochs - told.initial_epoch) * rows
    if items < 1:
        raise Refused("it has no epochs")
    if items * _multiplications(planned) * 3 > MULTIPLICATIONS or items / told.batch_size > BATCHES:
        raise Refused("it takes longer than what is trained for all")


def keeps_epochs(planned: Plan, told: Facts) -> bool:
    """Whether the weights of each epoch are kept, so that they can be measured later; as `probe.recipe` decides."""
    size = sum(math.prod(shape) for step in planned.steps for shape in step.made.weights)
    return not told.callbacks and size * (told.epochs - told.initial_epoch) <= VALUES


def _batch_bounded(planned: Plan, batch_size: int) -> None:
    if max(math.prod(step.made.shape) for step in planned.steps) * batch_size > _BATCH_VALUES:
        raise Refused("a batch of it takes more memory than there is for all")


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
