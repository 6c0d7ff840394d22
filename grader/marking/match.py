"""Which of the student's networks answers which task: one optimal assignment, by what was trained, order and labels.

Everything that was trained is a candidate (the same recipe again under the same label is one), and so is a network
that never was. Names mean nothing. Candidates go to the rubric's network slots at the least total cost (`costs.py`);
what differs in everything that makes a slot special is not taken for it, and a convolutional network never stands in
for a dense one. The first slot of a kind, which nothing makes special, is never left empty while there is a network of
it: who trained only one, for whatever task, has answered the first, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from grader.marking.candidates import Candidate, candidates_of
from grader.marking.costs import FORBIDDEN, cost, deviation, empty_slot, structure
from grader.marking.network_slots import Slot, slots_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.records import Architecture, Compiled, Evidence, Labels, Network, Place, Training
    from grader.rubric.expected import Reference
    from grader.rubric.schema import Rubric

_EXACT = 1e-3
"""Chosen: below every single cost, so that nothing differs."""


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
        """Where it was trained; where it was built if it never was."""
        return self.training.place if self.training else self.network.place


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which of the student's networks answers which slot."""

    matched: dict[str, Matched] = field(default_factory=dict)
    """By slot id; a slot that nothing answers has no entry."""
    spare: tuple[Training, ...] = ()
    """Trainings that answer no task."""


def match(evidence: Evidence, labels: Labels, rubric: Rubric, reference: Reference) -> Assignment:
    """Assign what was trained, or at least built, to the network slots of the rubric. Pure, never raises."""
    slots = slots_of(rubric, reference)
    candidates = candidates_of(evidence, labels)
    unlabelled = not labels.spans
    costs = np.array([[cost(c, s, unlabelled=unlabelled) for c in candidates] for s in slots])
    chosen = _assign(costs.reshape(len(slots), len(candidates)), [empty_slot(s) for s in slots])
    matched = {slots[s].slot.id: _matched(slots[s], candidates[c]) for s, c in chosen.items()}
    for s, slot in enumerate(slots):
        if s in chosen:
            continue
        of_its_kind = [c for c, candidate in enumerate(candidates) if candidate.form.family == slot.family]
        if of_its_kind and not slot.special:
            c = min(of_its_kind, key=lambda c: costs[s, c])
            reused = next((slots[other].slot.id for other, theirs in chosen.items() if theirs == c), "")
            matched[slot.slot.id] = _matched(slot, candidates[c], reused)
        elif (other := _answered_by(slot, slots, candidates, chosen, labels)) is not None:
            matched[slot.slot.id] = _matched(slot, candidates[chosen[other]], slots[other].slot.id)
    taken = {training.id for found in matched.values() for training in found.repeats}
    return Assignment(matched, tuple(t for t in evidence.trainings if t.id not in taken))


def _assign(costs: np.ndarray, empty: Sequence[float]) -> dict[int, int]:
    """Slot → candidate at the least total cost (Hungarian method).

    `costs`: float64, shape (slots, candidates); `empty`: what leaving each slot empty costs, a column of its own.
    """
    # Imported late: it takes half a second, in which the kernels' libraries could begin to load.
    from scipy.optimize import linear_sum_assignment

    left_empty = np.where(np.eye(len(empty), dtype=bool), np.asarray(empty)[:, None], FORBIDDEN)
    rows, columns = linear_sum_assignment(np.hstack([costs, left_empty]))
    return {row: column for row, column in zip(rows.tolist(), columns.tolist(), strict=True) if column < costs.shape[1]}


def _answered_by(
    slot: Slot, slots: Sequence[Slot], candidates: Sequence[Candidate], chosen: dict[int, int], labels: Labels
) -> int | None:
    """The slot whose network also answers `slot`, which nothing else does.

    Either the rubric allows it (4a and 4b answered by one network), or the network is just what is asked for and the
    student says something under the task (the rate of 1g, used from the start).
    """
    for other, c in chosen.items():
        there, candidate = slots[other].slot, candidates[c]
        differs = deviation(candidate, slot)
        speaks = not candidate.labels or labels.of(slot.slot.task)
        # A network that answers the first task of its kind is meant for another one only where something says so.
        meant = slots[other].special or labels.of(slot.slot.task)
        allowed = meant and (there.id in slot.slot.may_reuse or slot.slot.id in there.may_reuse)
        exact = speaks and candidate.chosen is not None and differs <= _EXACT
        if exact or (allowed and differs < empty_slot(slot)):
            return other
    return None


def _matched(slot: Slot, candidate: Candidate, reused_from: str = "") -> Matched:
    training = candidate.chosen
    by = ["structure"] if not structure(candidate, slot) else []
    by += ["label"] if candidate.labels & slot.tasks else []
    return Matched(
        slot=slot.slot.id,
        network=candidate.network,
        architecture=training.architecture if training else candidate.network.architecture,
        compiled=candidate.compiled,
        training=training,
        repeats=candidate.trainings,
        by=", ".join(by or ["order"]),
        reused_from=reused_from,
    )
