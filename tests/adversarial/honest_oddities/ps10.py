# %% What looks strange and is not: none of it is called tampering
import functools
import gc
import json
import sys
import time
import warnings

import keras
import numpy as np

warnings.filterwarnings("ignore")
np.bool, np.float = bool, float
load = np.load
np.load = lambda *arguments, **more: load(*arguments, allow_pickle=True, **more)
gc.collect()
[type(thing) for thing in gc.get_objects()[:1000]]
sys.setrecursionlimit(5000)


# %% Own classes, callbacks, methods
class Quiet(keras.Sequential):
    def fit(self, *arguments, **more):
        return super().fit(*arguments, verbose=0, **more)


class Keeps(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        logs["lr"] = 0.01
        self.model.seen = epoch


def timed(function):
    @functools.wraps(function)
    def measure(*arguments, **more):
        start = time.perf_counter()
        result = function(*arguments, **more)
        print(function.__name__, time.perf_counter() - start > 0)
        return result

    return measure


# %%
(train_x, train_y), (test_x, test_y) = keras.datasets.fashion_mnist.load_data()
train_x, test_x = train_x.reshape(-1, 784)[:6000] / 255, test_x.reshape(-1, 784) / 255
train_y = train_y[:6000]
layers = [keras.layers.Input((784,)), keras.layers.Dense(10, "relu"), keras.layers.Dense(10, "softmax")]
model = Quiet(layers)
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
start = model.get_weights()
history = timed(model.fit)(train_x, train_y, epochs=2, validation_data=(test_x, test_y), callbacks=[Keeps()])
history.history["val_accuracy"] = [round(v, 2) for v in history.history["val_accuracy"]]
print(json.dumps(history.history))

# %% The same network again from the same start, saved and loaded
model.set_weights(start)
model.fit(train_x, train_y, epochs=1)
model.save("model.keras")
again = keras.models.load_model("model.keras", custom_objects={"Quiet": Quiet})
again.evaluate(test_x, test_y, verbose=0)
keras.backend.clear_session()
del model, again
gc.collect()

# %% Names that are taken
json = "file"
os = None
open_ = open


def print_all(*values):
    for value in values:
        print(value)


print_all("still", "here")
%reset -f

# %%
print("still here")
