"""Answers in words, and accuracies that are noted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from builders import SMALL, Story, images, loaded_rubric

from grader.records import CellStatus, FaultKind, Outcome, Suggestion, Verdict, Written

REFERENCE = loaded_rubric().reference
WHY = "Because large inputs make large gradients, the updates overshoot; scaled inputs converge faster."


def reviewed(criterion: str, *cells: tuple[str, str]) -> Verdict:
    nb = Story()
    for task, source in cells:
        if source.startswith("code:"):
            nb.cell(task, source.removeprefix("code:"))
        else:
            nb.text(task, source)
    return nb.judge()[criterion]


@pytest.mark.parametrize(
    "source",
    [
        WHY,
        f"## 1b) Why is this necessary?\n\n{WHY}",
        "code:# because of the gradients (they would be too big)",
        "code:x = x / 255\n# large inputs make large gradients",
        "Damit die Gradienten nicht zu groß werden.",
        'code:"""\nLarge inputs lead to large gradients, so that training becomes unstable.\n"""',
        "otherwise it diverges",
        "code:scaling makes the gradients smaller, because they contain the input",
    ],
)
def test_an_answer_waits_for_a_person(source):
    verdict = reviewed("1b.why", ("1b", source))
    assert verdict.outcome is Outcome.NEEDS_REVIEW
    assert verdict.share == 0
    (written,) = verdict.details
    assert isinstance(written, Written)
    assert written.answer
    assert written.reference == REFERENCE.answers["1b.why"].text


@pytest.mark.parametrize(
    "source",
    [
        "",
        "## 1b) Scale the pixel values. Why is this necessary?",
        "*Your answer here*",
        "TODO",
        "code:# normalize\nx = x / 255.0",
        "code:# scale the pixel values\n# x = x / 255",
        "code:print('shape', x.shape)",
        "Note that the images are in greyscale. Scale of the pixel values appropriately to the range [0.0;1.0]. Why?",
    ],
)
def test_without_an_answer_it_is_missing(source):
    verdict = reviewed("1b.why", ("1b", source or "code:x = x / 255"))
    assert verdict.outcome is Outcome.MISSING
    assert verdict.suggestion is None
    assert verdict.details[0].answer == ""


def test_points_are_suggested_by_the_steps_of_the_guide():
    verdict = reviewed("1b.why", ("1b", WHY))
    touched = [p.touched for p in verdict.details[0].look_for]
    assert sum(touched) == 3
    assert verdict.suggestion == Suggestion(2, "One mechanism explained: 2 points.")


def test_where_no_figure_is_safe_only_the_touched_points_are_shown():
    verdict = reviewed(
        "1b.why", ("1b", "I think it has to do with exploding gradients and so on, but I am not certain.")
    )
    assert verdict.suggestion is None
    assert [p.touched for p in verdict.details[0].look_for].count(True) == 1


def test_where_only_words_are_asked_for_a_few_will_do():
    assert reviewed("2b.features", ("2b", "edges: vertical (x) and horizontal (y)")).outcome is Outcome.NEEDS_REVIEW


@pytest.mark.parametrize("task", ["", "1a"])
def test_an_answer_without_its_label_must_speak_for_itself(task):
    assert reviewed("1b.why", (task, WHY)).outcome is Outcome.NEEDS_REVIEW
    assert (
        reviewed("1b.why", (task, "Now the data are loaded and scaled to the right range.")).outcome is Outcome.MISSING
    )


def test_an_answer_to_another_question_is_none():
    text = "Fewer parameters than the dense network, because a kernel is shared by all positions; and the accuracy is similar."
    assert reviewed("3c.compare", ("3c", text)).outcome is Outcome.NEEDS_REVIEW
    assert reviewed("1h.compare", ("3c", text)).outcome is Outcome.MISSING


def test_answers_count_after_a_dead_kernel():
    nb = Story()
    nb.cell("1a")
    nb.dies(FaultKind.KERNEL_DIED)
    nb.text("1b", WHY)
    nb.cell("1c", "build()", status=CellStatus.NOT_RUN)
    verdicts = nb.judge()
    assert verdicts["1b.why"].outcome is Outcome.NEEDS_REVIEW
    assert verdicts["1c.output"].outcome is Outcome.MISSING


# ------------------------------------------------------------------ noted accuracies


def trained(accuracy: float = 0.78, *, source: str = "model.fit(x, y)", printed: str = "", **options) -> Story:
    nb = Story()
    nb.cell("1f", source, printed=printed)
    nb.train(SMALL, test_accuracy=accuracy, train_accuracy=accuracy - 0.01, **options)
    return nb


@pytest.mark.parametrize(
    "text",
    [
        "train 0.77, test 0.78",
        "Training accuracy: 77 %, test accuracy: 78 %",
        "77,0 % (Training) und 78,0 % (Test)",
        "| Netz | Training | Test |\n|---|---|---|\n| 10-10-10 | 77,0 % | 78,0 % |",
        "acc 0.76 / val_acc 0.79",
        "Accuracies: 0.77 and 0.78",
        "La precisión es 0.77 en el conjunto de entrenamiento y 0.78 en el de prueba.",
        "Entraînement 77 %, test 78 %",
        "Точность 0.76 и 0.79",
        "训练准确率 0.765，测试准确率 0.775",
    ],
)
def test_both_accuracies_noted(text):
    nb = trained()
    nb.text("1f", text)
    assert nb.judge()["1f.noted"].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("text", "outcome", "said"),
    [
        ("Точность на контрольном наборе 0.75", Outcome.PARTIAL, "without a word on the set"),
        ("dokładność 0.75, test 0.79", Outcome.PASSED, "which is of which set"),
        ("Accuracy: 0.79 on the test set", Outcome.PARTIAL, "The test accuracy is noted"),
        ("La precisión en el conjunto de prueba es 0.79", Outcome.PARTIAL, "The test accuracy is noted"),
        ("| class | precision | recall |\n|---|---|---|\n| 0 | 0.55 | 0.61 |", Outcome.NEEDS_REVIEW, "0.55, 0.61"),
        ("| set | loss |\n|---|---|\n| train | 0.75 |\n| test | 0.79 |", Outcome.PARTIAL, "progress bar"),
        (
            "| set | loss | accuracy |\n|---|---|---|\n| train | 0.2 | 0.75 |\n| test | 0.3 | 0.79 |",
            Outcome.PASSED,
            "both",
        ),
    ],
)
def test_which_set_a_figure_is_of_is_said_only_where_words_say_so(text, outcome, said):
    nb = trained()
    nb.text("1f", text)
    verdict = nb.judge()["1f.noted"]
    assert verdict.outcome is outcome, verdict.message
    assert said in verdict.message


@pytest.mark.parametrize(
    "printed",
    [
        "0.77 0.78",
        "train 0.770 test 0.780",
        "{'accuracy': [0.77], 'val_accuracy': [0.78], 'loss': [0.5]}",
        "(0.7700000047, 0.7799999714)",
    ],
)
def test_both_accuracies_printed(printed):
    assert trained(printed=printed).judge()["1f.noted"].outcome is Outcome.PASSED
    arrays = "[0 0 0]\n" * 20_000
    assert trained(printed=f"{arrays}{printed}").judge()["1f.noted"].outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("print('Test accuracy: %.2f' % acc) # 0.78", "partial"),
        ("loss, acc = model.evaluate(x_test, y_test)  # 0.78", "partial"),
        ("print(f'test: {acc:.4f}')  # 0.78", "partial"),
        ("print(f'{acc:.4f}')  # train 0.77, test 0.78", "passed"),
        ("model.fit(x_train, y_train, validation_data=(x_test, y_test))  # 0.77 / 0.78", "passed"),
    ],
)
def test_a_comment_is_about_the_code_before_it(source, outcome):
    assert trained(source=source).judge()["1f.noted"].outcome == outcome


@pytest.mark.parametrize("source", ["print(f'Test Accuracy: {acc:.4f}')", "print(f'{acc:>0.1f} {n:{w}.1f}')"])
def test_the_format_of_a_figure_is_none(source):
    nb = trained(source=f"h = model.fit(x, y, verbose=0)\n{source}", printed="Test Accuracy: 0.7800")
    verdict = nb.judge()["1f.noted"]
    assert verdict.outcome is Outcome.PARTIAL
    assert verdict.actual == "test 0.7800"


def test_a_comment_and_a_later_cell_without_label():
    nb = trained(source="model.fit(x, y)\n# train 0.77\n# test 0.78")
    assert nb.judge()["1f.noted"].outcome is Outcome.PASSED
    nb = trained()
    nb.cell("", "print(model.evaluate(x, y), model.evaluate(u, v))", printed="[0.6, 0.77] [0.6, 0.78]")
    assert nb.judge()["1f.noted"].outcome is Outcome.PASSED
    assert nb.judge(labelled=False)["1f.noted"].outcome is Outcome.PASSED


def test_an_evaluation_on_the_training_set():
    nb = Story()
    nb.cell("1f", "fit()", printed="[0.6, 0.765] [0.6, 0.78]")
    network = nb.train(SMALL, validation=None, test_accuracy=0.78, train_accuracy=0.70)
    nb.evaluate(network, images("train"), 0.765)
    nb.evaluate(network, images("test"), 0.78)
    assert nb.judge()["1f.noted"].outcome is Outcome.PASSED


@pytest.mark.parametrize("text", ["The test accuracy is 0.78.", "Test: 78 %"])
def test_one_of_the_two(text):
    nb = trained()
    nb.text("1f", text)
    verdict = nb.judge()["1f.noted"]
    assert verdict.outcome is Outcome.PARTIAL
    assert "training accuracy is not" in verdict.message


def test_the_progress_bar_alone_is_a_part():
    assert trained().judge()["1f.noted"].outcome is Outcome.PARTIAL
    assert trained(source="model.fit(x, y, verbose=0)").judge()["1f.noted"].outcome is Outcome.MISSING


@pytest.mark.parametrize(
    "text", ["It jumps around, sometimes only 10 %. I do not know why.", "The loss is 0.53.", "3 epochs, batch size 64"]
)
def test_other_figures_are_no_notes(text):
    nb = trained()
    nb.text("1f", text)
    assert nb.judge()["1f.noted"].outcome is Outcome.PARTIAL


def test_figures_that_the_network_does_not_reach():
    nb = trained()
    nb.text("1f", "The accuracy is 96 % on the training set and 95 % on the test set.")
    verdict = nb.judge()["1f.noted"]
    assert verdict.outcome is Outcome.FAILED
    assert verdict.misconceptions == ("claims.unverified",)


def test_figures_of_another_run_within_the_spread():
    nb = trained(0.74)
    nb.text("1f", "train 0.80, test 0.80")
    assert nb.judge()["1f.noted"].outcome is Outcome.PASSED


def test_unscaled_data_scatter_so_much_that_figures_are_not_held_against_them():
    nb = trained(0.30, x=images("train", hi=255.0))
    nb.text("1f", "train 0.55, test 0.54")
    verdicts = nb.judge()
    assert verdicts["1b.scaled"].misconceptions == ("data.unscaled",)
    assert verdicts["1f.noted"].outcome is Outcome.PASSED


def test_figures_without_any_training():
    nb = Story()
    nb.cell("1f", "pass")
    nb.text("1f", "train 0.77, test 0.78")
    verdict = nb.judge()["1f.noted"]
    assert verdict.outcome is Outcome.FAILED
    assert verdict.misconceptions == ("claims.unverified",)


def test_figures_of_a_training_that_raised_wait_for_a_person():
    nb = Story()
    nb.cell("1f", "model.fit()", error="NameError: name 'model' is not defined")
    nb.text("1f", "train 0.77, test 0.78")
    assert nb.judge()["1f.noted"].outcome is Outcome.NEEDS_REVIEW


def test_figures_of_a_training_that_was_never_reached_are_blocked():
    nb = Story()
    nb.cell("1c")
    nb.dies(FaultKind.MEMORY)
    nb.cell("1f", "model.fit()", status=CellStatus.NOT_RUN)
    nb.text("1f", "train 0.77, test 0.78")
    assert nb.judge()["1f.noted"].outcome is Outcome.BLOCKED


def test_nothing_trained_and_nothing_noted():
    nb = Story()
    nb.cell("1f", "pass")
    assert nb.judge()["1f.noted"].outcome is Outcome.MISSING


def test_a_summary_at_the_end_may_note_them():
    nb = trained()
    nb.cell("1g")
    nb.train(SMALL, rate=0.005, test_accuracy=0.71, train_accuracy=0.70)
    nb.text("3c", "| task | train | test |\n|---|---|---|\n| f | 0.7700 | 0.7800 |\n| g | 0.7000 | 0.7100 |")
    assert nb.judge()["1f.noted"].outcome is Outcome.PASSED


def test_figures_of_the_next_network_are_not_those_of_this_one():
    nb = trained()
    nb.cell("1g")
    nb.train(SMALL, rate=0.005, test_accuracy=0.71, train_accuracy=0.70)
    nb.text("1g", "train 0.70, test 0.71")
    assert nb.judge()["1f.noted"].outcome is Outcome.PARTIAL


def test_an_unverified_network_is_held_against_its_own_run():
    nb = trained(unverified="It has layers of its own.")
    nb.text("1f", "train 0.77, test 0.78")
    assert nb.judge()["1f.noted"].outcome is Outcome.PASSED


def test_no_verdict_raises_on_odd_notes():
    nb = trained(printed="train \x00 0,0,0 % test ...")
    evidence = nb.evidence()
    odd = replace(evidence.trainings[0], history={"accuracy": (float("nan"),), "val_accuracy": ()})
    from builders import judge

    assert judge(replace(evidence, trainings=(odd,)), nb.labels)["1f.noted"].outcome is not Outcome.ERRORED
