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
        self._of = f"{key} {times}"

    def seed(self, *what: object) -> int:
        """0 … 2³¹ − 1, for one thing that is drawn."""
        return int.from_bytes(hashlib.sha256(f"{self._of} {what}".encode()).digest()[:4], "big") >> 1

    def weights(self, drawn: Sequence[tuple[Any, tuple[int, ...]]]) -> list[Array]:
        """New weights, float32, for initializers of Keras and the shapes that they fill, in order."""
        found = []
        for i, (initializer, shape) in enumerate(drawn):
            config = initializer.get_config()
            seeded = {**config, "seed": self.seed("weights", i)} if "seed" in config else config
            found.append(np.asarray(type(initializer)(**seeded)(shape, dtype="float32")))
        return found

    def generator(self, number: int) -> list[int]:
        """State of the generator of a network's `number`-th random layer."""
        return [self.seed("generator", number), 0]

    @contextlib.contextmanager
    def shuffling(self) -> Iterator[None]:
        """TensorFlow shuffles with these seeds; afterwards its own are as they were."""
        import tensorflow as tf
        from tensorflow.python.eager import context

        own = context.context()
        before = own._seed, getattr(own, "_rng", None)
        tf.random.set_seed(self.seed("shuffle"))
        try:
            yield
        finally:
            own._seed, own._rng = before


def initializers(layer: Any) -> list[tuple[Any, Any]] | None:
    """(variable, initializer) for each of the layer's weights; None where that is not known."""
    found = []
    for variable in layer.weights:
        name = str(variable.name)
        initializer = getattr(layer, _INITIALIZERS.get(name, f"{name}_initializer"), None)
        if not type(initializer).__module__.startswith("keras.src.initializers."):
            return None
        found.append((variable, initializer))
    return found


def generators(layers: Sequence[Any]) -> list[Any]:
    """The state variables of the random layers, in order."""
    found = [getattr(layer, "seed_generator", None) for layer in layers]
    return [generator.state for generator in found if generator is not None]


def as_drawn(pairs: Sequence[tuple[Any, Any]]) -> bool:
    """Whether variables still hold what their initializers drew, with no seed of the student's own."""
    for variable, initializer in pairs:
        if initializer.get_config().get("seed") is not None:
            return False
        if not np.array_equal(np.asarray(initializer(tuple(variable.shape), dtype="float32")), variable.numpy()):
            return False
    return True
