"""Images that are shown, and the search for ankle boots."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import LARGE, Story, judge, labels_of, loaded_rubric

from grader.records import CellStatus, Outcome, Verdict

BOOT = int(loaded_rubric().reference.numbers["1j.label"])
PREDICTED = (BOOT, BOOT, 0, BOOT, BOOT, 1, BOOT, 7)
TRUE = (BOOT, BOOT, 0, 7, BOOT, BOOT, 5, 7)
FOUND = [row for row, label in enumerate(PREDICTED) if label == BOOT]
TRULY = [row for row, label in enumerate(TRUE) if label == BOOT]
LOOP = """\
p = net.predict(x).argmax(axis=1)
for i in range(len(p)):
    if p[i] == 9:
        plt.imshow(x[i])
"""
STOP = LOOP + "        if y[i] != 9:\n            break\n"


# ------------------------------------------------------------------ 1a


def shown(nb: Story, **options) -> Verdict:
    return nb.judge(**options)["1a.images"]


@pytest.mark.parametrize("source", ["train", "test"])
@pytest.mark.parametrize("labelled", [True, False])
def test_images_shown_before_the_networks(source, labelled):
    nb = Story()
    nb.cell("1a")
    nb.show(0, 1, 2, source=source)
    nb.cell("1f")
    nb.train(LARGE)
    verdict = shown(nb, labelled=labelled)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.actual == "3 images"


def test_training_images_shown_late_are_shown():
    nb = Story()
    nb.cell("1f")
    nb.train(LARGE)
    nb.cell("1b")
    nb.show(0, source="train")
    assert shown(nb).outcome is Outcome.PASSED


def test_the_boots_are_not_a_look_at_the_data():
    nb = Story()
    nb.cell("1f")
    nb.train(LARGE)
    nb.cell("1j")
    nb.show(0, 1)
    assert shown(nb).outcome is Outcome.MISSING


def test_other_pictures():
    nb = Story()
    nb.cell("1a")
    nb.show(None, source="unknown")
    assert shown(nb).outcome is Outcome.NEEDS_REVIEW
    nb = Story()
    nb.cell("1f")
    nb.show(None, source="unknown")
    assert shown(nb).outcome is Outcome.MISSING


# ------------------------------------------------------------------ 1j


def search(
    rows: list[int],
    source: str = STOP,
    *,
    predicted: bool = True,
    trained: bool = True,
    title: str = "",
    labelled: bool = True,
    status=CellStatus.OK,
) -> dict[str, Verdict]:
    """Verdicts for a cell that shows test items, some of which are predicted as boots."""
    nb = Story()
    nb.cell("1h")
    network = nb.train(LARGE) if trained else nb.build(LARGE)
    nb.holds("y", labels_of("test"))
    nb.cell("1j", source, status=status)
    if predicted:
        nb.predict(network, PREDICTED)
    for row in rows:
        nb.show(row, title=title.format(TRUE[row]) if TRUE[row] != BOOT else "")
    evidence = nb.evidence()
    marked = tuple(replace(s, true_label=TRUE[s.row]) for s in evidence.shown)
    return judge(replace(evidence, shown=marked), nb.labels if labelled else replace(nb.labels, spans=()))


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("rows", [FOUND, FOUND[:1], FOUND[:3], [3, 6]])
def test_predicted_boots_are_shown(rows, labelled):
    assert search(rows, labelled=labelled)["1j.retrieved"].outcome is Outcome.PASSED


def test_items_predicted_one_by_one():
    nb = Story()
    nb.cell("1h")
    network = nb.train(LARGE)
    nb.cell("1j", STOP)
    for row, label in enumerate(PREDICTED):
        nb.predict(network, (label,), (row,))
    nb.show(0, 1, 3)
    assert nb.judge()["1j.retrieved"].outcome is Outcome.PASSED


def test_items_by_their_true_label():
    verdict = search(TRULY, "for b in x[y == 9]: plt.imshow(b)", predicted=False)["1j.retrieved"]
    assert verdict.outcome is Outcome.FAILED
    assert "true label" in verdict.message
    assert search(TRULY)["1j.retrieved"].outcome is Outcome.FAILED


def test_other_items():
    assert search([2, 5, 7])["1j.retrieved"].outcome is Outcome.FAILED
    assert search([2, 5], "plt.imshow(x[2])", predicted=False)["1j.retrieved"].outcome is Outcome.FAILED


def test_an_untrained_network_finds_little():
    assert search(FOUND, trained=False)["1j.retrieved"].outcome is Outcome.PARTIAL


def test_predictions_that_could_not_be_seen():
    source = "p = np.argmax(net(x), axis=1)\nfor i in np.where(p == 9)[0]: plt.imshow(x[i])"
    assert search(FOUND, source, predicted=False)["1j.retrieved"].outcome is Outcome.NEEDS_REVIEW


@pytest.mark.parametrize("compare", ["p == 9", "9 == p", "names[p] == 'Ankle boot'"])
def test_found_but_not_shown(compare):
    verdict = search([], f"p = net.predict(x).argmax(1)\nboots = x[{compare}]\nprint(len(boots))")["1j.retrieved"]
    assert verdict.outcome is Outcome.PARTIAL
    assert "not shown" in verdict.message


def test_pictures_that_are_not_recognised():
    nb = Story()
    nb.cell("1h")
    network = nb.train(LARGE)
    nb.cell("1j", LOOP)
    nb.predict(network, PREDICTED)
    nb.show(None, source="unknown")
    assert nb.judge()["1j.retrieved"].outcome is Outcome.NEEDS_REVIEW


@pytest.mark.parametrize("source", ["# p = net.predict(x)", "pass"])
def test_nothing_searched(source):
    nb = Story()
    nb.cell("1h")
    nb.train(LARGE)
    nb.cell("1j", source)
    verdicts = nb.judge()
    assert verdicts["1j.retrieved"].outcome is Outcome.MISSING
    assert verdicts["1j.stops"].outcome is Outcome.MISSING


def test_a_search_that_was_never_reached():
    nb = Story()
    nb.cell("1h")
    nb.dies()
    nb.cell("1j", STOP, status=CellStatus.NOT_RUN)
    verdicts = nb.judge()
    assert verdicts["1j.retrieved"].outcome is Outcome.BLOCKED
    assert verdicts["1j.stops"].outcome is Outcome.BLOCKED


# ------------------------------------------------------------------ stopping at wrong ones


@pytest.mark.parametrize(
    "source",
    [
        STOP,
        LOOP + "        if p[i] != y[i]:\n            input('next?')\n",
        "p = net.predict(x).argmax(1)\nwrong = np.where((p == 9) & (y != 9))[0]\nfor i in wrong: plt.imshow(x[i])",
        LOOP + "        plt.title('ok' if y[i] == 9 else 'WRONG')\n",
        "def boots(pred, truth):\n    for i in np.where(pred == 9)[0]:\n        if truth[i] != 9:\n            print('wrong', i)\nboots(p, y)",
    ],
)
def test_wrong_ones_are_singled_out(source):
    assert search(FOUND, source)["1j.stops"].outcome is Outcome.PASSED


def test_only_wrong_ones_are_shown():
    assert search([3, 6], LOOP)["1j.stops"].outcome is Outcome.PASSED


def test_right_items_of_other_classes_are_not_misclassified():
    assert search([2, 5, 7], LOOP)["1j.stops"].outcome is not Outcome.PASSED


def test_whoever_shows_others_beside_the_boots_loses_nothing():
    nb = Story()
    nb.cell("1h")
    network = nb.train(LARGE)
    nb.cell("1j", LOOP + "for i in range(8): plt.imshow(x[i])\n" + "for i in w: plt.imshow(x[i])")
    nb.predict(network, PREDICTED)
    for nb.line, rows in ((4, [2, 5, 7]), (5, FOUND), (6, [3, 6, 3])):
        nb.show(*rows)
    evidence = nb.evidence()
    marked = tuple(replace(s, true_label=TRUE[s.row]) for s in evidence.shown)
    verdicts = judge(replace(evidence, shown=marked), nb.labels)
    assert verdicts["1j.retrieved"].outcome is Outcome.PASSED
    few = tuple(s for s in marked if s.place.line != 5)
    assert judge(replace(evidence, shown=few), nb.labels)["1j.retrieved"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("title", "outcome"), [("WRONG: {}", "passed"), ("falsch ({})", "passed"), ("class {}", "partial"), ("", "missing")]
)
def test_titles_may_tell(title, outcome):
    assert search(FOUND, LOOP, title=title)["1j.stops"].outcome == outcome


@pytest.mark.parametrize(
    "source", [LOOP, LOOP + "        if n == limit: break\n", "for b in x[p == 9][:25]: plt.imshow(b)"]
)
def test_nothing_singles_them_out(source):
    assert search(FOUND, source)["1j.stops"].outcome is Outcome.MISSING


def test_by_true_label_there_is_nothing_wrong_to_find():
    assert search(TRULY, "for b in x[y == 9]: plt.imshow(b)", predicted=False)["1j.stops"].outcome is Outcome.MISSING


def test_a_function_defined_elsewhere():
    nb = Story()
    nb.cell(
        "",
        "def show(net):\n    p = net.predict(x).argmax(1)\n    for i in np.where(p == 9)[0]:\n        plt.imshow(x[i])\n        if y[i] != 9: break\n",
    )
    nb.cell("1h")
    network = nb.train(LARGE)
    nb.cell("1j", "show(net)")
    nb.predict(network, PREDICTED)
    nb.show(0, 1, 3)
    verdicts = nb.judge()
    assert verdicts["1j.retrieved"].outcome is Outcome.PASSED
    assert verdicts["1j.stops"].outcome is Outcome.PASSED


# ------------------------------------------------------------------ notebooks that never look for boots


def shows_some(source: str, rows: list[int], *, task: str = "") -> dict[str, Verdict]:
    """Test items shown with what they were predicted as; item 0 happens to be a boot."""
    nb = Story()
    nb.cell("1h")
    network = nb.train(LARGE)
    nb.holds("y", labels_of("test"))
    nb.cell(task, source)
    nb.predict(network, PREDICTED)
    nb.show(*rows)
    evidence = nb.evidence()
    marked = tuple(replace(s, true_label=TRUE[s.row]) for s in evidence.shown)
    return judge(replace(evidence, shown=marked), nb.labels)


GLANCE = "p = net.predict(x).argmax(1)\nplt.imshow(x[0])\nplt.title('ok' if p[0] == y[0] else 'wrong')"


@pytest.mark.parametrize("rows", [[0], [0, 1], [0, 2, 5, 6], [3]])
def test_a_glance_at_predictions_is_no_search(rows):
    verdicts = shows_some(GLANCE, rows)
    assert verdicts["1j.retrieved"].outcome is Outcome.MISSING
    assert verdicts["1j.stops"].outcome is Outcome.MISSING


def test_under_its_label_a_glance_is_an_attempt():
    assert shows_some(GLANCE, [0, 2, 5, 6], task="1j")["1j.retrieved"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "source",
    [
        "boot = 9\np = net.predict(x).argmax(1)\nplt.imshow(x[np.where(p == boot)[0][0]])",
        "boot = names.index('Ankle boot')\np = net.predict(x).argmax(1)\nplt.imshow(x[p == boot][0])",
        "p = net.predict(x).argmax(1)\nplt.imshow(x[p == names.index('Ankle boot')][0])",
    ],
)
def test_the_label_may_have_a_name(source):
    assert shows_some(source, [0])["1j.retrieved"].outcome is Outcome.PASSED


def test_many_boots_and_nothing_else_are_no_chance():
    assert shows_some("show_boots(net)", [0, 1, 3])["1j.retrieved"].outcome is Outcome.PASSED
