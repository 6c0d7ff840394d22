"""The pages as HTML: golden files, what each audience may see, and hostile text."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sample_class as sample
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.errors import UsageError
from grader.marking.match import Assignment, Matched
from grader.records import Curves, Fault, FaultKind, Grade, Outcome, Place, Status, Verdict
from grader.report import charts, code_excerpt, markdown, pages, wording
from grader.report.class_view import class_view
from grader.report.submission_view import submission_view
from grader.report.training_view import describe_data
from grader.system.atomic_files import atomic_write
from grader.system.display_text import TEXT_LIMIT, clean

LOADED = sample.sample_rubric()
GOLDEN = Path(__file__).parent / "golden"
# UPDATE_GOLDEN=1 pytest tests/test_report.py  writes the golden pages anew; look at the difference before committing.
UPDATE = os.environ.get("UPDATE_GOLDEN") == "1"


def page_of(grade: Grade, evidence=None, audience="student", loaded=LOADED) -> str:
    view = submission_view(grade, evidence, loaded, sample.RUN, audience)
    return pages.render_submission(view, audience)


def index_of(count: int) -> str:
    grades, durations = sample.class_of(count, LOADED)
    return pages.render_index(class_view(grades, LOADED, sample.RUN, durations, {g.ref.id for g in grades}))


class _Tree(HTMLParser):
    """Tags, attributes and text of a page; fails on an unbalanced one."""

    VOID = ("meta", "link", "br", "input", "hr")

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"script", "style"} & set(self.open):
            self.text.append(data)

    def values(self, name: str) -> list[str]:
        return [attrs[name] or "" for _, attrs in self.tags if name in attrs]


# ------------------------------------------------------------------ golden pages


def _scrubbed(html: str) -> str:
    """Style and script have tests of their own: a change of colour does not touch golden pages."""
    html = re.sub(r"<style>.*?</style>", "<style>…</style>", html, flags=re.DOTALL)
    html = re.sub(r"<script>.*?</script>", "<script>…</script>", html, flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]+", "sha256-…", html)


def _golden_pages() -> dict[str, str]:
    evidence = sample.mixed_evidence()
    return {
        "feedback.html": page_of(sample.mixed_grade(LOADED), evidence),
        "staff.html": page_of(sample.mixed_grade(LOADED), evidence, "staff"),
        "unreadable.html": page_of(sample.unreadable_grade(LOADED)),
        "index.html": index_of(8),
    }


@pytest.mark.parametrize("name", ["feedback.html", "staff.html", "unreadable.html", "index.html"])
def test_golden(name):
    actual, golden = _scrubbed(_golden_pages()[name]), GOLDEN / name
    beside = golden.with_suffix(".actual.html")
    if UPDATE:
        golden.write_text(actual, "utf-8")
    beside.unlink(missing_ok=True)
    if not golden.is_file() or golden.read_text("utf-8") != actual:
        beside.write_text(actual, "utf-8")
        pytest.fail(
            f"{name} differs from its golden page: compare {beside} with it; UPDATE_GOLDEN=1 accepts the new one"
        )


def test_same_input_same_bytes():
    assert _golden_pages() == _golden_pages()


# ------------------------------------------------------------------ structure


@pytest.mark.parametrize("html", [*_golden_pages().values(), page_of(sample.full_grade(LOADED)), index_of(0)])
def test_pages_are_whole_and_refer_only_to_themselves(html):
    tree = _Tree(html)
    ids = tree.values("id")
    assert len(ids) == len(set(ids)), "an id occurs twice"
    inside = [href[1:] for href in tree.values("href") if href.startswith("#") and "=" not in href]
    assert set(inside) <= set(ids), "a link within the page leads nowhere"
    for reference in tree.values("aria-labelledby"):
        assert set(reference.split()) <= set(ids)
    assert tree.values("src") == []
    outside = [href for href in tree.values("href") if re.match(r"[a-z]+:", href) and not href.startswith("data:")]
    assert set(outside) <= {"https://example.org/lecture"}, "only what the student linked to"
    assert "on" not in {name[:2] for _, attrs in tree.tags for name in attrs}, "an inline handler"


def test_policy_names_the_one_script():
    html = page_of(sample.full_grade(LOADED))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None
    assert html.count("<script") == 1
    assert policy[1].startswith(
        "default-src &#39;none&#39;; img-src data:; style-src &#39;unsafe-inline&#39;; script-src &#39;sha256-"
    )


def test_every_outcome_status_and_fault_has_words_and_an_icon():
    assert set(wording.OUTCOMES) == set(Outcome)
    assert set(wording.STATUSES) == set(Status)
    base = index_of(0)
    for word in (*wording.OUTCOMES.values(), *wording.STATUSES.values()):
        assert f'<symbol id="i-{word.slug}"' in base


# ------------------------------------------------------------------ what an audience sees


def test_students_see_no_reference_answer():
    html = page_of(sample.mixed_grade(LOADED), sample.mixed_evidence())
    text = " ".join(_Tree(html).text)
    for secret in (
        "steps overshoot",
        "One unit per class",
        "Points to look for",
        "How to mark it",
        "Suggested:",
        "12 got a figure",
        "55050",
    ):
        assert secret not in text
    assert "at least 0.70" in text, "what the sheet demands is shown"
    assert "Conv2D" in text, "and so are the student's own layers"
    assert "3·3·16·8 + 8 = 1160" not in text, "but not their parameters, which the sheet asks for"
    assert "200·10 + 10 = 2010" not in text


def test_a_rubric_may_reveal_its_reference():
    open_rubric = sample.sample_rubric(reveal_reference=True)
    text = " ".join(_Tree(page_of(sample.mixed_grade(open_rubric), sample.mixed_evidence(), loaded=open_rubric)).text)
    assert "steps overshoot" in text
    assert "55050" in text
    assert "How to mark it" not in text


def test_staff_see_reference_points_suggestion_and_facts():
    evidence = sample.mixed_evidence()
    net, (first, second) = evidence.networks[0], evidence.trainings
    matched = Matched("dense_small", net, net.architecture, None, first, (first,), "structure, label")
    view = submission_view(
        sample.mixed_grade(LOADED),
        evidence,
        LOADED,
        sample.RUN,
        "staff",
        Assignment({"dense_small": matched}, (second,)),
    )
    text = " ".join(_Tree(pages.render_submission(view, "staff")).text)
    for shown in (
        "Large inputs make large gradients", "touched", "not seen", "Suggested: 1 of 2.", "55050", "SGD, rate 0.05",
        "60,000 training images, 784, scaled to [0, 1]", "0.7921", "ValueError: shapes", "1 of 3",
        "dense_small, by structure, label", "answers no task",
        "Of 20 answers, 12 got a figure.", "A reason names",
    ):  # fmt: skip
        assert shown in text


def test_staff_see_where_a_training_was_done():
    def text_of(fits, **facts):
        evidence = sample.mixed_evidence()
        evidence = replace(evidence, trainings=(replace(evidence.trainings[0], **facts),))
        run = replace(sample.RUN, fits=fits)
        view = submission_view(sample.mixed_grade(LOADED), evidence, LOADED, run, "staff")
        return " ".join(_Tree(pages.render_submission(view, "staff")).text)

    assert "Shared: 1 training, done once" in text_of("shared", shared=True)
    assert "shared" in text_of("local", shared=True), "an earlier run did that"
    why = {"shared": False, "not_shared": f"its callback {'x' * 300}\u202e"}
    assert f"in the notebook: its callback {'x' * 187} …" in text_of("shared", **why)
    assert "in the notebook" in text_of("shared", shared=False, not_shared="")
    assert "in the notebook" not in text_of("local", **why)


def test_a_page_refuses_the_view_of_the_other_audience():
    grade = sample.full_grade(LOADED)
    with pytest.raises(ValueError, match="for staff must not become the page for student"):
        pages.render_submission(submission_view(grade, None, LOADED, sample.RUN, "staff"), "student")
    with pytest.raises(ValueError, match="for student must not become the page for staff"):
        pages.render_submission(submission_view(grade, None, LOADED, sample.RUN, "student"), "staff")


def test_what_to_fix_first_is_what_costs_most():
    view = submission_view(sample.mixed_grade(LOADED), None, LOADED, sample.RUN, "student")
    lost = [float(fix.lost) for fix in view.fixes]
    assert lost == sorted(lost, reverse=True)
    assert view.fixes[0].id == "3c.count"
    assert not any(fix.id.startswith("4") for fix in view.fixes), "a bonus not earned is no deduction"
    assert submission_view(sample.full_grade(LOADED), None, LOADED, sample.RUN, "student").fixes == ()


def test_a_script_is_cited_by_its_own_lines():
    evidence = sample.mixed_evidence()
    cells = tuple(replace(cell, first_line=40 + cell.index) for cell in evidence.submission.cells)
    evidence = replace(evidence, submission=replace(evidence.submission, cells=cells, is_script=True))
    view = submission_view(sample.mixed_grade(LOADED), evidence, LOADED, sample.RUN, "student")
    place = view.tasks[2].criteria[0].place
    assert place is not None
    assert place.where == "Line 48"
    assert place.via == "called from line 52"
    assert [line.number for line in place.excerpt.lines if line.marked] == [48]


@pytest.mark.parametrize("place", [Place(), Place(99, 1), Place(5), Place(5, 400), Place(None, None, ((77, 3),))])
def test_any_place_can_be_shown(place):
    verdict = Verdict("1a.data", Outcome.PASSED, 1, "Yes.", place=place)
    html = page_of(sample.make_grade(sample.ref("x"), LOADED, {"1a.data": verdict}), sample.mixed_evidence())
    assert "Yes." in html


# ------------------------------------------------------------------ hostile text

_ALLOWED_TAGS = {tag for html in _golden_pages().values() for tag, _ in _Tree(html).tags} | markdown._TAGS


def _is_harmless(html: str) -> None:
    tree = _Tree(html)
    assert {tag for tag, _ in tree.tags} <= _ALLOWED_TAGS
    assert html.count("<script") == 1
    assert not any(name.startswith("on") for _, attrs in tree.tags for name in attrs)
    assert not any(href.lower().startswith(("javascript:", "vbscript:")) for href in tree.values("href"))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", html)


@pytest.mark.parametrize("audience", ["student", "staff"])
def test_hostile_text_everywhere(audience):
    html = page_of(*sample.hostile(LOADED), audience)
    _is_harmless(html)
    assert "{{7*7}}" in html, "a template in the text is not run"
    assert "⟨U+202E⟩" in html, "direction controls are shown"


_TRICKS = st.sampled_from(
    ["<script>", "</style>", "<svg onload=x>", '" onmouseover="x', "javascript:x", "[a](javascript:x)", "![a](http://x/y)",
     "<!--", "]]>", "{{ x }}", "{% x %}", "&lt;", "$$", "```", "|a|\n|-|\n", "\u202e", "\x1b[31m", "\r\n", "\u2028"]
)  # fmt: skip
_WICKED = st.lists(st.one_of(_TRICKS, st.text(max_size=12)), max_size=8).map("".join)


@settings(max_examples=12, deadline=None)
@given(_WICKED)
def test_no_text_escapes(text):
    grade, evidence = sample.hostile(LOADED, text)
    for audience in ("student", "staff"):
        _is_harmless(page_of(grade, evidence, audience))
    _is_harmless(pages.render_index(class_view([grade], LOADED, sample.RUN, {}, set())))


@settings(max_examples=300, deadline=None)
@given(_WICKED)
def test_no_markdown_escapes(text):
    tree = _Tree(str(markdown.safe_html(text)))
    assert {tag for tag, _ in tree.tags} <= {*markdown._TAGS, "div"}
    assert not any(href.lower().startswith("javascript:") for href in tree.values("href"))


@given(st.text(max_size=400), st.integers(-3, 40))
def test_any_cell_can_be_cut_out(source, marked):
    lines = clean(source, 10_000).rstrip("\n").split("\n")
    cut = code_excerpt.excerpt(source, marked=marked)
    assert cut.before + len(cut.lines) + cut.after == len(lines)
    assert cut.lines
    for line in cut.lines:
        assert "".join(_Tree(str(line.html)).text) == lines[line.number - 1][: code_excerpt.LINE_LIMIT]


def test_huge_text_is_bounded():
    enormous = "x" * 5_000_000
    grade, evidence = sample.hostile(LOADED, enormous)
    assert len(page_of(grade, evidence, "staff")) < 1_500_000
    assert len(clean(enormous)) <= TEXT_LIMIT + 2
    assert len(code_excerpt.excerpt("a = 1\n" * 100_000).lines) <= 400


# ------------------------------------------------------------------ small parts


def test_a_whole_statement_is_marked():
    source = "%matplotlib inline\nx = 1\nmodel.fit(\n    x,\n    epochs=3,\n)\ny = 2"
    assert [n.number for n in code_excerpt.excerpt(source, marked=4).lines if n.marked] == [3, 4, 5, 6]
    assert [n.number for n in code_excerpt.excerpt("for i in x:\n    f(i)\n    g(i)", marked=1).lines if n.marked] == [
        1
    ]
    assert [n.number for n in code_excerpt.excerpt("f(\n1", marked=1).lines if n.marked] == [1]


def test_markdown_keeps_mathematics_and_drops_pictures():
    html = str(
        markdown.safe_html(
            r"# Sum" "\n" r"$a_1 b_2$ and $$x_{1}\_y$$ cost $5 ![seen](http://x/y.png) \begin{x}a_b_c\end{x}"
        )
    )
    assert '<code class="tex">a_1 b_2</code>' in html
    assert r'<code class="tex">x_{1}\_y</code>' in html
    assert r'<code class="tex">\begin{x}a_b_c\end{x}</code>' in html
    assert "[image: seen]" in html
    assert "<h1" not in html
    assert "<img" not in html


@pytest.mark.parametrize(
    ("value", "text"),
    [(71.5, "71.5"), (100.0, "100"), (4 / 3, "1.33"), (-4.0, "−4"), (-0.0, "0"), (float("nan"), "not a number")],
)
def test_numbers_are_short(value, text):
    assert wording.points(value) == text


@pytest.mark.parametrize(("value", "text"), [(4.23, "4.2 s"), (31.4, "31 s"), (75, "1 min 15 s"), (120, "2 min")])
def test_seconds_are_readable(value, text):
    assert wording.seconds(value) == text


_FLOATS = st.lists(st.floats(), max_size=300).map(tuple)


@given(_FLOATS, _FLOATS, st.none() | st.floats(0, 1), st.none() | st.floats(0, 1))
def test_any_curve_can_be_drawn_within_its_frame(train, validation, verified, threshold):
    svg = str(charts.learning_curves(Curves(train, validation, verified, threshold), "c"))
    if not svg:
        assert verified is None
        return
    tree = _Tree(svg)
    assert all(0 <= float(x) <= charts._WIDTH for x in tree.values("cx"))
    assert all(0 <= float(y) <= charts._HEIGHT for y in tree.values("cy"))
    assert "nan" not in svg.lower()


def test_what_data_was_recognised_is_said():
    images = sample._IMAGES
    assert describe_data(None) == "–"
    first = replace(images, shape=(20000, 28, 28, 1), train_rows=20000, stop=20000)
    assert describe_data(first) == "first 20,000 training images, 28×28×1, scaled to [0, 1]"
    assert describe_data(replace(images, hi=255.0)) == "60,000 training images, 784, unscaled"
    mixed = replace(images, train_rows=59_000, unknown_rows=1000, exact=False)
    assert describe_data(mixed) == "59,000 training images + 1,000 unknown images, 784, values in [0, 1]"
    assert describe_data(sample._LABELS) == "60,000 training labels, integer"


# ------------------------------------------------------------------ the class


def test_the_index_counts():
    grades, durations = sample.class_of(120, LOADED)
    view = class_view(grades, LOADED, sample.RUN, durations, set())
    assert sum(share.count for share in view.statuses) == view.count == len(view.rows) == 120
    assert [m.count for m in view.misconceptions] == sorted((m.count for m in view.misconceptions), reverse=True)
    assert view.misconceptions[0].count == sum(view.misconceptions[0].slug in g.misconceptions for g in grades)
    assert {failed.row.name for failed in view.failed} == {g.ref.name for g in grades if g.status is not Status.GRADED}
    assert [s.percent for s in view.slowest] == sorted((s.percent for s in view.slowest), reverse=True)
    for rate in view.rates:
        assert sum(share.percent for share in rate.shares) == pytest.approx(100, abs=0.1)


def test_the_index_sums_up_what_was_lacking():
    def lacks(name: str, *faults: tuple[FaultKind, str]) -> Grade:
        made = tuple(Fault(kind, 1, "It is not here.", 1.0, lacking) for kind, lacking in faults)
        return replace(sample.full_grade(LOADED), ref=sample.ref(name, name), faults=made)

    module, file = FaultKind.MISSING_MODULE, FaultKind.MISSING_FILE
    grades = [
        lacks("a", (module, "torch.nn"), (module, "torch"), (module, "helper"), (FaultKind.MISSING_MAGIC, "sql")),
        lacks("b", (module, "torch"), (file, "<b>.csv"), (FaultKind.CELL_ERROR, "")),
        lacks(
            "c", (module, "keras_tuner"), (file, ""), (FaultKind.NETWORK_BLOCKED, ""), (FaultKind.MISSING_DEVICE, "")
        ),
    ]
    view = class_view(grades, LOADED, sample.RUN, {}, set())
    assert [(lack.what, lack.count, lack.command) for lack in view.lacking] == [
        ("package torch", 2, "pip install torch"),
        ("A file is missing", 1, ""),
        ("No GPU or TPU", 1, ""),
        ("No network", 1, ""),
        ("file <b>.csv", 1, ""),
        ("magic %%sql", 1, ""),
        ("package helper", 1, ""),
        ("package keras_tuner", 1, "pip install keras-tuner"),
    ]
    assert [row.id for row in view.lacking[0].who] == ["a", "b"]
    html = pages.render_index(view)
    assert "<code>pip install torch</code>" in html
    assert "<b>.csv" not in html


def test_links_survive_odd_names():
    grade = replace(sample.full_grade(LOADED), ref=sample.ref("ps 10 [Ж]#?", "ps 10 [Ж]#?"))
    html = pages.render_index(class_view([grade], LOADED, sample.RUN, {}, set()))
    assert 'href="ps%2010%20%5B%D0%96%5D%23%3F/feedback.html"' in html
    assert "staff.html" not in html


# ------------------------------------------------------------------ files


def test_reports_are_written_for_their_audience(tmp_path):
    grade, evidence = sample.mixed_grade(LOADED), sample.mixed_evidence()
    sample.write_reports(tmp_path, [(grade, evidence)], LOADED, "staff")
    written = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    assert written == {"index.html", "results.json", "grades.csv", "ben/feedback.html", "ben/staff.html"}
    assert "ben/staff.html" in (tmp_path / "index.html").read_text("utf-8")
    sample.write_reports(tmp_path, [(grade, evidence)], LOADED, "student")
    assert not (tmp_path / "ben/staff.html").exists(), "an old one must not be handed out by accident"
    assert "ben/staff.html" not in (tmp_path / "index.html").read_text("utf-8")


def test_atomic_write_replaces_and_leaves_nothing_behind(tmp_path):
    target = tmp_path / "new" / ("ж" * 60 + ".txt")
    atomic_write(target, "one\n")
    atomic_write(target, b"two\r\n")
    assert target.read_bytes() == b"two\r\n"
    assert list(target.parent.iterdir()) == [target]


def test_atomic_write_says_what_it_cannot_write(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(UsageError, match=r"Cannot write .*/file/x"):
        atomic_write(tmp_path / "file" / "x", "")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match=r"Cannot write .*folder"):
        atomic_write(tmp_path / "folder", "")
    assert {p.name for p in tmp_path.iterdir()} == {"file", "folder"}
