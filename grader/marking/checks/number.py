"""Numbers that a student has to state: parameter counts and the default learning rate."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from grader.extraction.numbers import WRITTEN, ExtractedNumber, NumberOrigin, extract_numbers
from grader.keras.align import Comparison, compare
from grader.marking.checks.registry import check

if TYPE_CHECKING:
    from grader.marking.checks.case import Case
    from grader.records import Place, Verdict

_BY_KERAS = 0.5
"""Share for a count that only Keras told; the sheet asks for it by hand."""
_ONLY_TERMS = 0.5
"""Share for the right terms with no right sum."""
_CROWD = 100
"""Different numbers between half and double of what is asked for; who counts by hand states some ten."""
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
        matched = self.case.matched
        return compare(self.case.spec.model, matched.architecture) if matched else None

    @cached_property
    def asked(self) -> float:
        return self.case.reference.numbers[self.case.criterion.expects]

    @cached_property
    def own(self) -> frozenset[float]:
        """Parameters of the student's own network, trainable and all; empty when it is not known."""
        matched = self.case.matched
        if matched is None:
            return frozenset()
        architecture = matched.architecture
        return frozenset(float(n) for n in (architecture.trainable_params, architecture.params) if n)

    @cached_property
    def own_counts_fully(self) -> bool:
        return self.case.criterion.options.get("own_network") == "full"

    @cached_property
    def right(self) -> dict[float, str]:
        """Right values, with a remark for those that are not simply what is asked for."""
        reference = self.case.reference
        alternatives = {
            v: f" ({why})"
            for why, v in reference.number_alternatives.get(self.case.criterion.expects, {}).items()
            if not self.own or v in self.own
        }
        if self.own_counts_fully and self.own and self.asked not in self.own:
            return alternatives | dict.fromkeys(self.own, ", the count of your network")
        return alternatives | {self.asked: ""}

    @cached_property
    def followed(self) -> dict[float, tuple[str, ...]]:
        """Values right but for a mistake charged elsewhere → its misconceptions."""
        found: dict[float, tuple[str, ...]] = {v: () for v in self.own if v not in self.right}
        for value, slugs in self.mistaken.items():
            if value not in self.right and value not in found and all(self.case.charged(s) for s in slugs):
                found[value] = slugs
        return found

    @cached_property
    def mistaken(self) -> dict[float, tuple[str, ...]]:
        """Values that typical mistakes lead to → the misconceptions."""
        known = self.case.reference.number_mistakes.get(self.case.criterion.expects, {})
        found: dict[float, tuple[str, ...]] = {value: (slug,) for slug, value in known.items()}
        bare = self._own_without_biases()
        return found | ({bare: ("params.no_bias",)} if bare and bare not in found else {})

    def _own_without_biases(self) -> float | None:
        matched = self.case.matched
        if matched is None or not self.own:
            return None
        sizes = [
            layer.config.get("units", layer.config.get("filters", 0))
            for layer in matched.architecture.layers
            if layer.weights and layer.config.get("use_bias", True)
        ]
        biases = sum(size for size in sizes if isinstance(size, int))
        return max(self.own) - biases if biases else None

    @cached_property
    def terms(self) -> frozenset[float]:
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
        table, own = self.comparison.table, self.own_counts_fully and self.asked not in self.own
        rows = [(r.actual_params if own else r.expected_params) for r in table.rows]
        layers = [re.sub(r" = .*", "", row) for row in rows if "·" in row]
        total = max(self.own) if own and self.own else self.asked
        return f"{' + '.join(f'({layer})' for layer in layers)} = {total:g}" if layers else f"{total:g}"

    # ------------------------------------------------------------------ what was stated

    @cached_property
    def stated(self) -> tuple[ExtractedNumber, ...]:
        return extract_numbers(self.case.evidence)

    @cached_property
    def here(self) -> tuple[ExtractedNumber, ...]:
        """Numbers under the task's own label."""
        task = self.case.task.id
        return tuple(s for s in self.stated if in_task(self.case, s, task))

    @cached_property
    def crowded(self) -> frozenset[NumberOrigin]:
        """Ways in which so many numbers of the asked size are stated that one of them says nothing: printed indices."""
        sizes: dict[NumberOrigin, set[float]] = {}
        for s in self.stated:
            sizes.setdefault(s.origin, set()).update(v for v in s.values if self.asked / 2 <= v <= self.asked * 2)
        return frozenset(
            origin for origin, values in sizes.items() if len(values) > _CROWD and origin is not NumberOrigin.KERAS
        )

    def find(
        self, values: dict[float, object], *, machine: bool, crowd: bool = False
    ) -> tuple[ExtractedNumber, float] | None:
        """Where one of the values is stated, the task's own cells first; alone, or in a crowd."""
        for group in (self.here, self.stated):
            for s in group:
                if (s.origin is NumberOrigin.KERAS) == machine and (s.origin in self.crowded) == crowd:
                    for value in values:
                        if s.says(value):
                            return s, value
        return None

    @cached_property
    def wrong(self) -> ExtractedNumber | None:
        """What was stated under the task's label instead: the largest number that is called a count."""
        known = {self.asked, *self.own} | set(self.case.reference.numbers.values())
        inputs = {28.0 * 28.0, 28.0, 60_000.0, 10_000.0}
        claims = [
            s
            for s in self.here
            if s.origin not in {NumberOrigin.KERAS, NumberOrigin.LITERAL}
            and s.values
            and s.values[0] == int(s.values[0])
            and s.values[0] >= 200
            and not {*s.values} & (known | inputs | self.terms)
            and (s.derived or _ABOUT_COUNTS.search(s.context))
        ]
        return max(claims, key=lambda s: s.values[0], default=None)

    @cached_property
    def all_terms(self) -> ExtractedNumber | None:
        """Where the last of all right terms stands, when each is stated under the task's label."""
        said = [s for s in self.here if s.origin is not NumberOrigin.KERAS and any(s.says(t) for t in self.terms)]
        every = len(self.terms) > 1 and all(any(s.says(t) for s in said) for t in self.terms)
        return said[-1] if every else None


def in_task(case: Case, stated: ExtractedNumber, task: str) -> bool:
    """Whether a number stands under a task's label; output belongs where any of its cell's code does."""
    place = stated.place
    spans = [s for s in case.labels.of(task) if s.cell == place.cell]
    return any(place.line is None or s.first_line <= place.line <= s.last_line for s in spans)


@check("number.count")
def count(case: Case) -> Verdict:
    """The number of trainable parameters is stated, counted by hand and with biases."""
    c = Count(case)
    expected = {"expected": c.arithmetic}
    if found := c.find(dict(c.right), machine=False):
        stated, value = found
        remark = c.right[value]
        return case.passed(f"{value:g} parameters{remark}: right.", **expected, **_seen(stated))
    if found := c.find(dict(c.followed), machine=False):
        stated, value = found
        slugs = c.followed[value]
        message = f"{value:g} is right for your own network, which is not the one that is asked for."
        if slugs:
            first = next(v.criterion for v in map(case.charged, slugs) if v is not None)
            message = f"{value:g} repeats what was charged at {first} and is right apart from it."
        return case.followed_through(message, misconceptions=slugs, **expected, **_seen(stated))
    if found := c.find(dict(c.right), machine=False, crowd=True):
        stated, value = found
        message = f"{value:g} is one of very many numbers that are stated: a person will see what is meant."
        return case.needs_review(message, **expected, **_seen(stated))
    if found := _under_task(c, c.mistaken):
        stated, value = found
        slugs = c.mistaken[value]
        title = case.rubric.misconceptions[slugs[0]].title if slugs[0] in case.rubric.misconceptions else slugs[0]
        message = f"{value:g} is not the number of parameters: {title[:1].lower()}{title[1:]}."
        return case.failed(message, misconceptions=slugs, **expected, **_seen(stated))
    if c.all_terms is not None:
        message = "The parameters of each layer are right; "
        message += f"their sum is not {c.wrong.text}." if c.wrong else "their sum, the count asked for, is not stated."
        return case.partial(_ONLY_TERMS, message, **expected, **_seen(c.wrong or c.all_terms))
    if c.wrong is not None and not c.own and (c.own_counts_fully or case.evidence.faults):
        message = f"{c.wrong.values[0]:g} is stated, but your network could not be seen at work: a person will look."
        return case.needs_review(message, **expected, **_seen(c.wrong))
    if c.wrong is not None:
        message = f"{c.wrong.values[0]:g} is not the number of parameters."
        return case.failed(message, **expected, **_seen(c.wrong))
    return _told_by_keras(c)


def _under_task(c: Count, values: dict[float, tuple[str, ...]]) -> tuple[ExtractedNumber, float] | None:
    for s in c.here:
        for value in values:
            if s.origin is not NumberOrigin.KERAS and s.says(value):
                return s, value
    return None


def _told_by_keras(c: Count) -> Verdict:
    message = "The count appears only in what Keras printed (such as `summary()`); the sheet asks for it by hand."
    for values, share in ((c.right, _BY_KERAS), (c.followed, _BY_KERAS * c.case.follow_share)):
        found = c.find(dict(values), machine=True)
        if found and share:
            stated, _ = found
            facts = {"expected": c.arithmetic, "follow_through": values is c.followed, **_seen(stated)}
            return c.case.partial(share, message, **facts)
    return c.case.absent("The number of parameters is not stated.", expected=c.arithmetic)


def _seen(stated: ExtractedNumber) -> dict[str, str | Place]:
    return {"actual": stated.text.strip(), "place": stated.place}


# ------------------------------------------------------------------ the default learning rate

_USUAL_RATE = 0.001
"""Default of every optimizer of Keras but SGD."""
_CLAIM = re.compile(
    r"default|standard|voreinstell|vorgabe|vorgegeben|before|previous|vorher|bisher|zuvor|initial|originally|implicit"
    r"|\b(?:was|war|is|ist|used|verwendet)\b|[=:]",
    re.IGNORECASE,
)
_RATE = re.compile(
    r"learning|lernrate|\brate\b|\blr\b|schrittweite|default|standard|voreinstell|step size|\beta\b|η|α|\balpha\b",
    re.IGNORECASE,
)
_OTHER_FIGURE = re.compile(r"acc|genauigkeit|loss|verlust|%|\btest\b|\btrain", re.IGNORECASE)
_READS_RATE = re.compile(r"learning_rate|\.lr\b|get_config|\blr\b")


@check("number.default_rate")
def default_rate(case: Case) -> Verdict:
    """The default learning rate of the optimizer is stated: in words, by printing it, or by setting it."""
    asked = case.reference.numbers[case.criterion.expects]
    accepted = _defaults(case, asked)
    task = case.task.id
    facts = {"expected": " or ".join(f"{v:g}" for v in accepted)}
    rates = [s for s in extract_numbers(case.evidence) if s.values and any(0 < v < 1 for v in s.values)]

    def says(s: ExtractedNumber) -> bool:
        return any(s.says(v, 1e-6) for v in accepted)

    here = [s for s in rates if in_task(case, s, task)]
    told = [s for s in here if s.origin in WRITTEN | {NumberOrigin.PRINTED} and not s.percent]
    if right := next((s for s in told if says(s)), None):
        return _rate_stated(case, right, facts)
    elsewhere = [s for s in rates if s.origin in WRITTEN | {NumberOrigin.PRINTED} and says(s) and _about_rate(case, s)]
    if elsewhere:
        return _rate_stated(case, elsewhere[0], facts)
    trained = {t.compiled.learning_rate for t in case.evidence.trainings}
    claims = [s for s in told if s.origin in WRITTEN and _CLAIM.search(s.context) and _RATE.search(s.context)]
    wrong = [
        s
        for s in claims
        if not _OTHER_FIGURE.search(s.context)
        and (re.search(r"default|standard|voreinst|was|war", s.context, re.IGNORECASE) or not _used(s, trained))
    ]
    if wrong:
        message = f"{wrong[0].text} is not the default learning rate of the optimizer that you used."
        return case.failed(message, **facts, **_seen(wrong[0]))
    set_in_code = [
        s for s in rates if s.origin in {NumberOrigin.LITERAL, NumberOrigin.ARITHMETIC} and says(s) and _sets_rate(s)
    ]
    if set_in_code and _meant(case, accepted):
        stated = set_in_code[0]
        message = f"Your code sets the learning rate to {stated.text}, which is the default."
        return case.passed(message, **facts, **_seen(stated))
    return case.absent("The default learning rate is not stated.", **facts)


def _rate_stated(case: Case, stated: ExtractedNumber, facts: dict[str, str]) -> Verdict:
    return case.passed(f"The default learning rate, {stated.text}, is stated.", **facts, **_seen(stated))


def _defaults(case: Case, asked: float) -> tuple[float, ...]:
    """What is asked for, and the true default of the optimizer that the student really used."""
    matched = case.matched
    compiled = matched.compiled if matched else None
    spec = case.spec
    if compiled is None or compiled.optimizer in {spec.optimizer, "custom"}:
        return (asked,)
    return (asked, _USUAL_RATE)


def _about_rate(case: Case, stated: ExtractedNumber) -> bool:
    """Whether a number is called a learning rate where it stands, or is the output of code that reads one."""
    if stated.origin is not NumberOrigin.PRINTED:
        return bool(_RATE.search(stated.context))
    cell = next((c for c in case.evidence.submission.cells if c.index == stated.place.cell), None)
    return bool(_RATE.search(stated.context.replace("_", " "))) or bool(cell and _READS_RATE.search(cell.source))


def _sets_rate(stated: ExtractedNumber) -> bool:
    return bool(re.search(r"learning_rate|\blr\b|\brate|SGD\(|\beta\b|lernrate", stated.context))


def _meant(case: Case, accepted: tuple[float, ...]) -> bool:
    """Whether a rate that code sets tells of the default.

    Where no label says what is answered, a network has it and another one another rate; else it is any code's rate.
    """
    if case.labels.spans:
        return True
    rates = {round(c.learning_rate, 6) for n in case.evidence.networks for c in n.compiled if c.learning_rate}
    return len(rates) > 1 and bool(rates & {round(v, 6) for v in accepted})


def _used(stated: ExtractedNumber, rates: set[float | None]) -> bool:
    return any(stated.says(rate, 1e-5) for rate in rates if rate)
