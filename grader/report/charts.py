"""Charts as inline SVG. Colours come from the page's style sheet by class, so they follow light, dark and print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from grader.records import Curves
from grader.report.wording import accuracy

_WIDTH, _HEIGHT = 560.0, 260.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 48.0, 118.0, 16.0, 40.0
_MOST_EPOCHS = 200
_MOST_MARKS = 40
"""Epochs up to which each has a mark of its own on the line."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """From epoch and accuracy to the drawing's units."""

    epochs: int
    low: float
    high: float

    def x(self, epoch: float) -> float:
        share = (epoch - 1) / (self.epochs - 1) if self.epochs > 1 else 0.5
        return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)


def learning_curves(curves: Curves, chart_id: str) -> Markup:
    """Accuracy over epochs: what `fit` recorded, the verified figure and the threshold; '' with nothing to draw."""
    train, validation = _plottable(curves.train), _plottable(curves.validation)
    single = _plottable([v for v in (curves.verified, curves.threshold) if v is not None])
    if not train and not validation and curves.verified is None:
        return Markup("")
    scale = _scale(max(len(train), len(validation), 1), (*train, *validation, *single))
    parts = _grid(scale)
    labels: list[tuple[float, str, str]] = []
    if curves.threshold is not None:
        y = scale.y(curves.threshold)
        parts.append(_across("threshold", y))
        labels.append((y, "threshold", "asked for"))
    for values, kind, name in ((train, "train", "training"), (validation, "validation", "validation")):
        if values:
            parts += _curve(values, kind, scale)
            labels.append((scale.y(values[-1]), kind, name))
    if curves.verified is not None and math.isfinite(curves.verified):
        x, y = scale.x(scale.epochs), scale.y(curves.verified)
        parts.append(_element("path", "verified", d=f"M{_short(x)} {_short(y - 7)}l7 7l-7 7l-7 -7z"))
        labels.append((y, "verified", "verified"))
    parts += _labels(labels)
    return _svg(chart_id, "chart curves", _HEIGHT, "Accuracy over epochs", _in_words(curves), parts)


def histogram(counts: Sequence[int], edges: Sequence[str], chart_id: str, title: str, unit: str) -> Markup:
    """Bars with their counts written on them, between `edges` (one more); the description lists all of them."""
    base, margin = 172.0, 20.0
    most = max([*counts, 1])
    step = (_WIDTH - 2 * margin) / max(len(counts), 1)
    parts = [_element("line", "axis", x1=8, x2=_WIDTH - 8, y1=base, y2=base)]
    for position, count in enumerate(counts):
        height = (base - 24) * count / most
        left = margin + position * step
        parts.append(_element("rect", "column", x=left + 3, y=base - height, width=step - 6, height=height, rx=3))
        if count:
            parts.append(_text("count middle", left + step / 2, base - height - 6, str(count)))
    parts += [_text("tick middle", margin + n * step, base + 20, edge) for n, edge in enumerate(edges)]
    bars = "; ".join(f"{low}–{high}: {count}" for count, (low, high) in zip(counts, pairwise(edges), strict=True))
    return _svg(chart_id, "chart", 200, title, f"{unit}: {bars}.", parts)


def _plottable(values: Sequence[float]) -> tuple[float, ...]:
    """Claimed accuracies that can be drawn: finite, in 0…1, at most 200."""
    return tuple(min(max(v, 0.0), 1.0) for v in values[:_MOST_EPOCHS] if math.isfinite(v))


def _scale(epochs: int, values: Sequence[float]) -> _Scale:
    """The vertical axis covers the values, from one tenth to another."""
    low = max(0.0, math.floor((min(values) - 0.03) * 10) / 10)
    high = min(1.0, math.ceil((max(values) + 0.03) * 10) / 10)
    return _Scale(epochs, low, max(high, low + 0.1))


def _grid(scale: _Scale) -> list[Markup]:
    tenths = round((scale.high - scale.low) * 10)
    parts = []
    for tenth in range(0, tenths + 1, 1 if tenths <= 5 else 2):
        value = scale.low + tenth / 10
        y = scale.y(value)
        parts += [_across("guide", y), _text("tick end", _LEFT - 8, y + 4, f"{value:.1f}")]
    for epoch in range(1, scale.epochs + 1, max(1, math.ceil(scale.epochs / 10))):
        parts.append(_text("tick middle", scale.x(epoch), _HEIGHT - _BOTTOM + 18, str(epoch)))
    return [*parts, _text("tick middle", (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 3, "epoch")]


def _curve(values: Sequence[float], kind: str, scale: _Scale) -> list[Markup]:
    """A line with circles for training, squares for validation."""
    spots = [(scale.x(epoch), scale.y(value)) for epoch, value in enumerate(values, 1)]
    line = _element("polyline", kind, points=" ".join(f"{_short(x)},{_short(y)}" for x, y in spots))
    if len(spots) > _MOST_MARKS:
        return [line]
    if kind == "train":
        return [line, *(_element("circle", kind, cx=x, cy=y, r=4) for x, y in spots)]
    return [line, *(_element("rect", kind, x=x - 4, y=y - 4, width=8, height=8) for x, y in spots)]


def _labels(labels: list[tuple[float, str, str]]) -> list[Markup]:
    """Names at the lines' ends, pushed apart so that none covers another."""
    parts, below = [], _TOP - 13
    for y, kind, text in sorted(labels):
        below = max(y + 4, below + 19)
        parts.append(_text(f"name {kind}", _WIDTH - _RIGHT + 14, below, text))
    return parts


def _in_words(curves: Curves) -> str:
    parts = []
    if curves.train:
        parts.append(f"training accuracy ends at {accuracy(curves.train[-1])} after {len(curves.train)} epochs")
    if curves.validation:
        parts.append(f"validation accuracy at {accuracy(curves.validation[-1])}")
    if curves.verified is not None:
        parts.append(f"verified on the test images: {accuracy(curves.verified)}")
    if curves.threshold is not None:
        parts.append(f"asked for: at least {accuracy(curves.threshold)}")
    return "; ".join(parts) + "."


# ------------------------------------------------------------------ SVG


def _svg(chart_id: str, css: str, height: float, title: str, description: str, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="{css}" role="img" aria-labelledby="{id}-t {id}-d" viewBox="0 0 {w} {h}">'
        '<title id="{id}-t">{title}</title><desc id="{id}-d">{desc}</desc>{body}</svg>'
    ).format(
        css=css,
        id=chart_id,
        w=_short(_WIDTH),
        h=_short(height),
        title=title,
        desc=description,
        body=Markup("").join(parts),
    )


def _element(tag: str, css: str, **attributes: float | str) -> Markup:
    """An empty element; numbers in the drawing's units."""
    texts = {name: value if isinstance(value, str) else _short(value) for name, value in attributes.items()}
    written = Markup("").join(Markup(' {}="{}"').format(name, text) for name, text in {"class": css, **texts}.items())
    return Markup("<{}{}/>").format(tag, written)


def _across(css: str, y: float) -> Markup:
    return _element("line", css, x1=_LEFT, x2=_WIDTH - _RIGHT, y1=y, y2=y)


def _text(css: str, x: float, y: float, text: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(css, _short(x), _short(y), text)


def _short(value: float) -> str:
    """One decimal where there is one."""
    return f"{value:.1f}".removesuffix(".0")
