"""What the run recorded, for staff: trainings with their data and accuracies, in words and numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.records import Architecture, DataRef, Evidence, Layer, Training
from grader.report.wording import accuracy, counted, number, seconds
from grader.system.display_text import clean

_OFFICIAL_TRAIN = 60_000
_MOST_TRAININGS = 100


@dataclass(frozen=True, slots=True)
class TrainingView:
    id: str
    cell: int | None
    matched: str
    """What it answers, and why; '' when it was not asked for."""
    network: str
    params: str
    optimizer: str
    loss: str
    epochs: str
    batch: str
    data: str
    validation: str
    claimed: str
    """Last validation accuracy (else training accuracy) that `fit` recorded."""
    verified: str
    reason: str
    """Why it was not verified."""
    duration: str
    trained: str
    """Whether it was shared, or why not; '' where nothing is."""
    error: str


@dataclass(frozen=True, slots=True)
class FactsView:
    """Everything of a run that is not tied to one criterion."""

    sandbox: str
    duration: str
    shared: str
    """'3 trainings', done for all who ask for the same; '' when none was."""
    trainings: tuple[TrainingView, ...]
    counts: str
    """'4 networks, 5 trainings, …'"""


def facts_view(evidence: Evidence, matched: Mapping[str, str], fits: str) -> FactsView:
    """`matched` says per `Training.id` what it answers and why; `fits` is 'shared' or 'local'."""
    shared = sum(training.shared for training in evidence.trainings)
    counts = ", ".join(
        (
            counted(len(evidence.networks), "network"),
            counted(len(evidence.trainings), "training"),
            counted(len(evidence.evaluations), "evaluation"),
            counted(len(evidence.predictions), "prediction"),
            counted(len(evidence.shown), "shown image"),
        )
    )
    return FactsView(
        sandbox=evidence.sandbox,
        duration=seconds(evidence.duration_s),
        shared=counted(shared, "training") if shared else "",
        trainings=tuple(_training(t, matched.get(t.id, ""), fits) for t in evidence.trainings[:_MOST_TRAININGS]),
        counts=counts,
    )


def _training(training: Training, matched: str, fits: str) -> TrainingView:
    compiled, history = training.compiled, training.history
    claims = next((values for name, values in history.items() if name.startswith("val_") and "acc" in name), ())
    claims = claims or next((values for name, values in history.items() if "acc" in name), ())
    rate = "a schedule" if compiled.learning_rate is None else number(compiled.learning_rate)
    verified = training.verified
    return TrainingView(
        id=training.id,
        cell=training.place.cell,
        matched=clean(matched, 200),
        network=describe_network(training.architecture),
        params="–" if training.architecture.params is None else f"{training.architecture.params:,}",
        optimizer=clean(f"{compiled.optimizer}, rate {rate}", 80),
        loss=clean(compiled.loss, 80),
        epochs=str(training.epochs)
        if training.epochs == training.epochs_done
        else f"{training.epochs_done} of {training.epochs}",
        batch="–" if training.batch_size is None else str(training.batch_size),
        data=describe_data(training.x),
        validation=f"split {number(training.validation_split)}"
        if training.validation_split
        else describe_data(training.validation_x),
        claimed=accuracy(claims[-1] if claims else None),
        verified=accuracy(verified.test_accuracy if verified else None),
        reason=clean(verified.reason, 200) if verified else "not verified",
        duration=seconds(training.duration_s),
        trained=_trained(training, fits),
        error=clean(training.error, 200),
    )


def _trained(training: Training, fits: str) -> str:
    if training.shared:
        return "shared"
    if fits != "shared":
        return ""  # nothing is: that says nothing about this training
    why = clean(training.not_shared, 200)
    return f"in the notebook: {why}" if why else "in the notebook"


def describe_network(architecture: Architecture) -> str:
    """'Dense 10 relu → Dense 10 softmax'."""
    names = [_describe_layer(layer) for layer in architecture.layers if layer.kind != "InputLayer"]
    shown = names if len(names) <= 12 else [*names[:12], f"and {len(names) - 12} more"]
    return clean(" → ".join(shown), 400)


def _describe_layer(layer: Layer) -> str:
    config = layer.config
    parts: list[object] = [layer.kind.removesuffix("2D")]
    parts += [config[name] for name in ("units", "filters") if name in config]
    for name in ("kernel_size", "pool_size"):
        size = config.get(name)
        if isinstance(size, list | tuple):
            parts.append("×".join(map(str, size)))
    if config.get("activation") not in (None, "linear"):
        parts.append(config["activation"])
    return " ".join(map(str, parts))


def describe_data(data: DataRef | None) -> str:
    """'first 20,000 training images, 784, scaled to [0, 1]'; '–' where nothing was recorded."""
    if data is None:
        return "–"
    noun = {"images": "image", "labels": "label"}.get(data.kind, "row")
    shape = "×".join(map(str, data.shape[1:]))
    said = [_which_rows(data, noun), shape, _encoding(data)]
    return clean(", ".join(part for part in said if part), 200)


def _which_rows(data: DataRef, noun: str) -> str:
    if data.is_train or data.is_test:
        known = f"{'training' if data.is_train else 'test'} {noun}"
        first = data.is_train and data.start == 0 and data.rows < _OFFICIAL_TRAIN
        return f"{'first ' if first else ''}{_many(data.rows, known)}"
    parts = (
        _many(count, f"{what} {noun}")
        for count, what in ((data.train_rows, "training"), (data.test_rows, "test"), (data.unknown_rows, "unknown"))
        if count
    )
    return " + ".join(parts) or _many(data.rows, f"unrecognised {noun}")


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _encoding(data: DataRef) -> str:
    if data.kind == "labels":
        return data.encoding.replace("_", "-")
    if data.exact and data.lo is not None and data.hi is not None:
        return f"scaled to [{number(data.lo)}, {number(data.hi)}]" if data.hi != 255 else "unscaled"
    if data.minimum is not None and data.maximum is not None:
        return f"values in [{number(data.minimum)}, {number(data.maximum)}]"
    return ""
