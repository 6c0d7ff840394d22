"""Methods and arguments of models, keys of histories, and names of files as they were in Keras 2."""

from __future__ import annotations

import functools
import inspect
import os
from pathlib import Path
from typing import Any

import numpy as np

from .absent import without_absent
from .bridge_layers import Note
from .hooks import quietly, wrap, wrap_arguments

_DROPPED = (
    "workers",
    "use_multiprocessing",
    "max_queue_size",
    "max_q_size",
    "nb_worker",
    "pickle_safe",
    "show_accuracy",
)
_USING = ("evaluate", "predict")
_FIT = {"nb_epoch": "epochs", "nb_val_samples": "validation_steps"}
_KEYS = {"acc": "accuracy", "val_acc": "val_accuracy", "accuracy": "acc", "val_accuracy": "val_acc"}


class OldKeys(dict[str, Any]):
    """Logs and histories in which 'acc' and 'accuracy' mean the same."""

    note: Note

    def __missing__(self, key: str) -> Any:
        other = _KEYS.get(key)
        if other is None or not dict.__contains__(self, other):
            raise KeyError(key)
        self.note(f"history['{key}']", f"history['{other}'], named as in compile(metrics=…)")
        return self[other]

    def get(self, key: str, default: Any = None) -> Any:
        """As `dict.get`, by either name."""
        try:
            return self[key]
        except KeyError:
            return default

    def __reduce__(self) -> Any:
        return dict, (dict(self),)


def old_keys(note: Note, logs: Any) -> Any:
    """Logs that answer to both names; anything but a dict as it is."""
    if not isinstance(logs, dict) or isinstance(logs, OldKeys):
        return logs
    named = OldKeys(logs)
    named.note = note
    return named


def bridge_models(note: Note) -> None:
    """Once Keras is imported."""
    from keras.src.callbacks.model_checkpoint import ModelCheckpoint
    from keras.src.callbacks.progbar_logger import ProgbarLogger
    from keras.src.callbacks.tensorboard import TensorBoard
    from keras.src.models.model import Model

    owners = {name: next(cls for cls in Model.__mro__ if name in vars(cls)) for name in ("compile", "fit", *_USING)}
    wrap_arguments(owners["compile"], ["compile"], functools.partial(_compile_arguments, note))
    wrap(owners["fit"], ["fit"], lambda original: _fit(note, original))
    for name in _USING:
        wrap_arguments(owners[name], [name], functools.partial(_without_dropped, note, name))
    for name, method in _old_methods(note).items():
        if not hasattr(Model, name):
            setattr(Model, name, method)
    wrap(Model, ["save_weights", "load_weights"], lambda original: _weights_file(note, original))
    for watching in (TensorBoard, ProgbarLogger):
        wrap(watching, ["__init__"], functools.partial(_known_arguments, note, watching.__name__))
    wrap(ModelCheckpoint, ["__init__"], lambda original: _checkpoint(note, original))


# ------------------------------------------------------------------ methods


def _old_methods(note: Note) -> dict[str, Any]:
    def predict_classes(model: Any, x: Any, batch_size: int | None = None, verbose: Any = "auto") -> Any:
        """Index of the largest score of each row, int64 of shape (n,)."""
        note("model.predict_classes(x)", "np.argmax(model.predict(x), axis=-1)")
        scores = model.predict(x, batch_size=batch_size, verbose=verbose)
        return scores.argmax(axis=-1) if scores.shape[-1] > 1 else (scores > 0.5).astype("int32")

    def predict_proba(model: Any, x: Any, batch_size: int | None = None, verbose: Any = "auto") -> Any:
        note("model.predict_proba(x)", "model.predict(x)")
        return model.predict(x, batch_size=batch_size, verbose=verbose)

    def fit_generator(model: Any, generator: Any, steps_per_epoch: Any = None, epochs: int = 1, **kwargs: Any) -> Any:
        note("model.fit_generator(…)", "model.fit(…)")
        return model.fit(generator, steps_per_epoch=steps_per_epoch, epochs=epochs, **kwargs)

    def evaluate_generator(model: Any, generator: Any, steps: Any = None, **kwargs: Any) -> Any:
        note("model.evaluate_generator(…)", "model.evaluate(…)")
        return model.evaluate(generator, steps=steps, **kwargs)

    def predict_generator(model: Any, generator: Any, steps: Any = None, **kwargs: Any) -> Any:
        note("model.predict_generator(…)", "model.predict(…)")
        return model.predict(generator, steps=steps, **kwargs)

    methods = (predict_classes, predict_proba, fit_generator, evaluate_generator, predict_generator)
    return {method.__name__: method for method in methods}


def _compile_arguments(note: Note, _: Any, args: Any, kwargs: Any) -> Any:
    """Keras 2: (optimizer, loss, metrics, …); today the third is loss_weights."""
    for watching in ("metrics", "weighted_metrics"):
        if kwargs.get(watching) is not None:
            kwargs[watching] = without_absent(note, watching, kwargs[watching])
    third = args[2] if len(args) > 2 and "metrics" not in kwargs else None
    if isinstance(third, (list, tuple)) and third and not any(isinstance(m, (int, float)) for m in third):
        note("compile(optimizer, loss, metrics)", "compile(optimizer, loss, metrics=…)")
        kwargs["metrics"] = list(third)
        return args[:2]
    return args


def _without_dropped(note: Note, name: str, _: Any, args: Any, kwargs: Any) -> Any:
    for old in _DROPPED:
        if old in kwargs:
            note(f"{name}({old}=…)", f"{name}(…) without it")
            del kwargs[old]
    return args


def _fit(note: Note, original: Any) -> Any:
    def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        _without_dropped(note, "fit", model, args, kwargs)
        for old, new in _FIT.items():
            if old in kwargs and new not in kwargs:
                note(f"fit({old}=…)", f"fit({new}=…)")
                kwargs[new] = kwargs.pop(old)
        if kwargs.get("callbacks") is not None:
            kwargs["callbacks"] = without_absent(note, "callbacks", kwargs["callbacks"])
        if kwargs.get("callbacks"):
            quietly(_callbacks)(note, model, kwargs["callbacks"])
        history = original(model, *args, **kwargs)
        if hasattr(history, "history"):
            history.history = old_keys(note, history.history)
        return history

    return fit


# ------------------------------------------------------------------ callbacks


def _callbacks(note: Note, model: Any, callbacks: Any) -> None:
    named = _metric_names(model)
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        monitor = getattr(callback, "monitor", None)
        other = _KEYS.get(str(monitor))
        if other and str(monitor).removeprefix("val_") not in named and other.removeprefix("val_") in named:
            note(f"monitor='{monitor}'", f"monitor='{other}', named as in compile(metrics=…)")
            callback.monitor = other
        path = getattr(callback, "filepath", None)
        if isinstance(path, str) and "accuracy" in named:
            callback.filepath = path.replace("{acc", "{accuracy").replace("{val_acc", "{val_accuracy")
            callback.filepath = callback.filepath.replace("accuracyuracy", "accuracy")
        if not type(callback).__module__.startswith("keras.") or type(callback).__name__ == "LambdaCallback":
            _hears_old_keys(note, callback)


def _hears_old_keys(note: Note, callback: Any) -> None:
    original = callback.on_epoch_end

    def on_epoch_end(epoch: int, logs: Any = None) -> Any:
        return original(epoch, old_keys(note, logs))

    callback.on_epoch_end = on_epoch_end


def _metric_names(model: Any) -> set[str]:
    given = model._compile_metrics._user_metrics if model._compile_metrics is not None else []
    return {str(getattr(metric, "name", metric)) for metric in np.atleast_1d(np.asarray(given, dtype=object)).ravel()}


def _known_arguments(note: Note, name: str, original: Any) -> Any:
    """Of a callback that only watches: what Keras 2 let it show, and today's does not, is left out."""
    parameters = inspect.signature(original).parameters

    def __init__(callback: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        __tracebackhide__ = True
        for old in kwargs.keys() - parameters.keys():
            note(f"{name}({old}=…)", f"{name}(…) without it")
            del kwargs[old]
        original(callback, *args[: len(parameters) - 1], **kwargs)

    return __init__


def _checkpoint(note: Note, original: Any) -> Any:
    def __init__(callback: Any, filepath: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        __tracebackhide__ = True
        if "period" in kwargs:
            note("ModelCheckpoint(period=…)", "ModelCheckpoint(save_freq=…)")
            del kwargs["period"]
        weights_only = kwargs.get("save_weights_only", args[3] if len(args) > 3 else False)
        original(callback, _named(note, filepath, weights=bool(weights_only), checkpoint=True), *args, **kwargs)

    return __init__


def bridge_drawing(note: Note, module: Any) -> None:
    """`keras.src.utils.model_visualization`: a drawing of the network is left out where nothing can draw it."""

    def drawing(original: Any) -> Any:
        def plot_model(*args: Any, **kwargs: Any) -> Any:
            if module.check_graphviz():
                return original(*args, **kwargs)
            note("plot_model(…)", "left out: Graphviz is not available here")
            return None

        return plot_model

    wrap(module, ["plot_model"], drawing)


# ------------------------------------------------------------------ files


def _named(note: Note, path: Any, *, weights: bool, checkpoint: bool = False) -> Any:
    """The path with the ending that today's Keras asks for."""
    if not isinstance(path, (str, os.PathLike)):
        return path
    name = os.fspath(path)
    if not isinstance(name, str) or name.endswith((".weights.h5", ".weights.json") if weights else (".keras", ".h5")):
        return path
    stem = name.rstrip("/").removesuffix(".hdf5").removesuffix(".h5").removesuffix(".tf")
    ending = ".weights.h5" if weights else ".h5" if name.endswith(".hdf5") else ".keras"
    if name.endswith(".hdf5") and not weights and not checkpoint:
        return path
    note(f"a file name without '{ending}'", f"'{Path(stem).name}{ending}'")
    return stem + ending


def bridge_saving(note: Note, module: Any) -> None:
    """`keras.src.saving.saving_api`, before the public modules copy from it."""

    def saving(original: Any) -> Any:
        def save_model(model: Any, filepath: Any, overwrite: bool = True, zipped: Any = None, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if "save_format" in kwargs:
                note("save(save_format=…)", "save(…) without it: the file's ending says it")
                del kwargs["save_format"]
            return original(model, _named(note, filepath, weights=False), overwrite, zipped, **kwargs)

        return save_model

    def loading(original: Any) -> Any:
        def load_model(filepath: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            return original(_saved(filepath, (".keras", ".h5")), *args, **kwargs)

        return load_model

    wrap(module, ["save_model"], saving)
    wrap(module, ["load_model"], loading)


def _weights_file(note: Note, original: Any) -> Any:
    saves = original.__name__ == "save_weights"

    def weights_file(model: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        kwargs.pop("save_format", None)
        path = _named(note, filepath, weights=True) if saves else _saved(filepath, (".weights.h5",))
        return original(model, path, *args, **kwargs)

    return weights_file


def _saved(path: Any, endings: tuple[str, ...]) -> Any:
    """Where something was saved that a student's code calls `path`."""
    if not isinstance(path, (str, os.PathLike)) or Path(path).exists():
        return path
    stem = str(os.fspath(path)).rstrip("/").removesuffix(".hdf5").removesuffix(".h5").removesuffix(".tf")
    return next((stem + ending for ending in endings if Path(stem + ending).exists()), path)
