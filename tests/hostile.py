"""Runs hostile notebooks under the real command, amid planted secrets, and says from outside what they achieved.

A case is a folder of `tests/adversarial/`: a notebook, and `expected.json` beside it:

* `title`: its line in SECURITY.md; `cases`: numbers of the list in the design notes; `promise`: isolation, limits,
  forging or honest;
* `outcome`: level → `held`, `named`, `no effect`, `flagged`, `works` or `not protected`; '*' stands for all others;
* `not_at`: levels at which it must not run (it would do harm there);
* `faults`: kinds that must be there and no others (a list of lists: any of these; null: whatever), `fault_cell`;
* `prints`: texts that must appear (by level, where levels differ); `absent`: texts that must not, anywhere outside;
* `status`, `score` (at most), `passed`, `not_passed`, `reviewed` (criteria that a person must look at), `flags`
  (misconceptions that must be named);
* `limits` where others are needed than the strict ones of `LIMITS`; `slow`, `kernel` (needs TensorFlow).
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from surroundings import Surroundings

ROOT = Path(__file__).parent.parent
CORPUS = Path(__file__).with_name("adversarial")
RECORDED = CORPUS / "observed.json"
"""Level → case → outcome, as last seen; SECURITY.md shows it."""
LEVELS = ("bwrap", "container", "landlock", "none")
LIMITS = {"notebook_s": 60, "cell_s": 5, "memory_mib": 700, "output_mib": 2, "disk_mib": 64}
"""Strict, so that a case takes seconds."""
JOBS = int(os.environ.get("GRADE_TEST_JOBS", "2"))
GRADER_MIB = 200
"""What a flood may add to the grader's own memory."""
KEYS = {
    "title", "cases", "promise", "outcome", "not_at", "faults", "fault_cell", "prints", "absent", "status", "score",
    "passed", "not_passed", "reviewed", "flags", "limits", "slow", "kernel",
}  # fmt: skip


@dataclass(frozen=True)
class Case:
    name: str
    expected: dict[str, Any]

    @property
    def title(self) -> str:
        return str(self.expected["title"])

    @property
    def promise(self) -> str:
        return str(self.expected["promise"])

    @cached_property
    def limits(self) -> dict[str, float]:
        return LIMITS | self.expected.get("limits", {})

    @property
    def group(self) -> str:
        """Cases that are graded as one class: those of the same limits."""
        speed = "slow" if self.expected.get("slow") else "quick"
        return f"{speed} {' '.join(f'{value:g}' for value in self.limits.values())}"

    def outcome(self, level: str) -> str:
        """'' where it must not run."""
        if level in self.expected.get("not_at", ()):
            return ""
        outcomes = self.expected["outcome"]
        return str(outcomes.get(level, outcomes.get("*", "")))

    def runs_at(self, level: str) -> bool:
        """Whether it is tried at a level.

        What is forged with trained networks is the same at all of them, and 'none' promises nothing.
        """
        if level == "none":
            return self.promise == "honest" and bool(self.outcome(level))
        forged = self.promise == "forging" and "kernel" in self.expected
        return bool(self.outcome(level)) and (level == LEVELS[0] or not forged)


def read_cases() -> dict[str, Case]:
    """Raises ValueError for an unknown key."""
    found = {}
    for file in sorted(CORPUS.glob("*/expected.json")):
        expected = json.loads(file.read_text(encoding="utf-8"))
        if unknown := expected.keys() - KEYS:
            raise ValueError(f"{file.parent.name}: unknown {sorted(unknown)}")
        found[file.parent.name] = Case(file.parent.name, expected)
    return found


# ------------------------------------------------------------------ running


@dataclass(frozen=True)
class Ran:
    """A run of the command, seen from outside."""

    code: int
    stdout: str
    stderr: str
    seconds: float
    peak_mib: float
    """Of the grader's own process."""
    left: list[str]
    """Command lines of processes that outlived it; they are ended now."""
    out: Path
    surroundings: Surroundings

    @cached_property
    def results(self) -> dict[str, dict[str, Any]]:
        """Entries of results.json by submission; empty when there is none."""
        file = self.out / "results.json"
        if not file.is_file():
            return {}
        return {entry["id"]: entry for entry in json.loads(file.read_text(encoding="utf-8"))["submissions"]}

    def everything(self) -> list[tuple[str, str]]:
        """(where, text) of all that the run left and said."""
        said = [("stdout", self.stdout), ("stderr", self.stderr)]
        files = [f for f in sorted(self.out.rglob("*")) if f.is_file() and not f.is_symlink()]
        return said + [(str(f.relative_to(self.out)), f.read_bytes().decode("latin-1")) for f in files]


def grade(
    level: str, cases: list[Case], folder: Path, limits: dict[str, float], *, kill_after_s: float | None = None
) -> Ran:
    """Grade the cases as one class in `folder`, with a harmless neighbour whose files nobody may read."""
    with Surroundings(folder) as around:
        for case in cases:
            shutil.copytree(CORPUS / case.name, around.handed_in / case.name, symlinks=True)
            (around.handed_in / case.name / "expected.json").unlink()
            if "from attack import" in _source(case):
                shutil.copy(CORPUS / "attack.py", around.handed_in / case.name)
            (around.handed_in / case.name / "places.json").write_text(json.dumps(around.places))
        rubric = around.rubric(limits)
        command = [sys.executable, "-m", "grader", str(around.handed_in), "--out", str(around.out)]
        command += ["--sandbox", level, "--jobs", str(JOBS), "--rubric", str(rubric), "--fresh"]
        watch = [sys.executable, str(Path(__file__).with_name("reaper.py")), str(folder / "watched.json")]
        watch += [f"{kill_after_s or 0}", *command]
        started = time.monotonic()
        run = subprocess.run(
            watch, env=around.environment, cwd=ROOT, capture_output=True, stdin=subprocess.DEVNULL, check=False
        )
        seconds = time.monotonic() - started
        watched = json.loads((folder / "watched.json").read_text())
        said = [text.decode("utf-8", "replace") for text in (run.stdout, run.stderr)]
        return Ran(watched["code"], *said, seconds, watched["peak_mib"], watched["left"], around.out, around)


def _source(case: Case) -> str:
    notebook = next((CORPUS / case.name).glob("ps10.*"))
    return "" if notebook.is_symlink() else notebook.read_text(encoding="utf-8")


# ------------------------------------------------------------------ judging


@dataclass
class Seen:
    """What a case achieved, and how that differs from what is expected."""

    outcome: str
    differences: list[str] = field(default_factory=list)


def judge(case: Case, level: str, ran: Ran) -> Seen:
    got = ran.results.get(case.name)
    if got is None:
        return Seen("not protected", [f"{case.name} has no results: exit code {ran.code}, {ran.stderr[-2000:]}"])
    texts = _texts(ran.out / case.name / "executed.ipynb")
    reached = re.findall(r"^REACHED .*$", texts, re.MULTILINE)
    expected = case.expected
    differences = reached + re.findall(r"^BROKEN .*$", texts, re.MULTILINE)
    kinds = sorted({fault["kind"] for fault in got["faults"]})
    differences += _of_faults(expected, got, kinds)
    criteria = {c["id"]: c["outcome"] for task in got["tasks"] for c in task["criteria"]}
    earned = [name for name in expected.get("not_passed", ()) if criteria[name] == "passed"]
    differences += [f"{name} was earned" for name in earned]
    differences += [f"{n} is {criteria[n]}" for n in expected.get("passed", ()) if criteria[n] != "passed"]
    reviewed = expected.get("reviewed", ())
    differences += [f"{n} is {criteria[n]}" for n in reviewed if criteria[n] != "needs_review"]
    if "errored" in criteria.values():
        differences.append("the grader itself failed on it")
    missing = set(expected.get("flags", ())) - set(got["misconceptions"])
    differences += [f"{slug} is not named" for slug in sorted(missing)]
    if "status" in expected and got["status"] != expected["status"]:
        differences.append(f"status {got['status']}")
    too_much = "score" in expected and got["score"] > expected["score"]
    if too_much:
        differences.append(f"scored {got['score']}")
    prints = expected.get("prints", [])
    for text in prints.get(level, []) if isinstance(prints, dict) else prints:
        if text not in texts:
            differences.append(f"did not print {text!r}")
    if reached or earned or too_much:
        outcome = "not protected"
        if case.outcome(level) == outcome:  # known, and written down
            differences = []
    elif case.promise == "forging":
        named = expected.get("flags") and not missing
        seen = "tampered" in kinds or named or any(criteria[name] == "needs_review" for name in reviewed)
        outcome = "flagged" if seen else "no effect"
    elif case.promise == "honest":
        outcome = "works" if not differences else "broken"
    else:
        outcome = "named" if case.outcome(level) == "named" and kinds else "held"
    return Seen(outcome, differences)


def _of_faults(expected: dict[str, Any], got: dict[str, Any], kinds: list[str]) -> list[str]:
    wanted = expected.get("faults", [])
    if wanted is None:
        return []
    alternatives = wanted if wanted and isinstance(wanted[0], list) else [wanted]
    if kinds not in [sorted(alternative) for alternative in alternatives]:
        said = "; ".join(f"{fault['kind']} in {fault['cell']}: {fault['message'][:150]}" for fault in got["faults"])
        return [f"faults {said or 'none'}, expected {wanted}"]
    cells = {fault["cell"] for fault in got["faults"]}
    at = expected.get("fault_cell")
    if at is not None and kinds and cells != set(at if isinstance(at, list) else [at]):
        return [f"faults in cells {cells}, expected in {at}"]
    return []


def judge_run(ran: Ran, cases: list[Case], baseline_mib: float) -> list[str]:
    """What holds for a class as a whole."""
    found = []
    if ran.code != 0:
        found.append(f"exit code {ran.code}: {ran.stderr[-2000:]}")
    if ran.peak_mib > baseline_mib + GRADER_MIB:
        found.append(f"the grader took {ran.peak_mib:.0f} MiB, {baseline_mib:.0f} MiB without hostile members")
    found += [f"outlived the run: {command}" for command in ran.left]
    found += [f"a service of the machine was reached: {name}" for name in ran.surroundings.contacted]
    found += [f"changed on the machine: {what}" for what in ran.surroundings.changed()]
    if ran.stdout.strip().splitlines()[-1:] != [str((ran.out / "index.html").resolve())] or "\n" in ran.stdout.strip():
        found.append(f"stdout holds more than the path of the report: {ran.stdout[:300]!r}")
    absent = [(case.name, text) for case in cases for text in case.expected.get("absent", ())]
    for where, text in ran.everything():
        found += [f"{secret} in {where}" for secret in set(re.findall(ran.surroundings.prefix + "-[a-z]+", text))]
        for name, entry in absent:
            place, _, word = entry.partition(":")
            if where == place and word in text:
                found.append(f"{name}: {word!r} in {where}")
    return found


def _texts(notebook: Path) -> str:
    """All text that a notebook's cells put out here."""
    if not notebook.is_file():
        return ""
    parts: list[str] = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            text = output.get("text") or output.get("data", {}).get("text/plain", "")
            parts.append("".join(text))
    return "\n".join(parts)


def record(level: str, outcomes: dict[str, str]) -> None:
    """Keep what was seen, for the table in SECURITY.md."""
    recorded = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    merged = recorded.get(level, {}) | outcomes
    recorded[level] = {name: merged[name] for name in sorted(merged)}
    RECORDED.write_text(json.dumps(recorded, indent=1, sort_keys=True) + "\n")


def token() -> str:
    return "c" + secrets.token_hex(8)
