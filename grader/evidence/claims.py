"""Whether what a kernel said of its accuracy can be true, given what was measured here."""

from __future__ import annotations

from grader.records import Fault, FaultKind, Training

IMPOSSIBLE = 0.15
"""How far every claimed accuracy must lie above the measured one before it is called forged.

Both are of the same network on the same images, so they agree to the last digits in an honest run. The distance is
for honest runs of which not everything is known: validation on the first few batches, weighted items.
"""
_ACCURACY = {
    "accuracy": ("val_accuracy", "val_acc"),
    "sparse_categorical_accuracy": ("val_sparse_categorical_accuracy",),
}


def contradiction(training: Training) -> Fault | None:
    """A `tampered` fault where a training's history claims what its weights cannot do.

    Only where nothing else explains it: Keras' own layers and accuracy, validation on the whole test set prepared
    like the training set with its official labels, a `fit` that ended by itself. Weights of an earlier epoch
    (`restore_best_weights`) agree with one of the claims.
    """
    measured = training.verified.test_accuracy if training.verified else None
    x, validation = training.x, training.validation_x
    if measured is None or x is None or validation is None or training.error or not training.epochs_done:
        return None
    whole = validation.is_test and validation.exact and (validation.start, validation.stop) == (0, 10_000)
    alike = (validation.lo, validation.hi) == (x.lo, x.hi) and validation.shape[1:] == x.shape[1:]
    right = training.validation_y is not None and (training.validation_y.start, training.validation_y.stop) == (
        0,
        10_000,
    )
    plain = training.architecture.style != "subclassed" and all(layer.stock for layer in training.architecture.layers)
    averaged = bool(training.compiled.optimizer_config.get("use_ema"))
    if not (whole and alike and right and plain) or averaged:
        return None
    for metric in training.compiled.metrics:
        for name in _ACCURACY.get(metric, ()):
            claimed = training.history.get(name, ())
            if len(claimed) == training.epochs_done and min(claimed) > measured + IMPOSSIBLE:
                return Fault(
                    FaultKind.TAMPERED,
                    training.place.cell,
                    f"The notebook reported a validation accuracy of {claimed[-1]:.4f}; the network that it trained"
                    f" reaches {measured:.4f} on the same images.",
                )
    return None
