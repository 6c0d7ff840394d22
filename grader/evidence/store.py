"""Evidence on disk: `<submission>/evidence/evidence.json` and the trained weights beside it.

Everything is written anew from validated records and arrays; no byte of a student's files is copied. The same
evidence gives the same bytes. `evidence.json` is written last: while it is there, what it names is there too.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from grader.errors import EvidenceError
from grader.evidence.decode import read_weights
from grader.records import EVIDENCE_FORMAT, Evidence, SubmissionRef, Unreadable
from grader.system.atomic_files import atomic_write, remove
from grader.wire.files import PinnedFolder, Rejected
from grader.wire.npz import weights_digest, write_npz

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from grader.rubric.schema import Limits

Stored = Evidence | Unreadable

FOLDER = "evidence"
FILE = "evidence.json"
_AGAIN = "`grade` runs this submission anew"
_ADAPTERS: dict[str, TypeAdapter[Any]] = {"evidence": TypeAdapter(Evidence), "unreadable": TypeAdapter(Unreadable)}


def save(stored: Stored, folder: Path, limits: Limits, *, weights_from: PinnedFolder | None = None) -> None:
    """Store under `folder`/evidence what reading or running a submission found, within which limits.

    `weights_from` is the recorder's folder; weights whose digest is no longer the verified one are left out.
    Raises WriteError when the folder cannot be written.
    """
    target = folder / FOLDER
    kept: set[str] = set()
    if isinstance(stored, Evidence):
        stored, kept = _with_weights(stored, target, weights_from)
    kind = "evidence" if isinstance(stored, Evidence) else "unreadable"
    document = {
        "format": EVIDENCE_FORMAT,
        "kind": kind,
        "limits": limits.model_dump(mode="json"),
        "record": _writable(_ADAPTERS[kind].dump_python(stored, mode="json")),
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    atomic_write(target / FILE, text.encode("utf-8", "replace") + b"\n")
    for old in (target / "weights").glob("*.npz"):
        if old.name not in kept:
            remove(old)


def load(folder: Path) -> Stored:
    """What `save` stored under `folder`. Raises EvidenceError, saying what to do, where it is not whole."""
    return _read(folder)[0]


def reusable(folder: Path, ref: SubmissionRef, limits: Limits) -> Stored | None:
    """What an earlier run stored of the very same submission within the same limits, under today's `ref`; else None.

    Raises EvidenceError where something is stored that is not whole.
    """
    if not os.path.lexists(folder / FOLDER / FILE):
        return None
    stored, within = _read(folder)
    earlier = stored.submission.ref if isinstance(stored, Evidence) else stored.ref
    if not ref.sha256 or earlier.sha256 != ref.sha256 or within != limits.model_dump(mode="json"):
        return None
    if isinstance(stored, Unreadable):
        return replace(stored, ref=ref)
    for file in {training.weights for training in stored.trainings if training.weights}:
        if not (folder / FOLDER / file).is_file():
            raise EvidenceError(f"{folder / FOLDER / file} is missing: {_AGAIN}.")
    return replace(stored, submission=replace(stored.submission, ref=ref))


def duration_s(folder: Path) -> float | None:
    """How long what is stored under `folder` ran, whichever version of the submission it is; None when not known."""
    try:
        stored = load(folder)
    except EvidenceError:
        return None
    return stored.duration_s if isinstance(stored, Evidence) else None


def stored_folders(out: Path) -> list[Path]:
    """The submissions' folders under a report folder that hold evidence, in order of their names."""
    return sorted(file.parent.parent for file in out.glob(f"*/{FOLDER}/{FILE}"))


def _read(folder: Path) -> tuple[Stored, Any]:
    file = folder / FOLDER / FILE
    try:
        document = json.loads(file.read_bytes())
        version, kind, limits = document["format"], document["kind"], document["limits"]
        if version != EVIDENCE_FORMAT:
            raise EvidenceError(f"{file} has format {version}, this grader reads {EVIDENCE_FORMAT}: {_AGAIN}.")
        return _ADAPTERS[kind].validate_python(document["record"]), limits
    except OSError as problem:
        raise EvidenceError(f"{file} cannot be read ({problem.strerror}): {_AGAIN}.") from problem
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise EvidenceError(f"{file} is damaged ({place}: {first['msg']}): {_AGAIN}.") from problem
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise EvidenceError(f"{file} is damaged: {_AGAIN}.") from problem


def _with_weights(evidence: Evidence, target: Path, raw: PinnedFolder | None) -> tuple[Evidence, set[str]]:
    """The evidence with its weights named as they are stored, by content; and the names of those files."""
    kept: set[str] = set()
    trainings = []
    for training in evidence.trainings:
        name = f"{training.weights_digest}.npz" if training.weights and training.weights_digest else ""
        if name and name not in kept:
            data = _weights(target, name, training.weights, raw, training.weights_digest)
            if data is None:
                name = ""
            else:
                atomic_write(target / "weights" / name, data)
                kept.add(name)
        trainings.append(replace(training, weights=f"weights/{name}" if name else ""))
    return replace(evidence, trainings=tuple(trainings)), kept


def _weights(target: Path, name: str, source: str, raw: PinnedFolder | None, digest: str) -> bytes | None:
    """The bytes to store: the recorder's arrays written anew, or what is stored already."""
    sources: list[tuple[Callable[[], PinnedFolder], str]] = [(lambda: PinnedFolder(target), f"weights/{name}")]
    if raw is not None:
        sources.insert(0, (lambda: raw, source))
    for opened, file in sources:
        try:
            arrays = read_weights(opened(), file)
        except Rejected:
            continue
        if weights_digest(arrays) == digest:
            return write_npz({f"w{i}": array for i, array in enumerate(arrays)})
    return None


def _writable(value: Any) -> Any:
    """JSON has no NaN: written as the strings that are read back as those numbers."""
    match value:
        case float() if not math.isfinite(value):
            return repr(value)
        case list():
            return [_writable(item) for item in value]
        case dict():
            return {key: _writable(item) for key, item in value.items()}
    return value
