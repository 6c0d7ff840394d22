"""How good the suggestions for written answers are, held against marks that were given by hand.

python benchmarks/answers.py [--final]

`tests/answers/written_answers.txt` holds answers to the ten questions of ps10, marked by the guide of `rubrics/ps10.yaml`
before any pattern was changed for them: a line `## QUESTION MOST`, then `POINTS|WORTH|LANGUAGE|FORM|TEXT`. Half of them,
drawn by the digest of the text, is for tuning; the other half (`--final`) only says how good the outcome is.
"""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.marking.checks.registry import REGISTRY
from grader.marking.checks.suggestion import suggest, touches
from grader.rubric.load import load_rubric

ANSWERS = Path(__file__).parents[1] / "tests/answers/written_answers.txt"


@dataclass(frozen=True, slots=True)
class Marked:
    """An answer and the points that a person gave it."""

    question: str
    most: float
    points: float
    worth: str
    """'right', 'unusual' (right, in other words), 'partial', 'wrong', 'negated', 'reversed', 'soup' or 'repeated'."""
    text: str


def read() -> Iterator[Marked]:
    """The marked answers."""
    question, most = "", 0.0
    for line in ANSWERS.read_text("utf-8").splitlines():
        if line.startswith("## "):
            question, most = line.split()[1], float(line.split()[2])
        else:
            points, worth, _, _, text = line.split("|", 4)
            yield Marked(question, most, float(points), worth, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--final", action="store_true", help="the half that is put aside")
    final = parser.parse_args().final
    loaded = load_rubric("ps10", REGISTRY)
    exact: Counter[str] = Counter()
    count: Counter[str] = Counter()
    near = full = worthless = silent = 0
    in_two = sorted(read(), key=lambda answer: hashlib.sha256(answer.text.encode()).digest())
    answers = in_two[int(final) :: 2]
    for answer in answers:
        reference = loaded.reference.answers[answer.question]
        touched = [touches(point, answer.text) for point in reference.points]
        suggested = suggest(answer.most, reference, answer.text, touched)
        if suggested is None:
            silent += 1
            continue
        count[answer.worth] += 1
        exact[answer.worth] += suggested.points == answer.points
        near += abs(suggested.points - answer.points) <= 1
        if answer.worth in {"wrong", "negated", "reversed", "soup", "repeated"}:
            worthless += 1
            full += suggested.points == answer.most
    shown = count.total()
    print(f"{len(answers)} answers, {silent} without a suggestion")
    print(f"exact {exact.total() / shown:.0%}, within a point {near / shown:.0%} of {shown}")
    print(f"full marks suggested for {full} of {worthless} that are wrong")
    for worth in count:
        print(f"  {worth:9} exact {exact[worth]:3} of {count[worth]}")


if __name__ == "__main__":
    main()
