"""What an architecture's differences mean: a weight, a name where the mistake has one, and a phrase for the student."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.keras.align import Comparison, Difference
    from grader.records import Cause, Compiled

_WEIGHTS = {
    "units": 0.5,
    "filters": 0.25,
    "kernel_size": 0.25,
    "strides": 0.25,
    "pool_size": 0.25,
    "kind": 0.25,
    "use_bias": 0.25,
    "dilation_rate": 0.25,
    "padding": 0.25,
}
"""Share of the points that an entry costs, once, however many layers have it."""

_LAYERS = {"Dense": 0.5, "Conv2D": 0.5}
"""Share that a layer too many or too few costs; 0.25 for those without weights."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A difference from the architecture that is asked for, as it is charged."""

    phrase: str
    """Completes 'Your network …'."""
    weight: float
    key: Cause
    slug: str = ""


def mistakes_in(comparison: Comparison, compiled: Compiled | None) -> tuple[Mistake, ...]:
    """What is wrong with a network that is trained as `compiled`; the same wrong entry in two layers stands once."""
    distinct: list[Mistake] = []
    for mistake in _each(comparison, compiled):
        whole_layer = mistake.key[0] in {"missing", "extra"}
        if whole_layer or all(mistake.key != known.key for known in distinct):
            distinct.append(mistake)
    return tuple(distinct)


def _each(comparison: Comparison, compiled: Compiled | None) -> Iterator[Mistake]:
    if _swapped(comparison.differences):
        yield Mistake(
            "has the numbers of filters the wrong way round", 0.25, ("cnn.filters_swapped",), "cnn.filters_swapped"
        )
    for difference in comparison.differences:
        if difference.what == "filters" and _swapped(comparison.differences):
            continue
        if difference.what == "missing" and difference.kind == "Flatten" and comparison.flat_output:
            continue  # a single position is flat already
        if difference.what == "activation" and difference.output:
            if not consistent_logits(difference, compiled):
                yield _output_activation(difference)
        else:
            yield _mistake(difference)
    flattens = any(d.what == "missing" and d.kind == "Flatten" for d in comparison.differences)
    if not comparison.flat_output and not flattens:
        yield Mistake("never flattens the images, so that its output is not one vector per image", 0.5, ("flatten",))


def consistent_logits(difference: Difference, compiled: Compiled | None) -> bool:
    """Whether an output without softmax goes with a loss that applies it."""
    linear = difference.output and difference.what == "activation" and difference.got == "linear"
    return linear and compiled is not None and compiled.from_logits


def _swapped(differences: tuple[Difference, ...]) -> bool:
    filters = [d for d in differences if d.what == "filters"]
    return len(filters) == 2 and filters[0].wanted == filters[1].got and filters[1].wanted == filters[0].got


def _output_activation(difference: Difference) -> Mistake:
    if difference.got == "linear":
        phrase = "has no softmax at its output, and the loss is not told so with `from_logits=True`"
    else:
        phrase = f"has {difference.got} instead of softmax at its output"
    return Mistake(phrase, 0.5, ("model.no_softmax",), "model.no_softmax")


def _mistake(difference: Difference) -> Mistake:
    d = difference
    match d.what:
        case "missing" if d.kind == "Flatten":
            phrase = "has no Flatten before the output, which so acts on each position of the image by itself"
            return Mistake(phrase, 0.5, ("cnn.no_flatten",), "cnn.no_flatten")
        case "missing":
            return Mistake(f"lacks a layer ({d.wanted})", _LAYERS.get(d.kind, 0.25), d.key)
        case "extra":
            return Mistake(f"has a layer too many ({d.got})", _LAYERS.get(d.kind, 0.25), d.key)
        case "activation" if d.got == "linear":
            phrase = f"has a {d.kind} layer without activation ({d.wanted} is asked for)"
            return Mistake(phrase, 0.5, ("model.missing_activation",), "model.missing_activation")
        case "activation":
            return Mistake(f"has {d.got} instead of {d.wanted} in a {d.kind} layer", 0.5, d.key)
        case "units" if d.output:
            phrase = f"has {d.got} output {'unit' if d.got == 1 else 'units'} instead of {d.wanted}"
            return Mistake(phrase, 0.5, ("model.output_width",), "model.output_width")
        case "units":
            return Mistake(f"has {d.got} units in a hidden layer instead of {d.wanted}", 0.5, d.key)
        case "kind":
            return Mistake(f"has {d.got} in place of {d.wanted}", _WEIGHTS["kind"], d.key)
        case "use_bias":
            return Mistake(f"has a {d.kind} layer without biases", _WEIGHTS["use_bias"], d.key)
        case entry:
            name = entry.replace("_", " ")
            return Mistake(f"has {name} {d.got} instead of {d.wanted} in a {d.kind} layer", _WEIGHTS[entry], d.key)
