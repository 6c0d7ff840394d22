"""A training is the same wherever it is done: in the notebook, by the trainer, from the cache."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from running import LEVEL, submission

from grader.datasets.fashion_mnist import provide_data
from grader.evidence import store
from grader.evidence.decode import decode, read_weights
from grader.evidence.run_result import RunResult
from grader.execution.run import RunSettings, run_submission
from grader.records import Evidence
from grader.system.slots import Slots
from grader.training.cache import Cache
from grader.training.single_flight import SingleFlight
from grader.training.trainer import Trainer
from grader.training.workers import Workers
from grader.wire.message import Message
from grader.wire.npz import weights_digest
from grader.wire.recipe import Refused

pytestmark = pytest.mark.xdist_group("shared")  # one worker runs the notebooks of all its tests

BEGIN = """
import os
os.environ['TF_ENABLE_ONEDNN_OPTS'] = '0'  # does not matter
import keras, numpy as np
from keras import layers as L
(x, y), (u, v) = keras.datasets.fashion_mnist.load_data()
x, y, u, v = x[:1000] / 255.0, y[:1000], u[:300] / 255.0, v[:300]
flat, test = x.reshape(-1, 784), u.reshape(-1, 784)

def net(*layers, optimizer='sgd', shape=(784,), **more):
    model = keras.Sequential([L.Input(shape), *layers, L.Dense(10, activation='softmax')])
    model.compile(optimizer, loss='sparse_categorical_crossentropy', metrics=['accuracy'], **more)
    return model

def show(model, history=None):
    if history is not None:
        print(history.epoch, history.params, {k: [float(n) for n in v] for k, v in history.history.items()})
    print(int(model.optimizer.iterations.numpy()), [float(np.abs(w).sum()) for w in model.get_weights()])
    print([float(np.abs(v.numpy()).sum()) for v in model.optimizer.variables])
"""
FITS = {
    "plain": "m = net(L.Dense(8, activation='relu'))\nshow(m, m.fit(flat, y, epochs=2, validation_data=(test, v), verbose=0))",
    "continued": "show(m, m.fit(flat, y, epochs=3, initial_epoch=1, batch_size=50, verbose=0))",
    "again": "m = net(L.Dense(8, activation='relu'))\nshow(m, m.fit(flat, y, epochs=2, validation_data=(test, v), verbose=0))",
    "used": "print(m.evaluate(test, v, verbose=0), m.predict(test[:5], verbose=0).tolist())",
    "split": "m = net()\nshow(m, m.fit(flat, y, validation_split=0.25, epochs=2, verbose=0, shuffle=False))",
    "changed places": "flat[[3, 4]] = flat[[4, 3]]\nm = net()\nshow(m, m.fit(flat, y, verbose=0))\nflat[[3, 4]] = flat[[4, 3]]",
    "adam": "m = net(L.Dropout(0.5), L.Dense(6, 'tanh'), optimizer=keras.optimizers.Adam(0.002))\n"
            "show(m, m.fit(flat, y, epochs=2, verbose=0)); show(m, m.fit(flat, y, epochs=1, verbose=0))",
    "convolution": "m = net(L.Conv2D(4, 3, activation='relu'), L.BatchNormalization(), L.MaxPooling2D(), L.Flatten(), shape=(28, 28, 1),"
                   " optimizer=keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True))\n"
                   "show(m, m.fit(x[..., None].astype('float32'), y, epochs=2, batch_size=64, verbose=0))",
    "functional": "i = L.Input((28, 28))\nh = L.Flatten()(i)\nh = L.Activation('relu')(L.Dense(7, kernel_initializer='he_normal')(h))\n"
                  "m = keras.Model(i, L.Dense(10)(h))\n"
                  "m.compile('rmsprop', keras.losses.SparseCategoricalCrossentropy(from_logits=True), ['acc'])\n"
                  "show(m, m.fit(x, y, epochs=2, verbose=0))",
    "one hot": "m = net()\nm.compile('sgd', 'categorical_crossentropy', ['accuracy'])\n"
               "show(m, m.fit(flat, keras.utils.to_categorical(y, 10), epochs=1, verbose=0))",
    "stopping": "stop = keras.callbacks.EarlyStopping(monitor='loss', min_delta=10.0, patience=1, restore_best_weights=True)\n"
                "m = net()\nshow(m, m.fit(flat, y, epochs=9, verbose=0, callbacks=[stop]))\n"
                "print(stop.stopped_epoch, stop.best_epoch, m.stop_training, len(stop.best_weights))",
    "schedule": "m = net()\nrates = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)\n"
                "show(m, m.fit(flat, y, epochs=3, verbose=0, callbacks=[rates]))",
    "own seed": "keras.utils.set_random_seed(7)\nm = net(L.Dense(5))\nshow(m, m.fit(flat, y, verbose=0))",
    "own seed again": "keras.utils.set_random_seed(7)\nm = net(L.Dense(5))\nshow(m, m.fit(flat, y, verbose=0))",
    "own weights": "m = net()\nm.set_weights([np.full((784, 10), 0.01), np.zeros(10)])\nshow(m, m.fit(flat, y, verbose=0))",
    "own initializer": "m = net(L.Dense(5, kernel_initializer=keras.initializers.GlorotUniform(seed=3)))\nshow(m, m.fit(flat, y, verbose=0))",
    "shuffled rows": "rows = np.random.permutation(1000)[:500]\nm = net()\nshow(m, m.fit(flat[rows], y[rows], verbose=0))",
    "grey": "m = net()\nshow(m, m.fit((x * 255).astype('uint8').reshape(-1, 784), y, verbose=0))",
    "unbuilt": "m = keras.Sequential([L.Flatten(), L.Dense(10, activation='softmax')])\n"
               "m.compile('sgd', 'sparse_categorical_crossentropy', ['accuracy'])\nshow(m, m.fit(x, y, verbose=0)); print(m.input_shape)",
    "saved": "m.save('m.keras')\nm = keras.models.load_model('m.keras')\nshow(m, m.fit(x, y, verbose=0))",
    "evaluated": "m = net(L.Dense(8, activation='relu'))\nh = m.fit(flat, y, batch_size=50, verbose=0)\n"
                 "print(m.evaluate(flat, y, verbose=0), m.evaluate(flat, y, 64, return_dict=True, verbose=0))\nshow(m, h)",
    "evaluated again": "m = net(L.Dense(8, activation='relu'))\nm.fit(flat, y, batch_size=50, verbose=0)\n"
                       "print(m.evaluate(flat, y, verbose=0), m.metrics_names)\nshow(m, m.fit(flat, y, epochs=2, verbose=0))",
    "measured otherwise": "m = net()\nm.fit(flat, y, verbose=0)\nm.compile('sgd', 'sparse_categorical_crossentropy',"
                          " ['sparse_categorical_crossentropy', keras.metrics.SparseCategoricalAccuracy(name='a'), 'accuracy'])\n"
                          "print(m.evaluate(flat, y, verbose=0))\nm.compile('sgd', 'sparse_categorical_crossentropy')\n"
                          "print(m.evaluate(flat, y, verbose=0))  # Keras keeps the metrics",
    "without metrics": "m = keras.Sequential([L.Input((784,)), L.Dense(10, 'softmax')])\nm.compile('sgd', 'sparse_categorical_crossentropy')\n"
                       "m.fit(flat, y, verbose=0)\nprint(m.evaluate(flat, y, verbose=0), m.evaluate(flat, y, verbose=0, return_dict=True))",
    "predicted": "m = net()\nm.fit(flat, y, verbose=0)\np = m.predict(flat, verbose=0)\nq = m.predict(flat[:999], verbose=0)\n"
                 "print(p.shape, p.dtype, float(p.astype('float64').sum()), np.abs(p[:999] - q).max(), p.flags.writeable)",
    "put in later": "m = net()\nm.fit(flat, y, verbose=0)\nm.set_weights([w * 0.5 for w in m.get_weights()])\nprint(m.evaluate(flat, y, verbose=0))",
    "used with progress": "m = net()\nm.fit(flat, y, verbose=0)\nm.evaluate(flat, y); m.predict(flat); m.evaluate(flat, y, verbose=2); None",
    "shown": "m = net()\nm.fit(flat, y, epochs=2, validation_data=(test, v)); None",
    "told": "m = net()\nm.fit(flat, y, epochs=2, verbose=2); None",
}  # fmt: skip
HERE = {
    "own callback": ("class C(keras.callbacks.Callback):\n    pass\nm = net()\nshow(m, m.fit(flat, y, verbose=0, callbacks=[C()]))", "callback"),
    "other images": ("m = net()\nshow(m, m.fit(flat + np.arange(784), y, verbose=0))", "images"),
    "changed in place": ("before = flat[3, 300]\nflat[3, 300] = 0.123\nm = net()\nshow(m, m.fit(flat, y, verbose=0))\nflat[3, 300] = before", "images"),
    "weighted": ("m = net()\nshow(m, m.fit(flat, y, verbose=0, class_weight={0: 2.0}))", "class_weight"),
    "own class": (("class M(keras.Model):\n    def __init__(self):\n        super().__init__()\n        self.d = L.Dense(10)\n"
                  "    def call(self, x):\n        return self.d(x)\nm = M()\n"
                  "m.compile('sgd', keras.losses.SparseCategoricalCrossentropy(from_logits=True))\nshow(m, m.fit(flat, y, verbose=0))"), "class of its own"),
    "own layer": (("class Dense(L.Dense):\n    def call(self, x):\n        return super().call(x) * 2\n"
                  "Dense.__module__ = 'keras.src.layers.core.dense'\nm = net(Dense(4))\nshow(m, m.fit(flat, y, verbose=0))"), "none of Keras' own"),
    "kept metrics": ("m = net()\nm.compile('sgd', 'sparse_categorical_crossentropy')\nshow(m, m.fit(flat, y, verbose=0))", "earlier compile"),
    "regularised": ("m = net(L.Dense(4, kernel_regularizer='l2'))\nshow(m, m.fit(flat, y, verbose=0))", "regularised"),
    "noisy schedule": (("def s(epoch):\n    print('rate')\n    return 0.1\nm = net()\n"
                       "show(m, m.fit(flat, y, verbose=0, callbacks=[keras.callbacks.LearningRateScheduler(s)]))"), "learning rates"),
    "wrong shape": ("m = net()\nm.fit(x, y[:999], verbose=0)", ""),
}  # fmt: skip
SOURCES = [BEGIN, *FITS.values(), *(source for source, _ in HERE.values())]


def ran(folder: Path, trainer: Trainer | None, *sources: str) -> RunResult:
    (folder).mkdir()
    settings = RunSettings(provide_data().directory, sandbox=LEVEL, trainer=trainer)
    return run_submission(submission(*sources), folder, settings, lambda _: None)


class Counting(Trainer):
    """Counts what is asked, trained, and refused."""

    asked = 0
    used = 0
    refused: tuple[str, ...] = ()

    def train(self, *recipe: Any) -> Message:
        self.asked += 1
        try:
            return super().train(*recipe)
        except Refused as why:
            self.refused += (str(why),)
            raise

    def use(self, *use: Any) -> Message:
        self.used += 1
        return super().use(*use)


class CountingWorkers(Workers):
    """Counts what is trained."""

    trained: tuple[str, ...] = ()

    def ask(self, task: Any, answer_s: float) -> Any:
        self.trained += (type(task).__name__,)
        return super().ask(task, answer_s)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory):
    """(in the notebook, by the trainer, from the cache of another run), and the trainers of the last two."""
    folder = tmp_path_factory.mktemp("shared")
    local = ran(folder / "local", None, *SOURCES)
    found = [local]
    trainers = []
    for name in ("shared", "cached"):
        with CountingWorkers(provide_data()) as workers:
            once = SingleFlight(Cache(folder / "cache", 100), threading.Event())
            slots = Slots(1)
            trainers.append(Counting(workers, once, slots))
            with slots:
                found.append(ran(folder / name, trainers[-1], *SOURCES))
            assert bool(workers.trained) == (name == "shared"), workers.trained
    yield found, trainers
    for result in found:
        result.discard()


def fits(result: RunResult) -> list[dict[str, Any]]:
    raw = decode(result.raw_evidence, result.record_key)
    assert [problem.message for problem in raw.problems] == []
    events = [event.model_dump() for event in raw.events if event.type == "fit"]
    return [e | {"digest": weights_digest(read_weights(result.raw_evidence, e["weights"], raw.files))} for e in events]


@pytest.mark.kernel
def test_the_numbers_are_the_same_bit_for_bit(runs):
    local, *others = runs[0]
    names = ["begin", *FITS, *HERE]
    assert [fault.message for fault in local.faults if fault.cell != len(names) - 1] == []
    for other in others:
        for name, one, two in zip(names, local.cells, other.cells, strict=True):
            if name not in {"shown", "told", "used with progress"}:
                assert (one.printed, one.error) == (two.printed, two.error), name
        keys = ("digest", "history", "epochs_done", "initial", "error")
        assert [[e[k] for k in keys] for e in fits(local)] == [[e[k] for k in keys] for e in fits(other)]


@pytest.mark.kernel
def test_what_can_be_said_is_shared_and_the_rest_says_why(runs):
    local, *others = runs[0]
    here = len([name for name in HERE if name != "wrong shape"])
    assert not any(e["shared"] for e in fits(local))
    for other in others:
        events = fits(other)[: -1 - here]
        assert all(e["shared"] for e in events), [e["not_shared"] for e in events if not e["shared"]]
        assert {e["digest"] for e in events} == set(other.shared)
        for event, (_, why) in zip(fits(other)[-1 - here :], HERE.values(), strict=False):
            assert not event["shared"]
            assert why in event["not_shared"]


@pytest.mark.kernel
def test_progress_is_printed_as_by_keras(runs):
    local, *others = runs[0]
    at = ["begin", *FITS].index("shown")
    for cell in (at - 1, at, at + 1):
        texts = [
            "".join(o.text for o in r.executed.cells[cell].outputs if o.output_type == "stream")
            for r in (local, *others)
        ]
        shapes = [[word for word in text.split() if not word.endswith(("s", "s/step"))] for text in texts]
        assert shapes[0] == shapes[1] == shapes[2]
        assert ("Epoch 2/2" if cell >= at else "32/32") in texts[0]


@pytest.mark.kernel
def test_same_code_same_seeds_but_not_when_repeated(runs):
    by_name = {}
    index = 0
    for name, source in FITS.items():
        by_name[name] = fits(runs[0][0])[index]["digest"] if ".fit(" in source else ""
        index += source.count(".fit(")
    assert by_name["plain"] != by_name["again"]
    assert by_name["own seed"] == by_name["own seed again"]


@pytest.mark.kernel
def test_the_trainer_was_asked_and_refused_what_is_not_stock(runs):
    first, second = runs[1]
    assert first.asked == second.asked
    assert first.used == second.used == 10  # not where weights were put in, nor for few images
    assert first.refused == second.refused == ("a layer of it (Dense) is regularised",)


EXAMPLES = Path(__file__).parent.parent / "submissions_example"


@pytest.mark.kernel
@pytest.mark.slow
def test_every_fit_of_the_examples_is_the_same(tmp_path: Path) -> None:
    """Trained in every notebook, by the trainer, and read from the cache."""
    told = {}
    for name, fits_where in (("local", "local"), ("shared", "shared"), ("cached", "shared")):
        out = tmp_path / name
        command = [sys.executable, "-m", "grader", str(EXAMPLES), "--out", str(out), "--fits", fits_where]
        subprocess.run(
            command, check=True, capture_output=True, env=os.environ | {"GRADE_CACHE": str(tmp_path / "cache")}
        )
        told[name] = {
            (folder.name, training.id): (
                training.weights_digest,
                training.history,
                training.epochs_done,
                training.verified,
            )
            for folder in store.stored_folders(out)
            if isinstance(stored := store.load(folder), Evidence)
            for training in stored.trainings
        }
    assert len(told["local"]) > 50
    assert told["local"] == told["shared"] == told["cached"]
