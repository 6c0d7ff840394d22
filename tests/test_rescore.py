"""`grade rescore`: today's rubric on what is stored, and what that changes. No kernel starts here."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import builders
import pytest
from jsonschema import Draft202012Validator

from grader import cli, pipeline
from grader.evidence import store
from grader.marking.checks.registry import REGISTRY
from grader.report import rescore_changes, results_schema
from grader.report.results_schema import CriterionChange, Judged, RescoreInfo, RubricInfo, SubmissionChange
from grader.rubric.load import load_rubric
from grader.rubric.schema import Limits
from grader.system import processes as spread

NAMES = ("ada", "bob")


@pytest.fixture(scope="module")
def story():
    return builders.solution().evidence()


@pytest.fixture
def reports(tmp_path, story) -> Path:
    """A report of two who did everything right, as a run leaves it."""
    out = tmp_path / "reports"
    stored_copies(story, out, NAMES)
    pipeline.rescore(out, None, "staff")
    document = json.loads((out / "results.json").read_text("utf-8")) | {"rescore": None}
    (out / "results.json").write_text(json.dumps(document), "utf-8")
    return out


def stored_copies(story, out: Path, names) -> None:
    for name in names:
        ref = replace(story.submission.ref, id=name, name=name)
        store.save(replace(story, submission=replace(story.submission, ref=ref)), out / name, Limits())


@pytest.fixture
def stricter(tmp_path) -> Path:
    """A rubric of another version, in which 1c.layers is worth 5."""
    shipped = load_rubric(None, REGISTRY).path
    text = shipped.read_text("utf-8")
    start = text.index("- id: 1c.layers")
    text = text[:start] + text[start:].replace("points: 4", "points: 5", 1)
    text = text.replace('version: "1.0"', 'version: "2.0"')
    rubric = tmp_path / "rubric" / shipped.name
    rubric.parent.mkdir()
    rubric.write_text(text, "utf-8")
    (rubric.parent / "ps10.calibration.json").write_bytes((shipped.parent / "ps10.calibration.json").read_bytes())
    return rubric


@pytest.fixture
def grade(monkeypatch, capsys):
    def run(*args: object) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["grade", *map(str, args)])
        cli.main()
        return capsys.readouterr()

    return run


def results(out: Path) -> dict:
    return json.loads((out / "results.json").read_text("utf-8"))


def test_results_say_what_changed(reports, stricter):
    before = results(reports)
    pipeline.rescore(reports, str(stricter), "staff")
    after = results(reports)
    Draft202012Validator(results_schema.json_schema()).validate(after)
    told = after["rescore"]
    assert told["when"] == after["generated"]
    assert told["report_before"] == before["generated"]
    assert (told["rubric_before"], told["rubric_after"]) == (before["rubric"], after["rubric"])
    assert told["rubric_after"]["version"] == "2.0"
    score, bonus = (before["submissions"][0][what] for what in ("score", "bonus"))
    assert told["submissions"] == [
        {
            "id": name,
            "score_before": score,
            "score_after": score + 1,
            "bonus_before": bonus,
            "bonus_after": bonus,
            "criteria": [
                {
                    "id": "1c.layers",
                    "before": {"outcome": "passed", "points": 4.0},
                    "after": {"outcome": "passed", "points": 5.0},
                    "change": 1.0,
                }
            ],
        }
        for name in NAMES
    ]


def test_tables_say_what_changed(grade, reports, stricter):
    out, err = grade("rescore", reports, "--rubric", stricter)
    lines = [line.split() for line in out.splitlines()]
    score = f"{results(reports)['submissions'][0]['score']:g}"
    assert ["ada", f"{float(score) - 1:g}", "→", score, "1c.layers", "passed", "4", "passed", "5", "+1"] in lines
    assert ["1c.layers", "2", "0", "+2"] in lines
    assert "The rubric was ps10 1.0" in err
    assert "2 rescored, 2 changed: 2 gain, 0 lose, +2 points in all." in err
    out, err = grade("rescore", reports, "--rubric", stricter)
    assert out.strip() == str(reports / "index.html")
    assert "The rubric was" not in err
    assert "2 rescored, 0 changed." in err


def test_what_is_not_the_graders_stays(reports):
    """Notes, edits of reviewers, whatever people keep in a submission's folder."""
    own = {
        reports / "ada" / "review.json": b"an edit",
        reports / "ada" / "notes" / "feedback.html": b"",
        reports / "ada" / "evidence" / "mine.npz": b"\0",
        reports / "ada" / "evidence" / "weights" / "old.npz": b"\1",
        reports / "mail.txt": b"",
        reports / "zoe" / "staff.html": b"no submission",
    }
    for path, content in own.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    evidence = (reports / "ada" / "evidence" / "evidence.json").read_bytes()
    for audience in ("staff", "student"):
        pipeline.rescore(reports, None, audience)
        assert {path: path.read_bytes() for path in own} == own
        assert (reports / "ada" / "evidence" / "evidence.json").read_bytes() == evidence


def test_processes_give_the_same_report(story, tmp_path, monkeypatch):
    monkeypatch.setattr(spread, "WORTH_IT", 1)
    files = []
    for jobs in (1, 2):
        out = tmp_path / str(jobs)
        stored_copies(story, out, ("ada", "bob", "cem"))
        monkeypatch.setattr(pipeline.RunInfo, "now", lambda *_, **__: RUN)
        outcome = pipeline.rescore(out, None, "staff", jobs=jobs)
        assert [g.ref.id for g in outcome.grades] == ["ada", "bob", "cem"]
        files.append({str(f.relative_to(out)): f.read_bytes() for f in out.rglob("*.*") if f.name != ".lock"})
    assert files[0] == files[1]


RUN = pipeline.RunInfo.now(load_rubric(None, REGISTRY), sandbox="none", fits="local")


# ------------------------------------------------------------------ pure


def change(name: str, *criteria: CriterionChange, before: float = 10, after: float = 10) -> SubmissionChange:
    return SubmissionChange(
        id=name, score_before=before, score_after=after, bonus_before=0, bonus_after=0, criteria=list(criteria)
    )


def judged(outcome: str, points: float) -> Judged:
    return Judged.model_validate({"outcome": outcome, "points": points})


GONE = CriterionChange(id="4a.why", before=judged("passed", 1.5), after=None, change=-1.5)
WAITS = CriterionChange(id="1b.why", before=judged("missing", 0), after=judged("needs_review", 0), change=0)
HALF = CriterionChange(id="1b.why", before=judged("missing", 0), after=judged("partial", 0.5), change=0.5)


def test_a_submission_is_named_once():
    assert rescore_changes.rows([change("ada", WAITS, GONE), change("bob", HALF, after=10.5)]) == [
        ("ada", "10", "1b.why", "missing 0", "needs_review 0", "0"),
        ("", "", "4a.why", "passed 1.5", "-", "-1.5"),
        ("bob", "10 → 10.5", "1b.why", "missing 0", "partial 0.5", "+0.5"),
    ]


def test_criteria_are_summed_up_in_order():
    found = rescore_changes.sums([change("ada", GONE, WAITS), change("bob", HALF), change("cem", GONE)])
    assert found == [("1b.why", "1", "0", "+0.5"), ("4a.why", "0", "2", "-3")]


def test_the_sentences():
    rubric = RubricInfo(id="ps10", version="1.0", sha256="a" * 64)
    newer = rubric.model_copy(update={"sha256": "b" * 64})
    told = RescoreInfo(
        when="", report_before="", rubric_before=rubric, rubric_after=newer, reworded=3,
        submissions=[change("ada", WAITS), change("bob", HALF, after=10.5), change("cem", GONE, after=8.5)],
    )  # fmt: skip
    assert rescore_changes.in_words(told, 300) == [
        "The rubric was ps10 1.0 (aaaaaaaa) and is ps10 1.0 (bbbbbbbb).",
        "300 rescored, 3 changed: 1 gain, 1 lose, -1 points in all.",
        "Only the message is another: 3 criteria.",
    ]
