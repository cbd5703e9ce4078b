"""How well a score ranks texts, over all of them and inside of each part.

A score that only follows the source of a text (all reviews of one shop are good) ranks well over all texts, and not at
all inside of a source.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from prunetext.statistics.answers import Array
from prunetext.statistics.evaluation import Z_95

_LEAST_WHOLE = 0.6  # AUC over all texts, from which it can be asked where it comes from
_CHANCE = 0.5


class Inside(NamedTuple):
    """The scores on one part: their number, mean and standard deviation, and the AUC; None where nothing can be ranked.

    With more than two labels, each is ranked against the others, weighted by the pairs of texts that it makes.
    """

    value: str
    n: int
    mean: float
    deviation: float
    auc: float | None


class Following(NamedTuple):
    """How far a score follows a column. whole: AUC over all texts. within: the mean AUC inside of the column's values.

    explained: the share of the scores' variance between the values. flagged: more than half of what the score ranks
    better than chance is lost inside of the values, beyond chance.
    """

    column: str
    whole: float | None
    within: float | None
    explained: float
    flagged: bool
    parts: tuple[Inside, ...]

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self._asdict(), "parts": [each._asdict() for each in self.parts]}

    def sentence(self) -> str:
        """Say it in plain words if it is flagged.

        >>> Following("source", 0.91, 0.54, 0.7, True, ()).sentence()
        'The score follows source: its AUC is 0.91 over all texts, but 0.54 inside of a source.'
        """
        if not self.flagged:
            return ""
        return (
            f"The score follows {self.column}: its AUC is {self.whole:.2f} over all texts, but {self.within:.2f} inside "
            f"of a {self.column}."
        )


def following(column: str, values: Sequence[str], scores: Array, gold: Array) -> Following:
    """How far scores follow a column.

    >>> found = following("source", ["a"] * 4 + ["b"] * 4, np.array([[.9, .8, .9, .8, .2, .1, .2, .1]]).T,
    ...                   np.array([[1, 1, 1, 0, 0, 0, 0, 1]], bool).T)
    >>> found.whole, found.within
    (0.75, 0.5)

    scores: probabilities, (texts, classes). gold: bool (texts, classes).
    """
    names = sorted(set(values))
    index = {name: at for at, name in enumerate(names)}
    place = np.array([index[value] for value in values])
    whole = mean_auc(scores, gold)[0]
    parts, sums, total, variance = [], 0.0, 0.0, 0.0
    for at, name in enumerate(names):
        rows = place == at
        own, pairs, error = mean_auc(scores[rows], gold[rows])
        seen = scores[rows].max(1) if scores.shape[1] != 2 else scores[rows, 1]
        parts.append(Inside(name, int(rows.sum()), float(seen.mean()), float(seen.std()), own))
        if own is not None:
            sums, total, variance = sums + pairs * own, total + pairs, variance + (pairs * error) ** 2
    within = sums / total if total else None
    flagged = False
    if whole is not None and within is not None and whole >= _LEAST_WHOLE:
        half = _CHANCE + (whole - _CHANCE) / 2
        flagged = within + Z_95 * math.sqrt(variance) / total < half
    return Following(column, whole, within, explained(scores, place), flagged, tuple(parts))


def explained(scores: Array, place: Array) -> float:
    """The share of the scores' variance between the groups, over all classes.

    >>> explained(np.array([[0.9], [0.9], [0.1], [0.1]]), np.array([0, 0, 1, 1]))
    1.0
    """
    counts = np.bincount(place)
    means = np.stack([np.bincount(place, column) for column in scores.T], axis=1) / np.maximum(counts, 1)[:, None]
    whole = ((scores - scores.mean(0)) ** 2).sum()
    between = (counts[:, None] * (means - scores.mean(0)) ** 2).sum()
    return float(round(between / whole, 6)) if whole > 0 else 0.0


def mean_auc(scores: Array, gold: Array) -> tuple[float | None, float, float]:
    """The mean AUC over classes, each weighted by its pairs of texts; the pairs, and the standard error.

    >>> mean_auc(np.array([[0.1], [0.9]]), np.array([[False], [True]]))[:2]
    (1.0, 1.0)

    The error is Hanley and McNeil's (1982).
    """
    sums = total = variance = 0.0
    for own, truth in zip(scores.T, gold.T, strict=True):
        ones, others = int(truth.sum()), int((~truth).sum())
        if not ones or not others:
            continue
        area = auc(own, truth)
        first, second = area / (2 - area), 2 * area**2 / (1 + area)
        spread = area * (1 - area) + (ones - 1) * (first - area**2) + (others - 1) * (second - area**2)
        pairs = float(ones * others)
        sums, total, variance = sums + pairs * area, total + pairs, variance + pairs**2 * spread / pairs
    return (sums / total, total, math.sqrt(variance) / total) if total else (None, 0.0, 0.0)


def auc(scores: Array, positive: Array) -> float:
    """The probability that a positive text has a higher score than another one; ties count half.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875
    """
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2)[place]
    ones = int(positive.sum())
    others = len(positive) - ones
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * others))
