"""Whatever bytes were handed in become cells, or one sentence that says why not."""

import ast
import json
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.intake import read
from grader.intake.notebook import without_outputs
from grader.intake.read import read_submission
from grader.intake.script import read_script
from grader.records import Cell, CellKind, Submission, SubmissionRef, Unreadable

CODE, MARKDOWN, RAW = CellKind.CODE, CellKind.MARKDOWN, CellKind.RAW


def ref_to(path: Path) -> SubmissionRef:
    return SubmissionRef("ada", "ada", path, path.parent)


@pytest.fixture
def handed_in(tmp_path: Path):
    """Write bytes, text or JSON under a name and read it back."""

    def write(content: bytes | str | dict | list, name: str = "ada.ipynb") -> Submission | Unreadable:
        path = tmp_path / name
        if isinstance(content, dict | list):
            content = json.dumps(content)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_submission(ref_to(path))

    return write


def notebook(*cells: dict, **other: object) -> dict:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | other


def code(source: object = "x = 1", **other: object) -> dict:
    return {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "execution_count": None} | other


def sources(found: Submission | Unreadable) -> list[str]:
    assert isinstance(found, Submission), found
    return [cell.source for cell in found.cells]


def reason(found: Submission | Unreadable) -> str:
    assert isinstance(found, Unreadable), found
    return found.reason


# ------------------------------------------------------------------ notebooks


def test_the_cells_of_a_notebook(handed_in) -> None:
    tagged = code(["a = 1\n", "b = 2"], metadata={"tags": ["1a", 3], "nbgrader": {"grade_id": "q1"}})
    found = handed_in(notebook(tagged, {"cell_type": "markdown", "source": "# Hi"}, {"cell_type": "raw", "source": ""}))
    assert isinstance(found, Submission)
    assert found.cells == (
        Cell(0, CODE, "a = 1\nb = 2", ("1a",), "q1"),
        Cell(1, MARKDOWN, "# Hi"),
        Cell(2, RAW, ""),
    )
    assert (found.language, found.is_script, found.notes) == ("python", False, ())


def test_formats_one_to_three(handed_in) -> None:
    cells = [
        {"cell_type": "heading", "level": 2, "source": ["Aufgabe 1"]},
        {"cell_type": "code", "input": ["x = 1\n", "y"], "language": "python", "outputs": []},
    ]
    third = handed_in({"worksheets": [{"cells": cells}, {"cells": cells[:1]}], "nbformat": 3, "metadata": {}})
    assert sources(third) == ["## Aufgabe 1", "x = 1\ny", "## Aufgabe 1"]
    assert third.notes == ("converted from notebook format 3",)
    first = handed_in({"cells": [{"cell_type": "text", "source": "Hi"}], "nbformat": 1})
    assert [cell.kind for cell in first.cells] == [MARKDOWN]


@pytest.mark.parametrize(
    ("source", "read_as"),
    [
        (["a\n", "b"], "a\nb"),
        (["a", "b"], "a\nb"),
        (["a\r\n", "b\r\n"], "a\nb\n"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("\tx", "\tx"),
        (None, ""),
        (7, ""),
        (["a\n", None, 3, "b"], "a\nb"),
        ("a\ud800b\0", "a\N{REPLACEMENT CHARACTER}b"),
    ],
)
def test_sources_however_written(handed_in, source, read_as) -> None:
    assert sources(handed_in(notebook(code(source)))) == [read_as]


def test_positions_stay_when_cells_are_broken(handed_in) -> None:
    found = handed_in(notebook(code("a"), None, "text", {"cell_type": ["odd"]}, {"metadata": 3}, code("b")))
    assert sources(found) == ["a", "", "text", "", "", "b"]
    assert [cell.kind for cell in found.cells] == [CODE, RAW, RAW, RAW, RAW, CODE]
    assert found.notes == ("cells that could not be read: 1, 2",)


def test_odd_and_missing_things_do_no_harm(handed_in) -> None:
    bent = {"cells": [{"cell_type": "code", "source": "x", "outputs": 3, "metadata": [], "attachments": 1, "who": "?"}]}
    for metadata in ({}, None, [], {"kernelspec": "x"}, {"kernelspec": {"name": 3}, "language_info": {"name": ""}}):
        assert sources(handed_in(bent | {"metadata": metadata})) == ["x"]


def test_outputs_are_not_kept(handed_in) -> None:
    found = handed_in(notebook(code("x", outputs=[{"output_type": "stream", "text": "8070" * 1_000_000}])))
    assert "8070" not in repr(found)


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({"kernelspec": {"name": "ir", "language": "R"}}, "R"),
        ({"language_info": {"name": "julia"}}, "julia"),
        ({"kernelspec": {"name": "julia-1.6"}}, "Julia"),
        ({"kernelspec": {"name": "ir"}}, "R"),
        ({"kernelspec": {"name": "xcpp17"}}, "C++"),
    ],
)
def test_other_languages_are_named(handed_in, metadata, language) -> None:
    why = reason(handed_in(notebook(code(), metadata=metadata)))
    assert why == f"The notebook is written in {language}: only Python notebooks can be graded."


@pytest.mark.parametrize(
    "metadata",
    [
        {"kernelspec": {"name": "conda-env-dl-py", "language": "python"}},
        {"kernelspec": {"name": "my_kernel"}},
        {"kernelspec": {"name": "python2"}, "language_info": {"name": "ipython"}},
        {"kernelspec": {"language": "R"}, "language_info": {"name": "python"}},
        {"colab": {"provenance": []}, "accelerator": "GPU"},
    ],
)
def test_unknown_python_kernels_are_fine(handed_in, metadata) -> None:
    assert sources(handed_in(notebook(code(), metadata=metadata))) == ["x = 1"]


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(notebook(code("ä = 1"))).encode("utf-8-sig"),
        json.dumps(notebook(code("ä = 1")), ensure_ascii=False).encode("utf-16"),
        json.dumps(notebook(code("ä = 1")), ensure_ascii=False).encode("utf-16-le"),
        json.dumps(notebook(code("ä = 1")), ensure_ascii=False).encode("utf-16-be"),
        json.dumps(notebook(code("ä = 1")), ensure_ascii=False).encode("utf-32"),
        json.dumps(notebook(code("ä = 1")), ensure_ascii=False).encode("latin-1"),
        json.dumps(notebook(code("ä = 1"))).replace("}", "}\r\n").encode(),
    ],
)
def test_encodings(handed_in, data) -> None:
    assert sources(handed_in(data)) == ["ä = 1"]


def test_every_byte_is_some_character(handed_in) -> None:
    assert sources(handed_in(b'{"cells": [{"cell_type": "code", "source": "\x81\xe4"}]}')) == ["\x81ä"]


def test_unescaped_control_characters(handed_in) -> None:
    found = handed_in('{"cells": [{"cell_type": "code", "source": "a\n\tb"}]}')
    assert sources(found) == ["a\n\tb"]
    assert found.notes == ("held unescaped control characters",)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "The file is empty"),
        (b" \n", "The file is empty"),
        (b"\0" * 500, "nothing but zero bytes"),
        ('{"cells": [{"cell_type": "code", "sou', "cut short: it ends in the middle (line 1, column 38)"),
        ('{"cells": [\n', "cut short: it ends in the middle"),
        ('{"cells": [1,]\n,}', "The notebook is damaged:"),
        ('{"cells": []}{"cells": []}', "Extra data (line 1, column 14)"),
        ('{\n<<<<<<< HEAD\n"cells": []\n=======\n>>>>>>> other\n}', "unresolved merge conflict (line 2)"),
        ("\n<!DOCTYPE html><html></html>", "is a web page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS pointer"),
        ("print('hello')", "something else saved under its name"),
        (b"PK\x03\x04...", "is a zip archive under another name"),
        (b"%PDF-1.7", "is a PDF under another name"),
        ("[" * 200_000, "nested far deeper"),
        ('{"cells": ' + "9" * 5000 + "}", "not a notebook: Exceeds the limit"),
        ("[1, 2]", "valid JSON but not a notebook: a notebook is an object"),
        ('{"a": 1}', "it has no list of cells"),
        ('{"cells": 3}', "it has no list of cells"),
        ('{"cells": [], "nbformat": 5}', "format 5, newer than 4"),
    ],
)
def test_what_is_no_notebook_says_why(handed_in, content, part) -> None:
    assert part in reason(handed_in(content))


@pytest.mark.parametrize("name", ["answer.pdf", "answer.docx", "noending", "notes.txt", "data.json"])
def test_other_files_are_told_what_to_hand_in(handed_in, name) -> None:
    assert reason(handed_in("hello", name)).endswith("hand in the notebook (.ipynb) or a script (.py).")


@pytest.mark.parametrize(
    ("name", "content", "part"),
    [
        ("ps10.rar", "Rar!", "ps10.rar (an archive): unpack it"),
        ("ps10.tar.gz", "x", "ps10.tar.gz (an archive): unpack it"),
        ("PS10.7Z", "x", "PS10.7Z (an archive): unpack it"),
        ("ps10.html", "<!DOCTYPE html>", "ps10.html (a web page): download the notebook itself (.ipynb)"),
        ("saved page.mhtml", "x", "(a web page): download the notebook itself (.ipynb)"),
        (
            "link.txt",
            "My link: https://colab.example/drive/1\n",
            "link.txt (a link): download the notebook itself (.ipynb)",
        ),
        ("ps10.webloc", "<plist/>", "(a link): download the notebook itself (.ipynb)"),
        ("ps10.pdf", "%PDF", "ps10.pdf (a printed notebook, which does not run): hand in the notebook (.ipynb)"),
        ("answers.docx", "PK", "answers.docx (a text document): hand in the notebook (.ipynb)"),
        ("ps10.R", "x <- 1", "ps10.R (no Python): hand in the notebook (.ipynb)"),
    ],
)
def test_a_folder_with_work_that_cannot_be_graded_says_what_to_hand_in(tmp_path, name, content, part) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / name).write_text(content)
    (tmp_path / "README.md").write_text("how to run it")
    found = read_submission(SubmissionRef("ada", "ada", tmp_path, tmp_path))
    assert reason(found).startswith("No notebook was handed in, but ")
    assert part in reason(found)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", "1d: 8070, see https://example.org for a very long story about it all"),
        ("x.csv", "1,2"),
        ("README.html", "<html>"),
        ("photo.jpg", "x"),
    ],
)
def test_a_folder_with_other_things_is_empty(tmp_path, name, content) -> None:
    (tmp_path / name).write_text(content)
    found = read_submission(SubmissionRef("ada", "ada", tmp_path, tmp_path))
    assert isinstance(found, Submission)
    assert found.notes == (f"no notebook or script was handed in; found: {name}",)


def test_a_notebook_renamed_by_a_browser(handed_in) -> None:
    assert sources(handed_in(notebook(code("x")), "ps10.ipynb.txt")) == ["x"]
    assert sources(handed_in(notebook(code("x")), "PS10.IPYNB")) == ["x"]


def test_files_that_are_too_large_or_cannot_be_opened(handed_in, monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(read, "LARGEST_MIB", 0)
    assert "more than 0: clear its outputs" in reason(handed_in(notebook(code("x" * 2_000_000))))
    monkeypatch.undo()
    monkeypatch.setattr(read, "LARGEST_TEXT_MIB", 0)
    assert "more than 0 MiB beside its outputs" in reason(handed_in(notebook(code("x" * 2_000_000))))
    assert reason(read_submission(ref_to(tmp_path / "gone.ipynb"))) == (
        "The file cannot be opened: No such file or directory."
    )


def test_a_folder_without_a_notebook_has_no_cells(tmp_path) -> None:
    for n in range(7):
        (tmp_path / f"picture{n}.png").touch()
    found = read_submission(SubmissionRef("ada", "ada", tmp_path, tmp_path))
    assert isinstance(found, Submission)
    assert found.cells == ()
    assert found.notes[0].endswith("found: picture0.png, picture1.png, picture2.png, picture3.png, picture4.png, …")


PICTURE = {"output_type": "display_data", "metadata": {}, "data": {"image/png": "A" * 3_000_000}}
MANY_VALUES = {"output_type": "display_data", "metadata": {}, "data": {"plotly": {"z": [[1, {"v": [2]}]] * 600_000}}}
LINES = {"output_type": "stream", "name": "stdout", "text": ['a "line" \\\\ ] } [ {\n'] * 60_000}
TALKS_OF_OUTPUTS = 'x = {"outputs": [1, 2], "widgets": {}}  # "outputs": [ \\"outputs\\": ['


@pytest.mark.parametrize("output", [PICTURE, MANY_VALUES, LINES], ids=["picture", "values", "lines"])
@pytest.mark.parametrize("indent", [None, 1])
def test_stored_outputs_count_towards_no_limit(handed_in, monkeypatch, output, indent) -> None:
    monkeypatch.setattr(read, "LARGEST_TEXT_MIB", 1)
    given = notebook(code(TALKS_OF_OUTPUTS, outputs=[output, output]), code("last"))
    assert sources(handed_in(json.dumps(given, indent=indent))) == [TALKS_OF_OUTPUTS, "last"]


def test_stored_outputs_of_old_formats_and_the_state_of_widgets_count_as_little(handed_in, monkeypatch) -> None:
    monkeypatch.setattr(read, "LARGEST_TEXT_MIB", 1)
    old = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": "x", "outputs": [PICTURE]}]}]}
    assert sources(handed_in(old)) == ["x"]
    assert sources(handed_in(notebook(code("x"), metadata={"widgets": {"state": PICTURE}}))) == ["x"]


def test_outputs_nested_too_deep_or_cut_off_are_read_as_they_are(handed_in) -> None:
    deep: list = []
    for _ in range(60):
        deep = [deep]
    assert sources(handed_in(notebook(code("x", outputs=deep)))) == ["x"]
    assert "cut short" in reason(handed_in('{"cells": [{"outputs": [{"text": "never clo'))
    assert without_outputs(b'"outputs":[' * 30_000) == b'"outputs":[' * 30_000


def tagged(*tags: str) -> dict:
    return code("x", metadata={"tags": list(tags)})


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        (code("x", metadata={"run_control": {"frozen": True}}), "frozen"),
        (code("x", metadata={"frozen": True}), "frozen"),
        (tagged("skip-execution"), "tagged skip-execution"),
        (tagged("1a", "Skip_Execution"), "tagged skip-execution"),
        (code("%%script false --no-raise-error\nx"), "it begins with %%script false"),
        (code("%%script --no-raise-error false\nx"), "it begins with %%script --no-raise-error false"),
        (code("\n%%script echo skipped\nx"), "it begins with %%script echo"),
        (code("%%skip\nx"), "it begins with %%skip"),
        (code("#| eval: false\nx"), "it begins with #| eval: false"),
        (code("x", metadata={"run_control": {"frozen": False}}), ""),
        (code("x", metadata={"editable": False, "deletable": False, "slideshow": {"slide_type": "skip"}}), ""),
        (tagged("remove-cell", "hide-input", "raises-exception", "no-skip-execution"), ""),
        (code("%%script bash\necho x"), ""),
        (code("%%time\nx"), ""),
        ({"cell_type": "markdown", "source": "x", "metadata": {"tags": ["skip-execution"]}}, ""),
    ],
)
def test_cells_that_their_author_keeps_from_running(handed_in, cell, why) -> None:
    found = handed_in(notebook(cell, code("y")))
    assert isinstance(found, Submission)
    assert [c.skipped for c in found.cells] == [why, ""]
    assert found.notes == ((f"not run, as you asked for ({why}): cell 0",) if why else ())


@pytest.mark.parametrize(
    ("metadata", "locked"),
    [
        ({"nbgrader": {"grade_id": "q", "locked": True, "solution": False}}, True),
        ({"nbgrader": {"grade_id": "q", "locked": True, "solution": True}}, False),
        ({"nbgrader": {"grade_id": "q", "locked": False}, "editable": False, "deletable": False}, False),
        ({"editable": False, "deletable": False}, True),
        ({"editable": False}, False),
        ({"deletable": False}, False),
        ({}, False),
    ],
)
def test_cells_that_nobody_is_meant_to_change(handed_in, metadata, locked) -> None:
    found = handed_in(notebook(code("x", metadata=metadata)))
    assert isinstance(found, Submission)
    assert found.cells[0].locked is locked


def test_a_marked_cell_of_a_script_is_kept_from_running() -> None:
    cells = read_script('# %% tags=["skip-execution"]\nx = 1\n# %% tags=["a"]\ny = 1')
    assert [cell.skipped for cell in cells] == ["tagged skip-execution", ""]


OURS, THEIRS = "net.compile('sgd')", "net.compile('adam')"
TWO = f"<<<<<<< HEAD\n{OURS}\n=======\n{THEIRS}\n>>>>>>> mine"
THREE = f"x = 1\n<<<<<<< HEAD\n{OURS}\n||||||| base\npass\n=======\n{THEIRS}\n>>>>>>> mine"


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        ([code("x"), code(TWO)], "cell 1, lines 1 to 5"),
        ([code(THREE)], "cell 0, lines 2 to 8"),
        ([{"cell_type": "markdown", "source": "8070\n" + TWO, "metadata": {}}], "cell 0, lines 2 to 6"),
        ([code("<<<<<<< local"), code(OURS), code("======="), code(THEIRS), code(">>>>>>> remote")], "cells 0 to 4"),
        (
            [
                {"cell_type": "markdown", "source": f'<span style="color:red">**{mark}**</span>', "metadata": {}}
                for mark in ("<<<<<<< local", "=======", ">>>>>>> remote")
            ],
            "cells 0 to 2",
        ),
        ([code("<<<<<<<\nx = 1\n=======\nx = 2\n>>>>>>>")], "cell 0, lines 1 to 5"),
    ],
)
def test_merge_conflicts_in_cells_are_named(handed_in, cells, where) -> None:
    found = handed_in(notebook(*cells))
    assert isinstance(found, Submission)
    assert [note for note in found.notes if "merge conflict" in note] == [
        f"An unresolved merge conflict ({where}): keep one of the versions and remove the markers."
    ]


def test_merge_conflicts_in_scripts_are_named_by_their_lines(handed_in) -> None:
    found = handed_in(f"import keras\n\n\nx = 1\n{TWO}\ny = 2\n", "ada.py")
    assert isinstance(found, Submission)
    assert "conflict (lines 5 to 9):" in found.notes[0]


@pytest.mark.parametrize(
    "source",
    [
        "Results\n=======",
        'x = """\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> mine\n"""',
        "a\n=======\n>>>>>>> quoted",
        "<<<<<<<< eight\n=======\n>>>>>>>> eight",
        "<<<<<<< HEAD\nnothing follows",
    ],
)
def test_other_signs_are_no_conflicts(handed_in, source) -> None:
    found = handed_in(notebook(code(source)))
    assert isinstance(found, Submission)
    assert found.notes == ()


# ------------------------------------------------------------------ scripts


def cut(text: str) -> list[tuple[int, str]]:
    return [(cell.first_line, cell.source) for cell in read_script(text)]


def test_scripts_with_percent_cells() -> None:
    text = (
        '# %% 1a) Load\nx = 1\n\ny = 2\n#%% [markdown]\n# ## 1b\n# Because.\n# %% [md]\n"""\nMore\n"""\n# %%\nz = 3\n'
    )
    cells = read_script(text)
    assert [(c.kind, c.first_line, c.source) for c in cells] == [
        (CODE, 1, "# %% 1a) Load\nx = 1\n\ny = 2"),
        (MARKDOWN, 6, "## 1b\nBecause."),
        (MARKDOWN, 10, "More\n"),
        (CODE, 12, "# %%\nz = 3"),
    ]
    assert [c.index for c in cells] == [0, 1, 2, 3]


def test_scripts_that_nbconvert_wrote() -> None:
    text = (
        "#!/usr/bin/env python\n# coding: utf-8\n\n# # Problem 1\n# Text\n\n# In[1]:\n\n\nimport os\nx = 1\n# 8070\n\n\n"
        "# ## 1b\n# \n# Why\n\n# In[ ]:\n\n\ny = 2\n"
    )
    assert [(c.kind, c.first_line, c.source) for c in read_script(text)] == [
        (CODE, 1, "#!/usr/bin/env python\n# coding: utf-8"),
        (MARKDOWN, 4, "# Problem 1\nText"),
        (CODE, 7, "# In[1]:\n\n\nimport os\nx = 1\n# 8070"),
        (MARKDOWN, 15, "## 1b\n\nWhy"),
        (CODE, 19, "# In[ ]:\n\n\ny = 2"),
    ]


def test_code_marked_as_text_is_code() -> None:
    assert [(c.kind, c.first_line) for c in read_script("# %% [markdown]\n\nx = 1\n# %% [markdown]\n#")] == [(CODE, 1)]


def test_a_title_of_a_markdown_cell_stays() -> None:
    assert cut("# %% [markdown] 1c) Network\n# text\n# %%\nx") == [(1, "1c) Network\ntext"), (3, "# %%\nx")]


def test_markers_inside_a_statement_do_not_cut_it() -> None:
    text = 'x = """\n# %%\n"""\n# %%\ny = 1'
    assert cut(text) == [(1, 'x = """\n# %%\n"""'), (4, "# %%\ny = 1")]


def test_old_cell_markers() -> None:
    text = "# <codecell>\nx = 1\n# <markdowncell>\n# Hi"
    assert [(c.kind, c.source) for c in read_script(text)] == [(CODE, "# <codecell>\nx = 1"), (MARKDOWN, "Hi")]


def test_plain_scripts_are_cut_between_statements() -> None:
    text = '"""Doc."""\nimport os\n# a)\nx = 1\n# note\ny = 2\n\n# b) text\n\ndef f():\n    a = 1\n\n    return a\n# after\n\n\n@g\ndef h(): pass\n'
    assert cut(text) == [
        (1, '"""Doc."""\nimport os'),
        (3, "# a)\nx = 1\n# note\ny = 2"),
        (8, "# b) text"),
        (10, "def f():\n    a = 1\n\n    return a\n# after"),
        (17, "@g\ndef h(): pass"),
    ]


def test_a_main_guard_is_taken_off() -> None:
    text = 'import os\nif __name__ == "__main__":\n    # a)\n    x = 1\n\n    # b)\n    for i in x:\n        i\n'
    assert cut(text) == [(1, "import os"), (3, "# a)\nx = 1"), (6, "# b)\nfor i in x:\n    i")]


@pytest.mark.parametrize(
    "text",
    [
        'if __name__ == "__main__":\n    main()',
        'if __name__ == "__main__": x = 1; y = 2',
        'if __name__ == "__main__":\n    x = """\n    kept\n    """\n    y = 1',
        'if __name__ == "__main__":\n    x = 1\n    y = 1\nelse:\n    z = 1',
    ],
)
def test_a_main_guard_stays_where_taking_it_off_would_change_more(text) -> None:
    assert cut(text) == [(1, text)]


def test_magics_do_not_make_a_script_broken() -> None:
    assert cut("%matplotlib inline\n!pip install keras\n\nx = [1,\n\n2]\n") == [
        (1, "%matplotlib inline\n!pip install keras"),
        (4, "x = [1,\n\n2]"),
    ]


def test_scripts_with_a_syntax_error_are_cut_as_well_as_possible() -> None:
    text = "import os\n\nx = [1,\n\n2]\n\nprint 'old'\n\ndef f():\n    a = 1\n\n    return a\n\nif x:\n    y\n\nelse:\n    z\n"
    assert [source for _, source in cut(text)] == [
        "import os",
        "x = [1,\n\n2]",
        "print 'old'",
        "def f():\n    a = 1\n\n    return a",
        "if x:\n    y\n\nelse:\n    z",
    ]


def test_broken_scripts_with_markers_are_cut_at_the_markers() -> None:
    assert cut("# %%\nx = (\n# %%\ny = 1") == [(1, "# %%\nx = ("), (3, "# %%\ny = 1")]
    assert cut("# In[1]:\nx = (\n\n# In[2]:\ny") == [(1, "# In[1]:\nx = ("), (4, "# In[2]:\ny")]


def test_indented_nonsense_is_one_cell() -> None:
    assert cut("  x = (\n  y") == [(1, "  x = (\n  y")]
    assert cut("  x = (\n\ny = )") == [(1, "  x = ("), (3, "y = )")]


def test_a_script_from_a_file(handed_in) -> None:
    found = handed_in(b"# -*- coding: latin-1 -*-\r\nx = '\xe4'\r\n", "ps10.py")
    assert isinstance(found, Submission)
    assert found.is_script
    assert sources(found) == ["# -*- coding: latin-1 -*-\nx = 'ä'"]
    assert found.notes == ("decoded from iso-8859-1",)
    assert sources(handed_in(b"# coding: nonsense\nx = '\xe4'", "b.py")) == ["# coding: nonsense\nx = 'ä'"]
    assert sources(handed_in("\n# only comments\n", "c.py")) == ["# only comments"]
    assert reason(handed_in(b"", "d.py")).startswith("The file is empty")


# ------------------------------------------------------------------ properties

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "cells",
                    "cell_type",
                    "source",
                    "metadata",
                    "nbformat",
                    "worksheets",
                    "tags",
                    "kernelspec",
                    "name",
                    "level",
                    "x",
                ]
            ),
            inner | st.sampled_from(["code", "markdown", "heading", 3, 4, "python"]),
            max_size=5,
        )
    ),
    max_leaves=25,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("read")


@given(data=st.binary(max_size=300), name=st.sampled_from(["a.ipynb", "a.py", "a.zip", "a.pdf"]))
def test_reading_never_raises_whatever_the_bytes(file, data, name) -> None:
    (file / name).write_bytes(data)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_submission(ref_to(file / name))
    if isinstance(found, Submission):
        "".join(cell.source for cell in found.cells).encode()
    else:
        assert found.reason.endswith(".")


@given(content=JSON | st.builds(lambda cells: {"cells": cells}, st.lists(JSON, max_size=4)))
def test_reading_never_raises_whatever_the_json(file, content) -> None:
    path = file / "b.ipynb"
    path.write_text(json.dumps(content))
    found = read_submission(ref_to(path))
    assert isinstance(found, Unreadable) or [c.index for c in found.cells] == list(range(len(found.cells)))


LINES = st.sampled_from(
    [
        "x = 1",
        "",
        "    y = 2",
        "def f():",
        "# a)",
        "# %%",
        "# In[1]:",
        '"""',
        "if x:",
        "else:",
        "(",
        ")",
        "# %% [markdown]",
        "@d",
        "%time x",
    ]
) | st.text(max_size=10)


@given(st.lists(LINES, max_size=15).map("\n".join))
def test_scripts_are_cut_without_loss(text) -> None:
    text = text.replace("\r", "")
    cells = read_script(text)
    lines = text.split("\n")
    covered: set[int] = set()
    for cell in cells:
        own = range(cell.first_line, cell.first_line + cell.source.count("\n") + 1)
        assert own.stop <= len(lines) + 1
        assert covered.isdisjoint(own)
        covered.update(own)
        if cell.kind is CODE and "__main__" not in text:
            assert cell.source == "\n".join(lines[own.start - 1 : own.stop - 1])
    missing = [line for number, line in enumerate(lines, 1) if number not in covered and line.strip()]
    assert all(line.startswith(("#", '"""')) for line in missing)


@given(
    st.lists(
        st.sampled_from(["x = 1", "", "# a)", "def f():\n    x\n\n    y", 'z = """\n\n# b)\n"""', "# note"]), max_size=8
    )
)
def test_no_statement_of_a_script_is_cut(pieces) -> None:
    text = "\n".join(pieces)
    for cell in read_script(text):
        ast.parse(cell.source)
    whole = [ast.dump(node) for node in ast.parse(text).body]
    assert [ast.dump(node) for cell in read_script(text) for node in ast.parse(cell.source).body] == whole
