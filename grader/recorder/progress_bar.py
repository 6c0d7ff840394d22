"""The progress that Keras prints, of what happened elsewhere."""

from __future__ import annotations

import time
from typing import Any


def progress(model: Any, callbacks: Any, *, epochs: int, steps: int, verbose: Any, history: bool = False) -> Any:
    """The callbacks of a call as Keras lists them."""
    from keras.src.callbacks import CallbackList

    return CallbackList(
        callbacks,
        add_history=history,
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs,
        steps=steps,
        model=model,
    )


def took(callbacks: Any, seconds: float) -> None:
    """The progress bar tells how long it took where it was done."""
    shown = getattr(callbacks._progbar, "progbar", None)
    if shown is not None:
        now = time.time()
        shown._start = shown._time_at_epoch_start = now - seconds
        if shown.target:
            shown._time_after_first_step = now - seconds * (1 - 1 / max(2, shown.target))
