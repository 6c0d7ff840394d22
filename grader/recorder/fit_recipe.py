"""The recipe of a training: all that the outcome of a `fit` depends on.

What it is validated on is said apart: it has no bearing on the weights, so that the same training is shared by those
who validate it on something else. The trainer outside makes the same training from the same recipe.
"""

from __future__ import annotations

import dis
import math
from types import FunctionType
from typing import Any

import numpy as np

from ..wire.recipe import CALLBACKS, EPOCHS, FORMAT, PARAMETERS, are_in_order, keeps_epochs
from ..wire.seeding import as_drawn, generators, initializers
from .canonical_recipe import canonical_images, canonical_layers
from .inputs import as_array
from .recipe import BATCH, Express, NotShared, Recipe, keras_own, measures, plain_model, stock_parts
from .record import plain
from .seeds import students_seeds

_WRITES = {"STORE_GLOBAL", "DELETE_GLOBAL", "STORE_DEREF", "STORE_ATTR", "STORE_SUBSCR", "IMPORT_NAME"}


def recipe_of(model: Any, given: dict[str, Any], express: Express, *, put_in: bool) -> Recipe:
    """The recipe of `model.fit(**given)`, all arguments bound. Builds the model, as `fit` would.

    `express` says images in terms of the official ones; `put_in` that weights came from elsewhere. Raises `NotShared`.
    """
    plain_model(model)
    epochs, batch_size = _plain_arguments(given)
    x, y = as_array(given["x"]), as_array(given["y"])
    if x is None or y is None or len(x) != len(y):
        raise NotShared("its data are no arrays of images and labels")
    recipe = Recipe({}, [])
    train, held_out = _split(len(x), given)
    data = {"x": recipe.images(x, express, train), "y": recipe.labels(y[train])}
    _build(model, x, y)
    facts, layers, ordered = stock_parts(model)
    seeds = students_seeds()
    pairs = weights_and_initializers(layers)
    fresh = not seeds and not put_in and pairs is not None and _unused(model.optimizer) and as_drawn(pairs)
    recipe.facts |= {
        "format": FORMAT,
        "layers": canonical_layers(facts),
        "weights": None if fresh else [recipe.add(variable.numpy()) for variable in ordered],
        "generators": [None if fresh else state.numpy().tolist() for state in generators(layers)],
        "seeds": seeds,
        "optimizer": _optimizer(model.optimizer),
        **measures(model),
        "slots": _slots(model, ordered, recipe),
        **canonical_images(data, facts),
        "epochs": epochs,
        "initial_epoch": int(given["initial_epoch"]),
        "batch_size": batch_size,
        "shuffle": bool(given["shuffle"]),
        "callbacks": [_callback(c, model, epochs) for c in _flat(given["callbacks"]) if type(c).__name__ != "History"],
        "validation": None,
    }
    recipe.training_arrays = len(recipe.arrays)
    recipe.validation = _validation(given, x, y, held_out, express, recipe)
    if recipe.validation:
        recipe.validation = canonical_images(recipe.validation, facts)
    parameters = sum(int(np.prod(variable.shape)) for variable in ordered)
    if recipe.validation and not keeps_epochs(
        parameters, epochs - recipe.facts["initial_epoch"], recipe.facts["callbacks"]
    ):
        recipe.facts["validation"], recipe.validation = recipe.validation, None
        recipe.training_arrays = len(recipe.arrays)
    recipe.facts, recipe.validation = plain(recipe.facts), plain(recipe.validation)
    return recipe


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
    epochs, batch_size = int(given["epochs"]), int(given["batch_size"] or BATCH)
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
        images, labels = recipe.images(x, express, held_out), recipe.labels(y[held_out])
        return {"x": images, "y": labels, "batch_size": size}
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise NotShared("its validation data are no pair of arrays")
    given_x, given_y = (as_array(part) for part in data)
    if given_x is None or given_y is None or len(given_x) != len(given_y):
        raise NotShared("its validation data are no pair of arrays")
    return {"x": recipe.images(given_x, express), "y": recipe.labels(given_y), "batch_size": size}


def _flat(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    return list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]


def _callback(callback: Any, model: Any, epochs: int) -> dict[str, Any]:
    kind = type(callback).__name__
    if keras_own(type(callback), "keras.src.callbacks."):
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


def _optimizer(optimizer: Any) -> dict[str, Any]:
    if not keras_own(type(optimizer), "keras.src.optimizers."):
        raise NotShared("its optimizer is none of Keras' own")
    return {"kind": type(optimizer).__name__, "config": {**optimizer.get_config(), "name": None}}


def weights_and_initializers(layers: list[Any]) -> list[tuple[Any, Any]] | None:
    """(variable, initializer) of all weights in order; None where not all were drawn in a way that can be repeated."""
    drawn: list[tuple[Any, Any]] = []
    for layer in layers:
        pairs = initializers(layer) if getattr(layer, "weights", None) else []
        generator = getattr(layer, "seed_generator", None)
        if pairs is None or (generator is not None and generator._initial_seed is not None):
            return None
        drawn += pairs
    return drawn


def _unused(optimizer: Any) -> bool:
    return not optimizer.built or int(optimizer.iterations.numpy()) == 0


def _slots(model: Any, ordered: list[Any], recipe: Recipe) -> list[int] | None:
    """What the optimizer remembers; None before its first step."""
    optimizer = model.optimizer
    if [id(v) for v in optimizer._trainable_variables] != [id(v) for v in model.trainable_variables]:
        raise NotShared("its optimizer belongs to another network")
    if not are_in_order(ordered, model):
        raise NotShared("its weights are in an order of their own")
    if sum(int(np.prod(v.shape)) for v in ordered) > PARAMETERS:
        raise NotShared("it is larger than what is trained for all")
    return None if _unused(optimizer) else [recipe.add(v.numpy()) for v in optimizer.variables]
