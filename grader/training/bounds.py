"""What the trainer believes of a request: every array, image and shape in it is checked, and all work is bounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from grader.keras.rebuild import Plan, plan
from grader.records import Architecture, Layer
from grader.training.request import IMAGES, Images, Labels, LayerFacts
from grader.wire.fingerprint import GREYS, PIXELS
from grader.wire.recipe import PARAMETERS, Refused

Array = np.ndarray[Any, Any]

MULTIPLICATIONS = 2e13
"""Most multiplications of a training; about ten minutes of one core."""
BATCHES = 2_000_000
"""Most batches of a training: each costs a call, however small it is."""
_BATCH_VALUES = 1 << 27
"""Most values of a layer's output for one batch (512 MiB as float32)."""
_DTYPES = {"float32", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64", "bool"}


def network(
    layers: Sequence[LayerFacts], shapes: Sequence[tuple[int, ...]] | None, item: Sequence[int]
) -> tuple[Plan, list[Layer]]:
    """The plan of a network of stock layers that is not too large, and its layers. Raises `Refused`."""
    recorded = [_as_record(layer) for layer in layers]
    planned = plan(Architecture("functional", tuple(recorded), None, None, None), shapes, tuple(item))
    if isinstance(planned, str):
        raise Refused(planned)
    if planned.parameters > PARAMETERS:
        raise Refused("the network is too large")
    return planned, recorded


def array_of(arrays: Sequence[Array], number: int) -> Array:
    """The array that facts refer to by a number of at least 0. Raises `Refused` where there is none."""
    if number >= len(arrays):
        raise Refused("its recipe lacks an array")
    return arrays[number]


def weights_of(arrays: Sequence[Array], number: int) -> Array:
    """Finite float32 values, of any shape. Raises `Refused` for others."""
    array = array_of(arrays, number)
    if array.dtype != np.float32 or not np.isfinite(array).all():
        raise Refused("its weights are no finite numbers")
    return array


def images_of(x: Images, arrays: Sequence[Array]) -> int:
    """Number of images, which are official ones, 784 values each. Raises `Refused` for others."""
    table = array_of(arrays, x.table)
    if isinstance(x.rows, tuple):
        rows = np.array(x.rows) - [0, 1]
        count = x.rows[1] - x.rows[0]
    else:
        rows = array_of(arrays, x.rows)
        count = len(rows) if rows.dtype == np.int32 and rows.ndim == 1 else 0
    if not 0 < count <= 2 * IMAGES or rows.min() < 0 or rows.max() >= IMAGES:
        raise Refused("its images are not the official ones")
    if table.shape != (GREYS,) or table.dtype.name not in _DTYPES or not np.isfinite(table).all():
        raise Refused("its images are not the official ones")
    if math.prod(x.item) != PIXELS:
        raise Refused("its data do not fit together")
    return count


def items_of(x: Images, y: Labels, arrays: Sequence[Array]) -> int:
    """Number of images, each of which has its label. Raises `Refused` for others."""
    count, values = images_of(x, arrays), array_of(arrays, y.values)
    shape = (count, y.classes) if y.classes else tuple(y.shape)
    fits = y.dtype in _DTYPES and tuple(y.shape) == shape and values.dtype == np.uint8
    fits = fits and values.shape == (count,) == (math.prod(shape) // max(1, y.classes),)
    if not fits or (y.classes and values.max() >= y.classes):
        raise Refused("its data do not fit together")
    return count


def bounded(planned: Plan, items: int, batch_size: int, *, passes: int) -> None:
    """Raises `Refused` for what takes too much: so many items in all, each of which goes `passes` times through it."""
    batch_bounded(planned, batch_size)
    if items < 1:
        raise Refused("it has no epochs")
    if items * _multiplications(planned) * passes > MULTIPLICATIONS or items / batch_size > BATCHES:
        raise Refused("it takes longer than what is trained for all")


def batch_bounded(planned: Plan, batch_size: int) -> None:
    """Raises `Refused` where a layer's output for one batch is larger than `_BATCH_VALUES`."""
    if max(math.prod(layer.output_shape) for layer in planned.layers) * batch_size > _BATCH_VALUES:
        raise Refused("a batch of it takes more memory than there is for all")


def _multiplications(planned: Plan) -> int:
    """Of one image, forwards: what each weight is used for, at each place of the output."""
    total = 0
    for layer in planned.layers:
        total += math.prod(layer.output_shape[:-1]) * layer.parameters + math.prod(layer.output_shape)
    return total


def _as_record(layer: LayerFacts) -> Layer:
    shape = None if layer.output_shape is None else tuple(layer.output_shape)
    return Layer(layer.kind, "", layer.config, shape, None, None, layer.weights, layer.stock, tuple(layer.inbound))
