"""The drop in accuracy that both models' probabilities tell of: with far less noise than counting changed labels.

A small test set has few texts on which one model is right and the other is wrong, and a label more or less moves the
count. Here, each text whose label changes counts with how much likelier the dense model's label is than the other's.
That likelihood is a stack of both models (Wolpert 1992): a softmax of a weighted sum of their log-probabilities, whose
two weights are fitted to the gold labels. All texts tell what the weights are, not only those on which labels change.

A stack can be wrong. So the counted drop has a share of the result, which grows with the number of changed texts.

Source: D. Wolpert, Stacked generalization, Neural Networks 5, 1992. Standard errors: P. Huber, The behavior of maximum
likelihood estimates under nonstandard conditions, 1967. `benchmarks/drop_estimate.py` holds both against counting.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.bootstrap import paired_drop
from prunetext.statistics.metrics import Measure

EVEN = 400  # changed texts with which counting and stack have equal shares
MISTAKEN = 0.05  # points by which a stack may be wrong, for each point of changed texts
MOST_WEIGHT = 5.0  # of a model in the stack: it makes a model that is always right no surer than this
STEPS = 30  # of Newton's method
RIDGE = 1e-3  # keeps the weights of two equal models apart from infinity
# Of the other model's weight, as a share of both: where few texts tell, it is about this.
USUAL, USUAL_SPREAD = 0.1, 0.15
LEAST = 1e-12  # a probability
MOST_NUMBERS = 5_000_000  # texts times classes: above this, drops are counted

_USUALLY = np.array([-USUAL, 1 - USUAL]) / USUAL_SPREAD  # its product with the weights is a standard normal number


def expected_drop(measure: Measure, dense: Answers, other: Answers) -> tuple[float, float]:
    """The drop in accuracy from the dense model's answers to the other's, and its standard error, both in points.

    >>> from prunetext.statistics.gold import Gold
    >>> measure = Measure("accuracy", Gold(np.array([0, 1] * 50)))
    >>> said = Answers.of(np.array([[0.9, 0.1], [0.2, 0.8]] * 50))
    >>> expected_drop(measure, said, said)
    (0.0, 0.0)

    Any other metric, and several labels a text, are counted, as `paired_drop` does.
    """
    found = expectation_of(measure, dense, other)
    return paired_drop(measure, dense, other) if found is None else found.drop()


def drops_of_parts(
    measure: Measure, dense: Answers, other: Answers, parts: Iterable[Array]
) -> list[tuple[float, float]]:
    """For each part, bool (n,), the drop and its error as above if the other model answers this part alone.

    >>> from prunetext.statistics.gold import Gold
    >>> measure = Measure("accuracy", Gold(np.array([0, 1] * 50)))
    >>> right, wrong = (Answers.of(np.eye(2)[measure.gold.targets ^ flip]) for flip in (0, 1))
    >>> [round(drop) for drop, _ in drops_of_parts(measure, right, wrong, [np.arange(100) < n for n in (0, 50, 100)])]
    [0, 50, 100]

    Both models' answers to all texts tell what the answers to a part are worth.
    """
    found = expectation_of(measure, dense, other)
    if found is not None:
        return [found.drop(part) for part in parts]
    return [paired_drop(measure, dense, other.where(part, dense)) for part in parts]


class Expectation(NamedTuple):
    """What each text adds to a drop if the other model answers it.

    differs: bool (n,), whether the label is another one. counted, gains: (n,), the drop as it is seen, and as the stack
    expects it. slopes: (2, n), how a gain moves with the weights. influence: (n, 2), of a text on the weights, times n.
    """

    differs: Array
    counted: Array
    gains: Array
    slopes: Array
    influence: Array

    def drop(self, part: Array | None = None) -> tuple[float, float]:
        """The drop and its standard error, in points, if the other model answers these texts, by default all."""
        differs, counted, gains, slopes, influence = self
        if part is not None:
            differs, counted, gains, slopes = (each * part for each in (differs, counted, gains, slopes))
        if not differs.any():
            return 0.0, 0.0
        changed = int(np.count_nonzero(counted))
        spread = gains - gains.mean() + (influence @ slopes.mean(1))
        share = changed / (changed + EVEN)
        drop = (1 - share) * gains.mean() + share * counted.mean()
        spread = (1 - share) * spread + share * (counted - counted.mean())
        doubt = (1 - share) * MISTAKEN * changed / len(gains)
        return 100 * float(drop), 100 * math.hypot(float(np.sqrt(np.sum(spread**2))) / len(gains), doubt)


def expectation_of(measure: Measure, dense: Answers, other: Answers) -> Expectation | None:
    """What each text adds to a drop in accuracy; None where drops are counted."""
    if not measure.is_plain or dense.probabilities.size > MOST_NUMBERS:
        return None
    gold, rows = measure.gold.targets, np.arange(len(measure.gold.targets))
    before, now = dense.winners(), other.winners()
    counted, nothing = (before == gold).astype(float) - (now == gold), np.zeros(len(gold))
    if not (before != now).any():
        return Expectation(before != now, counted, nothing, np.zeros((2, len(gold))), np.zeros((len(gold), 2)))
    logs = np.stack([_logs(dense), _logs(other)])
    stack = fitted_stack(logs, gold)
    gains = stack.beliefs[rows, before] - stack.beliefs[rows, now]
    # How the mean gain moves with the weights: d q_j / d w_m = q_j (log p_mj − its mean under q).
    apart = logs - stack.means[:, :, None]
    slopes = stack.beliefs[rows, before] * apart[:, rows, before] - stack.beliefs[rows, now] * apart[:, rows, now]
    return Expectation(before != now, counted, gains, slopes, stack.influence)


class Stack(NamedTuple):
    """Two models as one: `weights` (2,) of their log-probabilities, and the `beliefs` (n, classes) that they give.

    means: (2, n), of each model's log-probabilities under the beliefs. influence: (n, 2), of a text on the weights,
    times n.
    """

    weights: Array
    beliefs: Array
    means: Array
    influence: Array


def fitted_stack(logs: Array, gold: Array) -> Stack:
    """The stack with the largest likelihood; logs: log-probabilities, (2, n, classes); gold: classes, (n,).

    A weight stays between 0 and `MOST_WEIGHT`. A second half of equal weights is where Newton's method begins.
    """
    rows, weights = np.arange(len(gold)), np.array([0.5, 0.5])
    seen = logs[:, rows, gold]
    best = np.inf
    for _ in range(STEPS):
        loss, beliefs, means = _stacked_loss(logs, seen, weights)
        slope, bend = (seen - means).sum(1) - _USUALLY * (_USUALLY @ weights), _curvature(logs, beliefs, means)
        free = ~(((weights <= 0) & (slope < 0)) | ((weights >= MOST_WEIGHT) & (slope > 0)))
        step = np.zeros(2)
        if free.any():
            step[free] = np.linalg.solve(bend[np.ix_(free, free)], slope[free])
        if best - loss < 1e-9 * len(gold) and best < np.inf:
            break
        best = loss
        weights = _shorter(logs, seen, weights, step, loss)
    loss, beliefs, means = _stacked_loss(logs, seen, weights)
    bend = _curvature(logs, beliefs, means)
    influence = np.zeros((len(gold), 2))
    free = (weights > 0) & (weights < MOST_WEIGHT)
    if free.any():
        influence[:, free] = len(gold) * (seen - means)[free].T @ np.linalg.inv(bend[np.ix_(free, free)])
    return Stack(weights, beliefs, means, influence)


def _shorter(logs: Array, seen: Array, weights: Array, step: Array, loss: float) -> Array:
    """The weights after this step, or after the first of its halves, quarters … that does not raise the loss."""
    for halvings in range(8):
        moved = np.clip(weights + step / 2**halvings, 0, MOST_WEIGHT)
        if _stacked_loss(logs, seen, moved)[0] <= loss:
            return np.asarray(moved)
    return weights


def _stacked_loss(logs: Array, seen: Array, weights: Array) -> tuple[float, Array, Array]:
    """The negative log-likelihood, the beliefs, and the mean of each model's log-probabilities under them."""
    mixed = weights[0] * logs[0] + weights[1] * logs[1]
    highest = mixed.max(1)
    beliefs = np.exp(mixed - highest[:, None])
    sums = beliefs.sum(1)
    beliefs /= sums[:, None]
    loss = float((highest + np.log(sums) - weights @ seen).sum()) + float(_USUALLY @ weights) ** 2 / 2
    means: Array = np.einsum("mnc,nc->mn", logs, beliefs)
    return loss, beliefs, means


def _curvature(logs: Array, beliefs: Array, means: Array) -> Array:
    """The sum over texts of the covariance of both models' log-probabilities under the beliefs, (2, 2)."""
    squares: Array = np.einsum("anc,bnc,nc->ab", logs, logs, beliefs, optimize=True)
    return np.asarray(squares - means @ means.T + RIDGE * np.eye(2) + np.outer(_USUALLY, _USUALLY))


def _logs(answers: Answers) -> Array:
    """Log-probabilities, (n, classes)."""
    return np.asarray(np.log(np.maximum(answers.probabilities.astype(float), LEAST)))
