"""The models of `results.json`: a promise to programs. Additions raise the minor part of the schema's version."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from grader.records import FaultKind, Outcome, Status


class _Strict(BaseModel):  # without docstrings here and below: they would become part of the schema
    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)


class GraderInfo(_Strict):
    version: str
    sandbox: str = Field(description="Isolation that student code ran in: 'none', 'bwrap', …")
    fits: str = Field(description="'shared' or 'local'.")


class RubricInfo(_Strict):
    id: str
    version: str
    sha256: str = Field(description="Of the rubric file's bytes.")


class FaultResult(_Strict):
    kind: FaultKind
    cell: int | None = Field(description="0-based index in the submitted notebook; null when no cell is to blame.")
    message: str = Field(description="One sentence for the student.")


class EvidencePlace(_Strict):
    cell: int | None = Field(description="0-based index in the submitted notebook; null when no cell shows it.")
    line: int | None = Field(None, description="1-based line in that cell.")


class SuggestionResult(_Strict):
    points: float = Field(ge=0)
    why: str


class CriterionResult(_Strict):
    id: str
    outcome: Outcome
    points: float = Field(ge=0)
    max_points: float = Field(gt=0)
    message: str = Field(description="One sentence a student understands.")
    expected: str
    actual: str
    misconceptions: list[str]
    follow_through: bool = Field(
        description="Right for the student's own earlier mistake: earns a share of the points."
    )
    repeats: str = Field("", description="Criterion where the same mistake was charged first; '' where none was.")
    evidence: EvidencePlace
    suggestion: SuggestionResult | None = Field(None, description="Proposed points where a person decides.")


class TaskResult(_Strict):
    id: str
    title: str
    points: float = Field(ge=0)
    max_points: float = Field(ge=0)
    bonus: bool
    criteria: list[CriterionResult]


class SubmissionResult(_Strict):
    id: str
    source: str = Field(description="Path of what was graded, as it was found.")
    status: Status
    faults: list[FaultResult]
    score: float = Field(ge=0, description="Without bonus.")
    pending: float = Field(ge=0, description="Points that wait for a person, without bonus.")
    max_score: float = Field(ge=0)
    bonus: float = Field(ge=0)
    pending_bonus: float = Field(ge=0)
    max_bonus: float = Field(ge=0)
    misconceptions: list[str]
    duration_s: float | None = Field(None, ge=0, description="Seconds that the notebook ran; null when it did not.")
    tasks: list[TaskResult]


class Judged(_Strict):
    outcome: Outcome
    points: float = Field(ge=0)


class CriterionChange(_Strict):
    id: str
    before: Judged | None = Field(description="Null where it did not exist.")
    after: Judged | None = Field(description="Null where it does not exist any more.")
    change: float = Field(description="Points gained; negative when lost.")


class SubmissionChange(_Strict):
    id: str
    score_before: float = Field(ge=0, description="Without bonus, as `score`.")
    score_after: float = Field(ge=0)
    bonus_before: float = Field(ge=0)
    bonus_after: float = Field(ge=0)
    criteria: list[CriterionChange] = Field(description="Those whose outcome or points changed.")


class RescoreInfo(_Strict):
    """What `grade rescore` changed against the report that was there."""

    when: str = Field(description="As `generated`.")
    report_before: str | None = Field(description="`generated` of the earlier report; null where it could not be read.")
    rubric_before: RubricInfo | None = Field(description="Null where the earlier report could not be read.")
    rubric_after: RubricInfo
    submissions: list[SubmissionChange] = Field(description="Those in which a criterion's outcome or points changed.")
    reworded: int = Field(ge=0, description="Criteria of which only the message changed, in all submissions.")


class ResultsDocument(_Strict):
    schema_version: Literal["1.0", "1.1"] = "1.1"
    generated: str = Field(description="When, ISO 8601 in UTC: the only timestamp.")
    grader: GraderInfo
    rubric: RubricInfo
    submissions: list[SubmissionResult]
    rescore: RescoreInfo | None = Field(default=None, description="Null in what `grade` itself wrote. Since 1.1.")


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of `results.json`."""
    schema = ResultsDocument.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "grade results", **schema}
