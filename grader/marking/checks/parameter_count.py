"""Parameter counts that a student has to state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from grader.extraction.numbers import ExtractedNumber, NumberOrigin, extract_numbers
from grader.keras.align import Comparison, compare
from grader.marking.checks.case import Charge
from grader.marking.checks.registry import check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from grader.marking.checks.case import Case
    from grader.records import Place, Verdict

_BY_KERAS = 0.5
"""Share for a count that only Keras told; chosen: the sheet asks for it by hand."""
_ONLY_TERMS = 0.5
"""Share for the right terms with no right sum; chosen: the method is right, the answer is not there."""
_CROWD = 100
"""Different numbers between half and double of what is asked for; chosen: who counts by hand states some ten."""
_SMALLEST_CLAIM = 200
"""Chosen: smaller numbers are widths, sizes and epochs."""
_ABOUT_COUNTS = re.compile(
    r"param|total|sum|gesamt|zusammen|together|\ball\b|weights|gewichte|anzahl|number of|count|=|→|->|⇒|\\approx",
    re.IGNORECASE,
)


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

    # ------------------------------------------------------------------ what was stated

    @cached_property
    def stated(self) -> tuple[ExtractedNumber, ...]:
        """Every number of the submission."""
        return extract_numbers(self.case.evidence)

    @cached_property
    def under_label(self) -> tuple[ExtractedNumber, ...]:
        """Numbers under the task's own label."""
        return tuple(s for s in self.stated if self.case.is_labelled(s.place))

    @cached_property
    def crowded_origins(self) -> frozenset[NumberOrigin]:
        """Ways in which so many numbers of the asked size are stated that one of them says nothing: printed indices."""
        sizes: dict[NumberOrigin, set[float]] = {}
        for s in self.stated:
            sizes.setdefault(s.origin, set()).update(v for v in s.values if self.asked / 2 <= v <= self.asked * 2)
        return frozenset(
            origin for origin, values in sizes.items() if len(values) > _CROWD and origin is not NumberOrigin.KERAS
        )

    def find(
        self, values: Iterable[float], *, by_keras: bool = False, crowd: bool = False
    ) -> tuple[ExtractedNumber, float] | None:
        """Where one of the values is stated, the task's own cells first; alone, or in a crowd."""
        for number in (*self.under_label, *self.stated):
            if (number.origin is NumberOrigin.KERAS) == by_keras and (number.origin in self.crowded_origins) == crowd:
                for value in values:
                    if number.says(value):
                        return number, value
        return None

    @cached_property
    def wrong_claim(self) -> ExtractedNumber | None:
        """What was stated under the task's label instead: the largest number that is called a count."""
        known = {self.asked, *self.own_counts} | set(self.case.reference.numbers.values())
        inputs = {28.0 * 28.0, 28.0, 60_000.0, 10_000.0}
        claims = [
            s
            for s in self.under_label
            if s.origin not in {NumberOrigin.KERAS, NumberOrigin.LITERAL}
            and s.values
            and s.values[0] == int(s.values[0])
            and s.values[0] >= _SMALLEST_CLAIM
            and not {*s.values} & (known | inputs | self.layer_counts)
            and (s.derived or _ABOUT_COUNTS.search(s.context))
        ]
        return max(claims, key=lambda s: s.values[0], default=None)


@check("number.count")
def count(case: Case) -> Verdict:
    """The number of trainable parameters is stated, counted by hand and with biases."""
    counts = Count(case)
    expected = {"expected": counts.arithmetic}
    if match := counts.find(counts.right_counts):
        number, value = match
        message = f"{value:g} parameters{counts.right_counts[value]}: right."
        return case.passed(message, **expected, **number_facts(number))
    if match := counts.find(counts.followed_counts):
        number, value = match
        slugs = counts.followed_counts[value]
        facts = {"misconceptions": slugs, **expected, **number_facts(number)}
        if any(case.charged(slug) in case.earlier_of("number.count") for slug in slugs):
            return _mistaken(case, value, facts)
        message = f"{value:g} is right for your own network, which is not the one that is asked for."
        return case.followed_through(message, **facts)
    if match := counts.find(counts.right_counts, crowd=True):
        number, value = match
        message = f"{value:g} is one of very many numbers that are stated: a person will see what is meant."
        return case.needs_review(message, **expected, **number_facts(number))
    return _wrong_count(counts) or _count_by_keras(counts)


def _wrong_count(counts: Count) -> Verdict | None:
    """What is stated under the task's label instead of the count: a known mistake, its terms, or another number."""
    case, expected, claim = counts.case, {"expected": counts.arithmetic}, counts.wrong_claim
    by_hand = [n for n in counts.under_label if n.origin is not NumberOrigin.KERAS]
    mistaken = ((n, value) for n in by_hand for value in counts.mistaken_counts if n.says(value))
    for number, value in mistaken:
        slugs = counts.mistaken_counts[value]
        return _mistaken(case, value, {"misconceptions": slugs, **expected, **number_facts(number)})
    layers = [n for n in by_hand if any(map(n.says, counts.layer_counts))]
    if len(counts.layer_counts) > 1 and all(any(n.says(value) for n in layers) for value in counts.layer_counts):
        message = "The parameters of each layer are right; "
        message += f"their sum is not {claim.text}." if claim else "their sum, the count asked for, is not stated."
        return case.partial(_ONLY_TERMS, message, **expected, **number_facts(claim or layers[-1]))
    if claim is None:
        return None
    value = claim.values[0]
    if not counts.own_counts and (counts.own_counts_fully or case.evidence.faults):
        message = f"{value:g} is stated, but your network could not be seen at work: a person will look."
        return case.needs_review(message, **expected, **number_facts(claim))
    return case.failed(f"{value:g} is not the number of parameters.", **expected, **number_facts(claim))


def _mistaken(case: Case, value: float, facts: dict[str, Any]) -> Verdict:
    reasons = " and ".join(map(case.misconception, facts["misconceptions"]))
    charges = (Charge((slug,)) for slug in facts["misconceptions"])
    return case.charge(f"{value:g} is not the number of parameters: {reasons}.", *charges, **facts)


def _count_by_keras(counts: Count) -> Verdict:
    case, expected = counts.case, counts.arithmetic
    message = "The count appears only in what Keras printed (such as `summary()`); the sheet asks for it by hand."
    if match := counts.find(counts.right_counts, by_keras=True):
        return case.partial(_BY_KERAS, message, expected=expected, **number_facts(match[0]))
    share = _BY_KERAS * case.follow_share
    if share and (match := counts.find(counts.followed_counts, by_keras=True)):
        return case.partial(share, message, expected=expected, follow_through=True, **number_facts(match[0]))
    return case.absent("The number of parameters is not stated.", expected=expected)


def number_facts(stated: ExtractedNumber) -> dict[str, str | Place]:
    """What a verdict says of a number: as it is written, and where."""
    return {"actual": stated.text.strip(), "place": stated.place}
