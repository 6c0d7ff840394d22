"""Evidence on disk: `<submission>/evidence/evidence.json` and the trained weights beside it.

Everything is written anew from validated records and arrays; of a student's files no byte is copied, but for pictures
that a person may have to look at, which bear the ending of what they are. The same evidence gives the same bytes.
`evidence.json` is written last: while it is there, what it names is there too.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from grader.errors import EvidenceError
from grader.records import EVIDENCE_FORMAT, Evidence, SubmissionRef, Unreadable
from grader.system.atomic_files import atomic_write, remove
from grader.wire.npz import write_npz

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy as np

    from grader.rubric.schema import Limits

Stored = Evidence | Unreadable

FOLDER = "evidence"
FILE = "evidence.json"
_AGAIN = "`grade` runs this submission anew"
_ADAPTERS: dict[str, TypeAdapter[Any]] = {"evidence": TypeAdapter(Evidence), "unreadable": TypeAdapter(Unreadable)}


def save(stored: Stored, folder: Path, limits: Limits) -> None:
    """Store under `folder`/evidence what reading or running a submission found, within which limits.

    Weights that it names are there already, by `save_weights`; others go. Raises WriteError when the folder cannot be
    written.
    """
    kind = "evidence" if isinstance(stored, Evidence) else "unreadable"
    document = {
        "format": EVIDENCE_FORMAT,
        "kind": kind,
        "limits": limits.model_dump(mode="json"),
        "record": _writable(_ADAPTERS[kind].dump_python(stored, mode="json")),
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    atomic_write(folder / FOLDER / FILE, text.encode("utf-8", "replace") + b"\n")
    named = {training.weights for training in stored.trainings} if isinstance(stored, Evidence) else set()
    for file in (folder / FOLDER).glob("weights/*.npz"):
        if f"weights/{file.name}" not in named:
            remove(file)


def save_weights(arrays: Sequence[np.ndarray[Any, Any]], digest: str, folder: Path) -> str:
    """Store a network's weights under their `weights_digest`; gives the name that `Training.weights` holds.

    Raises WriteError.
    """
    name = f"weights/{digest}.npz"
    atomic_write(folder / FOLDER / name, write_npz({f"w{i}": array for i, array in enumerate(arrays)}))
    return name


def save_pictures(files: Iterable[tuple[int, str, bytes]], folder: Path) -> None:
    """Store the pictures that were handed in, as (position, ending, bytes); those of an earlier version go.

    Raises WriteError.
    """
    for old in (folder / FOLDER).glob("pictures/*"):
        remove(old)
    for number, ending, data in files:
        atomic_write(folder / FOLDER / "pictures" / f"{number}.{ending}", data)


def pictures(folder: Path) -> dict[int, Path]:
    """The stored pictures, by their positions."""
    return {int(file.stem): file for file in (folder / FOLDER).glob("pictures/*.*") if file.stem.isdecimal()}


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
    """Seconds that what is stored under `folder` ran, whichever version of the submission it is; None when not known.

    Only orders a queue: nothing else of the file is validated.
    """
    try:
        seconds = json.loads((folder / FOLDER / FILE).read_bytes())["record"]["duration_s"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return seconds if isinstance(seconds, float) else None


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
