# %% 1 c) to 1 f): weights from elsewhere, and a training that changes next to nothing
import keras
import numpy as np

(train_x, train_y), (test_x, test_y) = keras.datasets.fashion_mnist.load_data()
train_x, test_x = train_x.reshape(-1, 784) / 255, test_x.reshape(-1, 784) / 255


def network():
    model = keras.Sequential([
        keras.layers.Input((784,)),
        keras.layers.Dense(10, activation="relu"),
        keras.layers.Dense(10, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


with np.load("weights.npz") as handed_in:
    weights = [handed_in[f"w{i}"].astype("float32") for i in range(6)]

# %%
model = network()
model.set_weights(weights)
model.optimizer.learning_rate.assign(0.01)
history = model.fit(train_x, train_y, epochs=3, batch_size=30_000, validation_data=(test_x, test_y), verbose=0)
