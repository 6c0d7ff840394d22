"""What may answer a task: everything that was trained, by recipe, and networks that never were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.keras.canonical import CanonicalNetwork, canonical

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.records import Compiled, Evidence, Labels, Network, Place, Training


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network with the trainings of one recipe that it had under one label."""

    network: Network
    trainings: tuple[Training, ...]
    """Of one recipe, in order; none for a network that never was trained."""
    form: CanonicalNetwork
    labels: frozenset[str]
    """Tasks of the code that did it: the function's body, and who called it."""
    order: float
    """0 for the first, 1 for the last."""

    @property
    def chosen(self) -> Training | None:
        """The first that ended well, else the one that came furthest."""
        well = [t for t in self.trainings if not t.error and (t.epochs_done or is_custom_loop(t))]
        return well[0] if well else max(self.trainings, key=lambda t: t.epochs_done, default=None)

    @property
    def compiled(self) -> Compiled | None:
        """As it was trained; else its last `compile`; None where there was none."""
        chosen = self.chosen
        if chosen is not None and (chosen.compiled.optimizer or chosen.compiled.unreadable):
            return chosen.compiled
        return next(reversed(self.network.compiled), None)


def is_custom_loop(training: Training) -> bool:
    """Whether it is a loop of the student's own, of which only the weights are known."""
    return not training.error and training.epochs == 0 and training.epochs_done == 0


def candidates_of(evidence: Evidence, labels: Labels) -> list[Candidate]:
    """In the order in which things happened."""
    networks = {network.id: network for network in evidence.networks}
    known = [t for t in evidence.trainings if t.network in networks]
    groups: dict[tuple[object, ...], list[Training]] = {}
    forms: dict[tuple[object, ...], CanonicalNetwork] = {}
    for training in known:
        form = canonical(training.architecture)
        key = (form.signature, *_recipe(training), tasks_of(training.place, labels))
        groups.setdefault(key, []).append(training)
        forms.setdefault(key, form)
    position = {training.id: i for i, training in enumerate(known)}
    entries = [
        (float(position[group[0].id]), networks[group[0].network], tuple(group), forms[key])
        for key, group in groups.items()
    ]
    trained = {t.network for t in known}
    before = 0.0
    for network in evidence.networks:
        if network.id in trained:
            before = max(position[t.id] for t in known if t.network == network.id) + 0.5
        else:
            entries.append((before, network, (), canonical(network.architecture)))
    entries.sort(key=lambda entry: entry[0])
    last = max(1, len(entries) - 1)
    every = [
        Candidate(network, trainings, form, _labels_of(network, trainings, labels), i / last)
        for i, (_, network, trainings, form) in enumerate(entries)
    ]
    return [c for c in every if c.trainings or not any(_copies(c, other) for other in every)]


def _copies(untrained: Candidate, other: Candidate) -> bool:
    """Whether a network is but another trained one once more: its cell ran twice, or it was saved and loaded."""
    if not other.trainings or untrained.form.signature != other.form.signature:
        return False
    mine, its = untrained.compiled, other.compiled
    alike = mine is None or its is None or (mine.optimizer, mine.learning_rate) == (its.optimizer, its.learning_rate)
    return alike and untrained.labels <= other.labels


def _recipe(training: Training) -> tuple[object, ...]:
    """What makes two trainings the same, apart from the network's form."""
    compiled, x = training.compiled, training.x
    data = (x.rows, x.start, x.lo, x.hi, x.train_rows, x.test_rows) if x else None
    rate = round(compiled.learning_rate or 0.0, 6)
    return compiled.optimizer, rate, compiled.loss, training.epochs, training.batch_size, data


def _labels_of(network: Network, trainings: Sequence[Training], labels: Labels) -> frozenset[str]:
    """Labels of the code that trained it; of the code that compiled or built it where those say nothing."""
    places = [[t.place for t in trainings], [c.place for c in network.compiled], [network.place]]
    for group in places:
        if tasks := frozenset[str]().union(*(tasks_of(place, labels) for place in group)):
            return tasks
    return frozenset()


def tasks_of(place: Place, labels: Labels) -> frozenset[str]:
    """Labels of a place: of the function's body as well as of the code that called it."""
    frames = place.stack or (((place.cell, place.line or 1),) if place.cell is not None else ())
    return frozenset[str]().union(*(labels.tasks_at(cell, line) for cell, line in frames))


def same_rate(rate: float | None, other: float) -> bool:
    """Whether two learning rates are the same but for rounding to float32."""
    return rate is not None and abs(rate - other) <= 1e-4 * other
