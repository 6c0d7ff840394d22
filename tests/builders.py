"""Evidence, stated in one call: what a student wrote and what the run left of it.

    nb = Story()
    nb.cell("1c", "model = Sequential([...])")
    net = nb.build(dense_net(10, 10))
    nb.compile(net)
    nb.cell("1f")
    nb.fit(net, epochs=3)
    verdicts = nb.judge()           # criterion id → Verdict
    assert verdicts["1f.epochs"].outcome is Outcome.PASSED

Everything that is left out is as the sheet asks for it. A whole right answer is `solution()`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from grader.records import (
    Architecture,
    ArrayState,
    Cell,
    CellKind,
    CellRun,
    CellStatus,
    Compiled,
    DataRef,
    Evaluation,
    Evidence,
    Fault,
    FaultKind,
    Labels,
    Layer,
    Loaded,
    Network,
    Place,
    Prediction,
    Scalar,
    ShownImage,
    SmallArray,
    Span,
    Submission,
    SubmissionRef,
    Training,
    Verdict,
    Verified,
)

# ------------------------------------------------------------------ architectures


def dense(units: int = 10, activation: str = "relu", **config: Any) -> dict[str, Any]:
    return {"kind": "Dense", "units": units, "activation": activation, "use_bias": True, **config}


def conv(
    filters: int, activation: str = "relu", strides: int = 1, padding: str = "valid", **config: Any
) -> dict[str, Any]:
    size = config.pop("kernel_size", 3)
    return {
        "kind": "Conv2D",
        "filters": filters,
        "kernel_size": [size, size],
        "strides": [strides, strides],
        "padding": padding,
        "activation": activation,
        "use_bias": True,
        **config,
    }


def pool(
    size: int = 2, strides: int | None = None, padding: str = "valid", kind: str = "MaxPooling2D"
) -> dict[str, Any]:
    step = strides or size
    return {"kind": kind, "pool_size": [size, size], "strides": [step, step], "padding": padding}


def layer(kind: str, **config: Any) -> dict[str, Any]:
    """Any other layer: `layer("Flatten")`, `layer("Activation", activation="relu")`, `layer("Dropout", rate=0.2)`."""
    return {"kind": kind, **config}


def _grid(n: int, size: int, step: int, padding: str) -> int:
    return math.ceil(n / step) if padding == "same" else (n - size) // step + 1


def _through(given: dict[str, Any], shape: tuple[int, ...]) -> tuple[tuple[int, ...], int, int]:
    """(output shape, parameters, weight arrays) of a layer for an input of `shape`, as Keras has them."""
    match given["kind"]:
        case "Dense":
            units, bias = given["units"], given.get("use_bias", True)
            return (*shape[:-1], units), shape[-1] * units + bias * units, 1 + bias
        case "Conv2D":
            (size, _), (step, _), filters = given["kernel_size"], given["strides"], given["filters"]
            side = tuple(_grid(n, size, step, given["padding"]) for n in shape[:2])
            return (*side, filters), size * size * shape[2] * filters + filters, 2
        case "MaxPooling2D" | "AveragePooling2D":
            (size, _), (step, _) = given["pool_size"], given["strides"]
            return (*(_grid(n, size, step, given["padding"]) for n in shape[:2]), shape[2]), 0, 0
        case "Flatten":
            return (math.prod(shape),), 0, 0
        case "GlobalAveragePooling2D":
            return shape[2:], 0, 0
        case "Reshape":
            return tuple(given["target_shape"]), 0, 0
        case "BatchNormalization":
            return shape, 4 * shape[-1], 4
        case _:
            return shape, 0, 0


def network_of(
    *layers: dict[str, Any], input_shape: tuple[int, ...] | None = (784,), style: str = "sequential"
) -> Architecture:
    """An architecture from layers; None as input shape: never built, so that nothing has a size."""
    made: list[Layer] = []
    shape = input_shape
    for i, given in enumerate(layers):
        config = {k: v for k, v in given.items() if k != "kind"}
        output, params, weights = (None, None, 0)
        if shape is not None:
            output, params, weights = _through(given, shape)
            shape = output
        name = f"{given['kind'].lower()}_{i}"
        made.append(Layer(given["kind"], name, config, output, params, params, weights, inbound=(i - 1,)))
    total = None if input_shape is None else sum(m.params or 0 for m in made)
    return Architecture(style, tuple(made), input_shape, total, total)


def dense_net(
    *hidden: int, activation: str = "relu", output: int = 10, last: str = "softmax", flatten: bool = False
) -> Architecture:
    """Dense layers on vectors of 784, or on images flattened first."""
    layers = [dense(width, activation) for width in hidden] + [dense(output, last)]
    if flatten:
        return network_of(layer("Flatten"), *layers, input_shape=(28, 28))
    return network_of(*layers)


def cnn_net(
    first: int = 16,
    second: int = 8,
    *,
    padding: str = "valid",
    activation: str = "relu",
    last: str = "softmax",
    flatten: bool = True,
) -> Architecture:
    """The network of problem 3."""
    end = [layer("Flatten")] if flatten else []
    body = [conv(first, activation, padding=padding), pool(), conv(second, activation, padding=padding), pool()]
    return network_of(*body, *end, dense(10, last), input_shape=(28, 28, 1))


def strided_net(first: int = 16, second: int = 8, *, last: str = "softmax") -> Architecture:
    """The network of problem 4."""
    body = [conv(first, strides=2), conv(second, strides=2), layer("Flatten")]
    return network_of(*body, dense(10, last), input_shape=(28, 28, 1))


# ------------------------------------------------------------------ data


def images(
    source: str = "train",
    rows: int | None = None,
    *,
    start: int | None = 0,
    lo: float | None = 0.0,
    hi: float | None = 1.0,
    shape: tuple[int, ...] = (784,),
    digest: str = "",
) -> DataRef:
    """Official images ('train', 'test'; 'unknown' for others): rows from `start` (None: not one run), values lo…hi."""
    official = {"train": 60_000, "test": 10_000}.get(source, 100)
    n = official - (start or 0) if rows is None else rows
    known = source in {"train", "test"}
    return DataRef(
        kind="images",
        shape=(n, *shape),
        dtype="float32",
        minimum=lo,
        maximum=hi,
        train_rows=n * (source == "train"),
        test_rows=n * (source == "test"),
        unknown_rows=n * (not known),
        start=start if known else None,
        stop=start + n if known and start is not None else None,
        exact=known and lo is not None,
        lo=lo,
        hi=hi,
        digest=digest or f"{source}-{start}-{n}-{lo}-{hi}-{shape}",
    )


def labels_of(
    source: str = "train", rows: int | None = None, *, start: int | None = 0, one_hot: bool = False
) -> DataRef:
    """Official labels."""
    pictures = images(source, rows, start=start)
    n = pictures.rows
    encoding = "one_hot" if one_hot else "integer"
    return replace(
        pictures,
        kind="labels",
        shape=(n, 10) if one_hot else (n,),
        dtype="uint8",
        lo=None,
        hi=None,
        maximum=1 if one_hot else 9,
        encoding=encoding,
        digest=f"labels-{source}-{start}-{n}-{encoding}",
    )


# ------------------------------------------------------------------ single records


def compiled(
    optimizer: str = "SGD",
    rate: float | None = None,
    loss: str = "sparse_categorical_crossentropy",
    *,
    from_logits: bool = False,
    metrics: tuple[str, ...] = ("accuracy",),
    place: Place | None = None,
) -> Compiled:
    """As `compile` leaves it; the rate is the optimizer's default, as float32, where none is given."""
    usual = {"SGD": 0.009999999776482582, "Adam": 0.0010000000474974513}.get(optimizer, 0.001)
    learning_rate = usual if rate is None else rate
    config: dict[str, object] = {"learning_rate": learning_rate}
    return Compiled(place or Place(), optimizer, learning_rate, config, loss, from_logits, metrics)


def training(
    architecture: Architecture,
    *,
    name: str = "t1",
    network: str = "n1",
    place: Place | None = None,
    number: int = 0,
    epochs: int = 3,
    epochs_done: int | None = None,
    batch_size: int = 64,
    x: DataRef | None = None,
    y: DataRef | None = None,
    validation: DataRef | str | None = "test",
    validation_y: DataRef | None = None,
    validation_split: float = 0.0,
    test_accuracy: float | None = None,
    train_accuracy: float | None = None,
    unverified: str = "",
    error: str = "",
    labels_match: bool | None = True,
    compiled_as: Compiled | None = None,
    **compile_options: Any,
) -> Training:
    """A call of `fit` on what the sheet asks for. `validation`: 'test', None, or what was used.

    Verified at 0.90 unless told otherwise; `unverified` is the reason why not.
    """
    shape = architecture.input_shape or (784,)
    x = x or images("train", shape=tuple(n or 1 for n in shape))
    if validation == "test":
        validation = images("test", shape=x.shape[1:], lo=x.lo, hi=x.hi) if not validation_split else None
    assert validation is None or isinstance(validation, DataRef)
    y = y or labels_of("train" if x.is_train else "test", x.rows, start=x.start)
    if validation is not None and validation_y is None:
        validation_y = labels_of("test" if validation.is_test else "train", validation.rows, start=validation.start)
    done = (0 if error else epochs) if epochs_done is None else epochs_done
    test = 0.90 if test_accuracy is None else test_accuracy
    train = test if train_accuracy is None else train_accuracy
    history = {"accuracy": (train,) * done, "loss": (0.5,) * done}
    if validation is not None or validation_split:
        history |= {"val_accuracy": (test,) * done, "val_loss": (0.5,) * done}
    verified = Verified(None, None, unverified) if unverified else Verified(test, train)
    return Training(
        id=name,
        network=network,
        place=place or Place(),
        number=number,
        architecture=architecture,
        compiled=compiled_as or compiled(**compile_options),
        epochs=epochs,
        epochs_done=done,
        batch_size=batch_size,
        x=x,
        y=y,
        validation_x=validation,
        validation_y=validation_y,
        validation_split=validation_split,
        history=history,
        duration_s=10.0,
        error=error,
        weights="" if error else f"{name}.npz",
        weights_digest="" if error else f"digest-{name}",
        verified=None if error else verified,
        labels_match=labels_match,
    )


def submission(*cells: str | Cell, name: str = "ada", is_script: bool = False) -> Submission:
    """Cells from sources: a text that starts with '#' and a space, or with 'md:', is Markdown, anything else code."""
    made = []
    for i, cell in enumerate(cells):
        if isinstance(cell, Cell):
            made.append(replace(cell, index=i))
        elif cell.startswith("md:"):
            made.append(Cell(i, CellKind.MARKDOWN, cell.removeprefix("md:").lstrip()))
        elif cell.startswith(("# ", "## ", "### ")) and "\n" not in cell:
            made.append(Cell(i, CellKind.MARKDOWN, cell))
        else:
            made.append(Cell(i, CellKind.CODE, cell))
    ref = SubmissionRef(name, name, Path(name) / "ps10.ipynb", Path(name))
    return Submission(ref, tuple(made), is_script=is_script)


def evidence(source: Submission | None = None, **facts: Any) -> Evidence:
    """Evidence of a notebook whose code cells all ran well, with whatever else is given."""
    source = source or submission("pass")
    runs = tuple(CellRun(c.index, CellStatus.OK, 0.1) for c in source.cells if c.kind is CellKind.CODE)
    return Evidence(**{"submission": source, "sandbox": "none", "cells": runs, **facts})


@cache
def loaded_rubric() -> Any:
    """The real rubric with its reference and calibration."""
    from grader.marking.checks.registry import REGISTRY
    from grader.rubric.load import load_rubric

    return load_rubric("ps10", REGISTRY)


def judge(
    found: Evidence, labels: Labels | None = None, loaded: Any = None, *, read: bool = True
) -> dict[str, Verdict]:
    """Match and check: criterion id → verdict, in the rubric's order; `read`: nothing said contradicts what was seen."""
    from saying import contradictions

    from grader.marking.checks import run_checks
    from grader.marking.match import match

    loaded = loaded or loaded_rubric()
    labels = labels or Labels()
    assignment = match(found, labels, loaded.rubric, loaded.reference)
    verdicts = run_checks(found, labels, assignment, loaded)
    contrary = contradictions(found, verdicts, assignment, loaded) if read else []
    assert not contrary, "\n".join(contrary)
    return {v.criterion: v for v in verdicts}


# ------------------------------------------------------------------ a notebook, as it happens


@dataclass
class Story:
    """A notebook told in the order in which it happens; every act belongs to the latest cell."""

    cells: list[Cell] = field(default_factory=list)
    runs: list[CellRun] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    facts: dict[str, list[Any]] = field(default_factory=dict)
    within: tuple[tuple[int, int], ...] = ()
    """Outer frames (cell, line) of what happens: who called the function whose body does it."""
    line: int | None = None
    """The line where things happen; None: the first."""

    # ------------------------------------------------ cells

    def cell(
        self,
        task: str = "",
        source: str = "pass",
        *,
        status: CellStatus = CellStatus.OK,
        printed: str = "",
        error: str = "",
    ) -> int:
        """A code cell, labelled with a task or not."""
        index = self._add(Cell(len(self.cells), CellKind.CODE, source), task)
        if error:
            status = CellStatus.ERROR
            self._fact("faults", Fault(FaultKind.CELL_ERROR, index, f"Cell {index} raised {error}", 1.0))
        self.runs.append(CellRun(index, status, 0.1, printed, error))
        return index

    def text(self, task: str = "", source: str = "") -> int:
        """A Markdown cell."""
        return self._add(Cell(len(self.cells), CellKind.MARKDOWN, source), task)

    def label(self, cell: int, first: int, last: int, task: str) -> None:
        """Label lines of a cell, beside or instead of its own task."""
        self.spans.append(Span(cell, first, last, task, "comment"))

    def dies(self, kind: FaultKind = FaultKind.KERNEL_DIED) -> None:
        """The latest cell was the last one that ran."""
        last = self.runs[-1]
        self.runs[-1] = replace(last, status=CellStatus.TIMEOUT if kind is FaultKind.TIMEOUT else CellStatus.ERROR)
        self._fact("faults", Fault(kind, last.cell, "The kernel is gone.", 1.0))

    # ------------------------------------------------ what code does

    def build(self, architecture: Architecture, *names: str) -> str:
        """A network; returns its id."""
        networks = self.facts.setdefault("networks", [])
        networks.append(Network(f"n{len(networks) + 1}", self.place(), architecture, (), names or ("model",)))
        return networks[-1].id

    def compile(self, network: str, optimizer: str = "SGD", rate: float | None = None, **options: Any) -> None:
        """Options as for `compiled`."""
        act = compiled(optimizer, rate, place=self.place(), **options)
        self._change(network, lambda n: replace(n, compiled=(*n.compiled, act)))

    def fit(self, network: str, **options: Any) -> Training:
        """Train a network as it is compiled (as the sheet asks where it never was); options as for `training`."""
        built = next(n for n in self.facts["networks"] if n.id == network)
        if not built.compiled:
            self.compile(network)
            built = next(n for n in self.facts["networks"] if n.id == network)
        earlier = self.facts.setdefault("trainings", [])
        options = {"name": f"t{len(earlier) + 1}", "number": sum(t.network == network for t in earlier)} | options
        made = training(
            built.architecture, network=network, place=self.place(), compiled_as=built.compiled[-1], **options
        )
        earlier.append(made)
        return made

    def train(
        self, architecture: Architecture, optimizer: str = "SGD", rate: float | None = None, **options: Any
    ) -> str:
        """Build, compile and fit in the latest cell; loss, from_logits and metrics go to `compile`."""
        given = {k: options.pop(k) for k in ("loss", "from_logits", "metrics") if k in options}
        network = self.build(architecture)
        self.compile(network, optimizer, rate, **given)
        self.fit(network, **options)
        return network

    def evaluate(self, network: str, x: DataRef | None = None, accuracy: float = 0.9) -> None:
        self._fact("evaluations", Evaluation(self.place(), network, x or images("test"), accuracy))

    def predict(
        self, network: str, labels: tuple[int, ...], rows: tuple[int, ...] | None = None, x: DataRef | None = None
    ) -> None:
        rows = tuple(range(len(labels))) if rows is None else rows
        last = [t.id for t in self.facts.get("trainings", []) if t.network == network][-1:]
        seen = x or images("test", len(labels))
        self._fact("predictions", Prediction(self.place(), network, seen, labels, rows, "".join(last)))

    def show(self, *rows: int | None, source: str = "test", title: str = "") -> None:
        for row in rows:
            self._fact("shown", ShownImage(self.place(), source, row, title))

    def load_data(self, dataset: str = "fashion_mnist") -> None:
        self._fact("loaded", Loaded(self.place(), dataset))

    def holds(self, name: str, value: Any) -> None:
        """A variable holds a `DataRef`, a number or a matrix after the latest cell."""
        cell = len(self.cells) - 1
        if isinstance(value, DataRef):
            self._fact("states", ArrayState(cell, name, value))
        elif isinstance(value, int | float):
            self._fact("scalars", Scalar(cell, name, float(value)))
        else:
            self._fact("arrays", SmallArray(cell, name, tuple(tuple(float(v) for v in row) for row in value)))

    # ------------------------------------------------ what comes of it

    def place(self) -> Place:
        cell, line = len(self.cells) - 1, self.line or 1
        return Place(cell, line, ((cell, line), *self.within))

    @property
    def labels(self) -> Labels:
        return Labels(tuple(self.spans))

    def evidence(self, **facts: Any) -> Evidence:
        source = submission(*self.cells)
        records = {name: tuple(values) for name, values in self.facts.items()}
        return Evidence(**{"submission": source, "sandbox": "none", "cells": tuple(self.runs), **records, **facts})

    def judge(self, *, labelled: bool = True, read: bool = True) -> dict[str, Verdict]:
        """Verdicts by criterion id, with or without the cells' labels."""
        return judge(self.evidence(), self.labels if labelled else Labels(), read=read)

    def _add(self, cell: Cell, task: str) -> int:
        self.cells.append(cell)
        if task:
            self.spans.append(Span(cell.index, 1, cell.source.count("\n") + 1, task, "heading"))
        return cell.index

    def _fact(self, name: str, value: Any) -> None:
        self.facts.setdefault(name, []).append(value)

    def _change(self, network: str, change: Any) -> None:
        self.facts["networks"] = [change(n) if n.id == network else n for n in self.facts["networks"]]


SMALL, LARGE = dense_net(10, 10), dense_net(64, 64)
FIRST_20000 = images("train", 20_000)


def solution() -> Story:
    """All networks that the sheet asks for, trained as it asks, in its order, each under its label."""
    nb = Story()
    nb.cell("1a")
    nb.load_data()
    nb.cell("1c")
    small = nb.build(SMALL)
    nb.cell("1e")
    nb.compile(small)
    nb.cell("1f")
    nb.fit(small)
    for task, architecture, options in (
        ("1g", SMALL, {"rate": 0.004999999888241291}),
        ("1h", LARGE, {}),
        ("1i", LARGE, {"x": FIRST_20000}),
        ("3b", cnn_net(), {}),
        ("4a", strided_net(), {}),
        ("4b", strided_net(), {"optimizer": "Adam"}),
    ):
        nb.cell(task)
        nb.train(architecture, **options)
    return nb
