"""Every criterion gets exactly one verdict, from a small pure function registered under the name that rubrics use.

A check looks at a `Case` and returns a `Verdict`. What a student did wrong is a verdict; an
exception in a check is the grader's own fault and becomes `errored`, which costs nobody points.
"""

from __future__ import annotations

import traceback
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from grader.marking.checks.case import Case
from grader.marking.checks.on_paper import on_paper
from grader.marking.checks.registry import REGISTRY
from grader.marking.lacking import lacking
from grader.records import Evidence, Labels, Outcome, Verdict

if TYPE_CHECKING:
    from grader.marking.match import Assignment
    from grader.rubric.load import LoadedRubric


def run_checks(evidence: Evidence, labels: Labels, assignment: Assignment, loaded: LoadedRubric) -> tuple[Verdict, ...]:
    """Judge every criterion of the rubric, in its order: one verdict each.

    The order matters: a mistake is charged where it first occurs, so each check sees the verdicts before it.
    """
    verdicts: list[Verdict] = []
    lacks = lacking(evidence)
    for task in loaded.rubric.tasks:
        for criterion in task.criteria:
            case = Case(
                criterion=criterion,
                evidence=evidence,
                labels=labels,
                assignment=assignment,
                rubric=loaded.rubric,
                reference=loaded.reference,
                calibration=loaded.calibration,
                earlier=tuple(verdicts),
                lacking=lacks,
            )
            verdicts.append(_judge(case))
    return on_paper(verdicts, evidence, labels, assignment, loaded.rubric)


def _judge(case: Case) -> Verdict:
    criterion = case.criterion
    try:
        verdict = case.excused(REGISTRY[criterion.check](case))
        message = criterion.messages.get(str(verdict.outcome))  # the rubric's own sentence, where it has one
        return replace(verdict, message=message) if message else verdict
    except Exception as problem:  # noqa: BLE001 - ours, whatever it is: recorded, and no points lost
        last = traceback.extract_tb(problem.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        return Verdict(
            criterion.id,
            Outcome.ERRORED,
            0.0,
            "The grader itself failed here, which costs you nothing: a person will look at it.",
            actual=f"{type(problem).__name__}: {problem} ({where})",
        )


_CHECKS = "model compile training accuracy data image matrix noted_accuracies parameter_count default_rate text"
for _module in _CHECKS.split():
    import_module(f"grader.marking.checks.{_module}")
