"""Course-era code (Keras 1 and 2, TensorFlow 1, NumPy 1) carried out by today's libraries.

Each idiom does what it did then, and its use is noted once per place with how it is written today. Here are Keras'
modules that are no more; `bridge_layers` has arguments of layers and optimizers, `bridge_models` methods, arguments,
history keys and files of models, `bridge_libraries` names of NumPy, TensorFlow, matplotlib and Python,
`bridge_devices` what asks for a GPU.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .bridge_devices import bridge_devices, bridge_precision, local_devices
from .bridge_layers import bridge_layers, bridge_optimizers, old_convolution
from .bridge_libraries import bridge_matplotlib, bridge_numpy, bridge_tensorflow, bridge_time, with_fallback
from .bridge_models import bridge_drawing, bridge_models, bridge_saving
from .imports import OTHER_KERAS, ImportWatch, keras_name
from .record import Recorder

_MOVED_TO = {
    "layers": (
        "layers.core layers.convolutional layers.pooling layers.normalization layers.embeddings layers.recurrent "
        "layers.merge layers.advanced_activations layers.noise layers.local layers.experimental "
        "layers.experimental.preprocessing engine.topology engine.base_layer"
    ),
    "utils": "utils.np_utils utils.generic_utils utils.vis_utils utils.data_utils",
    "optimizers": (
        "optimizers.legacy optimizers.adam optimizers.sgd optimizers.rmsprop optimizers.adam_v2 "
        "optimizers.gradient_descent_v2 optimizers.rmsprop_v2 optimizers.optimizer_v2"
    ),
    "models": "engine engine.training engine.sequential",
    "losses": "objectives",
    "backend": "backend.tensorflow_backend",
}
MOVED = {module: today for today, modules in _MOVED_TO.items() for module in modules.split()}
"""Modules within Keras that are no more → the module that holds their contents today."""

_BACKEND = {
    "eval": "keras.ops.convert_to_numpy(x)",
    "get_value": "keras.ops.convert_to_numpy(x)",
    "set_value": "variable.assign(value)",
}
_TWIN = "keras._tf_keras.keras"
"""The tree that still holds Keras 2's backend functions and image generators."""


class Bridge:
    """All bridges; each tells the recorder of its use."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def install(self, watch: ImportWatch) -> None:
        """Build each bridge once the library that it is for is imported."""
        note = self._recorder.bridged
        watch.make = self._moved_module
        watch.after_keras = self._patch
        watch.after("keras.src.saving.saving_api", lambda module: bridge_saving(note, module))
        watch.after("keras", lambda _: bridge_optimizers(note))
        watch.after("keras", lambda _: bridge_layers(note, self._recorder.from_cell))
        watch.after("keras", lambda _: bridge_models(note))
        watch.after("numpy", lambda module: bridge_numpy(note, self._recorder.from_cell, module))
        watch.after("tensorflow", lambda module: bridge_tensorflow(note, self._recorder.from_cell, module))
        watch.after("tensorflow", lambda module: bridge_devices(note, self._recorder.from_cell, module))
        watch.after("tensorflow.python.client.device_lib", lambda module: local_devices(note, module))
        watch.after("keras.src.utils.model_visualization", lambda module: bridge_drawing(note, module))
        watch.after("tensorboard.notebook", _no_dashboard)
        watch.after("keras.src.utils.backend_utils", self._one_backend)
        for name in ("keras", "tensorflow"):
            watch.before(name, self._this_keras)
        watch.after("matplotlib.style", lambda module: bridge_matplotlib(note, module))
        bridge_time(note)

    # -------------------------------------------------- which Keras

    def _this_keras(self) -> None:
        """Variables that ask for another Keras or backend than there is are set back before anybody reads them."""
        if (backend := os.environ.get("KERAS_BACKEND", "tensorflow")) != "tensorflow":
            self._recorder.bridged(f"KERAS_BACKEND={backend}", "KERAS_BACKEND=tensorflow, the one that is here")
            os.environ["KERAS_BACKEND"] = "tensorflow"
        if os.environ.pop("TF_USE_LEGACY_KERAS", None):
            self._recorder.bridged("TF_USE_LEGACY_KERAS", "without it: Keras 3 is here")

    def _one_backend(self, module: ModuleType) -> None:
        def set_backend(backend: str) -> None:
            self._recorder.bridged(f"keras.config.set_backend('{backend}')", "without it: TensorFlow is here")

        vars(module)["set_backend"] = set_backend

    # -------------------------------------------------- modules

    def _moved_module(self, fullname: str) -> ModuleType | None:
        """A stand-in for a module that is no more, or that belongs to a Keras by another name."""
        within = keras_name(fullname)
        if (package := fullname.partition(".")[0]) in OTHER_KERAS:
            inner = (within or "").removeprefix("api._v2.keras").removeprefix("api._v1.keras").lstrip(".")
            return _Moved(fullname, f"{_TWIN}.{inner}".rstrip("."), self._recorder.bridged, (package, "keras"))
        if within not in MOVED:
            return None
        tree = fullname[: -len(within) - 1]
        said = (f"keras.{within}", f"keras.{MOVED[within]}")
        return _Moved(fullname, f"{tree}.{MOVED[within]}", self._recorder.bridged, said)

    def _patch(self, within: str, module: ModuleType) -> None:
        """What a module of Keras no longer has is looked for where it went."""
        if within in {"mixed_precision", "config", "optimizers"}:
            bridge_precision(self._recorder.bridged, module)
        if within == "layers":
            module.Convolution2D = old_convolution(self._recorder.bridged, module.Convolution2D)  # type: ignore[attr-defined]
        if within == "backend" and hasattr(module, "set_value"):
            module.set_value = lambda x, value: x.assign(value)  # type: ignore[attr-defined]  # theirs fails
        if within in {"", "backend", "layers", "utils", "optimizers", "preprocessing", "preprocessing.image", "engine"}:
            with_fallback(module, lambda name: self._missing(within, module, name))

    def _missing(self, within: str, module: ModuleType, name: str) -> Any:
        inner = f"{within}.{name}".lstrip(".")
        if inner in MOVED and not (within == "optimizers" and name.islower() and _class_of(module, name)):
            return importlib.import_module(f"{module.__name__}.{name}")
        if within == "optimizers" and (found := _class_of(module, name)) is not None:
            self._recorder.bridged(f"keras.optimizers.{name}", f"keras.optimizers.{found.__name__}")
            return found
        if within == "backend" and name == "set_session":
            self._recorder.bridged("keras.backend.set_session", "not needed: TensorFlow has no sessions any more")
            return lambda _session: None
        if within == "utils" and name == "multi_gpu_model":
            self._recorder.bridged("multi_gpu_model(model, …)", "without it: there is one device here")
            return lambda model, *_, **__: model
        twin = f"{_TWIN}.{within}".rstrip(".")
        if module.__name__ != twin and within:
            value = getattr(importlib.import_module(twin), name)
            today = _BACKEND.get(name, f"keras.ops.{name} or NumPy")
            if within != "backend":
                today = "layers such as keras.layers.RandomFlip"
            self._recorder.bridged(f"keras.{within}.{name}", today)
            return value
        raise AttributeError(name)


def _class_of(module: ModuleType, name: str) -> Any:
    """The optimizer class that a lower-case name was another name of ('sgd', 'adam')."""
    return next((v for k, v in vars(module).items() if k.lower() == name and isinstance(v, type)), None)


def _no_dashboard(module: ModuleType) -> None:
    """Nobody looks at one: `%tensorboard` and `notebook.start` would start a server and wait for it."""
    vars(module).update(start=lambda *_: None, display=lambda *_, **__: None)


class _Moved(ModuleType):
    """Has what the module `target` has; `said` is noted of whoever asks for it: (idiom, today)."""

    def __init__(self, name: str, target: str, note: Callable[[str, str], None], said: tuple[str, str]) -> None:
        super().__init__(name)
        self.__dict__.update(_target=target, _note=note, _said=said)

    def __getattr__(self, name: str) -> Any:
        target = importlib.import_module(self._target)
        if name == "__all__":
            return [public for public in dir(target) if not public.startswith("_")]
        if name == "__version__":
            return target.__version__
        if name.startswith("__"):
            raise AttributeError(name)
        deeper = f"{self.__name__}.{name}"
        if keras_name(deeper) in MOVED and deeper not in sys.modules:
            return importlib.import_module(deeper)
        value = getattr(target, name)
        self._note(*self._said)
        return value
