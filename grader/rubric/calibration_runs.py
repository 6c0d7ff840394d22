"""Make a calibration file: run every planned configuration from many seeds, resumable."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.rubric.calibration import Calibration, Configuration, Run, load_calibration
from grader.system.atomic_files import atomic_write

Train = Callable[[Configuration, int], Run]
"""Trains a configuration (its runs play no part) from a seed."""


@dataclass(frozen=True, slots=True)
class Planned:
    """A configuration that a calibration is to hold."""

    configuration: Configuration
    """Without runs."""
    seeds: int
    """How many seeds to run it from: 1, 2, …"""


def calibrate(
    path: Path, start: Calibration, plan: Sequence[Planned], train: Train, say: Callable[[str], None]
) -> None:
    """Run what of `plan` the file at `path` does not hold yet, and store it there after each configuration.

    `start` says what a new file begins with. Configurations that left the plan are dropped; interrupted, it goes
    on from what is stored. Raises RubricError when the file is broken.
    """
    stored = load_calibration(path) if path.exists() else start
    runs = {_key(c): c.runs for c in stored.configurations}
    done = [p.configuration.model_copy(update={"runs": runs.get(_key(p.configuration), ())}) for p in plan]
    for n, planned in enumerate(plan):
        have = {run.seed: run for run in done[n].runs}
        wanted = range(1, planned.seeds + 1)
        if not set(wanted) - set(have):
            continue
        say(f"{n + 1} of {len(plan)}: {_describe(planned.configuration)}, {planned.seeds} seeds")
        have |= {seed: train(planned.configuration, seed) for seed in wanted if seed not in have}
        done[n] = done[n].model_copy(update={"runs": tuple(have[seed] for seed in sorted(have))})
        atomic_write(path, dump(start.model_copy(update={"configurations": tuple(c for c in done if c.runs)})))


def _key(configuration: Configuration) -> str:
    return configuration.model_dump_json(exclude={"runs"})


def _describe(c: Configuration) -> str:
    width = f" of width {c.width}" if c.width else ""
    return f"{c.network}{width}, {c.optimizer} {c.learning_rate:g}, batch {c.batch_size}, {c.train_rows:,} items"


def dump(calibration: Calibration) -> str:
    """JSON with a line for each run, so that a change shows in a diff."""

    def configuration(c: Configuration) -> str:
        runs = ",\n".join(f"      {json.dumps(run.model_dump())}" for run in c.runs)
        return f'    {{{json.dumps(c.model_dump(exclude={"runs"}))[1:-1]}, "runs": [\n{runs}\n    ]}}'

    head = json.dumps(calibration.model_dump(exclude={"configurations"}), indent=2).removesuffix("\n}")
    return (
        f'{head},\n  "configurations": [\n' + ",\n".join(map(configuration, calibration.configurations)) + "\n  ]\n}\n"
    )
