"""What the trainer outside is told: a recipe, all that an outcome depends on, as plain facts and small arrays.

Made from stock parts of Keras and the official images. What cannot be said this way raises `NotShared` with the reason,
and happens where it stands. For a `fit` see `fit_recipe`, for a trained network in use `inference`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..wire.recipe import key_of
from .architecture import architecture, weights_in_order
from .canonical_recipe import canonical_loss
from .dataset_index import Expression

BATCH = 32
"""Keras' default."""
_CLASSES = 100
_REPLACEABLE = {
    *("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
    *("call", "fit", "evaluate", "predict"),
}
"""Methods whose replacement on one network makes it another."""

Express = Callable[[Any], Expression | None]


class NotShared(Exception):  # noqa: N818 - a finding, not an error
    """Why something cannot be said as a recipe; a part of a sentence."""


@dataclass
class Recipe:
    facts: dict[str, Any]
    """JSON-ready."""
    arrays: list[np.ndarray[Any, Any]]
    """Those that facts refer to by number."""
    training_arrays: int = 0
    """How many of them belong to the training itself; the others to its validation."""
    validation: dict[str, Any] | None = None
    """What each epoch is measured on, where that is said apart."""

    @property
    def key(self) -> str:
        """Equal for equal trainings (SHA-256, hexadecimal)."""
        return key_of(self.facts, self.arrays[: self.training_arrays])

    def add(self, array: np.ndarray[Any, Any]) -> int:
        """The number by which facts refer to an array from now on."""
        self.arrays.append(np.asarray(array, order="C"))
        return len(self.arrays) - 1

    def images(self, array: np.ndarray[Any, Any], express: Express, part: slice = slice(None)) -> dict[str, Any]:
        """Facts of some of the images, shape (n, …): rows of the official data, and what became of each grey value.

        Raises `NotShared` where `express` does not know them.
        """
        expression = express(array)
        if expression is None:
            raise NotShared("its images are not the official ones, or were changed one by one")
        table = expression.table
        if table.dtype.kind == "f":
            table = table.astype(np.float32)  # as Keras does
        rows = expression.rows[part]
        start = int(rows[0])
        together = np.array_equal(rows, np.arange(start, start + len(rows)))
        return {
            "rows": [start, start + len(rows)] if together else self.add(rows),
            "table": self.add(np.where(expression.seen, table, 0).astype(table.dtype)),
            "item": list(expression.item),
        }

    def labels(self, array: np.ndarray[Any, Any]) -> dict[str, Any]:
        """Whole numbers 0 … 99 or one-hot rows, one per image, any numeric dtype. Raises `NotShared` for others."""
        classes, sound = 0, False
        if array.size == len(array):
            values = array.reshape(-1)
            in_range = values.min() >= 0 and values.max() < _CLASSES
            sound = in_range and np.array_equal(values, values.astype(np.uint8))
        elif array.ndim == 2 and array.shape[1] <= _CLASSES:
            classes, values = array.shape[1], array.argmax(axis=1)
            sound = np.array_equal(array, np.eye(classes, dtype=array.dtype)[values])
        if not sound:
            raise NotShared("its labels are not one class per image")
        dtype = "float32" if array.dtype.kind == "f" else array.dtype.name
        number = self.add(values.astype(np.uint8))
        return {"classes": classes, "values": number, "shape": list(array.shape), "dtype": dtype}


# ------------------------------------------------------------------ the model


def keras_own(kind: type, package: str) -> bool:
    """Whether Keras has this class; that one calls itself Keras' is not enough."""
    module = kind.__module__
    return module.startswith(package) and getattr(sys.modules.get(module), kind.__name__, None) is kind


def plain_model(model: Any) -> None:
    """Raises `NotShared` for what may compute otherwise than its layers and its `compile` say."""
    if not keras_own(type(model), "keras.src.models."):
        raise NotShared("the network is a class of its own")
    if _REPLACEABLE & set(vars(model)):
        raise NotShared("the network's own methods were replaced")
    if model.steps_per_execution != 1 or model.run_eagerly or getattr(model, "jit_compile", False):
        raise NotShared("it is compiled in a way of its own")


def stock_parts(model: Any) -> tuple[list[dict[str, Any]], list[Any], list[Any]]:
    """Facts of the layers, the layers, and all weights in their order, of a network of Keras' own layers.

    Raises `NotShared` for others.
    """
    facts, layers = architecture(model)
    for layer in layers:
        if not keras_own(type(layer), "keras.src.") or "call" in vars(layer):
            raise NotShared(f"its layer {type(layer).__name__} is none of Keras' own")
    return facts["layers"], layers, weights_in_order(model, layers)


def measures(model: Any) -> dict[str, Any]:
    """Loss and metrics that a network is compiled with. Raises `NotShared` where they cannot be told."""
    config = model.get_compile_config()
    if config.get("loss_weights") is not None or config.get("weighted_metrics"):
        raise NotShared("it is compiled with weights")
    if config.get("metrics") is None and model._compile_metrics is not None:
        raise NotShared("it keeps the metrics of an earlier compile")  # as Keras does
    return {"loss": canonical_loss(config["loss"]), "metrics": config["metrics"]}
