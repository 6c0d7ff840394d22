"""What counts as the statement of a figure: the marked cases of `stated_figures.py`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from builders import SMALL, Story
from stated_figures import CLAIMS, COUNTS, MORE_CLAIMS, MORE_COUNTS, MORE_RATES, RATES, Figure

from grader.records import Verdict


def _told(nb: Story, task: str, figure: Figure) -> None:
    label = task if figure.labelled else ""
    if figure.code:
        nb.cell(label, figure.code, printed=figure.printed)
    if figure.text:
        nb.text(label, figure.text)


def counted(figure: Figure) -> Verdict:
    nb = Story()
    nb.cell("1f" if figure.labelled else "")
    nb.train(SMALL)
    _told(nb, "1d", figure)
    return nb.judge()["1d.count"]


def claimed(figure: Figure) -> Verdict:
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, train_accuracy=0.776, test_accuracy=0.771)
    history = nb.facts["trainings"][-1].history
    history["accuracy"] = (0.55, 0.73, 0.776)
    _told(nb, "1f", figure)
    return nb.judge()["1f.noted"]


def rated(figure: Figure) -> Verdict:
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1g")
    nb.train(SMALL, rate=0.005)
    _told(nb, "1g", figure)
    return nb.judge()["1g.default"]


JUDGES: dict[str, tuple[Callable[[Figure], Verdict], tuple[Figure, ...]]] = {
    "count": (counted, COUNTS),
    "claim": (claimed, CLAIMS),
    "rate": (rated, RATES),
}
MORE = {"count": MORE_COUNTS, "claim": MORE_CLAIMS, "rate": MORE_RATES}
EVERY = [(kind, figure) for kind, (_, figures) in JUDGES.items() for figure in (*figures, *MORE[kind])]


@pytest.mark.parametrize(
    ("kind", "figure"), EVERY, ids=lambda value: value if isinstance(value, str) else (value.text or value.code)[:60]
)
def test_a_figure_counts_as_a_careful_person_takes_it(kind, figure):
    verdict = JUDGES[kind][0](figure)
    assert verdict.outcome in figure.right.split(), verdict.message
