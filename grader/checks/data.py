"""Checks of the data: what was loaded, how it was shaped and scaled before networks saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.canonical import canonical
from grader.checks import check
from grader.checks.verdicts import failed, needs_review, partial, passed
from grader.records import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from grader.checks.case import Case
    from grader.records import Architecture, DataRef, Training, Verdict
    from grader.rubric.schema import Criterion

PIXELS = 784
IMAGE = (28, 28, 1)
_CLOSE = 0.011
"""Dividing by 256, or by the largest value of a part of the data, is as good as dividing by 255."""


# ------------------------------------------------------------------ 1a


@check("data.vectorised")
def vectorised(case: Case, criterion: Criterion) -> Verdict:
    """The official training and test images as vectors of 784."""
    used = list(_images(case))
    flat = [(place, d) for place, d in used if d.shape[1:] == (PIXELS,)]
    train = next((place for place, d in flat if d.train_rows and not d.test_rows), None)
    test = next((place for place, d in flat if d.test_rows and not d.train_rows), None)
    expected = "training and test images as 784 values each"
    if train and test:
        return passed(criterion, "Training and test images are vectorised to 784.", expected=expected, place=train)
    layer = next((t for t in case.evidence.trainings if _flattens(t.architecture)), None)
    network = next((n for n in case.evidence.networks if _flattens(n.architecture)), None)
    official = [(place, d) for place, d in used if d.train_rows or d.test_rows]
    if official and (layer or network):
        place = layer.place if layer else network.place if network else None
        sentence = "The images are vectorised inside the network, by its first layer: just as good."
        return passed(criterion, sentence, expected=expected, actual="a Flatten layer", place=place)
    if train or test:
        got, lacks = ("training", "test") if train else ("test", "training")
        sentence = f"The {got} images are vectorised to 784, the {lacks} images are not."
        return partial(criterion, 0.5, sentence, expected=expected, place=train or test)
    if official:
        place, data = official[0]
        sentence = "The official images are loaded, but nowhere vectorised to 784."
        return partial(criterion, 0.5, sentence, expected=expected, actual=_shape(data), place=place)
    if case.evidence.loaded:
        place = case.evidence.loaded[0].place
        sentence = "The data set is loaded, but its images are nowhere vectorised to 784."
        return partial(criterion, 0.5, sentence, expected=expected, place=place)
    if used:
        place, data = used[0]
        sentence = "Images are there, but they are not recognised as the official ones: a person will look at them."
        return needs_review(criterion, sentence, expected=expected, actual=_shape(data), place=place)
    return case.absent(criterion, "The data set was not loaded when the notebook ran.", expected=expected)


def _images(case: Case) -> Iterator[tuple[Place, DataRef]]:
    """Everything that looks like a set of images, where it was."""
    for state in case.evidence.states:
        if state.data.kind == "images":
            yield Place(state.cell), state.data
    for training in case.evidence.trainings:
        for data in (training.x, training.validation_x):
            if data is not None and data.kind == "images":
                yield training.place, data
    for use in (*case.evidence.evaluations, *case.evidence.predictions):
        if use.x is not None and use.x.kind == "images":
            yield use.place, use.x


def _flattens(architecture: Architecture) -> bool:
    """Whether a network's first step on the images is to make vectors of them."""
    for step in canonical(architecture).steps:
        if step.kind == "Flatten" or (step.kind == "Reshape" and step.after == (PIXELS,)):
            return True
        if step.role != "prepare":
            return False
    return False


def _shape(data: DataRef) -> str:
    return "×".join(map(str, data.shape))


# ------------------------------------------------------------------ 1b


@dataclass(frozen=True, slots=True)
class _Scaling:
    """What a network's images were scaled to."""

    share: float | None
    """Of the points; None when a person must look."""
    sentence: str
    actual: str
    slug: str = ""
    place: Place | None = None


@check("data.scaled")
def scaled(case: Case, criterion: Criterion) -> Verdict:
    """What the networks are trained on is the official data scaled to [0, 1]."""
    expected = "the official images, grey values in [0, 1]"
    found = [_of_training(t) for t in case.evidence.trainings if t.x is not None and t.x.kind == "images"]
    if not found:
        found = list(_of_arrays(case))
    if not found:
        unknown = [t for t in case.evidence.trainings if t.x is None or t.x.kind != "images"]
        if unknown:
            sentence = "What the network is trained on is not recognised as images: a person will look at it."
            return needs_review(criterion, sentence, expected=expected, place=unknown[0].place)
        return case.absent(criterion, "No scaled images were found when the notebook ran.", expected=expected)
    undecided = [s for s in found if s.share is None]
    decided = [s for s in found if s.share is not None]
    worst = min(decided, key=lambda s: s.share or 0.0, default=None)
    if worst is None or (undecided and worst.share == 1.0):
        one = undecided[0]
        return needs_review(criterion, one.sentence, expected=expected, actual=one.actual, place=one.place)
    facts = {"expected": expected, "actual": worst.actual, "place": worst.place}
    slugs = (worst.slug,) if worst.slug else ()
    if worst.share == 1.0:
        return passed(criterion, worst.sentence, **facts)
    right = sum(s.share == 1.0 for s in decided)
    if right:
        sentence = f"{worst.sentence} {right} of {len(found)} trainings see images scaled to [0, 1]."
        return partial(criterion, 0.5, sentence, misconceptions=slugs, **facts)
    if worst.share:
        return partial(criterion, worst.share, worst.sentence, misconceptions=slugs, **facts)
    return failed(criterion, worst.sentence, misconceptions=slugs, **facts)


def _of_training(training: Training) -> _Scaling:
    assert training.x is not None
    own = _scaling(training.x, _rescales(training.architecture), training.place)
    held = training.validation_x
    if own.share == 1.0 and held is not None and held.is_test:
        other = _scaling(held, _rescales(training.architecture), training.place)
        if other.share is not None and other.share < 1.0:
            sentence = "The training images are scaled to [0, 1], the test images are not scaled in the same way."
            return _Scaling(0.5, sentence, f"test images: {other.actual}", "data.partly_scaled", training.place)
    return own


def _of_arrays(case: Case) -> Iterator[_Scaling]:
    """Where nothing was trained: scaled arrays, should they exist."""
    states = [s for s in case.evidence.states if s.data.kind == "images" and (s.data.train_rows or s.data.test_rows)]
    each = [(s, _scaling(s.data, 1.0, Place(s.cell))) for s in states]
    right = [(s, scaling) for s, scaling in each if scaling.share == 1.0]
    if not right:
        return
    state, scaling = right[0]
    if any(s.data.is_train for s, _ in right) and any(s.data.is_test for s, _ in right):
        yield scaling
    else:
        which = "training" if state.data.is_train else "test"
        sentence = f"Only the {which} images are scaled to [0, 1]."
        yield _Scaling(0.5, sentence, scaling.actual, "data.partly_scaled", scaling.place)


def _rescales(architecture: Architecture) -> float | None:
    """The factor of the Rescaling layers before anything is learnt; None for one that learns its scale."""
    factor = 1.0
    for layer in architecture.layers:
        if layer.kind == "Rescaling":
            scale, offset = layer.config.get("scale"), layer.config.get("offset", 0.0)
            if not isinstance(scale, int | float) or offset:
                return None
            factor *= scale
        elif layer.kind in {"Normalization", "Lambda"}:
            return None
        elif layer.kind not in {"InputLayer", "Flatten", "Reshape", "Permute"}:
            break
    return factor


def _scaling(data: DataRef, factor: float | None, place: Place) -> _Scaling:
    """What became of black and white, by the array and by the network's own Rescaling."""
    if data.unknown_rows:
        sentence = "The network is trained on images that are not recognised as the official ones: a person will look."
        return _Scaling(None, sentence, _range(data), place=place)
    if factor is None:
        sentence = "The network scales its images by a layer of its own: a person will look at it."
        return _Scaling(None, sentence, _range(data), place=place)
    if not data.exact or data.lo is None or data.hi is None:
        if data.minimum is not None and data.maximum is not None and data.minimum >= 0 and 0.1 < data.maximum <= 1:
            sentence = (
                "The images are in [0, 1], though not by one factor for all: dividing by 255 keeps them comparable."
            )
            return _Scaling(1.0, sentence, _range(data), place=place)
        sentence = "The official images are treated in an unusual way: a person will look at it."
        return _Scaling(None, sentence, _range(data), place=place)
    lo, hi = data.lo * factor, data.hi * factor
    actual = f"[{lo:.4g}, {hi:.4g}]"
    if abs(lo) <= _CLOSE and abs(hi - 1) <= _CLOSE:
        how = "" if factor == 1.0 else " by a layer of the network"
        return _Scaling(1.0, f"The networks see the official images, scaled to [0, 1]{how}.", actual, place=place)
    if lo == 0 and abs(hi - 255) < 1:
        sentence = "The network is trained on grey values from 0 to 255, which are not scaled."
        return _Scaling(0.0, sentence, actual, "data.unscaled", place)
    if lo == 0 and hi <= 1 / 200:
        sentence = "The grey values are divided twice, so that hardly anything is left of them."
        return _Scaling(0.0, sentence, actual, "data.scaled_twice", place)
    return _Scaling(0.5, f"The images are scaled, but to {actual} instead of [0, 1].", actual, place=place)


def _range(data: DataRef) -> str:
    return (
        "" if data.minimum is None or data.maximum is None else f"values from {data.minimum:.4g} to {data.maximum:.4g}"
    )


# ------------------------------------------------------------------ 3a


@check("data.shape")
def shape(case: Case, criterion: Criterion) -> Verdict:
    """The convolutional network takes images of 28×28×1."""
    matched = case.network(criterion.network)
    expected = "28×28×1"
    if matched is None:
        return _shape_of_arrays(case, criterion)
    given = matched.architecture.input_shape
    data = matched.training.x if matched.training else None
    shapes = [tuple(given)] if given else []
    shapes += [data.shape[1:]] if data is not None else []
    facts = {"expected": expected, "actual": " and ".join(_dimensions(shapes)), "place": matched.place}
    if IMAGE in shapes:
        return passed(criterion, "The network takes images of 28×28×1.", **facts)
    if any(step.kind == "Reshape" and step.after == IMAGE for step in canonical(matched.architecture).steps):
        return passed(criterion, "A Reshape layer makes 28×28×1 images of the input: just as good.", **facts)
    if not shapes:
        return _shape_of_arrays(case, criterion)
    if any(sorted(s, key=str) == sorted(IMAGE, key=str) for s in shapes):
        return partial(criterion, 0.5, "The colour channel is not where Keras expects it (last).", **facts)
    return failed(criterion, "The network does not take images of 28×28×1.", **facts)


def _shape_of_arrays(case: Case, criterion: Criterion) -> Verdict:
    """Without a network that shows it, arrays of the right shape do."""
    state = next((s for s in case.evidence.states if s.data.kind == "images" and s.data.shape[1:] == IMAGE), None)
    if state is not None:
        return passed(criterion, "The images are shaped to 28×28×1.", expected="28×28×1", place=Place(state.cell))
    return case.absent(criterion, "No images of 28×28×1 were found when the notebook ran.", expected="28×28×1")


def _dimensions(shapes: Iterable[tuple[int | None, ...]]) -> list[str]:
    return list(dict.fromkeys("×".join("?" if n is None else str(n) for n in s) for s in shapes))
