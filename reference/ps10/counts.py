"""Numbers that the sheet asks for, what typical mistakes make of them, and other values that are right as well."""

from __future__ import annotations

from dataclasses import replace

from grader.rubric.expected import LayerSpec, ModelSpec

from .models import FLATTEN, MODELS, NETWORKS, OUTPUT, conv, parameters, pool

ANKLE_BOOT = 9

_COUNTED = {"1d.count": MODELS["dense_10"], "1h.count": MODELS["dense_64"], "3c.count": MODELS["cnn"]}


def _without_bias(model: ModelSpec) -> float:
    return parameters(model.layers, model.input_shape, bias=False)


def _padded(layer: LayerSpec) -> LayerSpec:
    """'same' padding in the convolutions; the pooling that follows halves either way."""
    return replace(layer, config={**layer.config, "padding": "same"}) if layer.kind == "Conv2D" else layer


_CNN = MODELS["cnn"]
_SWAPPED = (conv(8), pool(), conv(16), pool(), FLATTEN, OUTPUT)
_NOT_FLATTENED = tuple(layer for layer in _CNN.layers if layer is not FLATTEN)

NUMBERS: dict[str, float] = {
    **{name: model.params for name, model in _COUNTED.items()},
    "1g.default": NETWORKS["dense_small"].learning_rate,
    "1j.label": ANKLE_BOOT,
}

MISTAKES: dict[str, dict[str, float]] = {
    name: {"params.no_bias": _without_bias(model)} for name, model in _COUNTED.items()
}
MISTAKES["3c.count"] |= {
    "cnn.filters_swapped": parameters(_SWAPPED, _CNN.input_shape),
    "cnn.no_flatten": parameters(_NOT_FLATTENED, _CNN.input_shape),
}

ALTERNATIVES: dict[str, dict[str, float]] = {
    "3c.count": {'padding="same"': parameters(map(_padded, _CNN.layers), _CNN.input_shape)},
}
