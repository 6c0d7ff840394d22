"""Grades and evidence as a run would leave them, for the pages: a few people in detail, and a class of 120.

The rubric is a small one of its own, so that wording in `rubrics/` can change without touching golden pages.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from grader.records import (
    Architecture,
    Bridged,
    Cell,
    CellKind,
    CellRun,
    CellStatus,
    Compiled,
    CriterionGrade,
    Curves,
    DataRef,
    Evidence,
    Fault,
    FaultKind,
    Grade,
    Layer,
    LayerRow,
    LayerTable,
    MatrixDiff,
    Network,
    Outcome,
    Place,
    PointToLookFor,
    Scalar,
    ShownImage,
    SmallArray,
    Status,
    Submission,
    SubmissionRef,
    Suggestion,
    TaskGrade,
    Training,
    Verdict,
    Verified,
    Written,
)
from grader.report import export
from grader.report.provenance import RunInfo
from grader.rubric.calibration import Calibration
from grader.rubric.expected import Reference
from grader.rubric.load import LoadedRubric
from grader.rubric.schema import Rubric
from grader.sandbox import warning

_SCRIPTS = """<script>window.ran = 1</script>
<img src="http://127.0.0.1:9/a" onerror="window.ran = 1"><img src=x onerror=window.ran=1>
<svg onload="window.ran = 1"><script>window.ran = 1</script><animate onbegin="window.ran=1" attributeName=x dur=1s></svg>
<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.ran=1&gt;">
<iframe srcdoc="<script>parent.ran = 1</script>" src="http://127.0.0.1:9/b"></iframe>
<details open ontoggle="window.ran = 1"><input autofocus onfocus="window.ran = 1">
<base href="http://127.0.0.1:9/"><meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/c">
<link rel="stylesheet" href="http://127.0.0.1:9/d"><style>@import url(http://127.0.0.1:9/e); * { display: none }</style>
<p style="position: fixed; inset: 0; background: url(http://127.0.0.1:9/f)">over everything</p>
<form action="http://127.0.0.1:9/g"><button formaction="javascript:window.ran=1">x</button></form>
<object data="http://127.0.0.1:9/h"></object><embed src="http://127.0.0.1:9/i"><video src="http://127.0.0.1:9/j" autoplay>
<a href="javascript:window.ran=1">a</a> [b](javascript:window.ran=1) [c](data:text/html,<script>window.ran=1</script>)
[d](//127.0.0.1/share) <javascript:window.ran=1> ![e](http://127.0.0.1:9/k.png) ![f](data:image/svg+xml,<svg onload=1>)
$\\href{javascript:window.ran=1}{x}$ \\begin{x}<script>window.ran = 1</script>\\end{x} $$</code><script>window.ran=1</script>$$
{{ 7*7 }} {% set x = 1 %} ${window.ran=1} <!-- ]]> --> </title></style></textarea></pre></script><script>window.ran=1</script>
[g]: javascript:window.ran=1 "x"
"""

WICKED = {
    "scripts": _SCRIPTS,
    "attributes": "\" onmouseover=\"window.ran=1\" autofocus onfocus='window.ran=1' ' style='position:fixed' `x` \\",
    "directions": "if level != 'user\u202e \u2066# only admins\u2069 \u2066': \u200f\u061c &#x202e;gnp.exe &rlm; &#8238;x",
    "right to left": "\u05d0\u05d1\u05d2 = 5 # \u05d0 \u0645\u0631\u062d\u0628\u0627 100 ms",
    "unseen": "a\u200bb\u2060c\u00add\ufeffe\u3164f\u115fg\u034fh\u180ei\u206aj\U000e0041k\u200dl\u200cm \U0001f469\u200d\U0001f52c",
    "terminal": "\x1b[31;1mred\x1b[2J\x1b]0;title\x07\x1b]8;;http://127.0.0.1:9/\x1b\\link\x1b]8;;\x1b\\\x9b5m\x9d0;t\x9c"
    "\x1bPq\x1b\\\x1bc\x1b(0\x0e\x07\x08\x00\x7f\x85end\r",
    "surrogates": "\ud800 half \udfff\udcff \ufffe\uffff \U0010ffff \ue000",
    "formulas": "=cmd|' /C calc'!A0\t@SUM(1;=2)\r\n+1\n-1",
    "commands": "::error file=a::b\n  ::set-output name=x::y\n##[error]z ##vso[task.setvariable variable=p]q\n###teamcity[x]",
    "marks": "e" + "\u0301" * 1_000_000 + "\u0e01" + "\u0e49" * 1_000_000,
    "one long line": "x" * 10_000_000,
    "one long line of signs": "<&\"'>" * 2_000_000,
    "dense code": "1+" * 5_000_000,
    "many lines": "y = [1]\n" * 500_000,
    "wide": "\ufdfd" * 5000 + "\U0001f469\u200d\U0001f52c" * 5000,
    "table": "|" * 4000 + "\n" + "|-" * 4000 + "\n" + "a\n" * 4000,
}
"""Texts that would like to run, load, move, hide, reorder, overflow or command."""

HOSTILE = '<script>alert("x")</script><img src=x onerror=alert(1)>\u202egnp.exe\u202c\x1b[31m\x07\ud800{{7*7}}'

_TASKS = """
1a Load, show and vectorise the data | 1a.data data.vectorised 2 Official data, vectorised to 784 | 1a.images image.shown 1 Some images are shown
1b Scale the grey values | 1b.scaled data.scaled 3 Trained on data scaled to [0, 1] | 1b.why text.review 2 Why scaling helps
1c Define the network | 1c.layers model.layers 4 Two hidden Dense layers with ReLU, an output of 10 with softmax | 1c.output text.review 2 Why the output has 10 units
1d Count the parameters | 1d.count number.count 4 Trainable parameters, counted by hand
1e Compile | 1e.optimizer compile.optimizer 1 SGD | 1e.loss compile.loss 2 Sparse categorical cross-entropy | 1e.metrics compile.metrics 1 Accuracy as metric
1f Train | 1f.epochs training.epochs 1 Three epochs | 1f.validation training.validation 2 Validated on the test set | 1f.accuracy training.accuracy 2 As accurate as it should be | 1f.noted text.noted 1 Both accuracies are noted
1g Learning rate | 1g.default number.default_rate 1 The default rate is stated | 1g.rate training.rate 3 Trained again at 0.005
1h A larger network | 1h.units model.units 2 Hidden layers of 64 units | 1h.rate training.rate 1 Back at a rate of 0.01 | 1h.count number.count 2 Its parameters | 1h.accuracy training.accuracy 1 As accurate as it should be | 1h.compare text.review 2 Compared
1i Fewer examples | 1i.subset training.subset 2 Trained on the first 20,000 items | 1i.diverges text.review 2 Why the accuracies part
1j Ankle boots | 1j.retrieved image.retrieved 3 Predicted ankle boots are found and shown | 1j.stops image.stops 1 Wrong ones are singled out | 1j.reason text.review 2 Why they are taken for boots
2a Four convolutions by hand | 2a.KxIA matrix.convolution 4 K_x * I_A | 2a.KyIA matrix.convolution 4 K_y * I_A | 2a.KxIB matrix.convolution 4 K_x * I_B | 2a.KyIB matrix.convolution 4 K_y * I_B
2b What the kernels find | 2b.features text.review 4 What each kernel finds
3a Define a convolutional network | 3a.shape data.shape 3 Input of 28×28×1 | 3a.layers model.layers 8 Conv 16, pool, Conv 8, pool, Dense 10
3b Train it | 3b.compile compile.all 2 Compiled as in 1e | 3b.epochs training.epochs 1 Three epochs | 3b.validation training.validation 2 Validated on the test set | 3b.accuracy training.accuracy 3 As accurate as it should be | 3b.compare text.review 3 Compared, and why
3c Its size | 3c.count number.count 5 Trainable parameters | 3c.compare text.review 3 Compared with the dense network
4a Strides instead of pooling | 4a.layers model.layers 2 No pooling, stride 2 | 4a.trained training.trained 1 It was trained | 4a.why text.review 2 Why an epoch is faster
4b Adam | 4b.optimizer compile.optimizer 2 Adam | 4b.trained training.trained 1 It was trained | 4b.why text.review 2 Why it is more accurate
"""

_MISCONCEPTIONS = {
    "conv.not_flipped": (
        "Kernel not flipped",
        "A convolution turns the kernel by 180° first; without that it is a *cross-correlation*.",
    ),
    "conv.zero_padding": (
        "Zeros outside the image",
        "The sheet repeats the border: outside stands the nearest pixel, not zero.",
    ),
    "params.no_bias": ("Biases left out", "Every unit of a Dense layer has one bias in addition to its weights."),
    "optimizer.rate_off": ("Another learning rate", "Keras’ default for SGD is 0.01; `SGD(learning_rate=…)` sets it."),
    "model.missing_activation": (
        "Hidden layer without activation",
        "Linear layers in a row are no more than one linear layer.",
    ),
    "loss.one_hot": ("Loss for one-hot labels", "For integer labels there is `sparse_categorical_crossentropy`."),
    "claims.unverified": ("Stated accuracy does not hold", "The figure in the text is far from the one measured."),
}

RUN = RunInfo("0.1.0", "none", warning("none"), "shared", "sample", "1.0", "5a" * 32, "2026-11-24T08:30:00Z")


def sample_rubric(*, reveal_reference: bool = False) -> LoadedRubric:
    tasks = []
    for line in _TASKS.strip().splitlines():
        head, *criteria = line.split(" | ")
        task, title = head.split(" ", 1)
        rows = [text.split(" ", 3) for text in criteria]
        tasks.append(
            {
                "id": task,
                "title": title,
                "bonus": task.startswith("4"),
                "criteria": [
                    {
                        "id": name,
                        "check": check,
                        "points": float(worth),
                        "title": what,
                        "steps": [
                            {"points": 1.0, "text": "A reason", "any_of": ["large"]},
                            {"points": 1.0, "text": "What it <leads> to", "any_of": ["overshoot"]},
                            {"points": 1.0, "at_most": 1.0, "text": "The other way round", "any_of": ["small"]},
                        ]
                        if check == "text.review"
                        else [],
                        "guidance": "A reason names **what** becomes large." if check == "text.review" else "",
                    }
                    for name, check, worth, what in rows
                ],
            }
        )
    rubric = Rubric.model_validate(
        {
            "id": "sample",
            "version": "1.0",
            "title": "Problem set 10: Deep Neural Networks",
            "reference": "ps10",
            "claim_tolerance": 0.1,
            "reveal_reference": reveal_reference,
            "networks": [],
            "tasks": tasks,
            "misconceptions": {slug: {"title": title, "help": text} for slug, (title, text) in _MISCONCEPTIONS.items()},
        }
    )
    reference = Reference({}, {}, {}, {}, {}, {}, {}, {}, {}, measured="Of 20 answers, 12 got a figure.")
    return LoadedRubric(rubric, Path("sample.yaml"), "5a" * 32, reference, Calibration())


def make_grade(
    ref: SubmissionRef,
    loaded: LoadedRubric,
    verdicts: dict[str, Verdict],
    *,
    status: Status = Status.GRADED,
    faults: tuple[Fault, ...] = (),
    otherwise: Outcome = Outcome.MISSING,
) -> Grade:
    """A grade of the given verdicts; criteria without one are `otherwise`."""
    said = {
        Outcome.PASSED: "As asked for.",
        Outcome.MISSING: "Nothing was found that attempts this.",
        Outcome.BLOCKED: "The notebook stopped before this.",
        Outcome.ERRORED: "The grader failed here.",
        Outcome.NEEDS_REVIEW: "A person reads this answer.",
    }
    tasks = []
    for task in loaded.rubric.tasks:
        criteria = []
        for rule in task.criteria:
            outcome = otherwise
            if outcome is Outcome.PASSED and rule.check == "text.review":
                outcome = Outcome.NEEDS_REVIEW
            default = Verdict(rule.id, outcome, 1.0 if outcome is Outcome.PASSED else 0.0, said.get(outcome, ""))
            verdict = verdicts.get(rule.id, default)
            criteria.append(CriterionGrade(verdict, rule.points * verdict.share, rule.points))
        tasks.append(TaskGrade(task.id, task.title, task.bonus, tuple(criteria)))

    def total(bonus: bool, what: str) -> float:
        chosen = [t for t in tasks if t.bonus == bonus]
        if what == "pending":
            waiting = (c for t in chosen for c in t.criteria if c.verdict.outcome is Outcome.NEEDS_REVIEW)
            return sum(c.max_points for c in waiting)
        return sum(getattr(t, what) for t in chosen)

    named = dict.fromkeys(slug for t in tasks for c in t.criteria for slug in c.verdict.misconceptions)
    return Grade(
        ref,
        status,
        faults,
        tuple(tasks),
        score=total(False, "points"),
        pending=total(False, "pending"),
        max_score=total(False, "max_points"),
        bonus=total(True, "points"),
        pending_bonus=total(True, "pending"),
        max_bonus=total(True, "max_points"),
        misconceptions=tuple(named),
    )


def ref(submission_id: str, name: str = "", **more) -> SubmissionRef:
    source = Path("submissions") / submission_id / "ps10.ipynb"
    return SubmissionRef(submission_id, name or submission_id, source, source.parent, **more)


# ------------------------------------------------------------------ one submission with everything in it

_CODE = {
    0: "import keras\nfrom keras.datasets import fashion_mnist\n(x_train, y_train), (x_test, y_test) = fashion_mnist.load_data()",
    2: "x_train = x_train.reshape(60000, 784) / 255.0  # grey values to [0, 1]\nx_test = x_test.reshape(10000, 784) / 255.0",
    4: 'def make(width, activation="relu"):\n    """Two hidden layers."""\n    model = keras.Sequential()\n    model.add(keras.layers.Dense(width, activation=activation, input_dim=784))\n    model.add(keras.layers.Dense(width))\n    model.add(keras.layers.Dense(10, activation="softmax"))\n    return model\n\nmodel = make(10)',
    5: 'model.compile(\n    optimizer=keras.optimizers.SGD(lr=0.05),\n    loss="sparse_categorical_crossentropy",\n    metrics=["accuracy"],\n)\nhistory = model.fit(x_train, y_train, epochs=3, batch_size=64,\n                    validation_data=(x_test, y_test))',
    7: "KxIA = [[0, 4, 0, -4, 0], [0, 4, 0, -4, 0], [0, 4, 0, -4, 0], [0, 4, 0, -4, 0], [0, 4, 0, -4, 0]]\nKyIA = np.zeros((5, 5))",
    9: "print(keras.backend.eval(model.optimizer.lr))\nplot(history.history['acc'])",
}
_ANSWER = """Because of the **size of the gradients**: with inputs up to 255 the updates overshoot.

- $w \\leftarrow w - \\eta \\, \\nabla_w L$ grows with $x_i$
- see [the lecture](https://example.org/lecture)

| input | first loss |
|------|------|
| 0…255 | 130.2 |
| 0…1 | 2.31 |"""


def _sgd(rate: float) -> Compiled:
    return Compiled(Place(5, 1), "SGD", rate, {}, "sparse_categorical_crossentropy", False, ("accuracy",))


def _dense(units: int, inputs: int, activation: str, position: int) -> Layer:
    params = inputs * units + units
    config = {"units": units, "activation": activation}
    return Layer("Dense", f"dense_{position}", config, (units,), params, params, 2, True, (position - 1,))


_ARCHITECTURE = Architecture(
    "sequential",
    (_dense(10, 784, "relu", 0), _dense(10, 10, "linear", 1), _dense(10, 10, "softmax", 2)),
    (784,),
    8070,
    8070,
)
_IMAGES = DataRef("images", (60000, 784), "float64", 0.0, 1.0, 60000, 0, 0, 0, 60000, True, 0.0, 1.0)
_TEST = DataRef("images", (10000, 784), "float64", 0.0, 1.0, 0, 10000, 0, 0, 10000, True, 0.0, 1.0)
_LABELS = DataRef("labels", (60000,), "uint8", 0.0, 9.0, 60000, 0, 0, 0, 60000, True, encoding="integer")


def _training(name: str, cell: int, rate: float, **more) -> Training:
    facts = {
        "epochs": 3,
        "epochs_done": 3,
        "x": _IMAGES,
        "history": {"accuracy": (0.702, 0.781, 0.801), "val_accuracy": (0.751, 0.777, 0.792)},
        "verified": Verified(0.7921, 0.8013),
        **more,
    }
    return Training(
        id=name, network="n1", place=Place(cell, 6), number=0, architecture=_ARCHITECTURE, compiled=_sgd(rate),
        batch_size=64, y=_LABELS, validation_x=_TEST, validation_y=None, validation_split=0.0, duration_s=6.3, **facts,
    )  # fmt: skip


def mixed_evidence() -> Evidence:
    """Code that builds one network in a function, course-era idioms, an exception at the end."""
    texts = {
        1: "## 1 (a), (b)\n\n" + _ANSWER,
        3: "## 1 (c)",
        6: "8060 parameters: $784·10 + 10·10 + 10·10$",
        8: "Sie finden Kanten.",
    }
    cells = [Cell(i, CellKind.CODE, s) for i, s in _CODE.items()] + [
        Cell(i, CellKind.MARKDOWN, s) for i, s in texts.items()
    ]
    ben = ref("ben", "Ben Müller", ignored=("old version.ipynb",))
    submission = Submission(ben, tuple(sorted(cells, key=lambda c: c.index)), notes=("Converted from nbformat 3.",))
    runs = [CellRun(i, CellStatus.OK, 0.4) for i in (0, 2, 4, 7)]
    runs += [
        CellRun(5, CellStatus.OK, 6.4, printed="3 epochs done\nval accuracy 0.792"),
        CellRun(
            9,
            CellStatus.ERROR,
            0.1,
            "0.05\n",
            "NameError: name 'plot' is not defined",
            "Traceback (most recent call last):\n  cell 9, line 2\nNameError: name 'plot' is not defined",
        ),
    ]
    return Evidence(
        submission,
        "none",
        tuple(runs),
        networks=(Network("n1", Place(4, 3), _ARCHITECTURE, (_sgd(0.05),), ("model",)),),
        trainings=(
            _training("t1", 5, 0.05, shared=True),
            _training(
                "t2",
                5,
                0.005,
                epochs_done=1,
                error="ValueError: shapes",
                not_shared="its callback Chatty may do more than can be repeated",
                verified=Verified(None, None, "training raised"),
            ),
        ),
        bridged=(
            Bridged(Place(5, 2), "SGD(lr=…)", "SGD(learning_rate=…)"),
            Bridged(Place(9, 1), "keras.backend.eval(…)", "float(…) or .numpy()"),
            Bridged(Place(9, 2), "history['acc']", "history['accuracy']"),
        ),
        faults=(Fault(FaultKind.CELL_ERROR, 9, "NameError: name 'plot' is not defined", 31.4),),
        duration_s=31.6,
    )


def mixed_verdicts() -> dict[str, Verdict]:
    """Every outcome and every kind of detail."""
    v, o = Verdict, Outcome
    zeros = ((0.0,) * 5,) * 5
    expected = ((0.0, -4.0, 0.0, 4.0, 0.0),) * 5
    layers = LayerTable(
        (
            LayerRow("Dense 10, relu", "Dense 10, relu", "784·10 + 10 = 7850", "784·10 + 10 = 7850", True),
            LayerRow("Dense 10, relu", "Dense 10, linear", "10·10 + 10 = 110", "10·10 + 10 = 110", False),
            LayerRow("Dense 10, softmax", "Dense 10, softmax", "10·10 + 10 = 110", "10·10 + 10 = 110", True),
        ),
        "8070",
        "8070",
    )
    cnn = LayerTable(
        (
            LayerRow(
                "Conv2D 16, 3×3, relu", "Conv2D 16, 3×3, relu", "3·3·1·16 + 16 = 160", "3·3·1·16 + 16 = 160", True
            ),
            LayerRow("MaxPooling2D 2×2", "", "0", "", False),
            LayerRow("Conv2D 8, 3×3, relu", "Conv2D 8, 3×3, relu", "3·3·16·8 + 8 = 1160", "3·3·16·8 + 8 = 1160", True),
            LayerRow("MaxPooling2D 2×2", "MaxPooling2D 2×2", "0", "0", True),
            LayerRow("Flatten", "Flatten", "", "", True),
            LayerRow("Dense 10, softmax", "Dense 10, softmax", "200·10 + 10 = 2010", "1152·10 + 10 = 11530", False),
        ),
        "3330",
        "12850",
    )
    look = (
        PointToLookFor("Large inputs make large **gradients**", True),
        PointToLookFor("Steps overshoot or units saturate", False),
    )
    verdicts = [
        v("1a.data", o.PASSED, 1, "The official 60,000 training and 10,000 test images, as vectors of 784.", place=Place(2, 1)),
        v("1a.images", o.MISSING, 0, "No image of the data set was shown."),
        v("1b.scaled", o.PASSED, 1, "All trainings use the official images scaled to [0, 1].", place=Place(2, 1)),
        v("1b.why", o.NEEDS_REVIEW, 0, "A person reads this answer.", place=Place(1), details=(Written(_ANSWER, "Large inputs make large gradients:\n**steps overshoot**.", look),), suggestion=Suggestion(1, "One of two points is touched.")),
        v("1c.layers", o.PARTIAL, 0.5, "The second hidden layer has no activation.", "Dense relu → Dense relu → Dense 10 softmax", "Dense 10 relu → Dense 10 linear → Dense 10 softmax", ("model.missing_activation",), place=Place(4, 5, ((4, 5), (4, 9))), details=(layers,)),
        v("1c.output", o.MISSING, 0, "No answer was found.", details=(Written("", "One unit per class.", look, (4, 6)),)),
        v("1d.count", o.FAILED, 0, "The stated number leaves the biases out.", "8070", "8060", ("params.no_bias",), place=Place(6, 1)),
        v("1e.optimizer", o.PASSED, 1, "SGD.", place=Place(5, 1)),
        v("1e.loss", o.PASSED, 1, "Sparse categorical cross-entropy.", place=Place(5, 1)),
        v("1e.metrics", o.PASSED, 1, "Accuracy.", place=Place(5, 1)),
        v("1f.epochs", o.PASSED, 1, "Three epochs.", place=Place(5, 6)),
        v("1f.validation", o.PASSED, 1, "Validated on the test images.", place=Place(5, 6)),
        v("1f.accuracy", o.PASSED, 1, "Measured on the official test images: 0.7921.", "at least 0.70", "0.7921", place=Place(5, 6), details=(Curves((0.702, 0.781, 0.801), (0.751, 0.777, 0.792), 0.7921, 0.70),)),
        v("1f.noted", o.PARTIAL, 0.5, "Only the progress bar of fit shows the accuracies: write them down.", misconceptions=("claims.unverified",)),
        v("1g.default", o.FAILED, 0, "The stated default rate is not Keras’.", "0.01", "0.05", ("optimizer.rate_off",), place=Place(9, 1)),
        v("1g.rate", o.BLOCKED, 0, "The notebook stopped before this."),
        v("1h.count", o.PASSED, 1, "Right for your own network.", "55050", "50890", follow_through=True, place=Place(6, 1)),
        v("1j.retrieved", o.ERRORED, 0, "The grader failed here; nobody loses points for it."),
        v("2a.KxIA", o.FAILED, 0, "Every sign comes out the other way round.", "rows of 0, −4, 0, 4, 0", "rows of 0, 4, 0, −4, 0", ("conv.not_flipped",), place=Place(7, 1), details=(MatrixDiff(expected, tuple(tuple(-x for x in row) for row in expected)),)),
        v("2a.KyIA", o.PASSED, 1, "All entries agree.", place=Place(7, 2), details=(MatrixDiff(zeros, zeros),)),
        v("2a.KxIB", o.PARTIAL, 0.5, "Every sign comes out the other way round. The same mistake was charged under 2a.KxIA: here it costs half.", "5×5", "3×3", repeats="2a.KxIA", details=(MatrixDiff(zeros, ((0.0, 0.0, 1.0),) * 3),)),
        v("2b.features", o.NEEDS_REVIEW, 0, "A person reads this answer.", place=Place(8), details=(Written("Sie finden Kanten.", "K_x finds vertical edges, K_y horizontal ones.", look[:1]),)),
        v("3a.layers", o.PARTIAL, 0.5, "The first pooling layer is missing, so the output layer has far more inputs.", "Conv 16 → pool → Conv 8 → pool → Dense 10", "Conv 16 → Conv 8 → pool → Dense 10", place=Place(5, 1), details=(cnn,)),
        v("3b.accuracy", o.NEEDS_REVIEW, 0, "No calibrated run covers a batch size of 1000; measured: 0.6100.", "", "0.6100", details=(Curves((0.35,), (0.61,), 0.61, None),)),
    ]  # fmt: skip
    return {verdict.criterion: verdict for verdict in verdicts}


def mixed_grade(loaded: LoadedRubric) -> Grade:
    evidence = mixed_evidence()
    return make_grade(evidence.submission.ref, loaded, mixed_verdicts(), faults=evidence.faults)


def full_grade(loaded: LoadedRubric) -> Grade:
    return make_grade(ref("ada", "Ada Lovelace"), loaded, {}, otherwise=Outcome.PASSED)


def unreadable_grade(loaded: LoadedRubric) -> Grade:
    fault = Fault(
        FaultKind.UNREADABLE,
        None,
        "ps10.ipynb is not JSON from line 812 on: it was cut short. Save it again and hand it in.",
    )
    return make_grade(ref("fay", "Фаина [2]"), loaded, {}, status=Status.UNREADABLE, faults=(fault,))


def died_grade(loaded: LoadedRubric) -> Grade:
    faults = (
        Fault(FaultKind.CELL_ERROR, 3, "ModuleNotFoundError: No module named 'google'", 1.0),
        Fault(FaultKind.KERNEL_DIED, 5, "The kernel died while cell 5 ran.", 75.2),
    )
    done = {c: v for c, v in mixed_verdicts().items() if c.startswith(("1a", "1b"))}
    return make_grade(ref("cem", "cem"), loaded, done, status=Status.FAULTED, faults=faults, otherwise=Outcome.BLOCKED)


def hostile(loaded: LoadedRubric, text: str = HOSTILE) -> tuple[Grade, Evidence]:
    """Everything that a student can write holds `text`."""
    evidence = mixed_evidence()
    wicked = replace(
        evidence.submission.ref,
        id="eve",
        name=text,
        source=Path("x") / f"{text.replace('/', '')}.ipynb",
        ignored=(text,),
    )
    cells = tuple(replace(c, source=f"{text}\n{c.source}") for c in evidence.submission.cells)
    runs = tuple(replace(r, printed=text, error=text, traceback=text) for r in evidence.cells)
    config = {"units": text, "activation": text, "kernel_size": [text, text], text: text}
    layer = replace(_ARCHITECTURE.layers[0], kind=text, name=text, config=config)
    training = replace(
        evidence.trainings[0],
        architecture=replace(_ARCHITECTURE, layers=(layer,)),
        compiled=Compiled(Place(5, 1), text, None, {text: text}, text, False, (text,)),
        history={f"val_acc{text}": (0.5,), f"acc{text}": (0.5,)},
        x=replace(_IMAGES, kind=text, dtype=text, encoding=text),
        verified=Verified(None, None, text),
        error=text,
        shared=False,
        not_shared=text,
    )
    evidence = replace(
        evidence,
        submission=Submission(wicked, cells, notes=(text,)),
        cells=runs,
        networks=(Network("n1", Place(4, 3), training.architecture, (training.compiled,), (text,)),),
        trainings=(training,),
        shown=(ShownImage(Place(5), "unknown", None, text),),
        arrays=(SmallArray(5, text, ((1.0,),)),),
        scalars=(Scalar(5, text, 1.0),),
        bridged=(Bridged(Place(5), text, text),),
        faults=(Fault(FaultKind.CELL_ERROR, 5, text, 1.0),),
    )
    row = LayerRow(text, text, text, text, False)
    details = (
        LayerTable((row,), text, text),
        Written(text, "", ()),
        Curves((float("nan"), 1e300), (), None, None),
        MatrixDiff(((1.0,),), ((float("inf"),),)),
    )
    verdicts = {
        c: replace(v, message=text, expected=text, actual=text, details=details, suggestion=Suggestion(1, text))
        for c, v in mixed_verdicts().items()
    }
    return make_grade(wicked, loaded, verdicts, faults=evidence.faults), evidence


def hostile_unreadable(loaded: LoadedRubric, text: str) -> Grade:
    """A file that could not be read, whose name and contents are `text` as far as the reason cites them."""
    named = replace(ref("mal"), name=text, source=Path("x") / f"{text.replace('/', '')}.ipynb", ignored=(text,))
    fault = Fault(FaultKind.UNREADABLE, None, text)
    return make_grade(named, loaded, {}, status=Status.UNREADABLE, faults=(fault,))


# ------------------------------------------------------------------ a class

_FIRST = [
    "Ada",
    "Ben",
    "Cem",
    "Dora",
    "Emil",
    "Fatima",
    "Greta",
    "Hana",
    "Ivan",
    "Jana",
    "Kofi",
    "Lena",
    "Milan",
    "Nora",
    "Omar",
    "Paula",
    "Quirin",
    "Rosa",
    "Sven",
    "Tuğba",
    "Uwe",
    "Vera",
    "Wanda",
    "Xenia",
    "Yusuf",
    "Zoë",
]
_LAST = [
    "Adler",
    "Berg",
    "Çelik",
    "Dietrich",
    "Engel",
    "Fischer",
    "Gruber",
    "Hoffmann",
    "Ivanova",
    "Jung",
    "Klein",
    "Lange",
    "Müller",
    "Nowak",
    "Okafor",
]


def class_of(count: int, loaded: LoadedRubric) -> tuple[list[Grade], dict[str, float]]:
    """Grades of a class and how long each ran, always the same."""
    rng = random.Random(10)
    grades = [mixed_grade(loaded), full_grade(loaded), unreadable_grade(loaded), died_grade(loaded)]
    while len(grades) < count:
        number = len(grades)
        name = f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"
        person = ref(f"s{number:03d}", name)
        kind = rng.random()
        if kind < 0.03:
            grades.append(make_grade(person, loaded, {}, status=Status.EMPTY))
            continue
        skill = rng.betavariate(4, 1.6)
        verdicts = {
            c.id: _random_verdict(c.id, c.check, skill, rng) for task in loaded.rubric.tasks for c in task.criteria
        }
        faults = tuple(
            Fault(FaultKind.CELL_ERROR, rng.randrange(30), "NameError: name 'np' is not defined", 12.0)
            for _ in range(rng.choice((0, 0, 0, 0, 1, 2)))
        )
        if number % 9 == 0:
            faults += (
                Fault(FaultKind.MISSING_MODULE, 1, "The Python package 'wandb' is not available here.", 1.0, "wandb"),
            )
        if number % 25 == 0:
            faults += (Fault(FaultKind.MISSING_FILE, 2, "The cell wanted to open a file 'x.npz'.", 2.0, "x.npz"),)
        status = Status.GRADED
        if kind > 0.96:
            faults += (
                Fault(
                    FaultKind.TIMEOUT,
                    rng.randrange(30),
                    "The notebook ran longer than 1800 s and was ended in cell 21.",
                    1800.0,
                ),
            )
            status = Status.FAULTED
        grades.append(make_grade(person, loaded, verdicts, status=status, faults=faults))
    return grades, {g.ref.id: rng.lognormvariate(4, 0.5) for g in grades if g.status in (Status.GRADED, Status.FAULTED)}


def _random_verdict(criterion: str, check: str, skill: float, rng: random.Random) -> Verdict:
    if check == "text.review":
        written = rng.random() < skill
        return Verdict(
            criterion,
            Outcome.NEEDS_REVIEW if written else Outcome.MISSING,
            0.0,
            "A person reads it." if written else "No answer was found.",
        )
    if rng.random() < skill:
        return Verdict(criterion, Outcome.PASSED, 1.0, "As asked for.")
    outcome = rng.choice((Outcome.PARTIAL, Outcome.FAILED, Outcome.MISSING))
    slugs = {
        "matrix.convolution": ("conv.not_flipped", "conv.zero_padding"),
        "number.count": ("params.no_bias",),
        "model.layers": ("model.missing_activation",),
        "compile.loss": ("loss.one_hot",),
        "training.rate": ("optimizer.rate_off",),
    }
    named = () if outcome is Outcome.MISSING else slugs.get(check, ())
    return Verdict(
        criterion,
        outcome,
        0.5 if outcome is Outcome.PARTIAL else 0.0,
        "Not quite.",
        misconceptions=tuple(rng.sample(named, min(1, len(named)))),
    )


def write_reports(
    out: Path, graded: Sequence[tuple[Grade, Evidence | None]], loaded: LoadedRubric, audience: str
) -> None:
    """Every file of a report."""
    for grade, evidence in graded:
        export.write_submission(out, grade, evidence, loaded, RUN, audience)
    durations = {e.submission.ref.id: e.duration_s for _, e in graded if e is not None}
    export.write_class(out, [grade for grade, _ in graded], durations, loaded, RUN)
