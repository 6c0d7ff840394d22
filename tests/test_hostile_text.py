"""Text of strangers on its way to a reader: pages, tables, JSON, terminals, the executed notebook.

What a browser makes of the pages is in `test_pages_browser.py`.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from dataclasses import replace

import nbformat
import pytest
import sample_class as sample
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, output_from_msg
from rich.console import Console

from grader.execution.outputs import Budget, as_seen, inert
from grader.intake.find import find_submissions
from grader.records import Grade, Status
from grader.report import export, markdown
from grader.report.cell_view import Cells
from grader.system.display_text import MARKS, clean, one_line, table_cell, without_machine, without_sequences
from grader.terminal.progress import Display

LOADED = sample.sample_rubric()
WICKED = pytest.mark.parametrize("text", sample.WICKED.values(), ids=sample.WICKED.keys())
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_PIECES = st.sampled_from(
    ["\x1b", "[", "]", "31m", "\x9b", "\x9d", "\x07", "\x1b\\", "\x9c", "0;t", "::", "##", "#", " ", "\n", "\r", ":", "=", "+", "-", "@",
     "\t", ";", ",", '"', "'", "\u202e", "\u2066", "\u200b", "\u200d", "\u0301", "\ud800", "a", "é", "\u0e49", "&#x202e;"]
)  # fmt: skip
ANY = st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=30).map("".join)


# ------------------------------------------------------------------ the grader's own folders


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (
            "File /opt/g/.venv/lib/python3.11/site-packages/keras/src/a.py:122, in fit",
            "File keras/src/a.py:122, in fit",
        ),
        ('  File "/usr/lib/python3/dist-packages/numpy/a.py", line 3', '  File "numpy/a.py", line 3'),
        (
            "File \x1b[32m/root/.pyenv/versions/3.11.7/lib/python3.11/json/decoder.py:353\x1b[39m",
            "File \x1b[32mjson/decoder.py:353\x1b[39m",
        ),
        ("No such file: '/tmp/grade-1-2/room/work/data/x.csv'", "No such file: 'data/x.csv'"),
        ("/room/work/helper.py:2, in f()", "helper.py:2, in f()"),
        ('  File "/tmp/ipykernel_2/3278725102_7.py", line 5, in <module>\n', '  File "cell 7", line 5, in <module>\n'),
        (
            'a\n  File "/r/grade_recorder/recorder/hooks.py", line 73, in method\n    return x(\n    ^^^\n  File "b"\n',
            'a\n  File "b"\n',
        ),
        ("/r/grade_recorder/recorder/a.py:132: UserWarning: Do not\n  return original(x)\nb", "UserWarning: Do not\nb"),
        (
            "and/or, 3/4, https://keras.io/api, /content/drive/x.csv",
            "and/or, 3/4, https://keras.io/api, /content/drive/x.csv",
        ),
        (f"{sys.prefix}/bin/python", "…/bin/python"),
    ],
)
def test_text_of_a_run_names_no_folder_of_the_grader(text, read):
    assert without_machine(text) == read


def test_a_path_without_end_is_left_alone():
    path = "/a" * 500_000
    assert without_machine(path) == path


# ------------------------------------------------------------------ one place


def is_harmless_line(line: str) -> None:
    assert line.isprintable()
    assert "::" not in line
    assert "##" not in line


@WICKED
def test_wicked_text_becomes_harmless(text):
    assert not _OBEYED.search(clean(text))
    is_harmless_line(one_line(text))
    assert len(clean(text)) < 6000


@given(ANY)
def test_any_text_becomes_harmless(text):
    shown = clean(text)
    assert not _OBEYED.search(shown)
    assert not re.search(f"[\u0300-\u036f\u0e48-\u0e4b]{{{MARKS + 1}}}", shown)
    is_harmless_line(one_line(text))


@given(st.text("abc äöü \n{}[]()=#.,:;'\"", max_size=200))
def test_ordinary_text_stays(text):
    assert clean(text) == text


def test_emoji_and_scripts_that_need_joiners_keep_them():
    for text in ("\U0001f469\u200d\U0001f52c", "می\u200cخواهم", "❤\ufe0f"):
        assert clean(text) == text
    assert clean("pass\u200dword") == "password"


def test_unfinished_sequences_are_linear():
    for piece in ("\x1b[", "\x1b]", "\x1b[0", "\x9b1;", "\x1bP", "\x1b ", "::", "#"):
        assert len(without_sequences(piece * 200_000)) <= 200_000 * len(piece)


def test_entities_do_not_bring_directions_back():
    html = str(markdown.safe_html("&#x202e;a &rlm; `&#8238;` [x](http://a/&#x202e;)"))
    assert not _OBEYED.search(html)
    assert "⟨U+202E⟩a ⟨U+200F⟩" in html


def test_links_lead_nowhere_but_to_the_web():
    html = str(markdown.safe_html("[a](//host/share) [b](../ben/staff.html) [c](file:///etc) [d](https://example.org)"))
    assert re.findall('href="([^"]*)"', html) == ["https://example.org"]


def test_code_takes_a_bounded_part_of_a_page():
    grade, evidence = sample.hostile(LOADED, "<&>'1+" * 60 + "\n")
    cells = tuple(replace(cell, source=cell.source * 200) for cell in evidence.submission.cells)
    evidence = replace(evidence, submission=replace(evidence.submission, cells=cells))
    shown, places = Cells(evidence), [c.verdict.place for task in grade.tasks for c in task.criteria]
    views = [shown.place(replace(place, line=None, stack=())) for place in places * 3 if place]
    lines = [view.excerpt.lines for view in views]
    assert lines[0]
    assert lines[-1] == ()
    assert views[-1].excerpt.after > 0
    assert sum(len(line.html) for each in lines for line in each) < 2_100_000


# ------------------------------------------------------------------ tables and JSON


@WICKED
def test_a_spreadsheet_finds_no_formula(text):
    grades = [
        replace(sample.full_grade(LOADED), ref=replace(sample.ref("x"), id=wicked)) for wicked in (text, f"a;{text}")
    ]
    table = export.grades_csv(grades, LOADED)
    rows = list(csv.reader(io.StringIO(table)))
    assert len(rows) == 3
    assert {len(row) for row in rows} == {len(rows[0])}
    for row in rows[1:]:
        assert not re.match(r"\s*[=+\-@]", row[0])
        assert not re.search("[;\t\n]", row[0])


@pytest.mark.parametrize("text", ["=1", " =1", "+1", "-1", "@x", "\t=1", "\r\n=1", "\u200b=1", "\x00=1", "＝1"])
def test_formulas_become_text(text):
    assert table_cell(text).startswith("'")
    assert table_cell("ada") == "ada"


@WICKED
def test_results_hold_the_text_but_nothing_that_is_obeyed(text):
    grade, _ = sample.hostile(LOADED, text)
    document = export.results_document([grade], LOADED, sample.RUN)
    written = export.to_json(document)
    assert json.loads(written) == document.model_dump(mode="json")
    assert not _OBEYED.search(written)
    assert "##" not in written
    assert len(written) < 3_000_000
    criterion = document.submissions[0].tasks[0].criteria[0]
    assert criterion.message == re.sub("[\ud800-\udfff]", "\ufffd", text)[: export.TEXT]


# ------------------------------------------------------------------ terminals


def shown_on(console: Console, text: str) -> str:
    ref = replace(sample.ref("x"), name=text)
    grade = Grade(ref, Status.GRADED, (), (), 1.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    with console.capture() as captured:
        display = Display(console, jobs=1)
        display.expect([ref])
        display.doing(ref, text, 0.5)
        console.print(display._table())
        display.finished(ref, grade, reused=False)
        display.say(text)
    return captured.get()


@WICKED
@pytest.mark.parametrize("terminal", [True, False])
def test_the_display_prints_no_more_than_text(text, terminal):
    console = Console(file=io.StringIO(), width=80, force_terminal=terminal, color_system=None)
    printed = re.sub("\x1b\\[[0-9;]*m", "", shown_on(console, text))
    lines = printed.split("\n")
    assert len(lines) < 30
    for line in lines:
        is_harmless_line(line)


def test_names_of_files_are_harmless_wherever_they_are_said(tmp_path):
    root = tmp_path / "class"
    notebook = json.dumps({"cells": [], "nbformat": 4, "nbformat_minor": 5, "metadata": {}})
    for number, text in enumerate(sample.WICKED.values()):
        name = re.sub("[/\x00\ud800-\udfff]", "", text).encode()[:150].decode("utf-8", "ignore")
        for file in (f"{name}.ipynb", f"data {name}.ipynb"):
            path = root / f"{number}{name}" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(notebook)
    refs = find_submissions([root], tmp_path / "unpacked")
    assert len(refs) == len(sample.WICKED)
    for ref in refs:
        assert re.fullmatch(r"[\w.-]+", "".join(c for c in ref.id if not re.match("[\u0300-\u036f\u0e49]", c)))
        for said in (ref.name, ref.origin, *ref.ignored):
            assert said.isprintable()
            is_harmless_line(one_line(said))


# ------------------------------------------------------------------ the executed notebook


def message(kind: str, **content: object) -> dict:
    return {"msg_type": kind, "header": {"msg_type": kind}, "content": content}


@pytest.mark.parametrize(
    "sent",
    [
        message("stream", name=5, text={"a": 1}),
        message("stream", name="stderr", text="\ud800"),
        message("stream"),
        message("error", ename=5, evalue=None, traceback="x"),
        message("error", traceback=[1, "\ud800"]),
        message("error"),
        message("display_data", data={"text/plain": 5, "image/png": ["x"]}, metadata=5),
        message("display_data", data=[1]),
        message("display_data"),
        message(
            "execute_result", data={"text/html": "<b>\ud800", "x": {}}, metadata={"isolated": True}, execution_count="x"
        ),
        message("execute_result", data={"text/plain": "x"}),
    ],
)
def test_a_forged_output_becomes_a_valid_one(sent):
    assert Budget(1000).admit(sent)
    cell = new_code_cell(outputs=[output_from_msg(sent)])
    nbformat.validate(new_notebook(cells=[cell]))
    nbformat.writes(new_notebook(cells=[cell])).encode()


def test_messages_of_other_kinds_are_no_outputs():
    assert not Budget(1000).admit(message("comm_open", data={"state": 1}))


def test_errors_count_as_output():
    budget = Budget(1000)
    assert not budget.admit(message("error", ename="E", evalue="x" * 2000, traceback=[]))
    assert budget.flooded


@WICKED
def test_displayed_html_is_inert(text):
    html = inert({"text/html": text[:100_000], "image/svg+xml": text[:100_000]})["text/html"]
    assert not re.search(r"<(?:script|style|iframe|object|embed|svg|form|input|meta|link|base|video)\b", html)
    assert not re.search(r"<[^>]*\s(?:on\w+|style|src=\"(?!data:image/))", html)
    assert not re.search(r"<[^>]*(?:href|cite)=\"(?!https?:|mailto:)", html)


def test_what_is_displayed_keeps_what_does_no_harm():
    table = '<table border="1"><tbody><tr><td>0.5</td></tr></tbody></table>'
    assert "<td>0.5</td>" in inert({"text/html": table})["text/html"]
    assert inert({"text/plain": "x", "image/png": "iVBO", "application/json": "{}"}) == {
        "text/plain": "x",
        "image/png": "iVBO",
    }
    assert inert({"application/javascript": "x"}) == {"text/plain": "(application/javascript: not kept)"}
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in inert({"image/svg+xml": "<svg/>"})["text/html"]
    assert inert(None) == {}


def test_titles_and_links_of_terminals_are_not_seen():
    assert as_seen("\x1b]0;t\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\\n\x1bc\rd") == "ab\nd"
