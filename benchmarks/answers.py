"""How good the suggestions for written answers are, held against marks that were given by hand.

python benchmarks/answers.py [--final] [FILE]

`tests/answers/written_answers.txt` holds answers to the ten questions of ps10, marked by the guide of `rubrics/ps10.yaml`
before any pattern was changed for them: a line `## QUESTION MOST`, then `POINTS|WORTH|LANGUAGE|FORM|TEXT`. Half of them,
drawn by the digest of the text, is for tuning; the other half (`--final`) only says how good the outcome is. Another
FILE (`more_answers.txt`, for tuning) is measured whole.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from grader.marking.checks.registry import REGISTRY
from grader.marking.checks.suggestion import suggest
from grader.records import Suggestion
from grader.rubric.load import LoadedRubric, load_rubric

ANSWERS = Path(__file__).parents[1] / "tests/answers/written_answers.txt"
WORTHLESS = {"wrong", "negated", "reversed", "soup", "repeated"}


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer and the points that a person gave it."""

    question: str
    most: float
    points: float
    worth: str
    """'right', 'unusual' (right, in other words), 'partial', 'wrong', 'negated', 'reversed', 'soup' or 'repeated'."""
    text: str


@dataclass(slots=True)
class Tally:
    """What came of some answers: how many, and of those with a figure how many were near."""

    answers: int = 0
    shown: int = 0
    exact: int = 0
    near: int = 0
    full: int = 0
    """Full marks suggested."""

    def add(self, answer: Marked, suggested: Suggestion | None) -> None:
        """Count an answer."""
        self.answers += 1
        if suggested:
            self.shown += 1
            self.exact += suggested.points == answer.points
            self.near += abs(suggested.points - answer.points) <= 1
            self.full += suggested.points == answer.most

    def __str__(self) -> str:
        silent = self.answers - self.shown
        return f"{self.answers:3} answers, {silent:3} silent, exact {self.exact:3} of {self.shown:3}, full marks {self.full:3}"


@dataclass(slots=True)
class Outcome:
    """The tallies over all, over those that earn nothing or full marks, and by worth and question."""

    all: Tally = field(default_factory=Tally)
    wrong: Tally = field(default_factory=Tally)
    right: Tally = field(default_factory=Tally)
    by: defaultdict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def summary(self) -> str:
        """For those who mark."""
        every = self.all
        return (
            f"Of {every.answers} answers that a person had marked before, {every.shown / every.answers:.0%} got a figure: "
            f"{every.exact / every.shown:.0%} of these exactly the person's, {every.near / every.shown:.0%} within a point. "
            f"Full points were suggested for {self.right.full} of {self.right.answers} that earn them, and for "
            f"{self.wrong.full} of {self.wrong.answers} wrong ones."
        )


def read(path: Path = ANSWERS) -> Iterator[Marked]:
    """The marked answers."""
    question, most = "", 0.0
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("## "):
            question, most = line.split()[1], float(line.split()[2])
        else:
            points, worth, _, _, text = line.split("|", 4)
            yield Marked(question, most, float(points), worth, text)


def half(*, final: bool) -> list[Marked]:
    """The answers for tuning, or those that are put aside."""
    return sorted(read(), key=lambda answer: hashlib.sha256(answer.text.encode()).digest())[int(final) :: 2]


def measure(answers: Iterable[Marked], loaded: LoadedRubric) -> Outcome:
    """Suggest points for answers and compare."""
    criteria = {c.id: c for task in loaded.rubric.tasks for c in task.criteria}
    outcome = Outcome()
    for answer in answers:
        suggested = suggest(criteria[answer.question], loaded.reference.answers[answer.question], answer.text)
        for tally in (outcome.all, outcome.by[answer.worth], outcome.by[answer.question]):
            tally.add(answer, suggested)
        if answer.worth in WORTHLESS:
            outcome.wrong.add(answer, suggested)
        if answer.points == answer.most:
            outcome.right.add(answer, suggested)
    return outcome


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--final", action="store_true", help="the half that is put aside")
    parser.add_argument("file", nargs="?", type=Path, help="other answers in the same format, all of them")
    given = parser.parse_args()
    answers = list(read(given.file)) if given.file else half(final=given.final)
    outcome = measure(answers, load_rubric("ps10", REGISTRY))
    print(outcome.summary())
    for name, tally in sorted(outcome.by.items()):
        print(f"  {name:12} {tally}")


if __name__ == "__main__":
    main()
