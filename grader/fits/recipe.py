"""A recipe as a kernel sent it → a `Work` that is known to be sound, bounded and made of stock parts, or `Refused`.

The kernel may lie: every entry is checked against what the trainer knows, and nothing in it is ever executed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from grader.fits import stock
from grader.fits.config import Unsupported
from grader.fits.rebuild import Plan, plan
from grader.fits.request import IMAGES, Data, Facts, Images, Labels, LayerFacts, Request
from grader.fits.stock import Named
from grader.probe.fingerprint import PIXELS
from grader.probe.official import GREYS
from grader.probe.recipe import PARAMETERS, VALUES, key_of
from grader.records import Architecture, Layer

Array = np.ndarray[Any, Any]

MULTIPLICATIONS = 2e13
"""Most multiplications of a training; about ten minutes of one core."""
BATCHES = 2_000_000
"""Most batches of a training: each costs a call, however small it is."""
_BATCH_VALUES = 1 << 27
"""Most values of a layer's output for one batch (512 MiB as float32)."""
_DTYPES = {"float32", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "bool"}


class Refused(Exception):  # noqa: N818 - a finding, not an error
    """Why a recipe is not trained; a part of a sentence."""


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
    planned, initializers = stock.for_training(planned, layers, fresh=told.weights is None)
    _bounded(planned, told, rows)
    for i in told.slots or ():
        _array(own, i)
    callbacks = tuple(stock.callback(callback, told) for callback in told.callbacks)
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
        optimizer=stock.optimizer(told.optimizer),
        loss=stock.loss(told.loss),
        metrics=stock.metrics(told.metrics),
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


def _as_record(layer: LayerFacts) -> Layer:
    shape = None if layer.output_shape is None else tuple(layer.output_shape)
    return Layer(layer.kind, "", layer.config, shape, None, None, layer.weights, layer.stock, tuple(layer.inbound))
