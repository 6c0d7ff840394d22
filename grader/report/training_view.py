"""What the staff page says of a run's trainings: network, data, claimed and verified accuracy, as texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.records import Architecture, DataRef, Evidence, Layer, Training
from grader.report.wording import accuracy, counted, number, seconds
from grader.system.display_text import clean

_OFFICIAL_TRAIN = 60_000
_MOST_TRAININGS = 100
_MOST_LAYERS = 12


@dataclass(frozen=True, slots=True)
class TrainingView:
    """A row of the table of trainings; '–' stands for what was not recorded."""

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
    recorded = (
        (evidence.networks, "network"),
        (evidence.trainings, "training"),
        (evidence.evaluations, "evaluation"),
        (evidence.predictions, "prediction"),
        (evidence.shown, "shown image"),
    )
    return FactsView(
        sandbox=evidence.sandbox,
        duration=seconds(evidence.duration_s),
        shared=counted(shared, "training") if shared else "",
        trainings=tuple(_training(t, matched.get(t.id, ""), fits) for t in evidence.trainings[:_MOST_TRAININGS]),
        counts=", ".join(counted(len(records), noun) for records, noun in recorded),
    )


def _training(training: Training, matched: str, fits: str) -> TrainingView:
    compiled, verified, history = training.compiled, training.verified, training.history
    done, asked, split = training.epochs_done, training.epochs, training.validation_split
    claims = next((values for name, values in history.items() if name.startswith("val_") and "acc" in name), ())
    claims = claims or next((values for name, values in history.items() if "acc" in name), ())
    rate = "a schedule" if compiled.learning_rate is None else number(compiled.learning_rate)
    unread = [*compiled.unreadable, *training.unreadable]
    return TrainingView(
        id=training.id,
        cell=training.place.cell,
        matched=clean(matched, 200),
        network=_describe_network(training.architecture),
        params="–" if training.architecture.params is None else f"{training.architecture.params:,}",
        optimizer=clean(f"{compiled.optimizer}, rate {'not readable' if 'learning_rate' in unread else rate}", 80),
        loss="not readable" if "loss" in unread else clean(compiled.loss, 80),
        epochs=str(asked) if asked == done else f"{done} of {asked}",
        batch="–" if training.batch_size is None else str(training.batch_size),
        data=describe_data(training.x),
        validation=f"split {number(split)}" if split else describe_data(training.validation_x),
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


def _describe_network(architecture: Architecture) -> str:
    """'Dense 10 relu → Dense 10 softmax'."""
    names = [_describe_layer(layer) for layer in architecture.layers if layer.kind != "InputLayer"]
    if len(names) > _MOST_LAYERS:
        names[_MOST_LAYERS:] = [f"and {len(names) - _MOST_LAYERS} more"]
    return clean(" → ".join(names), 400)


def _describe_layer(layer: Layer) -> str:
    config = layer.config
    parts: list[object] = [layer.kind.removesuffix("2D")]
    parts += [config[name] for name in ("units", "filters") if name in config]
    sizes = (config.get(name) for name in ("kernel_size", "pool_size"))
    parts += ["×".join(map(str, size)) for size in sizes if isinstance(size, list | tuple)]
    if config.get("activation") not in (None, "linear"):
        parts.append(config["activation"])
    return " ".join(map(str, parts))


def describe_data(data: DataRef | None) -> str:
    """'first 20,000 training images, 784, scaled to [0, 1]'; '–' where nothing was recorded."""
    if data is None:
        return "–"
    noun = {"images": "image", "labels": "label"}.get(data.kind, "row")
    parts = (_which_rows(data, noun), "×".join(map(str, data.shape[1:])), _encoding(data))
    return clean(", ".join(part for part in parts if part), 200)


def _which_rows(data: DataRef, noun: str) -> str:
    if data.is_train or data.is_test:
        first = data.is_train and data.start == 0 and data.rows < _OFFICIAL_TRAIN
        known = counted(data.rows, f"{'training' if data.is_train else 'test'} {noun}", ",")
        return f"first {known}" if first else known
    sources = ((data.train_rows, "training"), (data.test_rows, "test"), (data.unknown_rows, "unknown"))
    parts = (counted(count, f"{source} {noun}", ",") for count, source in sources if count)
    return " + ".join(parts) or counted(data.rows, f"unrecognised {noun}", ",")


def _encoding(data: DataRef) -> str:
    if data.kind == "labels":
        return data.encoding.replace("_", "-")
    if data.exact and data.lo is not None and data.hi is not None:
        return f"scaled to [{number(data.lo)}, {number(data.hi)}]" if data.hi != 255 else "unscaled"
    if data.minimum is not None and data.maximum is not None:
        return f"values in [{number(data.minimum)}, {number(data.maximum)}]"
    return ""
