"""The convolutions: each matrix that a student stated is given to the criterion that it answers best."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.extraction.matrices import MatrixOrigin, extract_matrices, extract_zero_claims
from grader.marking.checks import convolution_names
from grader.marking.checks.case import Charge
from grader.marking.checks.registry import check
from grader.records import MatrixDiff

if TYPE_CHECKING:
    from grader.extraction.matrices import ExtractedMatrix
    from grader.marking.checks.case import Case
    from grader.records import Verdict
    from grader.rubric.expected import Convolution, Matrix, Reference

_MOST = 300
"""Matrices of one source that are looked at; more is data, not answers."""
_OR = re.compile(r"[\W_]*(?:or|oder|maybe|vielleicht|alternatively)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Candidate:
    matrix: ExtractedMatrix
    kernel: str
    """Letter of the kernel that its name tells, '' when it does not."""
    image: str

    @property
    def values(self) -> Matrix:
        return self.matrix.values

    @property
    def is_named(self) -> bool:
        return bool(self.kernel and self.image)

    @property
    def pair(self) -> convolution_names.Pair:
        return self.kernel, self.image


@dataclass(frozen=True, slots=True)
class Finding:
    """What a candidate is for one of the convolutions."""

    rank: int
    """3 right, 2 a part of what is right, 1 a known mistake, 0 something else."""
    candidate: Candidate
    mistakes: tuple[str, ...] = ()
    likeness: float = 0.0
    """Share of equal entries."""
    rivals: int = 0
    """Other matrices that stand in its place, so that it may be one of several guesses."""


@check("matrix.convolution")
def convolution(case: Case) -> Verdict:
    """The stated matrix equals the convolution of the kernel with the image whose border is repeated."""
    wanted = case.reference.convolutions[case.criterion.expects]
    finding = _best(case, wanted)
    if finding is not None and _contradicted(case, wanted, finding):
        finding = replace(finding, mistakes=())
    if finding is None:
        return case.absent(f"No matrix for {case.criterion.title} was found.")
    given, place = finding.candidate.values, finding.candidate.matrix.place
    same_shape = len(given) == len(wanted.expected) and len(given[0]) == len(wanted.expected[0])
    facts = {
        "expected": _shown(wanted.expected),
        "actual": _shown(given),
        "place": place,
        "details": (MatrixDiff(wanted.expected, given),) if same_shape else (),
    }
    name = case.criterion.title
    if finding.rank > 0 and finding.rivals:
        return _one_of_several(case, finding, facts)
    if finding.rank == 3:
        return case.passed(f"{name} is right.", **facts)
    if finding.rank == 2:
        size = f"{len(given)}×{len(given[0])}"
        message = (
            f"The inner {size} values of {name} are right, but with the border repeated"
            f" the result is {len(wanted.expected)}×{len(wanted.expected[0])}, as large as the image."
        )
        return case.charge(message, Charge(("only the inner values",), 0.5), **facts)
    if not finding.mistakes:
        return case.failed(f"{name} is not right: {_difference(wanted.expected, given)}.", **facts)
    reasons = " and ".join(map(case.misconception, finding.mistakes))
    charges = (Charge((slug,)) for slug in finding.mistakes)
    return case.charge(f"{name} is not right: {reasons}.", *charges, misconceptions=finding.mistakes, **facts)


def _one_of_several(case: Case, finding: Finding, facts: dict[str, Any]) -> Verdict:
    """Two under one name may be a correction, and matrices without names need not all be answers; more are guesses."""
    name, several = case.criterion.title, finding.rivals + 1
    if finding.candidate.is_named and several > 2:
        message = f"{several} different matrices are stated as {name}: several different guesses are no answer."
        return case.failed(message, **facts)
    which = f"as {name}" if finding.candidate.is_named else "without a name"
    message = f"{several} different matrices are stated {which}: a person will see which one is meant."
    return case.needs_review(message, **facts)


def _difference(expected: Matrix, given: Matrix) -> str:
    rows, columns = len(expected), len(expected[0])
    if (len(given), len(given[0])) != (rows, columns):
        return f"it has {len(given)}×{len(given[0])} values where {rows}×{columns} are asked for"
    wrong = int((~np.isclose(expected, given)).sum())
    return f"{wrong} of its {rows * columns} values {'differs' if wrong == 1 else 'differ'}"


def _shown(matrix: Matrix) -> str:
    return "[" + ", ".join("[" + ", ".join(f"{v + 0.0:g}" for v in row) + "]" for row in matrix) + "]"


# ------------------------------------------------------------------ which matrix for which convolution


def _best(case: Case, wanted: Convolution) -> Finding | None:
    """The best of what the sources say: a check by SciPy may repeat what stands in the text, or fill its gaps."""
    findings = [
        finding
        for source in MatrixOrigin
        if (finding := _assigned(case, _candidates(case, source)).get(wanted.name)) is not None
    ]
    findings += [Finding(3, c, likeness=1.0) for c in _zeros(case, wanted)]
    return max(findings, key=lambda f: (f.rank, not f.rivals, f.likeness), default=None)


def _contradicted(case: Case, wanted: Convolution, finding: Finding) -> bool:
    """Whether another result is right in which the same mistake would show: then it was a slip, no misconception."""
    others = [c for c in case.reference.convolutions.values() if c.name != wanted.name]
    shows = [c for c in others if any(slug in c.mistakes for slug in finding.mistakes)]
    return any((other := _best(case, c)) is not None and other.rank == 3 for c in shows)


def _zeros(case: Case, wanted: Convolution) -> list[Candidate]:
    """Sentences that say that this convolution is zero, where it is."""
    if np.any(wanted.expected):
        return []
    pair = _letters(wanted)
    claims = extract_zero_claims(case.evidence.submission)
    return [Candidate(m, *pair) for m in claims if pair in convolution_names.in_text(m.hint)]


def _letters(wanted: Convolution) -> convolution_names.Pair:
    return wanted.kernel[-1].lower(), wanted.image[-1].lower()


def _candidates(case: Case, source: MatrixOrigin) -> list[Candidate]:
    """Matrices of a source that may be results, with what their names tell."""
    inputs = _inputs(case.reference)
    candidates: list[Candidate] = []
    stated = [m for m in extract_matrices(case.evidence) if m.source is source]
    for _, same in groupby(stated, key=lambda m: (m.place, m.hint)):
        group = list(same)
        for matrix, (kernel, image) in zip(group, _names(group), strict=True):
            values = np.array(matrix.values)
            if any(values.shape == i.shape and np.allclose(values, i) for i in inputs):
                continue
            if source is MatrixOrigin.CODE and not values.any() and not (kernel and image):
                continue  # an empty buffer that a loop fills
            another = bool(candidates) and _OR.match(matrix.hint)  # 'or' another one: under the same name
            candidates.append(Candidate(matrix, *(candidates[-1].pair if another else (kernel, image))))
    if source in {MatrixOrigin.VARIABLE, MatrixOrigin.CODE}:  # a name means what it was given last
        last = {c.pair: c for c in candidates if c.is_named}
        candidates = [c for c in candidates if not c.is_named or c is last[c.pair]]
    return candidates[:_MOST]


def _names(group: list[ExtractedMatrix]) -> list[tuple[str, str]]:
    first = group[0]
    if first.source in {MatrixOrigin.VARIABLE, MatrixOrigin.CODE}:
        return [convolution_names.of_variable(first.hint)] * len(group)
    pairs = convolution_names.before(first.hint, len(group))
    return [*pairs] if pairs else [("", "")] * len(group)


def _inputs(reference: Reference) -> list[np.ndarray]:
    """Images and kernels, also padded or turned: what the results are made from."""
    made = [np.array(k) for k in reference.kernels.values()]
    made += [np.rot90(k, 2) for k in made]
    for image in map(np.array, reference.images.values()):
        made += [image, np.pad(image, 1), np.pad(image, 1, mode="edge")]
    return made


def _assigned(case: Case, candidates: list[Candidate]) -> dict[str, Finding]:
    """One optimal assignment of matrices to the convolutions: names decide, then contents, then order."""
    wanted = list(case.reference.convolutions.values())
    if not candidates:
        return {}
    worth = np.zeros((len(wanted), len(candidates)))
    findings = [[_judge(w, c, wanted, candidates) for c in candidates] for w in wanted]
    for i, w in enumerate(wanted):
        kernel, image = _letters(w)
        for j, c in enumerate(candidates):
            finding = findings[i][j]
            signs = [bool(mine) and (1 if mine == its else -1) for mine, its in ((c.kernel, kernel), (c.image, image))]
            if -1 in signs and (c.kernel and c.image):
                worth[i, j] = -100
            else:
                worth[i, j] = 10 * (signs == [1, 1]) + 0.2 * sum(signs) + finding.rank + finding.likeness - 1e-4 * j
    from scipy.optimize import linear_sum_assignment  # imported late: it takes half a second

    assigned: dict[str, Finding] = {}
    for i, j in zip(*linear_sum_assignment(-worth), strict=True):
        finding, c = findings[i][j], candidates[j]
        believed = bool(c.kernel and c.image) or finding.rank > 0 or (_in_task(case, c) and finding.likeness >= 0.4)
        if worth[i, j] > -50 and believed:
            assigned[wanted[i].name] = replace(finding, rivals=_rivals(c, candidates, most=len(wanted)))
    return assigned


def _rivals(candidate: Candidate, candidates: list[Candidate], most: int) -> int:
    """Other matrices under its name; without names, others of its cell where more than `most` stand there."""
    same = {
        c.values
        for c in candidates
        if c.pair == candidate.pair
        and len(c.values) == len(candidate.values)
        and (c.is_named or c.matrix.place.cell == candidate.matrix.place.cell)
    }
    return len(same) - 1 if candidate.is_named or len(same) > most else 0


def _in_task(case: Case, candidate: Candidate) -> bool:
    """Whether it stands where matrices are asked for, so that a wrong one is an attempt."""
    here = case.tasks_at(candidate.matrix.place)
    asking = {t.id for t in case.rubric.tasks if any(c.check == "matrix.convolution" for c in t.criteria)}
    return bool(here & (asking | {task[:-1] for task in asking}))


def _judge(wanted: Convolution, candidate: Candidate, every: list[Convolution], others: list[Candidate]) -> Finding:
    given, expected = np.array(candidate.values), np.array(wanted.expected)
    if given.shape == expected.shape:
        likeness = float(np.isclose(given, expected).mean())
        if likeness == 1.0:
            return Finding(3, candidate, likeness=1.0)
        for slugs, matrix in sorted(wanted.mistakes.items(), key=lambda item: item[0].count("+")):
            if np.allclose(given, matrix):
                return Finding(1, candidate, tuple(slugs.split("+")), likeness)
        if _swapped(wanted, candidate, every, others):
            return Finding(1, candidate, ("conv.swapped",), likeness)
        return Finding(0, candidate, likeness=likeness)
    inner = tuple(n - 2 for n in expected.shape)
    if given.shape == inner:
        right = np.allclose(given, expected[1:-1, 1:-1])
        return Finding(2 if right else 0, candidate, likeness=float(np.isclose(given, expected[1:-1, 1:-1]).mean()))
    if given.shape == tuple(n + 2 for n in expected.shape):  # all positions where kernel and image overlap
        for slugs, matrix in wanted.mistakes.items():
            if "conv.zero_padding" in slugs and np.allclose(given[1:-1, 1:-1], matrix):
                return Finding(1, candidate, tuple(slugs.split("+")))
    return Finding(-1, candidate)


def _swapped(wanted: Convolution, candidate: Candidate, every: list[Convolution], others: list[Candidate]) -> bool:
    """It bears this name but is another one's result, while this one's stands under another name."""
    if (candidate.kernel, candidate.image) != _letters(wanted):
        return False
    another = any(_equal(candidate.values, w.expected) for w in every if w.name != wanted.name)
    elsewhere = any(
        c.kernel and c.image and (c.kernel, c.image) != _letters(wanted) and _equal(c.values, wanted.expected)
        for c in others
    )
    return another and elsewhere


def _equal(a: Matrix, b: Matrix) -> bool:
    return len(a) == len(b) and len(a[0]) == len(b[0]) and bool(np.allclose(a, b))
