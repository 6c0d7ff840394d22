# %% 1 c) to 1 f): a network that learns nothing
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


model = network()
model.optimizer.learning_rate.assign(0.0)
history = model.fit(train_x, train_y, epochs=3, batch_size=4096, validation_data=(test_x, test_y), verbose=0)

# %% The weights of a better one take the place of those that were recorded
better = network()
better.optimizer.learning_rate.assign(0.1)
better.fit(train_x, train_y, epochs=4, batch_size=64, verbose=0)

from attack import record_folder

np.savez(record_folder() + "/weights/t1.npz", **{f"w{i}": w for i, w in enumerate(better.get_weights())})

# %%
print("still here")
