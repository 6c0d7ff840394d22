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

from grader.keras.config import Unsupported
from grader.keras.rebuild import Plan
from grader.recorder.fit_recipe import VALUES
from grader.recorder.recipe import key_of
from grader.training import bounds, stock
from grader.training.bounds import Refused
from grader.training.request import Data, Facts, Request
from grader.training.stock import Measures, Named

Array = np.ndarray[Any, Any]


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
    measures: Measures
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
    rows = bounds.items_of(told.x, told.y, own)
    shapes = None if told.weights is None else [bounds.weights_of(own, i).shape for i in told.weights]
    planned, layers = bounds.network(told.layers, shapes, told.x.item)
    for data, among in ((told.validation, own), (request.validation, arrays)):
        if data is not None:
            bounds.items_of(data.x, data.y, among)
            if tuple(data.x.item) != planned.input_shape:
                raise Refused("its validation images have another shape")
            bounds.batch_bounded(planned, data.batch_size)
    planned, initializers = stock.for_training(planned, layers, fresh=told.weights is None)
    bounds.bounded(planned, (told.epochs - told.initial_epoch) * rows, told.batch_size, passes=3)
    for i in told.slots or ():
        bounds.array_of(own, i)
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
        measures=stock.measures(told.loss, told.metrics),
        callbacks=callbacks,
    )


def _key_of_data(data: Data | None, arrays: Sequence[Array]) -> str:
    if data is None:
        return ""
    numbers = [data.x.table, data.y.values, *([] if isinstance(data.x.rows, tuple) else [data.x.rows])]
    return key_of(data.model_dump(), [arrays[i] for i in numbers])


def keeps_epochs(planned: Plan, told: Facts) -> bool:
    """Whether the weights of each epoch are kept, to be measured later; as `recorder.fit_recipe` decides."""
    size = sum(math.prod(shape) for step in planned.steps for shape in step.made.weights)
    return not told.callbacks and size * (told.epochs - told.initial_epoch) <= VALUES
