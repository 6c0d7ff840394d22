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


def plottable(values: Sequence[float]) -> tuple[float, ...]:
    """Claimed accuracies that can be drawn: finite, in 0…1, at most 200."""
    return tuple(min(max(v, 0.0), 1.0) for v in values[:_MOST_EPOCHS] if math.isfinite(v))


def learning_curves(curves: Curves, chart_id: str) -> Markup:
    """Accuracy over epochs: what `fit` recorded, the verified figure and the threshold; '' with nothing to draw."""
    train, validation = plottable(curves.train), plottable(curves.validation)
    single = plottable([v for v in (curves.verified, curves.threshold) if v is not None])
    if not train and not validation and curves.verified is None:
        return Markup("")
    scale = _scale(max(len(train), len(validation), 1), (*train, *validation, *single))
    parts = [_grid(scale)]
    labels: list[tuple[float, str, str]] = []
    if curves.threshold is not None:
        y = scale.y(curves.threshold)
        parts.append(
            Markup('<line class="threshold" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
                _round(_LEFT), _round(_WIDTH - _RIGHT), y=_round(y)
            )
        )
        labels.append((y, "threshold", "asked for"))
    for values, kind in ((train, "train"), (validation, "validation")):
        if values:
            parts.append(_line(values, kind, scale))
            labels.append((scale.y(values[-1]), kind, "training" if kind == "train" else "validation"))
    if curves.verified is not None and math.isfinite(curves.verified):
        x, y = scale.x(scale.epochs), scale.y(curves.verified)
        diamond = Markup('<path class="verified" d="M{} {}l7 7l-7 7l-7 -7z"/>')
        parts.append(diamond.format(_round(x), _round(y - 7)))
        labels.append((y, "verified", "verified"))
    parts.append(_labels(labels))
    return Markup(
        '<svg class="chart curves" role="img" aria-labelledby="{id}-t {id}-d" viewBox="0 0 {w} {h}">'
        '<title id="{id}-t">Accuracy over epochs</title><desc id="{id}-d">{desc}</desc>{body}</svg>'
    ).format(id=chart_id, w=_round(_WIDTH), h=_round(_HEIGHT), desc=_in_words(curves), body=Markup("").join(parts))


def _in_words(curves: Curves) -> str:
    said = []
    if curves.train:
        said.append(f"training accuracy ends at {accuracy(curves.train[-1])} after {len(curves.train)} epochs")
    if curves.validation:
        said.append(f"validation accuracy at {accuracy(curves.validation[-1])}")
    said.append(f"verified on the test images: {accuracy(curves.verified)}" if curves.verified is not None else "")
    said.append(f"asked for: at least {accuracy(curves.threshold)}" if curves.threshold is not None else "")
    return "; ".join(part for part in said if part) + "."


def _scale(epochs: int, values: Sequence[float]) -> _Scale:
    low = max(0.0, math.floor((min(values) - 0.03) * 10) / 10)
    high = min(1.0, math.ceil((max(values) + 0.03) * 10) / 10)
    return _Scale(epochs, low, max(high, low + 0.1))


def _grid(scale: _Scale) -> Markup:
    steps = round((scale.high - scale.low) * 10)
    stride = 1 if steps <= 5 else 2
    parts = []
    for step in range(0, steps + 1, stride):
        value = scale.low + step / 10
        y = scale.y(value)
        parts.append(
            Markup('<line class="guide" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(
                _round(_LEFT), _round(_WIDTH - _RIGHT), y=_round(y)
            )
        )
        parts.append(_text("tick end", _LEFT - 8, y + 4, f"{value:.1f}"))
    every = max(1, math.ceil(scale.epochs / 10))
    parts += [
        _text("tick middle", scale.x(epoch), _HEIGHT - _BOTTOM + 18, str(epoch))
        for epoch in range(1, scale.epochs + 1, every)
    ]
    parts.append(_text("tick middle", (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 3, "epoch"))
    return Markup("").join(parts)


def _line(values: Sequence[float], kind: str, scale: _Scale) -> Markup:
    spots = [(scale.x(epoch), scale.y(value)) for epoch, value in enumerate(values, 1)]
    path = " ".join(f"{_round(x)},{_round(y)}" for x, y in spots)
    line = Markup('<polyline class="{}" points="{}"/>').format(kind, path)
    if len(spots) > 40:
        return line
    dot = Markup('<circle class="{}" cx="{}" cy="{}" r="4"/>')
    square = Markup('<rect class="{}" x="{}" y="{}" width="8" height="8"/>')
    if kind == "train":
        marks = [dot.format(kind, _round(x), _round(y)) for x, y in spots]
    else:
        marks = [square.format(kind, _round(x - 4), _round(y - 4)) for x, y in spots]
    return line + Markup("").join(marks)


def _labels(labels: list[tuple[float, str, str]]) -> Markup:
    """Names at the lines' ends, pushed apart so that none covers another."""
    parts, below = [], _TOP - 13
    for y, kind, text in sorted(labels):
        below = max(y + 4, below + 19)
        parts.append(_text(f"name {kind}", _WIDTH - _RIGHT + 14, below, text))
    return Markup("").join(parts)


def histogram(counts: Sequence[int], edges: Sequence[str], chart_id: str, title: str, unit: str) -> Markup:
    """Bars with their counts written on them, between `edges` (one more); the description lists all of them."""
    width, height, base, margin = 560.0, 200.0, 172.0, 20.0
    most = max([*counts, 1])
    step = (width - 2 * margin) / max(len(counts), 1)
    parts = [Markup('<line class="axis" x1="8" x2="{}" y1="{y}" y2="{y}"/>').format(_round(width - 8), y=_round(base))]
    for position, count in enumerate(counts):
        tall = (base - 24) * count / most
        left = margin + position * step
        parts.append(
            Markup('<rect class="column" x="{}" y="{}" width="{}" height="{}" rx="3"/>').format(
                _round(left + 3), _round(base - tall), _round(step - 6), _round(tall)
            )
        )
        if count:
            parts.append(_text("count middle", left + step / 2, base - tall - 6, str(count)))
    parts += [_text("tick middle", margin + n * step, base + 20, edge) for n, edge in enumerate(edges)]
    said = "; ".join(f"{low}–{high}: {count}" for count, (low, high) in zip(counts, pairwise(edges), strict=True))
    return Markup(
        '<svg class="chart" role="img" aria-labelledby="{id}-t {id}-d" viewBox="0 0 {w} {h}">'
        '<title id="{id}-t">{title}</title><desc id="{id}-d">{unit}: {said}.</desc>{body}</svg>'
    ).format(
        id=chart_id, w=_round(width), h=_round(height), title=title, unit=unit, said=said, body=Markup("").join(parts)
    )


def _text(css: str, x: float, y: float, text: str) -> Markup:
    return Markup('<text class="{}" x="{}" y="{}">{}</text>').format(css, _round(x), _round(y), text)


def _round(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
