"""Joins what a run left into `Evidence`: decoded, recognised, verified. Nothing here trusts a claim."""

from __future__ import annotations

import functools
import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from grader.datasets import fashion_mnist
from grader.datasets.identification import Identifier
from grader.evidence import events, store
from grader.evidence.claims import contradiction
from grader.evidence.decode import Changed, Doubt, RawEvidence, decode, read_weights
from grader.evidence.interpret import Interpreter
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
    from pathlib import Path

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
_FAR_BELOW = 0.1
"""A subclassed network is measured this much below all that it claims: then its layers are not all that it does."""


@functools.lru_cache(maxsize=1)
def official(files: DataFiles) -> Identifier:
    """The official data with their hashes, kept in memory."""
    return Identifier(fashion_mnist.load(files))


def collect(submission: Submission, run: RunResult, files: DataFiles, verifier: Verifier, folder: Path) -> Evidence:
    """All that a run left, with every trained network's accuracy as measured here.

    Takes seconds where networks are to be measured. Their weights, read once, are stored under `folder` meanwhile.
    Raises the grader's own errors only.
    """
    raw = decode(run.raw_evidence, run.record_key)
    interpreter = Interpreter(raw, official(files), submission)
    networks = _TrainedNetworks(interpreter, run, raw.files, verifier, folder)
    trainings = networks.verified()
    claims = [fault for training in trainings if (fault := contradiction(training))]
    bounded = tuple(problem.message for problem in raw.problems if problem.doubt is Doubt.BOUNDED)
    return Evidence(
        submission=replace(submission, notes=submission.notes + bounded),
        sandbox=run.sandbox,
        cells=run.cells,
        loaded=tuple(Loaded(interpreter.place(e), e.dataset) for e in interpreter.of(events.Loaded)),
        networks=interpreter.networks(),
        trainings=trainings,
        evaluations=tuple(
            Evaluation(interpreter.place(e), e.network, interpreter.ref(e.x), e.accuracy)
            for e in interpreter.of(events.Evaluate)
        ),
        predictions=interpreter.predictions(),
        shown=interpreter.shown(),
        arrays=interpreter.arrays(),
        states=interpreter.states(),
        scalars=interpreter.scalars(),
        bridged=tuple(Bridged(interpreter.place(e), e.idiom, e.today) for e in interpreter.of(events.Bridged)),
        faults=(*run.faults, *_damaged(raw, run, networks.forged), *_disturbed(interpreter), *claims),
        unrecorded=bounded,
        duration_s=run.duration_s,
    )


def _disturbed(interpreter: Interpreter) -> list[Fault]:
    """What the recorder saw being done to it."""
    seen = interpreter.of(events.Tampered)
    cell = interpreter.cell(seen[0]) if seen else None
    return _tampered(cell, "The code works on its own recording", [event.what for event in seen])


def _damaged(raw: RawEvidence, run: RunResult, forged: Sequence[str]) -> list[Fault]:
    """What the recorder would not have written."""
    cut_short = any(fault.kind in _CUT_SHORT for fault in run.faults)
    serious = {Doubt.FORGED} if cut_short else {Doubt.FORGED, Doubt.DAMAGED}
    findings = [problem.message for problem in raw.problems if problem.doubt in serious]
    findings += forged
    if not cut_short and not any(problem.doubt is Doubt.BOUNDED for problem in raw.problems):
        done = {cell.cell for cell in run.cells if cell.status is CellStatus.OK}
        findings += [f"The recorder did not see the end of cell {cell}." for cell in sorted(done - raw.ended_cells)]
    return _tampered(None, "The record of this run fails its checks", findings)


def _tampered(cell: int | None, sentence: str, findings: Sequence[str]) -> list[Fault]:
    """One fault at most: the first finding, and how many more there are."""
    if not findings:
        return []
    more = f" ({len(findings) - 1} more such findings)" if len(findings) > 1 else ""
    return [Fault(FaultKind.TAMPERED, cell, f"{sentence}: {findings[0]}{more}")]


class _TrainedNetworks:
    """Reads the weights that each training of a run left, measures them, and stores them."""

    def __init__(
        self, interpreter: Interpreter, run: RunResult, digests: dict[str, str] | None, verifier: Verifier, folder: Path
    ) -> None:
        """`digests`: those of the recorder's files, as `RawEvidence.files` has them."""
        self.forged: list[str] = []
        """What was found wrong with the weights."""
        self._interpreter = interpreter
        self._run = run
        self._digests = digests
        self._verifier = verifier
        self._folder = folder
        self._left_s = VERIFY_S
        self._stored: dict[str, str] = {}
        """Names of stored weights by their digest."""
        self._used: dict[str, list[DataRef]] = {}
        """Images that each network was given otherwise than in training."""
        uses: list[events.Evaluate | events.Predict] = [
            *interpreter.of(events.Evaluate),
            *interpreter.of(events.Predict),
        ]
        for event in uses:
            if ref := interpreter.ref(event.x):
                self._used.setdefault(event.network, []).append(ref)

    def verified(self) -> tuple[Training, ...]:
        """Every training with the accuracies of its weights as measured here, or why they were not."""
        fits = zip(self._interpreter.trainings(), self._interpreter.of(events.Fit), strict=True)
        return tuple(self._verified(training, fit.x) for training, fit in fits)

    def _verified(self, training: Training, x: str | None) -> Training:
        if not training.weights:
            return replace(training, verified=Verified(None, None, "Its weights were not stored."))
        try:
            weights = read_weights(self._run.raw_evidence, training.weights, self._digests)
        except Rejected as rejected:
            if isinstance(rejected, Changed):
                self.forged.append(f"{rejected}.")
            reason = f"Its weights could not be read: {rejected}."
            return replace(training, weights="", verified=Verified(None, None, reason))
        started = time.monotonic()
        verified = self._measure(training, x, weights)
        self._left_s -= time.monotonic() - started
        digest = weights_digest(weights)
        if digest not in self._stored:
            self._stored[digest] = store.save_weights(weights, digest, self._folder)
        return replace(
            training,
            weights=self._stored[digest],
            weights_digest=digest,
            verified=verified,
            shared=digest in self._run.shared,
        )

    def _measure(self, training: Training, x: str | None, weights: Sequence[Array]) -> Verified:
        if self._left_s <= 0:
            return Verified(None, None, f"Measuring the networks before it took longer than {VERIFY_S:g} seconds.")
        official = self._interpreter.official
        rows = np.arange(official.train_rows)  # what it was trained on is not always seen
        if images := self._interpreter.identified(x):
            trained_on = images.rows[(images.rows >= 0) & (images.rows < official.train_rows)]
            rows = trained_on if len(trained_on) else rows
        given = [ref for ref in (training.x, training.validation_x, *self._used.get(training.network, ())) if ref]
        exact = next((ref for ref in given if ref.kind == "images" and ref.exact), None)
        if exact is not None and exact.lo is not None and exact.hi is not None:
            prepared = Prepared(_item_shape(training.architecture, exact), exact.lo, exact.hi)
            return _plausible(training, self._verifier.verify(training.architecture, weights, prepared, rows))
        if training.x is not None:
            return Verified(None, None, _why_not(training.x))
        prepared = Prepared(_item_shape(training.architecture, None), *_SCALED)
        verified = self._verifier.verify(training.architecture, weights, prepared, rows)
        if verified.test_accuracy is None or verified.test_accuracy >= _TRAINED:
            return verified
        return Verified(None, None, "It is not known how the images were prepared that it was trained on.")


def _plausible(training: Training, verified: Verified) -> Verified:
    """A subclassed network may do more than its layers say: a figure far below its own claims is none."""
    if training.architecture.style != "subclassed" or verified.test_accuracy is None:
        return verified
    claims = [values[-1] for name, values in training.history.items() if "acc" in name and values]
    if claims and verified.test_accuracy < min(claims) - _FAR_BELOW:
        return Verified(None, None, "Its `call` seems to do more than apply its layers in order.")
    return verified


def _item_shape(architecture: Architecture, ref: DataRef | None) -> tuple[int, ...]:
    """Shape of one image as the network takes it: Keras adds or drops an axis of 1 where they differ."""
    shape = architecture.input_shape or ()
    sizes = tuple(size for size in shape if size is not None)
    if math.prod(sizes) == PIXELS and len(sizes) == len(shape):
        return sizes
    return ref.shape[1:] if ref else (PIXELS,)


def _why_not(x: DataRef) -> str:
    if x.kind != "images":
        return "It was not trained on images of 28 × 28 values."
    if not x.train_rows and not x.test_rows:
        return "The images that it was trained on are not the official ones, or were changed."
    return "The images that it was trained on were changed in a way that cannot be repeated here."
