"""A request as a kernel sent it → a task for a worker that is sound, bounded and made of stock parts, or `Refused`.

The kernel may lie: every entry is checked against what the trainer knows, and nothing in it is ever executed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from grader.keras.config import Unsupported
from grader.training import bounds, stock
from grader.training.measure import MeasureTask, PredictTask
from grader.training.request import Data, Facts, InferenceRequest, TrainingRequest
from grader.training.train import TrainTask
from grader.wire.recipe import OUTPUTS, Refused, key_of

Array = np.ndarray[Any, Any]


def training_task(sent: object, arrays: Sequence[Array]) -> TrainTask:
    """The training that a request of `TrainerClient.train` asks for. Raises `Refused`."""
    try:
        request = TrainingRequest.model_validate(sent)
        facts = Facts.model_validate(request.facts)
    except (ValidationError, RecursionError) as problem:
        raise Refused("its recipe is not of the kind that the trainer knows") from problem
    try:
        return _training_task(request, facts, tuple(arrays))
    except Unsupported as why:
        raise Refused(str(why)) from why


def _training_task(request: TrainingRequest, facts: Facts, arrays: tuple[Array, ...]) -> TrainTask:
    of_training = arrays[: request.training_arrays]  # the key is of these: nothing else may matter to the training
    rows = bounds.items_of(facts.x, facts.y, of_training)
    shapes = None if facts.weights is None else [bounds.weights_of(of_training, i).shape for i in facts.weights]
    planned, layers = bounds.network(facts.layers, shapes, facts.x.item)
    for data, available in ((facts.validation, of_training), (request.validation, arrays)):
        if data is not None:
            bounds.items_of(data.x, data.y, available)
            if tuple(data.x.item) != planned.input_shape:
                raise Refused("its validation images have another shape")
            bounds.batch_bounded(planned, data.batch_size)
    planned, initializers = stock.for_training(planned, layers, fresh=facts.weights is None)
    bounds.bounded(planned, (facts.epochs - facts.initial_epoch) * rows, facts.batch_size, passes=3)
    for i in facts.slots or ():
        bounds.array_of(of_training, i)
    task = TrainTask(
        key=key_of(request.facts, of_training),
        times=request.times,
        facts=facts,
        arrays=arrays,
        validation=request.validation,
        validation_key=_key_of_data(request.validation, arrays) if request.validation else "",
        planned=planned,
        initializers=initializers,
        optimizer=stock.optimizer(facts.optimizer),
        measures=stock.measures(facts.loss, facts.metrics),
        callbacks=tuple(stock.callback(callback, facts.epochs) for callback in facts.callbacks),
    )
    if request.validation is not None and not task.keeps_epochs:
        raise Refused("its validation is no part of its recipe")
    return task


def _key_of_data(data: Data, arrays: Sequence[Array]) -> str:
    numbers = [data.x.table, data.y.values, *([] if isinstance(data.x.rows, tuple) else [data.x.rows])]
    return key_of(data.model_dump(), [arrays[i] for i in numbers])


def inference_task(sent: object, arrays: Sequence[Array]) -> tuple[str, MeasureTask | PredictTask]:
    """What a kernel asks of a trained network, and a key that is equal for equal tasks. Raises `Refused`."""
    try:
        request = InferenceRequest.model_validate(sent)
    except (ValidationError, RecursionError) as problem:
        raise Refused("its use is not of the kind that the trainer knows") from problem
    try:
        return key_of(request.model_dump(), arrays), _inference_task(request, tuple(arrays))
    except Unsupported as why:
        raise Refused(str(why)) from why


def _inference_task(request: InferenceRequest, arrays: tuple[Array, ...]) -> MeasureTask | PredictTask:
    weights = tuple(bounds.weights_of(arrays, i) for i in request.weights)
    planned, layers = bounds.network(request.layers, [array.shape for array in weights], request.x.item)
    planned, _ = stock.for_training(planned, layers, fresh=False)
    rows = bounds.images_of(request.x, arrays)
    bounds.bounded(planned, rows, request.batch_size, passes=1)
    if request.measured is None:
        if rows * math.prod(planned.output_shape) > OUTPUTS:
            raise Refused("its outputs are more than are kept for all")
        return PredictTask(planned, request.x, request.batch_size, arrays, weights)
    data = Data(x=request.x, y=request.measured.y, batch_size=request.batch_size)
    bounds.items_of(data.x, data.y, arrays)
    measures = stock.measures(request.measured.loss, request.measured.metrics)
    return MeasureTask(planned, measures, data, arrays, (weights,))
