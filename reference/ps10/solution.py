# %% [markdown]
# # Problem set 10: Deep Neural Networks
#
# Fashion-MNIST with fully connected and with convolutional networks, in Keras 3.

# %%
import time

import keras
import matplotlib.pyplot as plt
import numpy as np
from keras import layers
from scipy import ndimage

NAMES = ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"]

# %% [markdown]
# # 1 Fully connected networks
#
# ## 1 a) Data

# %%
(x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
print(x_train.shape, y_train.shape, x_test.shape, y_test.shape)

fig, axes = plt.subplots(2, 5, figsize=(8, 3.5))
for ax, image, label in zip(axes.flat, x_train, y_train):
    ax.imshow(image, cmap="gray_r")
    ax.set_title(NAMES[label])
    ax.axis("off")
plt.show()

# %%
x_train = x_train.reshape(60000, 784)
x_test = x_test.reshape(10000, 784)

# %% [markdown]
# ## 1 b) Scaling

# %%
x_train = x_train.astype("float32") / 255
x_test = x_test.astype("float32") / 255
print(x_train.min(), x_train.max(), x_test.min(), x_test.max())

# %% [markdown]
# The weight updates are proportional to the inputs. With grey values up to 255 the weighted sums and the gradients
# become very large, so the updates of the backward pass overshoot the minimum or drive units into saturation. With
# inputs between 0 and 1 the training is more stable and converges faster, and the gradients are less likely to
# explode or vanish in the deeper layers.

# %% [markdown]
# ## 1 c) The network

# %%
def dense_network(width):
    return keras.Sequential(
        [
            keras.Input(shape=(784,)),
            layers.Dense(width, activation="relu"),
            layers.Dense(width, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


model = dense_network(10)

# %% [markdown]
# The output layer needs 10 units because there are ten classes: each unit gives the probability of one class. (The
# labels are not one-hot vectors here but integers 0 to 9; the sparse loss in e) picks the unit with that number.)

# %% [markdown]
# ## 1 d) Number of parameters
#
# A Dense layer with $n$ inputs and $m$ units has $n \cdot m$ weights and $m$ biases:
#
# | layer | weights | biases | sum |
# |---|---|---|---|
# | hidden 1 | 784 · 10 | 10 | 7850 |
# | hidden 2 | 10 · 10 | 10 | 110 |
# | output | 10 · 10 | 10 | 110 |
#
# (784·10 + 10) + (10·10 + 10) + (10·10 + 10) = **8070** trainable parameters.

# %%
model.summary()

# %% [markdown]
# ## 1 e) Compile

# %%
model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])

# %% [markdown]
# ## 1 f) Training

# %%
def report(name, history):
    train, test = history.history["accuracy"][-1], history.history["val_accuracy"][-1]
    print(f"{name}: training accuracy {train:.4f}, test accuracy {test:.4f}")


history = model.fit(x_train, y_train, batch_size=64, epochs=3, validation_data=(x_test, y_test), verbose=0)
report("10-10-10", history)

# %% [markdown]
# After three epochs the training accuracy is about 0.78 and the test accuracy about 0.78. Twice more, with new initial
# weights:

# %%
for attempt in range(2):
    again = dense_network(10)
    again.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = again.fit(x_train, y_train, batch_size=64, epochs=3, validation_data=(x_test, y_test), verbose=0)
    report(f"10-10-10, again {attempt + 1}", history)

# %% [markdown]
# The accuracies differ by a few percentage points from run to run, since the initial weights and the order of the
# batches are random.

# %% [markdown]
# ## 1 g) Learning rate
#
# The default learning rate of SGD in Keras is 0.01. Now with half of it:

# %%
slow = dense_network(10)
slow.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.005),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = slow.fit(x_train, y_train, batch_size=64, epochs=3, validation_data=(x_test, y_test), verbose=0)
report("10-10-10 at 0.005", history)

# %% [markdown]
# It learns more slowly: about 0.72 on the training set and 0.72 on the test set after the same three epochs.

# %% [markdown]
# ## 1 h) Larger hidden layers

# %%
large = dense_network(64)
large.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = large.fit(x_train, y_train, batch_size=64, epochs=3, validation_data=(x_test, y_test), verbose=0)
report("64-64-10", history)

# %% [markdown]
# Parameters: (784·64 + 64) + (64·64 + 64) + (64·10 + 10) = 50240 + 4160 + 650 = **55050**.
#
# That is almost seven times as many parameters as the 8070 of the small network. The accuracy is better (about 0.82 on
# the training set and 0.81 on the test set instead of 0.78), because the larger network has more capacity, but it is
# only a gain of a few percentage points for seven times the size.

# %% [markdown]
# ## 1 i) Only 20,000 training items

# %%
subset = dense_network(64)
subset.compile(
    optimizer=keras.optimizers.SGD(learning_rate=0.01),
    loss="sparse_categorical_crossentropy",
    metrics=["accuracy"],
)
history = subset.fit(
    x_train[:20000], y_train[:20000], batch_size=64, epochs=3, validation_data=(x_test, y_test), verbose=0
)
report("64-64-10, 20,000 items", history)

# %% [markdown]
# Both are lower now (about 0.77 training accuracy, 0.76 test accuracy), because an epoch has only a third of the
# updates. With fewer examples the network can fit the particular ones it has seen (overfitting), then the training
# accuracy gets higher than the test accuracy. That matters, since only the accuracy on unseen data tells how well the
# network generalises. In only three epochs I see no clear gap: the difference is as small as the spread between runs.

# %% [markdown]
# ## 1 j) Ankle boots

# %%
predicted = large.predict(x_test, verbose=0).argmax(axis=1)
boots = np.flatnonzero(predicted == 9)
wrong = boots[y_test[boots] != 9]
print(f"{len(boots)} items are predicted as ankle boot, {len(wrong)} of them are something else")

fig, axes = plt.subplots(2, 10, figsize=(10, 2.5))
for ax, index in zip(axes.flat, boots):
    ax.imshow(x_test[index].reshape(28, 28), cmap="gray_r")
    ax.set_title(NAMES[y_test[index]], fontsize=6)
    ax.axis("off")
plt.show()

# %%
shown = 0
for index in boots:
    if y_test[index] == 9:
        continue
    plt.figure(figsize=(2, 2))
    plt.imshow(x_test[index].reshape(28, 28), cmap="gray_r")
    plt.title(f"item {index} is a {NAMES[y_test[index]]}")
    plt.axis("off")
    plt.show()
    shown += 1
    if shown == 12:
        break

# %% [markdown]
# Nearly all of them are sneakers and sandals. The ones that are taken for an ankle boot have a high shaft or a heel, so
# their silhouette is almost that of a boot, and in 28×28 grey pixels there is little else to tell them apart.

# %% [markdown]
# # 2 Convolutions
#
# ## 2 a) By hand
#
# A convolution flips the kernel in both directions. Outside of the image the border pixels are repeated.
#
# $$K_x * I_A = \begin{pmatrix} 0 & -4 & 0 & 4 & 0 \\ 0 & -4 & 0 & 4 & 0 \\ 0 & -4 & 0 & 4 & 0 \\ 0 & -4 & 0 & 4 & 0 \\ 0 & -4 & 0 & 4 & 0 \end{pmatrix}$$
#
# $$K_y * I_A = \begin{pmatrix} 0 & 0 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 \end{pmatrix}$$
#
# $$K_x * I_B = \begin{pmatrix} 0 & 0 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 \\ 0 & 0 & 0 & 0 & 0 \end{pmatrix}$$
#
# $$K_y * I_B = \begin{pmatrix} 0 & 0 & 0 & 0 & 0 \\ -4 & -4 & -4 & -4 & -4 \\ 0 & 0 & 0 & 0 & 0 \\ 4 & 4 & 4 & 4 & 4 \\ 0 & 0 & 0 & 0 & 0 \end{pmatrix}$$
#
# Check with SciPy:

# %%
I_A = np.zeros((5, 5), dtype=int)
I_A[:, 2] = 1
I_B = I_A.T
K_x = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
K_y = K_x.T

KxIA = ndimage.convolve(I_A, K_x, mode="nearest")
KyIA = ndimage.convolve(I_A, K_y, mode="nearest")
KxIB = ndimage.convolve(I_B, K_x, mode="nearest")
KyIB = ndimage.convolve(I_B, K_y, mode="nearest")
for name, result in [("K_x * I_A", KxIA), ("K_y * I_A", KyIA), ("K_x * I_B", KxIB), ("K_y * I_B", KyIB)]:
    print(name)
    print(result)

# %% [markdown]
# ## 2 b) Features
#
# K_x compares the pixels on the left with those on the right and finds vertical edges. K_y compares above with below and
# finds horizontal edges. (They are the Sobel kernels.)

# %% [markdown]
# # 3 Convolutional networks
#
# ## 3 a) The network

# %%
images_train = x_train.reshape(-1, 28, 28, 1)
images_test = x_test.reshape(-1, 28, 28, 1)

cnn = keras.Sequential(
    [
        keras.Input(shape=(28, 28, 1)),
        layers.Conv2D(16, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Conv2D(8, (3, 3), activation="relu"),
        layers.MaxPooling2D((2, 2)),
        layers.Flatten(),
        layers.Dense(10, activation="softmax"),
    ]
)

# %% [markdown]
# ## 3 b) Training

# %%
cnn.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
start = time.perf_counter()
history = cnn.fit(images_train, y_train, epochs=3, validation_data=(images_test, y_test), verbose=0)
seconds = time.perf_counter() - start
report("convolutional", history)
print(f"{seconds / 3:.1f} s per epoch")

# %% [markdown]
# About 0.81 on the training set and 0.81 on the test set: better than the small dense network above and similar to the
# large one. (Not quite a fair comparison: with the default batch size of 32 there are twice as many updates.) There is no gap between training and test accuracy. The units only have local connections and share their weights
# over the whole image. This knowledge about images is built in, so the network can use a feature found in one place
# everywhere and has less freedom to learn single examples by heart.

# %% [markdown]
# ## 3 c) Number of parameters
#
# - Conv2D 16: 3·3·1·16 + 16 = 160
# - Conv2D 8: 3·3·16·8 + 8 = 1160
# - the image shrinks from 28 to 26, 13, 11 and 5, so 5·5·8 = 200 inputs for Dense: 200·10 + 10 = 2010
# - pooling has none
#
# 160 + 1160 + 2010 = **3330** parameters in all.
#
# These are fewer parameters than in the small dense network (8070, less than half) and far fewer than the 55050 of the
# large one, because the small kernels are shared by all positions; and still the accuracy is comparable.

# %% [markdown]
# # 4 Bonus
#
# ## 4 a) Strides instead of pooling

# %%
def strided_network():
    return keras.Sequential(
        [
            keras.Input(shape=(28, 28, 1)),
            layers.Conv2D(16, (3, 3), strides=2, activation="relu"),
            layers.Conv2D(8, (3, 3), strides=2, activation="relu"),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


strided = strided_network()
strided.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
start = time.perf_counter()
history = strided.fit(images_train, y_train, epochs=3, validation_data=(images_test, y_test), verbose=0)
seconds = time.perf_counter() - start
report("with strides", history)
print(f"{seconds / 3:.1f} s per epoch, {strided.count_params()} parameters")

# %% [markdown]
# An epoch is faster although the network has more parameters (4210): with stride 2 the convolutions are computed at only
# a quarter of the positions (13×13 instead of 26×26), and there is no pooling to compute.

# %% [markdown]
# ## 4 b) Adam

# %%
adam = strided_network()
adam.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
history = adam.fit(images_train, y_train, epochs=3, validation_data=(images_test, y_test), verbose=0)
report("with Adam", history)

# %% [markdown]
# About 0.86 on both sets. Adam adapts the step for each weight (it divides by a running average of the squared
# gradients, like RMSProp) and combines that with momentum, so in the same three epochs it converges faster than SGD
# with its one fixed learning rate.
