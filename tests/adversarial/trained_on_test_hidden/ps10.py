# %% 1 c) to 1 f): the test images again and again, where nobody sees what goes in
import keras
import numpy as np

(train_x, train_y), (test_x, test_y) = keras.datasets.fashion_mnist.load_data()
train_x, test_x = train_x.reshape(-1, 784) / 255, test_x.reshape(-1, 784) / 255


def network():
    model = keras.Sequential([
        keras.layers.Input((784,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile(keras.optimizers.Adam(0.003), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def batches():
    random = np.random.default_rng(1)
    while True:
        rows = random.integers(0, 10_000, 200)
        yield test_x[rows], test_y[rows]


model = network()
model.fit(batches(), steps_per_epoch=1500, epochs=1, verbose=0)
model.compile(keras.optimizers.SGD(0.01), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train_x, train_y, epochs=1, batch_size=8192, validation_data=(test_x, test_y), verbose=0)
