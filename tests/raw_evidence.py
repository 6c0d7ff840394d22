"""Recorder's folders, written as the recorder writes them: for tests of what reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from grader.wire.fingerprint import fingerprint

DENSE = {
    "style": "sequential",
    "input_shape": [784],
    "params": 7850,
    "trainable_params": 7850,
    "layers": [
        {
            "kind": "Dense",
            "name": "dense",
            "config": {"name": "dense", "trainable": True, "units": 10, "activation": "softmax", "use_bias": True},
            "output_shape": [10],
            "params": 7850,
            "trainable_params": 7850,
            "weights": 2,
            "stock": True,
            "inbound": [-1],
        }
    ],
}
COMPILED = {
    "optimizer": "SGD",
    "learning_rate": 0.01,
    "optimizer_config": {"name": "SGD", "use_ema": False},
    "loss": "sparse_categorical_crossentropy",
    "from_logits": False,
    "metrics": ["accuracy"],
}


class Recording:
    """A folder that grows as a kernel's would."""

    def __init__(self, folder: Path, *, started: bool = True) -> None:
        self.folder = folder
        (folder / "arrays").mkdir(parents=True)
        (folder / "weights").mkdir()
        self.file = folder / "events.jsonl"
        self.file.touch()
        self._seq = 0
        self._digests: set[str] = set()
        if started:
            self.event("start", cell=None, format=1, keras="3.15.1", tensorflow="2.21.0")

    def event(self, kind: str, /, *, cell: int | None = 1, stack: list[list[int]] | None = None, **facts: Any) -> None:
        event = {"seq": self._seq, "type": kind, "cell": cell, "stack": stack or [], **facts}
        self._seq += 1
        self.line(json.dumps(event).encode())

    def line(self, data: bytes) -> None:
        with self.file.open("ab") as file:
            file.write(data + b"\n")

    def array(self, array: np.ndarray[Any, Any]) -> str:
        facts, stored = fingerprint(array)
        digest: str = facts["digest"]
        if digest not in self._digests:
            self._digests.add(digest)
            file = f"arrays/{digest}.npz" if stored else None
            if file:
                np.savez(self.folder / file, allow_pickle=False, **stored)
            self.event("array", **facts, file=file)
        return digest

    def fit(self, number: int = 1, weights: list[np.ndarray[Any, Any]] | None = None, **changed: Any) -> None:
        name = f"weights/t{number}.npz" if weights else ""
        if weights:
            np.savez(self.folder / name, allow_pickle=False, **{f"w{i}": w for i, w in enumerate(weights)})
        facts = {
            "network": "n1",
            "id": f"t{number}",
            "architecture": DENSE,
            "compiled": COMPILED,
            "epochs": 1,
            "epochs_done": 1,
            "batch_size": 32,
            "x": None,
            "y": None,
            "validation_x": None,
            "validation_y": None,
            "validation_split": 0.0,
            "history": {"accuracy": [0.5]},
            "duration_s": 1.0,
            "error": "",
            "weights": name,
            "initial": "fresh",
            "started_seq": 0,
            "shared": False,
            "not_shared": "",
        }
        self.event("fit", **(facts | changed))


def small_official(seed: int = 0, train: int = 300, test: int = 100) -> Any:
    """((train_x, train_y), (test_x, test_y)) of random sparse images, shaped like the official ones."""
    rng = np.random.default_rng(seed)

    def images(n: int) -> np.ndarray[Any, Any]:
        return (rng.integers(1, 256, (n, 28, 28)) * (rng.random((n, 28, 28)) < 0.4)).astype(np.uint8)

    def labels(n: int) -> np.ndarray[Any, Any]:
        return rng.integers(0, 10, n).astype(np.uint8)

    return (images(train), labels(train)), (images(test), labels(test))
