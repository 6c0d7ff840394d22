"""Grades → files: `results.json`, `grades.csv`, the pages. Same input, same bytes (but for the one timestamp)."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from grader.errors import UsageError
from grader.evidence import store
from grader.records import RESULTS_SCHEMA_VERSION, CriterionGrade, Evidence, Grade, Place, TaskGrade
from grader.report.class_view import class_view
from grader.report.pages import render_index, render_submission
from grader.report.rescore_changes import rescore_info
from grader.report.results_schema import (
    CriterionResult,
    EvidencePlace,
    FaultResult,
    GraderInfo,
    ResultsDocument,
    RubricInfo,
    SubmissionResult,
    SuggestionResult,
    TaskResult,
)
from grader.report.submission_view import StoredPicture, submission_view
from grader.system.atomic_files import atomic_write, remove
from grader.system.display_text import table_cell

if TYPE_CHECKING:
    from pathlib import Path

    from grader.marking.match import Assignment
    from grader.report.provenance import RunInfo
    from grader.rubric.load import LoadedRubric

TEXT = 4000
"""Characters of a message, an expected or actual value in `results.json`."""

_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|#(?=#)")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Against:
    """What a rescore is compared with."""

    report: ResultsDocument | None
    """None where it could not be read."""


# ------------------------------------------------------------------ files of a run


def write_submission(
    out: Path,
    grade: Grade,
    evidence: Evidence | None,
    loaded_rubric: LoadedRubric,
    run_info: RunInfo,
    audience: str,
    assignment: Assignment | None = None,
) -> None:
    """Write `feedback.html` and, for staff, `staff.html`; one that an earlier run left for staff goes otherwise."""
    folder = out / grade.ref.id
    student = submission_view(grade, evidence, loaded_rubric, run_info, "student")
    atomic_write(folder / "feedback.html", render_submission(student, "student"))
    if audience == "staff":
        stored = {n: StoredPicture(f.suffix[1:], f.read_bytes()) for n, f in store.pictures(folder).items()}
        staff = submission_view(grade, evidence, loaded_rubric, run_info, "staff", assignment, stored)
        atomic_write(folder / "staff.html", render_submission(staff, "staff"))
    else:
        remove(folder / "staff.html")


def write_class(
    out: Path,
    grades: Sequence[Grade],
    durations: Mapping[str, float],
    loaded_rubric: LoadedRubric,
    run_info: RunInfo,
    against: Against | None = None,
) -> ResultsDocument:
    """Write `index.html`, `results.json` and `grades.csv`; the index links to the staff pages that are there.

    `durations`: seconds per submission id; `against`: what a rescore is compared with. Gives what `results.json` holds.
    """
    with_staff_page = {g.ref.id for g in grades if (out / g.ref.id / "staff.html").is_file()}
    view = class_view(grades, loaded_rubric, run_info, durations, with_staff_page)
    document = results_document(grades, loaded_rubric, run_info, durations, against)
    atomic_write(out / "index.html", render_index(view))
    atomic_write(out / "results.json", to_json(document))
    atomic_write(out / "grades.csv", grades_csv(grades, loaded_rubric))
    return document


# ------------------------------------------------------------------ results.json


def results_document(
    grades: Sequence[Grade],
    loaded_rubric: LoadedRubric,
    run_info: RunInfo,
    durations: Mapping[str, float] | None = None,
    against: Against | None = None,
) -> ResultsDocument:
    """`results.json` as a model; `durations`: seconds per submission id; `against`: what a rescore is compared with."""
    assert ResultsDocument.model_fields["schema_version"].default == RESULTS_SCHEMA_VERSION
    document = ResultsDocument(
        generated=run_info.timestamp,
        grader=GraderInfo(version=run_info.version, sandbox=run_info.sandbox, fits=run_info.fits),
        rubric=RubricInfo(
            id=loaded_rubric.rubric.id, version=loaded_rubric.rubric.version, sha256=loaded_rubric.sha256
        ),
        submissions=[_submission(grade, (durations or {}).get(grade.ref.id)) for grade in grades],
    )
    return document.model_copy(update={"rescore": rescore_info(against.report, document)}) if against else document


def to_json(document: ResultsDocument) -> str:
    """Harmless on a terminal and in the log of a CI job, too: what either would obey is escaped, as JSON allows."""
    text = json.dumps(document.model_dump(mode="json"), ensure_ascii=False, indent=1)
    return _OBEYED.sub(lambda match: f"\\u{ord(match[0]):04x}", text) + "\n"


def read_results(path: Path) -> ResultsDocument | None:
    """Read what an earlier run wrote; None where there is nothing. Raises UsageError when it cannot be read."""
    try:
        return ResultsDocument.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as problem:
        raise UsageError(f"{path} is not a results file of this version.") from problem


def _submission(grade: Grade, duration_s: float | None) -> SubmissionResult:
    return SubmissionResult(
        id=_text(grade.ref.id),
        source=_text(grade.ref.origin or grade.ref.source.as_posix()),
        status=grade.status,
        faults=[FaultResult(kind=f.kind, cell=f.cell, message=_text(f.message)) for f in grade.faults],
        score=_points(grade.score),
        pending=_points(grade.pending),
        max_score=_points(grade.max_score),
        bonus=_points(grade.bonus),
        pending_bonus=_points(grade.pending_bonus),
        max_bonus=_points(grade.max_bonus),
        misconceptions=list(grade.misconceptions),
        duration_s=None if duration_s is None else round(duration_s, 3),
        tasks=[_task(task) for task in grade.tasks],
    )


def _task(task: TaskGrade) -> TaskResult:
    return TaskResult(
        id=task.id,
        title=task.title,
        points=_points(task.points),
        max_points=_points(task.max_points),
        bonus=task.bonus,
        criteria=[_criterion(criterion) for criterion in task.criteria],
    )


def _criterion(grade: CriterionGrade) -> CriterionResult:
    verdict = grade.verdict
    place, suggestion = verdict.place or Place(), verdict.suggestion
    return CriterionResult(
        id=verdict.criterion,
        outcome=verdict.outcome,
        points=_points(grade.points),
        max_points=_points(grade.max_points),
        message=_text(verdict.message),
        expected=_text(verdict.expected),
        actual=_text(verdict.actual),
        misconceptions=list(verdict.misconceptions),
        follow_through=verdict.follow_through,
        repeats=verdict.repeats,
        evidence=EvidencePlace(cell=place.cell, line=place.line),
        suggestion=SuggestionResult(points=_points(suggestion.points), why=_text(suggestion.why))
        if suggestion
        else None,
    )


def _points(value: float) -> float:
    """Sums of thirds without the noise of binary fractions."""
    return round(float(value), 4) + 0.0


def _text(value: str) -> str:
    """As much as a reader takes in. A notebook may hold half of a surrogate pair, which no file can."""
    return _LONE_SURROGATE.sub("\ufffd", value[:TEXT])


# ------------------------------------------------------------------ grades.csv


def grades_csv(grades: Sequence[Grade], loaded_rubric: LoadedRubric) -> str:
    """RFC 4180, a row per submission: id, status, score, max_score, pending, then a column per task."""
    tasks = [task.id for task in loaded_rubric.rubric.tasks]
    file = io.StringIO()
    rows = csv.writer(file, lineterminator="\r\n")
    rows.writerow(["id", "status", "score", "max_score", "pending", *tasks])
    for grade in grades:
        earned = {task.id: _number(task.points) for task in grade.tasks}
        sums = (_number(value) for value in (grade.score, grade.max_score, grade.pending))
        rows.writerow([table_cell(grade.ref.id), grade.status.value, *sums, *(earned.get(task, "") for task in tasks)])
    return file.getvalue()


def _number(value: float) -> str:
    return f"{_points(value):g}"
