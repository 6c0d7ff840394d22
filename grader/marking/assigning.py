"""The optimal assignment of one kind of thing to another."""

from __future__ import annotations

from typing import Any

import numpy as np

Costs = np.ndarray[tuple[int, int], np.dtype[np.float64]]


def assign(costs: Costs) -> list[tuple[int, int]]:
    """(row, column) pairs of the least total cost, each row and column in at most one (Hungarian method).

    `costs`: float64, finite, shape (rows, columns).
    """
    # Imported late: it takes half a second, in which the kernels' libraries could begin to load.
    from scipy.optimize import linear_sum_assignment

    found: Any = linear_sum_assignment(costs)
    return [(int(row), int(column)) for row, column in zip(*found, strict=True)]
