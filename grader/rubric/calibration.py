"""What a calibration file says: accuracies of real runs, and from them the threshold that a right solution reaches.

A calibration file holds, for each configuration that was run, the accuracies of many seeds after every epoch.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError, model_validator
from scipy.special import stdtrit

from grader.errors import RubricError
from grader.rubric.schema import Strict

FAILURE_RATE = 0.001
"""How often a right solution may miss the threshold."""

_ROUNDING = 1.0001
"""Keras keeps learning rates as float32: 0.005 comes back as 0.004999999888."""

Accuracy = Annotated[float, Field(ge=0, le=1)]


class Run(Strict):
    """One training from one seed."""

    seed: int
    train: tuple[Accuracy, ...] = Field(description="Training accuracy of each epoch, as `fit` reports it.")
    test: tuple[Accuracy, ...] = Field(description="Accuracy on the test set after each epoch.")


class Configuration(Strict):
    """What was trained, and what came out."""

    network: str = Field(description="A family of `Calibration.networks`.")
    optimizer: str = "SGD"
    width: int | None = Field(
        default=None, gt=0, description="Units of each hidden layer; null where they are prescribed."
    )
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    train_rows: int = Field(gt=0)
    epochs: int = Field(gt=0)
    runs: tuple[Run, ...] = ()

    @model_validator(mode="after")
    def _complete(self) -> Configuration:
        for run in self.runs:
            if not len(run.train) == len(run.test) == self.epochs:
                raise ValueError(f"seed {run.seed} needs an accuracy for each of {self.epochs} epochs")
        seeds = [run.seed for run in self.runs]
        if len(set(seeds)) < len(seeds):
            raise ValueError("each seed may stand once")
        return self

    def no_better_than(self, width: int | None, batch_size: int, learning_rate: float, train_rows: int) -> bool:
        """Whether training with these choices is certainly not worse than this: it updates more often, by more."""
        return (
            (self.width is None or (width is not None and self.width <= width))
            and self.batch_size >= batch_size
            and self.learning_rate <= learning_rate * _ROUNDING
            and self.train_rows <= train_rows
        )

    def test_after(self, epochs: int) -> list[float]:
        """Test accuracies of all seeds after so many epochs."""
        return [run.test[epochs - 1] for run in self.runs]


class Calibration(Strict):
    """A calibration file (format 1)."""

    format: int = Field(default=1, ge=1, le=1)
    made_with: str = ""
    networks: dict[str, tuple[str, ...]] = Field(
        default={}, description="Family → reference networks that belong to it."
    )
    configurations: tuple[Configuration, ...] = ()

    def threshold(
        self,
        network: str,
        *,
        width: int | None,
        batch_size: int,
        learning_rate: float,
        train_rows: int,
        epochs: int,
        optimizer: str = "SGD",
    ) -> float | None:
        """Return the test accuracy that a right solution with these choices reaches 999 times in 1,000.

        `width` is the narrowest hidden layer's (None where widths are prescribed). Of the runs that are
        certainly not better (same network and optimizer; no wider, no smaller batch, no higher rate, no more items, no
        more epochs) the nearest decide, the lowest where several are. None when no run covers the choices.
        """
        family = next((name for name, members in self.networks.items() if network == name or network in members), None)
        alike = [c for c in self.configurations if c.network == family and c.optimizer == optimizer and len(c.runs) > 1]
        if epochs < 1 or not _within(alike, batch_size, learning_rate):
            return None
        covering = [c for c in alike if c.no_better_than(width, batch_size, learning_rate, train_rows)]
        nearest = [c for c in covering if not any(_farther(c, other) for other in covering if other is not c)]
        return min((lower_bound(c.test_after(min(epochs, c.epochs))) for c in nearest), default=None)


def _farther(configuration: Configuration, other: Configuration) -> bool:
    """Whether `other` stands between it and any choices that both cover."""
    return configuration.no_better_than(other.width, other.batch_size, other.learning_rate, other.train_rows)


def _within(measured: Sequence[Configuration], batch_size: int, learning_rate: float) -> bool:
    """Whether training is no noisier than some run: a higher rate or a smaller batch may be worse as well as better."""
    highest = max((c.learning_rate for c in measured), default=0.0)
    noisiest = max((c.learning_rate / c.batch_size for c in measured), default=0.0)
    return learning_rate <= highest * _ROUNDING and learning_rate / batch_size <= noisiest * _ROUNDING


def lower_bound(accuracies: Sequence[float]) -> float:
    """Return what one more run from the same distribution reaches 999 times in 1,000; for two runs or more.

    The one-sided prediction bound for one future observation of a normal distribution,
    mean − t(n−1; 0.999) · s · √(1 + 1/n) (Hahn & Meeker, *Statistical Intervals*, 1991, section 4.8). Accuracies
    have a longer tail on the left, so the bound also stays below the worst run by half its distance from the median.
    """
    n = len(accuracies)
    quantile = float(stdtrit(n - 1, 1 - FAILURE_RATE))
    normal = statistics.fmean(accuracies) - quantile * statistics.stdev(accuracies) * math.sqrt(1 + 1 / n)
    worst = min(accuracies)
    skewed = worst - 0.5 * (statistics.median(accuracies) - worst)
    return max(0.0, min(normal, skewed))


def load_calibration(path: Path) -> Calibration:
    """Read a calibration file; raises RubricError where it is missing or broken."""
    try:
        return Calibration.model_validate_json(path.read_bytes())
    except OSError as problem:
        raise RubricError(f"Cannot read the calibration {path}: {problem.strerror}.") from None
    except ValidationError as problem:
        first = problem.errors(include_url=False)[0]
        where = " → ".join(str(step) for step in first["loc"]) or "the file"
        raise RubricError(f"The calibration {path} is broken at {where}: {first['msg']}.") from None
