"""How well a score ranks texts, over all of them and inside of each part.

    found = following("source", ["shop"] * 3 + ["forum"] * 3, scores, gold)
    found.sentence()     # 'The score follows source: its AUC is 0.91 over all texts, but 0.54 inside of a source.'

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

    The scores of two labels are the probabilities of the second one; of more, those of the most probable label. The AUC
    of more than two labels ranks each against the others, weighted by the pairs of texts that it makes.
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
        """Say it in plain words if it is flagged, or if nobody can tell.

        >>> Following("source", 0.91, 0.54, 0.7, True, ()).sentence()
        'The score follows source: its AUC is 0.91 over all texts, but 0.54 inside of a source.'
        >>> Following("source", 0.91, None, 0.7, False, ()).sentence()
        'Each source has one label: nobody can tell whether the score follows source.'
        """
        if self.whole is not None and self.within is None:
            return f"Each {self.column} has one label: nobody can tell whether the score follows {self.column}."
        if not self.flagged:
            return ""
        both = f"{self.whole:.2f} over all texts, but {self.within:.2f} inside of a {self.column}"
        return f"The score follows {self.column}: its AUC is {both}."


def following(column: str, values: Sequence[str], scores: Array, gold: Array) -> Following:
    """How far scores follow a column.

    >>> found = following("source", ["a"] * 4 + ["b"] * 4, np.array([[.9, .8, .9, .8, .2, .1, .2, .1]]).T,
    ...                   np.array([[1, 1, 1, 0, 0, 0, 0, 1]], bool).T)
    >>> found.whole, found.within
    (0.75, 0.5)

    values: of the column, one for each text. scores: probabilities, (texts, classes). gold: bool (texts, classes).
    """
    names, place = np.unique(np.array(values, object), return_inverse=True)
    ranked = dense_ranks(scores)
    whole = mean_auc(ranked, gold)[0]
    parts, sums, total, variance = [], 0.0, 0.0, 0.0
    for at, name in enumerate(names):
        rows = np.flatnonzero(place == at)
        own, pairs, error = mean_auc(ranked[rows], gold[rows])
        parts.append(Inside(str(name), len(rows), *spread_of(scores[rows]), own))
        if own is not None:
            sums, total, variance = sums + pairs * own, total + pairs, variance + (pairs * error) ** 2
    within = sums / total if total else None
    flagged = False
    if whole is not None and within is not None and whole >= _LEAST_WHOLE:
        half = _CHANCE + (whole - _CHANCE) / 2
        flagged = within + Z_95 * math.sqrt(variance) / total < half
    return Following(column, whole, within, explained(scores, place), flagged, tuple(parts))


def spread_of(scores: Array) -> tuple[float, float]:
    """The mean and the standard deviation of the scores that `Inside` tells of.

    >>> spread_of(np.array([[0.2, 0.8], [0.6, 0.4]]))
    (0.6000000000000001, 0.2)
    """
    seen = scores[:, 1] if scores.shape[1] == 2 else scores.max(1)
    return float(seen.mean()), float(seen.std())


def explained(scores: Array, place: Array) -> float:
    """The share of the scores' variance between the groups, over all classes.

    >>> explained(np.array([[0.9], [0.9], [0.1], [0.1]]), np.array([0, 0, 1, 1]))
    1.0

    place: the group of each text, int (texts,).
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

    The error of a class is that of J. Hanley and B. McNeil, The meaning and use of the area under a receiver operating
    characteristic curve, Radiology 143 (1982). Classes rank the same texts, so their errors are taken to go together.
    """
    sums = total = errors = 0.0
    for own, truth in zip(scores.T, gold.T, strict=True):
        ones, others = int(truth.sum()), int((~truth).sum())
        if not ones or not others:
            continue
        area, pairs = auc(own, truth), float(ones * others)
        first, second = area / (2 - area), 2 * area**2 / (1 + area)
        spread = area * (1 - area) + (ones - 1) * (first - area**2) + (others - 1) * (second - area**2)
        sums, total, errors = sums + pairs * area, total + pairs, errors + math.sqrt(max(spread, 0.0) * pairs)
    return (sums / total, total, errors / total) if total else (None, 0.0, 0.0)


def auc(scores: Array, positive: Array) -> float:
    """The probability that a positive text has a higher score than another one; ties count half.

    >>> auc(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True]))
    0.875

    scores: (texts,), or their ranks as `dense_ranks` gives them, which is faster.
    """
    place = scores if scores.dtype.kind == "i" else np.unique(scores, return_inverse=True)[1]
    ones = np.bincount(place[positive], minlength=int(place.max()) + 1)
    others = np.bincount(place[~positive], minlength=len(ones))
    below = np.cumsum(others) - others / 2
    return float(ones @ below / (int(ones.sum()) * int(others.sum())))


def dense_ranks(scores: Array) -> Array:
    """The ranks of the scores of each class, counted from 0; equal ones have one rank. Both are (texts, classes).

    >>> dense_ranks(np.array([[0.1], [0.9], [0.1]])).ravel().tolist()
    [0, 1, 0]
    """
    return np.stack([np.unique(column, return_inverse=True)[1] for column in scores.T], axis=1)
