"""The four convolutions, however they are stated, named and spoilt."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from builders import Story, loaded_rubric
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from grader.marking.checks import convolution_names
from grader.records import CellStatus, FaultKind, MatrixDiff, Outcome

NAMES = ("KxIA", "KyIA", "KxIB", "KyIB")
REFERENCE = loaded_rubric().reference
RIGHT = {n: np.array(REFERENCE.convolutions[n].expected) for n in NAMES}
KERNELS = {n: np.array(k) for n, k in REFERENCE.kernels.items()}
IMAGES = {n: np.array(i) for n, i in REFERENCE.images.items()}
WRITTEN = {n: f"{n[:1]}_{n[1]} * {n[2]}_{n[3]}" for n in NAMES}


def outcomes(nb: Story, *, labelled: bool = True) -> list[str]:
    verdicts = nb.judge(labelled=labelled)
    return [str(verdicts[f"2a.{n}"].outcome) for n in NAMES]


def all_of(function):
    return {n: function(IMAGES[n[2:]], KERNELS[n[:2]]) for n in NAMES}


def printed(matrices, *, named: bool) -> str:
    return "\n".join(f"{WRITTEN[n] + ' =' if named else ''}\n{m}" for n, m in matrices.items())


def latex(matrix) -> str:
    return r"\begin{bmatrix}" + r"\\".join(" & ".join(f"{v:g}" for v in row) for row in matrix) + r"\end{bmatrix}"


def table(matrix) -> str:
    first, *rest = ["| " + " | ".join(f"{v:g}".replace("-", "−") for v in row) + " |" for row in matrix]
    return "\n".join([first, "|---" * 5 + "|", *rest])


FORMATS = {
    "LaTeX": lambda ms: "\n\n".join(rf"$\mathbf{{{n[0]}}}_{n[1]} \ast \mathbf{{{n[2]}}}_{n[3]} = {latex(m)}$" for n, m in ms.items()),
    "tables": lambda ms: "\n\n".join(f"{WRITTEN[n]}:\n\n{table(m)}" for n, m in ms.items()),
    "rows": lambda ms: "\n\n".join(f"{n}\n" + "\n".join(" ".join(f"{v:g}" for v in row) for row in m) for n, m in ms.items()),
    "lists": lambda ms: "\n\n".join(f"{WRITTEN[n]} = {m.tolist()}" for n, m in ms.items()),
    "unnamed": lambda ms: "\n\n".join(table(m) for m in ms.values()),
}  # fmt: skip


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("form", FORMATS)
def test_right_matrices_in_text(form, labelled):
    nb = Story()
    nb.text("2a", FORMATS[form](RIGHT))
    assert outcomes(nb, labelled=labelled) == ["passed"] * 4


@pytest.mark.parametrize("naming", ["{}", "conv_{}", "result{}", "{} = 1; c{}", "r"])
def test_right_matrices_in_variables(naming):
    nb = Story()
    nb.cell("2a")
    for i, (name, matrix) in enumerate(RIGHT.items()):
        nb.holds(naming.replace("{}", name) if naming != "r" else f"r{i}", matrix)
    assert outcomes(nb) == ["passed"] * 4


@pytest.mark.parametrize("named", [True, False])
def test_right_matrices_in_output(named):
    nb = Story()
    nb.cell("2a", "show()", printed=printed(RIGHT, named=named))
    assert outcomes(nb) == ["passed"] * 4


def test_one_zero_matrix_is_one_answer_but_two_prints_are_two():
    once = Story()
    once.cell("2a", "show()", printed=printed({n: RIGHT[n] for n in ("KxIA", "KyIA", "KyIB")}, named=False))
    assert sorted(outcomes(once)) == ["missing", "passed", "passed", "passed"]
    story = Story()
    story.cell("2a")
    story.holds("zero", RIGHT["KyIA"])
    assert sorted(outcomes(story)) == ["missing", "missing", "missing", "passed"]


def test_in_words_a_result_may_be_zero():
    nb = Story()
    nb.text(
        "2a",
        f"Ky\\*IA and Kx\\*IB are zero everywhere.\n\nKx\\*IA:\n\n{table(RIGHT['KxIA'])}\n\nKy\\*IB = \n\n{table(RIGHT['KyIB'])}",
    )
    assert outcomes(nb) == ["passed"] * 4


def test_inputs_kernels_and_buffers_are_no_results():
    nb = Story()
    nb.cell(
        "2a", "out = [[0] * 5 for _ in range(5)]", printed="\n\n".join(map(str, (*KERNELS.values(), *IMAGES.values())))
    )
    for name, array in {
        **KERNELS,
        **IMAGES,
        "padded": np.pad(IMAGES["IA"], 1, mode="edge"),
        "flipped": KERNELS["Kx"][::-1, ::-1],
    }.items():
        nb.holds(name, array)
    assert outcomes(nb) == ["missing"] * 4


@pytest.mark.parametrize("named", [True, False])
def test_not_flipped_is_charged_once(named):
    nb = Story()
    nb.cell("2a", "show()", printed=printed(all_of(lambda i, k: ndimage.correlate(i, k, mode="nearest")), named=named))
    verdicts = nb.judge()
    assert outcomes(nb) == ["failed", "passed", "passed", "partial"]
    assert verdicts["2a.KxIA"].misconceptions == ("conv.not_flipped",)
    assert (verdicts["2a.KyIB"].repeats, verdicts["2a.KyIB"].share) == ("2a.KxIA", 0.5)
    assert "charged under 2a.KxIA: here it costs half" in verdicts["2a.KyIB"].message
    assert verdicts["2a.KxIA"].details == (
        MatrixDiff(REFERENCE.convolutions["KxIA"].expected, tuple(map(tuple, -RIGHT["KxIA"]))),
    )


def test_zero_padding_is_charged_once():
    nb = Story()
    nb.cell("2a")
    for name, matrix in all_of(lambda i, k: signal.convolve2d(i, k, mode="same")).items():
        nb.holds(name, matrix)
    verdicts = nb.judge()
    assert outcomes(nb) == ["failed", "partial", "partial", "partial"]
    assert {verdicts[f"2a.{n}"].misconceptions for n in NAMES} == {("conv.zero_padding",)}


def test_two_mistakes_are_both_named():
    nb = Story()
    nb.cell("2a", "show()", printed=printed(all_of(lambda i, k: signal.correlate2d(i, k, mode="same")), named=True))
    assert nb.judge()["2a.KxIA"].misconceptions == ("conv.not_flipped", "conv.zero_padding")


def test_all_positions_of_overlap_pad_with_zeros():
    nb = Story()
    nb.cell("2a", "show()", printed=printed(all_of(signal.convolve2d), named=True))
    verdict = nb.judge()["2a.KxIA"]
    assert verdict.outcome is Outcome.FAILED
    assert verdict.misconceptions == ("conv.zero_padding",)
    assert verdict.details == ()


def test_the_inner_values_alone_are_a_part():
    nb = Story()
    nb.cell("2a", "show()", printed=printed(all_of(lambda i, k: signal.convolve2d(i, k, mode="valid")), named=True))
    assert outcomes(nb) == ["partial"] * 4


def test_right_matrices_under_wrong_names():
    swapped = dict(zip(("KyIA", "KxIA", "KyIB", "KxIB"), RIGHT.values(), strict=True))
    nb = Story()
    nb.text("2a", FORMATS["LaTeX"](swapped))
    verdicts = nb.judge()
    assert outcomes(nb) == ["failed", "partial", "partial", "partial"]
    assert verdicts["2a.KxIA"].misconceptions == ("conv.swapped",)


def test_one_turned_sign_is_a_slip_and_no_misconception():
    nb = Story()
    nb.cell("2a", "show()", printed=printed(RIGHT | {"KyIB": -RIGHT["KyIB"]}, named=True))
    verdict = nb.judge()["2a.KyIB"]
    assert verdict.outcome is Outcome.FAILED
    assert verdict.misconceptions == ()
    assert "10 of its 25 values differ" in verdict.message


def test_a_right_check_beside_a_wrong_attempt_counts():
    nb = Story()
    nb.text("2a", FORMATS["LaTeX"](all_of(lambda i, k: ndimage.correlate(i, k, mode="nearest"))))
    nb.cell("2a", "check()", printed=printed(RIGHT, named=False))
    assert outcomes(nb) == ["passed"] * 4


def test_a_named_matrix_of_another_size_is_wrong():
    nb = Story()
    nb.text("2a", "Kx * IA:\n\n1 2\n3 4")
    verdict = nb.judge()["2a.KxIA"]
    assert verdict.outcome is Outcome.FAILED
    assert "2×2" in verdict.message


def test_an_unnamed_matrix_elsewhere_is_no_attempt():
    nb = Story()
    nb.cell("1f", "confusion", printed=str(np.arange(25).reshape(5, 5)))
    assert outcomes(nb) == ["missing"] * 4


@pytest.mark.parametrize(
    "source", ["![my notes](attachment:photo.jpg)", "<img src='photo.jpg'>", "see my photo ![](photo.png)"]
)
@pytest.mark.parametrize("labelled", [True, False])
def test_a_picture_waits_for_a_person(source, labelled):
    nb = Story()
    nb.text("2a", source)
    assert outcomes(nb, labelled=labelled) == ["needs_review"] * 4


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("[![Colab](https://colab.example/badge.svg)](https://colab.example/x)", "missing"),
        ("<table><td>\n<img src='https://pictures.example/logo.png' /> View it</td></table>", "missing"),
        ("![](https://pictures.example/photo.jpg)", "missing"),
        ("K_x * I_A and the others: ![](https://pictures.example/photo.jpg)", "needs_review"),
        ("The convolutions by hand " + "as we did it in the lecture " * 5 + "![](photo.jpg)", "needs_review"),
        ("Items of clothing " + "at low resolution as seen here " * 5 + "![](sprite.png)", "missing"),
        ("Convolutional networks " + "compared with the one before " * 5 + "![](attachment:image.png)", "missing"),
        ("<img width='200' src=photo.jpg>", "needs_review"),
        ("<img alt='no source'>", "missing"),
    ],
)
def test_illustrations_are_no_answers_on_paper(source, outcome):
    nb = Story()
    nb.text("", source)
    assert outcomes(nb) == [outcome] * 4


def test_a_picture_under_another_task_is_no_answer_on_paper():
    nb = Story()
    nb.text("3a", "![](photo.jpg)")
    assert outcomes(nb) == ["missing"] * 4


def test_what_never_ran_is_blocked_but_text_counts():
    nb = Story()
    nb.text("2a", FORMATS["rows"]({"KxIA": RIGHT["KxIA"]}))
    nb.cell("1f")
    nb.dies(FaultKind.KERNEL_DIED)
    nb.cell("2a", "compute()", status=CellStatus.NOT_RUN)
    assert outcomes(nb) == ["passed", "blocked", "blocked", "blocked"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.tuples(st.sampled_from(NAMES), st.booleans()), max_size=8), st.randoms())
def test_no_collection_of_matrices_is_too_odd(given_matrices, random):
    nb = Story()
    nb.cell("2a")
    for i, (name, right) in enumerate(given_matrices):
        nb.holds(
            random.choice([name, f"r{i}", "a_x", "K"]), RIGHT[name] if right else RIGHT[name] + random.randint(0, 2)
        )
    assert set(outcomes(nb)) <= {"passed", "failed", "partial", "missing", "needs_review"}


def guesses(count: int) -> list[np.ndarray]:
    return [RIGHT["KxIA"] * factor for factor in (0.5, -1, 2, 3, 4, 1)][-count:]


@pytest.mark.parametrize(
    ("between", "count", "outcome"),
    [
        ("\n\nor\n\n", 6, "failed"),
        ("\n\noder\n\n", 3, "failed"),
        ("\n\nK_x * I_A =\n\n", 6, "failed"),
        ("\n\nK_x * I_A, corrected:\n\n", 2, "needs_review"),
        ("", 1, "passed"),
    ],
)
def test_several_matrices_under_one_name_in_text_are_no_answer(between, count, outcome):
    nb = Story()
    nb.text("2a", "K_x * I_A =\n\n" + between.join(map(table, guesses(count))))
    assert nb.judge()["2a.KxIA"].outcome == outcome


def test_the_same_matrix_twice_is_one_answer():
    nb = Story()
    nb.text("2a", "\n\n".join(f"K_x * I_A =\n\n{table(RIGHT['KxIA'])}" for _ in range(3)))
    assert nb.judge()["2a.KxIA"].outcome is Outcome.PASSED


@pytest.mark.parametrize(("last", "outcome"), [("KxIA", "passed"), ("KyIB", "failed")])
def test_a_variable_is_what_it_was_given_last(last, outcome):
    nb = Story()
    for matrix in (*guesses(6), RIGHT[last]):
        nb.cell("2a")
        nb.holds("KxIA", matrix)
    assert nb.judge()["2a.KxIA"].outcome == outcome


def test_a_name_in_code_means_what_it_was_given_last():
    nb = Story()
    wrong, right = (str(m.astype(int).tolist()) for m in (-RIGHT["KxIA"], RIGHT["KxIA"]))
    nb.cell("2a", f"KxIA = {right}\nKxIA = {wrong}", status=CellStatus.NOT_RUN)
    assert nb.judge()["2a.KxIA"].outcome is Outcome.FAILED


@pytest.mark.parametrize("stated", ["variables", "printed", "literals"])
def test_more_matrices_without_a_name_than_are_asked_for_wait_for_a_person(stated):
    many = [*guesses(6), RIGHT["KyIB"], RIGHT["KyIA"]]
    nb = Story()
    literals = "[" + ", ".join(str(m.astype(int).tolist()) for m in many) + "]"
    nb.cell(
        "2a",
        f"M = {literals}" if stated == "literals" else "pass",
        printed="\n\n".join(map(str, many)) if stated == "printed" else "",
    )
    for i, matrix in enumerate(many):
        if stated == "variables":
            nb.holds(f"m{i}", matrix)
    assert outcomes(nb)[0] == "needs_review"
    assert "passed" not in outcomes(nb)


def test_unnamed_trials_beside_named_answers_do_no_harm():
    nb = Story()
    nb.cell("2a", "show()", printed="\n\n".join(map(str, guesses(6))))
    for name, matrix in RIGHT.items():
        nb.holds(name, matrix)
    assert outcomes(nb) == ["passed"] * 4


# ------------------------------------------------------------------ names


@pytest.mark.parametrize(
    "text",
    ["K_x * I_A", r"$\mathbf{K}_x * \mathbf{I}_A =$", r"K_{x} \ast I_{A}", r"Kx\*IA:", "Kx IA", "I_A * K_x", "conv of K_x with I_A", "x*A",
     "KxIA", "convolve(IA, Kx)", "Kernel x, image A", "Sobel x auf Bild A", "conv_xA:", r"$K_x \circledast I_A$", "K_x∗I_A", "Kx*A"],
)  # fmt: skip
def test_names_in_text(text):
    assert convolution_names.in_text(text) == [("x", "a")]


@pytest.mark.parametrize("text", ["a matrix by Kx", "result is by hand", "K_1", "the axes", "I_A", "by"])
def test_no_names_in_text(text):
    assert convolution_names.in_text(text) == []


@pytest.mark.parametrize(("kernel", "image"), list(itertools.product("xy", "ab")))
@pytest.mark.parametrize(
    "form",
    [
        "K{k}I{I}",
        "{k}{i}",
        "conv_{k}{I}",
        "res_{i}{k}",
        "K{k}_{I}",
        "{I}_{k}",
        "conv{K}{I}",
        "results['{k}', '{I}']",
        "sobel_{k}_{i}",
        "i{i}_k{k}",
    ],
)
def test_names_of_variables(form, kernel, image):
    name = form.format(k=kernel, K=kernel.upper(), i=image, I=image.upper())
    assert convolution_names.of_variable(name) == (kernel, image)


@pytest.mark.parametrize("name", ["out", "result", "padded", "r1", "matrix"])
def test_other_variables_tell_nothing(name):
    assert convolution_names.of_variable(name) == ("", "")


def test_an_introduction_that_names_all_names_none():
    assert convolution_names.before("We compute K_x*I_A, K_y*I_A, K_x*I_B and K_y*I_B:\n") == []
    assert convolution_names.before("Kx * IA   Ky * IA\n", 2) == [("x", "a"), ("y", "a")]
