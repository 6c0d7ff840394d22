"""Whatever the order, the labels and the style: each task gets the network that answers it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import (
    FIRST_20000,
    LARGE,
    SMALL,
    Story,
    cnn_net,
    dense_net,
    images,
    loaded_rubric,
    network_of,
    solution,
    strided_net,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.marking.match import Assignment, match
from grader.records import Labels, Outcome

ALL_SLOTS = ["dense_small", "dense_slow", "dense_large", "dense_subset", "cnn", "cnn_strided", "cnn_adam"]


def matched(nb: Story, *, labelled: bool = True) -> Assignment:
    loaded = loaded_rubric()
    return match(nb.evidence(), nb.labels if labelled else Labels(), loaded.rubric, loaded.reference)


def trainings(nb: Story, *, labelled: bool = True) -> dict[str, str]:
    """Slot → id of the training (of the network where it was only built)."""
    found = matched(nb, labelled=labelled).matched
    return {slot: m.training.id if m.training else m.network.id for slot, m in found.items()}


@pytest.mark.parametrize("labelled", [True, False])
def test_a_whole_solution_with_and_without_labels(labelled: bool):
    expected = dict(zip(ALL_SLOTS, [f"t{i}" for i in range(1, 8)], strict=True))
    assert trainings(solution(), labelled=labelled) == expected


def test_nothing_was_built():
    assert matched(Story(cells=[], runs=[])).matched == {}


@pytest.mark.parametrize("rows", [60_000, 55_000, 12_345])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize(
    ("slot", "architecture"), [("dense_small", SMALL), ("dense_small", dense_net(128)), ("cnn", cnn_net(32, 64))]
)
@pytest.mark.parametrize("compiled", [True, False])
def test_a_network_that_was_built_twice_is_one(slot, architecture, optimizer, rows, compiled):
    nb = Story()
    nb.cell("")
    again = nb.build(architecture)
    if compiled:
        nb.compile(again, optimizer)
    nb.cell("")
    x = images("train", rows, shape=architecture.input_shape)
    nb.train(architecture, optimizer, x=x, epochs=10)
    assert trainings(nb) == {slot: "t1"}


@pytest.mark.parametrize(
    ("slot", "architecture"),
    [("dense_small", dense_net(300, 150, 100, 50, 20)), ("dense_small", dense_net()), ("cnn", cnn_net(64, 32))],
)
def test_the_only_network_of_its_kind_is_judged_however_unlike(slot, architecture):
    nb = Story()
    nb.cell("")
    x = images("train", 53_000, shape=architecture.input_shape)
    nb.train(architecture, "Adam", x=x, epochs=10)
    assert trainings(nb) == {slot: "t1"}


ADAM = {"optimizer": "Adam"}


@pytest.mark.parametrize(
    ("first", "task", "architecture", "how", "others"),
    [
        ("cnn", "3b", cnn_net(), ADAM, set()),
        ("cnn", "3", cnn_net(), ADAM, set()),
        ("cnn", "4b", cnn_net(), ADAM, {"cnn_adam"}),
        ("cnn", "4", cnn_net(), ADAM, set()),
        ("cnn", "4b", cnn_net(32, 64, padding="same"), ADAM, {"cnn_adam"}),
        ("cnn", "4a", strided_net(), {}, {"cnn_strided"}),
        ("cnn", "4b", strided_net(), ADAM, {"cnn_strided", "cnn_adam"}),
        ("dense_small", "1h", LARGE, {}, {"dense_large"}),
        ("dense_small", "1i", SMALL, {"x": FIRST_20000}, {"dense_subset"}),
        ("dense_small", "1g", SMALL, {"rate": 0.005}, {"dense_slow"}),
        ("dense_small", "1g", SMALL, ADAM, set()),
    ],
)
def test_the_only_network_of_its_kind_answers_the_first_task_whatever_it_is_labelled(
    first, task, architecture, how, others
):
    nb = Story()
    nb.cell(task)
    nb.train(architecture, **how)
    assert trainings(nb) == dict.fromkeys({first, *others}, "t1")
    assert matched(nb).spare == ()


@pytest.mark.parametrize("said", [True, False])
def test_adam_in_problem_3_answers_the_bonus_only_where_something_is_said_there(said):
    nb = Story()
    nb.cell("3b")
    nb.train(cnn_net(), "Adam")
    if said:
        nb.text("4b", "Adam, which I had above, adapts the step of every weight.")
    verdicts = nb.judge()
    assert verdicts["3a.layers"].outcome is Outcome.PASSED
    assert verdicts["3b.compile"].misconceptions == ("optimizer.other",)
    assert (verdicts["4b.optimizer"].outcome is Outcome.PASSED) == said


def test_of_several_networks_under_the_bonus_the_likeliest_answers_the_first_task():
    nb = Story()
    nb.cell("4a")
    nb.train(strided_net())
    nb.cell("4b")
    nb.train(cnn_net(), "Adam")
    assert trainings(nb) == {"cnn": "t2", "cnn_strided": "t1", "cnn_adam": "t2"}


def test_a_network_that_is_trained_again_with_other_settings_is_not_lost_to_the_bonus():
    nb = Story()
    nb.cell("3b")
    net = nb.build(cnn_net())
    for epochs, rate in ((3, 0.001), (5, 0.001), (3, 0.01)):
        nb.compile(net, "Adam", rate=rate)
        nb.fit(net, epochs=epochs)
    assert list(trainings(nb)) == ["cnn"]


def test_what_was_built_for_another_task_is_no_copy():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1g")
    slow = nb.build(SMALL)
    nb.compile(slow, rate=0.005)
    assert trainings(nb) == {"dense_small": "t1", "dense_slow": slow}


def test_labels_that_are_all_the_same_do_not_hide_what_was_trained():
    nb = solution()
    nb.spans = [replace(span, task="1c") for span in nb.spans]
    assert trainings(nb)["cnn_adam"] == "t7"
    assert trainings(nb)["dense_slow"] == "t2"


def test_labels_shifted_by_one_do_not_hide_what_was_trained():
    nb = solution()
    tasks = [span.task for span in nb.spans]
    nb.spans = [replace(span, task=task) for span, task in zip(nb.spans, tasks[1:] + tasks[:1], strict=True)]
    found = trainings(nb)
    assert found["cnn"] == "t5"
    assert found["dense_subset"] == "t4"
    assert found["cnn_adam"] == "t7"


def test_one_network_in_the_whole_notebook_answers_the_first_task():
    nb = Story()
    nb.cell()
    nb.train(SMALL)
    assert trainings(nb) == {"dense_small": "t1"}


def test_a_convolutional_network_never_answers_a_dense_task():
    nb = Story()
    nb.cell("1f")
    nb.train(cnn_net())
    assert list(trainings(nb)) == ["cnn"]


def test_a_network_of_another_kind_answers_nothing():
    nb = Story()
    nb.cell("1f")
    nb.train(network_of({"kind": "LSTM", "units": 10}, input_shape=(28, 28)))
    found = matched(nb)
    assert found.matched == {}
    assert [t.id for t in found.spare] == ["t1"]


def test_a_loop_that_trains_five_networks_is_one_candidate_with_repeats():
    nb = Story()
    nb.cell("1f")
    for _ in range(5):
        nb.train(SMALL)
    nb.cell("1g")
    nb.train(SMALL, rate=0.005)
    found = matched(nb)
    assert [t.id for t in found.matched["dense_small"].repeats] == ["t1", "t2", "t3", "t4", "t5"]
    assert trainings(nb)["dense_slow"] == "t6"
    assert found.spare == ()


def test_the_same_network_recompiled_and_trained_on_answers_1g():
    nb = Story()
    nb.cell("1f")
    net = nb.train(SMALL)
    nb.cell("1g")
    nb.compile(net, rate=0.005)
    nb.fit(net)
    assert trainings(nb) == {"dense_small": "t1", "dense_slow": "t2"}


def test_subset_before_large_so_the_large_network_sees_20000():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1i")
    nb.train(SMALL, x=FIRST_20000)
    nb.cell("1h")
    nb.train(LARGE, x=FIRST_20000)
    assert trainings(nb) == {"dense_small": "t1", "dense_subset": "t2", "dense_large": "t3"}


def test_large_network_that_saw_20000_answers_both_when_there_is_no_other():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1i")
    nb.cell("1h")
    nb.train(LARGE, x=FIRST_20000)
    found = matched(nb).matched
    assert found["dense_large"].training.id == found["dense_subset"].training.id == "t2"
    assert {found["dense_large"].reused_from, found["dense_subset"].reused_from} != {""}


@pytest.mark.parametrize("labelled", [True, False])
def test_rate_of_1g_used_from_the_start(labelled: bool):
    nb = Story()
    nb.cell("1e")
    net = nb.build(SMALL)
    nb.compile(net, rate=0.005)
    nb.cell("1f")
    nb.fit(net)
    nb.text("1g", "The default is 0.01; I had 0.005 above.")
    found = matched(nb, labelled=labelled).matched
    assert found["dense_small"].training.id == "t1"
    assert found["dense_slow"].reused_from == "dense_small"


def test_rate_of_1g_is_not_taken_from_elsewhere_when_1g_was_left_out():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, rate=0.005)
    assert list(trainings(nb)) == ["dense_small"]


def test_free_widths_in_1c_are_not_confused_with_1h():
    nb = Story()
    nb.cell("1f")
    nb.train(dense_net(128, 64))
    nb.cell("1h")
    nb.train(LARGE)
    for labelled in (True, False):
        assert trainings(nb, labelled=labelled) == {"dense_small": "t1", "dense_large": "t2"}


def test_64_units_in_1c_and_again_in_1h():
    nb = Story()
    nb.cell("1f")
    nb.train(LARGE)
    nb.cell("1h")
    nb.train(LARGE)
    assert trainings(nb) == {"dense_small": "t1", "dense_large": "t2"}


@pytest.mark.parametrize("architecture", [SMALL, LARGE])
@pytest.mark.parametrize("labelled", [True, False])
def test_subset_with_either_width(architecture, labelled: bool):
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1h")
    nb.train(LARGE)
    nb.cell("1i")
    nb.train(architecture, x=images("train", 20_000, start=None))
    assert trainings(nb, labelled=labelled) == {"dense_small": "t1", "dense_large": "t2", "dense_subset": "t3"}


@pytest.mark.parametrize("labelled", [True, False])
def test_4a_and_4b_answered_by_one_network(labelled: bool):
    nb = Story()
    nb.cell("3b")
    nb.train(cnn_net())
    nb.cell("4a")
    nb.train(strided_net(), "Adam")
    found = matched(nb, labelled=labelled).matched
    assert found["cnn"].training.id == "t1"
    assert found["cnn_strided"].training.id == found["cnn_adam"].training.id == "t2"


def test_strided_network_with_sgd_does_not_answer_4b():
    nb = Story()
    nb.cell("3b")
    nb.train(cnn_net())
    nb.cell("4a")
    nb.train(strided_net())
    assert trainings(nb) == {"cnn": "t1", "cnn_strided": "t2"}


@pytest.mark.parametrize("labelled", [True, False])
def test_adam_on_the_network_of_problem_3(labelled: bool):
    nb = Story()
    nb.cell("3b")
    nb.train(cnn_net())
    nb.cell("4a")
    nb.train(strided_net())
    nb.cell("4b")
    nb.train(cnn_net(), "Adam")
    assert trainings(nb, labelled=labelled) == {"cnn": "t1", "cnn_strided": "t2", "cnn_adam": "t3"}


@pytest.mark.parametrize("labelled", [True, False])
def test_adam_everywhere(labelled: bool):
    nb = Story()
    for task, net, options in (
        ("1f", SMALL, {}),
        ("1g", SMALL, {"rate": 0.005}),
        ("1h", LARGE, {}),
        ("1i", LARGE, {"x": FIRST_20000}),
        ("3b", cnn_net(), {}),
        ("4a", strided_net(), {}),
    ):
        nb.cell(task)
        nb.train(net, "Adam", **options)
    expected = dict(zip(ALL_SLOTS, ["t1", "t2", "t3", "t4", "t5", "t6", "t6"], strict=True))
    assert trainings(nb, labelled=labelled) == expected


def test_functions_of_which_only_one_is_called():
    nb = Story()
    nb.cell("", "def ex1(): ...\ndef ex3(): ...\nex3()")
    nb.label(0, 1, 1, "1f")
    nb.label(0, 2, 2, "3b")
    nb.line, nb.within = 2, ((0, 3),)
    nb.train(cnn_net())
    assert trainings(nb) == {"cnn": "t1"}


def test_a_helper_is_told_apart_by_who_called_it():
    """One function defined under 1f trains for 1f, 1g and 1h; all at the default rate, so labels alone tell."""
    nb = Story()
    defined = nb.cell("1f", "def train(units):\n    ...\ntrain(10)")
    for task, net in (("1f", SMALL), ("1g", SMALL), ("1h", LARGE)):
        cell = nb.cell(task, "train(…)")
        nb.within = ((cell, 1),)
        made = nb.train(net)
        last = nb.facts["trainings"][-1]
        nb.facts["trainings"][-1] = replace(
            last, place=replace(last.place, cell=defined, line=2, stack=((defined, 2), (cell, 1)))
        )
        assert made
    assert trainings(nb) == {"dense_small": "t1", "dense_slow": "t2", "dense_large": "t3"}


def test_a_cell_that_answers_two_tasks():
    nb = Story()
    cell = nb.cell("1f", "train(10)\ntrain(10)")
    nb.label(cell, 1, 2, "1g")
    nb.train(SMALL)
    nb.line = 2
    nb.train(SMALL, rate=0.005)
    assert trainings(nb) == {"dense_small": "t1", "dense_slow": "t2"}


def test_wrong_rate_under_the_label_of_1g_is_the_attempt_at_1g():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1g")
    nb.train(SMALL)
    assert trainings(nb) == {"dense_small": "t1", "dense_slow": "t2"}
    assert trainings(nb, labelled=False) == {"dense_small": "t1"}


def test_networks_that_were_only_built():
    nb = Story()
    nb.cell("1c")
    nb.build(SMALL)
    nb.cell("1h")
    nb.build(LARGE)
    nb.cell("3a")
    nb.build(cnn_net())
    found = matched(nb).matched
    assert {slot: m.network.id for slot, m in found.items()} == {"dense_small": "n1", "dense_large": "n2", "cnn": "n3"}
    assert all(m.training is None and m.compiled is None for m in found.values())


def test_a_fit_that_raised_gives_way_to_one_that_ended():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, error="ValueError: shapes")
    nb.train(SMALL)
    assert trainings(nb)["dense_small"] == "t2"


def test_a_fit_that_raised_is_still_the_attempt():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, error="ValueError: shapes")
    assert trainings(nb) == {"dense_small": "t1"}


def test_more_epochs_tried_afterwards_do_not_replace_the_answer():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL, epochs=50)
    nb.train(SMALL)
    assert trainings(nb)["dense_small"] == "t2"


def test_three_hidden_layers_everywhere_are_still_the_networks():
    three, large = dense_net(10, 10, 10), dense_net(64, 64, 64)
    nb = Story()
    for task, net, options in (("1f", three, {}), ("1g", three, {"rate": 0.005}), ("1h", large, {})):
        nb.cell(task)
        nb.train(net, **options)
    for labelled in (True, False):
        assert trainings(nb, labelled=labelled) == {"dense_small": "t1", "dense_slow": "t2", "dense_large": "t3"}


def test_pooling_left_in_under_4a_is_the_attempt_at_4a():
    nb = Story()
    nb.cell("3b")
    nb.train(cnn_net())
    nb.cell("4a")
    nb.train(cnn_net())
    assert trainings(nb) == {"cnn": "t1", "cnn_strided": "t2"}


@given(names=st.lists(st.text(max_size=5), min_size=7, max_size=7), labelled=st.booleans())
@settings(max_examples=25, deadline=None)
def test_variable_names_mean_nothing(names, labelled):
    nb = solution()
    nb.facts["networks"] = [replace(n, names=(name,)) for n, name in zip(nb.facts["networks"], names, strict=True)]
    assert trainings(nb, labelled=labelled) == trainings(solution(), labelled=labelled)


@given(st.permutations(range(4)))
@settings(max_examples=24, deadline=None)
def test_order_of_labelled_tasks_means_nothing(order):
    acts = [("1f", SMALL, {}), ("1g", SMALL, {"rate": 0.005}), ("1h", LARGE, {}), ("3b", cnn_net(), {})]
    slots = ["dense_small", "dense_slow", "dense_large", "cnn"]
    nb = Story()
    for i in order:
        task, net, options = acts[i]
        nb.cell(task)
        nb.train(net, **options)
    assert trainings(nb) == {slots[i]: f"t{at + 1}" for at, i in enumerate(order)}


@given(extra=st.lists(st.sampled_from([(8,), (32, 32), (128,) * 4, (300, 100)]), max_size=4))
@settings(max_examples=25, deadline=None)
def test_experiments_at_the_end_take_nothing_away(extra):
    nb = solution()
    for widths in extra:
        nb.cell("")
        nb.train(dense_net(*widths), "RMSprop", epochs=7)
    assert trainings(nb) == trainings(solution())
