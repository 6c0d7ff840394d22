"""Train the reference networks with Keras. `python -m reference.ps10.train` trains each of them once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from grader.datasets import fashion_mnist as data
from grader.rubric.expected import LayerSpec, ModelSpec, NetworkSpec

from .models import NETWORKS

Array = np.ndarray[Any, Any]

STEPS_PER_EXECUTION = 200
"""Batches per call into TensorFlow: twice as fast for small networks, with the same numbers."""


@dataclass(frozen=True, slots=True)
class Accuracies:
    """After each epoch: of the epoch's batches while training, and on the test set."""

    train: tuple[float, ...]
    test: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Data:
    """float32 in [0, 1], images of shape (n, 28, 28); labels uint8 of shape (n,)."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array


def provide() -> Data:
    (x_train, y_train), (x_test, y_test) = data.load(data.provide_data())
    return Data(x_train.astype(np.float32) / 255, y_train, x_test.astype(np.float32) / 255, y_test)


def _layer(spec: LayerSpec) -> Any:
    import keras

    return getattr(keras.layers, spec.kind)(**spec.config)


def build(spec: ModelSpec) -> Any:
    """Return the Keras model of a specification, without its optional layers."""
    import keras

    layers = [_layer(layer) for layer in spec.layers if not layer.optional]
    return keras.Sequential([keras.Input(spec.input_shape), *layers])


def train(network: NetworkSpec, seed: int, items: Data) -> Accuracies:
    """Build, compile and fit a network from a seed; equal seeds give equal numbers on one thread."""
    import keras

    keras.utils.set_random_seed(seed)
    model = build(network.model)
    model.compile(
        optimizer=getattr(keras.optimizers, network.optimizer)(learning_rate=network.learning_rate),
        loss=network.loss,
        metrics=list(network.metrics),
        steps_per_execution=STEPS_PER_EXECUTION,
        jit_compile=False,
    )
    shape, rows = network.model.input_shape, network.train_rows
    history = model.fit(
        items.x_train[:rows].reshape(-1, *shape),
        items.y_train[:rows],
        batch_size=network.batch_size,
        epochs=network.epochs,
        validation_data=(items.x_test.reshape(-1, *shape), items.y_test),
        validation_batch_size=1000,
        verbose=0,
    ).history
    keras.backend.clear_session()
    return Accuracies(
        tuple(round(value, 5) for value in history["accuracy"]),
        tuple(round(value, 4) for value in history["val_accuracy"]),  # 10,000 items: exact
    )


def train_all(seed: int = 10) -> dict[str, Accuracies]:
    """Train every network of the sheet once; about two minutes on one core."""
    items = provide()
    return {name: train(network, seed, items) for name, network in NETWORKS.items()}


def main() -> None:
    for name, reached in train_all().items():
        print(f"{name:13} train {reached.train[-1]:.4f}  test {reached.test[-1]:.4f}")  # noqa: T201


if __name__ == "__main__":
    main()
