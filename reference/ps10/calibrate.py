"""Measure the accuracies that right solutions reach: `python -m reference.ps10.calibrate` (an hour or more, one core).

Writes `rubrics/ps10.calibration.json`; interrupted, it goes on where it was. One thread, so that the numbers can be
made again. `grade rubric calibrate ps10` does the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from grader.rubric.calibration import Calibration, Configuration, Run
from grader.rubric.calibration_runs import Planned
from grader.rubric.calibration_runs import calibrate as run_plan
from grader.rubric.expected import NetworkSpec
from grader.system.resources import resource_root

from .models import NETWORKS, SUBSET_ROWS, TRAIN_ROWS, dense_model
from .train import provide, train

FAMILIES = {"dense": ("dense_small", "dense_slow", "dense_large", "dense_subset"), "cnn": ("cnn",)}
SEEDS = 20
USUAL = 3
"""The sheet's settings are run from so many times the seeds: they decide most grades."""


def _configuration(
    width: int | None, batch_size: int, *, rate: float = 0.01, rows: int = TRAIN_ROWS, optimizer: str = "SGD"
) -> Configuration:
    return Configuration(
        network="dense" if width else "cnn",
        optimizer=optimizer,
        width=width,
        batch_size=batch_size,
        learning_rate=rate,
        train_rows=rows,
        epochs=3,
    )


def plan(seeds: int = SEEDS) -> list[Planned]:
    """What to run, the usual first. The sheet's batch size is 64, Keras' default 32; the others bound the rest."""
    c = _configuration
    usual = [c(width, batch) for width in (10, 64, None) for batch in (64, 32)]
    usual += [c(10, 64, rate=0.005), c(10, 32, rate=0.005)]
    usual += [c(64, 64, rows=SUBSET_ROWS), c(64, 32, rows=SUBSET_ROWS)]
    rest = [c(None, batch, rate=0.005) for batch in (64, 32)]
    rest += [c(width, 128) for width in (10, 64, None)]
    rest += [c(5, batch) for batch in (64, 32)]
    rest += [c(10, 128, rate=0.005), c(64, 128, rows=SUBSET_ROWS)]
    rest += [c(10, batch, rows=SUBSET_ROWS) for batch in (64, 32)]
    rest += [c(width, batch, rate=0.001, optimizer="Adam") for width in (10, 64, None) for batch in (64, 32)]
    rest += [c(width, batch) for width in (10, 64) for batch in (256, 512)]
    # How far smaller batches and higher rates may go: these are the noisiest that are certainly not worse.
    rest += [c(10, 8), c(64, 8), c(None, 8)]
    rest += [c(width, 32, rate=0.1) for width in (10, 64, None)]
    return [Planned(one, USUAL * seeds) for one in usual] + [Planned(one, seeds) for one in rest]


def network(c: Configuration) -> NetworkSpec:
    """Return the reference network that a configuration is a variant of."""
    spec = NETWORKS["cnn"]
    if c.width is not None:
        spec = replace(NETWORKS["dense_small"], model=dense_model("dense", c.width, free=True))
    return replace(
        spec,
        optimizer=c.optimizer,
        learning_rate=c.learning_rate,
        epochs=c.epochs,
        batch_size=c.batch_size,
        train_rows=c.train_rows,
    )


def calibrate(path: Path, seeds: int = SEEDS, say: Callable[[str], None] = print) -> None:
    """Measure what the file at `path` does not hold yet; raises DataError without the data set."""
    import keras
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    items = provide()

    def run(configuration: Configuration, seed: int) -> Run:
        reached = train(network(configuration), seed, items)
        return Run(seed=seed, train=reached.train, test=reached.test)

    made_with = f"Keras {keras.__version__}, TensorFlow {tf.__version__}, one thread"
    run_plan(path, Calibration(made_with=made_with, networks=FAMILIES), plan(seeds), run, say)


if __name__ == "__main__":
    calibrate(resource_root() / "rubrics" / "ps10.calibration.json")
