"""What kernel and trainer must agree on about a recipe: its key, its format, and how much is trained for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

FORMAT = 1
"""Of facts of a recipe; part of its key."""
PARAMETERS = 2_000_000
"""Most parameters of a network whose training is shared."""
EPOCHS = 1000
"""Most epochs of a training that is shared."""
OUTPUTS = 2_000_000
"""Most values of a prediction that is shared."""
_EPOCH_WEIGHTS = 4_000_000
"""Most weights of all epochs together that are kept, to be validated on what is no part of the recipe."""
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


class Refused(Exception):  # noqa: N818 - a finding, not an error
    """Why the trainer does not do what a kernel asks for; a part of a sentence."""


def key_of(facts: dict[str, Any], arrays: Sequence[np.ndarray[Any, Any]]) -> str:
    """Equal for equal JSON-ready facts and arrays of equal dtypes, shapes and values (SHA-256, hexadecimal)."""
    hasher = hashlib.sha256(json.dumps(facts, sort_keys=True).encode())
    for array in arrays:
        hasher.update(f"{array.dtype.str}{array.shape}".encode())
        hasher.update(np.ascontiguousarray(array).data if array.size else b"")
    return hasher.hexdigest()


def keeps_epochs(parameters: int, epochs: int, callbacks: Sequence[object]) -> bool:
    """Whether the weights of each epoch are kept: what a training is validated on is then no part of its recipe."""
    return not callbacks and parameters * epochs <= _EPOCH_WEIGHTS


def are_in_order(variables: Sequence[Any], model: Any) -> bool:
    """Whether these are all weights of a built Keras model, and the trainable ones among them stand as it lists them.

    The optimizer's variables belong to the trainable ones by their order.
    """
    positions = {id(variable): i for i, variable in enumerate(variables)}
    order = [positions.get(id(variable), -1) for variable in model.trainable_variables]
    return -1 not in order and order == sorted(set(order)) and len(variables) == len(model.weights)
