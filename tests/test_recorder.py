"""The recorder: fingerprints, lines, source, and what it writes of a real run."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from running import TEST, TRAIN, run, small_data, submission

from grader.evidence.decode import decode
from grader.recorder.cell_compiler import line_map
from grader.recorder.cell_source import GuardImports, remaining_imports, without_installs
from grader.recorder.compiled import metric_name, snake
from grader.recorder.hooks import quietly
from grader.recorder.imports import keras_name
from grader.recorder.inputs import as_array, unpack, unpack_validation
from grader.recorder.missing_files import tell_missing_files
from grader.recorder.output_limit import MESSAGE_BYTES, Messages
from grader.recorder.record import Recorder, _check, plain
from grader.recorder.seeds import untouched
from grader.recorder.shown_images import image_tiles
from grader.wire.fingerprint import PIXELS, digest, fingerprint

pytestmark = pytest.mark.xdist_group("recorder")  # one worker runs the notebooks of all its tests

# ------------------------------------------------------------------ files that are not there


def test_a_picture_that_opencv_does_without_is_named(tmp_path):
    (tmp_path / "broken.png").touch()
    told: list[tuple[str, dict[str, str]]] = []
    cv2 = SimpleNamespace(imread=lambda filename, flags=1: "pixels" if "good" in filename else None)
    tell_missing_files(lambda text, **facts: told.append((text, facts)))(cv2)
    assert cv2.imread("good.png") == "pixels"
    assert cv2.imread(str(tmp_path / "broken.png"), 0) is None
    assert told == []
    assert cv2.imread(filename="scans/boot.png") is None
    assert told == [
        ("scans/boot.png is not there: imread gives None.\n", {"fault": "missing_file", "file": "scans/boot.png"})
    ]


# ------------------------------------------------------------------ fingerprints

_PIXELS = np.random.Generator(np.random.PCG64(3)).integers(0, 256, (40, 28, 28)).astype(np.uint8)
_PIXELS[:, 0, 0], _PIXELS[:, 0, 1] = 0, 255


@settings(deadline=None, max_examples=40)
@given(
    lo=st.sampled_from([0.0, -1.0, -0.5, 3.0]),
    span=st.sampled_from([1.0, 2.0, 1 / 255, 7.5]),
    dtype=st.sampled_from([np.float32, np.float64]),
    shape=st.sampled_from([(40, 784), (40, 28, 28), (40, 28, 28, 1)]),
)
def test_images_are_recognised_under_affine_maps_and_shapes(
    lo: float, span: float, dtype: type, shape: tuple[int, ...]
):
    _, plain_hashes = fingerprint(_PIXELS)
    facts, hashes = fingerprint((lo + _PIXELS / 255 * span).astype(dtype).reshape(shape))
    assert facts["kind"] == "images"
    assert (hashes["pixels"] == plain_hashes["pixels"]).all()
    assert (hashes["mask"] == plain_hashes["mask"]).all()
    assert (facts["lo"], facts["hi"]) == pytest.approx((lo, lo + span), abs=1e-5)


def test_labels_are_recognised_in_both_encodings():
    labels = np.arange(30) % 10
    one_hot = np.eye(10)[labels]
    for array, encoding in (
        (labels, "integer"),
        (labels.reshape(-1, 1).astype(float), "integer"),
        (one_hot, "one_hot"),
    ):
        facts, stored = fingerprint(array)
        assert (facts["kind"], facts["encoding"]) == ("labels", encoding)
        assert (stored["values"] == labels).all()


@pytest.mark.parametrize(
    "array", [np.zeros(0), np.array(3.0), np.array(["a"]), np.full((5, 784), np.nan), np.ones((3, 7)) * 0.5]
)
def test_other_arrays_have_no_hashes(array: np.ndarray[Any, Any]):
    facts, stored = fingerprint(array)
    assert facts["kind"] == "other"
    assert not stored


def test_equal_digests_mean_equal_arrays():
    a = np.arange(6).reshape(2, 3)
    assert digest(a) == digest(a.copy()) == digest(np.asfortranarray(a))
    assert len({digest(a), digest(a.T), digest(a.astype(float)), digest(a.ravel()), digest(a + 1)}) == 5


def test_tiles_of_pictures():
    one = _PIXELS[0]
    assert (image_tiles(one)[0] == one).all()
    assert (image_tiles(one[..., None])[0] == one).all()
    assert (image_tiles(np.dstack([one] * 3))[0] == one).all()
    montage = np.vstack([np.hstack(_PIXELS[:3]), np.hstack(_PIXELS[3:6])])
    assert (image_tiles(montage) == _PIXELS[:6]).all()
    for other in (np.zeros((30, 28)), np.zeros((28, 28, 3)) + np.arange(3), np.zeros(784)):
        assert image_tiles(other) is None


# ------------------------------------------------------------------ text of cells


@pytest.mark.parametrize(
    ("raw", "code", "line", "mapped"),
    [
        ("a\nb\nc", "a\nb\nc\n", 2, 2),
        ("\n\na\nb", "a\nb\n", 1, 3),
        ("!ls \\\n -l\nx = 1", "get_ipython().system('ls  -l')\nx = 1\n", 2, 3),
    ],
)
def test_lines_of_transformed_code_are_lines_of_the_cell(raw: str, code: str, line: int, mapped: int):
    assert line_map(raw, code)(line) == mapped


def test_bare_installs_are_replaced_only_where_the_cell_is_no_python():
    lines = ["pip install a b\n", "  !x\n"]
    assert without_installs(lines)[0].startswith("get_ipython().system(")
    text = ['"""\n', "pip install a\n", '"""\n']
    assert without_installs(text) == text
    assert without_installs(["x = 1\n"]) == ["x = 1\n"]


def test_guarded_imports_keep_their_lines():
    tree = GuardImports(print).visit(ast.parse("x = 1\n\nimport json\ny = 2"))
    assert [statement.lineno for statement in tree.body] == [1, 3, 4]
    assert {node.lineno for node in ast.walk(tree.body[1]) if hasattr(node, "lineno")} == {3}


def test_imports_below_an_error():
    found = remaining_imports("import a\n1 / 0\nimport b\nif 1:\n    import c\nfrom d import e", 2)
    assert [ast.unparse(statement) for statement in found] == ["import b", "from d import e"]


# ------------------------------------------------------------------ parts


def test_names_of_keras_modules():
    assert keras_name("tensorflow.keras.layers.core") == "layers.core"
    assert keras_name("keras._tf_keras.keras.utils") == "utils"
    assert keras_name("keras") == ""
    assert keras_name("tf_keras.layers") == "layers"
    assert keras_name("kerastuner") is None


def test_canonical_names():
    assert snake("SparseCategoricalCrossentropy") == "sparse_categorical_crossentropy"
    assert snake("KLDivergence") == "kl_divergence"
    assert metric_name("acc") == "accuracy"
    assert metric_name(len) == "custom"


def test_inputs_as_arrays():
    a = np.ones((4, 784))
    assert unpack([a], [1, 2, 3, 4])[0] is a
    assert unpack({"x": a})[0] is a
    assert unpack(iter([1]))[:2] == (None, None)
    assert unpack_validation((a, a))[1] is a
    assert unpack_validation(None) == (None, None, None)
    assert as_array("text") is None
    assert as_array([[1], [2, 3]]) is None
    assert as_array(np.float64(3)) is None


@settings(max_examples=50)
@given(
    st.recursive(
        st.one_of(st.none(), st.floats(), st.integers(), st.text(), st.binary()), lambda s: st.lists(s, max_size=3)
    )
)
def test_whatever_is_recorded_is_json(value: Any):
    assert json.dumps(plain({"k": value}), allow_nan=False)


def test_recorder_writes_each_array_once_and_sees_changes(tmp_path: Path):
    recorder = Recorder(tmp_path)
    array = np.arange(7840.0).reshape(10, 784)
    first = recorder.array(array)
    assert recorder.array(array) == first
    array[3] += 1
    assert recorder.array(array) != first
    assert recorder.array(np.array(["text"])) is None
    recorder.close()
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert [e["type"] for e in events] == ["file", "array", "file", "array"]
    assert [e["seq"] for e in events] == [0, 1, 2, 3]


def test_nothing_of_the_recorder_raises():
    assert quietly(lambda: 1 / 0)() is None


def test_no_random_number_is_used_up():
    import random

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = random.random(), np.random.random()  # noqa: NPY002
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    with untouched():
        random.random()
        np.random.random()  # noqa: NPY002
    assert (random.random(), np.random.random()) == expected  # noqa: NPY002


class _Kernel:
    """As much of a kernel as `Messages` needs."""

    def __init__(self) -> None:
        self.sent: list[tuple[Any, Any]] = []
        self.session = self
        self.iopub_socket = None

    def send(self, stream: Any, kind: Any, content: Any = None, **kwargs: Any) -> None:
        self.sent.append((kind, content))

    def get_parent(self) -> None:
        return None


def test_messages_are_bounded():
    kernel = _Kernel()
    messages = Messages(kernel, MESSAGE_BYTES + 10_000)
    messages.send(None, "stream", {"name": "stdout", "text": "x" * (MESSAGE_BYTES + 1000)})
    messages.send(None, "display_data", {"data": {"text/plain": "p", "text/html": "h" * 20_000}})
    messages.send(None, "stream", {"name": "stdout", "text": "lost"})
    messages.send(
        None, {"header": {"msg_type": "error"}, "content": {"evalue": "v" * 200_000, "traceback": ["t" * 200_000]}}
    )
    texts = [content["text"] for kind, content in kernel.sent if kind == "stream"]
    assert len(texts[1]) < MESSAGE_BYTES + 100
    assert "cut" in texts[0]
    assert "lost" not in texts
    error = kernel.sent[-1][0]["content"]
    assert len(error["evalue"]) + len(error["traceback"][0]) < 210_000


# ------------------------------------------------------------------ a real run

CELLS = {
    "data": """
import numpy as np
import tensorflow as tf, keras
from keras import layers
(train_x, train_y), (test_x, test_y) = keras.datasets.fashion_mnist.load_data()
x, y, vx, vy = train_x.reshape(-1, 784) / 255., train_y, test_x.reshape(-1, 784) / 255., test_y
K_x = [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
named = {'KxIA': np.eye(5), 'text': 'no'}
batch = np.ones((1, 5, 5, 1))
n = 784 * 10 + 10
flag = True
""",
    "function": """
def build(units, rate=0.01):
    model = keras.Sequential([layers.Input((784,)), layers.Dense(units, 'relu'), layers.Dense(10, 'softmax')])
    model.compile(keras.optimizers.SGD(rate), 'sparse_categorical_crossentropy', metrics=['accuracy'])
    return model
nets = [build(n) for n in (4, 5)]
""",
    "fit": """

for net in nets:
    history = net.fit(x, y, epochs=2, batch_size=64, validation_data=(vx, vy))
loss, acc = nets[0].evaluate(vx, vy)
history.history['accuracy'][-1]
""",
    "predict": """
boots = nets[0].predict(vx)
for i in range(4):
    nets[1](vx[i:i + 1])
""",
    "timed": """%%time
nets[1].fit(tf.constant(x[:100]), tf.constant(y[:100]), epochs=3, validation_split=0.5)
""",
    "error in fit": "nets[0].fit(x, y[:10])",
    "dataset": """
inputs = keras.Input((28, 28))
hidden = layers.Flatten()(inputs) / 2.0
hidden = keras.Sequential([layers.Dense(7, activation=tf.nn.relu), layers.Dense(6)])(hidden)
functional = keras.Model(inputs, layers.Activation('softmax')(layers.Dense(10)(hidden)))
functional.compile('adam', keras.losses.SparseCategoricalCrossentropy(from_logits=True), [keras.metrics.SparseCategoricalAccuracy()])
ds = tf.data.Dataset.from_tensor_slices((train_x[:90] / 255, train_y[:90])).shuffle(90).batch(16)
functional.fit(ds, epochs=1, verbose=0)
""",
    "subclass": """
class Net(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = layers.Dense(10, activation='softmax')
        self.flat = layers.Flatten()
        self.first = layers.Dense(5)
    def call(self, inputs):
        return self.last(keras.activations.relu(self.first(self.flat(inputs))))
net = Net()
net.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])
net.fit(train_x / 255, train_y, epochs=1, verbose=2)
print([layer.name for layer in net.layers], layers.Dense(1).name)
""",
    "by hand": """
w = nets[0].get_weights()
nets[0].set_weights(w)
optimizer = keras.optimizers.SGD()
with tf.GradientTape() as tape:
    value = tf.reduce_mean(functional(train_x[:8] / 255))
optimizer.apply_gradients(zip(tape.gradient(value, functional.trainable_variables), functional.trainable_variables))
""",
    "batch by batch": "for i in range(3):\n    nets[1].train_on_batch(x[:8], y[:8])",
    "show": """
import matplotlib.pyplot as plt
fig, axes = plt.subplots(1, 2)
for i, ax in enumerate(axes):
    ax.imshow(train_x[i]); ax.set_title(f'item {i}')
plt.show()
plt.plot([1, 2]); plt.show()
from PIL import Image
Image.fromarray(train_x[2])
""",
    "same numbers": """
def fresh():
    keras.utils.set_random_seed(4)
    return build(6)
fast, slow = fresh(), fresh()
fresh_fast = fresh(); fresh_fast.fit(x, y, epochs=2, batch_size=10, validation_data=(vx, vy), verbose=0)
fresh_slow = fresh(); fresh_slow.fit(x, y, epochs=2, batch_size=10, validation_data=(vx, vy), verbose=0, callbacks=[keras.callbacks.Callback()])
print(all((a == b).all() for a, b in zip(fresh_fast.get_weights(), fresh_slow.get_weights())))
print(fresh_fast.history.history == fresh_slow.history.history, fresh_fast.steps_per_execution)
print(fresh_fast.train_on_batch(x[:4], y[:4]) is not None)
""",
    "interrupted": """
class Interrupt(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            raise KeyboardInterrupt
build(3).fit(x, y, epochs=5, callbacks=[Interrupt()])
""",
    "shared": """
inner = keras.Sequential([layers.Input((784,)), layers.Dense(3)])
outer = keras.Sequential([inner, layers.Dense(10, activation='softmax')])
copy = keras.models.clone_model(outer)
outer.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])
""",
    "shared fit": "outer.fit(x, y, epochs=1)\nouter.fit(x, y, epochs=1)\npart = keras.Model(outer.inputs, outer.layers[0].output)",
    "unreadable": """
class Rate(keras.optimizers.SGD):
    def get_config(self):
        raise RuntimeError
class Loss:
    def __getattr__(self, name):
        raise RuntimeError
    def __call__(self, true, predicted):
        return keras.losses.sparse_categorical_crossentropy(true, predicted)
class Layers(keras.Model):
    def __init__(self):
        super().__init__()
        self.only = layers.Dense(10, activation='softmax')
    def call(self, inputs):
        return self.only(inputs)
    @property
    def layers(self):
        raise RuntimeError
class Once(keras.utils.PyDataset):
    times = 0
    def __len__(self):
        return 2
    def __getitem__(self, i):
        Once.times += 1
        if Once.times == 2:
            raise RuntimeError
        return x[i * 32 : i * 32 + 32], y[i * 32 : i * 32 + 32]
odd = keras.Sequential([layers.Dense(10, activation='softmax')])
odd.compile(Rate(0.02), Loss(), metrics=['accuracy'])
untold = Layers()
untold.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])
untold.fit(x, y, epochs=1, validation_data=(vx, vy), verbose=0)
with tf.Graph().as_default():
    graph = keras.Sequential([layers.Input((784,)), layers.Dense(10, activation='softmax')])
    graph.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy'])
nets[1].fit(Once(), epochs=2, validation_data=(vx, vy), verbose=0)
""",
    "twins": "print(tf.random.uniform([]).numpy(), np.random.rand(), keras.random.uniform(()).numpy())",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory):
    return run(submission(*CELLS.values()), tmp_path_factory.mktemp("recorder"))


def _index(name: str) -> int:
    return list(CELLS).index(name)


def _fits(ran: Any, name: str) -> list[dict[str, Any]]:
    return [fit for fit in ran.of("fit") if fit["cell"] == _index(name)]


@pytest.mark.kernel
def test_every_cell_runs_but_the_wrong_one(ran):
    assert [fault.cell for fault in ran.result.faults] == [_index("error in fit"), _index("interrupted")]
    assert "ValueError" in ran.cell(_index("error in fit")).error
    assert "grade_recorder" not in ran.cell(_index("error in fit")).traceback


@pytest.mark.kernel
def test_the_record_passes_the_decoder(ran):
    decoded = decode(ran.result.raw_evidence)
    assert len(decoded.events) == len([e for e in ran.events if e["type"] not in {"array", "file"}])
    assert decoded.problems == ()


@pytest.mark.kernel
def test_a_fact_that_cannot_be_read_leaves_the_others(ran):
    compiled = [e for e in ran.of("compiled") if e["cell"] == _index("unreadable")]
    assert [(e["optimizer"], e["learning_rate"], e["loss"], e["unreadable"]) for e in compiled] == [
        ("Rate", 0.02, "", ["optimizer_config", "loss"]),
        ("SGD", 0.01, "sparse_categorical_crossentropy", []),
        ("SGD", None, "sparse_categorical_crossentropy", ["optimizer_config", "learning_rate"]),
    ]
    assert all(e["metrics"] == ["accuracy"] for e in compiled)
    untold, once = _fits(ran, "unreadable")
    (whole,) = untold["architecture"]["layers"]
    assert (whole["kind"], whole["stock"], untold["epochs_done"]) == ("Layers", False, 1)
    assert (once["x"], once["unreadable"], once["epochs"]) == (None, ["x"], 2)
    assert None not in {once["validation_x"], once["validation_y"], untold["x"], untold["validation_x"]}


@pytest.mark.kernel
def test_variables_after_a_cell(ran):
    assert ran.of("loaded")[0]["dataset"] == "fashion_mnist"
    small = {e["name"]: e["values"] for e in ran.of("small") if e["cell"] == 0}
    assert small["K_x"] == [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]
    assert small["named[KxIA]"] == np.eye(5).tolist()
    assert small["batch"] == np.ones((5, 5)).tolist()
    scalars = {e["name"]: e["value"] for e in ran.of("scalar") if e["cell"] == 0}
    assert scalars == {"n": 7850.0}
    states = {e["name"]: ran.array(e["digest"]) for e in ran.of("state") if e["cell"] == 0}
    assert states["train_x"]["shape"] == [TRAIN, 28, 28]
    assert (states["x"]["lo"], states["x"]["hi"], states["x"]["kind"]) == (0.0, 1.0, "images")
    assert states["vy"]["kind"] == "labels"
    assert {e["name"] for e in ran.of("name") if e["cell"] == _index("function")} == {"nets[0]", "nets[1]"}


@pytest.mark.kernel
def test_a_network_made_in_a_function_and_a_comprehension(ran):
    cell = _index("function")
    built = [e for e in ran.of("built") if e["cell"] == cell]
    assert [e["network"] for e in built] == ["n1", "n2"]
    assert built[0]["stack"][0] == [cell, 3]
    assert built[0]["stack"][-1] == [cell, 6]
    facts = built[0]["architecture"]
    assert (facts["style"], facts["params"], facts["input_shape"]) == ("sequential", 784 * 4 + 4 + 50, [784])
    assert [(layer["kind"], layer["params"], layer["output_shape"], layer["inbound"]) for layer in facts["layers"]] == [
        ("Dense", 3140, [4], [-1]),
        ("Dense", 50, [10], [0]),
    ]
    compiled = next(e for e in ran.of("compiled") if e["cell"] == cell)
    assert (compiled["optimizer"], compiled["learning_rate"]) == ("SGD", 0.01)
    assert (compiled["loss"], compiled["metrics"]) == ("sparse_categorical_crossentropy", ["accuracy"])


@pytest.mark.kernel
def test_a_fit(ran):
    first, second = _fits(ran, "fit")
    assert (first["network"], second["network"]) == ("n1", "n2")
    assert first["stack"] == [[_index("fit"), 4]]
    assert (first["epochs"], first["epochs_done"], first["batch_size"], first["initial"]) == (2, 2, 64, "fresh")
    assert set(first["history"]) == {"accuracy", "loss", "val_accuracy", "val_loss"}
    assert ran.array(first["x"])["shape"] == [TRAIN, 784]
    assert ran.array(first["validation_y"])["shape"] == [TEST]
    assert [w.shape for w in ran.weights(first["id"])] == [(784, 4), (4,), (4, 10), (10,)]
    evaluation = ran.of("evaluate")[0]
    assert evaluation["network"] == "n1"
    assert evaluation["accuracy"] == pytest.approx(first["history"]["val_accuracy"][-1])


@pytest.mark.kernel
def test_progress_bars_are_gone_and_results_stay(ran):
    printed = ran.cell(_index("fit")).printed
    assert "━" not in printed
    assert float(printed) == pytest.approx(_fits(ran, "fit")[1]["history"]["accuracy"][-1])
    assert "━" in str(ran.result.executed.cells[_index("fit")].outputs)


@pytest.mark.kernel
def test_predictions_one_by_one_are_written_as_one(ran):
    whole, single = (e for e in ran.of("predict") if e["cell"] == _index("predict"))
    assert ran.array(whole["x"])["shape"] == [TEST, 784]
    assert ran.array(single["x"])["shape"] == [4, 784]
    assert single["stack"] == [[_index("predict"), 4]]


@pytest.mark.kernel
def test_timed_cells_have_their_lines(ran):
    (fit,) = _fits(ran, "timed")
    assert fit["stack"][0] == [_index("timed"), 2]
    assert fit["initial"] == "continued"
    assert fit["validation_split"] == 0.5
    assert (fit["error"], ran.array(fit["y"])["shape"]) == ("", [100])


@pytest.mark.kernel
def test_a_fit_that_fails_is_recorded_with_its_error(ran):
    (fit,) = _fits(ran, "error in fit")
    assert fit["error"].startswith("ValueError")
    assert (fit["epochs_done"], fit["history"]) == (0, {})


@pytest.mark.kernel
def test_functional_networks_and_data_sets(ran):
    (fit,) = _fits(ran, "dataset")
    layers = fit["architecture"]["layers"]
    assert [(layer["kind"], layer["inbound"]) for layer in layers] == [
        ("Flatten", [-1]),
        ("TrueDivide", [0]),
        ("Dense", [1]),
        ("Dense", [2]),
        ("Dense", [3]),
        ("Activation", [4]),
    ]
    assert layers[2]["config"]["activation"] == "relu"
    assert fit["batch_size"] == 16
    assert ran.array(fit["x"])["shape"] == [90, 28, 28]
    assert ran.array(fit["y"])["encoding"] == "integer"
    assert fit["compiled"]["from_logits"] is True
    assert fit["compiled"]["metrics"] == ["sparse_categorical_accuracy"]


@pytest.mark.kernel
def test_subclassed_networks_are_in_the_order_of_their_call(ran):
    (fit,) = _fits(ran, "subclass")
    facts = fit["architecture"]
    assert facts["style"] == "subclassed"
    assert [layer["kind"] for layer in facts["layers"] if layer["weights"]] == ["Dense", "Dense"]
    assert [w.shape for w in ran.weights(fit["id"])] == [(784, 5), (5,), (5, 10), (10,)]
    printed = ran.cell(_index("subclass")).printed
    assert printed.startswith("['dense_")


@pytest.mark.kernel
def test_loops_of_ones_own_leave_weights_only(ran):
    (fit,) = _fits(ran, "by hand")
    assert (fit["epochs"], fit["history"], fit["x"]) == (0, {}, None)
    assert fit["network"] == _fits(ran, "dataset")[0]["network"]
    assert fit["weights"]
    (batches,) = _fits(ran, "batch by batch")
    assert (batches["network"], batches["epochs"]) == ("n2", 0)


@pytest.mark.kernel
def test_a_fit_that_is_interrupted_leaves_what_it_did(ran):
    (fit,) = _fits(ran, "interrupted")
    assert (fit["error"][:17], fit["epochs"], fit["epochs_done"]) == ("KeyboardInterrupt", 5, 1)
    assert fit["weights"]


@pytest.mark.kernel
def test_networks_that_share_layers_are_trained_once(ran):
    first, second = _fits(ran, "shared fit")
    assert first["network"] == second["network"]
    assert (first["initial"], second["initial"]) == ("fresh", "continued")
    assert [layer["kind"] for layer in first["architecture"]["layers"]] == ["Dense", "Dense"]
    assert not _fits(ran, "shared")


@pytest.mark.kernel
def test_displayed_images(ran):
    shown = [e for e in ran.of("shown") if e["cell"] == _index("show")]
    assert [(len(e["images"]), e["title"]) for e in shown] == [(1, "item 0"), (1, "item 1"), (0, ""), (1, "")]
    assert ran.array(shown[0]["images"][0])["shape"] == [1, 28, 28]
    assert shown[0]["stack"] == [[_index("show"), 5]]


@pytest.mark.kernel
def test_training_faster_gives_the_same_numbers(ran):
    assert ran.cell(_index("same numbers")).printed == "True\nTrue 1\nTrue\n"


@pytest.mark.kernel
def test_same_code_same_numbers(ran, tmp_path: Path):
    again = run(submission(*list(CELLS.values())[:3]), tmp_path)
    first, second = _fits(ran, "fit")[0], _fits(again, "fit")[0]
    assert first["history"] == second["history"]
    assert all((a == b).all() for a, b in zip(ran.weights(first["id"]), again.weights(second["id"]), strict=True))


@pytest.mark.kernel
def test_the_recorder_changes_no_number(ran, tmp_path: Path):
    """The same cells without any recorder, in a plain Python."""
    import subprocess
    import sys

    from grader.execution.run import _environment
    from grader.sandbox import Places

    code = "import random, numpy\nrandom.seed(10); numpy.random.seed(10)\nimport tensorflow\ntensorflow.random.set_seed(10)\n"
    code += "import keras\nfrom keras.src.backend.common import global_state\nglobal_state.set_global_attribute('global_random_seed', 10)\n"
    code += (
        "\n".join(list(CELLS.values())[:2])
        + "\nfor net in nets: h = net.fit(x, y, epochs=2, batch_size=64, validation_data=(vx, vy), verbose=0)\n"
    )
    code += "import json; print(json.dumps(h.history))"
    places = Places.under(tmp_path)
    small_data(places.keras / "datasets" / "fashion-mnist")
    environment = {k: v for k, v in _environment(places).items() if k != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == _fits(ran, "fit")[1]["history"]


# ------------------------------------------------------------------ whether an array holds what it held


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int64"])
@settings(max_examples=40)
@given(rows=st.tuples(st.integers(0, 29), st.integers(0, 29)), at=st.integers(0, 30 * PIXELS - 1))
def test_what_is_changed_in_place_is_seen(dtype, rows, at):
    rng = np.random.default_rng(4)
    array = rng.integers(0, 256, (30, PIXELS)).astype(dtype)
    before = _check(array)
    assert _check(array.copy()) == before == _check(np.asfortranarray(array))
    value = array.flat[at]
    array.flat[at] = value + 1 if value < 255 else 0
    assert _check(array) != before
    array.flat[at] = value
    one, other = rows
    array[[one, other]] = array[[other, one]]
    assert (_check(array) == before) == (one == other)
    array[[one, other]] = array[[other, one]]
    array[one] = array[one, ::-1]
    assert _check(array) != before
