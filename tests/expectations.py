"""Verdicts written by hand for a folder of submissions, and where results differ from them.

Beside the submissions, `.expected/<submission>.json` holds

* `about`: what the submission is there for;
* `status`, `faults` (kinds; left out: not compared), `score` (a number or [lowest, highest]; left out: not compared);
* `criteria`: outcome, or a list of outcomes between which careful people might differ, the fairest first;
  a criterion that is left out is not compared;
* `follow_through`: those that must be followed through: right but for an earlier mistake;
* `repeats`: the criterion where the same mistake must have been charged first, by criterion;
* `misconceptions`: slugs that must be named, by criterion ('*': on any);
* `also_misconceptions`: slugs that may be named as well; any other is a difference.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = ".expected"
KEYS = {
    "about", "status", "faults", "score", "criteria", "follow_through", "repeats", "misconceptions", "also_misconceptions",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Expectation:
    submission: str
    about: str
    status: str
    faults: tuple[str, ...] | None
    score: tuple[float, float] | None
    """Lowest and highest."""
    criteria: dict[str, tuple[str, ...]]
    follow_through: frozenset[str]
    repeats: dict[str, str]
    misconceptions: dict[str, frozenset[str]]
    also_misconceptions: frozenset[str]


@dataclass(frozen=True, slots=True)
class Difference:
    submission: str
    what: str
    """A criterion id, 'status', 'faults', 'score', 'misconceptions'."""
    expected: str
    got: str
    message: str = ""


def read(file: Path) -> Expectation:
    """Read one file; raises ValueError for an unknown key."""
    raw = json.loads(file.read_text(encoding="utf-8"))
    if unknown := raw.keys() - KEYS:
        raise ValueError(f"{file.name}: unknown {sorted(unknown)}")
    score = raw.get("score")
    return Expectation(
        submission=file.stem,
        about=raw["about"],
        status=raw["status"],
        faults=tuple(sorted(raw["faults"])) if "faults" in raw else None,
        score=None if score is None else (score[0], score[1]) if isinstance(score, list) else (score, score),
        criteria={c: (o,) if isinstance(o, str) else tuple(o) for c, o in raw["criteria"].items()},
        follow_through=frozenset(raw.get("follow_through", ())),
        repeats=raw.get("repeats", {}),
        misconceptions={c: frozenset(slugs) for c, slugs in raw.get("misconceptions", {}).items()},
        also_misconceptions=frozenset(raw.get("also_misconceptions", ())),
    )


def read_all(submissions: Path) -> dict[str, Expectation]:
    return {e.submission: e for e in map(read, sorted((submissions / FOLDER).glob("*.json")))}


def compare(expected: Expectation, got: dict[str, Any]) -> list[Difference]:
    """Differences of one entry of results.json's `submissions`."""
    found: list[Difference] = []

    def differ(what: str, wanted: object, seen: object, message: str = "") -> None:
        found.append(Difference(expected.submission, what, str(wanted), str(seen), message))

    if got["status"] != expected.status:
        differ("status", expected.status, got["status"])
    kinds = sorted({fault["kind"] for fault in got["faults"]})
    if expected.faults is not None and kinds != sorted(set(expected.faults)):
        differ("faults", list(expected.faults), kinds, "; ".join(fault["message"] for fault in got["faults"]))
    if expected.score is not None and not expected.score[0] - 1e-6 <= got["score"] <= expected.score[1] + 1e-6:
        differ("score", "–".join(f"{bound:g}" for bound in expected.score), got["score"])

    criteria = {criterion["id"]: criterion for task in got["tasks"] for criterion in task["criteria"]}
    for name, outcomes in expected.criteria.items():
        seen = criteria.get(name)
        if seen is None:
            differ(name, "/".join(outcomes), "not listed")
        elif seen["outcome"] not in outcomes:
            differ(name, "/".join(outcomes), seen["outcome"], seen["message"])
        elif name in expected.follow_through and not seen["follow_through"]:
            differ(name, "follow-through", "none", seen["message"])
        elif seen["repeats"] != expected.repeats.get(name, seen["repeats"]):
            differ(name, f"repeats {expected.repeats[name]}", seen["repeats"] or "none", seen["message"])

    for name, slugs in expected.misconceptions.items():
        seen_slugs = got["misconceptions"] if name == "*" else criteria.get(name, {}).get("misconceptions", [])
        if missing := slugs - set(seen_slugs):
            differ(name, f"names {', '.join(sorted(missing))}", ", ".join(seen_slugs) or "no misconception")
    allowed = expected.also_misconceptions.union(*expected.misconceptions.values())
    if extra := set(got["misconceptions"]) - allowed:
        where = [c["id"] for c in criteria.values() if extra & set(c["misconceptions"])]
        differ("misconceptions", ", ".join(sorted(allowed)) or "none", ", ".join(sorted(extra)), ", ".join(where))
    return found


def compare_all(expected: dict[str, Expectation], results: dict[str, Any]) -> list[Difference]:
    """Differences of a whole results.json."""
    got = {entry["id"]: entry for entry in results["submissions"]}
    strangers = [Difference(i, "submission", "not expected", "graded") for i in sorted(got.keys() - expected.keys())]
    missing = [Difference(i, "submission", "graded", "not found") for i in sorted(expected.keys() - got.keys())]
    compared = [d for i in sorted(expected.keys() & got.keys()) for d in compare(expected[i], got[i])]
    return strangers + missing + compared


def table(differences: list[Difference]) -> str:
    """The differences as aligned text, a line each."""
    rows = [("submission", "what", "expected", "got", "message")]
    rows += [(d.submission, d.what, d.expected, d.got, d.message) for d in differences]
    widths = [max(len(row[k]) for row in rows) for k in range(4)]
    return "\n".join("  ".join([*(row[k].ljust(widths[k]) for k in range(4)), row[4]]).rstrip() for row in rows)
