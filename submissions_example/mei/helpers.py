"""Small things I use in the notebook."""

import matplotlib.pyplot as plt
from tensorflow.keras.layers import Dense
from tensorflow.keras.models import Sequential

NAMES = ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def show(images, titles, columns=6):
    rows = -(-len(images) // columns)
    plt.figure(figsize=(1.5 * columns, 1.7 * rows))
    for k, (image, title) in enumerate(zip(images, titles)):
        plt.subplot(rows, columns, k + 1)
        plt.imshow(image.reshape(28, 28), cmap="gray_r")
        plt.title(title, fontsize=8)
        plt.axis("off")
    plt.show()


def build(units):
    return Sequential([
        Dense(units, activation="relu", input_shape=(784,)),
        Dense(units, activation="relu"),
        Dense(10, activation="softmax"),
    ])
