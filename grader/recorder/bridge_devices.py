"""What asks for a GPU goes on without one: the processor does the work, with the same outcome.

To the student's own code there is one GPU, as where the notebook was written, so that no cell stops for want of it;
all settings of it do nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .bridge_layers import FromCell, Note
from .hooks import wrap

_TODAY = "no GPU here: the processor does the work"
_NAME = "/device:GPU:0"
_SETTINGS = (
    "set_memory_growth",
    "get_memory_growth",
    "set_visible_devices",
    "set_virtual_device_configuration",
    "set_logical_device_configuration",
    "get_virtual_device_configuration",
    "get_logical_device_configuration",
    "get_device_details",
    "get_memory_info",
    "get_memory_usage",
    "reset_memory_stats",
)
_RESULTS: dict[str, Any] = {
    "get_device_details": {},
    "get_memory_info": {"current": 0, "peak": 0},
    "get_memory_usage": 0,
}
_STRATEGIES = ("MirroredStrategy", "OneDeviceStrategy", "MultiWorkerMirroredStrategy")


def bridge_devices(note: Note, from_cell: FromCell, tensorflow: Any) -> None:
    """Once TensorFlow is imported; its own code and Keras' are told the truth."""
    config, test = tensorflow.config, tensorflow.test

    def for_cells(owner: Any, name: str, answer: Callable[..., Any]) -> None:
        """`answer(*arguments)` is what a cell gets; where it is None, what the function itself says."""

        def make(original: Any) -> Any:
            def function(*args: Any, **kwargs: Any) -> Any:
                __tracebackhide__ = True
                if from_cell(sys._getframe(1)) and (given := answer(*args, *kwargs.values())) is not None:
                    note(f"{owner.__name__.replace('tensorflow._api.v2', 'tf')}.{name}(…)", _TODAY)
                    return given[0]
                return original(*args, **kwargs)

            return function

        wrap(owner, [name], make)

    def devices(kind: type, name: str) -> Callable[..., Any]:
        return lambda device_type=None, *_: ([kind(name, "GPU")],) if device_type == "GPU" else None

    for owner in (config, config.experimental):
        for name in ("list_physical_devices", "get_visible_devices"):
            for_cells(owner, name, devices(config.PhysicalDevice, "/physical_device:GPU:0"))
        for name in ("list_logical_devices",):
            for_cells(owner, name, devices(config.LogicalDevice, _NAME))
        for name in _SETTINGS:
            for_cells(owner, name, lambda *given, n=name: (_RESULTS.get(n),) if _about_gpu(given) else None)
    for_cells(test, "gpu_device_name", lambda: (_NAME,))
    for name in ("is_gpu_available", "is_built_with_cuda", "is_built_with_gpu_support"):
        for_cells(test, name, lambda *_: (True,))
    for name in _STRATEGIES:
        strategy = getattr(tensorflow.distribute, name)
        vars(tensorflow.distribute)[name] = _on_one_device(note, name, strategy, tensorflow.distribute.get_strategy)


def _about_gpu(given: tuple[Any, ...]) -> bool:
    return any("GPU" in str(getattr(item, "device_type", item)) for item in given)


def _on_one_device(note: Note, name: str, strategy: Any, default: Callable[[], Any]) -> Any:
    """A strategy that spreads work over devices: with one of them it is what there is without."""

    class OneDevice(type(strategy)):  # type: ignore[misc]
        def __call__(cls, *_: Any, **__: Any) -> Any:
            note(f"tf.distribute.{name}(…)", "without it: there is one device here")
            return default()

    return OneDevice(name, (strategy,), {})


def local_devices(note: Note, module: ModuleType) -> None:
    """`device_lib`, which knew of GPUs in TensorFlow 1."""

    def with_gpu(original: Any) -> Any:
        def list_local_devices(session_config: Any = None) -> Any:
            found = original(session_config)
            note("device_lib.list_local_devices()", _TODAY)
            return [*found, type(found[0])(name=_NAME, device_type="GPU")]

        return list_local_devices

    wrap(module, ["list_local_devices"], with_gpu)


def bridge_precision(note: Note, module: ModuleType) -> None:
    """Half precision, which only a GPU is faster in: on a processor it takes many times as long."""

    def full(original: Any) -> Any:
        def set_dtype_policy(policy: Any) -> Any:
            name = str(getattr(policy, "name", policy))
            if not name.startswith("mixed_"):
                return original(policy)
            note(f"mixed_precision.set_global_policy('{name}')", _TODAY)
            return None

        return set_dtype_policy

    wrap(module, ["set_dtype_policy", "set_global_policy"], full)
    if hasattr(module, "LossScaleOptimizer"):

        def inner(optimizer: Any, *_: Any, **__: Any) -> Any:
            note("LossScaleOptimizer(optimizer)", "the optimizer itself: half precision is not used here")
            return optimizer

        vars(module)["LossScaleOptimizer"] = inner
