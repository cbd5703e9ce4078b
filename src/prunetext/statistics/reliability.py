"""How sure a model is, and how often it is right then: the bins of the calibration error.

reliability(tops, right)    # [Reliability(n=760, probability=0.41, right=0.39), …]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from prunetext.statistics.calibration import BINS, bins_of, check_some


class Reliability(NamedTuple):
    """Texts of like probability: their number, their mean probability, and the share of right labels."""

    n: int
    probability: float
    right: float


def reliability(tops: ArrayLike, right: ArrayLike, bins: int = BINS) -> list[Reliability]:
    """The bins of `calibration_error`, the least probable first.

    >>> reliability([0.9, 0.9, 0.6, 0.6], [True, False, True, False])
    [Reliability(n=2, probability=0.6, right=0.5), Reliability(n=2, probability=0.9, right=0.5)]
    """
    probability, hits = np.asarray(tops, np.float64), np.asarray(right, np.float64)
    check_some(len(probability), len(hits))
    number = bins_of(probability, bins)
    counts = np.bincount(number)
    sums = np.bincount(number, probability), np.bincount(number, hits)
    return [
        Reliability(int(counts[at]), *(float(each[at] / counts[at]) for each in sums)) for at in np.flatnonzero(counts)
    ]


def error_of(bins: Sequence[Reliability]) -> float:
    """The expected calibration error by its bins.

    >>> error_of([Reliability(2, 0.6, 0.5), Reliability(2, 0.8, 0.5)])
    0.2
    """
    return sum(each.n * abs(each.right - each.probability) for each in bins) / sum(each.n for each in bins)
