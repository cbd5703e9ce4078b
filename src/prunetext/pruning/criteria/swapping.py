"""Rearrange the units that are kept: swaps of single units, while they lower a quadratic form."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

LEAST_GAIN = 1e-9  # of the trace: smaller ones are rounding

Square = npt.NDArray[np.float64]


def swapped(matrix: Square, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """As many kept units, of which no swap of a kept one for a removed one lowers the sum of F over removed pairs.

    >>> units = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.0], [-0.9, 0.0, 1.0]])
    >>> swapped(units, np.array([False, False, True])).tolist()  # together, the first and the last cost hardly anything
    [False, True, False]

    Each removed unit in turn comes back for the kept one whose place costs least, if that gains anything, until none
    does. matrix: F, symmetric and positive (units, units).
    """
    kept = kept.copy()
    half, least = matrix.diagonal() / 2, LEAST_GAIN * float(matrix.trace())
    pull, improved = matrix @ ~kept, bool(kept.any())  # of all that is removed on each unit
    while improved:
        improved = False
        for back in np.flatnonzero(~kept):
            change = np.where(kept, half + pull - matrix[back], np.inf)
            out = int(change.argmin())
            if change[out] + half[back] - pull[back] < -least:
                kept[out], kept[back], improved = False, True, True
                pull += matrix[out] - matrix[back]
    return kept
