"""Rubrics: what the shipped one asks, and that a wrong one is refused with file, line and a sentence."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from grader.errors import BadReferenceError, RubricError, UsageError
from grader.marking.checks.registry import REGISTRY
from grader.rubric import authoring, load
from grader.rubric.load import load_rubric
from grader.system.resources import resource_root

PS10 = resource_root() / "rubrics" / "ps10.yaml"
TEXT = PS10.read_text("utf-8")

CRITERIA = [
    "1a.data",
    "1a.images",
    "1b.scaled",
    "1b.why",
    "1c.layers",
    "1c.output",
    "1d.count",
    "1e.optimizer",
    "1e.loss",
    "1e.metrics",
    "1f.epochs",
    "1f.validation",
    "1f.accuracy",
    "1f.noted",
    "1g.default",
    "1g.rate",
    "1h.units",
    "1h.rate",
    "1h.count",
    "1h.accuracy",
    "1h.compare",
    "1i.subset",
    "1i.diverges",
    "1j.retrieved",
    "1j.stops",
    "1j.reason",
    "2a.KxIA",
    "2a.KyIA",
    "2a.KxIB",
    "2a.KyIB",
    "2b.features",
    "3a.shape",
    "3a.layers",
    "3b.compile",
    "3b.epochs",
    "3b.validation",
    "3b.accuracy",
    "3b.compare",
    "3c.count",
    "3c.compare",
    "4a.layers",
    "4a.trained",
    "4a.why",
    "4b.optimizer",
    "4b.trained",
    "4b.why",
]
BY_A_PERSON = {
    "1b.why",
    "1c.output",
    "1h.compare",
    "1i.diverges",
    "1j.reason",
    "2b.features",
    "3b.compare",
    "3c.compare",
    "4a.why",
    "4b.why",
}
MISCONCEPTIONS = {
    "conv.not_flipped",
    "conv.zero_padding",
    "conv.swapped",
    "params.no_bias",
    "model.no_softmax",
    "model.softmax_with_logits_loss",
    "model.output_width",
    "model.missing_activation",
    "cnn.same_padding",
    "cnn.filters_swapped",
    "cnn.no_flatten",
    "loss.one_hot",
    "optimizer.other",
    "optimizer.rate_off",
    "train.epochs",
    "data.unscaled",
    "data.scaled_twice",
    "data.partly_scaled",
    "data.trained_on_test",
    "data.validated_on_train",
    "data.subset_size",
    "claims.unverified",
}


@pytest.fixture(scope="module")
def ps10():
    return load_rubric("ps10", REGISTRY)


def criteria(rubric):
    return [criterion for task in rubric.tasks for criterion in task.criteria]


# ------------------------------------------------------------------ the shipped rubric


def test_it_is_the_only_one_and_the_default(ps10):
    assert load_rubric(None, REGISTRY) == load_rubric(str(PS10), REGISTRY) == ps10
    assert re.fullmatch("[0-9a-f]{64}", ps10.sha256)


def test_it_has_the_criteria_of_the_contract_in_order(ps10):
    assert [criterion.id for criterion in criteria(ps10.rubric)] == CRITERIA
    assert all(c.id.startswith(f"{task.id}.") for task in ps10.rubric.tasks for c in task.criteria)


def test_its_points_add_up_per_problem(ps10):
    worth = dict.fromkeys("1234", 0.0)
    for task in ps10.rubric.tasks:
        assert task.bonus == (task.id[0] == "4")
        worth[task.id[0]] += sum(criterion.points for criterion in task.criteria)
    assert worth == {"1": 50, "2": 20, "3": 30, "4": 10}


def test_a_person_decides_exactly_the_written_answers_and_is_told_how(ps10):
    written = [c for c in criteria(ps10.rubric) if c.check == "text.review"]
    assert {c.id for c in written} == BY_A_PERSON
    assert all(c.steps and c.expects == c.id for c in written)
    assert all(sum(step.points for step in c.steps) >= c.points for c in written)


def test_it_explains_every_misconception_of_the_contract(ps10):
    assert set(ps10.rubric.misconceptions) == MISCONCEPTIONS
    assert all(
        len(m.title) > 5 and len(m.help) > 30 and m.help.endswith(".") for m in ps10.rubric.misconceptions.values()
    )


def test_every_value_of_the_reference_is_asked_for(ps10):
    expected = {c.expects for c in criteria(ps10.rubric)}
    reference = ps10.reference
    assert {*reference.numbers, *reference.convolutions, *reference.answers} <= expected
    assert set(reference.networks) == {slot.expects for slot in ps10.rubric.networks}


def test_it_is_valid_under_its_own_json_schema():
    schema = authoring.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(YAML(typ="safe", pure=True).load(TEXT), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"id": "x"}, schema)


# ------------------------------------------------------------------ a wrong one


def edited(folder: Path, old: str, new: str) -> Path:
    """The shipped rubric with its first `old` replaced."""
    assert old in TEXT
    path = folder / "mine.yaml"
    path.write_text(TEXT.replace("calibration: ps10.calibration.json\n", "").replace(old, new, 1), "utf-8")
    return path


WRONG = {
    "syntax": ("points: 2\n", "points: [2\n", "not valid YAML"),
    "tab": ("    criteria:\n", "\tcriteria:\n", "not valid YAML"),
    "unknown escape": ('version: "1.0"', 'version: "\\q"', "not valid YAML"),
    "duplicate key": ("        points: 2\n", "        points: 2\n        points: 3\n", 'found duplicate key "points"'),
    "unknown field": (
        "        points: 2\n",
        "        pionts: 2\n",
        "unknown field 'pionts' of '1a.data': did you mean 'points'?",
    ),
    "unknown field, nothing like it": ("id: ps10", "colour: red\nid: ps10", "unknown field 'colour'."),
    "unknown limit": ("cell_s: 600", "cell_sec: 600", "unknown field 'cell_sec' of 'limits': did you mean 'cell_s'?"),
    "missing field": ("        title: Some images are shown\n", "", "the field 'title' is missing of '1a.images'."),
    "wrong type": ("points: 2\n", "points: two\n", "'points' of '1a.data' must be a number, not 'two'."),
    "not coerced": ("points: 2\n", 'points: "2"\n', "'points' of '1a.data' must be a number, not '2'."),
    "number for text": ('version: "1.0"', "version: 1.0", "'version' must be text, not 1.0: put it in quotes."),
    "no points": ("points: 2\n", "points: 0\n", "'points' of '1a.data' must be greater than 0, not 0."),
    "negative points": ("points: 2\n", "points: -1\n", "must be greater than 0, not -1."),
    "no list": (
        "    criteria:\n",
        "    criteria: 5\n    criterion:\n",
        "unknown field 'criterion' of '1a': did you mean 'criteria'?",
    ),
    "not a list": ("misconceptions:\n", "misconceptions: []\nmisconception:\n", "unknown field 'misconception'"),
    "mapping": (
        (
            "limits:\n  notebook_s: 1800\n  cell_s: 600\n  memory_mib: 4096\n  output_mib: 50\n  disk_mib: 512\n"
            "  processes: 512\n  open_files: 4096\n"
        ),
        "limits: 5\n",
        "'limits' must be a mapping, not 5.",
    ),
    "true": ("reveal_reference: false", "reveal_reference: no", "'reveal_reference' must be true or false, not 'no'."),
    "share above one": (
        "follow_through: 1.0",
        "follow_through: 2",
        "'follow_through' must be less than or equal to 1, not 2.",
    ),
    "slug": ("  cnn.no_flatten:", "  CNN-no-flatten:", "the name 'CNN-no-flatten' may hold lower-case letters"),
    "network": ("network: dense_small", "network: dense_smal", "there is no network 'dense_smal': known are cnn, "),
    "no network": (
        "        network: dense_small\n",
        "",
        "'1c.layers' must say which `network` its check 'model.layers' is about.",
    ),
    "expected number": (
        "expects: 1d.count",
        "expects: 1d.counts",
        "the reference has no '1d.counts' among its numbers: known are 1d.count",
    ),
    "expected matrix": ("expects: KxIA", "expects: 1d.count", "among its convolutions: known are KxIA"),
    "no expected": ("        expects: 1b.why\n", "", "'1b.why' must say what its check 'text.review' `expects`."),
    "expected network": (
        "task: 3b, also: [3a, 3c], expects: cnn}",
        "task: 3b, expects: kan}",
        "the reference has no network 'kan'",
    ),
    "task of a network": ("task: 1f,", "task: 1z,", "there is no task '1z': known are 1a, 1b"),
    "also of a network": ("also: [1j]", "also: [1k]", "there is no task '1k'"),
    "reused network": (", cnn_strided]}\n", ", cnn_stride]}\n", "there is no network 'cnn_stride'"),
    "second criterion": ("id: 1a.images", "id: 1a.data", "a second criterion with the id '1a.data'."),
    "second task": ("id: 1b\n", "id: 1a\n", "a second task with the id '1a'."),
    "second network": ("{id: dense_slow", "{id: dense_small", "a second network with the id 'dense_small'."),
    "outcome": (
        "points: 2\n",
        "points: 2\n        messages: {pass: Well done.}\n",
        "there is no outcome 'pass': known are blocked",
    ),
    "point of a step": (
        "none_of: [large, overshoot]",
        "none_of: [large, overshot]",
        "the reference's answer '1b.why' has no point 'overshot': known are elsewhere, faster",
    ),
    "step for nothing": (
        ", any_of: [overfits]",
        "",
        "the step 'Overfitting to fewer examples' of '1i.diverges' must say what earns it: any_of or all_of.",
    ),
    "step worth too much": (
        "points: 2, text: One mechanism explained",
        "points: 3, text: One mechanism explained",
        "the step 'One mechanism explained' is worth 3, '1b.why' only 2.",
    ),
    "step below nothing": ("points: 2, text: One", "points: -2, text: One", "must be greater than or equal to 0"),
    "step elsewhere": (
        "check: data.vectorised\n",
        "check: data.vectorised\n        steps: [{text: x, any_of: [large]}]\n",
        "'1a.data' has steps, which only answers in words ('text.review') have.",
    ),
    "reference": ("reference: ps10", "reference: ps11", "there is no reference 'ps11': known are ps10."),
    "reference elsewhere": (
        "reference: ps10",
        "reference: ../ps10",
        "there is no reference '../ps10': known are ps10.",
    ),
    "unknown check": (
        "check: data.vectorised",
        "check: data.vectorized",
        "there is no check 'data.vectorized': known are ",
    ),
}


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG.values(), ids=WRONG)
def test_a_wrong_rubric_is_refused_with_file_line_and_a_sentence(tmp_path, old, new, sentence):
    path = edited(tmp_path, old, new)
    with pytest.raises(RubricError) as refused:
        load_rubric(str(path), REGISTRY)
    message = str(refused.value)
    assert sentence in message
    line = int(re.match(rf"{re.escape(str(path))}, line (\d+): ", message)[1])
    changed = [
        n
        for n, (a, b) in enumerate(zip(path.read_text().splitlines(), lines_without_calibration(), strict=False), 1)
        if a != b
    ]
    assert abs(line - changed[0]) <= 6
    assert "\n" not in message


def lines_without_calibration():
    return TEXT.replace("calibration: ps10.calibration.json\n", "").splitlines()


def test_the_line_is_the_wrong_value_s_own(tmp_path):
    path = edited(tmp_path, "check: training.subset", "check: training.subsets")
    line = path.read_text().splitlines().index("        check: training.subsets") + 1
    with pytest.raises(RubricError, match=rf"mine\.yaml, line {line}: there is no check 'training.subsets'"):
        load_rubric(str(path), REGISTRY)


def test_several_faults_are_counted(tmp_path):
    path = edited(tmp_path, "points: 2\n        steps:", "worth: 2\n        steps:")
    with pytest.raises(RubricError, match=r"unknown field 'worth' of '1b.why'\. \(1 more after this\.\)"):
        load_rubric(str(path), REGISTRY)


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just text", "null"])
def test_a_rubric_is_a_mapping(tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(RubricError, match="line 1: a rubric is a mapping"):
        load_rubric(str(tmp_path / "x.yaml"), REGISTRY)


def test_unknown_rubrics_list_the_known_ones(tmp_path, monkeypatch):
    with pytest.raises(RubricError, match=r"There is no rubric 'ps11': known are ps10"):
        load_rubric("ps11", REGISTRY)
    with pytest.raises(RubricError, match=r"Cannot read the rubric .*none\.yaml: No such file"):
        load_rubric(str(tmp_path / "none.yaml"), REGISTRY)
    monkeypatch.setattr(load, "resource_root", lambda: tmp_path)
    with pytest.raises(RubricError, match="there are none"):
        load_rubric(None, REGISTRY)
    (tmp_path / "rubrics").mkdir()
    for name in ("a", "b"):
        (tmp_path / "rubrics" / f"{name}.yaml").write_text("")
    with pytest.raises(RubricError, match="Say which rubric to use with --rubric: there are a, b"):
        load_rubric(None, REGISTRY)


def test_files_that_are_no_text(tmp_path):
    (tmp_path / "x.yaml").write_bytes(b"id: \xff\xfe")
    with pytest.raises(RubricError, match="it is not UTF-8 text"):
        load_rubric(str(tmp_path / "x.yaml"), REGISTRY)
    (tmp_path / "y.yaml").write_bytes(b"id: \x07")
    with pytest.raises(RubricError, match="not valid YAML"):
        load_rubric(str(tmp_path / "y.yaml"), REGISTRY)
    with pytest.raises(RubricError, match="Is a directory"):
        load_rubric(str(tmp_path), REGISTRY)


LINES = TEXT.replace("calibration: ps10.calibration.json\n", "").splitlines()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, len(LINES) - 1),
    st.sampled_from(["", "x", "- a", "  ? [a]: b", "&a [*a]", "a: b: c", "'", "%YAML 9"]),
)
@example(0, "[" * 20)
def test_any_broken_line_is_loaded_or_refused_never_a_crash(tmp_path, number, line):
    path = tmp_path / "broken.yaml"
    path.write_text("\n".join([*LINES[:number], line, *LINES[number + 1 :]]), "utf-8")
    try:
        assert load_rubric(str(path), REGISTRY).rubric.title
    except (RubricError, BadReferenceError) as refused:
        assert str(path) in str(refused)  # noqa: PT017 - either outcome is right


def test_a_check_without_a_kind_of_value_may_expect_any(tmp_path):
    path = edited(tmp_path, "check: data.vectorised\n", "check: data.vectorised\n        expects: KxIA\n")
    assert load_rubric(str(path), REGISTRY).rubric.tasks[0].criteria[0].expects == "KxIA"
    with pytest.raises(RubricError, match="has no 'KxIC' among its expected values"):
        load_rubric(
            str(edited(tmp_path, "check: data.vectorised\n", "check: data.vectorised\n        expects: KxIC\n")),
            REGISTRY,
        )


# ------------------------------------------------------------------ references


def own_reference(folder: Path, code: str) -> Path:
    (folder / "reference" / "own").mkdir(parents=True, exist_ok=True)
    (folder / "reference" / "own" / "__init__.py").write_text(code)
    return edited(folder, "reference: ps10", "reference: own")


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ("import no_such_module", "is broken: ModuleNotFoundError"),
        ("def reference(): return 1 / 0", "is broken: ZeroDivisionError"),
        ("x = 1", "is broken: AttributeError"),
        ("def reference(): return {}", "reference\\(\\) must return a Reference"),
    ],
)
def test_a_broken_reference_is_named(tmp_path, code, sentence):
    with pytest.raises(BadReferenceError, match=sentence):
        load_rubric(str(own_reference(tmp_path, code)), REGISTRY)


def test_a_reference_beside_the_rubric_comes_first(tmp_path):
    code = "from dataclasses import replace\nfrom grader.marking.checks.registry import REGISTRY\n"
    code += "from grader.rubric.load import load_rubric\n"
    code += "def reference():\n    r = load_rubric('ps10', REGISTRY).reference\n    return replace(r, numbers=r.numbers | {'1j.label': 7})"
    assert load_rubric(str(own_reference(tmp_path, code)), REGISTRY).reference.numbers["1j.label"] == 7
    assert load_rubric("ps10", REGISTRY).reference.numbers["1j.label"] == 9


def test_every_mistake_of_the_reference_is_explained(tmp_path):
    path = edited(tmp_path, "  conv.not_flipped:", "  conv.never_flipped:")
    with pytest.raises(BadReferenceError, match=r"'conv.not_flipped', which .*mine.yaml does not explain"):
        load_rubric(str(path), REGISTRY)


# ------------------------------------------------------------------ authoring


def test_summary_says_what_it_is_worth():
    lines = authoring.summary("ps10", REGISTRY).splitlines()
    assert lines[0].startswith("Problem set 10")
    assert "  problem 1: 50 points (26 criteria in 10 tasks)" in lines
    assert "  problem 4: 10 points, bonus (6 criteria in 2 tasks)" in lines
    assert "  in all: 100 points and 10 bonus" in lines
    assert "runs of" in lines[-1]


def test_a_new_rubric_passes_its_own_check(tmp_path):
    path = tmp_path / "deep" / "ps11.yaml"
    authoring.new(path)
    assert "in all: 6 points\n" in authoring.summary(str(path), REGISTRY)
    assert load_rubric(str(path), REGISTRY).rubric.id == "ps11"


def test_new_overwrites_nothing_and_needs_a_place(tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.yaml"):
        authoring.new(tmp_path / "ps11.json")
    (tmp_path / "ps11.yaml").write_text("mine")
    with pytest.raises(UsageError, match="already there"):
        authoring.new(tmp_path / "ps11.yaml")
    assert (tmp_path / "ps11.yaml").read_text() == "mine"
    with pytest.raises(UsageError, match="Cannot write"):
        authoring.new(tmp_path / "ps11.yaml" / "ps12.yaml")


def test_calibrate_calls_the_reference(tmp_path):
    code = "from grader.marking.checks.registry import REGISTRY\nfrom grader.rubric.load import load_rubric\ndef reference(): return load_rubric('ps10', REGISTRY).reference\n"
    path = own_reference(tmp_path, code)
    with pytest.raises(RubricError, match="to calibrate, name the file to write"):
        authoring.calibrate(str(path), REGISTRY, seeds=2, say=print)
    path.write_text(path.read_text() + "calibration: own.json\n")
    (tmp_path / "own.json").write_text("{}")
    with pytest.raises(RubricError, match=r"it has no calibrate\.py"):
        authoring.calibrate(str(path), REGISTRY, seeds=2, say=print)
    (tmp_path / "reference" / "own" / "calibrate.py").write_text(
        "def calibrate(path, seeds, say):\n    say(f'{seeds} seeds')\n    path.write_text('done')"
    )
    said = []
    assert authoring.calibrate(str(path), REGISTRY, seeds=2, say=said.append).read_text() == "done"
    assert said == ["2 seeds"]


def test_calibrate_passes_on_what_is_missing_inside(tmp_path):
    code = "from grader.marking.checks.registry import REGISTRY\nfrom grader.rubric.load import load_rubric\ndef reference(): return load_rubric('ps10', REGISTRY).reference\n"
    path = own_reference(tmp_path, code)
    path.write_text(path.read_text() + "calibration: own.json\n")
    (tmp_path / "own.json").write_text("{}")
    (tmp_path / "reference" / "own" / "calibrate.py").write_text("import no_such_module")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        authoring.calibrate(str(path), REGISTRY, seeds=2, say=print)


def test_the_schema_is_json():
    assert json.loads(json.dumps(authoring.json_schema()))["title"] == "Rubric"
