"""results.json and grades.csv: what programs parse."""

from __future__ import annotations

import csv
import io
import json

import pytest
import sample_class as sample
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from grader.errors import UsageError
from grader.intake.names import safe_id
from grader.records import RESULTS_SCHEMA_VERSION, Outcome, Verdict
from grader.report import export
from grader.report.results_schema import ResultsDocument, json_schema

LOADED = sample.sample_rubric()


def _json_of(grades, durations=None) -> dict:
    return json.loads(export.to_json(export.results_document(grades, LOADED, sample.RUN, durations)))


def test_a_class_fits_the_schema():
    Draft202012Validator.check_schema(json_schema())
    grades, durations = sample.class_of(40, LOADED)
    document = _json_of([*grades, sample.hostile(LOADED)[0]], durations)
    Draft202012Validator(json_schema()).validate(document)
    assert document["schema_version"] == RESULTS_SCHEMA_VERSION
    criteria = [c.id for task in LOADED.rubric.tasks for c in task.criteria]
    for submission in document["submissions"]:
        assert [c["id"] for task in submission["tasks"] for c in task["criteria"]] == criteria


def test_the_contract_is_kept_to_the_letter():
    document = _json_of([sample.mixed_grade(LOADED)], {"ben": 31.6})
    assert document["grader"] == {"version": "0.1.0", "sandbox": "none", "fits": "shared"}
    assert document["rubric"] == {"id": "sample", "version": "1.0", "sha256": "5a" * 32}
    (submission,) = document["submissions"]
    tasks = submission.pop("tasks")
    assert submission == {
        "id": "ben",
        "source": "submissions/ben/ps10.ipynb",
        "status": "graded",
        "faults": [{"kind": "cell_error", "cell": 9, "message": "NameError: name 'plot' is not defined"}],
        "score": 28.5,
        "pending": 9.0,
        "max_score": 100.0,
        "bonus": 0.0,
        "pending_bonus": 0.0,
        "max_bonus": 10.0,
        "misconceptions": [
            "model.missing_activation", "params.no_bias", "claims.unverified", "optimizer.rate_off", "conv.not_flipped",
        ],
        "duration_s": 31.6,
    }  # fmt: skip
    layers = tasks[2]
    assert {k: layers[k] for k in ("id", "title", "points", "max_points", "bonus")} == {
        "id": "1c", "title": "Define the network", "points": 2.0, "max_points": 6.0, "bonus": False,
    }  # fmt: skip
    assert layers["criteria"][0] == {
        "id": "1c.layers",
        "outcome": "partial",
        "points": 2.0,
        "max_points": 4.0,
        "message": "The second hidden layer has no activation.",
        "expected": "Dense relu → Dense relu → Dense 10 softmax",
        "actual": "Dense 10 relu → Dense 10 linear → Dense 10 softmax",
        "misconceptions": ["model.missing_activation"],
        "follow_through": False,
        "repeats": "",
        "evidence": {"cell": 4, "line": 5},
        "suggestion": None,
    }
    assert tasks[1]["criteria"][1]["suggestion"] == {"points": 1.0, "why": "One of two points is touched."}


def test_same_input_same_bytes_and_one_timestamp():
    grades, durations = sample.class_of(12, LOADED)
    first, second = (export.to_json(export.results_document(grades, LOADED, sample.RUN, durations)) for _ in range(2))
    assert first == second
    assert first.count("2026-") == 1


def test_thirds_are_free_of_binary_noise():
    thirds = {"2b.features": Verdict("2b.features", Outcome.PARTIAL, 1 / 3, "")}
    document = _json_of([sample.make_grade(sample.ref("x"), LOADED, thirds)])
    assert document["submissions"][0]["score"] == 1.33


def test_results_can_be_read_back(tmp_path):
    grades, _ = sample.class_of(5, LOADED)
    document = export.results_document(grades, LOADED, sample.RUN)
    path = tmp_path / "results.json"
    assert export.read_results(path) is None
    path.write_text(export.to_json(document), "utf-8")
    assert export.read_results(path) == document
    path.write_text("{")
    with pytest.raises(UsageError, match="is not a results file"):
        export.read_results(path)


def test_results_of_the_version_before_can_be_read(tmp_path):
    document = _json_of([sample.full_grade(LOADED)])
    assert document.pop("rescore") is None
    document["schema_version"] = "1.0"
    (tmp_path / "results.json").write_text(json.dumps(document), "utf-8")
    read = export.read_results(tmp_path / "results.json")
    assert read is not None
    assert read.rescore is None


def test_the_schema_refuses_what_it_does_not_know():
    document = _json_of([sample.full_grade(LOADED)])
    document["submissions"][0]["status"] = "fine"
    assert not Draft202012Validator(json_schema()).is_valid(document)
    with pytest.raises(ValueError, match="status"):
        ResultsDocument.model_validate(document)


# ------------------------------------------------------------------ grades.csv


def test_the_csv_has_the_columns_of_the_contract():
    grades, _ = sample.class_of(6, LOADED)
    text = export.grades_csv(grades, LOADED)
    assert text.count("\r\n") == text.count("\n") == 7
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["id", "status", "score", "max_score", "pending", *(task.id for task in LOADED.rubric.tasks)]
    assert rows[1][:8] == ["ben", "graded", "28.5", "100", "9", "2", "3", "2"]
    assert all(len(row) == len(rows[0]) for row in rows)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r="])
def test_a_formula_becomes_text(start):
    grade = sample.make_grade(sample.ref(f'{start}HYPERLINK("x")'), LOADED, {})
    row = next(csv.DictReader(io.StringIO(export.grades_csv([grade], LOADED), newline="")))
    assert row["id"] == f'\'{start.strip()}HYPERLINK("x")'


@settings(deadline=None)
@given(st.text(min_size=1).map(safe_id))
def test_any_id_survives_the_csv(name):
    grade = sample.make_grade(sample.ref(name), LOADED, {})
    rows = list(csv.DictReader(io.StringIO(export.grades_csv([grade], LOADED), newline="")))
    assert [row["id"] for row in rows] == [name]
