"""What a kernel asks of a trained network → a task that is known to be bounded and sound, or `Refused`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from grader.keras.config import Unsupported
from grader.training import bounds, stock
from grader.training.bounds import Refused
from grader.training.measure import MeasureTask, PredictTask
from grader.training.request import Data, Use
from grader.wire.recipe import OUTPUTS, key_of

Array = np.ndarray[Any, Any]


def checked(sent: object, arrays: Sequence[Array]) -> tuple[str, MeasureTask | PredictTask]:
    """What is to be done, and a key that is equal for equal tasks. Raises `Refused`."""
    try:
        use = Use.model_validate(sent)
    except (ValidationError, RecursionError) as problem:
        raise Refused("its use is not of the kind that the trainer knows") from problem
    try:
        return key_of(use.model_dump(), arrays), _task(use, tuple(arrays))
    except Unsupported as why:
        raise Refused(str(why)) from why


def _task(use: Use, arrays: tuple[Array, ...]) -> MeasureTask | PredictTask:
    weights = tuple(bounds.weights_of(arrays, i) for i in use.weights)
    planned, layers = bounds.network(use.layers, [array.shape for array in weights], use.x.item)
    planned, _ = stock.for_training(planned, layers, fresh=False)
    rows = bounds.images_of(use.x, arrays)
    bounds.bounded(planned, rows, use.batch_size, passes=1)
    if use.measured is None:
        if rows * math.prod(planned.output_shape) > OUTPUTS:
            raise Refused("its outputs are more than are kept for all")
        return PredictTask(planned, use.x, use.batch_size, arrays, weights)
    data = Data(x=use.x, y=use.measured.y, batch_size=use.batch_size)
    bounds.items_of(data.x, data.y, arrays)
    measures = stock.measures(use.measured.loss, use.measured.metrics)
    return MeasureTask(planned, measures, data, arrays, (weights,))
