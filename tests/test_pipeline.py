"""The way through with real kernels: stored as it goes, run once, judged again, our own faults kept apart."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import nbformat
import pytest
from jsonschema import Draft202012Validator
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader import pipeline
from grader.errors import EvidenceError
from grader.execution import gather
from grader.marking import checks
from grader.records import Outcome
from grader.report import results_schema

pytestmark = [pytest.mark.kernel, pytest.mark.xdist_group("pipeline")]

COUNT = "## 1d)\n$(784 \\cdot 10 + 10) + (10 \\cdot 10 + 10) + (10 \\cdot 10 + 10) = 8070$"


class Quiet:
    """Keeps what a run told."""

    def __init__(self) -> None:
        self.reused: dict[str, bool] = {}
        self.told: list[str] = []

    def expect(self, refs):
        self.told.append(f"{len(refs)} found")

    def doing(self, ref, what, share):
        assert 0 <= share <= 1
        self.told.append(f"{ref.id}: {what}")

    def finished(self, ref, grade, *, reused):
        self.reused[ref.id] = reused

    def say(self, message):
        self.told.append(message)


@pytest.fixture(scope="module")
def class_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("class")
    for name, code in {"ada": "x = 1", "bob": "1 / 0", "eve": "print('score: 100')"}.items():
        (folder / name).mkdir()
        notebook = new_notebook(cells=[new_markdown_cell(COUNT), new_code_cell(code)])
        nbformat.write(notebook, folder / name / "ps10.ipynb")
    (folder / "mia").mkdir()
    (folder / "mia" / "ps10.ipynb").write_text("{")
    return folder


def settings(class_folder: Path, out: Path, **more) -> pipeline.Settings:
    return pipeline.Settings((class_folder,), out, jobs=2, **more)


@pytest.fixture(scope="module")
def first(class_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "reports"
    told = Quiet()
    return out, pipeline.grade(settings(class_folder, out), told, threading.Event()), told


def results(out: Path) -> dict:
    return json.loads((out / "results.json").read_text("utf-8"))


def test_a_run_leaves_what_the_contract_says(first):
    out, outcome, told = first
    document = results(out)
    Draft202012Validator(results_schema.json_schema()).validate(document)
    assert [s["id"] for s in document["submissions"]] == ["ada", "bob", "eve", "mia"]
    assert {s["status"] for s in document["submissions"][:3]} == {"graded"}
    assert document["submissions"][1]["faults"][0]["kind"] == "cell_error"
    assert document["submissions"][1]["faults"][0]["cell"] == 1
    for name in ("ada", "bob", "eve"):
        for file in ("feedback.html", "staff.html", "executed.ipynb", "evidence/evidence.json"):
            assert (out / name / file).is_file()
    nbformat.validate(nbformat.read(out / "eve" / "executed.ipynb", as_version=4))
    assert (out / "index.html").is_file()
    assert (out / "grades.csv").read_text("utf-8").startswith("id,status,score,max_score,pending,1a,")
    assert outcome.failures == ()
    assert "4 found" in told.told


def test_the_same_count_earns_the_same_whatever_is_printed(first):
    scores = {s["id"]: s["score"] for s in results(first[0])["submissions"]}
    assert scores["ada"] == scores["bob"] == scores["eve"] > scores["mia"] == 0


def test_what_was_run_is_never_run_again(first, class_folder):
    out, before, _ = first
    told = Quiet()
    again = pipeline.grade(settings(class_folder, out), told, threading.Event())
    assert told.reused == dict.fromkeys(("ada", "bob", "eve", "mia"), True)
    assert [g.score for g in again.grades] == [g.score for g in before.grades]


def test_same_input_same_bytes_but_for_time(first, class_folder, tmp_path):
    def timeless(out: Path) -> dict:
        document = results(out)
        del document["generated"]
        for one in document["submissions"]:
            del one["duration_s"]
        return document

    pipeline.grade(settings(class_folder, tmp_path), Quiet(), threading.Event())
    assert timeless(tmp_path) == timeless(first[0])
    assert (tmp_path / "grades.csv").read_bytes() == (first[0] / "grades.csv").read_bytes()


def test_rescore_says_what_changed(first, monkeypatch):
    out = first[0]
    outcome = pipeline.rescore(out, None, "staff")
    assert outcome.rescored.submissions == []

    def strict(case):
        return case.failed("Not today.")

    monkeypatch.setitem(checks.REGISTRY, "number.count", strict)
    changed = pipeline.rescore(out, None, "student").rescored.submissions
    lost = {s.id: c.change for s in changed for c in s.criteria if c.id == "1d.count"}
    assert lost == {"ada": -4.0, "bob": -4.0, "eve": -4.0}
    assert not (out / "ada" / "staff.html").exists()


def test_our_own_fault_is_ours(class_folder, tmp_path, monkeypatch, first):
    def broken(case):
        raise ZeroDivisionError

    monkeypatch.setitem(checks.REGISTRY, "number.count", broken)
    outcome = pipeline.grade(settings(class_folder, first[0]), Quiet(), threading.Event())
    ada = next(g for g in outcome.grades if g.ref.id == "ada")
    count = next(c for t in ada.tasks for c in t.criteria if c.verdict.criterion == "1d.count")
    assert count.verdict.outcome is Outcome.ERRORED
    assert any(f.startswith("ada: ") and "1d.count" in f for f in outcome.failures)


def test_one_that_cannot_be_collected_does_not_stop_the_others(class_folder, tmp_path, monkeypatch):
    real = gather.collect

    def collect(submission, *rest):
        if submission.ref.id == "bob":
            raise EvidenceError("bob's evidence is broken.")
        return real(submission, *rest)

    monkeypatch.setattr(gather, "collect", collect)
    outcome = pipeline.grade(settings(class_folder, tmp_path), Quiet(), threading.Event())
    assert outcome.failures == ("bob: the grader itself failed: bob's evidence is broken.",)
    assert [g.score > 0 for g in outcome.grades] == [True, False, True, False]
    assert results(tmp_path)["submissions"][1]["pending"] == 100


def test_stopping_keeps_what_had_finished_and_a_later_run_goes_on(class_folder, tmp_path):
    stop = threading.Event()
    told = Quiet()
    told.finished = lambda *_, **__: stop.set()
    with pytest.raises(KeyboardInterrupt):
        pipeline.grade(pipeline.Settings((class_folder,), tmp_path, jobs=1), told, stop)
    assert (tmp_path / "ada" / "evidence" / "evidence.json").is_file()
    again = Quiet()
    outcome = pipeline.grade(settings(class_folder, tmp_path), again, threading.Event())
    assert len(outcome.grades) == 4
    assert again.reused["ada"]
