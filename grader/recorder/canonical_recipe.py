"""Networks that compute the same in the same steps, said in the same way: one recipe, one training.

Only what gives the same numbers to the last digit is equal here. What people call the same network is more, and is
compared outside (`keras/canonical.py`), in a room that is not in the kernel.
"""

from __future__ import annotations

from typing import Any

from ..wire.fingerprint import PIXELS

_LINEAR = {"Dense", "Conv1D", "Conv2D"}


def canonical_layers(layers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Layers as `architecture` describes them, without what has no bearing on numbers.

    A `Flatten` of the input does nothing to them, and an `Activation` after a linear layer is that layer's own.
    """
    layers = [_numeric(layer) for layer in layers]
    if not _is_chain(layers):
        return layers
    kept: list[dict[str, Any]] = []
    for layer in layers[1:] if _begins_flat(layers) else layers:
        before = kept[-1] if kept else None
        linear = before is not None and before["kind"] in _LINEAR and before["config"].get("activation") == "linear"
        if before is not None and linear and layer["kind"] == "Activation" and layer["stock"]:
            activation = layer["config"].get("activation")
            kept[-1] = before | {"config": before["config"] | {"activation": activation}}
        else:
            kept.append(layer)
    return [layer | {"inbound": [i - 1]} for i, layer in enumerate(kept)]


def canonical_images(data: dict[str, Any], layers: list[dict[str, Any]]) -> dict[str, Any]:
    """Data for these layers: what begins flat is given images in a row."""
    if not _begins_flat(layers):
        return data
    return data | {"x": data["x"] | {"item": [PIXELS]}}


def canonical_loss(config: Any) -> Any:
    """By its name, where that says all."""
    match config:
        case {"class_name": "function", "config": str(name)}:
            return name
        case {"class_name": "SparseCategoricalCrossentropy" | "CategoricalCrossentropy" as kind, "config": dict(own)}:
            plainly = not own.get("from_logits") and not own.get("label_smoothing") and own.get("ignore_class") is None
            if plainly and own.get("reduction") == "sum_over_batch_size" and own.get("axis", -1) == -1:
                return "sparse_categorical_crossentropy" if kind.startswith("Sparse") else "categorical_crossentropy"
    return config


def _is_chain(layers: list[dict[str, Any]]) -> bool:
    return all(layer["inbound"] == [i - 1] for i, layer in enumerate(layers))


def _begins_flat(layers: list[dict[str, Any]]) -> bool:
    """Whether the first layer of a chain only lays the pixels in a row."""
    return len(layers) > 1 and layers[0]["kind"] == "Flatten" and layers[0]["stock"] and _is_chain(layers)


def _numeric(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what has no bearing on numbers."""
    config = {key: value for key, value in facts["config"].items() if key != "name"}
    return {key: facts[key] for key in ("kind", "output_shape", "weights", "stock", "inbound")} | {"config": config}
