"""A picture of work on paper is an attempt: it is found however it was handed in, and goes to a person at its task."""

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from builders import SMALL, Story, cnn_net, judge, loaded_rubric, submission

from grader.evidence import store
from grader.extraction.passages import passages_of
from grader.intake import pictures as found_pictures
from grader.intake.pictures import contents, pictures, without_pictures
from grader.intake.read import picture_files, read_submission
from grader.marking.score import score
from grader.records import Cell, CellKind, OnPaper, Outcome, Place, Submission, SubmissionRef
from grader.report.detail_view import OnPaperView
from grader.report.pages import render_submission
from grader.report.provenance import RunInfo
from grader.report.submission_view import StoredPicture, submission_view

PNG = b"\x89PNG\r\n\x1a\n" + b"dots" * 20
EMBEDDED = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
REVIEW = Outcome.NEEDS_REVIEW


def names(source: str, *companions: str, kind: CellKind = CellKind.MARKDOWN) -> list[str]:
    return [p.name for p in pictures(with_files(submission(Cell(0, kind, source)), *companions))]


def with_files(given: Submission, *companions: str) -> Submission:
    return replace(given, ref=replace(given.ref, companions=tuple(map(Path, companions))))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("![scan.png](attachment:scan.png)", "scan.png"),
        ("so:\n![](photos/photo.jpg)", "photos/photo.jpg"),
        ('![a](<photo.jpg> "my calculation")', "photo.jpg"),
        ("![a](./my%20photo.JPG)", "my photo.JPG"),
        ("![a](photo(1).jpg)", "photo(1).jpg"),
        ("<img width='200' src=photo.jpg>", "photo.jpg"),
        ('<img alt="a"\n src="photo.png"/>', "photo.png"),
        ("![as drawn][below]\n\n[below]: photo.heic", "photo.heic"),
        ("[my calculation](scan.pdf)", "scan.pdf"),
        ("<embed src='scan.pdf'>", "scan.pdf"),
        ("<a href='scan.pdf'>here</a>", "scan.pdf"),
        (f"![]({EMBEDDED})", "embedded:0"),
        (f"<img src='{EMBEDDED}'>", "embedded:0"),
        ("![](https://pictures.example/photo.jpg)", "https://pictures.example/photo.jpg"),
        ("![](graph)", "graph"),
        ("[the sheet](https://sheet.example/a)", ""),
        ("[notes](notes.md) and f(x) ![", ""),
        ("<img alt='no source'>", ""),
    ],
)
def test_pictures_of_texts(source, name):
    assert names(source) == ([name] if name else [])


@pytest.mark.parametrize(
    ("source", "given", "name"),
    [
        ("from IPython.display import Image\nImage('photo.png')", (), "photo.png"),
        ("Image(filename='scans/photo.png')", (), "scans/photo.png"),
        ("plt.imshow(plt.imread('photo.jpg'))", (), "photo.jpg"),
        ("PIL.Image.open(open('photo.jpg', 'rb'))", (), "photo.jpg"),
        ("FILE = 'photo.jpg'\nshow(FILE)", ("photo.jpg",), "photo.jpg"),
        ("%%html\n<img src='photo.jpg'>", (), "photo.jpg"),
        ("FILE = 'photo.jpg'", (), ""),
        ("plt.savefig('curve.png')\nImage('curve.png')", ("curve.png",), ""),
        ("plot_model(net, to_file='net.png')\nImage('net.png')", ("net.png",), ""),
        ("x = (", (), ""),
    ],
)
def test_pictures_of_code(source, given, name):
    assert names(source, *given, kind=CellKind.CODE) == ([name] if name else [])


@pytest.mark.parametrize(
    ("source", "left"),
    [
        ("![scan.png](attachment:scan.png)", ""),
        (
            "as here: ![my own calculation](photo.jpg) and\n<img src='a.png' alt='b'> so",
            "as here: my own calculation and\n so",
        ),
        ("[a link](notes.md) <b>x</b> f(x) < 3", "[a link](notes.md) <b>x</b> f(x) < 3"),
        ("[the scan](scan.pdf)", "[the scan](scan.pdf)"),
    ],
)
def test_the_address_of_a_picture_is_no_answer_in_words(source, left):
    assert without_pictures(source) == left


def test_files_beside_the_notebook_are_pictures_where_no_cell_mentions_them():
    found = pictures(with_files(submission("md: ![](in/a.png)"), "in/a.png", "b.JPG", "c.pdf", "d.csv"))
    assert [(p.name, p.place, p.beside) for p in found] == [
        ("in/a.png", Place(0, 1), False),
        ("b.JPG", Place(), True),
        ("c.pdf", Place(), True),
    ]


def test_a_picture_in_a_cell_that_nobody_may_change_is_the_sheets():
    given = submission(Cell(0, CellKind.MARKDOWN, "![](sobel.png)", locked=True), "md: ![](mine.png)")
    assert [p.name for p in pictures(given)] == ["mine.png"]


@pytest.mark.parametrize(("nbgrader_id", "texts"), [("q1", 0), ("", 1)])
def test_texts_that_nbgrader_locked_are_the_sheets(nbgrader_id, texts):
    given = Cell(0, CellKind.MARKDOWN, "Why 8070?", nbgrader_id=nbgrader_id, locked=True)
    assert len(passages_of(given)) == texts


# ------------------------------------------------------------------ at the right task


def reviewed(nb: Story, *companions: str) -> set[str]:
    """Criteria that a picture may answer."""
    evidence = nb.evidence()
    verdicts = judge(replace(evidence, submission=with_files(evidence.submission, *companions)), nb.labels)
    return {v.criterion for v in verdicts.values() if any(isinstance(d, OnPaper) for d in v.details)}


MATRICES = {"2a.KxIA", "2a.KyIA", "2a.KxIB", "2a.KyIB"}
COUNTS = {"1d.count", "1h.count", "3c.count"}


@pytest.mark.parametrize(
    ("task", "source", "expected"),
    [
        ("1d", "![](attachment:scan.png)", {"1d.count"}),
        ("1d", "![](photo.jpg)", {"1d.count"}),
        ("1d", "<img src='photo.jpg'>", {"1d.count"}),
        ("1d", f"![]({EMBEDDED})", {"1d.count"}),
        ("1h", "![](photo.jpg)", {"1h.count", "1h.compare"}),
        ("1b", "![](photo.jpg)", {"1b.why"}),
        ("1c", "![](photo.jpg)", {"1c.output"}),
        ("1c", "![a scan of my page.png](attachment:a%20scan%20of%20my%20page.png)", {"1c.output"}),
        ("3c", "![](photo.jpg)", {"3c.count", "3c.compare"}),
        ("2", "![](photo.jpg)", MATRICES),
        ("3", "![](photo.jpg)", {"3c.count"}),
        ("1", "the parameters: ![](photo.jpg)", {"1d.count", "1h.count"}),
        ("1f", "![the curve](curve.png)", set()),
        ("1d", "![](https://pictures.example/photo.jpg)", {"1d.count"}),
        ("1f", "![2a](photo.jpg)", MATRICES),
        ("1f", "![](task_1d.jpg)", {"1d.count"}),
        ("1f", "![](IMG_1d.jpg)", {"1d.count"}),
    ],
)
def test_a_picture_goes_to_the_task_that_it_is_labelled_with(task, source, expected):
    nb = Story()
    nb.text(task, source)
    nb.text("4b", "")
    assert reviewed(nb) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("![](photo.jpg)", MATRICES | COUNTS),
        ("number of parameters, worked out on paper: ![](photo.jpg)", COUNTS),
        ("K_x * I_A and the others: ![](photo.jpg)", MATRICES),
        ("![convolutions by hand](photo.jpg)", MATRICES),
        ("![](gewichte.jpg)", COUNTS),
        ("Items of clothing " + "at low resolution as seen here " * 5 + "![](sprite.png)", set()),
        ("![](https://pictures.example/photo.jpg)", set()),
    ],
)
def test_a_picture_without_a_label_may_be_any_calculation(source, expected):
    nb = Story()
    nb.text("", source)
    assert reviewed(nb) == expected


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("# Problem set 10\n\n![](logo.png)", Outcome.MISSING),
        ("<img src='university.svg'>", Outcome.MISSING),
        ("![](photo.jpg) The parameters, counted by hand", Outcome.NEEDS_REVIEW),
    ],
)
def test_a_picture_at_the_head_is_a_logo_unless_its_words_say_otherwise(source, outcome):
    nb = Story()
    nb.text("", source)
    nb.cell("1f")
    nb.train(SMALL)
    assert nb.judge()["1d.count"].outcome is outcome


def test_a_picture_that_is_all_there_is_is_no_logo():
    nb = Story()
    nb.text("", "![](photo.jpg)")
    assert nb.judge()["1d.count"].outcome is Outcome.NEEDS_REVIEW


def test_a_picture_without_a_label_stands_between_networks():
    nb = Story()
    nb.cell()
    net = nb.build(SMALL)
    nb.text("", "![](photo.jpg)")
    nb.cell()
    nb.fit(net)
    assert reviewed(nb) == {"1d.count"}
    nb.text("", "![](other.jpg)")
    nb.cell()
    nb.train(cnn_net())
    nb.text("", "![](last.jpg)")
    assert {"1d.count", "1h.count"} | MATRICES <= reviewed(nb)


def test_an_appendix_under_the_last_label_may_be_any_calculation():
    nb = Story()
    nb.text("4b", "Adam has a step of its own for every weight, and momentum, so that it learns faster.")
    nb.text("4b", "![](photo.jpg)")
    assert reviewed(nb) == MATRICES | COUNTS | {"4b.why"}
    nb = Story()
    nb.text("1d", "784*10+10 + 10*10+10 + 10*10+10 = 8070 parameters\n\n![](photo.jpg)")
    assert reviewed(nb) == set()


@pytest.mark.parametrize(
    ("companion", "expected"),
    [
        ("scan.jpg", MATRICES | COUNTS),
        ("notes.pdf", MATRICES | COUNTS),
        ("1d.jpg", {"1d.count"}),
        ("Aufgabe_2a.pdf", MATRICES),
        ("photo 3c.heic", {"3c.count", "3c.compare"}),
        ("problem2.png", MATRICES),
        ("parameters.png", COUNTS),
        ("problem_set_10.pdf", set()),
        ("IMG_20191203_101112.png", MATRICES | COUNTS),
        ("data.csv", set()),
    ],
)
def test_a_file_beside_the_notebook_goes_to_its_task(companion, expected):
    nb = Story()
    nb.cell("1a")
    assert reviewed(nb, companion) == expected


def test_a_typed_answer_decides_and_a_count_of_keras_does_not():
    nb = Story()
    nb.cell("1c")
    net = nb.build(SMALL)
    nb.text("1d", "784*10+10 + 10*10+10 + 10*10+10 = 8070 parameters\n\n![](photo.jpg)")
    assert reviewed(nb) == set()
    nb = Story()
    nb.cell("1c")
    net = nb.build(SMALL)
    nb.cell("1d", "net.summary()", printed=" Total params: 8,070 (31.52 KB)\n Trainable params: 8,070 (31.52 KB)\n")
    nb.text("1d", "![](photo.jpg)")
    assert net
    assert reviewed(nb) == {"1d.count"}


def test_what_was_seen_is_said():
    nb = Story()
    nb.text("1d", "![](attachment:scan.png)\n![](b.png)\n![](c.png)")
    evidence = nb.evidence()
    verdict = judge(evidence, nb.labels)["1d.count"]
    assert verdict.message == (
        "No typed answer was found; perhaps the picture in cell 0 (scan.png) and the picture in cell 0 (b.png) and more"
        " hold it: a person will look."
    )
    assert verdict.place == Place(0, 1)


# ------------------------------------------------------------------ their bytes, and the page


def test_the_bytes_of_pictures_are_kept_and_nothing_else(tmp_path, monkeypatch):
    cells = [
        {"cell_type": "markdown", "source": "![](attachment:a%20b.png)", "attachments": {"a b.png": {"image/png": base64.b64encode(PNG).decode()}}},
        {"cell_type": "markdown", "source": f"![]({EMBEDDED}) ![](data:image/png;base64,!)"},
        {"cell_type": "markdown", "source": "![](c.jpg) ![](evil.png) ![](../out.png) ![](gone.png) ![](https://x.example/y.png)"},
        {"cell_type": "markdown", "source": "![](d.webp) ![](e.heic) ![](f.pdf) ![](attachment:odd.png)", "attachments": {"odd.png": {"image/png": "***"}, "none": 3}},
    ]  # fmt: skip
    folder = tmp_path / "ada"
    folder.mkdir()
    (tmp_path / "out.png").write_bytes(PNG)
    for name, data in {
        "ps10.ipynb": json.dumps({"cells": cells, "nbformat": 4, "metadata": {}}).encode(),
        "c.jpg": b"\xff\xd8\xff photo",
        "evil.png": b"<html><script>alert(1)</script>",
        "d.webp": b"RIFF0000WEBP",
        "e.heic": b"0000ftypheic",
        "f.pdf": b"%PDF-1.4",
    }.items():
        (folder / name).write_bytes(data)
    ref = SubmissionRef("ada", "ada", folder / "ps10.ipynb", folder)
    kept = picture_files(ref)
    read = read_submission(ref)
    by_name = {pictures(read)[number].name: (ending, data) for number, ending, data in kept}
    assert by_name == {
        "a b.png": ("png", PNG),
        "embedded:0": ("png", PNG),
        "c.jpg": ("jpg", b"\xff\xd8\xff photo"),
        "d.webp": ("webp", b"RIFF0000WEBP"),
        "e.heic": ("heic", b"0000ftypheic"),
        "f.pdf": ("pdf", b"%PDF-1.4"),
    }
    store.save_pictures([(7, "png", PNG)], tmp_path / "report")
    store.save_pictures(kept, tmp_path / "report")
    assert {n: f.read_bytes() for n, f in store.pictures(tmp_path / "report").items()} == {n: d for n, _, d in kept}
    monkeypatch.setattr(found_pictures, "LARGEST_MIB", 0)
    assert list(contents(read, {})) == []


def test_there_is_nothing_to_keep_of_what_cannot_be_read_or_shows_nothing(tmp_path):
    for name, text in (("broken.ipynb", "{"), ("a.py", "Image('x.png')"), ("b.py", "x = 1")):
        (tmp_path / name).write_text(text)
        assert picture_files(SubmissionRef("a", "a", tmp_path / name, tmp_path)) == ()


def test_the_staff_page_shows_them_and_the_students_does_not():
    nb = Story()
    nb.text("1d", "![](attachment:scan.png) ![](scan.pdf) ![](gone.jpg)")
    evidence = nb.evidence()
    loaded = loaded_rubric()
    grade = score(evidence, tuple(judge(evidence, nb.labels).values()), loaded)
    info = RunInfo.now(loaded, sandbox="none", fits="local")
    stored = {0: StoredPicture("png", PNG), 1: StoredPicture("pdf", b"%PDF-")}
    staff = submission_view(grade, evidence, loaded, info, "staff", stored_pictures=stored)
    assert [(p.name, bool(p.source), p.href) for p in staff.pictures] == [
        ("scan.png", True, "evidence/pictures/0.png"),
        ("scan.pdf", False, "evidence/pictures/1.pdf"),
        ("gone.jpg", False, ""),
    ]
    page = render_submission(staff, "staff")
    assert f'<img src="{EMBEDDED}" alt="scan.png">' in page
    assert '<a href="#picture-0">Picture 1</a>' in page
    assert "not among what was handed in" in page
    student = submission_view(grade, evidence, loaded, info, "student", stored_pictures=stored)
    assert student.pictures == ()
    details = [d for task in student.tasks for c in task.criteria for d in c.details]
    assert OnPaperView(()) in details
    assert "picture-0" not in render_submission(student, "student")
