"""Parameter counts and the default learning rate, as students state them."""

from __future__ import annotations

import pytest
from builders import (
    LARGE,
    SMALL,
    Story,
    cnn_net,
    dense,
    dense_net,
    layer,
    loaded_rubric,
    network_of,
    solution,
)

from grader.records import CellStatus, FaultKind, Outcome, Verdict

NUMBERS = loaded_rubric().reference.numbers
COUNT = int(NUMBERS["1d.count"])


def counted(
    source: str = "", *, network=SMALL, task: str = "1d", where: str = "", code: str = "", printed: str = ""
) -> dict[str, Verdict]:
    """Verdicts for a trained network and a text, comment or code about its count."""
    nb = Story()
    nb.cell("3b" if task == "3c" else "1h" if task == "1h" else "1f")
    if network is not None:
        nb.train(network)
    if source:
        nb.text(where or task, source)
    if code:
        nb.cell(where or task, code, printed=printed)
    return nb.judge()


@pytest.mark.parametrize(
    "source",
    ["8070", "**8,070**", "8.070 Parameter", "(784·10+10)+(10·10+10)+(10·10+10)", "$785 \\cdot 10 + 2 \\cdot 110$"],
)
def test_a_count_by_hand(source):
    verdict = counted(source)["1d.count"]
    assert verdict.outcome is Outcome.PASSED
    assert verdict.expected == "(784·10 + 10) + (10·10 + 10) + (10·10 + 10) = 8070"
    assert verdict.place.cell == 1


@pytest.mark.parametrize(
    "code",
    [
        "# 8070",
        "784*10+10+2*110",
        "def f(i, o): return i*o+o\nprint(f(784, 10) + 2*f(10, 10))",
        "print('Parameters: 8070')",
    ],
)
def test_a_count_in_code(code):
    assert counted(code=code)["1d.count"].outcome is Outcome.PASSED


def test_a_count_in_a_crowd_of_numbers_elsewhere_says_nothing():
    """Printed indices of images hold every number sooner or later."""
    crowd = " ".join(map(str, range(5000, 9000)))
    assert counted(code="print(found)", printed=crowd, where="1j")["1d.count"].outcome is Outcome.MISSING
    assert counted(code="print(found)", printed=crowd, where="1d")["1d.count"].outcome is Outcome.FAILED
    assert counted("8070 parameters", where="1d")["1d.count"].outcome is Outcome.PASSED
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.cell("1j", "print(found)", printed=crowd)
    nb.text("1d", "8070 parameters")
    assert nb.judge()["1d.count"].outcome is Outcome.PASSED


def test_a_count_without_a_label_or_under_another_one():
    assert counted("The network has 8070 parameters.", where="1h")["1d.count"].outcome is Outcome.PASSED


def test_the_count_of_the_own_network():
    verdict = counted("784*32 + 32 + 32*16 + 16 + 16*10 + 10 = 25818", network=dense_net(32, 16))["1d.count"]
    assert verdict.outcome is Outcome.PASSED
    assert verdict.expected.endswith("= 25818")


def test_the_sheets_count_is_not_the_one_of_another_network():
    assert counted("8070", network=dense_net(32, 16))["1d.count"].outcome is not Outcome.PASSED


@pytest.mark.parametrize("network", [SMALL, dense_net(32, 16)])
def test_biases_left_out(network):
    bare = network.params - sum(la.config["units"] for la in network.layers)
    verdict = counted(f"There are {bare} parameters.", network=network)["1d.count"]
    assert verdict.outcome is Outcome.FAILED
    assert verdict.misconceptions == ("params.no_bias",)


def test_biases_left_out_are_charged_once():
    nb = Story()
    nb.cell("1f")
    nb.train(SMALL)
    nb.text("1d", "784*10 + 100 + 100 = 8040")
    nb.cell("1h")
    nb.train(LARGE)
    nb.text("1h", "784*64 + 64*64 + 640 = 54912")
    verdicts = nb.judge()
    assert verdicts["1d.count"].outcome is Outcome.FAILED
    assert (verdicts["1h.count"].share, verdicts["1h.count"].repeats) == (0.5, "1d.count")
    assert "1d.count" in verdicts["1h.count"].message


@pytest.mark.parametrize("code", ["model.summary()", "print(model.count_params())"])
def test_only_keras_counted(code):
    printed = " Total params: 8,070 (31.52 KB)" if "summary" in code else "8070"
    verdict = counted(code=code, printed=printed)["1d.count"]
    assert verdict.outcome is Outcome.MISSING
    assert "by hand" in verdict.message


def test_a_wrong_count_by_hand_beats_what_keras_counted():
    nb = Story()
    nb.cell("1f", "model.summary()", printed="Total params: 8,070")
    nb.train(SMALL)
    nb.text("1d", "784*10 + 100 + 100 = 8040")
    assert nb.judge()["1d.count"].outcome is Outcome.FAILED


@pytest.mark.parametrize(
    "source", ["7850, 110 and 110", "7850 + 110 + 110 = 8060 parameters", "784*10+10 = 7850\n\n10*10+10 = 110"]
)
def test_right_terms_without_a_right_sum(source):
    verdict = counted(source)["1d.count"]
    assert verdict.outcome is Outcome.PARTIAL
    assert "sum" in verdict.message


def test_another_number():
    verdict = counted("There are 9000 parameters in total.")["1d.count"]
    assert verdict.outcome is Outcome.FAILED
    assert verdict.actual == "9000"
    assert verdict.misconceptions == ()


def test_nothing_stated():
    assert counted("Many.")["1d.count"].outcome is Outcome.MISSING
    assert counted()["1d.count"].outcome is Outcome.MISSING


def test_a_number_in_stored_outputs_proves_nothing():
    assert counted(code="print(count)", printed="")["1d.count"].outcome is Outcome.MISSING


def test_without_a_network_the_sheets_count_is_right_and_others_wait():
    assert counted("8070", network=None)["1d.count"].outcome is Outcome.PASSED
    assert counted("25818 parameters", network=None)["1d.count"].outcome is Outcome.NEEDS_REVIEW
    assert counted("50000 parameters", network=None, task="1h")["1h.count"].outcome is Outcome.FAILED


def test_a_dead_kernel_takes_no_numbers_from_texts():
    nb = Story()
    nb.text("1d", "8070")
    nb.cell("1c")
    nb.dies(FaultKind.KERNEL_DIED)
    nb.cell("1h", "f(784)", status=CellStatus.NOT_RUN)
    verdicts = nb.judge()
    assert verdicts["1d.count"].outcome is Outcome.PASSED
    assert verdicts["1h.count"].outcome is Outcome.BLOCKED


def test_the_larger_network():
    assert counted("55.050", network=LARGE, task="1h")["1h.count"].outcome is Outcome.PASSED
    assert counted("55050", network=dense_net(32, 32), task="1h")["1h.count"].outcome is Outcome.PASSED


def test_a_count_right_for_a_wrong_network_follows_through():
    own = cnn_net(8, 16).params
    verdict = counted(f"{own} parameters", network=cnn_net(8, 16), task="3c")["3c.count"]
    assert verdict.outcome is Outcome.PASSED
    assert verdict.follow_through


def test_padding_has_its_own_count():
    assert counted("3330", network=cnn_net(), task="3c")["3c.count"].outcome is Outcome.PASSED
    assert counted("5250", network=cnn_net(padding="same"), task="3c")["3c.count"].outcome is Outcome.PASSED
    assert counted("3330", network=cnn_net(padding="same"), task="3c")["3c.count"].outcome is Outcome.PASSED
    assert counted("5250 parameters", network=cnn_net(), task="3c")["3c.count"].outcome is Outcome.FAILED


def test_a_summary_of_a_wrong_network_is_no_count_by_hand_either():
    own = cnn_net(8, 16).params
    verdict = counted(network=cnn_net(8, 16), task="3c", code="m.summary()", printed=f"Total params: {own:,}")[
        "3c.count"
    ]
    assert verdict.outcome is Outcome.MISSING
    assert "by hand" in verdict.message


def test_a_network_that_was_never_built_has_no_count_of_its_own():
    unbuilt = network_of(layer("Flatten"), dense(10), dense(10), dense(10, "softmax"), input_shape=None)
    nb = Story()
    nb.cell("1c")
    nb.build(unbuilt)
    nb.text("1d", "8070")
    assert nb.judge()["1d.count"].outcome is Outcome.PASSED


GUESSES = (7960, 8040, 8060, 8070, 54912, 54976, 55040, 55050, 3296, 3320, 3330, 5250, 4210)
ALL_COUNTS = {"1d.count", "1h.count", "3c.count"}


def every_count(source: str = "", *, task: str = "", code: str = "", printed: str = "") -> set[str]:
    """Criteria that pass in a notebook with all networks and one statement about counts, labelled or not."""
    nb = solution()
    nb.text(task, source) if source else nb.cell(task, code, printed=printed)
    verdicts = [nb.judge(labelled=labelled) for labelled in (True, False)]
    return {name for name in ALL_COUNTS if any(v[name].outcome is Outcome.PASSED for v in verdicts)}


@pytest.mark.parametrize("task", ["1d", "3c", "1j", ""])
@pytest.mark.parametrize("before", ["", "Parameters: "])
@pytest.mark.parametrize("between", [", ", " or ", "\n", " "])
def test_many_numbers_in_one_place_answer_nothing(task, before, between):
    listed = before + between.join(map(str, GUESSES))
    assert every_count(listed, task=task) == set()
    assert every_count(task=task, code="print(guesses)", printed=listed) == set()
    assert every_count(task=task, code=f"print({before!r}, {', '.join(map(str, GUESSES))})") == set()


@pytest.mark.parametrize(
    "source",
    [
        "8070, 55050 and 3330 parameters",
        "| network | parameters |\n|---|---|\n| small | 8070 |\n| large | 55050 |\n| cnn | 3330 |\n| strided | 4210 |",
        "### Number of parameters\n\nsmall: 8070\nlarge: 55050\ncnn: 3330",
        "Parameters\n\n- 8070 (small)\n- 55050 (large)\n- 3330 (convolutional)",
    ],
)
def test_one_text_may_state_all_counts(source):
    assert every_count(source) == ALL_COUNTS


def test_one_output_may_state_all_counts():
    code = "print('dense', 784*10+10+110+110, 'large', 784*64+64+64*64+64+650, 'cnn', 160+1160+2010)"
    assert every_count(code=code, printed="dense 8070 large 55050 cnn 3330") == ALL_COUNTS


@pytest.mark.parametrize(
    ("task", "source"),
    [
        ("1h", "784·64 + 64 = 50240, 64·64 + 64 = 4160, 64·10 + 10 = 650, so 55050: 46980 more than the 8070 before."),
        ("3c", "160 and 1160; 5·5·8 = 200 inputs, 200·10+10 = 2010; together 3330, against 8070; with padding 5250."),
        ("3c", "conv1: 160, conv2: 1160, dense: 2010 → 3330 (of these 3296 weights, 34 biases)"),
        ("1c", "8070"),
    ],
)
def test_what_is_worked_out_or_compared_beside_a_count_is_no_rival(task, source):
    assert every_count(source, task=task)


@pytest.mark.parametrize(
    "code", ["model_8070 = build()", "params_8070 = None", "model.save('8070.h5')", "open('8070')"]
)
def test_names_answer_nothing(code):
    assert every_count(task="1d", code=code) == set()


# ------------------------------------------------------------------ the default learning rate


def rate(
    source: str = "", *, code: str = "", printed: str = "", optimizer: str = "SGD", task: str = "1g", used: str = ""
) -> Verdict:
    nb = Story()
    nb.cell("1e", used or "pass")
    nb.train(SMALL, optimizer)
    if source:
        nb.text(task, source)
    if code:
        nb.cell(task, code, printed=printed)
    return nb.judge()["1g.default"]


@pytest.mark.parametrize(
    "source",
    [
        "The default learning rate is 0.01.",
        "0,01",
        "It is $10^{-2}$.",
        "Standardwert der Lernrate: 1e-2",
        "lr = .01",
        "default: 1/100",
    ],
)
def test_the_default_rate_in_words(source):
    assert rate(source).outcome is Outcome.PASSED


def test_the_default_rate_under_another_label():
    assert rate("default lr 0.01", task="1e").outcome is Outcome.PASSED
    assert rate("the loss is 0.01", task="1e").outcome is Outcome.MISSING


@pytest.mark.parametrize(
    "printed",
    [
        "0.01",
        "0.009999999776482582",
        "<Variable path=SGD/learning_rate, shape=(), dtype=float32, value=0.009999999776482582>",
    ],
)
def test_the_default_rate_printed(printed):
    assert rate(code="print(model.optimizer.learning_rate)", printed=printed).outcome is Outcome.PASSED
    assert rate(code="keras.optimizers.SGD().get_config()", printed=printed, task="").outcome is Outcome.PASSED


def test_setting_the_rate_states_it():
    assert rate(used="SGD(learning_rate=0.01)").outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("rates", "outcome"),
    [((), "missing"), ((0.01,), "missing"), ((0.01, 0.005), "passed"), ((0.1, 0.005), "missing")],
)
def test_without_labels_any_code_may_set_some_rate(rates, outcome):
    nb = Story()
    nb.cell("", "lr = 0.01\nw -= lr * gradient")
    for value in rates:
        nb.train(SMALL, rate=value)
    assert nb.judge()["1g.default"].outcome == outcome


@pytest.mark.parametrize(
    "source",
    ["The default is 0.1, so I take half of it.", "The learning rate was 0.1 before.", "Der Standardwert ist 0,001."],
)
def test_another_rate_is_wrong(source):
    verdict = rate(source, used="network(10, 0.01)")
    assert verdict.outcome is Outcome.FAILED
    assert verdict.expected == "0.01"


@pytest.mark.parametrize(
    "source", ["", "Now it trains more slowly: 0.73 on the test set.", "Training at 0.005 is slower."]
)
def test_no_rate_stated(source):
    assert rate(source, code="model.compile(SGD(learning_rate=0.005))").outcome is Outcome.MISSING


@pytest.mark.parametrize(
    ("optimizer", "source", "outcome"),
    [
        ("Adam", "opt = Adam(learning_rate=0.01)", Outcome.MISSING),
        ("RMSprop", "opt = RMSprop(0.01)  # learning_rate", Outcome.MISSING),
        ("Adam", "opt = Adam(learning_rate=0.001)", Outcome.PASSED),
        ("SGD", "opt = SGD(learning_rate=0.01)", Outcome.PASSED),
        ("SGD", "opt = SGD(learning_rate=0.001)", Outcome.MISSING),
    ],
)
def test_a_rate_in_code_is_the_default_where_it_is_that_of_its_optimizer(optimizer, source, outcome):
    nb = Story()
    nb.cell("1f", source)
    nb.train(SMALL, optimizer, 0.01 if "0.01" in source else 0.001)
    verdict = nb.judge()["1g.default"]
    assert verdict.outcome is outcome, verdict.message
    assert outcome is not Outcome.PASSED or f"the default of {optimizer}" in verdict.message


def test_the_default_of_the_optimizer_that_was_used():
    assert rate("default: 0.001", optimizer="Adam").outcome is Outcome.PASSED
    assert rate("default: 0.01", optimizer="Adam").outcome is Outcome.PASSED
    assert rate("The default is 0.001").outcome is Outcome.FAILED
