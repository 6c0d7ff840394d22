"""The networks that student code makes: what each is, was compiled with, and whether its weights moved.

Names mean nothing: a network is known by its object, held until the cell that used it ends.
"""

from __future__ import annotations

import hashlib
import json
import weakref
from typing import Any

import numpy as np

from .architecture import architecture, parameters, weights_in_order
from .compiled import compiled_facts
from .hooks import quietly
from .record import Recorder

PARAMETERS = 50_000_000
"""Largest network whose weights are stored."""
_WATCHED = 5_000_000
"""Largest network whose weights are looked at after each cell."""


class Network:
    """What is known of one model object."""

    def __init__(self, number: int, model: Any) -> None:
        self.id = f"n{number}"
        self.model = weakref.ref(model)
        self.loss: Any = None
        self.metrics: Any = None
        self.described = ""
        """Digest of the architecture that was written last."""
        self.weights: str | None = None
        """Digest of the weights when they were looked at last."""
        self.trained = False
        self.outside: str | None = None
        """Digest of the weights that the trainer left."""
        self.by_hand: list[list[int]] | None = None
        """Where it was trained without `fit` in this cell."""
        self.functions: tuple[Any, Any] = (None, None)
        """Compiled training and test functions of the faster kind (see `speed`)."""


class Networks:
    """All networks of this kernel, and whether their weights came about here, by `fit`, by hand or from elsewhere."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self._all: dict[int, Network] = {}
        self._count = 0
        self._trainings = 0
        self._used: dict[int, Any] = {}
        """Models that this cell used, kept alive until it ends."""
        self.weights_set = False
        """Whether weights were put in by hand or from a file in this cell."""
        self._assigned: weakref.WeakSet[Any] = weakref.WeakSet()
        """Layers and models whose weights student code set."""
        self._came_about: set[str] = set()
        """Digests of weights as they were drawn, or trained, here."""
        self._put_in: set[str] = set()
        """Digests of weights that came from elsewhere."""
        self.touched: dict[int, list[list[int]]] = {}
        """id of a variable that an optimizer changed outside `fit` → where."""

    def known(self, model: Any) -> Network:
        """The record of a model; a new one is announced."""
        network = self._all.get(id(model))
        if network is None or network.model() is not model:
            self._count += 1
            network = self._all[id(model)] = Network(self._count, model)
            facts = self.describe(model)[0]
            network.described = _digest(facts)
            self.recorder.emit("built", network=network.id, architecture=facts)
            network.weights = self._weights_digest(model)
            self._origin(network)
        self._used[id(model)] = model
        return network

    def describe(self, model: Any) -> tuple[dict[str, Any], list[Any]]:
        """As `architecture`, without being recorded itself."""
        with self.recorder:
            return architecture(model)

    def sync(self, network: Network, model: Any, stack: list[list[int]] | None = None) -> dict[str, Any]:
        """Write the architecture if it changed; returns it."""
        facts, _ = self.describe(model)
        digest = _digest(facts)
        if digest != network.described:
            network.described = digest
            self.recorder.emit("final", stack, network=network.id, architecture=facts)
        return facts

    def next_training(self) -> str:
        """A name for a training: 't1', 't2', …"""
        self._trainings += 1
        return f"t{self._trainings}"

    @quietly
    def save_weights(self, model: Any, training: str) -> str | None:
        """Store the weights in the order of the architecture's layers; the file's name, none when there are none."""
        _, layers = self.describe(model)
        variables = weights_in_order(model, layers)
        if not variables or parameters(variables) > PARAMETERS:
            return None
        name = f"weights/{training}.npz"
        arrays = {f"w{i}": np.asarray(v.numpy()) for i, v in enumerate(variables)}
        return name if self.recorder.save(name, arrays) else None

    def moved(self, network: Network, model: Any) -> bool:
        """Whether the weights are others than when they were looked at last (and look at them).

        Another set of weights is a network that grew, not one that learnt.
        """
        before, now = network.weights, self._weights_digest(model)
        network.weights = now
        return None not in {before, now} and before != now and str(before).split()[0] == str(now).split()[0]

    def put_in(self, network: Network) -> bool:
        """Whether the weights that were looked at last come from elsewhere: by hand or from a file, never seen here."""
        self._origin(network)
        return network.weights in self._put_in

    def assign(self, layer: Any) -> None:
        """Note that student code set the weights of a layer or model, by hand or from a file."""
        self.weights_set = True
        self._assigned.add(layer)

    def assigned(self, model: Any) -> bool:
        """Whether student code ever set weights of this model or of a layer of it."""
        return any(layer in self._assigned for layer in quietly(model._flatten_layers)() or ())

    def _origin(self, network: Network) -> None:
        if network.weights is not None and network.weights not in self._came_about:
            (self._put_in if self.weights_set else self._came_about).add(network.weights)

    @quietly
    def _weights_digest(self, model: Any) -> str | None:
        variables = model.weights if getattr(model, "built", False) else []
        if not variables or parameters(variables) > _WATCHED:
            return None
        hasher = hashlib.blake2b(digest_size=16)
        for variable in variables:
            # `numpy()` of a variable copies twice more, and each cell looks at every network.
            hasher.update(np.ascontiguousarray(variable.value.value()).data)
        return f"{'+'.join('x'.join(map(str, v.shape)) for v in variables)} {hasher.hexdigest()}"

    def trained_outside(self, network: Network, model: Any) -> bool:
        """Whether its weights are still those that the trainer left."""
        return network.outside is not None and network.outside == self._weights_digest(model)

    def trained_with(self, network: Network, model: Any, *, outside: bool) -> None:
        """Look at the weights anew after a training, also those of networks that share some with it."""
        self.moved(network, model)
        network.outside = network.weights if outside else None
        if network.weights is not None:
            self._came_about.add(network.weights)
        own = _variables(model)
        for other, shared in self._alive():
            if other is not network and own & _variables(shared):
                other.trained = True
                self.moved(other, shared)

    def _alive(self) -> list[tuple[Network, Any]]:
        return [(network, model) for network in self._all.values() if (model := network.model()) is not None]

    # -------------------------------------------------- at the end of a cell

    def end_cell(self) -> None:
        """Write trainings without `fit` and architectures that changed; let go of the networks nobody holds."""
        quietly(self._trained_by_hand)()
        for network, model in self._alive():
            quietly(self.sync)(network, model, [])
        self.weights_set = False
        self.touched.clear()
        self._used.clear()
        self._all = {key: network for key, network in self._all.items() if network.model() is not None}

    def _trained_by_hand(self) -> None:
        """A loop of the student's own leaves a training without epochs: only its weights are known."""
        found: list[tuple[Network, Any, list[list[int]]]] = []
        for network, model in self._alive():
            where = network.by_hand
            network.by_hand = None
            if where is None and self.touched:
                where = quietly(self._touched)(model)
            moved = self.moved(network, model)
            self._origin(network)
            if where is not None or (moved and not self.weights_set):
                found.append((network, model, where or []))
        for network, model, where in found:
            own = _variables(model)
            if not any(own < _variables(other) for _, other, _ in found):  # a part of what was trained
                quietly(self._write_training)(network, model, where)

    def _touched(self, model: Any) -> list[list[int]] | None:
        """Where an optimizer changed it outside `fit`."""
        return next((self.touched[id(v)] for v in model.trainable_variables if id(v) in self.touched), None)

    def _write_training(self, network: Network, model: Any, where: list[list[int]]) -> None:
        training = self.next_training()
        facts, _ = self.describe(model)
        with self.recorder:
            self.recorder.emit(
                "fit",
                where,
                network=network.id,
                id=training,
                architecture=facts,
                compiled=compiled_facts(model, network.loss, network.metrics),
                epochs=0,
                epochs_done=0,
                batch_size=None,
                x=None,
                y=None,
                validation_x=None,
                validation_y=None,
                validation_split=0.0,
                history={},
                duration_s=0.0,
                error="",
                weights=self.save_weights(model, training) or "",
                initial="continued" if network.trained else "fresh",
                started_seq=self.recorder.seq,
                shared=False,
                not_shared="the code trains by a loop of its own",
                unreadable=[],
            )
        network.trained = True
        network.described = _digest(facts)


def _variables(model: Any) -> set[int]:
    return {id(variable) for variable in quietly(getattr)(model, "weights", None) or []}


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()
