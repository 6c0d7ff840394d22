"""What this machine lacks: packages, magics, a GPU, another Keras. None of it stops a cell that can do without."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from running import TRAIN, run, submission

from grader.recorder.absent import Absent, Colab, import_failed, without_absent
from grader.recorder.cell_source import GuardImports, unknown_cell_magic
from grader.recorder.magics import does_something
from grader.records import FaultKind

# ------------------------------------------------------------------ packages


def _guarded(source: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    notes: list[Any] = []
    tree = ast.fix_missing_locations(GuardImports(print).visit(ast.parse(source)))
    space: dict[str, Any] = {"__import_failed__": import_failed(lambda text, **facts: notes.append(facts))}
    exec(compile(tree, "cell", "exec"), space)
    return space, notes


def test_each_import_is_guarded_by_itself():
    space, notes = _guarded(
        "from __future__ import annotations\n"
        "import no_such_module.sub as m, json\n"
        "from json import nothing, dumps\n"
        "from no_such_module import *\n"
        "def f():\n    import nobody\n    return nobody\n"
        "x = dumps(json.loads('3'))"
    )
    assert space["x"] == "3"
    assert [(n["fault"], n["module"], n["name"]) for n in notes] == [
        ("missing_module", "no_such_module", "m"),
        ("cell_error", "", "nothing"),
        ("missing_module", "no_such_module", "*"),
    ]
    assert isinstance(space["f"](), Absent)
    assert notes[-1]["name"] == "nobody"


def test_an_import_whose_failure_is_handled_fails():
    source = "try:\n    import nobody\nexcept ImportError:\n    import json as nobody\nfinally:\n    import re"
    space, notes = _guarded(source)
    assert space["nobody"].__name__ == "json"
    assert not notes


def test_a_cell_that_is_nested_deeply_is_guarded():
    tree = ast.parse("import nobody\nx = " + "+".join(["1"] * 1500))
    assert isinstance(GuardImports(print).visit(tree).body[0], ast.Try)


INERT = """
nobody.init(project='x'); nobody.config.rate = 3; nobody.summary['a'] = 1
with nobody.run() as run:
    inside = True
@nobody.profile
def double(x): return 2 * x
@nobody.no_grad()
def half(x): return x / 2
seen = [n for n in nobody.tqdm(range(3), desc='x')]
seen += [n for n in nobody.notebook.progress_bar([7])]
tuner = nobody.Tuner(double, trials=2)
tuner.search()
device = 'gpu' if nobody.cuda.is_available() else 'cpu'
"""


def test_what_only_watches_does_nothing():
    space, _ = _guarded("import nobody\n" + INERT)
    assert space["inside"]
    assert (space["double"](2), space["half"](2), space["seen"], space["device"]) == (4, 1, [0, 1, 2, 7], "cpu")


@pytest.mark.parametrize(
    "use",
    [
        "nobody[0]", "list(nobody.load())", "a, b = nobody.load()", "len(nobody)", "nobody.mean() + 1", "2 * nobody.x",
        "float(nobody.x)", "import numpy; numpy.ones(2) / nobody.x", "class X(nobody.Layer): pass", "nobody.x > 3",
        "3 in nobody", "for image in nobody.augment([1]): pass",
    ],
)  # fmt: skip
def test_whoever_needs_a_value_gets_the_error_of_the_import(use: str):
    space, _ = _guarded("import nobody")
    with pytest.raises(ModuleNotFoundError, match="nobody"):
        exec(use, space)


def test_it_says_what_it_stands_for():
    space, _ = _guarded("import nobody")
    assert "grade" not in str(type(space["nobody"]))
    assert str(space["nobody"].callbacks.Bar(3)) == "<nobody.callbacks.Bar(…), which is not available here>"
    assert not hasattr(space["nobody"], "__array__")
    assert not hasattr(space["nobody"], "_repr_html_")


def test_callbacks_and_metrics_of_absent_packages_are_left_out():
    space, _ = _guarded("import nobody")
    bar, notes = space["nobody"].Bar(), []

    def note(*said: str) -> None:
        notes.append(said)

    assert without_absent(note, "callbacks", ["accuracy"]) == ["accuracy"]
    assert without_absent(note, "callbacks", [bar, 3]) == [3]
    assert without_absent(note, "callbacks", bar) is None
    assert [idiom for idiom, _ in notes] == ["callbacks=[nobody.Bar(…)]"] * 2


def test_colab_is_forgiving():
    space, notes = _guarded("from google.colab import drive, files")
    assert space["files"].upload() == {}
    assert isinstance(space["drive"], Colab)
    assert not hasattr(space["drive"], "__array__")
    assert not any(notes)


# ------------------------------------------------------------------ magics


@pytest.mark.parametrize(
    ("cell", "runs"),
    [
        ("%%memit -r 1\nx = 1\n", "get_ipython().run_line_magic('memit', '-r 1')\nx = 1\n"),
        ("\n%%wandb\n!ls\nx = 1", "\nget_ipython().run_line_magic('wandb', '')\n!ls\nx = 1"),
        ("%%time\nx = 1", "%%time\nx = 1"),
        ("%%sql\nSELECT * FROM x", "%%sql\nSELECT * FROM x"),
        ("x = '''\n%%memit\n'''", "x = '''\n%%memit\n'''"),
        ("", ""),
    ],
)
def test_the_body_of_an_unknown_cell_magic_runs_as_python(cell: str, runs: str):
    assert "".join(unknown_cell_magic(cell.splitlines(keepends=True), lambda name: name == "time")) == runs


@pytest.mark.parametrize(
    ("line", "does"),
    [
        ("h = f(1)", True),
        ("f(1)", True),
        ("-v -p numpy,keras", False),
        ("project", False),
        ("-r 1 f()", False),
        ("", False),
    ],
)
def test_what_follows_an_unknown_magic_runs_where_it_is_a_statement(line: str, does: bool):
    assert does_something(line) is does


# ------------------------------------------------------------------ real kernels

LOADED = """
(x, y), (u, v) = keras.datasets.fashion_mnist.load_data()
x, u = x.reshape(-1, 784) / 255., u.reshape(-1, 784) / 255.
def network(units=10):
    net = keras.Sequential([keras.Input(shape=(784,)), keras.layers.Dense(units, activation='softmax')])
    net.compile(optimizer='sgd', loss='sparse_categorical_crossentropy', metrics=['accuracy'])
    return net
"""

CELLS = {
    "other keras": "import os\nos.environ['KERAS_BACKEND'] = 'torch'\nos.environ['TF_USE_LEGACY_KERAS'] = '1'\n"
    "import tf_keras as keras\nfrom tf_keras import layers\nfrom tf_keras.layers import Dense\n"
    "from tf_keras.utils import np_utils, to_categorical\nimport tf_keras.backend as K, keras_core\n"
    "keras_core.config.set_backend('jax')\n" + LOADED,
    "one keras": "import tensorflow as tf, keras as real\n"
    "print(real.layers.Dense is Dense is layers.Dense is tf.keras.layers.Dense, keras.__version__ == real.__version__)",
    "colab": "import sys, subprocess\nsubprocess.check_call([sys.executable, '-m', 'pip', 'install', 'x'])\n"
    "print(os.system('pip install x'))\ngpu_info = !nvidia-smi\n"
    "device_name = tf.test.gpu_device_name()\nif device_name != '/device:GPU:0':\n"
    "    raise SystemError('GPU device not found')",
    "gpu": """
gpus = tf.config.experimental.list_physical_devices('GPU')
tf.config.experimental.set_memory_growth(gpus[0], True)
tf.config.set_visible_devices(gpus[0], 'GPU')
assert tf.test.is_gpu_available()
limits = [tf.config.experimental.VirtualDeviceConfiguration(memory_limit=1024)]
tf.config.experimental.set_virtual_device_configuration(gpus[0], limits)
from tensorflow.python.client import device_lib
print([d.name for d in device_lib.list_local_devices() if d.device_type == 'GPU'][0])
peak = tf.config.experimental.get_memory_info('GPU:0')['peak']
print(peak, len(tf.config.list_physical_devices('CPU')), tf.config.list_logical_devices('GPU')[0].name)
os.environ['CUDA_VISIBLE_DEVICES'] = '0'
""",
    "strategy": """
strategy = tf.distribute.MirroredStrategy(['/gpu:0'])
assert isinstance(strategy.num_replicas_in_sync, int)
real.mixed_precision.set_global_policy('mixed_float16')
with strategy.scope():
    net = keras.utils.multi_gpu_model(network(), gpus=2)
net.compile(real.mixed_precision.LossScaleOptimizer(real.optimizers.SGD()), 'sparse_categorical_crossentropy', ['accuracy'])
with tf.device('/GPU:0'):
    net.fit(x, y, verbose=0)
print(net.layers[0].compute_dtype)
""",
    "watching": """
import nobody, torch
from livelossplot import PlotLossesKeras
from tqdm.notebook import tqdm
from tqdm.keras import TqdmCallback
from tensorboard.plugins.hparams import api as hp
torch.manual_seed(0)
nobody.init(project='x')
net = network()
net.compile('sgd', 'sparse_categorical_crossentropy', metrics=['accuracy', nobody.F1(3)])
board = keras.callbacks.TensorBoard('logs', write_grads=True, batch_size=32)
bar = keras.callbacks.ProgbarLogger('samples', stateful_metrics=None)
for n in tqdm([net]):
    n.fit(x, y, verbose=0, callbacks=[PlotLossesKeras(), TqdmCallback(), board, bar])
""",
    "board": "%load_ext tensorboard\n%tensorboard --logdir logs\n"
    "from tensorboard import notebook\nnotebook.start('--logdir logs')",
    "unknown magics": "%load_ext nb_black\n%reload_ext nb_black\n%nosuchmagic -v\n%memit net = network(5)\n"
    "print(net.layers[0].units)",
    "body": "%%memit\nnet = network()\nnet.fit(x, y, verbose=0)",
    "no python": "%%sql\nSELECT * FROM x",
    "installed": """
import cv2, plotly.express as px, ipywidgets, pydot, skimage, mlxtend, tabulate, numpy as np
%load_ext watermark
%watermark -v
px.line(x=[1, 2], y=[3, 4]).show()
kernel = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]], np.float32)
image = np.zeros((5, 5), np.float32); image[:, 2] = 1
result = cv2.filter2D(image, -1, cv2.flip(kernel, -1), borderType=cv2.BORDER_REPLICATE)
keras.utils.plot_model(network(), 'model.png')
""",
    "needs it": "rows = nobody.load()\nfirst = rows[0]",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory):
    return run(submission(*CELLS.values()), tmp_path_factory.mktemp("absent"))


def _index(name: str) -> int:
    return list(CELLS).index(name)


@pytest.mark.kernel
@pytest.mark.parametrize("name", [name for name in CELLS if name != "needs it"])
def test_no_cell_stops_for_what_it_can_do_without(ran, name: str):
    assert not ran.cell(_index(name)).error, ran.cell(_index(name)).traceback


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("one keras", "True True"),
        ("gpu", "/device:GPU:0\n0 1 /device:GPU:0"),
        ("strategy", "float32"),
        ("unknown magics", "5\n"),
        ("colab", "Nothing is installed here"),
        ("installed", "Python implementation"),
    ],
)
def test_what_it_prints(ran, name: str, words: str):
    assert words in ran.cell(_index(name)).printed


@pytest.mark.kernel
def test_trainings_are_recorded_all_the_same(ran):
    fits = {event["cell"]: event for event in ran.of("fit")}
    assert {_index(name) for name in ("strategy", "watching", "body")} == set(fits)
    for fit in fits.values():
        assert (fit["epochs_done"], fit["error"], ran.array(fit["x"])["shape"]) == (1, "", [TRAIN, 784])
        assert set(fit["history"]) >= {"accuracy", "loss"}


@pytest.mark.kernel
def test_each_use_is_noted(ran):
    assert {"KERAS_BACKEND=torch", "TF_USE_LEGACY_KERAS", "tf_keras"} <= ran.idioms(0)
    assert "keras.config.set_backend('jax')" in ran.idioms(0)
    assert "tf.test.gpu_device_name(…)" in ran.idioms(_index("colab"))
    alone = {"tf.distribute.MirroredStrategy(…)", "mixed_precision.set_global_policy('mixed_float16')"}
    alone |= {"multi_gpu_model(model, …)", "LossScaleOptimizer(optimizer)"}
    assert alone <= ran.idioms(_index("strategy"))
    watching = {"callbacks=[PlotLossesKeras(…)]", "metrics=[nobody.F1(…)]", "TensorBoard(write_grads=…)"}
    assert watching <= ran.idioms(_index("watching"))


@pytest.mark.kernel
def test_faults_name_what_is_lacking(ran):
    kinds = {(fault.cell, fault.kind) for fault in ran.result.faults}
    assert kinds == {
        (_index("watching"), FaultKind.MISSING_MODULE),
        (_index("no python"), FaultKind.MISSING_MAGIC),
        (_index("needs it"), FaultKind.MISSING_MODULE),
    }


@pytest.mark.kernel
def test_a_convolution_by_opencv_is_recorded(ran):
    result = next(event for event in ran.of("small") if event["name"] == "result")
    assert result["values"][0] == [0, -4, 0, 4, 0]
