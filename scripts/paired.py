"""Paired differences: their mean, its interval, and p values corrected for their number."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from scipy.stats import t

Key = TypeVar("Key", bound=Hashable)


class Estimate(NamedTuple):
    """The mean of paired differences, the bounds of its 95 % interval, and the p value of there being none."""

    mean: float
    low: float
    high: float
    p: float

    def __str__(self) -> str:
        """As it stands in a table; a dash where a difference is missing."""
        if np.isnan(self.mean):
            return "–"
        return f"{self.mean:+.2f} ({self.low:.2f} to {self.high:.2f})".replace("-", "−")


def estimate(differences: np.ndarray) -> Estimate:
    """Student's t over differences, shape (n,), n at least 2.

    >>> str(estimate(np.array([1.0, 2.0, 3.0])))
    '+2.00 (−0.48 to 4.48)'
    """
    n, middle = len(differences), float(np.mean(differences))
    error = float(np.std(differences, ddof=1)) / np.sqrt(n)
    margin = float(t.ppf(0.975, n - 1)) * error
    with np.errstate(divide="ignore", invalid="ignore"):
        p = float(2 * t.sf(abs(np.float64(middle) / error), n - 1))
    return Estimate(middle, middle - margin, middle + margin, p)


def holm(values: Mapping[Key, float]) -> dict[Key, float]:
    """P values corrected for their number, so that the chance of any false discovery stays what it was for one.

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}

    Source: Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    corrected, least = {}, 0.0
    for rank, key in enumerate(sorted(values, key=lambda key: values[key])):
        least = max(least, min(1.0, (len(values) - rank) * values[key]))
        corrected[key] = least
    return {key: corrected[key] for key in values}
