"""Mistakes are known by their causes: what is made again costs a share, what follows costs nothing, words play no part."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import (
    FIRST_20000,
    LARGE,
    SMALL,
    Story,
    cnn_net,
    dense,
    dense_net,
    images,
    judge,
    labels_of,
    loaded_rubric,
    network_of,
    solution,
    strided_net,
)
from scipy import ndimage, signal

from grader.marking.checks.case import Case
from grader.records import Outcome, Verdict

REFERENCE = loaded_rubric().reference
POINTS = {c.id: c.points for task in loaded_rubric().rubric.tasks for c in task.criteria}


def notebook(*trained: tuple[str, Any, dict[str, Any]], text: dict[str, str] | None = None) -> Story:
    """Networks trained under their tasks' labels, and texts under theirs."""
    nb = Story()
    for task, architecture, options in trained:
        nb.cell(task)
        nb.train(architecture, **options)
    for task, source in (text or {}).items():
        nb.text(task, source)
    return nb


def everywhere(**options: Any) -> Story:
    """All dense and convolutional networks of the sheet, trained alike."""
    return notebook(("1f", SMALL, options), ("1h", LARGE, options), ("3b", cnn_net(), options))


def matrices(convolve: Any) -> Story:
    """The four results of a way to convolve."""
    nb = Story()
    nb.cell("2a")
    for name, c in REFERENCE.convolutions.items():
        kernel, image = np.array(REFERENCE.kernels[c.kernel]), np.array(REFERENCE.images[c.image])
        nb.holds(name, convolve(image, kernel))
    return nb


def swapped() -> Story:
    nb = Story()
    nb.cell("2a")
    right = {name: c.expected for name, c in REFERENCE.convolutions.items()}
    for name in right:
        nb.holds(name, right[name.translate(str.maketrans("xy", "yx"))])
    return nb


NOT_FLIPPED = matrices(lambda i, k: ndimage.correlate(i, k, mode="nearest"))
ZEROS_OUTSIDE = matrices(lambda i, k: signal.convolve2d(i, k, mode="same"))
BOTH = matrices(lambda i, k: signal.correlate2d(i, k, mode="same"))
INNER = matrices(lambda i, k: signal.convolve2d(i, k, mode="valid"))
UNSCALED = {"x": images("train", lo=0.0, hi=255.0)}
TEST_UNSCALED = {"validation": images("test", lo=0.0, hi=255.0)}
LINEAR, LINEAR_LARGE = dense_net(10, 10, activation="linear"), dense_net(64, 64, activation="linear")

REPEATED: dict[str, tuple[Story, dict[str, tuple[float, str]]]] = {
    "zero padding": (
        ZEROS_OUTSIDE,
        {"2a.KxIA": (0, ""), **{f"2a.{n}": (2, "2a.KxIA") for n in ("KyIA", "KxIB", "KyIB")}},
    ),
    "cross-correlation": (
        NOT_FLIPPED,
        {"2a.KxIA": (0, ""), "2a.KyIA": (4, ""), "2a.KxIB": (4, ""), "2a.KyIB": (2, "2a.KxIA")},
    ),
    "cross-correlation and zero padding": (
        BOTH,
        {"2a.KxIA": (0, ""), **{f"2a.{n}": (2, "2a.KxIA") for n in ("KyIA", "KxIB", "KyIB")}},
    ),
    "swapped matrices": (
        swapped(),
        {"2a.KxIA": (0, ""), **{f"2a.{n}": (2, "2a.KxIA") for n in ("KyIA", "KxIB", "KyIB")}},
    ),
    "only the inner values": (
        INNER,
        {"2a.KxIA": (2, ""), **{f"2a.{n}": (3, "2a.KxIA") for n in ("KyIA", "KxIB", "KyIB")}},
    ),
    "another optimizer": (
        everywhere(optimizer="Adam"),
        {"1e.optimizer": (0, ""), "3b.compile": (1.67, "1e.optimizer"), "1h.rate": (1, "")},
    ),
    "another optimizer, its rate set": (
        everywhere(optimizer="RMSprop", rate=0.01),
        {"1e.optimizer": (0, ""), "3b.compile": (1.67, "1e.optimizer"), "1h.rate": (1, "")},
    ),
    "another loss": (everywhere(loss="mean_squared_error"), {"1e.loss": (0, ""), "3b.compile": (1.67, "1e.loss")}),
    "one-hot labels": (
        everywhere(loss="categorical_crossentropy", y=labels_of(one_hot=True)),
        {"1e.loss": (1, ""), "3b.compile": (1.83, "1e.loss")},
    ),
    "softmax twice": (everywhere(from_logits=True), {"1e.loss": (1, ""), "3b.compile": (1.83, "1e.loss")}),
    "no metric": (everywhere(metrics=()), {"1e.metrics": (0, ""), "3b.compile": (1.67, "1e.metrics")}),
    "epochs": (everywhere(epochs=10), {"1f.epochs": (0, ""), "3b.epochs": (0.5, "1f.epochs")}),
    "a split": (everywhere(validation_split=0.2), {"1f.validation": (0, ""), "3b.validation": (1, "1f.validation")}),
    "no validation": (everywhere(validation=None), {"1f.validation": (0, ""), "3b.validation": (1, "1f.validation")}),
    "wrong rate": (
        notebook(("1f", SMALL, {}), ("1h", LARGE, {"rate": 0.1}), ("3b", cnn_net(), {"rate": 0.1})),
        {"1h.rate": (0, ""), "3b.compile": (1.83, "1h.rate")},
    ),
    "no activation": (
        notebook(
            ("1f", LINEAR, {}),
            ("1h", LINEAR_LARGE, {}),
            ("3b", cnn_net(activation="linear"), {}),
            ("4a", network_of(dense(10)), {}),
        ),
        {"1c.layers": (2, ""), "1h.units": (2, ""), "3a.layers": (6, "1c.layers")},
    ),
    "output width": (
        notebook(
            ("1f", dense_net(10, 10, output=11), {}),
            ("1h", dense_net(64, 64, output=11), {}),
            ("3b", cnn_net(), {}),
        ),
        {"1c.layers": (2, ""), "1h.units": (1.5, "1c.layers"), "3a.layers": (8, "")},
    ),
    "no biases counted": (
        notebook(
            ("1f", SMALL, {}),
            ("1h", LARGE, {}),
            ("3b", cnn_net(), {}),
            text={"1d": "8040 parameters", "1h": "54912 parameters", "3c": "3296 parameters"},
        ),
        {"1d.count": (0, ""), "1h.count": (1, "1d.count"), "3c.count": (2.5, "1d.count")},
    ),
}
"""Name → notebook; criterion → points, and the criterion that was charged first."""

FOLLOWED: dict[str, tuple[Story, str, str]] = {
    "test images that are not scaled": (everywhere(**TEST_UNSCALED), "1b.scaled", "1f.validation 3b.validation"),
    "training images that are not scaled": (
        everywhere(**UNSCALED, validation=images("test")),
        "1b.scaled",
        "1f.validation 3b.validation",
    ),
    "accuracy of unscaled images": (everywhere(**UNSCALED, test_accuracy=0.3), "1b.scaled", "1f.accuracy 1h.accuracy"),
    "accuracy of another optimizer": (
        everywhere(optimizer="Adagrad", test_accuracy=0.5),
        "1e.optimizer",
        "1f.accuracy 3b.accuracy",
    ),
    "accuracy after one epoch": (everywhere(epochs=1, test_accuracy=0.58), "1f.epochs", "1f.accuracy"),
    "the rate of another optimizer": (everywhere(optimizer="Adam"), "1e.optimizer", "1h.rate"),
    "the count of swapped filters": (
        notebook(("3b", cnn_net(8, 16), {}), text={"3c": f"{cnn_net(8, 16).params} parameters"}),
        "3a.layers",
        "3c.count",
    ),
    "the count of a wider output": (
        notebook(
            ("1f", dense_net(10, 10, output=11), {}),
            ("1h", dense_net(64, 64, output=11), {}),
            text={"1h": f"{dense_net(64, 64, output=11).params} parameters"},
        ),
        "1c.layers",
        "1h.count",
    ),
    "items that a split holds back": (
        notebook(("1f", SMALL, {"validation_split": 0.2}), ("1i", SMALL, {"x": FIRST_20000, "validation_split": 0.2})),
        "1f.validation",
        "1i.subset",
    ),
}
"""Name → notebook, the criterion that is charged, and those that follow from it."""


def earned(verdict: Verdict) -> float:
    return round(POINTS[verdict.criterion] * verdict.share, 2)


@pytest.mark.parametrize("name", REPEATED)
def test_the_same_mistake_again_costs_half_and_names_where_it_was_charged(name):
    nb, expected = REPEATED[name]
    verdicts = nb.judge()
    got = {criterion: (earned(verdicts[criterion]), verdicts[criterion].repeats) for criterion in expected}
    assert got == expected
    for criterion, (_, first) in expected.items():
        assert not first or f"was charged under {first}" in verdicts[criterion].message


@pytest.mark.parametrize("name", FOLLOWED)
def test_what_follows_from_an_earlier_mistake_costs_nothing(name):
    nb, charged, following = FOLLOWED[name]
    verdicts = nb.judge()
    assert verdicts[charged].share < 1
    for criterion in following.split():
        verdict = verdicts[criterion]
        assert (verdict.outcome, verdict.follow_through, verdict.repeats) == (Outcome.PASSED, True, ""), verdict


def test_with_a_smaller_share_what_follows_is_partial():
    loaded = loaded_rubric()
    strict = replace(loaded, rubric=loaded.rubric.model_copy(update={"follow_through": 0.25}))
    nb, _, following = FOLLOWED["the count of swapped filters"]
    verdict = judge(nb.evidence(), nb.labels, strict)[following]
    assert (verdict.outcome, verdict.share, verdict.follow_through) == (Outcome.PARTIAL, 0.25, True)


@pytest.mark.parametrize(
    ("repeated", "share", "word"), [(0.0, 1.0, "nothing"), (0.25, 0.75, "less"), (1.0, 0.0, "as much")]
)
def test_the_rubric_says_what_a_repetition_costs(repeated, share, word):
    loaded = loaded_rubric()
    other = replace(loaded, rubric=loaded.rubric.model_copy(update={"repeated": repeated}))
    verdict = judge(ZEROS_OUTSIDE.evidence(), ZEROS_OUTSIDE.labels, other)["2a.KyIA"]
    assert (verdict.share, verdict.repeats) == (share, "2a.KxIA")
    assert f"here it costs {word}" in verdict.message


def test_of_two_causes_only_the_repeated_one_costs_half():
    """Adam again, which costs half of its third, and no metric, which is new and costs a whole one."""
    nb = notebook(("1f", SMALL, {"optimizer": "Adam"}), ("3b", cnn_net(), {"optimizer": "Adam", "metrics": ()}))
    verdict = nb.judge()["3b.compile"]
    assert verdict.share == pytest.approx(1.5 / 3)
    assert "A part of this was charged under 1e.optimizer" in verdict.message


def test_a_new_mistake_that_costs_everything_leaves_nothing_to_a_repeated_one():
    nb = Story()
    nb.cell("2a")
    for name, border in (("KxIA", "nearest"), ("KyIB", "constant")):
        c = REFERENCE.convolutions[name]
        nb.holds(name, ndimage.correlate(REFERENCE.images[c.image], REFERENCE.kernels[c.kernel], mode=border))
    verdict = nb.judge()["2a.KyIB"]
    assert (verdict.outcome, verdict.repeats) == (Outcome.FAILED, "2a.KxIA")


def test_another_value_of_the_same_parameter_is_another_mistake():
    nb = notebook(("1f", SMALL, {"optimizer": "Adam"}), ("3b", cnn_net(), {"optimizer": "RMSprop"}))
    assert (nb.judge()["3b.compile"].share, nb.judge()["3b.compile"].repeats) == (pytest.approx(2 / 3), "")


def test_what_is_not_asked_for_in_one_place_is_another_mistake_where_something_else_is_asked_for():
    """RMSprop instead of SGD says nothing about Adam, which 4b is about."""
    nb = everywhere(optimizer="RMSprop")
    nb.cell("4b")
    nb.train(strided_net(), "RMSprop")
    assert not nb.judge()["4b.optimizer"].repeats


def test_a_mistake_in_a_bonus_task_spares_nothing_elsewhere():
    """Who tries a bonus task must not gain by doing it wrong; the other way round it is the same mistake."""
    loaded = loaded_rubric()
    tasks = sorted(loaded.rubric.tasks, key=lambda task: not task.bonus)
    bonus_first = replace(loaded, rubric=loaded.rubric.model_copy(update={"tasks": tasks}))
    nb = notebook(
        ("3b", cnn_net(activation="linear"), {}), ("4a", network_of(*_LINEAR_STRIDED, input_shape=(28, 28, 1)), {})
    )
    last, first = nb.judge(), judge(nb.evidence(), nb.labels, bonus_first)
    assert (last["3a.layers"].share, last["4a.layers"].repeats) == (0.5, "3a.layers")
    assert (first["4a.layers"].repeats, first["3a.layers"].repeats) == ("", "")
    assert first["3a.layers"].share == last["3a.layers"].share


_LINEAR_STRIDED = [
    {"kind": layer.kind, **layer.config, **({"activation": "linear"} if layer.kind == "Conv2D" else {})}
    for layer in strided_net().layers
]


def test_what_a_person_has_to_decide_charges_nothing_yet():
    """A loss of the student's own goes to a person at 1e; the other optimizer is charged where it is decided."""
    nb = everywhere(optimizer="Adam", loss="custom")
    verdicts = nb.judge()
    assert verdicts["1e.loss"].outcome is Outcome.NEEDS_REVIEW
    assert verdicts["1e.loss"].causes == ()
    assert verdicts["3b.compile"].outcome is Outcome.NEEDS_REVIEW


def test_nothing_is_charged_where_everything_is_right():
    assert [v.criterion for v in solution().judge().values() if v.causes or v.repeats or v.follow_through] == []


def test_other_words_change_no_points(monkeypatch):
    """Every message, and what is shown as expected and found, is made another text for each criterion."""
    stories = [nb for nb, _ in REPEATED.values()] + [nb for nb, *_ in FOLLOWED.values()]
    before = [_judgement(nb) for nb in stories]
    spoken = Case._verdict

    def reworded(self: Case, outcome: Outcome, share: float, message: str, facts: dict[str, Any]) -> Verdict:
        said = spoken(self, outcome, share, message, facts)
        return replace(said, message=f"{self.criterion.id}!", expected=self.criterion.id, actual=self.criterion.title)

    monkeypatch.setattr(Case, "_verdict", reworded)
    assert [_judgement(nb) for nb in stories] == before


def _judgement(nb: Story) -> list[tuple[str, float, str, bool]]:
    return [(v.outcome, v.share, v.repeats, v.follow_through) for v in nb.judge(read=False).values()]
