"""The reference of problem set 10: computed twice where it is computed, and matched by real answers where written."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from itertools import product

import nbformat
import numpy as np
import pytest
from scipy import ndimage

from grader.marking.checks.registry import REGISTRY
from grader.marking.checks.suggestion import asserts, suggest
from grader.rubric.load import load_rubric
from grader.rubric.reference_package import import_reference
from grader.rubric.yaml_source import read_yaml
from grader.system.resources import resource_root

CRITERIA = {c.id: c for task in load_rubric("ps10", REGISTRY).rubric.tasks for c in task.criteria}
FOLDER = resource_root() / "reference" / "ps10"


@pytest.fixture(scope="module")
def reference():
    return load_rubric("ps10", REGISTRY).reference


@pytest.fixture(scope="module")
def package():
    path = resource_root() / "rubrics" / "ps10.yaml"
    return import_reference(read_yaml(path, path.read_text("utf-8")), "ps10")


def touched(answer, text):
    return [asserts(point, text) for point in answer.points]


def suggested(name, text):
    return suggest(CRITERIA[name], load_rubric("ps10", REGISTRY).reference.answers[name], text)


def misled(answer, text):
    return any(asserts(point, text) for point in answer.misleading if point.id != "elsewhere")


# ------------------------------------------------------------------ numbers


def test_the_sheet_s_counts(reference):
    assert reference.numbers == {
        "1d.count": (784 * 10 + 10) + (10 * 10 + 10) + (10 * 10 + 10),
        "1h.count": (784 * 64 + 64) + (64 * 64 + 64) + (64 * 10 + 10),
        "3c.count": (3 * 3 * 16 + 16) + (3 * 3 * 16 * 8 + 8) + (5 * 5 * 8 * 10 + 10),
        "1g.default": 0.01,
        "1j.label": 9,
    }
    assert reference.models["cnn_strided"].params == 160 + 1160 + (6 * 6 * 8 * 10 + 10) == 4210


def test_mistaken_and_alternative_counts(reference):
    assert reference.number_mistakes["1d.count"] == {"params.no_bias": 8040}
    assert reference.number_mistakes["1h.count"] == {"params.no_bias": 54912}
    assert reference.number_mistakes["3c.count"]["params.no_bias"] == 144 + 1152 + 2000
    assert reference.number_alternatives == {"3c.count": {'padding="same"': 5250}}
    for name, mistakes in reference.number_mistakes.items():
        right = {reference.numbers[name], *reference.number_alternatives.get(name, {}).values()}
        assert not right & set(mistakes.values())


def test_networks_are_the_sheet_s(reference):
    sgd = {
        name: (n.model.name, n.learning_rate, n.train_rows)
        for name, n in reference.networks.items()
        if n.optimizer == "SGD"
    }
    assert sgd == {
        "dense_small": ("dense_10", 0.01, 60_000),
        "dense_slow": ("dense_10", 0.005, 60_000),
        "dense_large": ("dense_64", 0.01, 60_000),
        "dense_subset": ("dense_64", 0.01, 20_000),
        "cnn": ("cnn", 0.01, 60_000),
        "cnn_strided": ("cnn_strided", 0.01, 60_000),
    }
    assert reference.networks["cnn_adam"].optimizer == "Adam"
    assert {n.epochs for n in reference.networks.values()} == {3}
    assert {n.loss for n in reference.networks.values()} == {"sparse_categorical_crossentropy"}


@pytest.mark.kernel
def test_keras_counts_the_same():
    """In a process of its own: TensorFlow warns on import."""
    code = """if True:
        import json
        from dataclasses import replace
        from reference.ps10.counts import _NOT_FLATTENED, _SWAPPED, _padded
        from reference.ps10.models import MODELS, parameters
        from reference.ps10.train import build
        cnn = MODELS["cnn"]
        models = dict(MODELS)
        for name, layers in {
            "swapped": _SWAPPED,
            "not flattened": _NOT_FLATTENED,
            "padded": tuple(map(_padded, cnn.layers)),
            "strided, padded": tuple(map(_padded, MODELS["cnn_strided"].layers)),
        }.items():
            models[name] = replace(cnn, layers=layers, params=parameters(layers, cnn.input_shape))
        print(json.dumps({name: [model.params, build(model).count_params()] for name, model in models.items()}))
    """
    done = subprocess.run([sys.executable, "-c", code], cwd=resource_root(), capture_output=True, text=True, check=True)
    counts = json.loads(done.stdout)
    assert len(counts) == 8
    assert all(formula == keras for formula, keras in counts.values()), counts


def test_a_layer_without_a_formula_is_our_own_mistake(package, reference):
    models = sys.modules[f"{package.__name__}.models"]
    with pytest.raises(AssertionError, match="LSTM"):
        models.parameters([models.LayerSpec("LSTM")], (784,))


# ------------------------------------------------------------------ convolutions


def test_convolutions_agree_with_scipy(reference):
    """SciPy's `convolve` flips, its `correlate` does not; 'nearest' repeats the border."""
    assert list(reference.convolutions) == ["KxIA", "KyIA", "KxIB", "KyIB"]
    for c in reference.convolutions.values():
        kernel, image = np.array(reference.kernels[c.kernel]), np.array(reference.images[c.image])
        expected = ndimage.convolve(image, kernel, mode="nearest")
        assert np.array_equal(c.expected, expected)
        made = {
            "conv.not_flipped": ndimage.correlate(image, kernel, mode="nearest"),
            "conv.zero_padding": ndimage.convolve(image, kernel, mode="constant"),
            "conv.not_flipped+conv.zero_padding": ndimage.correlate(image, kernel, mode="constant"),
        }
        shows = {slug: result for slug, result in made.items() if not np.array_equal(result, expected)}
        assert set(c.mistakes) == set(shows)
        assert all(np.array_equal(c.mistakes[slug], result) for slug, result in shows.items())


def test_the_sheet_s_matrices(reference):
    row = (0, -4, 0, 4, 0)
    assert reference.convolutions["KxIA"].expected == (row,) * 5
    assert reference.convolutions["KyIB"].expected == tuple((value,) * 5 for value in row)
    zeros = ((0,) * 5,) * 5
    assert reference.convolutions["KyIA"].expected == reference.convolutions["KxIB"].expected == zeros


def test_no_mistake_is_another_s_right_answer(reference):
    """Else a mistake could not be told from matrices under swapped names."""
    for c, other in product(reference.convolutions.values(), repeat=2):
        assert other.expected not in c.mistakes.values()


# ------------------------------------------------------------------ written answers


def test_every_written_answer_has_points_and_touches_them_itself(reference):
    assert len(reference.answers) == 10
    for name, answer in reference.answers.items():
        assert len({p.id for p in (*answer.points, *answer.misleading)}) == len(answer.points) + len(answer.misleading)
        assert suggested(name, answer.text).points == CRITERIA[name].points, name
        assert not misled(answer, answer.text), name


GOOD = [
    (
        "1b.why",
        "Large input values lead to large gradients, so the weight updates overshoot and training becomes unstable.",
    ),
    ("1b.why", "Große Eingabewerte führen zu großen Gradienten, die Updates schießen über das Ziel hinaus."),
    ("1b.why", "Scaling makes the network converge faster and avoids exploding gradients."),
    ("1b.why", "Das Training konvergiert schneller, und die Gradienten verschwinden nicht."),
    ("1c.output", "There are 10 classes, so we need one neuron per class giving its probability."),
    ("1c.output", "Weil es zehn Klassen gibt; Softmax liefert die Wahrscheinlichkeit jeder Klasse."),
    ("1c.output", "Each output neuron stands for one class and softmax turns the scores into probabilities."),
    ("1h.compare", "The bigger network has about 7 times more parameters but the accuracy is only slightly better."),
    ("1h.compare", "55050 statt 8070 Parameter, die Genauigkeit ist aber nur um wenige Prozent höher."),
    (
        "1i.diverges",
        "Training accuracy is higher than test accuracy: the model overfits the few examples, and what counts is that it generalizes.",
    ),
    (
        "1i.diverges",
        "Es gibt kaum einen Unterschied, für Overfitting sind drei Epochen zu wenig; wichtig sind unbekannte Daten.",
    ),
    ("1j.reason", "These are sneakers with a high shaft, which look similar to boots."),
    ("1j.reason", "Es sind Turnschuhe und Sandalen mit ähnlicher Silhouette."),
    ("2b.features", "Kx detects vertical edges, Ky detects horizontal edges."),
    ("2b.features", "$K_x$ findet senkrechte und $K_y$ waagerechte Kanten."),
    ("2b.features", "The first kernel responds to vertical edges and the second one to horizontal edges."),
    ("2b.features", "Vertical edges are found by K_x, horizontal edges by K_y."),
    (
        "2b.features",
        "$K_{x}$ computes the horizontal derivative and so extracts vertical edges, $K_{y}$ horizontal ones.",
    ),
    ("3b.compare", "The CNN is better and the gap is smaller, since weights are shared and features are local."),
    (
        "3b.compare",
        "Die Genauigkeit ist höher, der Unterschied bleibt klein; lokale Verbindungen und geteilte Gewichte passen zu Bildern.",
    ),
    (
        "3c.compare",
        "3330 are fewer parameters than 8070, because the kernel is shared, and still the accuracy is better.",
    ),
    ("3c.compare", "Weniger Parameter als das dichte Netz (Gewichte werden geteilt) bei besserer Genauigkeit."),
    (
        "4a.why",
        "With stride 2 fewer positions are computed, and no pooling is needed although there are more parameters.",
    ),
    (
        "4a.why",
        "Durch die Schrittweite 2 wird nur jede zweite Position berechnet, ohne Pooling, obwohl es mehr Parameter sind.",
    ),
    ("4b.why", "Adam adapts the learning rate for each weight and uses momentum, so it converges faster."),
    ("4b.why", "Adam passt die Lernrate für jedes Gewicht an, nutzt Momentum und lernt schneller."),
]


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_good_answers_touch_their_points(reference, name, text):
    answer = reference.answers[name]
    assert sum(touched(answer, text)) >= 2
    assert not misled(answer, text)


@pytest.mark.parametrize("name", ["1b.why", "1c.output", "1j.reason", "2b.features", "4a.why", "4b.why"])
@pytest.mark.parametrize("text", ["", "I do not know.", "Because it is so.", "Keine Ahnung.", "See above.", "TODO"])
def test_empty_answers_touch_nothing(reference, name, text):
    assert not any(touched(reference.answers[name], text))


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("4a.why", "It is faster because there are fewer parameters.", True),
        ("4a.why", "Es ist schneller, weil es weniger trainierbare Parameter gibt.", True),
        ("4a.why", "Fewer positions are computed; there are not fewer parameters but more.", False),
        ("2b.features", "K_x finds horizontal edges and K_y finds vertical edges.", True),
        ("2b.features", "$K_x$ findet horizontale Kanten.", True),
        ("2b.features", "K_x: vertical edges, K_y: horizontal edges.", False),
        ("2b.features", "K_x is the horizontal derivative, it finds vertical edges.", False),
    ],
)
def test_misleading_statements_are_noticed(reference, name, text, wrong):
    assert misled(reference.answers[name], text) is wrong


# ------------------------------------------------------------------ the solution notebook


def test_the_notebook_is_made_from_its_source(package):
    build_solution = importlib.import_module(f"{package.__name__}.build_solution")
    assert build_solution.NOTEBOOK.read_text("utf-8") == build_solution.build(build_solution.SOURCE.read_text("utf-8"))


def test_the_notebook_answers_everything_in_text(reference):
    notebook = nbformat.read(FOLDER / "solution.ipynb", as_version=4)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert not any(cell.get("outputs") for cell in notebook.cells)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    for number in ("8070", "55050", "3330", "0.01"):
        assert number in text
    task, answers = "", {}
    for cell in notebook.cells:
        if cell.cell_type != "markdown":
            continue
        if heading := re.search(r"^## (\d) (\w)\)", cell.source, re.MULTILINE):
            task = heading[1] + heading[2]
        answers[task] = answers.get(task, "") + cell.source
    for name, answer in reference.answers.items():
        assert suggested(name, answers[name[:2]]).points == CRITERIA[name].points, name
        assert not misled(answer, answers[name[:2]]), name


def test_the_notebook_s_code_compiles():
    notebook = nbformat.read(FOLDER / "solution.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            compile(cell.source, cell.id, "exec")


@pytest.mark.kernel
@pytest.mark.slow
def test_the_notebook_earns_full_marks(tmp_path):
    """100 + 10 once a person has granted the written answers, which are suggested with all their points."""
    command = [
        sys.executable,
        "-m",
        "grader",
        str(FOLDER / "solution.ipynb"),
        "--out",
        str(tmp_path),
        "--sandbox",
        "none",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    [graded] = json.loads((tmp_path / "results.json").read_text("utf-8"))["submissions"]
    criteria = [criterion for task in graded["tasks"] for criterion in task["criteria"]]
    assert {c["id"]: c["outcome"] for c in criteria if c["outcome"] not in {"passed", "needs_review"}} == {}
    written = [c for c in criteria if c["outcome"] == "needs_review"]
    assert len(written) == 10
    assert all(c["suggestion"]["points"] == c["max_points"] for c in written)
    assert (graded["score"] + graded["pending"], graded["bonus"] + graded["pending_bonus"]) == (100, 10)
    assert (graded["status"], graded["faults"], graded["misconceptions"]) == ("graded", [], [])


# ------------------------------------------------------------------ training


@pytest.mark.kernel
def test_training_is_deterministic_and_respects_the_specification():
    """On 256 random items: equal seeds, equal numbers; an accuracy per epoch."""
    code = """if True:
        import json
        from dataclasses import replace
        import numpy as np
        from reference.ps10.calibrate import network, plan
        from reference.ps10.models import NETWORKS
        from reference.ps10.train import Data, train
        rng = np.random.default_rng(1)
        x = rng.random((256, 28, 28), dtype=np.float32)
        y = rng.integers(0, 10, 256)
        items = Data(x, y, x[:1000], y[:1000])
        one, two = (train(NETWORKS["dense_small"], seed=3, items=items) for _ in range(2))
        assert one == two, (one, two)
        assert one != train(NETWORKS["dense_small"], seed=4, items=items)
        assert len(one.train) == len(one.test) == 3
        short = replace(NETWORKS["cnn_adam"], epochs=1, train_rows=64)
        assert len(train(short, 1, items).test) == 1
        specs = [network(p.configuration) for p in plan()]
        assert {s.model.name for s in specs} == {"dense", "cnn"}
        print("fine")
    """
    threads = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    command = [sys.executable, "-c", code]
    environment = os.environ | threads
    done = subprocess.run(command, cwd=resource_root(), capture_output=True, text=True, env=environment, check=False)
    assert done.stdout == "fine\n", done.stderr[-2000:]


def test_what_is_planned_was_measured(package, reference):
    calibrate = importlib.import_module(f"{package.__name__}.calibrate")
    names = [name for members in calibrate.FAMILIES.values() for name in members]
    assert set(names) <= set(reference.networks)
    stored = load_rubric("ps10", REGISTRY).calibration
    assert [p.configuration for p in calibrate.plan()] == [
        c.model_copy(update={"runs": ()}) for c in stored.configurations
    ]
    assert [p.seeds for p in calibrate.plan()] == [len(c.runs) for c in stored.configurations]
    large = next(p.configuration for p in calibrate.plan() if p.configuration.width == 64)
    assert calibrate.network(large).model.params == reference.models["dense_64"].params
    assert replace(calibrate.network(large), name="x", model=None).batch_size == 64
