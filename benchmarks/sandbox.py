"""What isolation costs: the same notebook in turn at every level that holds here, as ratios to level 'none'.

python benchmarks/sandbox.py [RUNS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

from grader import sandbox
from grader.datasets import fashion_mnist as data
from grader.execution.run import RunSettings, run_submission
from grader.records import Cell, CellKind, Submission, SubmissionRef

CELLS = (
    "import keras\n(x, y), (u, v) = keras.datasets.fashion_mnist.load_data()\nx, u = x / 255.0, u / 255.0",
    """
from keras.layers import Dense, Flatten
model = keras.Sequential([Flatten(), Dense(10, activation='relu'), Dense(10, activation='relu'),
                          Dense(10, activation='softmax')])
model.compile('sgd', 'sparse_categorical_crossentropy', ['accuracy'])
model.fit(x, y, epochs=3, batch_size=64, validation_data=(u, v))
""",
    "import matplotlib.pyplot as plt\nfor i in range(5):\n    plt.imshow(x[i]); plt.show()",
)


def seconds(level: str, files: data.DataFiles) -> float:
    ref = SubmissionRef("benchmark", "benchmark", Path("benchmark.ipynb"), Path(), ())
    submission = Submission(
        ref, tuple(Cell(i, CellKind.CODE, source) for i, source in enumerate(CELLS)), is_script=False
    )
    with tempfile.TemporaryDirectory() as scratch:
        started = time.monotonic()
        result = run_submission(submission, Path(scratch), RunSettings(files.directory, sandbox=level), lambda _: None)
        took = time.monotonic() - started
        result.discard()
    if result.faults:
        sys.exit(f"level {level}: {result.faults[0].message}")
    return took


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    files = data.provide_data(print)
    levels = [level for level in sandbox.LEVELS if level != "none" and not sandbox.failure(level)]
    taken: dict[str, list[float]] = {level: [] for level in ("none", *levels)}
    for _ in range(runs):
        for level, took in taken.items():
            took.append(seconds(level, files))
    print(f"{runs} runs in turn; seconds are medians, ratios to 'none' run by run (lowest, median, highest)")
    for level, took in taken.items():
        ratios = sorted(a / b for a, b in zip(took, taken["none"], strict=True))
        low, middle, high = ratios[0], statistics.median(ratios), ratios[-1]
        print(f"{level:10} {statistics.median(took):6.2f} s   {low:.3f}  {middle:.3f}  {high:.3f}")


if __name__ == "__main__":
    main()
