"""Hooks on the methods of Keras' models: what student code makes, compiles, trains, measures and predicts.

On classes, because modules are several and names are rebound. What is known of each network stands in `networks`, what
it consists of in `architecture`. A hook calls the original within `with recorder`, so that what Keras calls by itself
is not recorded, and does everything else `quietly`: it returns and raises what the original does.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from ..wire.fingerprint import PIXELS
from .compiled import compiled_facts
from .hooks import Reading, quietly, wrap
from .inference import SharedInference
from .inputs import unpack, unpack_validation
from .networks import Network, Networks
from .predictions import Predictions
from .record import Recorder
from .shared_fit import Prepared, SharedFits
from .speed import faster
from .tampering import TamperDetector
from .trainer_client import TrainerClient


@dataclass
class _Started:
    """A call of `fit` between its beginning and its end."""

    network: Network
    event: dict[str, Any]
    given: dict[str, Any]
    """All of its arguments."""
    fit: Prepared
    speed: contextlib.AbstractContextManager[None]
    read: Reading
    stack: list[list[int]]
    earlier: Any
    """The history of the training before."""


class ModelHooks:
    """`trainer` trains what can be shared; `tamper_detector`, once there is one, looks before a training is written."""

    def __init__(self, recorder: Recorder, networks: Networks, trainer: TrainerClient | None = None) -> None:
        self.recorder = recorder
        self.networks = networks
        self._fits = SharedFits(recorder.express, trainer)
        self._inference = SharedInference(recorder.express, trainer)
        self._predictions = Predictions(recorder, networks)
        self.tamper_detector: TamperDetector | None = None

    def install(self, _: ModuleType) -> None:
        """Wrap the methods, once Keras is imported."""
        from keras.src.layers.layer import Layer
        from keras.src.models.functional import Functional
        from keras.src.models.model import Model
        from keras.src.models.sequential import Sequential
        from keras.src.optimizers.base_optimizer import BaseOptimizer

        for cls in (Model, Sequential, Functional):
            wrap(cls, ["__init__"], self._created)
        hooks: dict[str, Callable[[Any], Any]] = {
            "compile": self._compile,
            "fit": self._fit,
            "evaluate": self._evaluate,
            "predict": self._predict,
            "predict_on_batch": self._predict,
            "train_on_batch": self._train_on_batch,
        }
        for name, make in hooks.items():
            # On the class that defines it: loading a model compares `compile` with that of the class it is from.
            owner = next(cls for cls in Model.__mro__ if name in vars(cls))
            wrap(owner, [name], make)
        wrap(Model, ["__call__"], self._call)
        wrap(BaseOptimizer, ["apply"], self._apply)
        for cls, name in ((Layer, "set_weights"), (Model, "load_weights"), (Model, "set_weights")):
            if name in vars(cls):
                wrap(cls, [name], self._set_weights)

    # -------------------------------------------------- making and compiling

    def _created(self, original: Any) -> Any:
        def __init__(model: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            __tracebackhide__ = True
            original(model, *args, **kwargs)
            if not self.recorder.inside and self.recorder.from_cell(sys._getframe(1)):
                quietly(self.networks.known)(model)

        return __init__

    def _compile(self, original: Any) -> Any:
        signature = inspect.signature(original)

        def note(model: Any, args: Any, kwargs: Any) -> None:
            bound = signature.bind(model, *args, **kwargs)
            network = self.networks.known(model)
            network.loss, network.metrics = bound.arguments.get("loss"), bound.arguments.get("metrics")
            network.functions = (None, None)
            self.networks.sync(network, model)
            self.recorder.emit("compiled", network=network.id, **compiled_facts(model, network.loss, network.metrics))

        def compile(model: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: A001
            __tracebackhide__ = True
            result = original(model, *args, **kwargs)
            if not self.recorder.inside:
                quietly(note)(model, args, kwargs)
            return result

        return compile

    # -------------------------------------------------- training

    def _fit(self, original: Any) -> Any:
        signature = inspect.signature(original)

        def fit(model: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if self.recorder.inside:
                return original(model, *args, **kwargs)
            started = quietly(self._before_fit)(model, signature, args, kwargs)
            error = ""
            clock = time.perf_counter()
            try:
                with self.recorder, contextlib.ExitStack() as around:
                    if started and started.fit.shared:
                        return started.fit.replay(model, started.given)
                    if started:
                        around.enter_context(started.speed)
                        around.enter_context(started.fit.here(model))
                    return original(model, *args, **kwargs)
            except BaseException as raised:
                error = f"{type(raised).__name__}: {raised}"[:2000]
                raise
            finally:
                if started:
                    quietly(self._after_fit)(model, started, error, time.perf_counter() - clock)

        return fit

    def _before_fit(self, model: Any, signature: inspect.Signature, args: Any, kwargs: Any) -> _Started:
        given = _bound(signature, model, args, kwargs)
        network = self.networks.known(model)
        stack = self.recorder.stack()
        moved = self.networks.moved(network, model) or network.by_hand is not None
        put_in = self.networks.put_in(network)
        with self.recorder:
            fit = self._fits.prepare(model, given, put_in=put_in or self.networks.assigned(model))
        facts = self.networks.sync(network, model)
        read = Reading()
        with self.recorder:
            x, y, batch_of_data = read("x", (None, None, None), unpack, given["x"], given["y"])
            validation = read("validation_x", (None, None, None), unpack_validation, given["validation_data"])
            arrays = {"x": x, "y": y, "validation_x": validation[0], "validation_y": validation[1]}
            digests = {name: self._digest(read, name, array) for name, array in arrays.items()}
        usual = batch_of_data or (32 if x is not None else None)
        event = {
            "network": network.id,
            "id": self.networks.next_training(),
            "architecture": facts,
            "compiled": compiled_facts(model, network.loss, network.metrics),
            "epochs": read("epochs", 0, lambda: int(given["epochs"] - given["initial_epoch"])),
            "batch_size": read("batch_size", None, lambda: int(given["batch_size"] or usual or 0) or None),
            **digests,
            "validation_split": read("validation_split", 0.0, lambda: float(given["validation_split"] or 0.0)),
            "initial": "given" if put_in else "continued" if network.trained or moved else "fresh",
            "started_seq": self.recorder.seq,
            "shared": fit.shared,
            "not_shared": fit.why,
        }
        speed = faster(model, network, given["x"], given["callbacks"], facts["layers"])
        return _Started(network, event, given, fit, speed, read, stack, getattr(model, "history", None))

    def _digest(self, read: Reading, name: str, array: Any) -> str | None:
        """The digest of an array that an event names; None for none."""
        digest: str | None = None if array is None else read(name, None, self.recorder.array, array)
        return digest

    def _after_fit(self, model: Any, started: _Started, error: str, seconds: float) -> None:
        network, event, read, stack = started.network, started.event, started.read, started.stack
        history = getattr(model, "history", None)
        if history is started.earlier:  # it ended before the first epoch began
            history = None
        if started.fit.trained is not None:
            seconds = sum(started.fit.trained.facts["seconds"])
        logged = history.history if history is not None else {}
        facts, _ = self.networks.describe(model)
        if not event["architecture"]["params"]:  # built by `fit` itself
            event["architecture"] = facts
        with self.recorder:
            if self.tamper_detector:
                quietly(self.tamper_detector.report_changes)()  # a hook that is taken off for one training only
            self.recorder.emit(
                "fit",
                stack,
                **event,
                epochs_done=len(history.epoch) if history is not None else 0,
                history=read("history", {}, _figures, logged),
                duration_s=seconds,
                error=error,
                weights=self.networks.save_weights(model, event["id"]) or "",
                unreadable=read.unreadable,
            )
        network.trained = True
        network.by_hand = None
        self.networks.trained_with(network, model, outside=started.fit.shared)
        self.networks.sync(network, model, stack)

    def _train_on_batch(self, original: Any) -> Any:
        def note(model: Any) -> None:
            network = self.networks.known(model)
            if network.by_hand is None:
                network.by_hand = self.recorder.stack()

        def train_on_batch(model: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if self.recorder.inside:
                return original(model, *args, **kwargs)
            quietly(note)(model)
            with self.recorder:
                return original(model, *args, **kwargs)

        return train_on_batch

    def _apply(self, original: Any) -> Any:
        def note(optimizer: Any, variables: Any) -> None:
            stack = self.recorder.stack()
            for variable in variables or getattr(optimizer, "_trainable_variables", None) or []:
                self.networks.touched.setdefault(id(variable), stack)

        def apply(optimizer: Any, grads: Any, trainable_variables: Any = None) -> Any:
            __tracebackhide__ = True
            if not self.recorder.inside:
                trainable_variables = list(trainable_variables) if trainable_variables is not None else None
                quietly(note)(optimizer, trainable_variables)
            return original(optimizer, grads, trainable_variables)

        return apply

    def _set_weights(self, original: Any) -> Any:
        def set_weights(layer: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if not self.recorder.inside:
                quietly(self.networks.assign)(layer)
            return original(layer, *args, **kwargs)

        return set_weights

    # -------------------------------------------------- using

    def _evaluate(self, original: Any) -> Any:
        signature = inspect.signature(original)

        def prepared(model: Any, args: Any, kwargs: Any) -> tuple[Any, Any]:
            """What to evaluate within, and where it was done elsewhere, its logs and how to end it."""
            given = _bound(signature, model, args, kwargs)
            network = self.networks.known(model)
            with self.recorder:
                if self.networks.trained_outside(network, model) and (used := self._inference.evaluate(model, given)):
                    return contextlib.nullcontext(), used
            facts, _ = self.networks.describe(model)
            return faster(model, network, given["x"], given["callbacks"], facts["layers"]), None

        def note(model: Any, args: Any, kwargs: Any, logs: dict[str, float] | None) -> None:
            given = _bound(signature, model, args, kwargs)
            network = self.networks.known(model)
            read = Reading()  # None says of each of these facts that it is not known
            with self.recorder:
                images, labels, _batch = read("x", (None, None, None), unpack, given["x"], given["y"])
                x, y = self._digest(read, "x", images), self._digest(read, "y", labels)
                accuracy = read("accuracy", None, lambda: _accuracy(logs or model.get_metrics_result()))
            self.recorder.emit("evaluate", network=network.id, x=x, y=y, accuracy=accuracy)

        def evaluate(model: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if self.recorder.inside:
                return original(model, *args, **kwargs)
            within, used = quietly(prepared)(model, args, kwargs) or (contextlib.nullcontext(), None)
            logs, answer = used or (None, None)
            with self.recorder, within:
                result = answer() if answer else original(model, *args, **kwargs)
            quietly(note)(model, args, kwargs, logs)
            return result

        return evaluate

    def _predict(self, original: Any) -> Any:
        signature = inspect.signature(original)

        def asked(model: Any, x: Any, args: Any, kwargs: Any) -> Any:
            network = self.networks.known(model)
            with self.recorder:
                if "batch_size" in signature.parameters and self.networks.trained_outside(network, model):
                    return self._inference.predict(model, _bound(signature, model, (x, *args), kwargs))
            return None

        def predict(model: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
            __tracebackhide__ = True
            if self.recorder.inside:
                return original(model, x, *args, **kwargs)
            answer = quietly(asked)(model, x, args, kwargs)
            with self.recorder:
                result = answer() if answer else original(model, x, *args, **kwargs)
            quietly(self._predictions.note)(model, x, result)
            return result

        return predict

    def _call(self, original: Any) -> Any:
        def __call__(model: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N807
            __tracebackhide__ = True
            if self.recorder.inside or not args or kwargs.get("training") or not _concrete_images(args[0]):
                return original(model, *args, **kwargs)
            with self.recorder:
                result = original(model, *args, **kwargs)
            if self.recorder.from_cell(sys._getframe(1)) and not _in_tape():
                quietly(self._predictions.note)(model, args[0], result)
            return result

        return __call__


def _bound(signature: inspect.Signature, model: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """All arguments of a call by their names."""
    bound = signature.bind(model, *args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _figures(logged: dict[Any, Any]) -> dict[str, list[float]]:
    """The figures of each epoch, of what has one."""
    return {str(name): [float(v) for v in values] for name, values in logged.items() if _numbers(values)}


def _accuracy(results: dict[str, Any]) -> float | None:
    return next((float(v) for k, v in results.items() if "acc" in k and "top" not in k), None)


def _numbers(values: Any) -> bool:
    try:
        return all(np.ndim(v) == 0 and isinstance(float(v), float) for v in values)
    except (TypeError, ValueError):
        return False


def _concrete_images(x: Any) -> bool:
    if not (isinstance(x, np.ndarray) or type(x).__name__ == "EagerTensor"):
        return False
    shape = tuple(x.shape)
    return len(shape) >= 2 and shape[0] > 0 and int(np.prod(shape)) == shape[0] * PIXELS


def _in_tape() -> bool:
    record = sys.modules.get("tensorflow.python.eager.record")
    return bool(record and record.could_possibly_record())
