# %% Told with the recorder's own seal, as it would tell: networks that nobody could build
import io

import numpy as np

from attack import fake_fit, store, tell


def told(number, data, **changed):
    store(f"weights/t{number}.npz", data)
    facts = fake_fit(id=f"t{number}", weights=f"weights/t{number}.npz", **changed)
    compiled = facts["compiled"] | {"optimizer": "Adam", "loss": "mean_squared_error", "metrics": []}
    tell("fit", **facts | {"compiled": compiled, "epochs": 1, "epochs_done": 1})


def saved(**arrays):
    data = io.BytesIO()
    np.savez(data, **arrays)
    return data.getvalue()


def layer(kind, **config):
    return {"kind": kind, "name": "x", "config": config, "output_shape": None, "params": 1, "trainable_params": 1, "weights": 2, "stock": True, "inbound": []}


def network(*layers):
    return {"style": "sequential", "input_shape": [784], "params": 1, "trainable_params": 1, "layers": list(layers)}


w = lambda *shape: np.zeros(shape, "float32")
good = {"w0": w(784, 10), "w1": w(10), "w2": w(10, 10), "w3": w(10), "w4": w(10, 10), "w5": w(10)}
cases = [
    (fake_fit()["architecture"], {k: v * np.nan for k, v in good.items()}),
    (fake_fit()["architecture"], good | {"w0": w(10, 784)}),
    (fake_fit()["architecture"], good | {"w6": w(1)}),
    (fake_fit()["architecture"], {"w0": w(784, 10)}),
    (network(layer("Lambda", function="__import__('os').system('id')")), {}),
    (network(layer("TFSMLayer", filepath="/tmp")), {}),
    (network(layer("Dense", units=2**31, activation="relu")), {"w0": w(1), "w1": w(1)}),
    (network(layer("Dense", units=10, activation={"module": "os", "class_name": "system", "config": "id"})), {"w0": w(784, 10), "w1": w(10)}),
    (network(*[layer("Dropout", rate=0.5)] * 1900), {}),
    (network(layer("Reshape", target_shape=[1, 784]), layer("ZeroPadding2D", padding=[[1000, 1000], [1000, 1000]])), {}),
]
for number, (architecture, weights) in enumerate(cases):
    told(number, saved(**weights), architecture=architecture)

# %% And files that are no arrays
import zipfile


def archive(content, method=zipfile.ZIP_STORED):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as packed:
        packed.writestr("w0.npy", content)
    return data.getvalue()


pickled = io.BytesIO()
np.save(pickled, np.array([{"a": 1}], dtype=object), allow_pickle=True)
header = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(127) + b"\n"
told(50, archive(pickled.getvalue()))
told(51, archive(bytes(200 << 20), zipfile.ZIP_DEFLATED))
told(52, archive(header))
told(53, saved(**good) + b"trailing" * 1000)

# %% Events that no recorder writes
facts = fake_fit()
for changed in ({"epochs": "3"}, {"id": "../../x"}, {"weights": "/etc/passwd"}, {"x": "nothing"}, {"more": 1}, {"history": {"a": [[1]]}}):
    tell("fit", **facts | changed)

# %%
print("still here")
