"""A recipe as a kernel sent it → a `Work` that is known to be sound, bounded and made of stock parts, or `Refused`.

The kernel may lie: every entry is checked against what the trainer knows, and nothing in it is ever executed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import ValidationError

from grader.keras.config import Unsupported
from grader.keras.rebuild import Plan
from grader.training import bounds, stock
from grader.training.bounds import Refused
from grader.training.request import Data, Facts, Request
from grader.training.stock import Measures, Named
from grader.wire.recipe import keeps_epochs, key_of

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Work:
    """A training, ready to be done by a worker."""

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

    @property
    def keeps_epochs(self) -> bool:
        """Whether the weights of each epoch are kept, to be measured later."""
        return keeps_epochs(self.planned.parameters, self.facts.epochs - self.facts.initial_epoch, self.callbacks)


def checked(sent: object, arrays: Sequence[Array]) -> Work:
    """The work that a request asks for. Raises `Refused`."""
    try:
        request = Request.model_validate(sent)
        facts = Facts.model_validate(request.facts)
    except (ValidationError, RecursionError) as problem:
        raise Refused("its recipe is not of the kind that the trainer knows") from problem
    try:
        return _work(request, facts, tuple(arrays))
    except Unsupported as why:
        raise Refused(str(why)) from why


def _work(request: Request, facts: Facts, arrays: tuple[Array, ...]) -> Work:
    own = arrays[: request.own]  # the key is of these: nothing else may matter to the training
    rows = bounds.items_of(facts.x, facts.y, own)
    shapes = None if facts.weights is None else [bounds.weights_of(own, i).shape for i in facts.weights]
    planned, layers = bounds.network(facts.layers, shapes, facts.x.item)
    for data, among in ((facts.validation, own), (request.validation, arrays)):
        if data is not None:
            bounds.items_of(data.x, data.y, among)
            if tuple(data.x.item) != planned.input_shape:
                raise Refused("its validation images have another shape")
            bounds.batch_bounded(planned, data.batch_size)
    planned, initializers = stock.for_training(planned, layers, fresh=facts.weights is None)
    bounds.bounded(planned, (facts.epochs - facts.initial_epoch) * rows, facts.batch_size, passes=3)
    for i in facts.slots or ():
        bounds.array_of(own, i)
    callbacks = tuple(stock.callback(callback, facts) for callback in facts.callbacks)
    work = Work(
        key=key_of(request.facts, list(own)),
        times=request.times,
        facts=facts,
        arrays=arrays,
        validation=request.validation,
        validation_key=_key_of_data(request.validation, arrays),
        planned=planned,
        initializers=initializers,
        optimizer=stock.optimizer(facts.optimizer),
        measures=stock.measures(facts.loss, facts.metrics),
        callbacks=callbacks,
    )
    if request.validation is not None and not work.keeps_epochs:
        raise Refused("its validation is no part of its recipe")
    return work


def _key_of_data(data: Data | None, arrays: Sequence[Array]) -> str:
    if data is None:
        return ""
    numbers = [data.x.table, data.y.values, *([] if isinstance(data.x.rows, tuple) else [data.x.rows])]
    return key_of(data.model_dump(), [arrays[i] for i in numbers])
