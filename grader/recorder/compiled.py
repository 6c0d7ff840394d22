"""What a network was compiled with, as plain facts with canonical names."""

from __future__ import annotations

import re
from typing import Any

from .hooks import Reading
from .record import plain

_SHORT = {
    "acc": "accuracy",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "bce": "binary_crossentropy",
    "kld": "kl_divergence",
}


def snake(name: str) -> str:
    """'sparse_categorical_crossentropy' for 'SparseCategoricalCrossentropy'; Keras' short names are written out."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
    return _SHORT.get(name, name)


def compiled_facts(model: Any, loss: Any, metrics: Any) -> dict[str, Any]:
    """Facts of the optimizer as it is now; `loss` and `metrics` as `compile` was given them."""
    read = Reading()
    optimizer = read("optimizer", None, getattr, model, "optimizer", None)
    config = read("optimizer_config", {}, lambda: plain(optimizer.get_config())) if optimizer is not None else {}
    name, from_logits = read("loss", ("", False), lambda: loss_name(_single(loss)))
    return {
        "optimizer": type(optimizer).__name__ if optimizer is not None else "",
        "learning_rate": read("learning_rate", None, learning_rate, optimizer),
        "optimizer_config": config,
        "loss": name,
        "from_logits": from_logits,
        "metrics": [read("metrics", "custom", metric_name, metric) for metric in _flat(metrics)[:50]],
        "unreadable": read.unreadable,
    }


def learning_rate(optimizer: Any) -> float | None:
    """Rounded to what float32 holds; None for a schedule."""
    rate = getattr(optimizer, "_learning_rate", None)
    if rate is None or (callable(rate) and not hasattr(rate, "numpy")):
        return None
    try:
        return float(f"{float(rate.numpy() if hasattr(rate, 'numpy') else rate):.6g}")
    except (TypeError, ValueError):
        return None


def loss_name(loss: Any) -> tuple[str, bool]:
    """(canonical name, whether it takes logits); 'custom' for what is not Keras' own, '' for none."""
    if loss is None:
        return "", False
    from_logits = False
    if isinstance(loss, str):
        import keras

        try:
            loss = keras.losses.get(loss)
        except Exception:
            return snake(loss), False
    arguments = getattr(loss, "_fn_kwargs", None)
    if isinstance(arguments, dict):
        from_logits = bool(arguments.get("from_logits", False))
    from_logits = bool(getattr(loss, "from_logits", from_logits))
    kind = loss if hasattr(loss, "__name__") else type(loss)
    module = getattr(kind, "__module__", "") or ""
    if not module.startswith(("keras.", "tensorflow.")):
        return "custom", from_logits
    return snake(kind.__name__), from_logits


def metric_name(metric: Any) -> str:
    """Canonical name; 'custom' for what is not Keras' own."""
    if isinstance(metric, str):
        return snake(metric)
    kind = metric if hasattr(metric, "__name__") else type(metric)
    if not (getattr(kind, "__module__", "") or "").startswith("keras."):
        return "custom"
    # The class Accuracy compares values, not classes: something else than the string 'accuracy'.
    return "exact_accuracy" if kind.__name__ == "Accuracy" else snake(kind.__name__)


def _single(value: Any) -> Any:
    if isinstance(value, dict) and len(value) == 1:
        return _single(next(iter(value.values())))
    if isinstance(value, (list, tuple)) and len(value) == 1:
        return _single(value[0])
    return value


def _flat(metrics: Any) -> list[Any]:
    values = list(metrics.values()) if isinstance(metrics, dict) else metrics
    if isinstance(values, (list, tuple)):
        return [metric for value in values for metric in _flat(value)]
    return [] if values is None else [values]
