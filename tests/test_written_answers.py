"""Which texts answer which question, wherever and however they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import cnn_net, judge, loaded_rubric
from written_notebooks import CODE, ENDS, FORMS, QUESTIONS, markdown, marked_answers, notebook, verdicts_of

from grader.intake.label import label
from grader.intake.script import read_script
from grader.records import Cell, Evidence, Outcome, Submission, SubmissionRef, Verdict, Written

HERE = Path(__file__).parent
PLACED = [
    tuple(part.strip() for part in line.split("|", 3))
    for line in (HERE / "answers/placed_answers.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
]
LABELLED = [
    *(form for form in FORMS if not form.startswith("no label") and form not in {"comment before the code", "printed", "prose in a code cell"}),
    "last cell, labelled",
    "last cell, labelled in brackets",
]  # fmt: skip
"""Forms in which nothing but the label is needed: where text and code cannot be told apart, the text must say something."""


def written(verdict: Verdict) -> Written:
    (detail,) = verdict.details
    assert isinstance(detail, Written)
    return detail


def of_cells(*cells: Cell | str) -> dict[str, Verdict]:
    """Verdicts of the questions for cells that built no network."""
    nb = notebook("under its heading", {}, only="")
    for cell in cells:
        if isinstance(cell, Cell):
            nb._add(cell, "")
        else:
            nb.cell("", cell)
    return verdicts_of(nb)


@pytest.mark.parametrize(("form", "question", "right", "text"), PLACED)
def test_an_answer_is_found_wherever_it_stands(form: str, question: str, right: str, text: str) -> None:
    verdicts = verdicts_of(notebook(form, {question: text}))
    asked = {name for name, verdict in verdicts.items() if verdict.outcome is Outcome.NEEDS_REVIEW}
    assert asked == ({question} if right == "review" else set())
    if right == "review":
        assert text.rstrip(".?!") in written(verdicts[question]).answer


@pytest.mark.parametrize("form", LABELLED)
def test_under_its_label_no_answer_is_missing(form: str) -> None:
    answers = marked_answers()
    for start in range(0, 30, 7):
        chosen = {q: (answers[q] * 2)[start + n] for n, q in enumerate(QUESTIONS)}
        verdicts = verdicts_of(notebook(form, {q: text for q, (_, text) in chosen.items()}))
        for question, (worth, text) in chosen.items():
            right = Outcome.MISSING if worth == "repeated" else Outcome.NEEDS_REVIEW
            assert verdicts[question].outcome is right, (question, text)


@pytest.mark.parametrize("form", [*FORMS, *ENDS])
def test_most_right_answers_are_found_in_any_form(form: str) -> None:
    answers = {q: [t for worth, t in texts if worth in {"right", "unusual"}] for q, texts in marked_answers().items()}
    found = 0
    for start in range(3):
        chosen = {q: answers[q][start + n % 3] for n, q in enumerate(QUESTIONS)}
        verdicts = verdicts_of(notebook(form, chosen))
        found += sum(verdicts[q].outcome is Outcome.NEEDS_REVIEW for q in QUESTIONS)
    assert found >= 28, "of 30"


def test_terse_comments_are_answers() -> None:
    source = (HERE / "corpus/terse_comments/ps10.py").read_text("utf-8")
    work = Submission(SubmissionRef("k", "k", Path("ps10.py"), Path()), read_script(source), is_script=True)
    verdicts = judge(Evidence(work, "none"), label(work, [task.id for task in loaded_rubric().rubric.tasks]))
    for question in QUESTIONS[:8]:
        assert verdicts[question].outcome is Outcome.NEEDS_REVIEW, question
        assert verdicts[question].message == "You answered in words: a person reads it."
    assert verdicts["4a.why"].outcome is verdicts["4b.why"].outcome is Outcome.MISSING


# ------------------------------------------------------------------ what is no answer


@pytest.mark.parametrize("form", list(FORMS))
def test_a_notebook_without_prose_has_no_answers(form: str) -> None:
    assert {v.outcome for v in verdicts_of(notebook(form, {})).values()} == {Outcome.MISSING}


@pytest.mark.parametrize(
    "rest", ["", "\n\n*Your answer here*", "\n\n...", "\n\n**Answer:**", "\n\nnot done", "\n\nDouble-click to edit"]
)
def test_an_untouched_template_has_no_answers(rest: str) -> None:
    sheet = loaded_rubric().reference.sheet
    sentences = [s.strip() for s in sheet.replace("\n", " ").split(". ")]
    cells = [markdown(f"## {task})\n{sentences[n]}{rest}") for n, task in enumerate(CODE)]
    assert {v.outcome for v in of_cells(*cells).values()} == {Outcome.MISSING}


def test_a_tutorial_on_another_subject_has_hardly_an_answer() -> None:
    tutorial = [
        "# Sentiment of film reviews\n\nThis tutorial classifies reviews as positive or negative with a recurrent network.",
        "First we download the reviews. They are lists of integers, each of which stands for a word of the dictionary.",
        "Since the lists differ in length we pad them, so that they can be put into one tensor of integers.",
        "An embedding layer learns a vector for each word. Words of similar meaning get similar vectors.",
        "The LSTM keeps a state over time, because a review must be read as a whole. Its output is one number.",
        "We use the Adam optimizer and binary cross-entropy, which fits a network whose output is a probability.",
        "After a few epochs the training accuracy is higher than the validation accuracy: the model overfits.",
        "To fight overfitting we add dropout. It switches units off at random, so that none relies on another.",
        "Finally we look at some reviews that were misclassified. Irony is hard for this model.",
    ]
    cells: list[Cell | str] = []
    for text in tutorial:
        cells += [markdown(text), "model.fit(x, y)"]
    assert sum(v.outcome is Outcome.NEEDS_REVIEW for v in of_cells(*cells).values()) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "**b)** Scale the grey values of both sets to the interval [0, 1]. Why is this useful? *Think of the gradients in the backward pass.*",
        "**c)** Define a sequential network with two hidden layers of 10 ReLU units and an output layer of 10 softmax units. Why does the output layer need 10 units?",
        "## 1b)\nScale the pixel values to [0, 1]. Why? **Hint:** large gradients in the backward pass.",
        "## 1h)\nNow use hidden layers of 64 units. Compare the accuracies. (2 points)",
        "## 1i)\nFor the next network, use only the first 20000 items. What about the accuracies of the training and test sets?",
        "**1 j)** With the trained network, find all items predicted as ankle boots. Show them in a loop, and stop at each incorrect item.",
        "## 3b)\nTrain the CNN as in 1f. Does the discrepancy remain? Remember the number of parameters.",
        "## 4a)\nRemove the pooling layers and use a stride of 2. Why is the network faster?",
        "## 4b)\nExchange SGD for Adam. Why does the accuracy increase?",
        "## 1b)\nBitte skalieren Sie die Grauwerte auf [0, 1]. Warum ist das nützlich? *Denken Sie an die Gradienten.*",
        "## 1b)\nWarum ist das nützlich? Tipp: große Gradienten.",
    ],
)  # fmt: skip
def test_a_hand_out_says_nothing_however_it_is_worded(text: str) -> None:
    cells = [markdown("# Problem 1"), markdown(text), "x = x / 255", markdown("*Your answer here*")]
    assert {verdict.outcome for verdict in of_cells(*cells).values()} == {Outcome.MISSING}


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("1b.why", "**b)** Why is this useful? Because large inputs make large gradients."),
        ("1b.why", "**1b)** Scale the values to [0, 1]. Why? The steps would get too large."),
        ("1b.why", "## 1b)\nThink of a large input: its weight gets a large update."),
        ("1b.why", "## 1b)\nScale the pixel values so that the gradients in the backward pass are not large."),
        ("1b.why", "## 1b)\nWerden sie nicht skaliert, explodieren die Gradienten."),
        ("1c.output", "## 1c)\nWhy does the output layer need 10 units? because ten classes?"),
        ("1c.output", "## 1c)\nTen classes?"),
        ("1c.output", "## 1c)\n(one for each kind of clothing, I think?)"),
        ("2b.features", "## 2b)\n(vertical edges, horizontal edges?)"),
        ("2b.features", "## 2b)\nthe edges which are vertical, and those which are not?"),
        ("3c.compare", "## 3c)\nviel weniger als beim dichten Netz?"),
        ("2b.features", "## 2b)\nFind vertical and horizontal edges."),
        ("3b.compare", "## 3b)\nThe accuracies of the CNN and the dense network are the same, and the discrepancy does not remain."),
        ("3c.compare", "## 3c)\nThe number of parameters is smaller than for the fully connected network."),
        ("4a.why", "## 4a)\nUse fewer positions of the kernel, fewer multiplications."),
    ],
)  # fmt: skip
def test_an_answer_in_the_words_of_the_sheet_is_an_answer(question: str, text: str) -> None:
    verdicts = of_cells(markdown("# Problem 1"), markdown(text), "x = x / 255")
    assert {name for name, v in verdicts.items() if v.outcome is Outcome.NEEDS_REVIEW} == {question}


TREES = [
    "# Decision trees\n\nThis tutorial explains how a tree splits the data. A tree with a large depth learns the training examples by heart (overfitting); the accuracy on unseen data is then lower than on the training set.",
    "## a) Scaling\n\nTrees do not need scaled inputs, since a split only compares one feature with a threshold.",
    "## b) Impurity\n\nThe Gini impurity is 0 if all examples of a node belong to the same class. We look for the split that reduces it most.",
    "## c) Forests\n\nA forest averages over 100 trees. The number of parameters grows with the number of nodes. Compared with a single tree the forest is more accurate, because the errors of the trees are not the same.",
]  # fmt: skip
OTHER_SUBJECTS = [
    TREES,
    [text.replace("## ", "# ").replace("a)", "(a)").replace("b)", "(b)").replace("c)", "(c)") for text in TREES],
    [
        "# Transfer learning with a frozen base\n\nEarly layers find general features such as edges and colours.",
        "## 1. Build the head\n\nWe freeze the base and put a pooling layer and a single sigmoid unit on top: cat or dog.",
        "## 2. Fine-tuning\n\nTrain with a low rate of 1e-5, or you destroy what it has learnt.",
        "## 3. Results\n\nIn our run the validation accuracy rose from 0.93 to 0.97.",
    ],
    [
        "# k-means\n\nClusters are found without labels.",
        "## b) Distance\n\nThe distance of each point to its centre is squared, which punishes the far ones.",
        "## c) How many clusters\n\nThe elbow of the curve tells it.",
        "## h) Comparison\n\nA mixture of Gaussians needs more time than k-means.",
    ],
    [
        "**b)** The house prices are skewed, so we take their logarithm.",
        "**c)** The last column is the median income of the block.",
        "**j)** Old houses near the coast are dear.",
    ],
]  # fmt: skip


def test_a_problem_alone_is_of_the_sheet() -> None:
    cells = [
        markdown("# Aufgabe 2"),
        markdown("## a)"),
        "print(convolve(A, K))",
        markdown("## b)\n\nUmrisse, hoch und quer."),
    ]
    assert written(of_cells(*cells)["2b.features"]).answer == "Umrisse, hoch und quer."


@pytest.mark.parametrize("tutorial", OTHER_SUBJECTS)
def test_letters_before_headings_make_no_sheet(tutorial: list[str]) -> None:
    cells = [cell for text in tutorial for cell in (markdown(text), "print(gini(y))")]
    assert sum(v.outcome is Outcome.NEEDS_REVIEW for v in of_cells(*cells).values()) <= 1


def test_one_network_of_another_subject_makes_no_sheet() -> None:
    nb = notebook("under its heading", {}, only="")
    for n, text in enumerate(OTHER_SUBJECTS[2]):
        nb._add(markdown(text), "")
        nb.cell("", "head = Model(inputs, outputs)")
        if n == 1:
            nb.build(cnn_net())
    nb.cells = [Cell(n, c.kind, c.source) for n, c in enumerate(nb.cells)]
    assert {v.outcome for v in verdicts_of(nb).values()} == {Outcome.MISSING}


@pytest.mark.parametrize(
    "around",
    [
        ["(x, y), (u, v) = keras.datasets.fashion_mnist.load_data()"],  # may have failed: nothing was recorded
        [],
        [markdown(f"**{letter})**") for letter in "adefg"],
        ["data = pd.read_csv('fashion-mnist_train.csv')"],
        [markdown("# Homework on Fashion MNIST")],
        [markdown("# Problem 1")],
    ],
)
def test_bare_letters_are_the_sheets_where_more_says_so(around: list[Cell | str]) -> None:
    answers = [markdown("**b)** Otherwise steps get huge."), markdown("**c)** T-shirt, trouser, and so on.")]
    code: list[Cell | str] = ["x = 1"] if around else []
    verdicts = of_cells(*around[:2], *answers, *around[2:], *code)
    assert {name for name, v in verdicts.items() if v.outcome is Outcome.NEEDS_REVIEW} == {"1b.why", "1c.output"}


# ------------------------------------------------------------------ what is left, and where it was looked for


def test_what_is_left_near_the_question_is_shown() -> None:
    verdict = verdicts_of(notebook("no label, prose after the code", {"1j.reason": "It was not trained long enough."}))[
        "1j.reason"
    ]
    assert verdict.outcome is Outcome.NEEDS_REVIEW
    assert verdict.message == "Nothing under 1j clearly answers this; could it be what stands here? A person reads it."
    assert verdict.suggestion is None
    assert written(verdict).answer == "It was not trained long enough."


def test_a_text_that_joined_another_answer_is_still_shown_where_it_may_belong() -> None:
    gap = "Das Netz merkt sich Eigenheiten der 20.000 Bilder. Im Einsatz bekommt es andere zu sehen, deshalb stört der Abstand."
    boot = "Der Schuh reicht über den Knöchel, und bei 28 mal 28 Pixeln deckt er fast die gleiche Fläche ab wie ein Stiefel."
    verdicts = verdicts_of(notebook("last cell, paragraphs", {"1i.diverges": gap, "1j.reason": boot}))
    assert gap in written(verdicts["1i.diverges"]).answer
    assert boot in written(verdicts["1j.reason"]).answer


def test_a_text_under_two_labels_is_shown_for_both() -> None:
    text = "(b), (c) Large inputs make large gradients, and there is one unit for each class."
    verdicts = of_cells(markdown("# Problem 1"), markdown("(a) load"), "x = 1", markdown(text))
    assert text in written(verdicts["1b.why"]).answer
    assert text in written(verdicts["1c.output"]).answer


def test_a_label_ends_where_the_code_of_another_question_begins() -> None:
    nb = notebook(
        "no label, prose after the code",
        {"1b.why": "Large steps.", "1h.compare": "Seven times the weights for a little more."},
    )
    nb.cells[0] = markdown("## 1b)")
    verdicts = verdicts_of(nb)
    assert written(verdicts["1b.why"]).answer == "Large steps."
    assert written(verdicts["1h.compare"]).answer == "Seven times the weights for a little more."


@pytest.mark.parametrize(
    ("question", "cells"),
    [
        ("1b.why", ["# b)\nx = x / 255\nanswer = 'large inputs make large gradients'"]),
        ("1b.why", ["# 1b)\nx = x / 255\ndisplay(Markdown('**Because** gradients would explode'))"]),
        ("1b.why", [markdown("## 1b)"), "x = x / 255", markdown("<font color='blue'>Steps get too large.</font>")]),
        ("1b.why", [markdown("## 1b)"), markdown("输入太大会导致梯度过大，训练不稳定。")]),
        ("1b.why", ["# 1b)\nx = x / 255\n# иначе градиенты слишком большие"]),
        ("1c.output", [markdown("## 1c) because there are ten classes")]),
        ("1c.output", [markdown("## 1c)\n**Why 10 units?** Ten classes.")]),
        ("1c.output", ["# c) ten classes\nmodel = 1"]),
        ("1c.output", ["# c)\nmodel.add(Dense(10, activation='softmax'))  # ten classes, one unit each"]),
        ("1h.compare", [markdown("## 1h)\n| net | parameters | accuracy |\n|-|-|-|\n| 10 | 8070 | 0.78 |")]),
        ("2b.features", [markdown("## 2b)\n$K_x$: vertical edges, $K_y$: horizontal edges")]),
        ("3c.compare", ["# 3c)\n3330 < 8070"]),
        ("3c.compare", [markdown("## 3c)\n$3330 < 8070$")]),
    ],
)
def test_an_answer_in_any_other_form(question: str, cells: list[Cell | str]) -> None:
    asked = {name for name, verdict in of_cells(*cells).items() if verdict.outcome is Outcome.NEEDS_REVIEW}
    assert asked == {question}


@pytest.mark.parametrize(
    "cells",
    [
        ["# 1j)\nplot()\n# plt.imshow(x)\n# plt.show()"],
        ['# 1j)\ndef show(i):\n    """Shows an image of the test set."""\n    plt.imshow(x[i])'],
        [markdown("# Problem set 10\nKlara S., student 12345"), "x = 1"],
        [
            markdown(
                "## 1i)\nTrain a new network on the first 20000 items. Why do the accuracies diverge? Does it matter?"
            )
        ],
    ],
)
def test_what_is_no_answer_in_any_form(cells: list[Cell | str]) -> None:
    assert {verdict.outcome for verdict in of_cells(*cells).values()} <= {Outcome.MISSING}


def test_where_it_was_looked_for_is_said() -> None:
    verdicts = verdicts_of(notebook("under its heading", {}))
    missing = verdicts["1b.why"]
    assert missing.outcome is Outcome.MISSING
    assert written(missing).looked_at == (3, 4)  # its heading and its code
    unlabelled = verdicts_of(notebook("no label, prose after the code", {"1c.output": "one for each category"}))
    assert written(unlabelled["1c.output"]).looked_at
