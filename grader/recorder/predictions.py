"""What networks predicted: images and the class of each. Single predictions of one place are joined to one event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .hooks import quietly
from .inputs import as_array, unpack
from .networks import Network, Networks
from .record import Recorder

_PENDING_ROWS = 20_000
"""Rows of single predictions that are held back to be written as one."""
_SINGLE = 256
"""Predictions of at most so many rows are joined with the next of the same place."""


@dataclass
class _Pending:
    """Single predictions that wait for more of their kind."""

    network: Network
    stack: list[list[int]]
    images: list[Any] = field(default_factory=list)
    labels: list[Any] = field(default_factory=list)
    rows: int = 0

    def add(self, images: Any, labels: Any) -> None:
        self.images.append(images.copy())
        self.labels.append(labels)
        self.rows += len(images)

    def accepts(self, network: Network, stack: list[list[int]], images: Any) -> bool:
        """Whether a prediction is of their kind, and there is room for it."""
        last = self.images[-1]
        alike = last.shape[1:] == images.shape[1:] and last.dtype == images.dtype
        return self.network is network and self.stack == stack and alike and self.rows <= _PENDING_ROWS


class Predictions:
    """Writes predictions, single ones when another event or another kind of prediction follows."""

    def __init__(self, recorder: Recorder, networks: Networks) -> None:
        self._recorder = recorder
        self._networks = networks
        self._pending: _Pending | None = None
        self._written = 0
        recorder.before_emit.append(self._flush)

    def note(self, model: Any, x: Any, result: Any) -> None:
        """A network's scores, or whatever else it gave for `x`."""
        network = self._networks.known(model)
        with self._recorder:
            images, _, _ = quietly(unpack)(x) or (None, None, None)
            scores = quietly(as_array)(result)
        stack = self._recorder.stack()
        labels = None
        if scores is not None and scores.ndim >= 2 and scores.size == len(scores) * scores.shape[-1] > len(scores):
            labels = scores.reshape(len(scores), -1).argmax(axis=1).astype(np.int16)
        if images is None or labels is None or len(images) != len(labels) or len(images) > _SINGLE:
            self._write(network, stack, images, labels)
            return
        if self._pending is None or not self._pending.accepts(network, stack, images):
            self._flush()
            self._pending = _Pending(network, stack)
        self._pending.add(images, labels)

    def _flush(self) -> None:
        """Write those that were held back, as one."""
        pending, self._pending = self._pending, None
        if pending is not None:
            write = quietly(self._write)
            write(pending.network, pending.stack, np.concatenate(pending.images), np.concatenate(pending.labels))

    def _write(self, network: Network, stack: list[list[int]], images: Any, labels: Any) -> None:
        digest = self._recorder.array(images) if images is not None else None
        file = None
        if labels is not None:
            self._written += 1
            file = f"arrays/p{self._written}.npz"
            if not self._recorder.save(file, {"labels": labels}):
                file = None
        self._recorder.emit("predict", stack, network=network.id, x=digest, labels=file)
