"""What the last digits of TensorFlow's numbers depend on: the same in every kernel and where is trained for all."""

from __future__ import annotations

from typing import Any

SETTINGS = {
    "TF_ENABLE_ONEDNN_OPTS": "1",  # a convolution takes a third of the time, on every processor that it supports
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}
"""Environment variables, set before TensorFlow is imported."""


def compute_as_written(tensorflow: Any) -> None:
    """What TensorFlow rearranges, it rearranges otherwise in another process."""
    tensorflow.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
