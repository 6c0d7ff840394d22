"""Reading what students wrote: numbers, arithmetic, matrices, accuracies, answers."""

from __future__ import annotations

import time

import numpy as np
import pytest
from builders import Story, submission
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.extraction.accuracies import extract_accuracies
from grader.extraction.arithmetic import LARGEST, apply, mentions, readings
from grader.extraction.matrices import MatrixOrigin, extract_matrices, extract_zero_claims, grids
from grader.extraction.numbers import NumberOrigin, extract_numbers
from grader.extraction.passages import passages_of, tree_of
from grader.extraction.prose import paragraphs
from grader.records import Cell, CellKind, Labels, Span

# ------------------------------------------------------------------ numbers in text


def values(text: str) -> set[float]:
    return {round(v, 9) for m in mentions(text) for v in m.values}


@pytest.mark.parametrize(
    "written",
    [
        "8070", "8,070", "8.070", "8 070", "8\u00a0070", "8\u2009070", "8\u202f070", "8'070", "8’070", "8_070", "**8070**",
        "__8070__", "$8070$", r"$8{,}070$", r"$8\,070$", "`8070`", "| Total | 8,070 |", "8070.", "=8070!", "(8070)",
        "8070 Parameter", "<b>8070</b>", r"\textbf{8070}", r"$\boxed{8070}$", "d) 8070", "1d: 8070", "## 1 (d) 8070",
        "8&nbsp;070",
    ],
)  # fmt: skip
def test_a_count_is_read_in_every_format(written):
    assert 8070 in values(written)


@pytest.mark.parametrize(
    "written",
    [
        "784*10+10 + 10*10+10 + 10*10+10",
        "(784+1)*10 + (10+1)*10 + 11*10",
        "(784·10+10)+(10·10+10)+(10·10+10)",
        "784 × 10 + 10 + 2 × (10 × 10 + 10)",
        "784x10+10 + 10x10+10 + 10 x 10 + 10",
        r"$(784 \cdot 10 + 10) + (10 \cdot 10 + 10) + (10 \times 10 + 10)$",
        r"784\*10 + 10 + 10\*10 + 10 + 10\*10 + 10",
        "10(784+1) + 10(10+1) + (10+1)(10)",
        "784 inputs * 10 units + 10 biases + 10*10 + 10 bias + 10*10 + 10",
        "784*10 (weights) + 10 (bias) + 10*10 + 10 + 10*10 + 10",
        "(784*10+10)\n+ (10*10+10)\n+ (10*10+10)",
        "784*10+10 +\n10*10+10 +\n10*10+10",
        "[784*10+10] + [10*10+10] + [10*10+10]",
        "7.850 + 110 + 110",
        "7,850 + 110 + 110",
        "28² · 10 + 10 + 220",
        "28**2 * 10 + 10 + 220",
        "28^2*10 + 230",
        r"$\underbrace{784 \cdot 10 + 10}_{\text{first}} + 220$",
        r"\frac{16140}{2}",
    ],
)
def test_arithmetic_in_text_is_worked_out(written):
    assert 8070 in values(written)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("0,01", 0.01), ("0.01", 0.01), (".01", 0.01), ("1e-2", 0.01), ("1E-2", 0.01), ("10^{-2}", 0.01), ("10⁻²", 0.01),
        (r"$5\cdot 10^{-3}$", 0.005), ("5·10^-3", 0.005), ("1/100", 0.01), ("77 %", 0.77), ("77.1%", 0.771),
        ("77,1 %", 0.771), (r"77{,}1\,\%", 0.771), ("77 percent", 0.77), ("77 Prozent", 0.77), (".771", 0.771), ("−4", 4),
    ],
)  # fmt: skip
def test_fractions_rates_and_percentages(written, value):
    assert round(value, 9) in values(written)


@pytest.mark.parametrize(
    "written",
    [
        "2019-12-09", "09.12.2019", "9/12/2019", "TensorFlow 2.15.1", "version 8.070", "numpy==1.26.4", "0x1f86", "#1f86aa",
        "https://example.org/8070", "![](attachment:8070.png)", "x8070", "dense_8070", "<img width=8070>", "12:30",
        "data:image/png;base64,8070+8070/AAAA",
    ],
)  # fmt: skip
def test_what_looks_like_a_number_and_states_none(written):
    assert not values(written)


def test_exercise_labels_are_no_part_of_the_arithmetic():
    assert 110 in values("1) 10*10+10")
    assert -90 not in values("- 10*10+10")
    assert values("Aufgabe 1d)\n") == set()


def test_a_written_result_beats_what_its_arithmetic_comes_to():
    assert 8070 not in values("7850 + 110 + 110 = 8060")
    assert 8070 in values("7850 + 110 + 110 = 8.070")
    assert 7850 in values("784*10 = 7840 + 10 = 7850")


def test_both_readings_of_an_ambiguous_number():
    assert readings("8.070") == (8070.0, 8.07)
    assert readings("8,070") == (8070.0, 8.07)
    assert readings("0.771") == (0.771,)
    assert readings("8.070,5") == (8070.5,)
    assert readings("1.234.567") == (1234567.0,)


@settings(deadline=None)
@given(st.integers(1000, 999_999_999), st.sampled_from([",", ".", "'", "_", "\u2009", "\u00a0", "\u202f", ""]))
def test_grouped_integers_round_trip(number, mark):
    assert number in values(f"There are {number:,} parameters.".replace(",", mark))


@settings(deadline=None)
@given(st.integers(1, 2000), st.integers(1, 500), st.sampled_from(["*", "·", "×", " x ", r"\cdot ", r"\times ", r"\*"]))
def test_products_round_trip(a, b, times):
    assert a * b + b in values(f"{a}{times}{b} + {b}")


_PIECES = st.sampled_from(
    [*"0123456789.,' \n\r*+-/x^(){}[]\\$_%ab|&=#>`;:~×·²", "**", r"\cdot ", r"\text{", r"\frac{1}{2}", "1e5", "10^{", "8,070",
     "\\\\", "&#10;", "\\begin{bmatrix}", "\\end{bmatrix}", "[[", "]]", "train ", "val_acc "]
)  # fmt: skip
_NOISE = st.lists(_PIECES, max_size=60).map("".join)


@settings(deadline=None)
@given(_NOISE)
def test_no_text_is_too_odd(text):
    for mention in mentions(text):
        assert all(abs(v) <= LARGEST for v in mention.values)
    assert all(0.05 < f.value <= 1 for f in extract_accuracies(text))
    assert all(len(row) == len(g.values[0]) for g in grids(text) for row in g.values)


@pytest.mark.parametrize(
    "text",
    ["(", "(1+", "1+", "1 ", "1,000", r"\text{", "<a ", "9", "(a", "**", "x1 ", "1.1.", "1^", "-", "[[", "|-|", "[1,2],",
     r"\begin{matrix}", "1 2\n", "a", "(1)", "0.77 train "],
)  # fmt: skip
def test_huge_texts_are_read_in_bounded_time(text):
    huge = (text * 1_000_000)[:300_000]
    started = time.perf_counter()
    mentions(huge)
    grids(huge)
    assert time.perf_counter() - started < 20


def test_arithmetic_has_bounds():
    assert apply("^", 9.0, 1e9) is None
    assert apply("/", 1.0, 0.0) is None
    assert apply("*", LARGEST, 2.0) is None
    assert apply("^", -2.0, 0.5) is None
    assert 1.0 in values("(" * 3000 + "1" + ")" * 3000)


# ------------------------------------------------------------------ numbers in code and output


def stated(nb: Story) -> dict[float, set[NumberOrigin]]:
    found: dict[float, set[NumberOrigin]] = {}
    for s in extract_numbers(nb.evidence()):
        for value in s.values:
            found.setdefault(value, set()).add(s.origin)
    return found


def code(*sources: str) -> dict[float, set[NumberOrigin]]:
    nb = Story()
    for source in sources:
        nb.cell("", source)
    return stated(nb)


@pytest.mark.parametrize(
    "source",
    [
        "784 * 10 + 10 + 2 * (10 * 10 + 10)",
        "n, h = 28 * 28, 10\nw = n * h\nw + h + 2 * (h * h + h)",
        "def params(i, o):\n    return i * o + o\nprint(params(784, 10) + 2 * params(10, 10))",
        "def params(i, o):\n    'weights and biases'\n    w = i * o\n    return w + o\ntotal = params(784, 10) + 2 * params(10, o=10)",
        "f = lambda i, o=10: i * o + o\nprint(f'{f(784) + f(10) + f(10)}')",
        "sum([7850, 110, 110])",
        "layers = [7850, 110, 110]\nnp.sum(layers)",
        "total = 0\ntotal += 7850\ntotal += 220",
        "int(28 ** 2 * 10 + 230)",
        "assert (784 + 1) * 10 + 220 == n",
        "%matplotlib inline\n784*10+230",
        "def only_defined():\n    x = 784 * 10 + 230",
        "if True:\n    print(784 * 10 + 230)",
    ],
)
def test_arithmetic_in_code_is_the_students_own(source):
    assert NumberOrigin.ARITHMETIC in code(source)[8070]


def test_names_reach_over_cells():
    assert NumberOrigin.ARITHMETIC in code("n = 784", "n * 10 + 10")[7850]


def test_literals_comments_and_strings():
    found = code("count = 8070  # or 55,050\nprint('Parameters: 3.330')")
    assert found[8070] == {NumberOrigin.LITERAL}
    assert NumberOrigin.COMMENT in found[55050]
    assert NumberOrigin.STRING in found[3330]


def test_the_result_of_a_loop_comes_from_the_run():
    nb = Story()
    nb.cell(
        "", "total = 0\nfor i, o in [(784, 10), (10, 10), (10, 10)]:\n    total += i * o + o\ntotal", printed="8070"
    )
    nb.holds("total", 8070)
    assert stated(nb)[8070] == {NumberOrigin.ARITHMETIC, NumberOrigin.PRINTED}


@pytest.mark.parametrize(
    "source",
    [
        "model.summary()",
        "print(model.count_params())",
        "n = model.count_params()\nprint('n:', n)",
        "sum(np.prod(w.shape) for w in model.get_weights())",
        "def count():\n    return model.count_params()\nprint(count())",
    ],
)
def test_what_keras_counts_is_not_by_hand(source):
    nb = Story()
    nb.cell("", source, printed="Total params: 8,070 (31.52 KB)" if "summary" in source else "8070")
    nb.holds("n", 8070)
    assert stated(nb)[8070] == {NumberOrigin.KERAS}


def test_summary_beside_an_own_print():
    nb = Story()
    nb.cell("", "model.summary()\nprint(mine(784))", printed=" Total params: 8,070 (31.52 KB)\n8070")
    assert stated(nb)[8070] == {NumberOrigin.KERAS, NumberOrigin.PRINTED}


def test_an_accuracy_printed_with_a_count_is_own():
    nb = Story()
    nb.cell("", "print(model.count_params(), acc)", printed="8070 0.771")
    assert stated(nb)[0.771] == {NumberOrigin.PRINTED}


@pytest.mark.parametrize("source", ["784*10+10 = 7850 parameters", "The count is 7850."])
def test_a_code_cell_that_is_no_python_is_text(source):
    assert NumberOrigin.TEXT in code(source)[7850]


@pytest.mark.parametrize(
    "source",
    ["f = lambda: f()\nf()", "def f(x):\n    return f(x)\nf(1)", "9 ** 9 ** 9 ** 9", "1 / 0", "x = x + 1", "[1][5] + 2", "a, b = 1",
     "1" * 5000, "+".join("1" * 3000), "-" * 100 + "1", "round(1, 2, 3)", "sum(sum)", "int()", "f(*[1])", "1j + 2", "x: int = 3 + 4"],
)  # fmt: skip
def test_no_code_is_too_odd(source):
    nb = Story()
    nb.cell("", source)
    assert extract_numbers(nb.evidence()) is not None


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_cell_can_be_read(source):
    cell = Cell(0, CellKind.CODE, source)
    assert all(p.cell == 0 and p.line >= 1 for p in passages_of(cell))
    assert tree_of(Cell(0, CellKind.MARKDOWN, source)) is None


def test_places_are_lines_of_cells():
    nb = Story()
    nb.text("", "# Title\n\nThere are\n8070 of them.")
    nb.cell("", "x = 1\n# first\n# 55050")
    lines = {s.values[0]: (s.place.cell, s.place.line) for s in extract_numbers(nb.evidence())}
    assert lines[8070] == (0, 4)
    assert lines[55050] == (1, 3)


# ------------------------------------------------------------------ matrices

EDGES = ((0.0, -4.0, 0.0, 4.0, 0.0),) * 5


@pytest.mark.parametrize(
    "text",
    [
        repr(np.array(EDGES)),
        str(np.array(EDGES)),
        str(np.array(EDGES).astype(int)),
        str([list(row) for row in EDGES]),
        "\n".join(str(list(row)) for row in EDGES),
        "\n".join("0 −4 0 4 0" for _ in EDGES),
        "\n".join("0, -4, 0, 4, 0" for _ in EDGES),
        "\n".join("| 0 | -4 | -0. | 4 | 0 |" for _ in EDGES),
        "| 0 | -4 | 0 | 4 | 0 |\n|---|:-:|---|---|--:|\n" + "\n".join("| 0 | -4 | 0 | 4 | 0 |" for _ in EDGES[1:]),
        "| K | a | b | c | d |\n|---|---|---|---|---|\n" + "\n".join("| 0 | -4 | 0 | 4 | 0 |" for _ in EDGES),
        r"\begin{bmatrix}" + r"\\".join("0 & -4 & 0 & 4 & 0" for _ in EDGES) + r"\end{bmatrix}",
        r"\begin{pmatrix}" + "\\\\\n".join("0&-4&0&4&0" for _ in EDGES) + "\\\\\n" + r"\end{pmatrix}",
        r"\left(\begin{array}{ccccc}" + r"\\ ".join("0 & {-4} & 0 & 4 & 0" for _ in EDGES) + r"\end{array}\right)",
        "   0  1  2  3  4\n" + "\n".join(f"{i}  0 -4  0  4  0" for i in range(5)),
        "K_x * I_A = 0 -4 0 4 0\n" + "\n".join("            0 -4 0 4 0" for _ in EDGES[1:]),
        f"tf.Tensor(\n{np.array(EDGES)}, shape=(5, 5), dtype=float64)",
    ],
)
def test_a_matrix_is_read_in_every_format(text):
    assert [g.values for g in grids(text)] == [EDGES]


def test_matrices_side_by_side_and_one_under_the_other():
    zeros = ((0.0,) * 5,) * 5
    side = "\n".join("0 -4 0 4 0    0 0 0 0 0" for _ in EDGES)
    stacked = "\n".join(["0 -4 0 4 0"] * 5 + ["0 0 0 0 0"] * 5)
    printed = f"{np.array(EDGES)}\n{np.array(zeros)}"
    for text in (side, stacked, printed):
        assert [g.values for g in grids(text)] == [EDGES, zeros]


def test_what_stands_before_a_matrix():
    found = grids("Kx:\n[[1 2]\n [3 4]]\nKy:\n[[5 6]\n [7 8]]")
    assert ["Kx" in g.before for g in found] == [True, False]
    assert "Ky" in found[1].before


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(-99, 99), min_size=3, max_size=3), min_size=3, max_size=3),
    st.sampled_from([str, repr, lambda a: str(a.tolist()), lambda a: str(a.astype(float))]),
)
def test_printed_matrices_round_trip(rows, show):
    matrix = np.array(rows)
    assert [g.values for g in grids(show(matrix))] == [tuple(map(tuple, matrix.astype(float).tolist()))]


@pytest.mark.parametrize(
    "source",
    [
        "KxIA = [[0, -4, 0, 4, 0]] * 5",
        "KxIA = [[0, -4, 0, 4, 0] for _ in range(5)]",
        "KxIA = np.array([[0, -4, 0, 4, 0], [0, -4, 0, 4, 0], [0, -4, 0, 4, 0], [0, -4, 0, 4, 0], [0, -4, 0, 4, 0]])",
        "KxIA, n = ((0, -4., 0, 4, 0),) * 5, 1",
        "d = {'KxIA': [[0, -4, 0, 4, 0]] * 5}",
        "show(KxIA=[[0, -4, 0, 4, 0]] * 5)",
    ],
)
def test_nested_lists_in_code_bear_names(source):
    nb = Story()
    nb.cell("", source)
    found = [m for m in extract_matrices(nb.evidence()) if m.source is MatrixOrigin.CODE and m.values == EDGES]
    assert len(found) == 1
    assert "KxIA" in found[0].hint


@pytest.mark.parametrize(
    "source", ["x = [[1, 2], [3]]", "x = [[True, False]] * 2", "x = [[1] * 10**9] * 10**9", "x = [[f(1), 2], [3, 4]]"]
)
def test_other_lists_are_no_matrices(source):
    nb = Story()
    nb.cell("", source)
    assert not extract_matrices(nb.evidence())


def test_results_that_are_said_to_be_zero():
    told = extract_zero_claims(
        submission("md: Ky*IA and Kx*IB are zero everywhere.\n\n$K_y * I_A = 0$.\n\nThe border is zero padded.")
    )
    assert [m.place.line for m in told] == [1, 3]


# ------------------------------------------------------------------ accuracies


@pytest.mark.parametrize(
    "text",
    [
        "Training accuracy 0.77, test accuracy 0.78.",
        "train/test: 0.77/0.78",
        "77 % on the training set and 78 % on the test set",
        "acc 0.77 / val_acc 0.78",
        "train accuracy:\n0.77\ntest accuracy:\n0.78",
        "Trainingsgenauigkeit: 0,77; Testgenauigkeit: 0,78",
        "| Netz | Genauigkeit (Training) | Genauigkeit (Test) |\n|---|---|---|\n| 10-10-10 | 77,0 % | 78,0 % |",
        "| train | 0.77 |\n| test | 0.78 |",
        "Test accuracy 0.78 (train 0.77)",
        "{'accuracy': [0.77], 'loss': [0.5], 'val_accuracy': [0.78], 'val_loss': [0.6]}",
        r"Training accuracy $\approx 0.77$ and testing accuracy $\approx 0.78$",
        "train acc = 77.0, test acc = 78.0",
        "Accuracy: 0.77 on the training set, 0.78 on the test set",
        "Training accuracy after 3 epochs: 0.77; test accuracy at a learning rate of 0.01: 0.78",
        "La precisión de entrenamiento es 0.77 y la de prueba 0.78",
        "Précision sur le jeu d'entraînement 0.77, sur le jeu de test 0.78",
    ],
)
def test_accuracies_with_their_roles(text):
    assert sorted((f.role, round(f.value, 6)) for f in extract_accuracies(text)) == [("test", 0.78), ("train", 0.77)]


@pytest.mark.parametrize(
    "text",
    ["loss: 0.53", "learning rate 0.5", "938/938 - 1s - 1ms/step - accuracy: 0.77", "3 epochs", "0.3 s per epoch"],
)
def test_other_figures_are_no_accuracies(text):
    assert not [f for f in extract_accuracies(text) if f.role]


@pytest.mark.parametrize(
    "text",
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/87.0.4280.88",
        "CUDA 10.1 and numpy 0.19",
        "a dropout of 0.5",
        "0.25 dropout",
        "Dropout(0.25)",
        "momentum = 0.9",
        "beta_2 0.999",
        "validation split 0.2",
        "It took 20.5 seconds.",
        "12.5 s",
        "We use 80% for training and 20% for testing.",
    ],
)
def test_settings_versions_and_shares_are_no_accuracies(text):
    assert extract_accuracies(text) == []


@pytest.mark.parametrize(
    "text",
    ["Dropout(0.25) helps: test 0.78", "0.78 on the test set with dropout 0.5", "test accuracy with CUDA 10.1: 78.0"],
)
def test_a_setting_beside_an_accuracy(text):
    assert [(f.role, f.value) for f in extract_accuracies(text)] == [("test", 0.78)]


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("Accuracy: 0.78 on the test set", ["test"]),
        ("zbiór treningowy 0.77, zbiór testowy 0.78", ["", "test"]),
        ("0.77, test 0.78", ["", "test"]),
        ("test 0.78, uczenie 0.77, inne 0.76", ["test", "", ""]),
        ("test accuracies: [0.6, 0.7, 0.78]", ["test"] * 3),
        ("Точность 0.77 и 0.78", ["", ""]),
        ("| loss | val_loss | val_acc |\n| 0.60 | 0.61 | 0.78 |", ["test"]),
    ],
)
def test_no_role_is_guessed(text, roles):
    assert [f.role for f in extract_accuracies(text)] == roles


def test_a_figure_agrees_as_far_as_it_is_rounded():
    (figure,) = extract_accuracies("test accuracy 0.77")
    assert figure.agrees(0.7749)
    assert not figure.agrees(0.78)


# ------------------------------------------------------------------ answers

SHEET = "Note that the images are in greyscale. Scale the pixel values. The size of the output layer must remain at 10 units. Why?"


def answers(*cells: str, labels: Labels | None = None) -> list[str]:
    return [p.text for p in paragraphs(submission(*cells), labels or Labels(), SHEET)]


@pytest.mark.parametrize(
    "source",
    [
        "## Scaling the data",
        "Why is this necessary?",
        "*Your answer here*",
        "TODO",
        "Deine Antwort hier",
        "Note that the images are in greyscale. The size of the output layer must remain at 10 units. Why?",
        "8070",
        "---",
        "<h3>Question 1(c)</h3>",
    ],
)
def test_what_is_no_answer(source):
    assert answers(f"md:{source}") == []


def test_own_words_stay_when_the_question_is_quoted():
    assert answers("md:The size of the output layer must remain at 10 units. Why? Ten classes need ten units.") == [
        "Ten classes need ten units."
    ]


def test_comments_answer_but_code_does_not():
    source = "x = x / 255\n# large inputs make large gradients\n# x = x * 2\n# model.fit(x, y)\n# for i in range(3):\ny = 1  # one per class"
    assert answers(source) == ["large inputs make large gradients", "one per class"]


def test_an_answer_in_a_code_cell_that_is_no_python():
    assert "ten classes need ten units" in answers("ten classes need ten units\nx = 3")[0]


def test_an_answer_ends_where_the_next_task_begins():
    labels = Labels((Span(0, 1, 1, "1b", "heading"), Span(0, 2, 2, "1c", "heading")))
    assert answers("md:1b: smaller gradients\n1c: ten classes", labels=labels) == [
        "1b: smaller gradients",
        "1c: ten classes",
    ]


def test_reasons_are_noticed():
    (paragraph,) = paragraphs(submission("md:It is faster, because less is computed."), Labels(), "")
    assert paragraph.reasons
    assert paragraph.words == 7
    assert (paragraph.place.cell, paragraph.place.line) == (0, 1)
