# %% [markdown]
# # Problem set 10
# ## 1 a)

# %%
import keras
import matplotlib.pyplot as plt
import numpy as np

(train_x, train_y), (test_x, test_y) = keras.datasets.fashion_mnist.load_data()
plt.imshow(train_x[0])
plt.show()
train_x, test_x = train_x.reshape(-1, 784), test_x.reshape(-1, 784)

# %% [markdown]
# ## 1 b)

# %%
train_x, test_x = train_x / 255, test_x / 255

# %% [markdown]
# ## 1 c)

# %%
model = keras.Sequential([
    keras.layers.Input((784,)),
    keras.layers.Dense(10, activation="relu"),
    keras.layers.Dense(10, activation="relu"),
    keras.layers.Dense(10, activation="softmax"),
])

# %% [markdown]
# ## 1 d)
# (784 · 10 + 10) + 2 · (10 · 10 + 10) = 8070 parameters
#
# ## 1 e)

# %%
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

# %% [markdown]
# ## 1 f)

# %%
model.fit(train_x, train_y, epochs=3, validation_data=(test_x, test_y), verbose=0)
