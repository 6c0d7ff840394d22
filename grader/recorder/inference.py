"""A trained network in use: `evaluate` and `predict`, asked of the trainer outside where it trained that network.

A class asks the same of the same networks again and again, and each time TensorFlow would have to translate it anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ..wire.message import Message
from ..wire.recipe import FORMAT, Refused
from .canonical_recipe import canonical_images, canonical_layers
from .inputs import as_array
from .progress_bar import progress, took
from .recipe import BATCH, Express, NotShared, Recipe, measures, plain_model, stock_parts
from .record import plain
from .trainer_client import TrainerClient

ROWS = 1000
"""Fewest images that are asked about: fewer take no longer here."""

Replay = Callable[[], Any]
"""Does what the call would do, and returns what it would return."""


class SharedInference:
    """The evaluations and predictions of one submission."""

    def __init__(self, express: Express, trainer: TrainerClient | None) -> None:
        self._express = express
        self._trainer = trainer

    def evaluate(self, model: Any, given: dict[str, Any]) -> tuple[dict[str, float], Replay] | None:
        """The logs of `model.evaluate(**given)`, all arguments bound, and how to end it; None where it happens here."""
        answer = self._asked(model, given, measured=True)
        if answer is None:
            return None
        logs = dict(sorted(answer.facts["logs"][-1].items()))
        values = [logs[name] for name in answer.facts["names"]]

        def evaluate() -> Any:
            model.stop_evaluating = False
            callbacks = self._progress(model, given)
            callbacks.on_test_begin()
            took(callbacks, sum(answer.facts["seconds"]))
            callbacks.on_test_end(dict(logs))
            if given["return_dict"]:
                return logs
            return values[0] if len(values) == 1 else values

        return logs, evaluate

    def predict(self, model: Any, given: dict[str, Any]) -> Replay | None:
        """How to do `model.predict(**given)`, all arguments bound; None where it happens here."""
        answer = self._asked(model, given, measured=False)
        if answer is None:
            return None

        def predict() -> Any:
            model.stop_predicting = False
            callbacks = self._progress(model, given)
            callbacks.on_predict_begin()
            took(callbacks, sum(answer.facts["seconds"]))
            callbacks.on_predict_end()
            return answer.arrays[0].copy()  # the student's own, to be changed

        return predict

    def _progress(self, model: Any, given: dict[str, Any]) -> Any:
        batches = math.ceil(len(given["x"]) / int(given["batch_size"] or BATCH))
        return progress(model, None, epochs=1, steps=batches, verbose=given["verbose"])

    def _asked(self, model: Any, given: dict[str, Any], *, measured: bool) -> Message | None:
        if self._trainer is None:
            return None
        try:
            recipe = _recipe(model, given, self._express, measured=measured)
            return self._trainer.ask({"use": recipe.facts}, recipe.arrays)
        except (NotShared, Refused):
            return None


def _recipe(model: Any, given: dict[str, Any], express: Express, *, measured: bool) -> Recipe:
    plain_model(model)
    if any(given.get(name) is not None for name in ("sample_weight", "steps", "callbacks")) or given.get("kwargs"):
        raise NotShared("it is used in a way of its own")
    x = as_array(given["x"])
    if x is None or len(x) < ROWS:
        raise NotShared("its images are no array, or few")
    facts, _, weights = stock_parts(model)
    recipe = Recipe({}, [])
    data: dict[str, Any] = {"x": recipe.images(x, express), "measured": None}
    if measured:
        y = as_array(given["y"])
        if y is None or len(y) != len(x):
            raise NotShared("its labels are no array, or not as many")
        data["measured"] = {"y": recipe.labels(y), **measures(model)}
    recipe.facts = plain(
        {
            "format": FORMAT,
            "layers": canonical_layers(facts),
            "weights": [recipe.add(variable.numpy()) for variable in weights],
            **canonical_images(data, facts),
            "batch_size": int(given["batch_size"] or BATCH),
        }
    )
    return recipe
