"""The hostile corpus under the real command, at every level that this machine offers (see `hostile`)."""

from __future__ import annotations

import functools
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hostile import LEVELS, LIMITS, RECORDED, Case, Ran, Seen, grade, judge, judge_run, read_cases, record
from security_table import SECURITY, replaced, table

from grader.marking.checks.registry import REGISTRY
from grader.records import FaultKind, Status
from grader.rubric.load import load_rubric
from grader.sandbox import failure

CASES = read_cases()
RUBRIC = load_rubric("ps10", REGISTRY).rubric
CRITERIA = {criterion.id for task in RUBRIC.tasks for criterion in task.criteria}
GROUPS = {group: [c for c in CASES.values() if c.group == group] for group in sorted({c.group for c in CASES.values()})}
RECORDING = "GRADE_RECORD_OUTCOMES" in os.environ
"""Set it to renew what SECURITY.md is made of."""


# ------------------------------------------------------------------ the corpus itself


def test_every_folder_is_a_case() -> None:
    folders = {folder.name for folder in RECORDED.parent.iterdir() if folder.is_dir() and folder.name != "__pycache__"}
    assert folders == CASES.keys()


def test_every_case_of_the_design_is_there() -> None:
    # 26, the grader killed in a run, is a test of its own below
    assert {number for case in CASES.values() for number in case.expected["cases"]} | {26} == set(range(1, 30))


def test_expectations_use_the_contracts_words() -> None:
    for case in CASES.values():
        expected = case.expected
        faults = expected.get("faults") or []
        kinds = {k for f in faults for k in (f if isinstance(f, list) else [f])}
        assert kinds <= set(FaultKind), case.name
        assert expected.get("status", "graded") in set(Status), case.name
        assert {c for key in ("passed", "not_passed", "reviewed") for c in expected.get(key, ())} <= CRITERIA, case.name
        assert set(expected.get("flags", ())) <= RUBRIC.misconceptions.keys(), case.name
        assert case.promise in {"isolation", "limits", "forging", "honest"}, case.name
        words = {"held", "named", "no effect", "flagged", "works", "not protected"}
        assert set(expected["outcome"].values()) <= words, case.name
        assert {*expected.get("not_at", ()), *expected["outcome"]} <= {*LEVELS, "*"}, case.name


def test_an_unknown_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "expected.json").write_text('{"titel": ""}')
    monkeypatch.setattr("hostile.CORPUS", tmp_path)
    with pytest.raises(ValueError, match="titel"):
        read_cases()


def test_what_was_seen_is_what_is_expected() -> None:
    for level, outcomes in json.loads(RECORDED.read_text()).items():
        for name, outcome in outcomes.items():
            assert outcome == CASES[name].outcome(level), (level, name)


def test_the_table_in_security_md_is_generated() -> None:
    text = SECURITY.read_text(encoding="utf-8")
    assert text == replaced(text, table()), "run `python tests/security_table.py`"


# ------------------------------------------------------------------ the runs


def available(level: str) -> str:
    """'' where this machine offers a level, else why not."""
    return "" if level == "none" else failure(level)


@functools.cache
def scratch(name: str) -> Path:
    """A folder that anybody may enter: what keeps students out of it must be the sandbox."""
    folder = Path(tempfile.mkdtemp(prefix=f"hostile-{name}-"))
    folder.chmod(0o755)
    return folder


@functools.cache
def baseline_mib(level: str) -> float:
    """The grader's own memory without hostile members."""
    return grade(level, [], scratch(f"calm-{level}"), LIMITS).peak_mib


@functools.cache
def ran(level: str, group: str) -> Ran:
    return grade(level, _members(level, group), scratch(f"{level} {group}".replace(" ", "-")), GROUPS[group][0].limits)


def _members(level: str, group: str) -> list[Case]:
    return [case for case in GROUPS[group] if case.runs_at(level)]


def _parameters(what: Any) -> list[Any]:
    found = []
    for level in LEVELS:
        for name, group in what.items():
            marks = [pytest.mark.kernel, pytest.mark.xdist_group(f"{level} {group}"), pytest.mark.timeout(900)]
            if group.startswith("slow") or level != LEVELS[0] or "4096" in group:
                marks.append(pytest.mark.slow)
            if CASES[name].runs_at(level) if name in CASES else _members(level, group):
                found.append(pytest.param(level, name, marks=marks, id=f"{level}-{name}"))
    return found


@pytest.mark.parametrize(("level", "name"), _parameters({case.name: case.group for case in CASES.values()}))
def test_case(level: str, name: str) -> None:
    if why := available(level):
        pytest.skip(why)
    case = CASES[name]
    seen = judge(case, level, ran(level, case.group))
    if RECORDING:
        record(level, {name: seen.outcome})
    assert seen == Seen(case.outcome(level))


@pytest.mark.parametrize(("level", "group"), _parameters({group: group for group in GROUPS}))
def test_nothing_leaks_and_nothing_stays(level: str, group: str) -> None:
    if why := available(level):
        pytest.skip(why)
    assert judge_run(ran(level, group), _members(level, group), baseline_mib(level)) == []


# ------------------------------------------------------------------ the class, and the grader itself


def _judged(ran: Ran, name: str) -> Any:
    """A submission's entry, without what tells of time and place."""
    entry = json.loads(json.dumps(ran.results[name]))
    entry.pop("duration_s", None)
    entry.pop("source")
    return entry


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("level", [level for level in LEVELS if level != "none"])
def test_hostile_members_change_nothing_for_the_others(level: str) -> None:
    if why := available(level):
        pytest.skip(why)
    names = ["memory_numpy", "fork_bomb", "dies_kills_parents", "evidence_replaced", "flood_one_print", "daemons"]
    limits = CASES["honest"].limits | {"cell_s": 40}
    alone = grade(level, [CASES["honest"]], scratch(f"{level}-alone"), limits)
    among = grade(level, [CASES[name] for name in ("honest", *names)], scratch(f"{level}-among"), limits)
    assert (alone.code, among.code) == (0, 0)
    assert set(among.results) == {"honest", "neighbour", *names}
    for name in ("honest", "neighbour"):
        assert _judged(among, name) == _judged(alone, name)


@pytest.mark.kernel
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("after_s", [0.02, 1.0, 2.5, 4.0, 6.0])
@pytest.mark.parametrize("level", [level for level in LEVELS if level != "none"])
def test_a_grader_that_is_killed_leaves_no_process(level: str, after_s: float) -> None:
    if why := available(level):
        pytest.skip(why)
    cases = [CASES["daemons"], CASES["deaf_ignores"]]
    killed = grade(level, cases, scratch(f"{level}-killed-{after_s:g}"), LIMITS, kill_after_s=after_s)
    assert killed.left == []
    assert killed.code == -9
