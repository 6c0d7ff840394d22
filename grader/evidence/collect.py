"""Joins what a run left into `Evidence`: decoded, recognised, verified. Nothing here trusts a claim."""

from __future__ import annotations

import functools
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.datasets import fashion_mnist as data
from grader.datasets.identification import Identified, Official
from grader.evidence import events
from grader.evidence.claims import contradiction
from grader.evidence.decode import Changed, Doubt, RawEvidence, decode, read_weights
from grader.evidence.reader import Reader
from grader.records import (
    Architecture,
    Bridged,
    CellStatus,
    DataRef,
    Evaluation,
    Evidence,
    Fault,
    FaultKind,
    Loaded,
    Submission,
    Training,
    Verified,
)
from grader.training.verification import Prepared, Verifier
from grader.wire.files import Rejected
from grader.wire.fingerprint import PIXELS
from grader.wire.npz import weights_digest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.datasets.fashion_mnist import DataFiles
    from grader.evidence.run_result import RunResult

Array = np.ndarray[Any, Any]

VERIFY_S = 900.0
"""Longest time that all networks of one submission are measured for."""
_CUT_SHORT = {FaultKind.KERNEL_DIED, FaultKind.TIMEOUT, FaultKind.MEMORY, FaultKind.DISK}
"""After these, what the recorder wrote may be damaged with nobody to blame."""
_TRAINED = 0.5
"""Test accuracy that shows a network to have been given the images as assumed, when that is not known."""
_SCALED = (0.0, 1.0)


@functools.lru_cache(maxsize=1)
def official(files: DataFiles) -> Official:
    """The official data with their hashes, kept in memory."""
    return Official(data.load(files))


def collect(submission: Submission, run: RunResult, files: DataFiles, verifier: Verifier) -> Evidence:
    """All that a run left, with every trained network's accuracy as measured here.

    Takes seconds where networks are to be measured. Raises the grader's own errors only.
    """
    raw = decode(run.raw_evidence, run.seal)
    reader = Reader(raw, official(files), submission)
    measuring = _Measuring(reader, run, raw.files, verifier)
    trainings = measuring.all()
    claims = [fault for training in trainings if (fault := contradiction(training))]
    bounded = tuple(problem.message for problem in raw.problems if problem.doubt is Doubt.BOUNDED)
    return Evidence(
        submission=replace(submission, notes=submission.notes + bounded),
        sandbox=run.sandbox,
        cells=run.cells,
        loaded=tuple(Loaded(reader.place(e), e.dataset) for e in reader.of(events.Loaded)),
        networks=reader.networks(),
        trainings=trainings,
        evaluations=tuple(
            Evaluation(reader.place(e), e.network, reader.ref(e.x), e.accuracy) for e in reader.of(events.Evaluate)
        ),
        predictions=reader.predictions(),
        shown=reader.shown(),
        arrays=reader.arrays(),
        states=reader.states(),
        scalars=reader.scalars(),
        bridged=tuple(Bridged(reader.place(e), e.idiom, e.today) for e in reader.of(events.Bridged)),
        faults=(*run.faults, *_tampering(raw, run, measuring.forged), *_disturbed(reader), *claims),
        duration_s=run.duration_s,
    )


def _disturbed(reader: Reader) -> list[Fault]:
    """One fault at most: the first thing that the recorder saw being done to it, and how many more there are."""
    seen = reader.of(events.Tampered)
    if not seen:
        return []
    more = f" ({len(seen) - 1} more such findings)" if len(seen) > 1 else ""
    return [
        Fault(FaultKind.TAMPERED, reader.cell(seen[0]), f"The code works on its own recording: {seen[0].what}{more}")
    ]


def _tampering(raw: RawEvidence, run: RunResult, forged: Sequence[str]) -> list[Fault]:
    """One fault at most: the first thing that the recorder would not have written, and how many more there are."""
    cut_short = any(fault.kind in _CUT_SHORT for fault in run.faults)
    serious = {Doubt.FORGED} if cut_short else {Doubt.FORGED, Doubt.DAMAGED}
    found = [problem.message for problem in raw.problems if problem.doubt in serious]
    found += forged
    if not cut_short and not any(problem.doubt is Doubt.BOUNDED for problem in raw.problems):
        done = {cell.cell for cell in run.cells if cell.status is CellStatus.OK}
        found += [f"The recorder did not see the end of cell {cell}." for cell in sorted(done - raw.ended_cells)]
    if not found:
        return []
    more = f" ({len(found) - 1} more such findings)" if len(found) > 1 else ""
    return [Fault(FaultKind.TAMPERED, None, f"The record of this run fails its checks: {found[0]}{more}")]


class _Measuring:
    """Measures the networks of one run."""

    def __init__(self, reader: Reader, run: RunResult, files: dict[str, str] | None, verifier: Verifier) -> None:
        self.forged: list[str] = []
        """What was found wrong with the stored weights."""
        self._reader = reader
        self._files = files
        self._raw = run.raw_evidence
        self._shared = run.shared
        self._verifier = verifier
        self._left_s = VERIFY_S
        self._seen: dict[str, list[DataRef]] = {}
        """Images that each network was given otherwise than in training."""
        used: list[events.Evaluate | events.Predict] = [*reader.of(events.Evaluate), *reader.of(events.Predict)]
        for event in used:
            if ref := reader.ref(event.x):
                self._seen.setdefault(event.network, []).append(ref)

    def all(self) -> tuple[Training, ...]:
        xs = {event.id: event.x for event in self._reader.of(events.Fit)}
        return tuple(self._one(training, xs[training.id]) for training in self._reader.trainings())

    def _one(self, training: Training, x: str | None) -> Training:
        if not training.weights:
            return replace(training, verified=Verified(None, None, "Its weights were not stored."))
        try:
            weights = read_weights(self._raw, training.weights, self._files)
        except Rejected as rejected:
            if isinstance(rejected, Changed):
                self.forged.append(f"{rejected}.")
            reason = f"Its weights could not be read: {rejected}."
            return replace(training, weights="", verified=Verified(None, None, reason))
        started = time.monotonic()
        verified = self._measure(training, x, weights)
        self._left_s -= time.monotonic() - started
        digest = weights_digest(weights)
        return replace(training, weights_digest=digest, verified=verified, shared=digest in self._shared)

    def _measure(self, training: Training, x: str | None, weights: Sequence[Array]) -> Verified:
        if self._left_s <= 0:
            return Verified(None, None, f"Measuring the networks before it took longer than {VERIFY_S:g} seconds.")
        rows = np.arange(self._reader.official.train)  # what it was trained on is not always seen
        if known := self._reader.recognised(x):
            rows = found if len(found := _training_rows(known, self._reader.official)) else rows
        given = [ref for ref in (training.x, training.validation_x, *self._seen.get(training.network, ())) if ref]
        exact = next((ref for ref in given if ref.kind == "images" and ref.exact), None)
        if exact is not None and exact.lo is not None and exact.hi is not None:
            prepared = Prepared(_item_shape(training.architecture, exact), exact.lo, exact.hi)
            return self._plausible(training, self._verifier.verify(training.architecture, weights, prepared, rows))
        if training.x is not None:
            return Verified(None, None, _why_not(training.x))
        prepared = Prepared(_item_shape(training.architecture, None), *_SCALED)
        verified = self._verifier.verify(training.architecture, weights, prepared, rows)
        if verified.test_accuracy is None or verified.test_accuracy >= _TRAINED:
            return verified
        return Verified(None, None, "It is not known how the images were prepared that it was trained on.")

    def _plausible(self, training: Training, verified: Verified) -> Verified:
        """A subclassed network may do more than its layers say: a figure far below its own claims is none."""
        if training.architecture.style != "subclassed" or verified.test_accuracy is None:
            return verified
        claims = [v[-1] for name, v in training.history.items() if "acc" in name and v]
        if claims and verified.test_accuracy < min(claims) - 0.1:
            return Verified(None, None, "Its `call` seems to do more than apply its layers in order.")
        return verified


def _training_rows(images: Identified, official: Official) -> Array:
    return images.rows[(images.rows >= 0) & (images.rows < official.train)]


def _item_shape(architecture: Architecture, ref: DataRef | None) -> tuple[int, ...]:
    """Shape of one image as the network takes it: Keras adds or drops an axis of 1 where they differ."""
    own = architecture.input_shape
    if own is not None and math.prod(whole := [n for n in own if n is not None]) == PIXELS and len(whole) == len(own):
        return tuple(whole)
    return ref.shape[1:] if ref else (PIXELS,)


def _why_not(x: DataRef) -> str:
    if x.kind != "images":
        return "It was not trained on images of 28 × 28 values."
    if not x.train_rows and not x.test_rows:
        return "The images that it was trained on are not the official ones, or were changed."
    return "The images that it was trained on were changed in a way that cannot be repeated here."
