"""Every message of every check, read for contradictions; every students' page, held against the answers.

The rules are in `saying` and `leaks`; `builders.judge` holds the former against every story of the other tests.
"""

from __future__ import annotations

import html
from dataclasses import replace
from typing import Any

import pytest
import sample_class as sample
from builders import (
    FIRST_20000,
    LARGE,
    SMALL,
    Story,
    cnn_net,
    dense_net,
    images,
    judge,
    labels_of,
    loaded_rubric,
    solution,
    strided_net,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from leaks import answers_on_every_page, handed_out, leaks, page_text
from saying import RULES, contradictions

from grader.marking.checks import run_checks
from grader.marking.match import match
from grader.marking.score import score
from grader.records import CellStatus, FaultKind, Outcome, Verdict

LOADED = loaded_rubric()
CONVOLUTIONS = LOADED.reference.convolutions


# ------------------------------------------------------------------ each rule can fail


def told() -> Story:
    """The right solution with its texts, and a cell that raised."""
    nb = solution()
    nb.text("1d", "784*10 + 10 + 10*10 + 10 + 10*10 + 10 = 8070")
    nb.text("1f", "train 0.90, test 0.90")
    nb.cell("", "undefined", error="NameError: name 'undefined' is not defined")
    return nb


def _broken(criterion: str, **changed: Any) -> set[str]:
    """The rules that are broken once a verdict says something else."""
    nb = told()
    evidence, labels = nb.evidence(), nb.labels
    assignment = match(evidence, labels, LOADED.rubric, LOADED.reference)
    verdicts = run_checks(evidence, labels, assignment, LOADED)
    assert contradictions(evidence, verdicts, assignment, LOADED) == []
    doctored = [replace(v, **changed) if v.criterion == criterion else v for v in verdicts]
    return {line.split(":")[0] for line in contradictions(evidence, doctored, assignment, LOADED)}


DOCTORED: dict[str, tuple[str, dict[str, Any]]] = {
    "large_figures_are_this_criterions": ("1f.accuracy", {"message": "The sheet asks for the first 20,000 items."}),
    "a_default_is_its_optimizers": (
        "1g.default",
        {"message": "Your code sets the learning rate to 0.01, which is the default of Adam."},
    ),
    "never_is_said_of_what_never_was": (
        "1e.loss",
        {"message": "The network was never compiled when the notebook ran."},
    ),
    "networks_are_named_where_there_is_one": ("2a.KxIA", {"message": "It is right for your own network."}),
    "noted_figures_are_the_students_and_near": ("1f.noted", {"actual": "training 0.55, test 0.61"}),
    "full_points_are_no_reproach": ("1e.loss", {"message": "You use SGD instead of Adam."}),
    "no_points_are_no_praise": ("2a.KxIA", {"message": "K_x * I_A is right."}),
    "criteria_named_were_charged": ("1h.count", {"message": "The same mistake was charged under 1d.count."}),
    "cells_named_are_there": ("1h.count", {"message": "Nothing was found in cell 99."}),
    "what_was_asked_for_is_asked_for": ("1g.rate", {"message": "Trained at a rate of 0.1 instead of 0.01."}),
    "measured_figures_were_measured": (
        "1f.accuracy",
        {"message": "Measured here on the official test images: 0.123, at least 0.701 is expected."},
    ),
    "what_you_use_was_used": ("1e.optimizer", {"message": "You use Adam."}),
    "what_stopped_is_known": ("1a.images", {"message": "This could not be reached: it ended."}),
    "outcome_and_share_agree": ("1e.loss", {"share": 0.5}),
    "a_person_is_promised_where_one_decides": ("1e.loss", {"message": "A person will look at it."}),
    "misconceptions_are_of_this_kind": ("1e.loss", {"misconceptions": ("conv.swapped",)}),
    "sentences_are_sentences": ("1f.epochs", {"message": "Trained for 1 epochs"}),
}


@pytest.mark.parametrize("rule", [rule.__name__ for rule in RULES])
def test_each_rule_can_fail(rule):
    criterion, changed = DOCTORED[rule]
    assert rule in _broken(criterion, **changed)


def test_a_cell_said_to_have_stopped_did():
    assert "cells_named_are_there" in _broken("1h.count", message="It is not stated. Cell 0 stopped with an error.")


def test_never_is_said_of_a_whole_record_only():
    nb = Story()
    nb.cell("1c")
    nb.build(SMALL)
    evidence = nb.evidence()
    assignment = match(evidence, nb.labels, LOADED.rubric, LOADED.reference)
    verdicts = run_checks(evidence, nb.labels, assignment, LOADED)
    assert contradictions(evidence, verdicts, assignment, LOADED) == []
    cut = replace(evidence, unrecorded=("More happened than is recorded.",))
    assert any("never" in line for line in contradictions(cut, verdicts, assignment, LOADED))


# ------------------------------------------------------------------ notebooks of every kind

_TASKS = {
    "1f": (SMALL, {}),
    "1g": (SMALL, {"rate": 0.005}),
    "1h": (LARGE, {}),
    "1i": (LARGE, {"x": FIRST_20000}),
    "3b": (cnn_net(), {}),
    "4a": (strided_net(), {}),
    "4b": (strided_net(), {"optimizer": "Adam"}),
}
_NETS = [
    SMALL, LARGE, dense_net(32, 16), dense_net(10), dense_net(10, 10, last="linear"), dense_net(10, 10, output=9),
    dense_net(10, 10, activation="linear"), cnn_net(), cnn_net(8, 16), cnn_net(padding="same"), cnn_net(flatten=False),
    strided_net(),
]  # fmt: skip
_CHANGES: list[dict[str, Any]] = [
    {}, {}, {}, {"optimizer": "Adam"}, {"optimizer": "Adam", "rate": 0.01}, {"rate": 0.1}, {"loss": "mean_squared_error"},
    {"loss": "categorical_crossentropy"}, {"loss": "custom"}, {"from_logits": True}, {"metrics": ()}, {"epochs": 5},
    {"metrics": ("custom",)}, {"epochs": 1}, {"validation": None}, {"validation_split": 0.2}, {"x": images("train", 1500)},
    {"validation": images("unknown")}, {"validation": images("test", hi=255.0)}, {"x": images("train", hi=255.0)},
    {"x": images("unknown")}, {"x": images("test")}, {"error": "ValueError: shapes"}, {"test_accuracy": 0.2},
    {"test_accuracy": 0.78, "train_accuracy": 0.5}, {"unverified": "It has layers of its own."},
    {"epochs": 0, "epochs_done": 0, "validation": None}, {"validation_y": labels_of("train", 10_000)},
]  # fmt: skip
_TEXTS = [
    "784*10 + 10 + 10*10 + 10 + 10*10 + 10 = 8070", "8040 parameters", "The default rate is 0.01.", "The default is 0.1.",
    "train 0.90, test 0.90", "train 0.55, test 0.61", "La precisión en el conjunto de prueba: 0.9", "55050", "3330 < 8070",
    "K_x * I_A = [[0,-4,0,4,0],[0,-4,0,4,0],[0,-4,0,4,0],[0,-4,0,4,0],[0,-4,0,4,0]]", "K_x finds edges.",
    "K_y * I_B = [[0,0,0,0,0],[4,4,4,4,4],[0,0,0,0,0],[-4,-4,-4,-4,-4],[0,0,0,0,0]]", "K_x * I_B is zero.",
]  # fmt: skip
_PLACES = ["", "1c", "1d", "1e", "1f", "1g", "1h", "1i", "1j", "2a", "2b", "3a", "3c", "4a"]
_ENDS = [None, None, None, FaultKind.TIMEOUT, FaultKind.MEMORY]


@st.composite
def notebooks(draw: st.DrawFn) -> Story:
    """Some of the tasks, each as asked for or in one of many other ways, and texts under any label."""
    nb = Story()
    if draw(st.booleans()):
        nb.cell("1a", "load()")
        nb.load_data()
        nb.show(0, source="train")
    for task in draw(st.lists(st.sampled_from(sorted(_TASKS)), max_size=5, unique=True)):
        net, options = _TASKS[task]
        net = draw(st.sampled_from(_NETS)) if draw(st.integers(0, 3)) == 0 else net
        changed = options | draw(st.sampled_from(_CHANGES))
        if "x" in changed and net.input_shape != (784,):
            changed.pop("x")
        nb.cell(
            task if draw(st.booleans()) else "",
            draw(st.sampled_from(["fit()", "fit(verbose=0)", "opt = SGD(0.01)"])),
        )
        if draw(st.integers(0, 4)) == 0:
            nb.build(net)
        else:
            nb.train(net, **changed)
    for text in draw(st.lists(st.sampled_from(_TEXTS), max_size=5)):
        nb.text(draw(st.sampled_from(_PLACES)), text)
    if draw(st.integers(0, 4)) == 0:
        nb.cell(draw(st.sampled_from(_PLACES)), "undefined", error="NameError: name 'undefined' is not defined")
    if nb.runs and (end := draw(st.sampled_from(_ENDS))):
        nb.dies(end)
        nb.cell("3b", "model.fit()", status=CellStatus.NOT_RUN)
    return nb


@settings(max_examples=100, deadline=None)
@given(notebooks())
def test_no_message_contradicts_what_was_seen(nb):
    judge(nb.evidence(), nb.labels)
    judge(nb.evidence())


def _worth(nb: Story) -> float:
    """Points earned or still to be had."""
    verdicts = nb.judge()
    criteria = (c for t in LOADED.rubric.tasks for c in t.criteria)
    open_too = {Outcome.NEEDS_REVIEW: 1.0}
    return sum(c.points * open_too.get(verdicts[c.id].outcome, verdicts[c.id].share) for c in criteria)


def _whole(task: str, changed: dict[str, Any], right: str = "") -> Story:
    """Every network as asked for, but the task's; a right one of that 'before' it, or at the end ('last')."""
    nb = Story()
    for name, (net, options) in _TASKS.items():
        given = options | {k: v for k, v in changed.items() if k != "x" or net.input_shape == (784,)}
        nb.cell(name)
        if name == task and right == "before":
            nb.train(net, **options)
        nb.train(net, **(given if name == task else options))
    if right == "last":
        nb.cell(task)
        nb.train(_TASKS[task][0], **_TASKS[task][1])
    return nb


@pytest.mark.parametrize("task", sorted(_TASKS))
def test_a_right_attempt_more_never_costs_points(task):
    """Whatever was wrong with a task's network, and whether the right one comes before it or at the end."""
    for changed in [{}, *_CHANGES[3 :: 1 if task == "1f" else 4]]:
        alone = _worth(_whole(task, changed))
        for position in ("before", "last"):
            assert _worth(_whole(task, changed, position)) >= alone - 1e-9, (changed, position)


# ------------------------------------------------------------------ what students are handed


def page_of(nb: Story) -> tuple[str, list[str]]:
    evidence, labels = nb.evidence(), nb.labels
    assignment = match(evidence, labels, LOADED.rubric, LOADED.reference)
    grade = score(evidence, run_checks(evidence, labels, assignment, LOADED), LOADED)
    text = handed_out(grade, evidence, assignment, LOADED, sample.RUN)
    return text, leaks(text, evidence, assignment, LOADED)


@settings(max_examples=40, deadline=None)
@given(notebooks())
def test_students_pages_tell_no_answer(nb):
    assert page_of(nb)[1] == []


def test_no_title_or_help_answers_a_question():
    assert answers_on_every_page(LOADED) == []


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("title", "Vertical edges (K_x) and horizontal edges (K_y)"),
        ("help", "Divide by 255: large inputs make large gradients, and training becomes unstable."),
    ],
)
def test_a_title_or_help_that_answers_is_seen(what, name):
    rubric = LOADED.rubric
    if what == "title":
        tasks = [
            t.model_copy(
                update={
                    "criteria": [
                        c.model_copy(update={"title": name}) if c.id == "2b.features" else c for c in t.criteria
                    ]
                }
            )
            for t in rubric.tasks
        ]
        changed = rubric.model_copy(update={"tasks": tasks})
    else:
        known = rubric.misconceptions["data.unscaled"].model_copy(update={"help": name})
        changed = rubric.model_copy(update={"misconceptions": rubric.misconceptions | {"data.unscaled": known}})
    assert answers_on_every_page(replace(LOADED, rubric=changed)) != []


@pytest.mark.parametrize(
    ("said", "leak"),
    [
        ("of 8070 parameters", "a count"),
        ("of 55,050 parameters", "a count"),
        (LOADED.reference.answers["1b.why"].points[0].text, "a sentence"),
        (f"<b>{html.escape(str([list(map(int, r)) for r in CONVOLUTIONS['KxIA'].expected]))}</b>", "the matrix"),
        ("File /opt/lib/python3.11/site-packages/keras/a.py", "a folder"),
        ("/room/work", "a folder"),
    ],
)
def test_each_leak_is_seen(said, leak):
    nb = solution()
    evidence = nb.evidence()
    assignment = match(evidence, nb.labels, LOADED.rubric, LOADED.reference)
    found = leaks(page_text(f"<p title='x'>{said}</p>"), evidence, assignment, LOADED)
    assert [line for line in found if line.startswith(leak)]


def test_what_a_student_says_is_no_leak():
    nb = told()
    nb.text("2a", "K_x * I_A = " + str([list(map(int, r)) for r in CONVOLUTIONS["KxIA"].expected]))
    text, found = page_of(nb)
    assert found == []
    assert "8070" in text


def test_a_wrong_count_is_not_told_the_right_one():
    nb = solution()
    nb.text("1d", "784*10 + 10*10 + 10*10 = 8040")
    nb.text("3c", "3320 parameters")
    text, found = page_of(nb)
    assert found == []
    assert "is not the number of parameters" in text
    assert not {"8070", "3330", "55050"} & {*text.replace(",", "").split()}


def test_every_verdict_is_read(monkeypatch):
    """`judge` reads what it renders: a check that says something false does not get through any test."""
    from grader.marking.checks import registry

    monkeypatch.setitem(
        registry.REGISTRY, "compile.loss", lambda case: Verdict(case.criterion.id, Outcome.PASSED, 1.0, "You use Adam.")
    )
    with pytest.raises(AssertionError, match="what_you_use_was_used"):
        solution().judge()
