"""What the networks were given: the official images, as vectors, scaled, or in the shape for convolutions."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grader.keras.canonical import canonical
from grader.marking.checks.case import Charge
from grader.marking.checks.registry import check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grader.marking.checks.case import Case
    from grader.records import Architecture, DataRef, Training, Verdict

PIXELS = 28 * 28
DATASET = "fashion_mnist"
_MANY = 1000
"""Rows from which an array is a data set and no sample of it."""
_NEAR = 0.01
"""Distance of a range's end from where it should be; 255/256 is within it."""


def all_images(case: Case) -> Iterator[DataRef]:
    """Every array of images that variables held or that networks were given."""
    evidence = case.evidence
    for state in evidence.states:
        yield state.data
    for training in evidence.trainings:
        yield from (ref for ref in (training.x, training.validation_x) if ref)
    yield from (e.x for e in evidence.evaluations if e.x)
    yield from (p.x for p in evidence.predictions if p.x)


def _images(refs: Iterator[DataRef]) -> list[DataRef]:
    return [ref for ref in refs if ref.kind == "images"]


# ------------------------------------------------------------------ vectors


@check("data.vectorised")
def vectorised(case: Case) -> Verdict:
    """The official training and test images were loaded and made vectors of 784."""
    images = _images(all_images(case))
    official = [ref for ref in images if ref.train_rows or ref.test_rows]
    vectors = [ref for ref in official if ref.shape[1:] == (PIXELS,) and ref.rows >= _MANY]
    train, test = any(ref.train_rows for ref in vectors), any(ref.test_rows for ref in vectors)
    facts = {"expected": f"60,000×{PIXELS} and 10,000×{PIXELS}", "actual": _shapes(official)}
    loaded = any(event.dataset == DATASET for event in case.evidence.loaded) or bool(official)
    if train and test:
        return case.passed(f"Training and test images are vectors of {PIXELS} values.", **facts)
    if loaded and any(_flattens(n.architecture) for n in case.evidence.networks):
        message = "The official images are loaded, and a Flatten layer in the network makes vectors of them."
        return case.passed(message, **facts)
    if train or test:
        other = "test" if train else "training"
        message = f"The official data are loaded, but the {other} images were not made vectors of {PIXELS} values."
        return case.partial(0.75, message, **facts)
    if loaded:
        if why := case.why_blocked():
            return case.blocked(f"This could not be reached: {why}.", **facts)
        message = f"The official data are loaded, but not made vectors of {PIXELS} values."
        return case.partial(0.5, message, **facts)
    return _other_data(case, images) or case.absent("The official data were not loaded.", **facts)


def _other_data(case: Case, images: list[DataRef]) -> Verdict | None:
    """Other data than the official ones: another set of Keras, or the student's own files."""
    if other := next((event for event in case.evidence.loaded if event.dataset != DATASET), None):
        message = f"The data set {other.dataset} was loaded instead of {DATASET}."
        return case.failed(message, actual=other.dataset, expected=DATASET, place=other.place)
    if any(ref.rows >= _MANY for ref in images):
        message = "Images are used that are not recognised as the official ones, so a person will look at them."
        return case.needs_review(message, actual=_shapes(images))
    return None


def _flattens(architecture: Architecture) -> bool:
    form = canonical(architecture)
    first = [s.kind for s in form.steps if s.role == "prepare"]
    return form.family == "dense" and bool({"Flatten", "Reshape"} & set(first))


def _shapes(refs: list[DataRef]) -> str:
    shapes = dict.fromkeys("×".join(f"{n:,}" if i == 0 else str(n) for i, n in enumerate(r.shape)) for r in refs)
    return ", ".join(list(shapes)[:6])


# ------------------------------------------------------------------ scaling


class Range(enum.Enum):
    """Where the official grey values lie."""

    RIGHT = "scaled to [0, 1]"
    UNSCALED = "not scaled"
    TWICE = "scaled twice"
    OTHER = "scaled to another range"
    UNCLEAR = "not clear"


@dataclass(frozen=True, slots=True)
class Scaling:
    """The range in which grey values reach a network."""

    range: Range
    text: str
    """The range in figures."""
    note: str = ""


def _scaling(ref: DataRef, architecture: Architecture | None = None) -> Scaling:
    """In which range the official grey values 0…255 reach the network's first real layer."""
    lo, hi = ref.lo, ref.hi
    if not ref.exact or lo is None or hi is None:
        low, high = ref.minimum, ref.maximum
        text = f"{low:g} … {high:g}" if low is not None and high is not None else "unknown"
        return Scaling(Range.UNCLEAR, text)
    note = ""
    for layer in architecture.layers if architecture else ():
        scale, offset = layer.config.get("scale"), layer.config.get("offset", 0.0)
        if layer.kind == "Rescaling" and isinstance(scale, int | float) and isinstance(offset, int | float):
            lo, hi, note = lo * scale + offset, hi * scale + offset, " by a Rescaling layer"
        elif layer.kind == "Normalization":
            return Scaling(Range.OTHER, "standardised by a Normalization layer")
        elif layer.weights:
            break
    text = f"{lo:.4g} … {hi:.4g}"
    if abs(lo) <= _NEAR and abs(hi - 1) <= _NEAR:
        return Scaling(
            Range.RIGHT, text, note + (" (divided by 256; 255 is the largest grey value)" if hi < 0.999 else "")
        )
    if abs(lo) <= _NEAR and hi > 2:
        return Scaling(Range.UNSCALED, text)
    if abs(lo) <= _NEAR and hi < 0.02:
        return Scaling(Range.TWICE, text)
    return Scaling(Range.OTHER, text)


@check("data.scaled")
def scaled(case: Case) -> Verdict:
    """The networks are trained on the official images with grey values from 0 to 1."""
    trainings = [t for t in case.evidence.trainings if t.x is not None and t.x.kind == "images"]
    if not trainings:
        return _scaled_arrays(case)
    first = _first(case, trainings)
    facts: dict[str, Any] = {"expected": "0 … 1", "place": first.place}
    assert first.x is not None
    if not (first.x.train_rows or first.x.test_rows):
        message = "The images that the networks are trained on are not recognised, so a person will look at them."
        return case.needs_review(message, actual=_scaling(first.x).text, **facts)
    mine = _scaling(first.x, first.architecture)
    if mine.range is not Range.RIGHT:
        return _wrongly(case, mine, facts)
    others = [(t, _scaling(t.x, t.architecture)) for t in trainings if t.x and (t.x.train_rows or t.x.test_rows)]
    if strays := [(t, s) for t, s in others if s.range in {Range.UNSCALED, Range.TWICE}]:
        training, stray = strays[0]
        message = f"The first networks are trained on images scaled to [0, 1], but a later one on {stray.text}."
        slug = "data.scaled_twice" if stray.range is Range.TWICE else "data.unscaled"
        facts["place"] = training.place
        return case.charge(message, Charge((slug,), 0.5), actual=stray.text, misconceptions=(slug,), **facts)
    if test := _test_unlike(case, trainings):
        message = f"The training images are scaled to [0, 1], the test images are not: {test.text}."
        slug = "data.partly_scaled"
        return case.charge(message, Charge((slug,), 0.5), actual=test.text, misconceptions=(slug,), **facts)
    message = f"The networks are trained on the official images, scaled to [0, 1]{mine.note}."
    return case.passed(message, actual=mine.text, **facts)


def _first(case: Case, trainings: list[Training]) -> Training:
    """The training that the criterion is about: of the rubric's first network that was trained on arrays."""
    for slot in case.rubric.networks:
        matched = case.network(slot.id)
        if matched and matched.training in trainings:
            return matched.training
    return trainings[0]


def _wrongly(case: Case, scaling: Scaling, facts: dict[str, Any]) -> Verdict:
    facts = {**facts, "actual": scaling.text}
    match scaling.range:
        case Range.UNSCALED:
            message = "The networks are trained on grey values from 0 to 255: they were not scaled."
            return case.charge(message, Charge(("data.unscaled",)), misconceptions=("data.unscaled",), **facts)
        case Range.TWICE:
            message = f"The grey values were scaled twice: they lie in {scaling.text} only."
            return case.charge(message, Charge(("data.scaled_twice",)), misconceptions=("data.scaled_twice",), **facts)
        case Range.OTHER:
            message = f"The grey values are scaled, but to {scaling.text} and not to [0, 1]."
            return case.charge(message, Charge(("scaled to another range",), 0.5), **facts)
        case _:
            message = f"The images were changed otherwise than by a common factor ({scaling.text}): a person will look."
            return case.needs_review(message, **facts)


def _test_unlike(case: Case, trainings: list[Training]) -> Scaling | None:
    """Test images given to a network in another range than [0, 1]."""
    networks = {n.id: n.architecture for n in case.evidence.networks}
    given: list[tuple[DataRef | None, Architecture | None]] = [(t.validation_x, t.architecture) for t in trainings]
    given += [(e.x, networks.get(e.network)) for e in case.evidence.evaluations]
    for ref, architecture in given:
        if ref is not None and ref.kind == "images" and ref.is_test:
            scaling = _scaling(ref, architecture)
            if scaling.range in {Range.UNSCALED, Range.TWICE}:
                return scaling
    return None


def _scaled_arrays(case: Case) -> Verdict:
    """Nothing was trained on an array: then the arrays themselves count."""
    refs = [r for r in _images(all_images(case)) if r.rows >= _MANY and (r.train_rows or r.test_rows)]
    right = [r for r in refs if _scaling(r).range is Range.RIGHT]
    rescaling = [n for n in case.evidence.networks if any(layer.kind == "Rescaling" for layer in n.architecture.layers)]
    facts = {"expected": "0 … 1", "actual": ", ".join(dict.fromkeys(_scaling(r).text for r in refs))}
    if any(r.train_rows for r in right):
        if any(r.test_rows for r in right) or not any(r.test_rows for r in refs):
            return case.passed("The official images are scaled to [0, 1].", **facts)
        message, slug = "The training images are scaled to [0, 1], the test images are not.", "data.partly_scaled"
        return case.charge(message, Charge((slug,), 0.5), misconceptions=(slug,), **facts)
    if rescaling and refs:
        message = "A Rescaling layer in the network scales the official images."
        return case.passed(message, **facts)
    if case.evidence.trainings:
        message = "What the networks were trained on could not be seen, so a person will look at it."
        return case.needs_review(message, **facts)
    unclear = [r for r in refs if _scaling(r).range in {Range.UNCLEAR, Range.OTHER, Range.TWICE}]
    if unclear:
        return _wrongly(case, _scaling(unclear[-1]), {"expected": "0 … 1"})
    return case.absent("No images scaled to [0, 1] were found.", **facts)


# ------------------------------------------------------------------ the shape for convolutions


@check("data.shape")
def shape(case: Case) -> Verdict:
    """The convolutional network takes images of 28×28×1."""
    wanted = case.spec.model.input_shape
    facts = {"expected": "×".join(map(str, wanted))}
    matched = case.matched
    if matched is None:
        fitting = [r for r in _images(all_images(case)) if r.shape[1:] == wanted]
        if fitting:
            message = f"The images are brought to {facts['expected']}."
            return case.passed(message, actual=_shapes(fitting), **facts)
        return case.absent("No network with convolutions and no images in a shape for it were found.", **facts)
    training, architecture = matched.training, matched.architecture
    data = training.x.shape[1:] if training and training.x else None
    network_shape = architecture.input_shape or data
    facts |= {"actual": "×".join(str(n) for n in network_shape or ())}
    if wanted in {network_shape, data}:
        return case.passed(f"The network takes images of {facts['expected']}.", place=matched.place, **facts)
    reshaped = next((s.output_shape for s in architecture.layers if s.kind == "Reshape"), None)
    if reshaped == wanted:
        message = f"A Reshape layer in the network makes images of {facts['expected']}."
        return case.passed(message, place=matched.place, **facts)
    if network_shape is None:
        message = "The shape that the network takes is not known, as it was never built: a person will look."
        return case.needs_review(message, place=matched.place, **facts)
    message = f"The network takes {facts['actual'] or 'single values'} instead of {facts['expected']}."
    return case.failed(message, place=matched.place, **facts)
