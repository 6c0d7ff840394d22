"""Parameter counts that a student has to state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING, Any

from grader.extraction.final_answers import Firmness, firmest, firmness, in_lists, is_hedged
from grader.extraction.numbers import WRITTEN, ExtractedNumber, NumberOrigin, extract_numbers
from grader.keras.align import Comparison, compare
from grader.marking.checks.case import Charge
from grader.marking.checks.registry import check
from grader.records import Architecture

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.marking.checks.case import Case
    from grader.records import Place, Verdict

_ONLY_TERMS = 0.5
"""Share for the right terms with no right sum; chosen: the method is right, the answer is not there."""
_SMALLEST_CLAIM = 200
"""Chosen: smaller numbers are widths, sizes and epochs."""
_FAR = 3
"""Chosen: what is stated in passing and is that many times larger or smaller is about something else."""
_MOST_SHOWN = 6
_NEAR = 25
"""Characters beside a number in which its unit is looked for."""
_DATA = {28.0 * 28.0, 60_000.0, 10_000.0, 20_000.0, 70_000.0}
"""Sizes of the data, of which people write beside their counts."""
_NOT_BY_HAND = {NumberOrigin.KERAS, NumberOrigin.SETTING}
_ABOUT_COUNTS = re.compile(
    r"param|trainable|trainierbar|lernbar|weights|gewichte|anzahl|number of|count\b|counts\b", re.IGNORECASE
)
_PRODUCT = re.compile(r"(?:^|[^+\d\s)] ?)\(*\d+(?: ?\* ?\d+)+\)* ?= ?$")
"""'5*5*8 = '"""
_OTHER_THING = re.compile(
    r"(?:batch\w*|epoch\w*|seed|rate|size|zeile|row|image|bild|page|seite|index)\W{0,3}(?:of|von|is|ist|=)?\W{0,3}#"
    r"|#\W{0,3}(?:(?:[^\W\d]+ ){0,2}(?:images?|bilder\w*|items|samples|pixels?|inputs?)"
    r"|epoch\w*|epochen|seconds|sekunden|ms|s|kb|mb|bytes|times|mal)\b",
    re.IGNORECASE,
)
"""A number, '#', of something else than parameters."""


@dataclass(frozen=True)
class Count:
    """What counts as right for a parameter count, and what was stated."""

    case: Case

    @cached_property
    def comparison(self) -> Comparison | None:
        """The student's network beside what is asked for; None where there is none."""
        matched = self.case.matched
        return compare(self.case.spec.model, matched.architecture) if matched else None

    @cached_property
    def asked(self) -> float:
        """The count of the network that is asked for."""
        return self.case.reference.numbers[self.case.criterion.expects]

    @cached_property
    def own_counts(self) -> frozenset[float]:
        """Parameters of the student's own network, trainable and all; empty when it is not known."""
        matched = self.case.matched
        if matched is None:
            return frozenset()
        architecture = matched.architecture
        return frozenset(float(n) for n in (architecture.trainable_params, architecture.params) if n)

    @cached_property
    def own_counts_fully(self) -> bool:
        """Whether the count of the student's own network is as good, since widths are free."""
        return self.case.criterion.options.get("own_network") == "full"

    @cached_property
    def right_counts(self) -> dict[float, str]:
        """Right values, with a remark for those that are not simply what is asked for."""
        reference = self.case.reference
        alternatives = {
            v: f" ({why})"
            for why, v in reference.number_alternatives.get(self.case.criterion.expects, {}).items()
            if not self.own_counts or v in self.own_counts
        }
        if self.own_counts_fully and self.own_counts and self.asked not in self.own_counts:
            return alternatives | dict.fromkeys(self.own_counts, ", the count of your network")
        return alternatives | {self.asked: ""}

    @cached_property
    def followed_counts(self) -> dict[float, tuple[str, ...]]:
        """Values right but for a mistake charged elsewhere → its misconceptions."""
        slugs_of: dict[float, tuple[str, ...]] = {v: () for v in self.own_counts if v not in self.right_counts}
        for value, slugs in self.mistaken_counts.items():
            if value not in self.right_counts and value not in slugs_of and all(self.case.charged(s) for s in slugs):
                slugs_of[value] = slugs
        return slugs_of

    @cached_property
    def mistaken_counts(self) -> dict[float, tuple[str, ...]]:
        """Values that typical mistakes lead to → the misconceptions."""
        known = self.case.reference.number_mistakes.get(self.case.criterion.expects, {})
        slugs_of: dict[float, tuple[str, ...]] = {value: (slug,) for slug, value in known.items()}
        bare = self._own_without_biases()
        return slugs_of | ({bare: ("params.no_bias",)} if bare and bare not in slugs_of else {})

    def _own_without_biases(self) -> float | None:
        matched = self.case.matched
        if matched is None or not self.own_counts:
            return None
        sizes = [
            layer.config.get("units", layer.config.get("filters", 0))
            for layer in matched.architecture.layers
            if layer.weights and layer.config.get("use_bias", True)
        ]
        biases = sum(size for size in sizes if isinstance(size, int))
        return max(self.own_counts) - biases if biases else None

    @cached_property
    def layer_counts(self) -> frozenset[float]:
        """Parameters of each layer, as asked for or of the student's own network."""
        if self.comparison is None:
            return frozenset()
        steps = self.comparison.actual.steps if self.own_counts_fully else self.comparison.expected
        return frozenset(float(s.params) for s in steps if s.params)

    @cached_property
    def arithmetic(self) -> str:
        """The right count as one does it by hand."""
        if self.comparison is None:
            return f"{self.asked:g}"
        table, by_own_network = self.comparison.table, self.own_counts_fully and self.asked not in self.own_counts
        rows = [(r.actual_params if by_own_network else r.expected_params) for r in table.rows]
        layers = [re.sub(r" = .*", "", row) for row in rows if "·" in row]
        total = max(self.own_counts) if by_own_network and self.own_counts else self.asked
        return f"{' + '.join(f'({layer})' for layer in layers)} = {total:g}" if layers else f"{total:g}"

    # ------------------------------------------------------------------ what is no answer

    @cached_property
    def sizes(self) -> frozenset[float]:
        """Numbers that belong to the task and are no answer to it: layers, inputs, items, other networks' counts."""
        case, asked = self.case, self.case.criterion.expects
        known = {n for n in case.reference.numbers.values() if n >= _SMALLEST_CLAIM}
        others = (values for name, values in case.reference.number_mistakes.items() if name != asked)
        known |= {n for values in others for n in values.values()}
        for matched in case.assignment.matched.values():
            known |= {float(n) for n in (matched.architecture.trainable_params, matched.architecture.params) if n}
        known |= {abs(a - b) for a in known for b in known}
        for layers in self._layers:
            known |= {float(n) for sizes in layers for n in (sum(sizes), sizes[0])}
        return frozenset((known | _DATA) - {self.asked, *self.right_counts, *self.followed_counts})

    @cached_property
    def steps(self) -> frozenset[float]:
        """What one comes by on the way to the count: sums of some layers, of all weights, of a padded network."""
        known = {v for values in self.case.reference.number_alternatives.values() for v in values.values()}
        weights = {float(n) for layers in self._layers for n in accumulate(sizes[0] for sizes in layers)}
        known |= self.partial_sums | weights | set(self.mistaken_counts)
        return frozenset(known - self.right_counts.keys() - self.followed_counts.keys())

    @cached_property
    def partial_sums(self) -> frozenset[float]:
        """Parameters of the first layers together."""
        return frozenset(float(n) for layers in self._layers for n in accumulate(map(sum, layers)))

    @cached_property
    def _layers(self) -> list[list[tuple[int, ...]]]:
        """Weights and biases of each layer, as asked for and of the student's own network."""
        comparison = self.comparison or compare(self.case.spec.model, Architecture("", (), None, None, None))
        networks = (comparison.expected, comparison.actual.layers)
        return [[tuple(map(prod, s.weight_shapes)) for s in layers if s.weight_shapes] for layers in networks]

    # ------------------------------------------------------------------ what was stated

    @cached_property
    def stated(self) -> tuple[ExtractedNumber, ...]:
        """Every number that the student stated as a whole, by hand: no setting of code, and no term of a sum."""
        by_hand = (n for n in extract_numbers(self.case.evidence) if n.origin not in _NOT_BY_HAND)
        return tuple(
            n for n in by_hand if not n.operand and not _OTHER_THING.search(n.before[-_NEAR:] + "#" + n.after[:_NEAR])
        )

    @cached_property
    def terms(self) -> frozenset[float]:
        """Every value under the task's label, terms as well."""
        numbers = (n for n in extract_numbers(self.case.evidence) if n.origin not in _NOT_BY_HAND)
        return frozenset(v for n in numbers if n.place in self._labelled for v in n.values)

    @cached_property
    def _labelled(self) -> frozenset[Place]:
        """Places of numbers under the task's label."""
        places = {n.place for n in extract_numbers(self.case.evidence)}
        return frozenset(place for place in places if self.case.is_labelled(place))

    @cached_property
    def _near(self) -> frozenset[Place]:
        """Places of numbers under the labels of the network, or under none."""
        case = self.case
        tasks = {case.task.id, case.task.id[:-1], case.slot.task, *case.slot.also}
        places = {n.place for n in extract_numbers(case.evidence)}
        return frozenset(p for p in places if case.tasks_at(p) <= tasks)

    @cached_property
    def under_label(self) -> tuple[ExtractedNumber, ...]:
        """Numbers under the task's own label."""
        return tuple(n for n in self.stated if n.place in self._labelled)

    @cached_property
    def elsewhere(self) -> tuple[ExtractedNumber, ...]:
        """Numbers beside words of the question, worked sums; near the network, what stands alone or is called final."""
        return tuple(n for n in self.stated if n.place not in self._labelled and self._answers_elsewhere(n))

    def _answers_elsewhere(self, number: ExtractedNumber) -> bool:
        if _is_about_counts(number.context, number.paragraph) or (number.derived and "+" in number.text):
            return True
        if number.origin not in WRITTEN or number.place not in self._near:
            return False
        return _alone(number) or firmness(number, _ABOUT_COUNTS) is Firmness.FINAL

    def value(self, number: ExtractedNumber) -> float:
        """The reading of a number that means something here: '8.070' is 8070."""
        return next((v for v in number.values if v in self._meaningful), number.values[0] if number.values else 0.0)

    @cached_property
    def _meaningful(self) -> frozenset[float]:
        known = (self.right_counts, self.followed_counts, self.mistaken_counts, self.steps, self.sizes)
        return frozenset(v for values in known for v in values)

    def answers(self, numbers: Iterable[ExtractedNumber]) -> list[ExtractedNumber]:
        """The different counts that are stated most firmly, one number each."""
        counts = self._wholes([n for n in numbers if self._may_be_count(n)])
        lists = [self._of_a_list(listed) for listed in in_lists(counts)]
        aside = self.steps | self._other_answer(counts)
        rivals = [listed for listed in lists if len(listed) > 1 or self.value(listed[0]) not in aside]
        firm, answers = firmest(rivals, _ABOUT_COUNTS)
        firm_of_all, answers_of_all = firmest(lists, _ABOUT_COUNTS)
        if not rivals or (firm is Firmness.RETRACTED and firm_of_all is Firmness.FINAL):
            answers = answers_of_all
        return list({self.value(n): n for n in reversed(answers)}.values())[::-1]

    def _other_answer(self, counts: list[ExtractedNumber]) -> frozenset[float]:
        """The one number that stands under another count's label as well: this count is held beside that one."""
        case, mine = self.case, (self.right_counts, self.followed_counts, self.mistaken_counts)
        others = {t.id for t in case.rubric.tasks if any(c.check == case.criterion.check for c in t.criteria)}
        there = (n for n in self.stated if n.place not in self._labelled and case.tasks_at(n.place) & others)
        shared = {self.value(n) for n in there} & {self.value(n) for n in counts} - {v for known in mine for v in known}
        return frozenset(shared if len(shared) == 1 else ())

    @cached_property
    def answers_elsewhere(self) -> list[ExtractedNumber]:
        """What the first cell without the label states that states the count; what others state answers other tasks."""
        for known in ({*self.right_counts, *self.followed_counts}, self.mistaken_counts):
            for cell in dict.fromkeys(n.place.cell for n in self.elsewhere if self.value(n) in known):
                answers = self.answers(n for n in self.elsewhere if n.place.cell == cell)
                if any(self.value(n) in known for n in answers):
                    return answers
        return []

    def _may_be_count(self, number: ExtractedNumber) -> bool:
        value = self.value(number)
        if value != int(value) or value < _SMALLEST_CLAIM or value in self.sizes:
            return False
        if _PRODUCT.search(number.before) or (number.derived and not re.search(r"\+|sum|\w\(", number.text)):
            return False  # weights of a layer, or inputs: every count has a sum
        near = any(c / _FAR < value < c * _FAR for c in (*self.right_counts, *self.followed_counts))
        return near or firmness(number, _ABOUT_COUNTS) > Firmness.PASSING

    def _wholes(self, numbers: list[ExtractedNumber]) -> list[ExtractedNumber]:
        """Numbers without the parts of others: '54,912' may be two numbers only where it is no count as one."""
        parts = {
            (n.place, n.before, part)
            for n in numbers
            if self.value(n) in self._meaningful
            for part in re.split("[ ,]", n.text)
            if part != n.text
        }
        return [n for n in numbers if (n.place, n.before, n.text) not in parts]

    def _of_a_list(self, listed: list[ExtractedNumber]) -> list[ExtractedNumber]:
        """Sums that grow to the count, '7960, 8070', are one answer."""
        values = [self.value(n) for n in listed]
        grows = values == sorted(values) and set(values) <= self.partial_sums and not any(map(is_hedged, listed))
        return listed[-1:] if grows else listed


@check("number.count")
def count(case: Case) -> Verdict:
    """The number of trainable parameters is stated, counted by hand and with biases."""
    counts = Count(case)
    known = {*counts.right_counts, *counts.followed_counts}
    stated = counts.answers(counts.under_label)
    if not any(counts.value(n) in known for n in stated):
        stated += [n for n in counts.answers_elsewhere if not stated or counts.value(n) in known]
    if not stated:
        return _without_sum(counts, None) or _count_by_keras(counts)
    if {counts.value(n) for n in stated} <= counts.right_counts.keys():
        stated = stated[:1]
    return _one_count(counts, stated[0]) if len(stated) == 1 else _several_counts(counts, stated)


def _one_count(counts: Count, number: ExtractedNumber) -> Verdict:
    case, value = counts.case, counts.value(number)
    facts: dict[str, Any] = {"expected": counts.arithmetic, **number_facts(number)}
    if value in counts.right_counts:
        return case.passed(f"{value:g} parameters{counts.right_counts[value]}: right.", **facts)
    slugs = counts.followed_counts.get(value, counts.mistaken_counts.get(value, ()))
    counted_so = not slugs or any(case.charged(slug) in case.earlier_of("number.count") for slug in slugs)
    if value in counts.followed_counts and not (slugs and counted_so):
        message = f"{value:g} is right for your own network, which is not the one that is asked for."
        return case.followed_through(message, misconceptions=slugs, **facts)
    if value in counts.mistaken_counts:
        reasons = " and ".join(map(case.misconception, slugs))
        charges = (Charge((slug,)) for slug in slugs)
        message = f"{value:g} is not the number of parameters: {reasons}."
        return case.charge(message, *charges, misconceptions=slugs, **facts)
    if partly := _without_sum(counts, number):
        return partly
    if not counts.own_counts and (counts.own_counts_fully or case.evidence.faults):
        message = f"{value:g} is stated, but your network could not be seen at work: a person will look."
        return case.needs_review(message, **facts)
    return case.failed(f"{value:g} is not the number of parameters.", **facts)


def _several_counts(counts: Count, stated: list[ExtractedNumber]) -> Verdict:
    """Two that are not in one list may be a correction; those of a list, or more than two, are guesses."""
    case, values = counts.case, [f"{counts.value(n):g}" for n in stated]
    facts: dict[str, Any] = {"expected": counts.arithmetic, "actual": ", ".join(values[:_MOST_SHOWN])}
    facts["place"] = stated[0].place
    shown = f"{', '.join(values[:-1])} and {values[-1]}" if len(values) <= _MOST_SHOWN else f"{len(values)} counts"
    known = {*counts.right_counts, *counts.followed_counts}
    if len(stated) == len(in_lists(stated)) == 2 and any(counts.value(n) in known for n in stated):
        message = f"{shown} are both stated as the count: a person will see which one is meant."
        return case.needs_review(message, **facts)
    message = f"{shown} are stated and none is marked as the answer: several different guesses are none."
    return case.failed(message, **facts)


def _without_sum(counts: Count, claim: ExtractedNumber | None) -> Verdict | None:
    """The right parameters of each layer with a wrong sum, or with none."""
    case, layers = counts.case, counts.layer_counts
    if len(layers) < 2 or not layers <= counts.terms:
        return None
    message = "The parameters of each layer are right; "
    message += f"their sum is not {claim.text}." if claim else "their sum, the count asked for, is not stated."
    facts = number_facts(claim) if claim else {}
    return case.partial(_ONLY_TERMS, message, expected=counts.arithmetic, **facts)


def _count_by_keras(counts: Count) -> Verdict:
    """No count by hand: one that Keras told (`summary()`, `count_params()`) is none, whoever printed it."""
    case, known = counts.case, {*counts.right_counts, *counts.followed_counts}
    for number in extract_numbers(case.evidence):
        if number.origin is NumberOrigin.KERAS and any(map(number.says, known)):
            message = "The count appears only in what Keras printed (such as `summary()`), which earns nothing:"
            message += " the sheet asks for it by hand."
            return case.missing(message, expected=counts.arithmetic, **number_facts(number))
    return case.absent("The number of parameters is not stated.", expected=counts.arithmetic)


@lru_cache(maxsize=256)
def _is_about_counts(line: str, paragraph: str) -> bool:
    return bool(_ABOUT_COUNTS.search(line) or _ABOUT_COUNTS.search(paragraph))


def _alone(number: ExtractedNumber) -> bool:
    return not re.search(r"[^\W\d_]", number.context)


def number_facts(stated: ExtractedNumber) -> dict[str, str | Place]:
    """What a verdict says of a number: as it is written, and where."""
    return {"actual": stated.text.strip(), "place": stated.place}
