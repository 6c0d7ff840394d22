"""A Keras model as plain facts: its layers in order, whatever style it is written in.

Models within models are taken apart. Input layers are left out: position -1 is the model's input.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import Any

from .hooks import quietly
from .record import plain
from .seeds import untouched

LAYERS = 500
_CONFIG_BYTES = 5000


@dataclasses.dataclass
class _Step:
    operation: Any
    inbound: list[int]


def architecture(model: Any) -> tuple[dict[str, Any], list[Any]]:
    """Facts of the model, and its layers in the order of those facts (which is the order weights are saved in)."""
    # What cannot be taken apart is one layer of the student's own.
    style, steps = quietly(_steps)(model) or ("subclassed", [_Step(model, [-1])])
    built = bool(_attribute(model, "built"))
    return {
        "style": style,
        "input_shape": _shape(_attribute(model, "input_shape")) or _built_shape(model),
        "params": _count(model, built),
        "trainable_params": _trainable(model, built),
        "layers": [_layer(step) for step in steps[:LAYERS]],
    }, [step.operation for step in steps[:LAYERS]]


def weights_in_order(model: Any, layers: list[Any]) -> list[Any]:
    """The model's weight variables, layer by layer, then those that belong to no layer."""
    ordered: list[Any] = []
    seen: set[int] = set()
    for holder in [*layers, model]:
        for variable in getattr(holder, "weights", None) or []:
            if id(variable) not in seen:
                seen.add(id(variable))
                ordered.append(variable)
    return ordered


# ------------------------------------------------------------------ order


def _steps(model: Any) -> tuple[str, list[_Step]]:
    kinds = {cls.__name__ for cls in type(model).__mro__ if cls.__module__.startswith("keras.src")}
    if "Sequential" in kinds:
        return "sequential", _chain(_flat(model.layers))
    if "Functional" in kinds:
        steps: list[_Step] = []
        _graph(model, [-1], steps)
        return "functional", steps
    return "subclassed", _traced(model) or _chain(_flat(model.layers))


def _flat(layers: list[Any]) -> list[Any]:
    found: list[Any] = []
    for layer in layers:
        if type(layer).__name__ == "InputLayer":
            continue
        inner = getattr(layer, "layers", None)
        found += _flat(inner) if isinstance(inner, list) and inner else [layer]
    return found


def _chain(layers: list[Any]) -> list[_Step]:
    return [_Step(layer, [position - 1]) for position, layer in enumerate(layers)]


def _graph(model: Any, inputs: list[int], steps: list[_Step]) -> list[int]:
    """Append the operations of a functional model; positions of those that make its outputs."""
    made: dict[int, list[int]] = {}  # id of an operation → positions of what it puts out
    starts = [id(tensor._keras_history.operation) for tensor in model._inputs]
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            operation = node.operation
            if id(operation) in starts:
                where = starts.index(id(operation))
                made[id(operation)] = [inputs[min(where, len(inputs) - 1)]]
                continue
            sources: list[int] = []
            for tensor in node.input_tensors:
                sources += made.get(id(tensor._keras_history.operation), [-1])
            made[id(operation)] = _append(operation, sources, steps)
    return [at for tensor in model._outputs for at in made.get(id(tensor._keras_history.operation), [-1])]


def _append(operation: Any, sources: list[int], steps: list[_Step]) -> list[int]:
    if hasattr(operation, "_nodes_by_depth"):
        return _graph(operation, sources, steps)
    inner = getattr(operation, "layers", None)
    if isinstance(inner, list) and inner and hasattr(operation, "fit"):
        for layer in _flat(inner):
            steps.append(_Step(layer, sources))
            sources = [len(steps) - 1]
        return sources
    steps.append(_Step(operation, sources))
    return [len(steps) - 1]


def _traced(model: Any) -> list[_Step] | None:
    """The order in which `call` uses the layers of a subclassed model, by calling it on a symbolic input."""
    shape = _built_shape(model)
    if shape is None or not all(layer.built for layer in _flat(model.layers)):
        return None
    import keras

    layers = list(model._flatten_layers(include_self=False, recursive=True))
    before = [(layer, len(layer._inbound_nodes), len(layer._outbound_nodes)) for layer in layers]
    steps: list[_Step] = []
    with untouched():
        try:
            tensor = keras.Input(shape=tuple(shape), name="recorder_input")
            output = model.call(tensor)
            graph = keras.src.models.Functional(tensor, output, name="recorder_graph")
            _graph(graph, [-1], steps)
        except Exception:
            return None
        finally:
            for layer, inbound, outbound in before:
                del layer._inbound_nodes[inbound:], layer._outbound_nodes[outbound:]
    known = {id(layer) for layer in layers}
    # An unknown layer was made by `call` itself: what was traced then is not the model.
    return steps if all(id(s.operation) in known or not hasattr(s.operation, "weights") for s in steps) else None


# ------------------------------------------------------------------ facts


def _layer(step: _Step) -> dict[str, Any]:
    operation = step.operation
    built = _attribute(operation, "built") is not False
    config = _config(operation)
    return {
        "kind": type(operation).__name__[:100],
        "name": str(_attribute(operation, "name"))[:100],
        "config": config or {},
        "output_shape": _output_shape(operation, built),
        "params": _count(operation, built),
        "trainable_params": _trainable(operation, built),
        "weights": len(_attribute(operation, "weights") or []),
        # A layer whose settings cannot be read may be anything.
        "stock": type(operation).__module__.startswith("keras.src.")
        and (config is not None or not hasattr(operation, "weights")),
        "inbound": step.inbound[:50],
    }


@quietly
def _config(operation: Any) -> dict[str, Any] | None:
    if not hasattr(operation, "get_config"):
        return {}
    config = plain(dict(operation.get_config()))
    activation = getattr(operation, "activation", None)
    if isinstance(config.get("activation"), dict) and callable(activation):
        # tf.nn.relu is Keras' relu to everybody but the serialiser.
        module, name = getattr(activation, "__module__", ""), getattr(activation, "__name__", "")
        if module.startswith("tensorflow."):
            config["activation"] = name.removesuffix("_v2")
    return {key: value for key, value in config.items() if len(str(value)) <= _CONFIG_BYTES}


@quietly
def _attribute(thing: Any, name: str) -> Any:
    """None also where a property of the student's raises."""
    return getattr(thing, name, None)


def _shape(shape: Any) -> list[int | None] | None:
    """Without the batch axis."""
    if isinstance(shape, list) and len(shape) == 1 and isinstance(shape[0], (list, tuple)):
        shape = shape[0]
    if not isinstance(shape, (tuple, list)) or not shape or not all(n is None or isinstance(n, int) for n in shape):
        return None
    return list(shape[1:])


def _built_shape(model: Any) -> list[int | None] | None:
    shapes = _attribute(model, "_build_shapes_dict")
    if isinstance(shapes, dict) and len(shapes) == 1:
        return _shape(next(iter(shapes.values())))
    return None


def _output_shape(operation: Any, built: bool) -> list[int | None] | None:
    nodes = _attribute(operation, "_inbound_nodes")
    shape = quietly(lambda: tuple(nodes[-1].output_tensors[0].shape))() if nodes else None
    input_shapes = _attribute(operation, "_build_shapes_dict")
    if shape is None and built and isinstance(input_shapes, dict) and len(input_shapes) == 1:
        shape = _computed_shape(operation, *input_shapes.values())
    return _shape(shape)


@quietly
def _computed_shape(operation: Any, input_shape: Any) -> tuple[Any, ...]:
    with untouched():
        return tuple(operation.compute_output_shape(tuple(input_shape)))


def _count(thing: Any, built: bool) -> int | None:
    if not hasattr(thing, "count_params"):
        return 0
    return quietly(lambda: int(thing.count_params()))() if built else None


def _trainable(thing: Any, built: bool) -> int | None:
    return quietly(lambda: parameters(getattr(thing, "trainable_weights", None) or []))() if built else None


def parameters(variables: Iterable[Any]) -> int:
    """How many numbers Keras variables hold together."""
    return sum(math.prod(map(int, variable.shape)) for variable in variables)
