"""Where a training happens: by its recipe outside the kernel where that can be said, else here; from the same seeds."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from typing import Any

from ..wire.message import Message
from ..wire.recipe import Refused
from ..wire.seeding import TrainingSeeds, generators
from .architecture import architecture, weights_in_order
from .dataset_index import Expression
from .fit_recipe import recipe_of, steps, weights_and_initializers
from .progress_bar import progress, took
from .recipe import NotShared, Recipe
from .trainer_client import TrainerClient


class SharedFits:
    """The trainings of one submission."""

    def __init__(self, express: Callable[[Any], Expression | None], trainer: TrainerClient | None) -> None:
        self._express = express
        self._trainer = trainer
        self._times: Counter[str] = Counter()

    def prepare(self, model: Any, given: dict[str, Any], *, put_in: bool) -> Prepared:
        """What `model.fit(**given)` comes to, asked of the trainer where there is one."""
        try:
            recipe = recipe_of(model, given, self._express, put_in=put_in)
        except NotShared as why:
            return Prepared(why=str(why))
        except Exception as problem:  # `fit` itself says better what is wrong with it
            return Prepared(why=f"it cannot be described ({type(problem).__name__})")
        times = self._times[recipe.key] if not recipe.facts["seeds"] else 0
        self._times[recipe.key] += 1
        prepared = Prepared(recipe, times)
        if self._trainer is not None:
            try:
                prepared.trained = self._trainer.train(recipe, times)
            except Refused as why:
                prepared.why = str(why)
        return prepared


class Prepared:
    """A training that is about to be."""

    def __init__(self, recipe: Recipe | None = None, times: int = 0, why: str = "") -> None:
        self._recipe = recipe
        self._seeds = TrainingSeeds(recipe.key, times) if recipe else None
        self.why = why
        """Why it is not shared."""
        self.trained: Message | None = None
        """What `TrainerClient.train` gave."""

    @property
    def shared(self) -> bool:
        return self.trained is not None

    def here(self, model: Any) -> contextlib.AbstractContextManager[None]:
        """Train within this: the network starts and is shuffled as its recipe says."""
        if self._recipe is None or self._seeds is None:
            return contextlib.nullcontext()
        _, layers = architecture(model)
        if self._recipe.facts["weights"] is None:
            pairs = weights_and_initializers(layers) or []
            for (variable, _), value in zip(pairs, self._seeds.weights(pairs), strict=True):
                variable.assign(value)
        states = self._seeds.generators(self._recipe.facts["generators"])
        for variable, state in zip(generators(layers), states, strict=True):
            variable.assign(state)
        return self._seeds.shuffling()

    def replay(self, model: Any, given: dict[str, Any]) -> Any:
        """Leave the model as the training leaves it, print what it prints; gives the `History`."""
        assert self._recipe is not None
        assert self.trained is not None
        callbacks = progress(
            model,
            given["callbacks"],
            epochs=int(given["epochs"]),
            steps=steps(self._recipe),
            verbose=given["verbose"],
            history=True,
        )
        model.stop_training = False
        callbacks.on_train_begin()
        logs: dict[str, float] = {}
        first = self._recipe.facts["initial_epoch"]
        epochs = zip(self.trained.facts["logs"], self.trained.facts["seconds"], strict=True)
        for epoch, (logs, seconds) in enumerate(epochs, first):
            callbacks.on_epoch_begin(epoch)
            took(callbacks, seconds)
            callbacks.on_epoch_end(epoch, dict(logs))
        self._leave(model)
        callbacks.on_train_end(logs=dict(logs))
        self._leave(model)
        for callback in callbacks.callbacks:
            if getattr(callback, "best_weights", None) is not None:
                callback.best_weights = model.get_weights()
        return model.history

    def _leave(self, model: Any) -> None:
        assert self.trained is not None
        _, layers = architecture(model)
        variables = [*weights_in_order(model, layers), *model.optimizer.variables, *generators(layers)]
        for variable, value in zip(variables, self.trained.arrays, strict=True):
            variable.assign(value)
