"""Which of the student's networks answers which task."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from grader.records import Architecture, Compiled, Network, Place, Training


@dataclass(frozen=True, slots=True)
class Matched:
    """The student's network for a slot of the rubric."""

    slot: str
    network: Network
    architecture: Architecture
    """As it was trained; as it was at the end of the run where it never was."""
    compiled: Compiled | None
    """As it was trained; else its last `compile`; None when there was none."""
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
