"""What a reference implementation hands to the grader: every expected value, under the name rubrics use.

A reference is a package `reference/<rubric id>/` whose `reference()` returns a `Reference`. Nothing in it is
typed where it can be computed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class LayerSpec:
    """A layer that is asked for: Keras class name and the entries of its configuration that matter."""

    kind: str
    config: dict[str, object] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    """Entries of `config` that a student may choose (their values are the sheet's)."""
    optional: bool = False
    """Right with or without it (a `Flatten`)."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """An architecture that is asked for; `input_shape` leaves the batch axis out."""

    name: str
    input_shape: tuple[int, ...]
    layers: tuple[LayerSpec, ...]
    params: int
    """Trainable parameters of the sheet's version, from the formula and equal to Keras' count."""


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """A network that the problem set asks to be built and trained."""

    name: str
    model: ModelSpec
    optimizer: str
    learning_rate: float
    loss: str
    metrics: tuple[str, ...]
    epochs: int
    batch_size: int
    train_rows: int
    """Official training items, from the first."""


@dataclass(frozen=True, slots=True)
class Convolution:
    """One asked-for convolution and what typical mistakes make of it."""

    name: str
    kernel: str
    image: str
    expected: Matrix
    mistakes: dict[str, Matrix]
    """Misconception slug → result, 'conv.not_flipped+conv.zero_padding' where two meet."""


@dataclass(frozen=True, slots=True)
class AnswerPoint:
    """A point that a good written answer touches."""

    text: str
    patterns: tuple[str, ...]
    """Regular expressions (case ignored) in English and German; each is held against one sentence, and where it is
    found and not denied ('no', 'nicht') the text asserts the point. A group in it marks the words that are meant where
    others must stand around them. Umlauts may be spelled out in the text."""
    id: str = ""
    """What the steps of a rubric's guide call it."""
    either_way: tuple[str, ...] = ()
    """Patterns that assert it with a negation as well as without ('no gap')."""
    contrary: tuple[str, ...] = ()
    """Patterns of the opposite ('more parameters' where there are fewer)."""
    about: tuple[str, ...] = ()
    """Patterns of what a text turns to when it may say the point in words that none of the others knows."""


@dataclass(frozen=True, slots=True)
class WrittenAnswer:
    """The reference's answer to a question in prose."""

    text: str
    """Markdown, in our own words."""
    points: tuple[AnswerPoint, ...]
    misleading: tuple[AnswerPoint, ...] = ()
    """Statements that show a misunderstanding."""


@dataclass(frozen=True, slots=True)
class Reference:
    """All expected values of a problem set, each under the name that its rubric uses."""

    models: dict[str, ModelSpec]
    networks: dict[str, NetworkSpec]
    numbers: dict[str, float]
    """Counts and rates that are asked for, by name: '1d.count', '1g.default', …"""
    number_mistakes: dict[str, dict[str, float]]
    """Number name → misconception slug → the value it leads to."""
    number_alternatives: dict[str, dict[str, float]]
    """Number name → why it is right as well → value ('padding="same"': 5250)."""
    images: dict[str, Matrix]
    kernels: dict[str, Matrix]
    convolutions: dict[str, Convolution]
    answers: dict[str, WrittenAnswer]
    measured: str = ""
    """How good suggestions for answers in words were when they were held against marks given by hand."""
    sheet: str = ""
    """The wording of the problem set: quoting it is no answer."""
