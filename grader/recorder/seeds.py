"""Random numbers: the same seeds for everybody at the start, and none used up by the recorder."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np

from ..wire.determinism import SETTINGS, compute_as_written

SEED = 10


def seed_start() -> None:
    """Before the first cell. Keras draws its layers' seeds from `random`."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002 (the generator that student code uses)


def settle() -> None:
    """Before TensorFlow is imported: student code may have set these, most of all to silence a message."""
    os.environ |= SETTINGS


def seed_tensorflow(tensorflow: ModuleType) -> None:
    """Once TensorFlow is imported, before student code can have set a seed of its own."""
    tensorflow.random.set_seed(SEED)
    compute_as_written(tensorflow)


def seed_keras(_: ModuleType) -> None:
    """What `keras.utils.set_random_seed` does beyond the two above, which student code may have changed by now."""
    from keras.src.backend.common import global_state

    global_state.set_global_attribute("global_random_seed", SEED)


def students_seeds() -> list[Any] | None:
    """The student's own seeds: TensorFlow's, Keras', and what its generator has come to; None where there are none."""
    from keras.src.backend.common import global_state
    from tensorflow.python.eager import context

    own = [context.global_seed(), global_state.get_global_attribute("global_random_seed")]
    if own == [SEED, SEED]:
        return None
    generator = _tensorflow_generator()
    state = hashlib.sha256(repr(generator.getstate() if generator else None).encode()).hexdigest()
    return [None if seed is None else str(seed) for seed in own] + [state]


def _tensorflow_generator() -> random.Random | None:
    context = sys.modules.get("tensorflow.python.eager.context")
    return getattr(context.context(), "_rng", None) if context else None


@contextlib.contextmanager
def untouched() -> Iterator[None]:
    """Puts every random number generator, and Keras' counters of names, back as they were."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    generator = _tensorflow_generator()
    drawn = generator.getstate() if generator else None
    names: Any = None
    state = sys.modules.get("keras.src.backend.common.global_state")
    if state:
        names = dict(state.get_global_attribute("object_name_uids") or {})
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        if generator and drawn:
            generator.setstate(drawn)
        if state and names is not None and (uids := state.get_global_attribute("object_name_uids")) is not None:
            uids.clear()
            uids.update(names)
