# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Problem set 10
#
# ## 1 a)

# %%
import keras
import numpy as np
import matplotlib.pyplot as plt

(x, y), (xt, yt) = keras.datasets.fashion_mnist.load_data()
plt.imshow(x[0])
plt.show()
x = x.reshape(60000, 784)
xt = xt.reshape(10000, 784)

# %% [markdown]
# ## 1 b)

# %%
x = x.astype("float32") / 255
xt = xt.astype("float32") / 255

# %% [markdown]
# Otherwise the gradients are too large.
#
# ## 1 c)

# %%
model = keras.Sequential(
    [
        keras.layers.Input(shape=(784,)),
        keras.layers.Dense(10, activation="relu"),
        keras.layers.Dense(10, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
)

# %% [markdown]
# ## 1 d)
#
# $785 \cdot 10 + 11 \cdot 10 + 11 \cdot 10 = 8070$
#
# ## 1 e)

# %%
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

# %% [markdown]
# ## 2 a)

# %%
from scipy.ndimage import convolve

A = np.eye(5)[[2] * 5]
B = A.T
Kx = np.outer([1, 2, 1], [-1, 0, 1])
Ky = Kx.T
print("KxA", convolve(A, Kx, mode="nearest"))
print("KyA", convolve(A, Ky, mode="nearest"))
print("KxB", convolve(B, Kx, mode="nearest"))
print("KyB", convolve(B, Ky, mode="nearest"))
