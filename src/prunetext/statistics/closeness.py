"""How close a model's scores come to the true ones: rank correlation, correlation, and errors.

Functions named `…_of` take how often each text is drawn, (…, texts), and a table with a row for each text, and give a
value for each draw: thousands of resamples take one call.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from prunetext.errors import InputError

Z = 1.959963984540054  # of a two-sided interval of 95 %
WITHIN_ONE = 1.0 + 1e-9  # an error up to which a score is near the true one: 1, however it is rounded
TINY_SPREAD = 1e-12

_Numbers = NDArray[Any]


class Closeness(NamedTuple):
    """How close scores come to the true ones, with the 95 % interval [low, high] of Spearman's rank correlation.

    mae, rmse: mean absolute error, and root of the mean squared error, in the unit of the scores. within_one: the share
    of texts whose score is off by one or less.
    """

    spearman: float
    low: float
    high: float
    pearson: float
    mae: float
    rmse: float
    within_one: float
    n: int

    def sentence(self) -> str:
        """Say it in plain words.

        >>> closeness([1, 2, 3, 4, 5], [1, 2, 3, 5, 4]).sentence()
        'Spearman 0.900 (95 % interval -0.169 to 0.996), Pearson 0.900, MAE 0.4, RMSE 0.632, 100.0 % within 1; n = 5'
        """
        return (
            f"Spearman {self.spearman:.3f} (95 % interval {self.low:.3f} to {self.high:.3f}), Pearson "
            f"{self.pearson:.3f}, MAE {self.mae:.3g}, RMSE {self.rmse:.3g}, {100 * self.within_one:.1f} % within 1; "
            f"n = {self.n:,}"
        )


def closeness(scores: ArrayLike, gold: ArrayLike) -> Closeness:
    """Compare scores with the true ones.

    >>> closeness([1.0, 2.0, 4.0], [1, 2, 3]).spearman
    1.0

    A correlation of scores that are all equal is 0. The interval is that of Bonett and Wright (2000, "Sample size
    requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65), by Fisher's z.
    """
    given, true = np.asarray(scores, np.float64), np.asarray(gold, np.float64)
    if len(given) != len(true) or not len(given):
        raise InputError(f"There are {len(given):,} scores for {len(true):,} texts. Give one for each text.")
    table, once, off = np.column_stack([given, true]), np.ones(len(given)), np.abs(given - true)
    rank = float(spearman_of(once, table))
    low, high = interval(rank, len(given))
    root = math.sqrt(float((off**2).mean()))
    near = float((off <= WITHIN_ONE).mean())
    return Closeness(rank, low, high, float(pearson_of(once, table)), float(off.mean()), root, near, len(given))


def interval(rank: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a rank correlation of so many texts.

    >>> [round(bound, 3) for bound in interval(0.7, 1000)]
    [0.663, 0.734]
    """
    if n < 4:
        return -1.0, 1.0
    if abs(rank) >= 1:
        return rank, rank
    half = Z * math.sqrt((1 + rank**2 / 2) / (n - 3))
    return math.tanh(math.atanh(rank) - half), math.tanh(math.atanh(rank) + half)


def spearman_of(drawn: _Numbers, table: _Numbers) -> _Numbers:
    """Spearman's rank correlation of the two columns of a table, equal values with their mean rank.

    >>> table = np.array([[1.0, 10.0], [2.0, 20.0], [3.0, 15.0]])
    >>> spearman_of(np.array([[1, 1, 1], [2, 1, 0]]), table).tolist()
    [0.5, 1.0]
    """
    ranks = [mean_ranks(drawn, column) for column in np.asarray(table).T]
    total = drawn.sum(-1, keepdims=True)
    one, other = (each - (total + 1) / 2 for each in ranks)
    return correlation(*((drawn * product).sum(-1) for product in (one * other, one**2, other**2)))


def mean_ranks(drawn: _Numbers, values: _Numbers) -> _Numbers:
    """The rank of each text among those that are drawn, from 1 on, (…, texts); equal values have their mean rank.

    >>> mean_ranks(np.array([1, 2, 1]), np.array([5.0, 5.0, 7.0])).tolist()
    [2.0, 2.0, 4.0]
    """
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    upto = np.cumsum(drawn[..., order], axis=-1)[..., np.cumsum(sizes) - 1]
    before = np.concatenate([np.zeros_like(upto[..., :1]), upto[..., :-1]], axis=-1)
    return np.asarray(((before + upto + 1) / 2)[..., group])


def pearson_of(drawn: _Numbers, table: _Numbers) -> _Numbers:
    """Pearson's correlation of the two columns of a table.

    >>> float(pearson_of(np.ones(3), np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])))
    1.0
    """
    one, other = (column - column.mean() for column in np.asarray(table, np.float64).T)
    total = np.maximum(drawn.sum(-1), 1)
    means = [drawn @ each / total for each in (one, other, one * other, one**2, other**2)]
    return correlation(means[2] - means[0] * means[1], means[3] - means[0] ** 2, means[4] - means[1] ** 2)


def correlation(both: _Numbers, one: _Numbers, other: _Numbers) -> _Numbers:
    """A correlation by a covariance and two variances; 0 where one of these is none."""
    spread = np.sqrt(np.maximum(one, 0) * np.maximum(other, 0))
    found = np.where(spread > TINY_SPREAD, both / np.maximum(spread, TINY_SPREAD), 0.0)
    return np.asarray(np.clip(np.round(found, 12), -1, 1))


def auc_of(drawn: _Numbers, table: _Numbers) -> _Numbers:
    """How often a text whose second column is 1 has the larger number in the first one than a text with 0.

    >>> float(auc_of(np.ones(4), np.array([[0.1, 0], [0.2, 1], [0.3, 0], [0.4, 1]])))
    0.75

    Equal numbers count as a half; 0.5 if all texts are of one kind.
    """
    values, high = np.asarray(table, np.float64).T
    _, group, sizes = np.unique(values, return_inverse=True, return_counts=True)
    order, ends = np.argsort(group, kind="stable"), np.cumsum(sizes) - 1
    above, below = (np.cumsum((drawn * kind)[..., order], axis=-1)[..., ends] for kind in (high, 1 - high))
    own_above, own_below = (np.diff(each, axis=-1, prepend=0) for each in (above, below))
    wins = (own_above * (below - own_below / 2)).sum(-1)
    pairs = above[..., -1] * below[..., -1]
    return np.asarray(np.where(pairs > 0, wins / np.maximum(pairs, 1), 0.5))
