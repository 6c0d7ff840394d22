"""Whole submissions, graded by the command, against verdicts written by hand (see `expectations`)."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from expectations import FOLDER, Expectation, compare, compare_all, read, read_all, table
from leaks import leaks, page_text
from saying import contradictions

from grader.evidence import store
from grader.intake.label import label
from grader.marking.checks import run_checks
from grader.marking.checks.registry import REGISTRY
from grader.marking.match import match
from grader.records import Evidence, FaultKind, Outcome, Status
from grader.rubric.load import load_rubric

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "submissions_example"
CORPUS = ROOT / "tests" / "corpus"
SITUATIONS = ROOT / "tests" / "situations"
ALL = pytest.mark.parametrize("submissions", [EXAMPLE, CORPUS, SITUATIONS], ids=lambda folder: folder.name)

LOADED = load_rubric("ps10", REGISTRY)
RUBRIC = LOADED.rubric
CRITERIA = {criterion.id: criterion for task in RUBRIC.tasks for criterion in task.criteria}
BONUS = {criterion.id for task in RUBRIC.tasks if task.bonus for criterion in task.criteria}


# ------------------------------------------------------------------ the expectations themselves


@ALL
def test_every_submission_has_its_expectation(submissions: Path) -> None:
    handed_in = {folder.name for folder in submissions.iterdir() if not folder.name.startswith(".")}
    assert read_all(submissions).keys() == handed_in


@pytest.mark.parametrize("expected", read_all(EXAMPLE).values(), ids=lambda e: e.submission)
def test_the_example_says_everything(expected: Expectation) -> None:
    assert expected.criteria.keys() == CRITERIA.keys()
    assert expected.faults is not None
    assert expected.score is not None


@ALL
def test_expectations_use_the_contracts_words(submissions: Path) -> None:
    for expected in read_all(submissions).values():
        assert expected.status in set(Status)
        assert set(expected.faults or ()) <= set(FaultKind)
        assert expected.criteria.keys() <= CRITERIA.keys()
        assert {o for outcomes in expected.criteria.values() for o in outcomes} <= set(Outcome) - {Outcome.ERRORED}
        assert expected.follow_through <= expected.criteria.keys()
        assert expected.repeats.keys() | set(expected.repeats.values()) <= expected.criteria.keys()
        assert expected.misconceptions.keys() - {"*"} <= expected.criteria.keys()
        named = expected.also_misconceptions.union(*expected.misconceptions.values())
        assert named <= RUBRIC.misconceptions.keys()


@ALL
def test_no_written_answer_is_expected_to_be_decided(submissions: Path) -> None:
    undecided = {Outcome.NEEDS_REVIEW, Outcome.MISSING, Outcome.BLOCKED}
    for expected in read_all(submissions).values():
        for name, outcomes in expected.criteria.items():
            if CRITERIA[name].check == "text.review":
                assert set(outcomes) <= undecided, (expected.submission, name)


@pytest.mark.parametrize("expected", read_all(EXAMPLE).values(), ids=lambda e: e.submission)
def test_expected_scores_follow_from_expected_outcomes(expected: Expectation) -> None:
    def shares(name: str) -> list[float]:
        if name in expected.repeats:
            return [1 - RUBRIC.repeated]
        return [s for o in expected.criteria[name] for s in {"passed": [1.0], "partial": [0.25, 0.75]}.get(o, [0.0])]

    points = {name: CRITERIA[name].points for name in CRITERIA.keys() - BONUS}
    lowest = sum(p * min(shares(name)) for name, p in points.items())
    highest = sum(p * max(shares(name)) for name, p in points.items())
    assert expected.score == pytest.approx((lowest, highest))


def test_every_misconception_has_an_example() -> None:
    every = [*read_all(EXAMPLE).values(), *read_all(CORPUS).values()]
    named = {slug for expected in every for slugs in expected.misconceptions.values() for slug in slugs}
    assert RUBRIC.misconceptions.keys() == named


# ------------------------------------------------------------------ the comparison


@pytest.fixture
def emre() -> tuple[Expectation, dict[str, Any]]:
    """A hand-written expectation, and an entry of results.json that agrees with it."""
    expected = read_all(EXAMPLE)["emre"]
    criteria = [
        {
            "id": name,
            "outcome": outcomes[0],
            "message": "said so",
            "follow_through": name in expected.follow_through,
            "repeats": expected.repeats.get(name, ""),
            "misconceptions": sorted(expected.misconceptions.get(name, ())),
        }
        for name, outcomes in expected.criteria.items()
    ]
    assert expected.score is not None
    return expected, {
        "id": "emre",
        "status": expected.status,
        "faults": [],
        "score": expected.score[0],
        "misconceptions": sorted(slug for slugs in expected.misconceptions.values() for slug in slugs),
        "tasks": [{"id": "all", "criteria": criteria}],
    }


def test_agreement_is_no_difference(emre: tuple[Expectation, dict[str, Any]]) -> None:
    expected, got = emre
    assert compare(expected, got) == []
    assert compare_all({"emre": expected}, {"submissions": [got]}) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda got: got.update(status="empty"), "status"),
        (lambda got: got["faults"].append({"kind": "memory", "message": "too much"}), "faults"),
        (lambda got: got.update(score=got["score"] + 1), "score"),
        (lambda got: got["tasks"][0]["criteria"][0].update(outcome="failed"), "1a.data"),
        (lambda got: got["tasks"][0]["criteria"].pop(0), "1a.data"),
        (lambda got: [c.update(repeats="") for c in got["tasks"][0]["criteria"]], "1h.count"),
        (lambda got: [c["misconceptions"].clear() for c in got["tasks"][0]["criteria"]], "1d.count"),
        (lambda got: got["misconceptions"].append("cnn.no_flatten"), "misconceptions"),
    ],
)
def test_each_kind_of_difference_is_seen(emre: tuple[Expectation, dict[str, Any]], change: Any, what: str) -> None:
    expected, agreeing = emre
    got = copy.deepcopy(agreeing)
    change(got)
    differences = compare(expected, got)
    assert what in {difference.what for difference in differences}
    assert all("emre" in line for line in table(differences).splitlines()[1:])


def test_lost_and_unexpected_submissions_are_differences(emre: tuple[Expectation, dict[str, Any]]) -> None:
    expected, got = emre
    differences = compare_all({"lost": expected}, {"submissions": [got]})
    assert [(d.submission, d.got) for d in differences] == [("emre", "graded"), ("lost", "not found")]


def test_a_misspelt_key_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ada.json"
    file.write_text('{"about": "", "status": "graded", "criterions": {}}')
    with pytest.raises(ValueError, match="criterions"):
        read(file)


# ------------------------------------------------------------------ the whole way through


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.xdist_group("whole_submissions")
@ALL
def test_submissions_are_judged_as_a_careful_person_would(submissions: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grader", str(submissions), "--out", str(tmp_path / "reports")]
    run = subprocess.run([*command, "--jobs", str(os.cpu_count() or 1)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    results = json.loads((tmp_path / "reports" / "results.json").read_text(encoding="utf-8"))
    differences = compare_all(read_all(submissions), results)
    if differences:
        pytest.fail(f"verdicts differ from those in {submissions / FOLDER}\n{table(differences)}", pytrace=False)
    wrong = [
        line for folder in store.stored_folders(tmp_path / "reports") for line in _contradictions_and_leaks(folder)
    ]
    assert not wrong, "\n".join(wrong)


def _contradictions_and_leaks(folder: Path) -> list[str]:
    """What the stored evidence's verdicts say wrongly, and what the student's files tell."""
    evidence = store.load(folder)
    if not isinstance(evidence, Evidence):
        return []
    labels = label(evidence.submission, [task.id for task in LOADED.rubric.tasks])
    assignment = match(evidence, labels, LOADED.rubric, LOADED.reference)
    found = contradictions(evidence, run_checks(evidence, labels, assignment, LOADED), assignment, LOADED)
    page = page_text((folder / "feedback.html").read_text("utf-8"))
    executed = nbformat.read(folder / "executed.ipynb", as_version=4)
    outputs = (output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs)
    shown = "\n".join(json.dumps(_without_pictures(output)) for output in outputs)
    for name, text in (("feedback.html", page), ("executed.ipynb", shown)):
        found += [f"{name}: {leak}" for leak in leaks(text, evidence, assignment, LOADED)]
    return [f"{folder.name}: {line}" for line in found]


def _without_pictures(output: dict[str, Any]) -> dict[str, Any]:
    """An output without the bytes of its pictures, whose letters may spell any number."""
    data = {mime: shown for mime, shown in output.get("data", {}).items() if mime.startswith("text/")}
    return {**output, "data": data}
