"""A class for benchmarks: notebooks that solve problem set 10 mostly right, each written in a way of its own.

What differs is what differs between students: names, cells, ways of writing networks, losses and scaling, batch size,
repetitions, now and then a mistake. Each trains about eight networks.
"""

from __future__ import annotations

import random
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

NETWORKS = 8


def write_class(folder: Path, count: int) -> list[Path]:
    """`count` different notebooks, as `folder`/student00/ps10.ipynb, …"""
    found = []
    for number in range(count):
        path = folder / f"student{number:02}" / "ps10.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(_notebook(number), path)
        found.append(path)
    return found


def _notebook(number: int) -> nbformat.NotebookNode:
    student = _Student(random.Random(number))
    cells = [new_code_cell(text) if code else new_markdown_cell(text) for code, text in student.cells()]
    return new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})


class _Student:
    def __init__(self, dice: random.Random) -> None:
        self.x, self.y, self.u, self.v = dice.choice(
            [
                ("x_train", "y_train", "x_test", "y_test"),
                ("X", "Y", "Xt", "Yt"),
                ("images", "labels", "t_images", "t_labels"),
            ]
        )
        self.keras = dice.choice(
            ["import keras", "import tensorflow as tf\nkeras = tf.keras", "from tensorflow import keras"]
        )
        self.scale = dice.choice(["{0} = {0} / 255.0", "{0} = {0}.astype('float32') / 255", "{0} = {0} / 255"])
        self.flatten = dice.random() < 0.4
        self.style = dice.choice(["list", "add", "functional", "activation"])
        self.batch = dice.choice(["batch_size=64, "] * 5 + [""])
        self.loss = dice.choice(
            ["'sparse_categorical_crossentropy'"] * 2 + ["keras.losses.SparseCategoricalCrossentropy()"]
        )
        self.verbose = dice.choice(["", ", verbose=0", ", verbose=2"])
        self.headings = dice.choice(["### {}) ", "## Exercise {}", "**{})**"])
        self.mistake = dice.choice(["", "", "", "", "unscaled", "epochs", "subset"])
        self.joined = dice.random() < 0.3

    def cells(self) -> list[tuple[bool, str]]:
        told = [
            ("1a", self._load(), ""), ("1b", self._scaled(), "Small inputs keep the gradients at a sensible size."),
            ("1c", self._function(), "Ten classes need ten outputs."),
            ("1d", "", "(784*10+10) + (10*10+10) + (10*10+10) = 8070"),
            ("1f", self._train("net", "dense(10)", "'sgd'", evaluated=True), ""),
            ("1g", self._train("slow", "dense(10)", "keras.optimizers.SGD(0.005)"), "The default rate is 0.01."),
            ("1h", self._train("wide", "dense(64)", "keras.optimizers.SGD(learning_rate=0.01)"), "55050 parameters"),
            ("1i", self._train("few", "dense(64)", "'sgd'", rows="[:20000]" if self.mistake != "subset" else "[:2000]"), "It overfits."),
            ("1j", self._boots(), "They look like boots."),
            ("2a", _CONVOLUTIONS, ""), ("2b", "", "Edges: one for vertical ones, the other for horizontal ones."),
            ("3a", self._images(), ""), ("3b", self._train("cnn", "cnn_net()", "'sgd'", images=True, evaluated=True), "A little better."),
            ("3c", "", "3*3*16+16 + 3*3*16*8+8 + 5*5*8*10+10 = 160 + 1160 + 2010 = 3330"),
            ("4a", self._train("fast", "strided()", "'sgd'", images=True), "Faster: fewer positions."),
            ("4b", self._train("adam", "strided()", "'adam'", images=True) + "\n" + self._train("again", "dense(10)", "'sgd'"), "Adam adapts."),
        ]  # fmt: skip
        cells: list[tuple[bool, str]] = []
        for task, code, text in told:
            heading = self.headings.format(f"{task[0]} {task[1]}" if "Exercise" in self.headings else task)
            cells.append((False, f"{heading}\n\n{text}"))
            if code:
                cells.append((True, code))
        return cells

    def _load(self) -> str:
        return (
            f"{self.keras}\nimport numpy as np\nimport matplotlib.pyplot as plt\n"
            f"({self.x}, {self.y}), ({self.u}, {self.v}) = keras.datasets.fashion_mnist.load_data()\n"
            f"raw = {self.u}\nplt.figure(figsize=(8, 2))\nfor i in range(6):\n    plt.subplot(1, 6, i + 1)\n"
            f"    plt.imshow({self.x}[i], cmap='gray')\n    plt.axis('off')\nplt.show()\n"
            + ("" if self.flatten else f"{self.x}, {self.u} = {self.x}.reshape(-1, 784), {self.u}.reshape(-1, 784)\n")
            + f"{self.x}.shape, {self.u}.shape"
        )

    def _scaled(self) -> str:
        if self.mistake == "unscaled":
            return f"{self.x}.max()"
        return "\n".join(self.scale.format(name) for name in (self.x, self.u))

    def _network(self, layers: list[str], shape: str) -> str:
        match self.style:
            case "add":
                return "".join(f"    m.add({layer})\n" for layer in [f"L.Input({shape})", *layers]).join(
                    ["    m = keras.Sequential()\n", "    return m\n"]
                )
            case "functional":
                body = "".join(f"    h = {layer}(h)\n" for layer in layers)
                return f"    i = h = L.Input({shape})\n{body}    return keras.Model(i, h)\n"
            case "activation":
                apart = []
                for layer in layers:
                    before, found, after = layer.partition(", activation=")
                    apart += [f"{before})", f"L.Activation({after.rstrip(')')})"] if found else [layer]
                return f"    return keras.Sequential([L.Input({shape}), {', '.join(apart)}])\n"
        return f"    return keras.Sequential([L.Input({shape}), {', '.join(layers)}])\n"

    def _function(self) -> str:
        first, shape = (["L.Flatten()"], "(28, 28)") if self.flatten else ([], "(784,)")
        dense = [*first, *["L.Dense(width, activation='relu')"] * 2, "L.Dense(10, activation='softmax')"]
        end = ["L.Flatten()", "L.Dense(10, activation='softmax')"]
        cnn = [
            "L.Conv2D(16, 3, activation='relu')",
            "L.MaxPooling2D(2)",
            "L.Conv2D(8, 3, activation='relu')",
            "L.MaxPooling2D(2)",
            *end,
        ]
        strided = [
            "L.Conv2D(16, 3, strides=2, activation='relu')",
            "L.Conv2D(8, 3, strides=2, activation='relu')",
            *end,
        ]
        return (
            f"L = keras.layers\ndef dense(width):\n{self._network(dense, shape)}"
            f"def cnn_net():\n{self._network(cnn, '(28, 28, 1)')}def strided():\n{self._network(strided, '(28, 28, 1)')}"
            "dense(10).summary()"
        )

    def _images(self) -> str:
        return f"xi, ui = {self.x}.reshape(-1, 28, 28, 1), {self.u}.reshape(-1, 28, 28, 1)\ncnn_net().summary()"

    def _train(
        self, name: str, make: str, optimizer: str, *, rows: str = "", images: bool = False, evaluated: bool = False
    ) -> str:
        x, u = ("xi", "ui") if images else (self.x, self.u)
        epochs = 5 if self.mistake == "epochs" and name == "net" else 3
        text = (
            f"{name} = {make}\n{name}.compile(optimizer={optimizer}, loss={self.loss}, metrics=['accuracy'])\n"
            f"h = {name}.fit({x}{rows}, {self.y}{rows}, {self.batch}epochs={epochs}, validation_data=({u}, {self.v}){self.verbose})\n"
            f"print('{name}: training accuracy', h.history['accuracy'][-1], 'test accuracy', h.history['val_accuracy'][-1])"
        )
        return text + f"\n{name}.evaluate({u}, {self.v}, verbose=0)" if evaluated else text

    def _boots(self) -> str:
        return (
            f"p = wide.predict({self.u}, verbose=0).argmax(axis=1)\nboots = np.where(p == 9)[0]\n"
            f"wrong = [i for i in boots if {self.v}[i] != 9]\nplt.figure(figsize=(8, 2))\n"
            "for k, i in enumerate(wrong[:6]):\n    plt.subplot(1, 6, k + 1)\n    plt.imshow(raw[i], cmap='gray')\n"
            f"    plt.title({self.v}[i])\nplt.show()\nlen(boots), len(wrong)"
        )


_CONVOLUTIONS = """
from scipy.signal import convolve2d
IA = np.zeros((5, 5)); IA[:, 2] = 1
IB = IA.T
Kx = np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
Ky = Kx.T
for K in (Kx, Ky):
    for I in (IA, IB):
        print(convolve2d(np.pad(I, 1, mode='edge'), K, mode='valid'))
"""
