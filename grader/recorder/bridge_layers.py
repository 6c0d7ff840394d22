"""Arguments of layers and optimizers as they were written in Keras 1 and 2."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from .hooks import quietly, wrap, wrap_arguments

Note = Callable[[str, str], None]
"""note(idiom, how it is written today)"""
FromCell = Callable[[FrameType | None], bool]
"""Whether a frame is the student's own: library code that looks for old names must not find them."""

_COMMON = {
    "init": "kernel_initializer",
    "W_regularizer": "kernel_regularizer",
    "b_regularizer": "bias_regularizer",
    "W_constraint": "kernel_constraint",
    "bias": "use_bias",
    "border_mode": "padding",
    "subsample": "strides",
    "dim_ordering": "data_format",
}
RENAMED: dict[str, dict[str, str]] = {
    "Dense": {"output_dim": "units", **_COMMON},
    "Conv2D": {"nb_filter": "filters", **_COMMON},
    "MaxPooling2D": {**_COMMON},
    "AveragePooling2D": {**_COMMON},
    "Dropout": {"p": "rate"},
    "Embedding": {"init": "embeddings_initializer"},
}
"""Layer → argument of Keras 1 → argument of today."""
_FORMATS = {"tf": "channels_last", "th": "channels_first"}


# ------------------------------------------------------------------ optimizers


def bridge_optimizers(note: Note) -> None:
    """`lr`, `decay`, `schedule_decay`, and `optimizer.lr`; once Keras is imported."""
    from keras.src.optimizers.base_optimizer import BaseOptimizer

    for cls in _subclasses(BaseOptimizer):
        if "__init__" in vars(cls):
            defaults = inspect.signature(cls.__init__).parameters
            wrap_arguments(cls, ["__init__"], functools.partial(_optimizer_arguments, note, cls.__name__, defaults))
    BaseOptimizer.lr = _learning_rate(note)


def _subclasses(cls: Any) -> Iterator[Any]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def _optimizer_arguments(note: Note, name: str, defaults: Any, _: Any, args: Any, kwargs: Any) -> Any:
    if "lr" in kwargs and "learning_rate" not in kwargs and not args:
        note(f"{name}(lr=…)", f"{name}(learning_rate=…)")
        kwargs["learning_rate"] = kwargs.pop("lr")
    if "epsilon" in kwargs and kwargs["epsilon"] is None:
        del kwargs["epsilon"]
    if "schedule_decay" in kwargs:
        note(f"{name}(schedule_decay=…)", f"{name}(…) without it")
        del kwargs["schedule_decay"]
    if "decay" in kwargs and "decay" not in defaults:
        return _decay(note, name, args, kwargs, defaults)
    return args


def _decay(note: Note, name: str, args: Any, kwargs: Any, defaults: Any) -> Any:
    """Keras 2: rate / (1 + decay · steps so far). Returns what is left of the positional arguments."""
    decay = kwargs.pop("decay")
    note(f"{name}(decay=…)", f"{name}(learning_rate=keras.optimizers.schedules.InverseTimeDecay(rate, 1, decay))")
    rate = kwargs.get("learning_rate", args[0] if args else getattr(defaults.get("learning_rate"), "default", None))
    if not decay or not isinstance(rate, (int, float)):
        return args
    from keras.optimizers.schedules import InverseTimeDecay

    schedule = InverseTimeDecay(rate, decay_steps=1, decay_rate=float(decay))
    if args:
        return (schedule, *args[1:])
    kwargs["learning_rate"] = schedule
    return args


def _learning_rate(note: Note) -> property:
    """`optimizer.lr`, to read and to set."""

    def get(optimizer: Any) -> Any:
        note("optimizer.lr", "optimizer.learning_rate")
        return optimizer.learning_rate

    def assign(optimizer: Any, value: Any) -> None:
        note("optimizer.lr = …", "optimizer.learning_rate = …")
        optimizer.learning_rate = value

    return property(get, assign)


# ------------------------------------------------------------------ layers


def bridge_layers(note: Note, from_cell: FromCell) -> None:
    """Renamed arguments, whole sizes, `input_shape` and `output_shape`; once Keras is imported."""
    import keras
    from keras.src.layers.layer import Layer

    wrap(Layer, ["__init__"], lambda original: _layer_init(note, original))
    for name, renamed in RENAMED.items():
        wrap_arguments(
            getattr(keras.layers, name), ["__init__"], functools.partial(_layer_arguments, note, name, renamed)
        )
    wrap_arguments(keras.layers.InputLayer, ["__init__"], functools.partial(_input_arguments, note))
    for name in ("output_shape", "input_shape"):
        if not hasattr(Layer, name):
            setattr(Layer, name, _Shape(note, from_cell, name))


def _layer_init(note: Note, original: Any) -> Any:
    def __init__(layer: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        __tracebackhide__ = True
        shape = kwargs.pop("batch_input_shape", None)
        if shape is not None:
            note("batch_input_shape=…", "keras.Input(batch_shape=…) as the first layer")
            kwargs["input_shape"] = tuple(shape[1:])
        weights = kwargs.pop("weights", None)
        original(layer, *args, **kwargs)
        if weights is not None:
            note("weights=… of a layer", "layer.set_weights(…) after building")
            quietly(_set_when_built)(layer, weights)

    return __init__


def _input_arguments(note: Note, _: Any, args: Any, kwargs: Any) -> Any:
    for name in ("shape", "input_shape"):
        if isinstance(kwargs.get(name), int):
            kwargs[name] = (_noted_shape(note, kwargs[name]),)
    if args and isinstance(args[0], int):
        return ((_noted_shape(note, args[0]),), *args[1:])
    return args


def _noted_shape(note: Note, size: int) -> int:
    """(784) is the number 784, which Keras 2 took for the shape (784,)."""
    note(f"Input(shape=({size}))", f"Input(shape=({size},))")
    return size


def _set_when_built(layer: Any, weights: Any) -> None:
    original = layer.build

    @functools.wraps(original)  # Keras asks for its arguments
    def build(*args: Any, **kwargs: Any) -> None:
        original(*args, **kwargs)
        layer.set_weights(weights)

    layer.build = build


def _layer_arguments(note: Note, name: str, renamed: dict[str, str], _: Any, args: Any, kwargs: Any) -> Any:
    for old, new in renamed.items():
        if old in kwargs and new not in kwargs:
            note(f"{name}({old}=…)", f"{name}({new}=…)")
            value = kwargs.pop(old)
            kwargs[new] = _FORMATS.get(value, value) if isinstance(value, str) else value
    args = _whole(note, name, args, kwargs)
    if "nb_row" in kwargs and "nb_col" in kwargs and "kernel_size" not in kwargs:
        note(f"{name}(nb_row=…, nb_col=…)", f"{name}(kernel_size=(…, …))")
        kwargs["kernel_size"] = (kwargs.pop("nb_row"), kwargs.pop("nb_col"))
    return args


_SIZES = ("units", "filters")
"""What Keras 2 cut to whole numbers: `Dense(686 / 2)`."""


def _whole(note: Note, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Returns the positional arguments; where the first is a size, it is a whole number."""

    def cut(value: float) -> int:
        note(f"{name}({value})", f"{name}({int(value)}), for instance by //")
        return int(value)

    for size in _SIZES:
        if isinstance(kwargs.get(size), float):
            kwargs[size] = cut(kwargs[size])
    if name in {"Dense", "Conv2D"} and args and isinstance(args[0], float):
        return (cut(args[0]), *args[1:])
    return args


def old_convolution(note: Note, cls: Any) -> Any:
    """`Convolution2D`: in Keras 1 its second and third arguments were the kernel's rows and columns."""
    if not isinstance(cls, type):  # already ours
        return cls

    def Convolution2D(*args: Any, **kwargs: Any) -> Any:  # noqa: N802
        __tracebackhide__ = True
        if len(args) >= 3 and isinstance(args[1], int) and isinstance(args[2], int):
            note("Convolution2D(n, rows, columns)", "Conv2D(n, (rows, columns))")
            args = (args[0], (args[1], args[2]), *args[3:])
        return cls(*args, **kwargs)

    return Convolution2D


class _Shape:
    """`layer.output_shape`; gives way to an attribute that a student's layer sets.

    Only cells see it: Keras itself asks layers whether they have an `input_shape`.
    """

    def __init__(self, note: Note, from_cell: FromCell, name: str) -> None:
        self._note = note
        self._from_cell = from_cell
        self._name = name

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:
            return self
        side = self._name.removesuffix("_shape")
        nodes = layer._inbound_nodes
        if not nodes or not self._from_cell(sys._getframe(1)):
            raise AttributeError(f"The layer {layer.name} has not been called yet and has no {self._name}.")
        tensor = nodes[-1].output_tensors[0] if side == "output" else nodes[-1].input_tensors[0]
        self._note(f"layer.{self._name}", f"layer.{side}.shape")
        return tuple(tensor.shape)
