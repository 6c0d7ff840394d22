"""The seeds of a training: where it starts and how it is shuffled, from its recipe instead of from chance.

*Same code, same seeds.* Used in the kernel and by the trainer alike, so that both draw the same numbers.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_INITIALIZERS = {"depthwise_kernel": "depthwise_initializer", "pointwise_kernel": "pointwise_initializer"}
"""Of variables whose initializer is not called '<variable>_initializer'."""


class TrainingSeeds:
    """Seeds that belong to the `times`-th training of one recipe."""

    def __init__(self, key: str, times: int) -> None:
        self._training = f"{key} {times}"

    def seed(self, *purpose: object) -> int:
        """0 … 2³¹ − 1, the same for the same purpose."""
        return int.from_bytes(hashlib.sha256(f"{self._training} {purpose}".encode()).digest()[:4], "big") >> 1

    def weights(self, pairs: Sequence[tuple[Any, Any]]) -> list[Array]:
        """New weights, float32, for (variable, initializer) of Keras as `initializers` gives them, in order."""
        values = []
        for i, (variable, initializer) in enumerate(pairs):
            config = initializer.get_config()
            seeded = {**config, "seed": self.seed("weights", i)} if "seed" in config else config
            values.append(np.asarray(type(initializer)(**seeded)(tuple(variable.shape), dtype="float32")))
        return values

    def generators(self, recorded: Sequence[list[int] | None]) -> list[Array]:
        """States of the generators of a network's random layers: those that its recipe has, else new ones."""
        return [
            np.asarray(state if state is not None else [self.seed("generator", i), 0])
            for i, state in enumerate(recorded)
        ]

    @contextlib.contextmanager
    def shuffling(self) -> Iterator[None]:
        """TensorFlow shuffles with these seeds; afterwards its own are as they were."""
        import tensorflow as tf
        from tensorflow.python.eager import context

        eager_context = context.context()
        before = eager_context._seed, getattr(eager_context, "_rng", None)
        tf.random.set_seed(self.seed("shuffle"))
        try:
            yield
        finally:
            eager_context._seed, eager_context._rng = before


def initializers(layer: Any) -> list[tuple[Any, Any]] | None:
    """(variable, initializer) for each of the layer's weights; None where that is not known."""
    pairs = []
    for variable in layer.weights:
        name = str(variable.name)
        initializer = getattr(layer, _INITIALIZERS.get(name, f"{name}_initializer"), None)
        if not type(initializer).__module__.startswith("keras.src.initializers."):
            return None
        pairs.append((variable, initializer))
    return pairs


def generators(layers: Sequence[Any]) -> list[Any]:
    """The state variables of the random layers, in order."""
    seed_generators = [getattr(layer, "seed_generator", None) for layer in layers]
    return [generator.state for generator in seed_generators if generator is not None]


def as_drawn(pairs: Sequence[tuple[Any, Any]]) -> bool:
    """Whether variables still hold what their initializers drew, with no seed of the student's own."""
    for variable, initializer in pairs:
        if initializer.get_config().get("seed") is not None:
            return False
        if not np.array_equal(np.asarray(initializer(tuple(variable.shape), dtype="float32")), variable.numpy()):
            return False
    return True
