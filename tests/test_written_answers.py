"""Which texts answer which question, wherever and however they are written."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import judge, loaded_rubric
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
