"""Course-era code does today what it did then, and each use is noted once per place."""

from __future__ import annotations

import pytest
from running import TRAIN, run, submission

from grader.evidence.decode import decode
from grader.recorder.bridge import MOVED
from grader.recorder.bridge_libraries import NUMPY
from grader.recorder.bridge_models import OldKeys, old_keys
from grader.recorder.imports import keras_name

pytestmark = pytest.mark.xdist_group("bridge")  # one worker runs the notebooks of all its tests

_IMPORTS = """
from __future__ import print_function
import numpy as np
import tensorflow as tf, keras
from keras.models import Sequential
from keras.layers.core import Dense, Dropout, Activation, Flatten
from keras.layers.convolutional import Conv2D, MaxPooling2D, Convolution2D
from keras.layers.normalization import BatchNormalization
from keras.utils import np_utils
from keras.optimizers import SGD, adam
from keras import backend as K
from keras.preprocessing.image import ImageDataGenerator
from keras.callbacks import EarlyStopping, ModelCheckpoint, LambdaCallback
from tensorflow.keras.utils import np_utils as same
from tensorflow.keras.layers.experimental.preprocessing import Rescaling
import keras.layers.core
(train_x, train_y), (test_x, test_y) = keras.datasets.fashion_mnist.load_data()
print(keras.utils.np_utils.to_categorical([1], 3), same.to_categorical([0], 2))
"""

CELLS = {
    "imports": _IMPORTS,
    "resize": "train_x.resize(train_x.shape[0], train_x.shape[1] ** 2)\ntest_x.resize(test_x.shape[0], 784)\ntrain_x[0, 0] = 7\n"
    "x, y, vx, vy = train_x / 255., train_y, test_x / 255., test_y\nprint(train_x.shape)",
    "in place": "train_x /= 255.",
    "rate": """
model = Sequential()
model.add(Dense(10, activation='relu', batch_input_shape=(None, 784)))
model.add(Dense(10, activation='softmax', weights=[np.ones((10, 10)), np.zeros(10)]))
print(model.layers[1].get_weights()[0].sum(), model.layers[0].output_shape)
model.compile('sgd', 'sparse_categorical_crossentropy', ['accuracy'])
model.compile(loss='sparse_categorical_crossentropy', optimizer=SGD(lr=0.005), metrics=['accuracy'])
""",
    "fit": """
class Stop(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs={}):
        assert logs.get('acc') < 2 and logs['val_acc'] < 2 and logs.get('nothing') is None
history = model.fit(x, y, nb_epoch=2, validation_data=(vx, vy), workers=2, verbose=0, callbacks=[
    Stop(), EarlyStopping(monitor='val_acc'), ModelCheckpoint('w.{epoch:02d}-{val_acc:.2f}.hdf5', monitor='val_acc', period=1)])
print(history.history['acc'] == history.history['accuracy'], len(history.history['val_acc']), sorted(history.history))
import os; print([n for n in os.listdir('.') if n.startswith('w.01')])
""",
    "backend": """
print(K.eval(model.optimizer.lr), K.get_value(model.optimizer.lr))
K.set_value(model.optimizer.lr, 0.25)
print(float(model.optimizer.lr))
model.optimizer.lr = 0.5
print(float(model.optimizer.learning_rate), K.mean(tf.constant([1., 3.])).numpy(), tf.keras.backend.eval(tf.constant(3.)))
keras.backend.eval(model.optimizer.lr)
""",
    "predict": "print(model.predict_classes(vx).shape, model.predict_proba(vx).shape, model.predict(vx, workers=1).shape)",
    "legacy": """
old = Sequential([Dense(10, activation='softmax', input_shape=(784,))])
old.compile(optimizer=tf.keras.optimizers.legacy.SGD(lr=0.02, decay=0.5), loss='categorical_crossentropy', metrics=['acc'])
print(old.fit(x[:32], np_utils.to_categorical(y[:32], 10), batch_size=32, epochs=3, verbose=2).history.keys())
print(float(old.optimizer.lr), SGD(0.1, decay=0.).learning_rate.numpy(), float(SGD(0.1, decay=1.0, momentum=0.9, nesterov=True).lr))
""",
    "keras 1": """
conv = Sequential()
conv.add(Convolution2D(4, 3, 3, border_mode='same', input_shape=(28, 28, 1), activation='relu'))
conv.add(MaxPooling2D(pool_size=(2, 2), border_mode='valid'))
conv.add(Conv2D(2, (3, 3), subsample=(2, 2), init='uniform', bias=False))
conv.add(Flatten()); conv.add(Dropout(p=0.5)); conv.add(Dense(output_dim=10)); conv.add(Activation('softmax'))
conv.compile(adam(lr=0.001, epsilon=None), 'sparse_categorical_crossentropy', metrics=['accuracy'])
print(conv.count_params(), keras.layers.Convolution2D(2, (3, 3)).strides, keras.layers.Conv2D(2, 3, 3).strides)
""",
    "halves": "half = Sequential([Dense(25 / 2, input_shape=(784,)), Dense(units=9 / 2)])\nprint(half.count_params(), Conv2D(5 / 2, 3).filters)",
    "no comma": "print(keras.layers.Input(shape=(784)).shape, Sequential([keras.layers.InputLayer(input_shape=(784)), Dense(1)]).count_params())",
    "tf.train": """
for o in (tf.train.AdamOptimizer(), tf.train.GradientDescentOptimizer(0.5), tf.train.RMSPropOptimizer(0.1, decay=0.75)):
    print(type(o).__name__, float(o.learning_rate), getattr(o, 'rho', None))
old.compile(optimizer=tf.train.MomentumOptimizer(0.25, 0.5, use_nesterov=True), loss='mse')
print(old.optimizer.momentum, old.optimizer.nesterov)
""",
    "generator": """
flow = ImageDataGenerator(rescale=0.5).flow(x[:100].reshape(-1, 28, 28, 1), y[:100], batch_size=50)
conv.fit_generator(flow, steps_per_epoch=2, epochs=1, verbose=0)
""",
    "files": """
conv.save('model'); print(keras.models.load_model('model').count_params())
conv.save('model.hdf5'); print(keras.models.load_model('model.hdf5').count_params())
keras.models.save_model(conv, 'other', save_format='tf'); print(keras.models.load_model('other').count_params())
conv.save_weights('weights.h5'); conv.load_weights('weights.h5')
keras.callbacks.ModelCheckpoint('best.hdf5', save_weights_only=True)
""",
    "libraries": """
import time, matplotlib.pyplot as plt
print(np.float(3), np.int(2), np.bool(1), np.NaN, np.product([2, 3]), isinstance(time.clock(), float))
plt.style.use('seaborn-whitegrid'); plt.cm.get_cmap('gray')
tf.set_random_seed(3); tf.logging.set_verbosity(tf.logging.ERROR)
from tensorflow.python.keras.layers import Dense as D
print(D is Dense)
""",
    "their own mistakes": "np.nothing_at_all",
    "unknown": "keras.layers.NothingAtAll",
    "unknown argument": "Dense(10, colour='red')",
    "not called": "Dense(3).output_shape",
    "unknown to TensorFlow": "tf.nothing_at_all",
    "wrong key": "history.history['accurate']",
    "graph mode": """
import tensorflow.compat.v1 as tf1
tf1.disable_v2_behavior()
from tensorflow.python.framework.ops import disable_eager_execution
disable_eager_execution()
tf.disable_eager_execution()
tf1.disable_tensor_equality()
plain = Sequential([Dense(10, activation='softmax')])
plain.compile('sgd', 'sparse_categorical_crossentropy', ['accuracy'])
print(len(plain.fit(x, y, epochs=1, verbose=0).history['accuracy']), tf.executing_eagerly())
""",
    "session": """
session = tf1.Session()
K.set_session(session)
print(session.run(tf1.global_variables_initializer()), session.run([tf.constant(2.) * 3, {'a': tf.Variable(4.)}]))
with tf.Graph().as_default(), tf1.Session() as graph:
    given = tf1.placeholder(tf.float32)
    print(graph.run(given * 2, {given: 5.}))
""",
    "empty session": "session.run('nothing:0')",
    "again": "for i in range(3):\n    SGD(lr=0.1)\nSGD(lr=0.1)",
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory):
    return run(submission(*CELLS.values()), tmp_path_factory.mktemp("bridge"))


def _index(name: str) -> int:
    return list(CELLS).index(name)


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "printed"),
    [
        ("imports", "[[0. 1. 0.]] [[1. 0.]]\n"),
        ("resize", f"({TRAIN}, 784)\n"),
        ("rate", "100.0 (None, 10)\n"),
        ("fit", "True 2 ['accuracy', 'loss', 'val_accuracy', 'val_loss']\n"),
        ("backend", "0.005 0.005\n0.25\n0.5 2.0 3.0\n"),
        ("predict", "(128,) (128, 10) (128, 10)\n"),
        ("keras 1", "842 (1, 1) (3, 3)\n"),
        ("halves", f"{784 * 12 + 12 + 12 * 4 + 4} 2\n"),
        ("no comma", "(None, 784) 785\n"),
        ("tf.train", "Adam 0.0010000000474974513 None\nSGD 0.5 None\nRMSprop 0.10000000149011612 0.75\n0.5 True\n"),
        ("files", "842\n842\n842\n"),
        ("libraries", "3.0 2 True nan 6 True\nTrue\n"),
        ("graph mode", "1 True\n"),
        ("session", "None [np.float32(6.0), {'a': np.float32(4.0)}]\n10.0\n"),
    ],
)
def test_it_does_what_it_did(ran, name: str, printed: str):
    cell = ran.cell(_index(name))
    assert cell.error == "", cell.traceback
    assert printed in cell.printed


@pytest.mark.kernel
@pytest.mark.parametrize(
    ("name", "idioms"),
    [
        (
            "imports",
            {"keras.layers.core", "keras.layers.convolutional", "keras.utils.np_utils", "keras.optimizers.adam"},
        ),
        (
            "rate",
            {
                "SGD(lr=…)",
                "batch_input_shape=…",
                "weights=… of a layer",
                "layer.output_shape",
                "compile(optimizer, loss, metrics)",
            },
        ),
        (
            "fit",
            {
                "fit(nb_epoch=…)",
                "fit(workers=…)",
                "monitor='val_acc'",
                "history['acc']",
                "history['val_acc']",
                "ModelCheckpoint(period=…)",
            },
        ),
        ("backend", {"optimizer.lr", "optimizer.lr = …", "keras.backend.eval", "keras.backend.set_value"}),
        ("predict", {"model.predict_classes(x)", "model.predict_proba(x)", "predict(workers=…)"}),
        ("legacy", {"keras.optimizers.legacy", "SGD(lr=…)", "SGD(decay=…)"}),
        (
            "keras 1",
            {
                "Convolution2D(n, rows, columns)",
                "Conv2D(border_mode=…)",
                "Conv2D(subsample=…)",
                "Dense(output_dim=…)",
                "Dropout(p=…)",
            },
        ),
        ("halves", {"Dense(12.5)", "Dense(4.5)", "Conv2D(2.5)"}),
        ("no comma", {"Input(shape=(784))"}),
        ("tf.train", {"tf.train.AdamOptimizer", "tf.train.MomentumOptimizer"}),
        ("generator", {"model.fit_generator(…)"}),
        ("graph mode", {"tf.disable_v2_behavior()", "tf.disable_eager_execution()", "tf.disable_tensor_equality()"}),
        ("session", {"session.run(x)", "keras.backend.set_session"}),
        ("files", {"a file name without '.keras'", "a file name without '.weights.h5'", "save(save_format=…)"}),
        (
            "libraries",
            {
                "np.float",
                "np.NaN",
                "np.product",
                "time.clock()",
                "tf.set_random_seed",
                "tf.logging",
                "tensorflow.python.keras",
            },
        ),
    ],
)
def test_it_is_noted(ran, name: str, idioms: set[str]):
    assert idioms <= ran.idioms(_index(name))


@pytest.mark.kernel
@pytest.mark.parametrize(
    "name",
    [
        "in place",
        "their own mistakes",
        "unknown",
        "unknown argument",
        "not called",
        "unknown to TensorFlow",
        "wrong key",
        "empty session",
    ],
)
def test_what_never_worked_still_raises(ran, name: str):
    assert ran.cell(_index(name)).error


@pytest.mark.kernel
def test_decay_is_keras_2s(ran):
    """Rate / (1 + decay · steps): 0.02 / (1 + 0.5 · 3) after three steps."""
    cell = ran.cell(_index("legacy"))
    assert cell.error == "", cell.traceback
    rates = [float(f"{float(word):.6g}") for word in cell.printed.splitlines()[-1].split()]
    assert rates == [0.008, 0.1, 0.1]


@pytest.mark.kernel
def test_a_use_is_noted_once_per_place(ran):
    places = [e["stack"][0][1] for e in ran.of("bridged") if e["cell"] == _index("again")]
    assert places == [2, 3]


@pytest.mark.kernel
def test_bridged_trainings_are_recorded_in_todays_terms(ran):
    fit = next(e for e in ran.of("fit") if e["cell"] == _index("fit"))
    assert (fit["epochs"], fit["compiled"]["learning_rate"]) == (2, 0.005)
    generated = next(e for e in ran.of("fit") if e["cell"] == _index("generator"))
    assert (ran.array(generated["x"])["shape"], generated["batch_size"]) == ([100, 28, 28, 1], 50)
    assert decode(ran.result.raw_evidence).problems == ()


def test_moved_modules_lead_to_modules_that_are():
    assert not set(MOVED.values()) & set(MOVED)
    assert all(keras_name(f"keras.{name}") == name for name in MOVED)


def test_numpys_old_names_have_a_place_today():
    import builtins

    import numpy as np

    assert all(
        hasattr(np, today[3:]) if today.startswith("np.") else hasattr(builtins, today) for today in NUMPY.values()
    )


def test_old_keys():
    noted: list[tuple[str, str]] = []
    logs = old_keys(lambda idiom, today: noted.append((idiom, today)), {"accuracy": 0.5, "loss": 1.0})
    assert (logs["acc"], logs.get("acc"), logs.get("val_acc"), logs["loss"]) == (0.5, 0.5, None, 1.0)
    assert noted
    assert old_keys(print, logs) is logs
    assert old_keys(print, None) is None
    assert isinstance(logs, OldKeys)
    with pytest.raises(KeyError):
        logs["val_acc"]
