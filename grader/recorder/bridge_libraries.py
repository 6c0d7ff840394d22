"""Names that NumPy, TensorFlow, matplotlib and Python itself had in the course's days."""

from __future__ import annotations

import builtins
import functools
import sys
import time
from collections.abc import Callable
from typing import Any

from .bridge_layers import FromCell, Note
from .hooks import wrap

NUMPY = {
    "float": "float",
    "int": "int",
    "object": "object",
    "str": "str",
    "complex": "complex",
    "long": "int",
    "unicode": "str",
    "float_": "np.float64",
    "complex_": "np.complex128",
    "unicode_": "np.str_",
    "string_": "np.bytes_",
    "Inf": "np.inf",
    "Infinity": "np.inf",
    "infty": "np.inf",
    "NaN": "np.nan",
    "asfarray": "np.asarray",
    "alltrue": "np.all",
    "sometrue": "np.any",
    "round_": "np.round",
    "product": "np.prod",
    "cumproduct": "np.cumprod",
    "row_stack": "np.vstack",
    "in1d": "np.isin",
    "trapz": "np.trapezoid",
    "mat": "np.asmatrix",
}
"""Names that NumPy 2 no longer has (`np.bool` is back) → today's."""


def with_fallback(module: Any, find: Callable[[str], Any], from_cell: FromCell = lambda _: True) -> None:
    """What a module does not have is asked of `find(name)`, which may raise AttributeError or ImportError.

    Only for those whose frame is `from_cell`; whatever the module itself did for other names, it still does.
    """
    earlier = vars(module).get("__getattr__")

    def __getattr__(name: str) -> Any:  # noqa: N807
        if not name.startswith("__") and from_cell(sys._getframe(1)):
            try:
                return find(name)
            except (AttributeError, ImportError):
                pass
        if earlier is not None:
            return earlier(name)
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    module.__getattr__ = __getattr__


def bridge_numpy(note: Note, from_cell: FromCell, numpy: Any) -> None:
    """Names that NumPy 2 dropped, for the student's own code only."""

    def find(name: str) -> Any:
        if name not in NUMPY:
            raise AttributeError(name)
        today = NUMPY[name]
        note(f"np.{name}", today)
        return getattr(numpy, today[3:]) if today.startswith("np.") else getattr(builtins, today)

    with_fallback(numpy, find, from_cell)


TENSORFLOW = {"set_random_seed": ("random", "set_seed"), "to_float": ("compat", "v1", "to_float")}


def bridge_tensorflow(note: Note, from_cell: FromCell, tensorflow: Any) -> None:
    """TensorFlow 1's names; those without a place of their own are found in `tf.compat.v1`."""

    def find(name: str) -> Any:
        path = TENSORFLOW.get(name, ("compat", "v1", name))
        value = functools.reduce(lambda module, part: getattr(module, part, None), path, tensorflow)
        if value is None or name.startswith("_"):
            raise AttributeError(name)
        if name not in _GRAPH_MODE:  # these say themselves what becomes of them
            note(f"tf.{name}", "tf." + ".".join(path))
        return value

    with_fallback(tensorflow, find, from_cell)
    with_fallback(tensorflow.train, lambda name: _tf_optimizer(note, name), from_cell)
    _stay_eager(note, tensorflow)


_GRAPH_MODE = ("disable_eager_execution", "disable_tensor_equality", "disable_v2_behavior")
"""Switches back to TensorFlow 1, in which Keras trained then and cannot today."""


def _stay_eager(note: Note, tensorflow: Any) -> None:
    """Keras' networks are trained as ever; a session hands out what has been computed already."""
    from tensorflow.python.client.session import BaseSession
    from tensorflow.python.compat import v2_compat
    from tensorflow.python.framework import ops, tensor

    def staying(original: Any) -> Any:
        def switch() -> None:
            note(f"tf.{original.__name__}()", "not needed: Keras runs without TensorFlow 1's graphs and sessions")

        return switch

    for module in (tensorflow.compat.v1, v2_compat, ops, tensor):  # where they are from, and one that has them by now
        wrap(module, _GRAPH_MODE, staying)

    def running(original: Any) -> Any:
        def run(session: Any, fetches: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            values = tensorflow.nest.flatten(fetches)
            if not tensorflow.executing_eagerly() or any(not _is_computed(value) for value in values):
                return original(session, fetches, *args, **kwargs)
            note("session.run(x)", "x.numpy(): everything is computed at once")
            return tensorflow.nest.map_structure(lambda value: value if value is None else value.numpy(), fetches)

        return run

    wrap(BaseSession, ["run"], running)


def _is_computed(value: Any) -> bool:
    """Whether it holds its value; None is what initialisers give, which have nothing to do any more."""
    return value is None or (hasattr(value, "numpy") and not hasattr(value, "graph"))


TF_OPTIMIZERS = {
    "GradientDescentOptimizer": ("SGD", ("learning_rate",), {}),
    "MomentumOptimizer": ("SGD", ("learning_rate", "momentum"), {"use_nesterov": "nesterov"}),
    "AdamOptimizer": ("Adam", ("learning_rate", "beta1", "beta2", "epsilon"), {"beta1": "beta_1", "beta2": "beta_2"}),
    "RMSPropOptimizer": ("RMSprop", ("learning_rate", "decay", "momentum", "epsilon"), {"decay": "rho"}),
    "AdagradOptimizer": ("Adagrad", ("learning_rate", "initial_accumulator_value"), {}),
    "AdadeltaOptimizer": ("Adadelta", ("learning_rate", "rho", "epsilon"), {}),
}
"""TensorFlow 1's optimizers, which Keras networks were compiled with → class of Keras, their arguments in order, and
those that have another name in Keras."""


def _tf_optimizer(note: Note, name: str) -> Any:
    if name not in TF_OPTIMIZERS:
        raise AttributeError(name)
    class_name, order, renamed = TF_OPTIMIZERS[name]

    def optimizer(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        import keras

        note(f"tf.train.{name}", f"keras.optimizers.{class_name}")
        given = dict(zip(order, args, strict=False)) | kwargs
        given.pop("use_locking", None)
        return getattr(keras.optimizers, class_name)(**{renamed.get(k, k): v for k, v in given.items()})

    optimizer.__name__ = name
    return optimizer


def bridge_matplotlib(note: Note, style: Any) -> None:
    """The styles named 'seaborn…' are called 'seaborn-v0_8…' today; colour maps are asked for elsewhere."""

    def using(original: Any) -> Any:
        def use(name: Any) -> Any:
            if isinstance(name, str) and name.startswith("seaborn") and name not in style.library:
                today = name.replace("seaborn", "seaborn-v0_8", 1)
                if today in style.library:
                    note(f"plt.style.use('{name}')", f"plt.style.use('{today}')")
                    name = today
            return original(name)

        return use

    wrap(style, ["use"], using)
    from matplotlib import cm

    if not hasattr(cm, "get_cmap"):

        def get_cmap(name: Any = None, lut: int | None = None) -> Any:
            note("matplotlib.cm.get_cmap", "matplotlib.colormaps[…]")
            from matplotlib import pyplot as plt

            return plt.get_cmap(name, lut)

        vars(cm)["get_cmap"] = get_cmap


def bridge_time(note: Note) -> None:
    """`time.clock`, which Python 3.8 dropped."""

    def clock() -> float:
        note("time.clock()", "time.perf_counter()")
        return time.perf_counter()

    time.clock = clock  # type: ignore[attr-defined]
