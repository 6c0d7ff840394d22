"""The networks that a rubric asks for, each with what sets it apart from the others of its family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.rubric.expected import NetworkSpec, Reference
    from grader.rubric.schema import NetworkSlot, Rubric


@dataclass(frozen=True, slots=True)
class Slot:
    """A network slot of the rubric, as candidates are held against it."""

    slot: NetworkSlot
    spec: NetworkSpec
    order: float
    """Of its task in the rubric: 0 for the first, 1 for the last."""
    points: float
    """Points that depend on it."""
    special: frozenset[str]
    """What is new with it among the earlier networks of its family: 'model', 'optimizer', 'rate', 'rows'."""
    others: dict[str, frozenset[object]]
    """'optimizer', 'rate', 'rows', 'units' → what the family's other networks have and this one has not."""

    @property
    def tasks(self) -> set[str]:
        """All tasks whose code belongs to it."""
        return {self.slot.task, *self.slot.also}

    @property
    def family(self) -> str:
        """'conv' or 'dense', as `Canonical.family`."""
        return _family(self.spec)


def slots_of(rubric: Rubric, reference: Reference) -> list[Slot]:
    """The rubric's network slots, in its order."""
    tasks = [task.id for task in rubric.tasks]
    specs = {slot.id: reference.networks[slot.expects] for slot in rubric.networks}
    slots: list[Slot] = []
    for slot in rubric.networks:
        spec = specs[slot.id]
        family = {name: other for name, other in specs.items() if _family(other) == _family(spec)}
        earlier = [family[s.slot.id] for s in slots if s.slot.id in family]
        slots.append(
            Slot(
                slot=slot,
                spec=spec,
                order=tasks.index(slot.task) / max(1, len(tasks) - 1),
                points=sum(c.points for task in rubric.tasks for c in task.criteria if c.network == slot.id),
                special=_special(spec, earlier),
                others=_others(spec, [other for name, other in family.items() if name != slot.id]),
            )
        )
    return slots


def hidden_units(spec: NetworkSpec) -> list[int]:
    """Widths of the hidden Dense layers that are asked for, from input to output."""
    units = [layer.config["units"] for layer in spec.model.layers if layer.kind == "Dense"]
    return [width for width in units[:-1] if isinstance(width, int)]


def _family(spec: NetworkSpec) -> str:
    return "conv" if any(layer.kind.startswith("Conv") for layer in spec.model.layers) else "dense"


def _special(spec: NetworkSpec, earlier: Sequence[NetworkSpec]) -> frozenset[str]:
    values: dict[str, tuple[object, set[object]]] = {
        "optimizer": (spec.optimizer, {e.optimizer for e in earlier}),
        "rate": (spec.learning_rate, {e.learning_rate for e in earlier if e.optimizer == spec.optimizer}),
        "rows": (spec.train_rows, {e.train_rows for e in earlier}),
        "model": (spec.model.name, {e.model.name for e in earlier}),
    }
    return frozenset(name for name, (value, before) in values.items() if before and value not in before)


def _others(spec: NetworkSpec, others: Sequence[NetworkSpec]) -> dict[str, frozenset[object]]:
    return {
        "optimizer": frozenset(o.optimizer for o in others) - {spec.optimizer},
        "rate": frozenset(round(o.learning_rate, 6) for o in others) - {round(spec.learning_rate, 6)},
        "rows": frozenset(o.train_rows for o in others) - {spec.train_rows},
        "units": frozenset(u for o in others for u in hidden_units(o)) - {*hidden_units(spec)},
    }
