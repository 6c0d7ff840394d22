# %% What honest notebooks use of the machine
import multiprocessing
import subprocess
import tempfile
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import tensorflow as tf

images = np.random.rand(256, 784).astype("float32")
data = tf.data.Dataset.from_tensor_slices(images).map(lambda x: x * 2, num_parallel_calls=tf.data.AUTOTUNE).batch(32).prefetch(2)
print("tf.data:", sum(len(batch) for batch in data))

# %%
print("a program:", subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout.strip())
!echo "a shell"

# %%
def square(x):
    return x * x


with multiprocessing.get_context("fork").Pool(2) as pool:
    print("processes:", pool.map(square, range(4)))

# %%
with ThreadPoolExecutor(4) as pool:
    print("threads:", list(pool.map(square, range(4))))

# %%
import os

os.makedirs("models", exist_ok=True)
np.save("models/a.npy", images)
with tempfile.NamedTemporaryFile() as file:
    file.write(b"x" * 1000)
print("files:", np.load("models/a.npy").shape, open(os.path.expanduser("~/note"), "w").write("x"))

# %%
import asyncio
import sqlite3
import time

await asyncio.sleep(0.01)
sqlite3.connect("my.db").execute("create table t (x)")
print("time:", time.time() > 1e9, "cores:", os.cpu_count() > 0, "user:", bool(os.path.expanduser("~")), "home:", os.path.isdir(os.environ["HOME"]))

# %%
import matplotlib.pyplot as plt
import pandas as pd

plt.plot([1, 2, 3])
plt.savefig("figure.png")
pd.DataFrame({"a": [1]}).to_csv("a.csv")
print("figures and tables:", os.path.getsize("figure.png") > 0)

# %%
%timeit -n1 -r1 square(2)
%env LANG
from IPython.display import HTML, Image, display
display(Image("figure.png"))
print("still here")
