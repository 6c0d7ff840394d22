"""A network of stock parts and the data it is given, inside a worker."""

from __future__ import annotations

import contextlib
import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.keras.rebuild import assemble

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from grader.keras.rebuild import Plan
    from grader.training.request import Images, Labels
    from grader.training.stock import Measures, Named
    from grader.training.workers import Sets

Array = np.ndarray[Any, Any]

STEPS = 256
"""Steps per call into TensorFlow: the same numbers, about twice as fast for small networks."""


@dataclass(frozen=True, slots=True)
class Network:
    model: Any
    layers: list[Any]
    """Of each step of its plan; None where a step changes nothing."""
    weights: list[Any]
    """Variables, step by step."""
    untrained: list[Array]
    """What the optimizer's variables held before any training."""


_AT_HAND: dict[str, Network] = {}
"""Networks that were used before, the last one last: with them TensorFlow's translation of their steps, which takes
longer than many of them run."""
_KEPT = 16
_KEPT_WEIGHTS = 1_000_000
"""Most parameters of a network that is kept."""


@contextlib.contextmanager
def compiled(
    planned: Plan,
    measures: Measures,
    fed: object,
    initializers: Sequence[Mapping[str, Named]] = (),
    optimizer: Named = ("SGD", {}),
    steps: int = STEPS,
) -> Iterator[Network]:
    """A compiled network whose weights are anything yet, and whose optimizer is as new.

    `fed` says in what form it gets its data (see `form`): what is translated anew for another form is not shared.
    """
    kind, config = optimizer
    fixed = {name: value for name, value in config.items() if name != "learning_rate"}  # the rate is a variable

    def make() -> Network:
        import keras

        further = [
            {name: getattr(keras.initializers, of)(**given) for name, (of, given) in named.items()}
            for named in initializers
        ]
        model, layers = assemble(planned, further)
        model.compile(
            optimizer=getattr(keras.optimizers, kind)(**fixed),
            loss=_function(keras.losses, measures.loss),
            metrics=[_function(keras.metrics, metric) for metric in measures.metrics] or None,
            steps_per_execution=steps,
            jit_compile=False,
        )
        model.optimizer.build(model.trainable_variables)
        untrained = [np.array(variable.numpy()) for variable in model.optimizer.variables]
        return Network(model, layers, in_order(layers), untrained)

    with _at_hand((planned, measures, fed, initializers, kind, fixed, steps), make) as network:
        trains = network.model.optimizer
        assign(trains.variables, network.untrained)
        if "learning_rate" in config:
            trains.learning_rate = config["learning_rate"]
        yield network


@contextlib.contextmanager
def assembled(planned: Plan, fed: object) -> Iterator[Network]:
    """A network that is only asked for its outputs; its weights are anything yet."""

    def make() -> Network:
        model, layers = assemble(planned)
        return Network(model, layers, in_order(layers), [])

    with _at_hand((planned, fed), make) as network:
        yield network


@contextlib.contextmanager
def _at_hand(identity: object, make: Callable[[], Network]) -> Iterator[Network]:
    """An equal network that was used before, or a new one. Where using it raises, it is not kept."""
    key = repr(identity)
    network = _AT_HAND.pop(key, None) or make()
    yield network
    if sum(math.prod(variable.shape) for variable in network.weights) <= _KEPT_WEIGHTS:
        _make_room(_AT_HAND, _KEPT)
        _AT_HAND[key] = network


def _make_room(kept: dict[Any, Any], most: int) -> None:
    """For one more, so that there are `most` at most: what was used longest ago goes."""
    while len(kept) >= most:
        del kept[next(iter(kept))]


def in_order(layers: Sequence[Any]) -> list[Any]:
    """All weights of the layers, step by step."""
    return [variable for layer in layers if layer is not None for variable in layer.weights]


def assign(variables: Sequence[Any], values: Sequence[Array]) -> None:
    """Put values into variables of the same shapes. Raises ValueError where they do not fit, in number or shape."""
    for variable, value in zip(variables, values, strict=True):
        if tuple(variable.shape) != value.shape:
            raise ValueError(f"an array of shape {value.shape} where {tuple(variable.shape)} is needed")
        variable.assign(value)


def form(arrays: Sequence[Any], batch_size: int) -> tuple[object, ...]:
    """What TensorFlow's translation depends on: types and shapes of a batch, and whether the last one is smaller."""
    of_each = [(str(array.dtype), tuple(array.shape[1:])) for array in arrays]
    return *of_each, batch_size, len(arrays[0]) % batch_size > 0


_MAPPED: dict[bytes, Any] = {}
"""Sets of official images as tasks wanted them last, as tensors; the next task often wants the same."""
_KEPT_SETS = 3
_CHUNK = 100
"""Images that are mapped at a time: their indices stay in the processor's cache."""


class Inputs:
    """The arrays that a recipe speaks of, made from the official data."""

    def __init__(self, sets: Sets, arrays: Sequence[Array]) -> None:
        self._sets = [images.reshape(len(images), -1) for images, _ in sets]
        self._arrays = arrays

    def images(self, facts: Images) -> Any:
        """A tensor of shape (n, *item)."""
        import tensorflow as tf

        table = self._arrays[facts.table]
        train = len(self._sets[0])
        rows = np.arange(*facts.rows) if isinstance(facts.rows, tuple) else self._arrays[facts.rows]
        numbers = [number for number, among in enumerate((rows < train, rows >= train)) if among.any()]
        sets = [self._mapped(table, number) for number in numbers]
        official = sets[0] if len(sets) == 1 else tf.concat(sets, 0)
        rows = rows - train if numbers == [1] else rows
        together = isinstance(facts.rows, tuple)
        images = official[rows[0] : rows[-1] + 1] if together else tf.gather(official, rows)
        return tf.reshape(images, (len(rows), *facts.item))

    def _mapped(self, table: Array, number: int) -> Any:
        """All images of a set, each grey value as the table has it; a tensor of shape (n, 784)."""
        import tensorflow as tf

        key = hashlib.sha256(f"{number} {table.dtype.str}".encode() + table.tobytes()).digest()
        if (mapped := _MAPPED.pop(key, None)) is None:
            _make_room(_MAPPED, _KEPT_SETS)
            images = self._sets[number]
            made = np.empty(images.shape, table.dtype)
            for start in range(0, len(images), _CHUNK):
                part = slice(start, start + _CHUNK)
                table.take(images[part], out=made[part], mode="clip")
            mapped = tf.constant(made)
        _MAPPED[key] = mapped
        return mapped

    def labels(self, facts: Labels) -> Array:
        """Of shape (n,), (n, 1) or (n, classes), in the dtype that the facts name."""
        values = self._arrays[facts.values]
        if facts.classes:
            return np.eye(facts.classes, dtype=facts.dtype)[values]
        return values.astype(facts.dtype).reshape(facts.shape)


def _function(module: Any, named: str | Named) -> Any:
    """By its name, as Keras resolves it, or made from a class."""
    if isinstance(named, str):
        return named
    kind, config = named
    return getattr(module, kind)(**config)
