"""What written answers seem to be worth: the guide's steps, and what words say or only mention."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import loaded_rubric

from benchmarks.answers import half, measure, read
from grader.marking.checks import wording
from grader.marking.checks.suggestion import asserts, holds, suggest, touches
from grader.records import Suggestion
from grader.rubric.expected import AnswerPoint, WrittenAnswer
from grader.rubric.schema import Criterion, Step

ROOT = Path(__file__).parents[1]
DOCS, ANSWERS = ROOT / "docs/answers.md", ROOT / "tests/answers"
MORE, INDEPENDENT = ANSWERS / "more_answers.txt", ANSWERS / "independent_answers.txt"
LOADED = loaded_rubric()
CRITERIA = {c.id: c for task in LOADED.rubric.tasks for c in task.criteria}


def suggested(question: str, text: str) -> float | None:
    suggestion = suggest(CRITERIA[question], LOADED.reference.answers[question], text)
    return suggestion.points if suggestion else None


# ------------------------------------------------------------------ the steps of a guide

POINTS = (
    AnswerPoint("It is warm.", ("warm",), "warm"),
    AnswerPoint("It is dry.", ("dry",), "dry", contrary=("wet",)),
    AnswerPoint("No wind.", (), "calm", either_way=("no wind|wind is gone",)),
)
WEATHER = WrittenAnswer("Warm and **dry**.", POINTS, misleading=(AnswerPoint("Speaks of food.", ("soup",), "food"),))


def weather(text: str, *steps: dict[str, object], most: float = 2) -> Suggestion | None:
    criterion = Criterion(
        id="w", title="Weather", check="text.review", points=most, steps=[Step.model_validate(s) for s in steps]
    )
    return suggest(criterion, WEATHER, text)


WARM = {"points": 1, "text": "It is warm", "any_of": ["warm"]}
DRY = {"points": 1, "text": "It is dry", "any_of": ["dry"]}


def test_points_of_the_steps_add_up_to_those_of_the_criterion():
    assert weather("It is warm.", WARM, DRY) == Suggestion(1, "It is warm: 1 point.")
    assert weather("It is warm and dry.", WARM, DRY) == Suggestion(2, "It is warm: 1 point. It is dry: 1 point.")
    assert weather("It is warm and dry.", WARM, DRY, most=1).points == 1


def test_a_step_needs_any_all_or_none_of_its_points():
    step = Step(text="x", any_of=["a", "b"], all_of=["c"], none_of=["d"])
    assert holds(step, {"a", "c"})
    assert holds(step, {"b", "c", "e"})
    assert not holds(step, {"a"})
    assert not holds(step, {"c"})
    assert not holds(step, {"a", "c", "d"})


def test_a_step_may_limit_the_whole_answer():
    food = {"at_most": 1, "text": "Food is no weather", "any_of": ["food"]}
    assert weather("It is warm and dry and there is soup.", WARM, DRY, food).points == 1
    assert weather("There is soup.", WARM, DRY, food) == Suggestion(0, "Food is no weather.")


def test_a_step_without_points_says_what_is_no_answer():
    food = {"text": "Food is no weather", "any_of": ["food"]}
    assert weather("There is soup.", WARM, DRY, food) == Suggestion(0, "Food is no weather.")
    assert weather("It is warm, and there is soup.", WARM, DRY, food) is None
    assert (
        weather("It is warm and dry, and there is soup.", WARM, DRY, food).why
        == "It is warm: 1 point. It is dry: 1 point."
    )


def test_without_steps_nothing_is_suggested():
    assert weather("It is warm.") is None
    bare = AnswerPoint("It is warm.", ("warm",))
    assert touches(bare, "Not warm")
    assert not asserts(bare, "Not warm")
    assert asserts(bare, "It is warm.")


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("It is not warm.", 0),
        ("It is wet.", 0),
        ("It is warm and wet.", None),
        ("It is dry and it is wet.", None),
        ("No wind.", None),
        ("It is warm, and there is no wind at all.", None),
        ("It is warm, and something quite different happens as well.", None),
        ("The sky is blue.", None),
        ("It is warm, but I have no idea.", None),
    ],
)
def test_a_figure_is_proposed_only_where_everything_is_understood(text, points):
    suggestion = weather(text, WARM, DRY)
    assert (suggestion.points if suggestion else None) == points


# ------------------------------------------------------------------ how good they are


def test_what_is_said_of_suggestions_is_what_is_measured():
    """On the half of the marked answers that no pattern was made for, and on answers of another hand."""
    outcome = measure(half(final=True), LOADED)
    assert outcome.summary() == LOADED.reference.measured
    docs = " ".join(DOCS.read_text("utf-8").replace("\n> ", " ").split())
    assert outcome.summary() in docs
    assert measure(read(INDEPENDENT), LOADED).summary() in docs
    assert outcome.all.exact >= 0.85 * outcome.all.shown
    assert outcome.all.shown >= 0.6 * outcome.all.answers


def test_the_answers_to_tune_on_stay_right():
    for answers in (half(final=False), read(MORE)):
        outcome = measure(answers, LOADED)
        assert outcome.all.exact >= 0.99 * outcome.all.shown
        assert outcome.wrong.full <= 1


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(
    "text",
    [
        "It is not warm",
        "It isn't warm",
        "never warm",
        "nicht warm",
        "Warm ist es nicht",
        "Es ist kein warmer Tag",
        "neither warm nor cold",
        "a day without warm hours",
        "statt warm",
        "that it is warm does not matter",
        "dass es warm ist, stimmt; warm ist nicht wichtig",
    ],
)
def test_what_is_denied(text):
    assert not asserts(AnswerPoint("", ("warm",)), text)


@pytest.mark.parametrize(
    "text",
    [
        "It is not only warm",
        "nicht nur warm",
        "It does not rain, but it is warm",
        "Es regnet nicht, es ist warm",
        "without rain it is warm",
        "warm -> no coat",
        "warm, not cold",
    ],
)
def test_what_is_not(text):
    assert asserts(AnswerPoint("", ("warm",)), text)


def test_texts_are_read_without_marks_and_umlauts():
    assert wording.sentences("# **Größer** → besser.\n# $K_{x}$ 13*13, 8.070") == (
        "Groesser -> besser.",
        "K_x 13*13, 8.070",
    )
    assert asserts(AnswerPoint("", ("größer",)), "groesser")
    assert wording.sentences("Changes along x, i.e. edges, z. B. senkrechte. Ja.") == (
        "Changes along x, ie edges, z B senkrechte.",
        "Ja.",
    )
    assert all(len(s) <= 400 for s in wording.sentences("word " * 1000))


@pytest.mark.parametrize(
    ("text", "is_list"),
    [
        ("Gradient, Fehler, Schritt, schnell", True),
        ("gradient and error and step and speed", True),
        ("gradient overshoot saturation converge faster vanish", True),
        ("large gradients, overshooting steps", False),
        ("smaller kernels, shared weights, fewer parameters, same accuracy", False),
        ("x: vertical, y: horizontal", False),
        ("large values -> large gradients -> large steps", False),
        ("Sneaker und Sandalen", False),
        ("training accuracy rises above test accuracy", False),
    ],
)
def test_a_list_of_words(text, is_list):
    assert wording.is_word_list(text) is is_list


@pytest.mark.parametrize(
    "text",
    [
        "Why does scaling help?",
        "# Warum ist das so?",
        "Compare the two networks.",
        "Vergleichen Sie die Netze. Bleibt der Abstand? Warum?",
        "Does the gap remain, and why?",
        "why",
    ],
)
def test_a_question_is_no_statement(text):
    assert wording.statements(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "Why? Because it is so.",
        "What matters is the test set.",
        "Why it helps: large inputs",
        "3330 < 8070",
        "large gradients?",
    ],
)
def test_a_statement_may_look_like_one(text):
    assert wording.statements(text)


# ------------------------------------------------------------------ answers to the sheet

WORTH = [
    # denied
    ("2b.features", "K_x finds no vertical edges and K_y finds no horizontal edges.", 0),
    ("2b.features", "Der Kern K_x findet nicht die senkrechten Kanten, K_y nicht die waagerechten.", 0),
    ("1b.why", "Große Eingaben machen keine großen Gradienten.", 0),
    ("1c.output", "It is not because of the ten classes.", 0),
    ("4b.why", "Adam doesn't use momentum, nor does it adapt its steps.", 0),
    ("3c.compare", "Es sind nicht weniger Parameter, und die Gewichte werden nicht geteilt.", 0),
    ("1h.compare", "Es hat nicht mehr Parameter.", 0),
    ("2b.features", "K_x ignores vertical edges.", 0),
    ("1b.why", "Die Updates werden durch große Eingaben keineswegs größer.", None),
    ("1b.why", "It is not true that large inputs make large gradients.", 0),
    ("2b.features", "K_x is blind to vertical edges and K_y is blind to horizontal edges.", 0),
    ("2b.features", "Neither K_x nor K_y finds edges.", 0),
    ("4a.why", "It isn't because fewer positions are computed.", 0),
    ("3b.compare", "The accuracy is higher, but this is not due to shared weights.", None),
    ("1c.output", "Mit den zehn Klassen hat das nichts zu tun.", 0),
    ("1h.compare", "It has more parameters, but the accuracy is not better.", None),
    # reversed
    ("1b.why", "So that the gradients become larger.", 0),
    ("1b.why", "Scaling gives bigger gradients.", 0),
    ("1b.why", "With large pixel values the gradients are tiny, whereas small values cause huge ones.", None),
    ("1c.output", "Because there are ten outputs, there are ten classes.", None),
    ("1h.compare", "The small network has seven times the parameters and better accuracy.", None),
    ("1i.diverges", "It overfits because there are too many examples.", 0),
    ("1i.diverges", "It overfits. What counts is the training accuracy, not the test accuracy.", None),
    ("1j.reason", "The boots look like sneakers.", 0),
    ("3b.compare", "The dense network is better and shows no gap because of its local connections.", None),
    ("3b.compare", "Unlike the CNN, the dense network shares its weights.", 0),
    ("3c.compare", "The dense network has 3330 parameters and the CNN has 8070.", 0),
    ("4b.why", "Adam has one rate for all weights, SGD has one for each.", 0),
    ("4b.why", "Momentum is used by SGD, not by Adam.", 0),
    # right words, of something else
    ("1c.output", "Because there are 10 images per class.", None),
    ("4a.why", "Every second layer is removed.", None),
    ("4a.why", "It skips half of the images.", None),
    ("4b.why", "Adam adapts the batch size.", None),
    ("3c.compare", "It has a few more parameters than the dense network.", 0),
    ("3c.compare", "Das Faltungsnetz hat mehr Gewichte.", 0),
    ("2b.features", "K_x finds horizontal edges and K_y vertical ones.", 1),
    ("2b.features", "Waagerechte Kanten findet K_x, senkrechte findet K_y.", 1),
    ("2b.features", "K_x and K_y find horizontal and vertical edges, respectively.", 1),
    ("4a.why", "More positions are computed.", 0),
    ("4a.why", "It has fewer parameters.", 0),
    ("4a.why", "A quarter of the positions, although there are a few more parameters.", 2),
    (
        "2b.features",
        "K_x responds to changes in horizontal direction, i.e. to vertical edges, K_y to horizontal edges.",
        4,
    ),
    # a negation that belongs
    ("1b.why", "Damit die Gradienten nicht zu groß werden.", 2),
    ("1b.why", "so that the steps don't overshoot", 2),
    ("4a.why", "There are no pooling layers any more.", 1),
    ("3b.compare", "Es gibt keinen Abstand zwischen Training und Test.", 1),
    ("1i.diverges", "There is no clear gap, three epochs are too few.", 2),
    # words in a row, and questions
    ("4b.why", "Adam, momentum, adaptive rate", None),
    ("2b.features", "K_x K_y vertical horizontal edges Sobel", None),
    ("1b.why", "too large gradients, saturation, overshoot, scale", None),
    ("3b.compare", "better accuracy, no gap, local connections, shared weights", None),
    ("3c.compare", "fewer parameters shared kernels same accuracy less than half", None),
    ("4a.why", "stride 2 fewer positions quarter no pooling faster", None),
    ("3c.compare", "parameters fewer shared kernel accuracy comparable", 0),
    ("3c.compare", "parameters, kernel, sharing, accuracy, fewer", 0),
    ("4b.why", "adaptive learning rate momentum gradient average weights", 0),
    ("2b.features", "Which features do the kernels find?", 0),
    # the guide gives full marks for one of several points
    ("1b.why", "Large inputs make large gradients.", 2),
    ("2b.features", "Vertical and horizontal edges are found by K_x and K_y.", 4),
    ("2b.features", "K_x is the horizontal derivative, it finds vertical edges; K_y the horizontal ones.", 4),
    ("1j.reason", "They have the silhouette of a boot.", 2),
    ("1j.reason", "They are sneakers and sandals.", 1),
    ("4a.why", "Only every second position is computed.", 2),
    ("2b.features", "Sobel filters that find edges", 2),
    ("2b.features", "K_x and K_y find vertical and horizontal edges, respectively.", 4),
    ("2b.features", "K_x finds vertical edges.", 2),
]


@pytest.mark.parametrize(("question", "text", "points"), WORTH)
def test_what_an_answer_seems_to_be_worth(question, text, points):
    assert suggested(question, text) == points
