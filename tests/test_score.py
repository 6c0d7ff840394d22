"""Verdicts × rubric → grade: points add up, nothing is left out, status by the contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from builders import Story, evidence, loaded_rubric, solution, submission
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.marking.score import errored_grade, score
from grader.records import (
    Cell,
    CellKind,
    Fault,
    FaultKind,
    Grade,
    Outcome,
    Status,
    SubmissionRef,
    Unreadable,
    Verdict,
)

LOADED = loaded_rubric()
CRITERIA = [c for task in LOADED.rubric.tasks for c in task.criteria]
REF = SubmissionRef("ada", "Ada", Path("ada.ipynb"), Path())


def verdicts(outcome: Outcome = Outcome.PASSED, share: float = 1.0) -> tuple[Verdict, ...]:
    return tuple(Verdict(c.id, outcome, share, "…") for c in CRITERIA)


def test_full_marks_are_100_and_10():
    grade = score(evidence(), verdicts(), LOADED)
    assert (grade.score, grade.max_score, grade.pending) == (100, 100, 0)
    assert (grade.bonus, grade.max_bonus, grade.pending_bonus) == (10, 10, 0)


def test_right_networks_lose_nothing_and_what_is_not_there_is_missing():
    judged = solution().judge()
    grade = score(solution().evidence(), tuple(judged.values()), LOADED)
    lost = {v.outcome for v in judged.values() if v.share < 1}
    assert lost <= {Outcome.MISSING, Outcome.PARTIAL}  # accuracies are noted by `fit` alone
    assert grade.score + grade.bonus == sum(c.points * judged[c.id].share for c in CRITERIA) > 40


@pytest.mark.parametrize("outcome", [Outcome.NEEDS_REVIEW, Outcome.ERRORED])
def test_what_waits_for_a_person_is_pending_and_not_scored(outcome):
    grade = score(evidence(), verdicts(outcome, 0.0), LOADED)
    assert (grade.score, grade.pending, grade.pending_bonus) == (0, 100, 10)


@given(shares=st.lists(st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 1.0]), min_size=len(CRITERIA), max_size=len(CRITERIA)))
@settings(max_examples=30, deadline=None)
def test_points_stay_within_bounds_and_add_up(shares):
    given_ = tuple(replace(v, share=s) for v, s in zip(verdicts(Outcome.PARTIAL), shares, strict=True))
    grade = score(evidence(), given_, LOADED)
    each = [c for t in grade.tasks for c in t.criteria]
    assert [c.verdict.criterion for c in each] == [c.id for c in CRITERIA]
    assert all(0 <= c.points <= c.max_points for c in each)
    assert grade.score == pytest.approx(sum(t.points for t in grade.tasks if not t.bonus))
    assert grade.score == round(grade.score, 2)
    assert all(t.points == round(t.points, 2) for t in grade.tasks)


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (FaultKind.CELL_ERROR, Status.GRADED),
        (FaultKind.CELL_TIMEOUT, Status.GRADED),
        (FaultKind.INPUT_REQUESTED, Status.GRADED),
        (FaultKind.OUTPUT_FLOOD, Status.GRADED),
        (FaultKind.TIMEOUT, Status.FAULTED),
        (FaultKind.MEMORY, Status.FAULTED),
        (FaultKind.KERNEL_DIED, Status.FAULTED),
        (FaultKind.TAMPERED, Status.FAULTED),
    ],
)
def test_status_by_fault(kind, status):
    assert score(evidence(faults=(Fault(kind, 3, "…"),)), verdicts(), LOADED).status is status


def test_an_unfilled_template_is_empty():
    template = submission("import numpy as np\n# your code here", Cell(1, CellKind.MARKDOWN, "# Problem 1\nAnswer:"))
    assert score(evidence(template), verdicts(Outcome.MISSING, 0.0), LOADED).status is Status.EMPTY
    tried = Story()
    tried.cell("1a", "x = undefined")
    assert score(tried.evidence(), verdicts(Outcome.MISSING, 0.0), LOADED).status is Status.GRADED


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("def solve(x):\n    '''Your code here.'''\n    pass", Status.EMPTY),
        ("def solve(x):\n    raise NotImplementedError('todo')", Status.EMPTY),
        ("model = None\nanswer = ...\nclass Net:\n    pass", Status.EMPTY),
        ("%matplotlib inline\n!pip install keras", Status.EMPTY),
        ("def solve(x):\n    return x + 1", Status.GRADED),
        ("model = Sequential(", Status.GRADED),
    ],
)
def test_code_that_does_nothing_is_no_attempt(code, status):
    graded = score(evidence(submission(code)), verdicts(Outcome.MISSING, 0.0), LOADED)
    assert graded.status is status


LOADING = "import keras\n(x, y), (a, b) = keras.datasets.fashion_mnist.load_data()"
PLACEHOLDER = "# YOUR CODE HERE\nraise NotImplementedError()"


def template(*cells: tuple[str, str], loads: bool = True) -> Story:
    """A notebook of labelled cells whose code loads the data."""
    nb = Story()
    for task, source in cells:
        nb.cell(task, source)
    if loads:
        nb.load_data()
    return nb


def graded(nb: Story) -> Grade:
    return score(nb.evidence(), tuple(nb.judge().values()), LOADED, nb.labels)


@pytest.mark.parametrize(
    "cells",
    [
        [("", LOADING), ("1b", PLACEHOLDER)],
        [("1a", LOADING), ("1a", "# TODO: show a few images"), ("1b", PLACEHOLDER)],
        [("", LOADING + "\nprint(x.shape, keras.__version__)\nprint('ready')"), ("1b", "model = ...")],
        [("", LOADING + "\nkeras.utils.set_random_seed(1)\nNAMES = ['a', 'b']\nN: int = 3"), ("1c", PLACEHOLDER)],
        [("", LOADING), ("1c", "def build():\n    # hier dein Code\n    pass")],
    ],
)
def test_a_template_whose_own_cells_ran_is_empty(cells):
    grade = graded(template(*cells))
    assert (grade.status, grade.score, grade.pending) == (Status.EMPTY, 0.0, 0.0)
    messages = {c.verdict.criterion: c.verdict.message for task in grade.tasks for c in task.criteria}
    assert messages["1a.data"] == "Only the template's own code does this; nothing was added to it."


@pytest.mark.parametrize(
    "cells",
    [
        [("1a", LOADING)],
        [("1a", LOADING), ("1b", PLACEHOLDER)],  # the place for 1a was filled in
        [("", LOADING), ("1b", "# YOUR CODE HERE\nx = x / 255")],
        [("", LOADING), ("1b", PLACEHOLDER), ("1c", "model = keras.Sequential()")],
        [("", LOADING), ("1d", "784 * 10 + 10"), ("1h", PLACEHOLDER)],
        [("", LOADING), ("1d", "print(784 * 10 + 10)"), ("1h", PLACEHOLDER)],
        [("", LOADING), ("1d", "print(8070)"), ("1h", PLACEHOLDER)],
        [("", LOADING), ("1c", "def build():\n    return keras.Sequential()"), ("1h", PLACEHOLDER)],
        [("", LOADING), ("1c", "model = Sequential("), ("1h", PLACEHOLDER)],
    ],
)
def test_an_attempt_of_one_line_is_not_empty(cells):
    assert graded(template(*cells)).status is Status.GRADED


def test_what_was_said_in_a_template_is_an_attempt():
    nb = template(("", LOADING), ("1d", PLACEHOLDER))
    nb.text("1d", "784*10+10 + 10*10+10 + 10*10+10 = 8070 parameters")
    assert graded(nb).status is Status.GRADED


@pytest.mark.parametrize(
    ("nbgrader_id", "others", "status"),
    [
        ("q1", [], Status.EMPTY),
        ("", [PLACEHOLDER], Status.EMPTY),
        ("", [], Status.GRADED),  # its author locked it
        ("q1", ["x = 1"], Status.GRADED),
    ],
)
def test_locked_cells_are_the_courses(nbgrader_id, others, status):
    nb = template(("", LOADING + "\nplt.imshow(x[0])"))
    nb.show(0, source="train")
    nb.cells[0] = replace(nb.cells[0], locked=True, nbgrader_id=nbgrader_id)
    for source in others:
        nb.cell("", source)
    assert graded(nb).status is status


def test_our_own_failure_is_told_of_a_template_too():
    nb = template(("", LOADING), ("1b", PLACEHOLDER))
    failed = [replace(v, outcome=Outcome.ERRORED) if v.criterion == "1a.data" else v for v in nb.judge().values()]
    grade = score(nb.evidence(), failed, LOADED, nb.labels)
    assert grade.tasks[0].criteria[0].verdict.outcome is Outcome.ERRORED


def test_unreadable_lists_every_criterion_with_the_reason():
    grade = score(Unreadable(REF, "It is cut short."), (), LOADED)
    assert grade.status is Status.UNREADABLE
    assert [f.kind for f in grade.faults] == [FaultKind.UNREADABLE]
    assert {c.verdict.message for t in grade.tasks for c in t.criteria} == {"It is cut short."}
    assert grade.score == grade.pending == 0


def test_our_own_failure_costs_nobody_points():
    grade = errored_grade(REF, "disk on fire", LOADED)
    assert grade.pending == grade.max_score
    assert {c.verdict.outcome for t in grade.tasks for c in t.criteria} == {Outcome.ERRORED}


def test_misconceptions_are_named_once_in_order():
    named = [replace(v, misconceptions=("data.unscaled",)) for v in verdicts()[:2]] + list(verdicts()[2:])
    assert score(evidence(), tuple(named), LOADED).misconceptions == ("data.unscaled",)
