"""Thresholds: safe for right solutions, silent where nothing was measured; and the runs behind them."""

from __future__ import annotations

import json
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader.errors import RubricError
from grader.rubric.calibration import Calibration, Configuration, Run, load_calibration, lower_bound
from grader.rubric.calibration_runs import Planned, calibrate, dump
from grader.system.resources import resource_root

STORED = resource_root() / "rubrics" / "ps10.calibration.json"


@pytest.fixture(scope="module")
def stored():
    return load_calibration(STORED)


def configuration(width=10, batch=64, rate=0.01, rows=60_000, runs=(0.70, 0.72, 0.74), **more):
    """Three epochs; the accuracies are those after the last, the first two are 0.2 and 0.1 lower."""
    return Configuration(
        network=more.pop("network", "dense"),
        width=width,
        batch_size=batch,
        learning_rate=rate,
        train_rows=rows,
        epochs=3,
        runs=tuple(
            Run(seed=n, train=(0.5, 0.6, 0.7), test=(test - 0.2, test - 0.1, test))
            for n, test in enumerate(runs, start=1)
        ),
        **more,
    )


def calibration(*configurations):
    return Calibration(networks={"dense": ("small", "large"), "cnn": ("cnn",)}, configurations=configurations)


def threshold(c, network="small", *, width=10, batch=64, rate=0.01, rows=60_000, epochs=3, **more):
    return c.threshold(
        network, width=width, batch_size=batch, learning_rate=rate, train_rows=rows, epochs=epochs, **more
    )


BOUND = lower_bound([0.70, 0.72, 0.74])


# ------------------------------------------------------------------ the bound


def test_the_bound_is_the_textbook_s():
    """t(9; 0.999) = 4.297 (any table): mean − 4.297 · s · √1.1 for ten runs."""
    runs = [0.78 + 0.001 * n for n in range(10)]
    expected = statistics.fmean(runs) - 4.2968 * statistics.stdev(runs) * 1.1**0.5
    assert lower_bound(runs) == pytest.approx(expected, abs=1e-6)


def test_one_bad_run_pulls_the_bound_below_itself():
    runs = [0.80] * 59 + [0.70]
    assert lower_bound(runs) <= 0.70 - 0.5 * 0.10 + 1e-12


@given(st.lists(st.floats(0, 1), min_size=2, max_size=60))
def test_the_bound_is_never_above_what_was_seen(runs):
    assert 0 <= lower_bound(runs) <= min(runs) + 1e-12


def test_a_right_solution_fails_less_than_once_in_a_thousand():
    """Twenty runs and one more from the same normal distribution, 4,000 times."""
    rng = random.Random(1)
    failed = 0
    for _ in range(4_000):
        *runs, another = (rng.gauss(0.78, 0.015) for _ in range(21))
        failed += another < lower_bound(runs)
    assert failed <= 8


# ------------------------------------------------------------------ which runs count


def test_the_very_configuration(stored):
    assert threshold(calibration(configuration())) == BOUND
    assert threshold(calibration(configuration()), "dense") == BOUND
    assert threshold(calibration(configuration()), epochs=7) == BOUND
    assert threshold(calibration(configuration()), epochs=1) == pytest.approx(lower_bound([0.5, 0.52, 0.54]))


@pytest.mark.parametrize(
    "better",
    [{"width": 11}, {"batch": 63}, {"batch": 40}, {"rate": 0.02}, {"rows": 60_001}, {"epochs": 4}, {"width": 300}],
    ids=str,
)
def test_certainly_no_worse_choices_are_covered(better):
    noisy = configuration(batch=8, rate=0.1, runs=(0.3, 0.3))
    assert threshold(calibration(configuration(), noisy), **better) == pytest.approx(BOUND)


@pytest.mark.parametrize(
    "other",
    [{"width": 9}, {"width": None}, {"batch": 65}, {"rate": 0.009}, {"rows": 59_999}, {"epochs": 0}, {"batch": 32}],
    ids=str,
)
def test_anything_else_is_left_to_a_person(other):
    """A smaller batch too: it is noisier than anything that was run."""
    assert threshold(calibration(configuration()), **other) is None


def test_a_rate_above_all_that_were_run_is_left_to_a_person():
    wide = calibration(configuration(), configuration(batch=8, rate=0.1, runs=(0.3, 0.3)))
    assert threshold(wide, rate=0.1) == BOUND
    assert threshold(wide, rate=0.11, batch=512) is None
    assert threshold(wide, rate=1.0, batch=64) is None


def test_a_rate_that_went_through_float32_is_the_same_rate():
    assert threshold(calibration(configuration()), rate=0.009999999776482582) == BOUND


def test_unknown_networks_and_optimizers_have_none():
    assert threshold(calibration(configuration()), "rnn") is None
    assert threshold(calibration(configuration()), "cnn") is None
    assert threshold(calibration(configuration()), optimizer="Adam") is None
    assert threshold(calibration(configuration(optimizer="Adam")), optimizer="Adam") == BOUND
    assert threshold(Calibration()) is None


def test_prescribed_widths_are_not_compared():
    assert threshold(calibration(configuration(width=None, network="cnn")), "cnn", width=None) == BOUND


def test_one_run_is_no_measurement():
    assert threshold(calibration(configuration(runs=(0.7,)))) is None


def test_the_nearest_of_several_runs_decides():
    """Even where one farther off is better: small batches scatter more."""
    near, far = configuration(), configuration(batch=256, runs=(0.78, 0.79))
    noisy = configuration(batch=32, runs=(0.9, 0.9))
    assert threshold(calibration(far, near, noisy), batch=60) == BOUND
    assert threshold(calibration(far, near), batch=100) == lower_bound([0.78, 0.79])


def test_where_two_are_as_near_the_lower_decides():
    slow, few = configuration(rate=0.005, runs=(0.6, 0.7)), configuration(rows=20_000, runs=(0.5, 0.52))
    for both in ((slow, few), (few, slow)):
        assert threshold(calibration(*both, configuration(batch=32, rate=0.1))) == lower_bound([0.6, 0.7])


CHOICES = {
    "width": st.integers(1, 200),
    "batch": st.integers(1, 600),
    "rate": st.floats(0.001, 0.3),
    "rows": st.integers(1000, 60_000),
    "epochs": st.integers(1, 5),
}


@given(**CHOICES)
def test_more_of_what_helps_never_lowers_a_threshold(width, batch, rate, rows, epochs):
    c = load_calibration(STORED)
    chosen = {"batch": batch, "rate": rate}
    before = threshold(c, "dense", width=width, rows=rows, epochs=epochs, **chosen)
    after = threshold(c, "dense", width=width + 10, rows=rows + 100, epochs=epochs + 1, **chosen)
    if before is not None:
        assert after is not None
        # The first epochs of a configuration can be measured higher than the last by chance, never by much.
        assert after >= before - 0.01


# ------------------------------------------------------------------ the stored runs of problem set 10


def test_every_stored_configuration_has_at_least_twenty_seeds(stored):
    assert all(len(c.runs) >= 20 for c in stored.configurations)
    assert len(stored.configurations) >= 30


@pytest.mark.parametrize(
    ("network", "choices", "low", "high"),
    [
        ("dense_small", {}, 0.66, 0.75),
        ("dense_small", {"batch": 32}, 0.72, 0.79),
        ("dense_slow", {"rate": 0.005}, 0.50, 0.70),
        ("dense_large", {"width": 64}, 0.72, 0.80),
        ("dense_large", {"width": 64, "batch": 32}, 0.75, 0.82),
        ("dense_subset", {"width": 64, "rows": 20_000}, 0.68, 0.76),
        ("cnn", {"width": None}, 0.58, 0.72),
        ("cnn", {"width": None, "batch": 32}, 0.70, 0.80),
        ("dense_small", {"width": 128, "batch": 100}, 0.60, 0.80),
        ("dense_small", {"width": 32, "batch": 32, "rate": 0.05}, 0.70, 0.80),
        ("cnn", {"width": None, "batch": 32, "rate": 0.001, "optimizer": "Adam"}, 0.78, 0.87),
    ],
)
def test_thresholds_are_where_the_sheet_s_figures_let_them_be(stored, network, choices, low, high):
    assert low < threshold(stored, network, **choices) < high


def test_untrained_networks_never_pass(stored):
    """Ten classes: guessing reaches 0.1. Ten units at a batch size of 512 hardly learn more in three epochs."""
    for c in stored.configurations:
        assert lower_bound(c.test_after(c.epochs)) > (0.13 if (c.width, c.batch_size) == (10, 512) else 0.4)


def test_each_stored_run_passes_by_the_others(stored):
    """Leaving each run out in turn: what the rest says must accept it, but for one in a thousand."""
    missed = total = 0
    for c in stored.configurations:
        runs = c.test_after(c.epochs)
        for n, left_out in enumerate(runs):
            total += 1
            missed += left_out < lower_bound(runs[:n] + runs[n + 1 :])
    assert missed <= total / 100


# ------------------------------------------------------------------ files


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{", "is broken at the file: Invalid JSON"),
        ('{"format": 2}', "is broken at format"),
        ('{"formt": 1}', "is broken at formt: Extra inputs"),
        ('{"configurations": [{"network": "x"}]}', "is broken at configurations → 0 → batch_size: Field required"),
    ],
)
def test_a_broken_file_is_refused_with_the_place(tmp_path, content, sentence):
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(RubricError, match=sentence):
        load_calibration(tmp_path / "c.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(RubricError, match=r"Cannot read the calibration .*c\.json: No such file"):
        load_calibration(tmp_path / "c.json")


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        ({"seed": 1, "train": [0.5], "test": [0.5, 0.5, 0.5]}, "seed 1 needs an accuracy for each of 3 epochs"),
        ({"seed": 1, "train": [0.5, 0.5, 0.5], "test": [0.5, 0.5, 1.5]}, "less than or equal to 1"),
        ({"seed": 2, "train": [0.5, 0.5, 0.5], "test": [0.5, 0.5, 0.5]}, "each seed may stand once"),
    ],
)
def test_impossible_runs_are_refused(tmp_path, run, sentence):
    good = {"seed": 2, "train": [0.5, 0.5, 0.5], "test": [0.5, 0.5, 0.5]}
    values = configuration(runs=()).model_dump() | {"runs": [good, run]}
    (tmp_path / "c.json").write_text(json.dumps({"configurations": [values]}))
    with pytest.raises(RubricError, match=sentence):
        load_calibration(tmp_path / "c.json")


def test_what_is_dumped_is_what_is_loaded(tmp_path, stored):
    for c in (stored, calibration(configuration(), configuration(batch=32)), Calibration()):
        (tmp_path / "c.json").write_text(dump(c))
        assert load_calibration(tmp_path / "c.json") == c
    assert STORED.read_text("utf-8") == dump(stored)


# ------------------------------------------------------------------ running


class Trainer:
    def __init__(self, fail_at=None):
        self.trained, self.fail_at = [], fail_at

    def __call__(self, c, seed):
        if len(self.trained) == self.fail_at:
            raise KeyboardInterrupt
        self.trained.append((c.batch_size, seed))
        return Run(seed=seed, train=(0.1, 0.2, 0.3), test=(0.1, 0.2, 0.3))


def plan(*batches, seeds=3):
    return [Planned(configuration(batch=batch, runs=()), seeds) for batch in batches]


def test_an_interrupted_calibration_goes_on_where_it_was(tmp_path):
    path, start, said = tmp_path / "c.json", calibration(), []
    first = Trainer(fail_at=4)
    with pytest.raises(KeyboardInterrupt):
        calibrate(path, start, plan(64, 32), first, said.append)
    assert [c.batch_size for c in load_calibration(path).configurations] == [64]
    second = Trainer()
    calibrate(path, start, plan(64, 32), second, said.append)
    assert second.trained == [(32, 1), (32, 2), (32, 3)]
    assert [len(c.runs) for c in load_calibration(path).configurations] == [3, 3]
    assert said[0] == "1 of 2: dense of width 10, SGD 0.01, batch 64, 60,000 items, 3 seeds"
    assert load_calibration(path).networks == start.networks


def test_more_seeds_are_added_and_what_left_the_plan_is_dropped(tmp_path):
    path = tmp_path / "c.json"
    calibrate(path, calibration(), plan(64, 32), Trainer(), print)
    more = Trainer()
    calibrate(path, calibration(), plan(32, seeds=4), more, print)
    assert more.trained == [(32, 4)]
    assert [(c.batch_size, len(c.runs)) for c in load_calibration(path).configurations] == [(32, 4)]


def test_a_broken_file_is_not_written_over(tmp_path):
    (tmp_path / "c.json").write_text("{")
    with pytest.raises(RubricError):
        calibrate(tmp_path / "c.json", calibration(), plan(64), Trainer(), print)
    assert (tmp_path / "c.json").read_text() == "{"
