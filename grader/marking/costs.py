"""How little a candidate looks like the answer to a slot: a sum of named costs.

Costs have no unit, and none is measured: each is chosen so that what it stands for outweighs, or gives way to, what
its docstring names. `tests/test_match.py` holds the examples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from grader.keras.align import compare
from grader.marking.candidates import is_custom_loop, same_rate

if TYPE_CHECKING:
    from grader.marking.candidates import Candidate
    from grader.marking.network_slots import Slot

FORBIDDEN = 1e6
"""Chosen: more than all else together, for a network of another family."""
_DEVIATES = 1.0
"""The yardstick: an optimizer, a rate or a number of items that is not the slot's."""
_ANOTHER_SLOTS = 2.5
"""Chosen: what makes the slot special is just another slot's; not worth taking unless label or many points say so."""
_OTHER_ROWS = 0.5
"""Chosen: another number of items, where that does not make the slot special, is less than never to have trained."""
_PER_LAYER = 0.7
"""Chosen: a layer too many or too few (1 in the alignment's distance) is less than a wrong setting."""
_STRUCTURE_MOST = 1.0
"""Chosen: a structure that is wrong in every network costs one setting at most; two where nothing is special."""
_PER_DIFFERENCE = 0.5
"""Chosen: where hidden widths differ as well, for each other difference instead of the alignment's distance."""
_WIDTH_OF_ANOTHER = 0.3
"""Chosen: less than order, for a freely chosen width that is asked for elsewhere."""
_NEVER_TRAINED = 0.8
"""Chosen: less than a wrong setting, more than a training that stopped."""
_STOPPED = 0.6
"""Chosen: a training that raised before its first epoch ended still is the attempt, where no other is."""
_OTHER_EPOCHS = 0.2
"""Chosen: of two that differ in nothing else, the one with the asked-for epochs."""
_ORDER = 0.4
"""Chosen: for the whole length of the notebook; decides only where structure and labels do not."""
_LABEL_RIGHT = -1.0
"""Chosen: the task's own label makes up for one wrong setting: a wrong attempt under it is the attempt."""
_LABEL_ALSO = -0.9
"""Chosen: the label of another task whose code belongs to the slot gives way to the task's own."""
_LABEL_NONE = 0.4
"""Chosen: no label, or a whole problem's, costs as much as order at most does."""
_LABEL_OTHER = 1.5
"""Chosen: another task's label outweighs a wrong setting."""
_EMPTY = 2.0
"""Chosen: a slot stays empty rather than take what has two settings wrong …"""
_EMPTY_PER_POINT = 0.1
"""… and sooner takes a doubtful network where more points depend on it."""


def cost(candidate: Candidate, slot: Slot, *, unlabelled: bool) -> float:
    """The cost of giving a slot this candidate; `unlabelled`: no line of the notebook has a label."""
    order = _ORDER * abs(candidate.order - slot.order)
    # a whole notebook without labels says nothing against its networks; the family's first one is the likely answer
    label = 0.0 if unlabelled and not slot.special else _label(candidate.labels, slot)
    return deviation(candidate, slot) + label + order + _unfinished(candidate, slot)


def empty_slot(slot: Slot) -> float:
    """The cost of leaving a slot without a network."""
    return _EMPTY + _EMPTY_PER_POINT * slot.points


def deviation(candidate: Candidate, slot: Slot) -> float:
    """What differs from the slot's network and its training, whatever labels and order say; 0: just as asked for."""
    spec, compiled, training = slot.spec, candidate.compiled, candidate.chosen
    if candidate.form.family != slot.family:
        return FORBIDDEN
    total = structure(candidate, slot)
    if compiled is None:
        return total + _DEVIATES + sum(_ANOTHER_SLOTS for name in ("optimizer", "rate") if name in slot.special)
    same_optimizer = compiled.optimizer == spec.optimizer
    if not same_optimizer:
        total += _setting(slot, "optimizer", compiled.optimizer)
    if (same_optimizer or "rate" in slot.special) and not same_rate(compiled.learning_rate, spec.learning_rate):
        total += _setting(slot, "rate", round(compiled.learning_rate or 0.0, 6))
    rows = training.x.rows if training and training.x else None
    if rows is None:
        total += _ANOTHER_SLOTS if "rows" in slot.special else 0.0
    elif rows != spec.train_rows:
        total += _setting(slot, "rows", rows) if "rows" in slot.special else _OTHER_ROWS
    return total


def _setting(slot: Slot, name: str, value: object) -> float:
    """A setting that is not the slot's."""
    return _ANOTHER_SLOTS if name in slot.special and value in slot.others[name] else _DEVIATES


def structure(candidate: Candidate, slot: Slot) -> float:
    """What differs in the layers; 0: just as asked for."""
    comparison = compare(slot.spec.model, candidate.form)
    if "model" in slot.special:
        widths = [d for d in comparison.differences if d.what == "units" and not d.output]
        if widths and all(d.got in slot.others["units"] for d in widths):
            return _ANOTHER_SLOTS
        return _PER_LAYER * comparison.distance
    # a width that may be chosen freely still tells networks apart: 64 and 64 is asked for elsewhere
    taken = any(d.got in slot.others["units"] for d in comparison.choices if d.what == "units")
    beside_widths = [d for d in comparison.differences if d.what != "units" or d.output]
    only_these = len(beside_widths) == len(comparison.differences)
    distance = comparison.distance if only_these else _PER_DIFFERENCE * len(beside_widths)
    most = _STRUCTURE_MOST if slot.special else 2 * _STRUCTURE_MOST
    return min(most, _PER_LAYER * distance) + (0.0 if slot.special else _WIDTH_OF_ANOTHER * taken)


def _unfinished(candidate: Candidate, slot: Slot) -> float:
    training = candidate.chosen
    if training is None:
        return _NEVER_TRAINED
    if is_custom_loop(training):
        return 0.0
    return _STOPPED * (not training.epochs_done) + _OTHER_EPOCHS * (training.epochs != slot.spec.epochs)


def _label(labels: frozenset[str], slot: Slot) -> float:
    if slot.slot.task in labels:
        return _LABEL_RIGHT
    if labels & slot.tasks:
        return _LABEL_ALSO
    of_a_task = any(not label.isdigit() for label in labels)  # '1' is a whole problem
    return _LABEL_OTHER if of_a_task else _LABEL_NONE
