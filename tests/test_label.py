"""Which lines answer which task, in the many ways in which students say so."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake.label import label
from grader.records import Cell, CellKind, Labels, Submission, SubmissionRef

SHEET = [*(f"1{letter}" for letter in "abcdefghij"), "2a", "2b", "3a", "3b", "3c", "4a", "4b"]
MARKDOWN, CODE, RAW = CellKind.MARKDOWN, CellKind.CODE, CellKind.RAW


def submission(*cells: Cell | str) -> Submission:
    """Cells from 'md: text' and 'py: code', or as they are."""
    made = [cell if isinstance(cell, Cell) else made_of(index, cell) for index, cell in enumerate(cells)]
    return Submission(SubmissionRef("ada", "ada", Path("ada.ipynb"), Path()), tuple(made))


def made_of(index: int, text: str) -> Cell:
    kind, _, source = text.partition(":")
    return Cell(index, {"md": MARKDOWN, "py": CODE}[kind], source.removeprefix(" "))


def labels(*cells: Cell | str) -> Labels:
    return label(submission(*cells), SHEET)


def at(found: Labels, cell: int, line: int) -> str:
    """Every task of a line, joined by '+'; '-' for none."""
    tasks = [s.task for s in found.spans if s.cell == cell and s.first_line <= line <= s.last_line]
    return "+".join(tasks) or "-"


def by_cell(*cells: Cell | str) -> list[str]:
    """The tasks of each cell's last line."""
    made = submission(*cells)
    found = label(made, SHEET)
    return [at(found, c.index, c.source.count("\n") + 1) for c in made.cells]


def by_line(source: str, *before: str) -> list[str]:
    """The tasks of each line of a cell."""
    found = labels(*before, source)
    return [at(found, len(before), line) for line in range(1, source.count("\n") + 2)]


@pytest.mark.parametrize(
    "line",
    [
        "## 1 (c)",
        "# 1c)",
        "#1c",
        "### 1c",
        "Aufgabe 1c)",
        "Aufgabe 1 c) Netz bauen",
        "## Aufgabe 1.c",
        "## Aufgabe 1, Teil c",
        "Teilaufgabe 1c:",
        "## Übung 1c",
        "**Q1.c**",
        "**Q 1-c** Build the network",
        "### ex 1a".replace("a", "c"),
        "### Exercise 1 (c): Network",
        "## Problem 1, part (c)",
        "## Task 1 c",
        "## Task 1 c Build the network",
        "# Problem set 10, problem 1 c)",
        "## PS10 1c",
        "## 10.1 c)",
        "## Exercise 10.1.c",
        "## Solution to 1c",
        "zu 1c)",
        "1) c) We build it",
        "1.c) foo",
        "1c. foo",
        "1c: foo",
        "(1c) foo",
        "[1c] foo",
        "<h3>Question 1(c)</h3>",
        "__1c)__ text",
        "> 1 (c) quoted",
        "- 1c) listed",
        "1\\. (c) foo",
        "Aufgabe 1 c)\n===========",
        "## Aufgabe １ｃ）",
    ],
)
def test_a_full_label_in_markdown(line: str) -> None:
    assert by_cell(f"md: {line}", "py: x = 1") == ["1c", "1c"]


@pytest.mark.parametrize(
    "line",
    ["# 1c)", "### ex 1c", "# Aufgabe 1c", "#1c: build", "# 1 (c)", "#### 1c ####", "# --- 1c ---", "# %% 1c) Build"],
)
def test_a_full_label_in_a_comment(line: str) -> None:
    assert by_line(f"py: import os\n{line}\nx = 1") == ["-", "1c", "1c"]


@pytest.mark.parametrize(
    "code",
    [
        'print("Exercise 1c")\nx = 1',
        "print('1c)\\n')\nx = 1",
        'print(f"Aufgabe 1 c): {x}")\nx = 1',
        '"""1c) the answer"""\nx = 1',
        "'''\n1c) the answer\n'''\nx = 1",
    ],
)
def test_printed_titles_and_bare_strings_are_labels_too(code: str) -> None:
    assert by_cell(f"py: {code}") == ["1c"]


@pytest.mark.parametrize(
    ("tag", "task"),
    [
        ("1c", "1c"),
        ("q1c", "1c"),
        ("task-1c", "1c"),
        ("exercise_1c", "1c"),
        ("solution-1c", "1c"),
        ("Aufgabe1", "1"),
        ("hide_input", "-"),
        ("parameters", "-"),
        ("conv2d", "-"),
        ("9z", "-"),
    ],
)
def test_tags(tag: str, task: str) -> None:
    assert by_cell(Cell(0, CODE, "x = 1\ny = 2", tags=("other", tag))) == [task]


@pytest.mark.parametrize(
    ("identity", "task"),
    [
        ("q1a", "1a"),
        ("ps10-1-c", "1c"),
        ("exercise_1c", "1c"),
        ("ex1c-solution", "1c"),
        ("cell-3f2a1b", "-"),
        ("test_2", "-"),
    ],
)
def test_nbgrader_ids(identity: str, task: str) -> None:
    found = labels(Cell(0, CODE, "x = 1", nbgrader_id=identity))
    assert at(found, 0, 1) == task
    assert {span.source for span in found.spans} <= {"nbgrader"}


def test_each_span_says_what_said_so() -> None:
    found = labels("md: ## 1a\ntext", "py: x = 1\n# b)\ny = 2", Cell(2, CODE, "z", tags=("1c",)))
    assert [(s.task, s.source) for s in found.spans] == [
        ("1a", "heading"),
        ("1a", "inherited"),
        ("1b", "comment"),
        ("1c", "tag"),
    ]


def test_a_label_holds_until_the_next_one() -> None:
    assert by_cell("py: import os", "md: ## 1c", "py: x", "md: because", "py: y", "md: ## 1d", "py: z") == [
        *("-", "1c", "1c", "1c", "1c", "1d", "1d")
    ]


# ------------------------------------------------------------------ letters alone


def test_letters_under_a_problems_heading() -> None:
    assert by_cell(
        "md: ## Problem 2", "py: # a)\nx", "py: # b)\ny", "md: ## Problem 3", "md: ### (a)", "md: (b) text"
    ) == [*("2", "2a", "2b", "3", "3a", "3b")]


def test_letters_without_any_number_go_on_to_the_next_problem_at_a() -> None:
    cells = [f"py: # {letter})\nx = 1" for letter in "abcdefghijababcab"]
    assert by_cell(*cells) == SHEET


def test_letters_without_numbers_with_the_second_problem_left_out() -> None:
    cells = [f"py: # {letter})\nx = 1" for letter in "abcdefghijabc"]
    assert by_cell(*cells) == [*SHEET[:10], "3a", "3b", "3c"]


def test_tasks_out_of_order() -> None:
    cells = [f"py: # {letter})\nx = 1" for letter in "abcdefgihj"]
    assert by_cell("md: # Problem 1", *cells) == ["1", *(f"1{letter}" for letter in "abcdefgihj")]


def test_a_function_is_a_section_of_its_own() -> None:
    code = "def problem_1():\n    # a)\n    x = 1\n    # c)\n    y = 2\n    # 10 classes\n\ndef problem_2():\n    # b)\n    z = 3\n\nproblem_1()"
    assert by_line(f"py: {code}") == ["1", "1a", "1a", "1c", "1c", "1c", "-", "2", "2b", "2b", "-", "-"]


@pytest.mark.parametrize(
    "name", ["exercise_1c", "task1c", "aufgabe_1_c", "q1c", "ex1c", "problem1c_solution", "Task1C"]
)
def test_names_of_functions(name: str) -> None:
    assert by_line(f"py: def {name}():\n    return 1") == ["1c", "1c"]


@pytest.mark.parametrize("name", ["conv2d", "layer_1", "train_1", "build_model", "show4", "test_a", "a", "net1"])
def test_other_names_are_no_labels(name: str) -> None:
    assert by_line(f"py: def {name}():\n    return 1") == ["-", "-"]


def test_a_plain_script_in_one_cell() -> None:
    code = "# Problem 1\n\n# a)\nload()\n# b)\nscale()\n# Problem 2\n# a)\nconv()"
    assert by_line(f"py: {code}") == ["1", "1", "1a", "1a", "1b", "1b", "2", "2a", "2a"]


def test_banners() -> None:
    code = "# =====\n# Problem 3\n# =====\n# a)\nx = 1"
    assert by_line(f"py: {code}") == ["-", "3", "3", "3a", "3a"]


@pytest.mark.parametrize("style", ["# {}", "# {}.", "# {}:", "# ({})", "# Part {}", "# Teil {}:", "## {}", "#{})"])
def test_styles_of_letters(style: str) -> None:
    cells = [f"py: {style.format(letter)}\nx = 1" for letter in "abcdef"]
    assert by_cell("md: # Problem 1", *cells) == ["1", *(f"1{letter}" for letter in "abcdef")]


def test_upper_case_letters() -> None:
    assert by_cell("md: ## Exercise 3", "md: ### A) Data", "md: ### B) Training") == ["3", "3a", "3b"]


# ------------------------------------------------------------------ i, roman numerals, several at once


def test_i_is_a_letter_between_h_and_j() -> None:
    assert by_cell("md: ## Problem 1", "md: (h) wide", "md: (i) few", "md: (j) boots") == ["1", "1h", "1i", "1j"]


def test_i_is_a_numeral_before_ii() -> None:
    assert by_line("md: ## 1b\n(i) one reason\n(ii) another\n(iii) third") == ["1b"] * 4


def test_roman_problems() -> None:
    assert by_cell("md: # Problem I", "md: a) data", "md: # Problem II", "md: b) edges") == ["1", "1a", "2", "2b"]


@pytest.mark.parametrize(
    ("line", "tasks"),
    [
        ("## 1a-c", "1a+1b+1c"),
        ("## 1 a) - c)", "1a+1b+1c"),
        ("## 1e/f", "1e+1f"),
        ("## 1e) and 1f)", "1e+1f"),
        ("## 1e, 1f: compile and train", "1e+1f"),
        ("## Aufgabe 1e und f", "1e+1f"),
        ("## Problem 3 + 4", "3+4"),
        ("## 4. BONUS", "4"),
        ("## Bonus", "4"),
        ("## Bonus: Adam", "4"),
        ("## Bonus b)", "4b"),
        ("## Bonus 4a", "4a"),
        ("## Bonus 2", "4b"),
        ("## Zusatzaufgabe a)", "4a"),
    ],
)
def test_several_tasks_and_the_bonus(line: str, tasks: str) -> None:
    assert by_cell("md: ## 1a", f"md: {line}", "py: x = 1") == ["1a", tasks, tasks]


def test_letters_in_a_list_of_answers() -> None:
    text = "## Problem 1\nd) 8070\ne) SGD   f) 0.77\ng) 0.01"
    assert by_line(f"md: {text}") == ["1", "1d", "1e+1f", "1g"]


def test_headings_that_list_letters() -> None:
    assert by_cell("md: ## Problem 1", "md: **a)** and **b)**", "py: x") == ["1", "1a+1b", "1a+1b"]


# ------------------------------------------------------------------ numbers


def test_numbers_as_letters_when_the_whole_submission_does_so() -> None:
    cells = ["md: ## 1.1 Data", "md: ## 1.2 Scaling", "py: x", "md: ## 1.10 Boots", "md: ## 2.1 Convolution"]
    assert by_cell(*cells) == ["1a", "1b", "1b", "1j", "2a"]


def test_a_single_pair_of_numbers_is_no_label() -> None:
    assert by_cell("md: ## 1.0 release", "md: 1.5 epochs") == ["-", "-"]


@pytest.mark.parametrize(
    "title", ["## 1. Fully connected networks", "1. **Fully connected (dense) networks.**", "# 1 Dense networks"]
)
def test_numbers_with_the_problems_title(title: str) -> None:
    assert by_cell(f"md: {title}", "py: # c)\nx") == ["1", "1c"]


def test_a_bare_number_is_a_problem_where_letters_are_used() -> None:
    assert by_cell("md: ## 1a", "md: ## 2", "md: a) matrices", "md: ## 3") == ["1a", "2", "2a", "3"]


def test_numbered_steps_are_no_problems() -> None:
    steps = ["md: ## 1. Load", "md: ## 2. Scale", "md: ## 3. Build", "md: ## 4. Train", "md: ## 5. Evaluate"]
    assert by_cell(*steps) == ["-"] * 5
    tasks = [f"md: ## Step {n}" for n in range(1, 8)] + ["py: # 1. load\n# 2. scale\n# 3. train"]
    assert by_cell(*tasks) == ["-"] * 8


def test_more_tasks_than_problems_are_not_problems() -> None:
    assert by_cell(*(f"md: ## Task {n}" for n in range(1, 11))) == ["-"] * 10


def test_the_students_own_numbers_give_way_to_titles() -> None:
    assert by_cell("md: ## Part 1: Data", "md: ## Part 2: Training", "py: x") == ["-", "-", "-"]
    assert by_cell("md: ## Task 1: Loading", "md: ## Task 2: Dense network", "md: ## Task 3: CNN") == ["1", "1", "3"]


def test_titles_alone_are_the_last_resort() -> None:
    cells = [
        "md: ## Fully connected network",
        "py: x",
        "md: ## Convolutions",
        "md: ## CNN",
        "md: # a) data",
        "md: ## Bonus",
    ]
    assert by_cell(*cells) == ["1", "1", "2", "3", "3a", "4"]


def test_a_title_ends_what_the_last_label_of_another_problem_began() -> None:
    assert by_cell("md: ## 1j", "py: x", "md: ## Convolutional network", "py: y") == ["1j", "1j", "3", "3"]


# ------------------------------------------------------------------ what only looks like a label


@pytest.mark.parametrize(
    "text",
    [
        "1. first reason\n2. second reason",
        "1) one\n2) two",
        "a) large gradients\nb) saturation\nc) slow",
        "1.0 is the maximum",
        "9.12.2019",
        "i.e. the gradient",
        "e.g. this one",
        "d. h. der Gradient",
        "1e-3 is the rate",
        "2 epochs are enough\n3 epochs are better",
        "Problem 1 was hard for me",
        "Epoch 1/3\n1875/1875",
        "A network has weights",
        "a few images",
        "(see 2a above)",
        "| a | 0.77 |\n|---|---|\n| b | 0.78 |",
        "```\n# 2a)\n```",
        "Section 3.1 of the book",
        "3.330 parameters",
        "784*10+10",
        "Part of this is 2b",
    ],
)
def test_text_that_is_no_label(text: str) -> None:
    lines = text.count("\n") + 1
    assert by_line(f"md: ## 1b\n{text}") == ["1b"] * (lines + 1)


@pytest.mark.parametrize(
    "code",
    [
        "# 1d array of labels\nx = 1",
        "# a few pictures\nx = 1",
        "# c = 3\nx = 1",
        "# f(x) = 2\nx = 1",
        "# (c) 2019 Ada Lovelace\nx = 1",
        "# 2D image\nx = 1",
        "# 3 epochs\nx = 1",
        "x = '# 2a)'",
        'x = """\n# 2a)\n"""',
        "# Epoch 1/3\nx = 1",
        "# e.g. this\nx = 1",
        "x[1:2]  # 784",
        "# 28x28\nx = 1",
        "# x: input\nx = 1",
    ],
)
def test_code_that_holds_no_label(code: str) -> None:
    assert set(by_line(f"py: {code}", "md: ## 1c")) == {"1c"}


def test_reasons_are_counted_inside_an_answer() -> None:
    text = "### (b)\nScaling is needed because\na) gradients explode\nb) units saturate\nc) it is slow"
    cells = ["md: ## Problem 1", "md: ### (a)", f"md: {text}", "md: ### (c)", "py: x"]
    assert by_cell(*cells) == ["1", "1a", "1b", "1c", "1c"]
    assert by_line(f"md: {text}", *cells[:2])[1:] == ["1b"] * 4


def test_comments_count_steps_where_headings_name_the_tasks() -> None:
    cells = ["md: ## (a)", "py: x", "md: ## (b)", "py: x", "md: ## (f)", "py: # a) without noise\n# b) with noise\nx"]
    assert by_cell("md: # Problem 1", *cells) == ["1", "1a", "1a", "1b", "1b", "1f", "1f"]


def test_bare_letters_under_bare_numbers() -> None:
    cells = ["py: #%% 1\nx", "py: # a\nx", "py: # b\nx", "py: # c\nx", "py: #%% 2\nx", "py: # a\nx"]
    assert by_cell(*cells) == ["1", "1a", "1b", "1c", "2", "2a"]


def test_matrices_listed_by_letter_inside_their_task() -> None:
    cells = ["md: ## 2a\na) Kx*IA\nb) Ky*IA\nc) Kx*IB\nd) Ky*IB", "md: ## 2b\nedges"]
    assert by_cell(*cells) == ["2a", "2b"]


def test_the_sheets_text_in_one_cell_labels_nothing_after_it() -> None:
    sheet = "## Problem 1\n" + "\n".join(f"- ({letter}) Do this." for letter in "abcdefghij")
    cells = [f"md: {sheet}", "py: x", "py: # a)\ny", "py: # b)\nz"]
    found = labels(*cells)
    assert [at(found, 0, line) for line in (2, 3, 11)] == ["1a", "1b", "1j"]
    assert by_cell(*cells)[1:] == ["1", "1a", "1b"]


def test_a_table_of_contents_labels_nothing_after_it() -> None:
    contents = "\n".join(f"- {task}" for task in ("1a)", "1b)", "2a)", "3a)"))
    assert by_cell(f"md: {contents}", "py: import os", "md: ## 1a", "py: x")[1:] == ["-", "1a", "1a"]


def test_the_sheets_text_task_by_task_labels_the_cells_below() -> None:
    assert by_cell(
        "md: 1. **Fully connected (dense) networks.** Build and train",
        "md: (a) Import the ‘fashion_mnist’ dataset",
        "py: x",
        "md: (b) Note that the images are in greyscale.",
        "py: y",
    ) == ["1", "1a", "1a", "1b", "1b"]


def test_several_headings_in_one_text_cell_leave_the_last_one_open() -> None:
    assert by_cell("md: ## 1i\n## 1j\n(not done)\n## 2a\nzero\n## 2b\nedges\n## 3a", "py: x") == ["3a", "3a"]


def test_an_author_is_no_label() -> None:
    assert by_cell("md: A. Meier\nB. Schmidt", "py: import os") == ["-", "-"]


def test_nothing_is_labelled_where_nothing_says_so() -> None:
    assert labels("md: # My notebook", "py: x = 1\n# load the data\ny = 2") == Labels()


def test_no_tasks_no_labels() -> None:
    assert label(submission("md: ## 1a"), []) == Labels()
    assert label(submission("md: ## 1a"), ["warm-up"]) == Labels()


def test_tasks_without_letters() -> None:
    assert [s.task for s in label(submission("md: ## Task 2", "md: ## Task 3a"), ["1", "2", "3a"]).spans] == ["2", "3a"]


# ------------------------------------------------------------------ properties

PIECES = st.sampled_from(
    [
        "1a)",
        "# b)",
        "## Problem 2",
        "(c)",
        "text",
        "",
        "def problem_1():",
        "    # d)",
        "x = 1",
        "```",
        "## 3",
        "1a-c",
        "**e)**",
    ]
)
SOURCES = st.lists(PIECES, max_size=8).map("\n".join) | st.text(max_size=60)


@given(st.lists(st.tuples(st.sampled_from([CODE, MARKDOWN, RAW]), SOURCES), max_size=6))
def test_spans_lie_inside_their_cells_and_overlap_only_for_several_tasks_at_once(cells) -> None:
    made = submission(*(Cell(index, kind, source) for index, (kind, source) in enumerate(cells)))
    found = label(made, SHEET)
    spans = found.spans
    for span in spans:
        assert 1 <= span.first_line <= span.last_line <= made.cells[span.cell].source.count("\n") + 1
        assert span.task in SHEET or span.task in "1234"
    for one in spans:
        for other in spans:
            same = (one.cell, one.first_line, one.last_line) == (other.cell, other.first_line, other.last_line)
            apart = one.cell != other.cell or one.last_line < other.first_line or other.last_line < one.first_line
            assert apart or (same and (one is other or one.task != other.task))
    assert label(made, SHEET) == found


@given(st.text(max_size=200), st.text(max_size=30), st.text(max_size=30))
def test_labelling_never_raises(source: str, tag: str, identity: str) -> None:
    for kind in CellKind:
        assert isinstance(labels(Cell(0, kind, source, tags=(tag,), nbgrader_id=identity)), Labels)
