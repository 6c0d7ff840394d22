"""Problem set 10, Deep Neural Networks on Fashion-MNIST: every answer of the sheet, computed or written."""

from __future__ import annotations

from grader.rubric.expected import Reference

from .answers import ANSWERS, MEASURED
from .convolutions import IMAGES, KERNELS, convolutions
from .counts import ALTERNATIVES, MISTAKES, NUMBERS
from .models import MODELS, NETWORKS
from .sheet import SHEET


def reference() -> Reference:
    return Reference(
        models=MODELS,
        networks=NETWORKS,
        numbers=NUMBERS,
        number_mistakes=MISTAKES,
        number_alternatives=ALTERNATIVES,
        images=IMAGES,
        kernels=KERNELS,
        convolutions=convolutions(),
        answers=ANSWERS,
        measured=MEASURED,
        sheet=SHEET,
    )
