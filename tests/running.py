"""Runs small notebooks in real kernels, on a data set small enough to be quick."""

from __future__ import annotations

import gzip
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from grader.datasets.fashion_mnist import KERAS_NAMES
from grader.evidence.decode import read_weights
from grader.evidence.run_result import RunResult
from grader.execution.run import RunSettings, run_submission
from grader.records import Cell, CellKind, CellRun, Fault, Submission, SubmissionRef
from grader.sandbox import Bounds, choose

LEVEL = choose("auto").name
"""What this machine offers; every level has its own tests."""
TRAIN, TEST = 640, 128
"""Items of the small data set."""


def small_data(folder: Path) -> Path:
    """Four files like Fashion-MNIST's, with random pictures; class 0 is bright above, the others below."""
    random = np.random.Generator(np.random.PCG64(1))
    folder.mkdir(parents=True, exist_ok=True)
    for part, rows in (("train", TRAIN), ("t10k", TEST)):
        labels = random.integers(0, 10, rows).astype(np.uint8)
        images = random.integers(0, 120, (rows, 28, 28)).astype(np.uint8)
        images[labels == 0, :14] += 130
        for name in KERAS_NAMES:
            if name.startswith(part):
                many = images if "images" in name else labels
                header = struct.pack(f">{1 + many.ndim}I", 2048 + many.ndim, *many.shape)
                (folder / name).write_bytes(gzip.compress(header + many.tobytes(), 1))
    return folder


def submission(
    *sources: str, script: bool = False, root: Path = Path(), companions: tuple[str, ...] = ()
) -> Submission:
    ref = SubmissionRef("s", "s", root / ("s.py" if script else "s.ipynb"), root, tuple(map(Path, companions)))
    cells = tuple(Cell(index, CellKind.CODE, source) for index, source in enumerate(sources))
    return Submission(ref, cells, is_script=script)


@dataclass(frozen=True)
class Ran:
    """A run and what its recorder wrote."""

    result: RunResult
    events: tuple[dict[str, Any], ...]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]

    def cell(self, index: int) -> CellRun:
        return next(cell for cell in self.result.cells if cell.cell == index)

    def faults(self, index: int) -> list[Fault]:
        return [fault for fault in self.result.faults if fault.cell == index]

    def idioms(self, index: int) -> set[str]:
        return {event["idiom"] for event in self.of("bridged") if event["cell"] == index}

    def array(self, digest: str) -> dict[str, Any]:
        return next(event for event in self.of("array") if event["digest"] == digest)

    def weights(self, training: str) -> list[np.ndarray[Any, Any]]:
        return list(read_weights(self.result.raw_evidence, f"weights/{training}.npz"))


def run(given: Submission, folder: Path, *, memory_mib: int = 4096, **limits: Any) -> Ran:
    """Run in `folder`/scratch on the small data set."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True)
    settings = RunSettings(
        data_directory=small_data(folder / "data"), bounds=Bounds(memory_mib=memory_mib), sandbox=LEVEL, **limits
    )
    result = run_submission(given, scratch, settings, lambda _: None)
    lines = result.raw_evidence.read("events.jsonl", 64 << 20).splitlines()
    return Ran(result, tuple(json.loads(line) for line in lines))
