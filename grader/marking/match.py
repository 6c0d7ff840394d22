"""Which of the student's networks answers which task: one optimal assignment, by what was trained, order and labels.

Everything that was trained is a candidate (the same recipe again under the same label is one), and so is a network
that never was. Names mean nothing. Candidates go to the rubric's network slots by an optimal assignment; what
differs in everything that makes a slot special is not taken for it, and a convolutional network never stands in
for a dense one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from grader.keras.align import compare
from grader.marking.assigning import Costs, assign
from grader.marking.candidates import Candidate, by_hand, candidates_of, same_rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.records import Architecture, Compiled, Evidence, Labels, Network, Place, Training
    from grader.rubric.expected import NetworkSpec, Reference
    from grader.rubric.schema import NetworkSlot, Rubric


@dataclass(frozen=True, slots=True)
class Matched:
    """The student's network for a slot of the rubric."""

    slot: str
    network: Network
    architecture: Architecture
    """As it was trained; as it was at the end of the run where it never was."""
    compiled: Compiled | None
    """As it was when it was trained; else its last `compile`; None when there was none."""
    training: Training | None
    """The training that answers the task; None when the network was only built."""
    repeats: tuple[Training, ...] = ()
    """All trainings of the same recipe for the same task, in order, `training` among them."""
    by: str = ""
    """What it was matched by, for people: 'structure', 'structure, label', 'order', …"""
    reused_from: str = ""
    """The other slot that the same network answers."""

    @property
    def place(self) -> Place:
        return self.training.place if self.training else self.network.place


@dataclass(frozen=True, slots=True)
class Assignment:
    matched: dict[str, Matched] = field(default_factory=dict)
    """By slot id; a slot that nothing answers has no entry."""
    spare: tuple[Training, ...] = ()
    """Trainings that answer no task."""


# ------------------------------------------------------------------ costs

_FORBIDDEN = 1e6
_STRUCTURE = 0.7
"""Of the alignment's distance, about 1 per layer too many or too few."""
_STRUCTURE_CAP = 1.0
"""Where something else makes the slot special, a structure that is wrong in every network costs no more."""
_DEVIATES = 1.0
"""A rate, optimizer or number of items that is not the slot's."""
_OTHER_ROWS = 0.5
"""Another number of items where that is not what makes the slot special: less than never to have been trained."""
_NOT_SPECIAL = 2.5
"""The same, where it makes the slot special, and the value is what the other slots have."""
_NEVER_TRAINED = 0.8
_STOPPED = 0.6
_EPOCHS = 0.2
_ORDER = 0.4
_LABEL, _LABEL_ALSO, _LABEL_NONE, _LABEL_OTHER = -1.0, -0.9, 0.4, 1.5
_LEFT_EMPTY, _PER_POINT = 2.0, 0.1
"""Cost of a slot without network: more where more depends on it."""
_EXACT = 1e-3


@dataclass(frozen=True, slots=True)
class _Slot:
    slot: NetworkSlot
    spec: NetworkSpec
    order: float
    weight: float
    """Points that depend on it."""
    special: frozenset[str]
    """What sets it apart from the other networks of its family: 'model', 'optimizer', 'rate', 'rows'."""
    others: dict[str, frozenset[object]]
    """The other slots' values of what makes it special."""

    @property
    def tasks(self) -> set[str]:
        return {self.slot.task, *self.slot.also}

    @property
    def empty(self) -> float:
        return _LEFT_EMPTY + _PER_POINT * self.weight


def match(evidence: Evidence, labels: Labels, rubric: Rubric, reference: Reference) -> Assignment:
    """Assign what was trained, or at least built, to the network slots of the rubric. Pure, never raises."""
    slots = _slots(rubric, reference)
    candidates = candidates_of(evidence, labels)
    unlabelled = not labels.spans
    costs = np.array([[_cost(c, s, unlabelled=unlabelled) for c in candidates] for s in slots]).reshape(
        len(slots), len(candidates)
    )
    chosen = _assign(costs, [s.empty for s in slots])
    matched = {slots[s].slot.id: _matched(slots[s], candidates[c]) for s, c in chosen.items()}
    for s, slot in enumerate(slots):
        if s not in chosen:
            again = _reused(s, slots, candidates, chosen, labels)
            if again is not None:
                other = slots[again].slot.id
                matched[slot.slot.id] = _matched(slot, candidates[chosen[again]], reused_from=other)
    taken = {t.id for c in chosen.values() for t in candidates[c].trainings}
    return Assignment(matched, tuple(t for t in evidence.trainings if t.id not in taken))


def _assign(costs: Costs, empty: Sequence[float]) -> dict[int, int]:
    """Slot → candidate at the least total cost, where leaving a slot empty has its own."""
    n = len(empty)
    left = np.where(np.eye(n, dtype=bool), np.asarray(empty)[:, None], _FORBIDDEN)
    return {row: column for row, column in assign(np.hstack([costs, left])) if column < costs.shape[1]}


def _reused(
    s: int,
    slots: Sequence[_Slot],
    candidates: Sequence[Candidate],
    chosen: dict[int, int],
    labels: Labels,
) -> int | None:
    """The slot whose network also answers slot `s`, which nothing else does.

    Either the rubric allows it (4a and 4b answered by one network), or the network is just what is asked for and the
    student says something under the task (the rate of 1g, used from the start).
    """
    slot = slots[s]
    for other, c in chosen.items():
        pair = (slot.slot.id, slots[other].slot.id)
        allowed = pair[1] in slot.slot.may_reuse or pair[0] in slots[other].slot.may_reuse
        if allowed and _deviation(candidates[c], slot) < slot.empty:
            return other
        speaks = not candidates[c].labels or labels.of(slot.slot.task)
        if speaks and candidates[c].chosen is not None and _deviation(candidates[c], slot) <= _EXACT:
            return other
    return None


def _matched(slot: _Slot, candidate: Candidate, reused_from: str = "") -> Matched:
    chosen = candidate.chosen
    by = ["structure"] if not _structure(candidate, slot) else []
    by += ["label"] if candidate.labels & slot.tasks else []
    by += ["order"] if not by else []
    return Matched(
        slot=slot.slot.id,
        network=candidate.network,
        architecture=chosen.architecture if chosen else candidate.network.architecture,
        compiled=candidate.compiled,
        training=chosen,
        repeats=candidate.trainings,
        by=", ".join(by),
        reused_from=reused_from,
    )


def _cost(candidate: Candidate, slot: _Slot, *, unlabelled: bool) -> float:
    """How little a candidate looks like the answer to a slot."""
    order = _ORDER * abs(candidate.order - slot.order)
    # a whole notebook without labels says nothing against its networks; the family's first one is the likely answer
    label = 0.0 if unlabelled and not slot.special else _label_cost(candidate.labels, slot)
    return _deviation(candidate, slot) + label + order + _unfinished(candidate, slot)


def _unfinished(candidate: Candidate, slot: _Slot) -> float:
    chosen = candidate.chosen
    if chosen is None:
        return _NEVER_TRAINED
    if by_hand(chosen):
        return 0.0
    return _STOPPED * (not chosen.epochs_done) + _EPOCHS * (chosen.epochs != slot.spec.epochs)


def _label_cost(labels: frozenset[str], slot: _Slot) -> float:
    if slot.slot.task in labels:
        return _LABEL
    if labels & slot.tasks:
        return _LABEL_ALSO
    specific = {label for label in labels if not label.isdigit()}
    return _LABEL_OTHER if specific else _LABEL_NONE


def _deviation(candidate: Candidate, slot: _Slot) -> float:
    """What differs from the slot's network and its training, whatever labels and order say."""
    spec, compiled, chosen = slot.spec, candidate.compiled, candidate.chosen
    if candidate.form.family != _family(spec):
        return _FORBIDDEN
    cost = _structure(candidate, slot)
    if compiled is None:
        return cost + _DEVIATES + sum(_NOT_SPECIAL for what in ("optimizer", "rate") if what in slot.special)
    same_optimizer = compiled.optimizer == spec.optimizer
    if not same_optimizer:
        cost += _price(slot, "optimizer", compiled.optimizer)
    if (same_optimizer or "rate" in slot.special) and not same_rate(compiled.learning_rate, spec.learning_rate):
        cost += _price(slot, "rate", round(compiled.learning_rate or 0.0, 6))
    rows = chosen.x.rows if chosen and chosen.x else None
    if rows is None:
        cost += _NOT_SPECIAL if "rows" in slot.special else 0.0
    elif rows != spec.train_rows:
        cost += _price(slot, "rows", rows) if "rows" in slot.special else _OTHER_ROWS
    return cost


def _price(slot: _Slot, what: str, value: object) -> float:
    return _NOT_SPECIAL if what in slot.special and value in slot.others[what] else _DEVIATES


def _structure(candidate: Candidate, slot: _Slot) -> float:
    comparison = compare(slot.spec.model, candidate.form)
    if "model" in slot.special:
        changed = [d for d in comparison.differences if d.what == "units" and not d.output]
        if changed and all(d.got in slot.others["units"] for d in changed):
            return _NOT_SPECIAL
        return _STRUCTURE * comparison.distance
    # a width that may be chosen freely still tells networks apart: 64 and 64 is asked for elsewhere
    taken = any(d.got in slot.others["units"] for d in comparison.choices if d.what == "units")
    units = 0.0 if slot.special else 0.3 * taken
    differing = [d for d in comparison.differences if d.what != "units" or d.output]
    distance = comparison.distance if len(differing) == len(comparison.differences) else 0.5 * len(differing)
    return min(_STRUCTURE_CAP if slot.special else 2 * _STRUCTURE_CAP, _STRUCTURE * distance) + units


# ------------------------------------------------------------------ slots


def _family(spec: NetworkSpec) -> str:
    return "conv" if any(layer.kind.startswith("Conv") for layer in spec.model.layers) else "dense"


def _hidden(spec: NetworkSpec) -> tuple[object, ...]:
    return tuple(layer.config["units"] for layer in spec.model.layers if layer.kind == "Dense")[:-1]


def _slots(rubric: Rubric, reference: Reference) -> list[_Slot]:
    tasks = [task.id for task in rubric.tasks]
    specs = {slot.id: reference.networks[slot.expects] for slot in rubric.networks}
    slots = []
    for i, slot in enumerate(rubric.networks):
        spec = specs[slot.id]
        earlier = [specs[s.id] for s in rubric.networks[:i] if _family(specs[s.id]) == _family(spec)]
        others = [s for other, s in specs.items() if other != slot.id and _family(s) == _family(spec)]
        slots.append(
            _Slot(
                slot=slot,
                spec=spec,
                order=tasks.index(slot.task) / max(1, len(tasks) - 1),
                weight=sum(c.points for task in rubric.tasks for c in task.criteria if c.network == slot.id),
                special=_special(spec, earlier),
                others=_others(spec, others),
            )
        )
    return slots


def _special(spec: NetworkSpec, earlier: Sequence[NetworkSpec]) -> frozenset[str]:
    """What changes with this network, against the family's earlier ones."""
    if not earlier:
        return frozenset()
    values: dict[str, tuple[object, set[object]]] = {
        "optimizer": (spec.optimizer, {e.optimizer for e in earlier}),
        "rate": (spec.learning_rate, {e.learning_rate for e in earlier if e.optimizer == spec.optimizer}),
        "rows": (spec.train_rows, {e.train_rows for e in earlier}),
        "model": (spec.model.name, {e.model.name for e in earlier}),
    }
    return frozenset(what for what, (own, before) in values.items() if before and own not in before)


def _others(spec: NetworkSpec, others: Sequence[NetworkSpec]) -> dict[str, frozenset[object]]:
    return {
        "optimizer": frozenset(o.optimizer for o in others) - {spec.optimizer},
        "rate": frozenset(round(o.learning_rate, 6) for o in others) - {round(spec.learning_rate, 6)},
        "rows": frozenset(o.train_rows for o in others) - {spec.train_rows},
        "units": frozenset(u for o in others for u in _hidden(o)) - set(_hidden(spec)),
    }
