"""The recipe of a training: all that its outcome depends on, as plain facts and small arrays.

What it is validated on is said apart: it has no bearing on the weights, so that the same training is shared by those
who validate it on something else. Made from a call of `fit` on stock parts and the official images. What cannot be
said this way raises `NotShared` with the reason, and trains where it stands. The trainer outside makes the same
training from the same recipe.
"""

from __future__ import annotations

import dis
import hashlib
import json
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np

from .architecture import architecture, weights_in_order
from .dice import as_drawn, initializers
from .fingerprint import PIXELS
from .inputs import as_array
from .official import Expression
from .record import plain
from .seeds import students_seeds

FORMAT = 1
PARAMETERS = 2_000_000
"""Largest network whose training is shared."""
EPOCHS = 1000
VALUES = 4_000_000
"""Most weights of all epochs together that are kept to be validated apart."""
_BATCH = 32
"""Keras' default."""
_CLASSES = 100
_WRITES = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "STORE_ATTR", "STORE_SUBSCR", "IMPORT_NAME"}
CALLBACKS = {
    "EarlyStopping": (
        "monitor",
        "min_delta",
        "patience",
        "mode",
        "baseline",
        "restore_best_weights",
        "start_from_epoch",
    ),
    "ReduceLROnPlateau": ("monitor", "factor", "patience", "mode", "min_delta", "cooldown", "min_lr"),
    "TerminateOnNaN": (),
}
"""Keras' callbacks without side effects, and what they are made from."""

_LINEAR = {"Dense", "Conv1D", "Conv2D"}

Express = Callable[[Any], Expression | None]


class NotShared(Exception):  # noqa: N818 - a finding, not an error
    """Why a training cannot be said as a recipe; a part of a sentence."""


@dataclass
class Recipe:
    facts: dict[str, Any]
    """JSON-ready."""
    arrays: list[np.ndarray[Any, Any]]
    """Those that facts refer to by number."""
    own: int = 0
    """How many of them belong to the training itself; the others to its validation."""
    validation: dict[str, Any] | None = None
    """What each epoch is measured on, where that is said apart."""

    @property
    def key(self) -> str:
        """Equal for equal trainings (SHA-256, hexadecimal)."""
        return key_of(self.facts, self.arrays[: self.own])

    def add(self, array: np.ndarray[Any, Any]) -> int:
        self.arrays.append(np.asarray(array, order="C"))
        return len(self.arrays) - 1


def key_of(facts: dict[str, Any], arrays: list[np.ndarray[Any, Any]]) -> str:
    hasher = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for array in arrays:
        hasher.update(f"{array.dtype.str}{array.shape}".encode())
        hasher.update(np.ascontiguousarray(array).data if array.size else b"")
    return hasher.hexdigest()


def recipe_of(model: Any, given: dict[str, Any], express: Express, *, put_in: bool) -> Recipe:
    """The recipe of `model.fit(**given)`, all arguments bound. Builds the model, as `fit` would.

    `express` says images in terms of the official ones; `put_in` that weights came from elsewhere. Raises `NotShared`.
    """
    _plain_model(model)
    epochs, batch_size = _plain_arguments(given)
    x, y = as_array(given["x"]), as_array(given["y"])
    if x is None or y is None or len(x) != len(y):
        raise NotShared("its data are no arrays of images and labels")
    recipe = Recipe({}, [])
    train, held_out = _split(len(x), given)
    data = {"x": _images(x, express, recipe, train), "y": _labels(y[train], recipe)}
    _build(model, x, y)
    facts, layers = architecture(model)
    for layer in layers:
        if not _keras_own(type(layer), "keras.src.") or "call" in vars(layer):
            raise NotShared(f"its layer {type(layer).__name__} is none of Keras' own")
    ordered = weights_in_order(model, layers)
    seeds = students_seeds()
    pairs = _pairs(layers)
    fresh = not seeds and not put_in and pairs is not None and _unused(model.optimizer) and as_drawn(pairs)
    recipe.facts |= {
        "format": FORMAT,
        "layers": _canonical([_layer(layer) for layer in facts["layers"]]),
        "weights": None if fresh else [recipe.add(variable.numpy()) for variable in ordered],
        "generators": [None if fresh else state.numpy().tolist() for state in generators(layers)],
        "seeds": seeds,
        **_compiled(model),
        "slots": _slots(model, ordered, recipe),
        **_canonical_items(data, facts["layers"]),
        "epochs": epochs,
        "initial_epoch": int(given["initial_epoch"]),
        "batch_size": batch_size,
        "shuffle": bool(given["shuffle"]),
        "callbacks": [_callback(c, model, epochs) for c in _flat(given["callbacks"]) if type(c).__name__ != "History"],
        "validation": None,
    }
    recipe.own = len(recipe.arrays)
    recipe.validation = _validation(given, x, y, held_out, express, recipe)
    if recipe.validation:
        recipe.validation = _canonical_items(recipe.validation, facts["layers"])
    values = sum(int(np.prod(variable.shape)) for variable in ordered) * (epochs - recipe.facts["initial_epoch"])
    if recipe.validation and (recipe.facts["callbacks"] or values > VALUES):
        recipe.facts["validation"], recipe.validation, recipe.own = recipe.validation, None, len(recipe.arrays)
    recipe.facts, recipe.validation = plain(recipe.facts), plain(recipe.validation)
    return recipe


def drawn(layers: list[Any]) -> list[tuple[Any, Any]]:
    """(variable, initializer) of all weights in order, for a network whose recipe starts from fresh weights."""
    return _pairs(layers) or []


def generators(layers: list[Any]) -> list[Any]:
    """The state variables of the random layers, in order."""
    found = [getattr(layer, "seed_generator", None) for layer in layers]
    return [generator.state for generator in found if generator is not None]


def steps(recipe: Recipe) -> int:
    """Batches of an epoch."""
    rows = recipe.facts["y"]["shape"][0]
    batches: int = math.ceil(rows / recipe.facts["batch_size"])
    return batches


# ------------------------------------------------------------------ the call


def _plain_arguments(given: dict[str, Any]) -> tuple[int, int]:
    """(epochs, batch size)."""
    for name in ("class_weight", "sample_weight", "steps_per_epoch", "validation_steps"):
        if given[name] is not None:
            raise NotShared(f"`fit` is given {name}")
    if given["validation_freq"] != 1:
        raise NotShared("it does not validate after every epoch")
    if given["shuffle"] not in (True, False):
        raise NotShared("it shuffles in a way of its own")
    epochs, batch_size = int(given["epochs"]), int(given["batch_size"] or _BATCH)
    if not 0 <= int(given["initial_epoch"]) < epochs <= EPOCHS or batch_size < 1:
        raise NotShared("it has no epochs, or too many")
    return epochs, batch_size


def _split(count: int, given: dict[str, Any]) -> tuple[slice, slice]:
    """Items to train on and to hold out, as `fit` parts them."""
    share = float(given["validation_split"] or 0.0) if given["validation_data"] is None else 0.0
    at = math.floor(count * (1.0 - share))
    if at < 1 or (share and at == count):
        raise NotShared("nothing is left to train on, or to validate on")
    return slice(0, at), slice(at, count)


def _images(array: np.ndarray[Any, Any], express: Express, recipe: Recipe, part: slice = slice(None)) -> dict[str, Any]:
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
        "rows": [start, start + len(rows)] if together else recipe.add(rows),
        "table": recipe.add(np.where(expression.seen, table, 0).astype(table.dtype)),
        "item": list(expression.item),
    }


def _labels(array: np.ndarray[Any, Any], recipe: Recipe) -> dict[str, Any]:
    n = len(array)
    dtype = "float32" if array.dtype.kind == "f" else array.dtype.name
    if array.size == n:
        values = array.reshape(n)
        if values.min() >= 0 and values.max() < _CLASSES and np.array_equal(values, values.astype(np.uint8)):
            return {
                "classes": 0,
                "values": recipe.add(values.astype(np.uint8)),
                "shape": list(array.shape),
                "dtype": dtype,
            }
    elif array.ndim == 2 and array.shape[1] <= _CLASSES:
        values = array.argmax(axis=1).astype(np.uint8)
        classes = array.shape[1]
        if np.array_equal(array, np.eye(classes, dtype=array.dtype)[values]):
            return {"classes": classes, "values": recipe.add(values), "shape": list(array.shape), "dtype": dtype}
    raise NotShared("its labels are not one class per image")


def _validation(
    given: dict[str, Any],
    x: np.ndarray[Any, Any],
    y: np.ndarray[Any, Any],
    held_out: slice,
    express: Express,
    recipe: Recipe,
) -> dict[str, Any] | None:
    size = int(given["validation_batch_size"] or recipe.facts["batch_size"])
    data = given["validation_data"]
    if data is None:
        if held_out.start == held_out.stop:
            return None
        images, labels = _images(x, express, recipe, held_out), _labels(y[held_out], recipe)
        return {"x": images, "y": labels, "batch_size": size}
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise NotShared("its validation data are no pair of arrays")
    given_x, given_y = (as_array(part) for part in data)
    if given_x is None or given_y is None or len(given_x) != len(given_y):
        raise NotShared("its validation data are no pair of arrays")
    return {"x": _images(given_x, express, recipe), "y": _labels(given_y, recipe), "batch_size": size}


def _flat(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _callback(callback: Any, model: Any, epochs: int) -> dict[str, Any]:
    kind = type(callback).__name__
    if _keras_own(type(callback), "keras.src.callbacks."):
        if kind in CALLBACKS:
            return {"kind": kind, "config": {name: getattr(callback, name) for name in CALLBACKS[kind]}}
        if kind == "LearningRateScheduler":
            return {"kind": kind, "rates": _rates(callback.schedule, model.optimizer, epochs)}
    raise NotShared(f"its callback {kind} may do more than can be repeated")


def _rates(schedule: Any, optimizer: Any, epochs: int) -> list[float]:
    """What a schedule without side effects will say."""
    if not isinstance(schedule, FunctionType) or (schedule.__code__.co_names and "print" in schedule.__code__.co_names):
        raise NotShared("its learning rates come from code that may do more")
    if any(step.opname in _WRITES for step in dis.get_instructions(schedule)):
        raise NotShared("its learning rates come from code that may do more")
    rate, rates = float(optimizer.learning_rate.numpy()), []
    for epoch in range(epochs):
        try:
            rate = schedule(epoch, rate)
        except TypeError:
            rate = schedule(epoch)
        rate = float(np.float32(rate))
        rates.append(rate)
    return rates


# ------------------------------------------------------------------ the model


def _keras_own(kind: type, package: str) -> bool:
    """Whether Keras has this class; that one calls itself Keras' is not enough."""
    module = kind.__module__
    return module.startswith(package) and getattr(sys.modules.get(module), kind.__name__, None) is kind


def _plain_model(model: Any) -> None:
    if not _keras_own(type(model), "keras.src.models."):
        raise NotShared("the network is a class of its own")
    if {"train_step", "test_step", "compute_loss", "call", "fit"} & set(vars(model)):
        raise NotShared("the network's own methods were replaced")
    if model.steps_per_execution != 1 or model.run_eagerly or getattr(model, "jit_compile", False):
        raise NotShared("it is compiled in a way of its own")


def _compiled(model: Any) -> dict[str, Any]:
    config = model.get_compile_config()
    if config.get("loss_weights") is not None or config.get("weighted_metrics"):
        raise NotShared("it is compiled with weights")
    optimizer = model.optimizer
    if not _keras_own(type(optimizer), "keras.src.optimizers."):
        raise NotShared("its optimizer is none of Keras' own")
    return {
        "optimizer": {"kind": type(optimizer).__name__, "config": {**optimizer.get_config(), "name": None}},
        "loss": _loss(config["loss"]),
        "metrics": config["metrics"],
    }


def _build(model: Any, *batch: np.ndarray[Any, Any]) -> None:
    """As the first step of `fit` would: for batches of any size, in Keras' own floats.

    Losses and metrics of a network that has its weights already are left to what needs them first.
    """
    from keras import KerasTensor

    if all(layer.built for layer in model._flatten_layers()):
        if not model.optimizer.built:
            model.optimizer.build(model.trainable_variables)
        return
    dtypes = ["float32" if part.dtype.kind == "f" else part.dtype.name for part in batch]
    model._symbolic_build(
        data_batch=tuple(KerasTensor((None, *part.shape[1:]), dtype) for part, dtype in zip(batch, dtypes, strict=True))
    )


def _layer(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what has no bearing on numbers."""
    config = {key: value for key, value in facts["config"].items() if key != "name"}
    return {key: facts[key] for key in ("kind", "output_shape", "weights", "stock", "inbound")} | {"config": config}


def _is_chain(layers: list[dict[str, Any]]) -> bool:
    return all(layer["inbound"] == [i - 1] for i, layer in enumerate(layers))


def _begins_flat(layers: list[dict[str, Any]]) -> bool:
    """Whether the first layer of a chain only lays the pixels in a row."""
    return len(layers) > 1 and layers[0]["kind"] == "Flatten" and layers[0]["stock"] and _is_chain(layers)


def _canonical(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Networks that compute the same in the same steps become one: a `Flatten` of the input does nothing to numbers,
    and an `Activation` after a linear layer is that layer's own.
    """
    if not _is_chain(layers):
        return layers
    kept: list[dict[str, Any]] = []
    for layer in layers[1:] if _begins_flat(layers) else layers:
        before = kept[-1] if kept else None
        linear = before is not None and before["kind"] in _LINEAR and before["config"].get("activation") == "linear"
        if before is not None and linear and layer["kind"] == "Activation" and layer["stock"]:
            activation = layer["config"].get("activation")
            kept[-1] = before | {"config": before["config"] | {"activation": activation}}
        else:
            kept.append(layer)
    return [layer | {"inbound": [i - 1]} for i, layer in enumerate(kept)]


def _canonical_items(data: dict[str, Any], layers: list[dict[str, Any]]) -> dict[str, Any]:
    if not _begins_flat(layers):
        return data
    return data | {"x": data["x"] | {"item": [PIXELS]}}


def _loss(config: Any) -> Any:
    """By its name, where that says all."""
    match config:
        case {"class_name": "function", "config": str(name)}:
            return name
        case {"class_name": "SparseCategoricalCrossentropy" | "CategoricalCrossentropy" as kind, "config": dict(own)}:
            plainly = own.get("reduction") == "sum_over_batch_size" and not own.get("from_logits")
            if (
                plainly
                and not own.get("label_smoothing")
                and own.get("ignore_class") is None
                and own.get("axis", -1) == -1
            ):
                return "sparse_categorical_crossentropy" if kind.startswith("Sparse") else "categorical_crossentropy"
    return config


def _pairs(layers: list[Any]) -> list[tuple[Any, Any]] | None:
    found: list[tuple[Any, Any]] = []
    for layer in layers:
        pairs = initializers(layer) if getattr(layer, "weights", None) else []
        generator = getattr(layer, "seed_generator", None)
        if pairs is None or (generator is not None and generator._initial_seed is not None):
            return None
        found += pairs
    return found


def _unused(optimizer: Any) -> bool:
    return not optimizer.built or int(optimizer.iterations.numpy()) == 0


def _slots(model: Any, ordered: list[Any], recipe: Recipe) -> list[int] | None:
    """What the optimizer remembers; None before its first step."""
    optimizer = model.optimizer
    trainable = [id(v) for v in model.trainable_variables]
    if [id(v) for v in optimizer._trainable_variables] != trainable:
        raise NotShared("its optimizer belongs to another network")
    position = {id(v): i for i, v in enumerate(ordered)}
    order = [position.get(v, -1) for v in trainable]
    if order != sorted(set(order)) or -1 in order or len(ordered) != len(model.weights):
        raise NotShared("its weights are in an order of their own")
    if sum(int(np.prod(v.shape)) for v in ordered) > PARAMETERS:
        raise NotShared("it is larger than what is trained for all")
    return None if _unused(optimizer) else [recipe.add(v.numpy()) for v in optimizer.variables]
