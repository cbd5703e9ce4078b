"""Biases for rare classes, fitted on dev: a model knows the few texts of such a class by heart, and new ones less."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import log_softmax

from prunetext.statistics.answers import Array
from prunetext.statistics.calibration import COLDEST, HOTTEST

BIAS_SPREAD = 0.5  # standard deviation of a bias before dev is seen: one text of a class must not move it far


class Biases(NamedTuple):
    """What to add to a model's logits, (classes,), and the loss that is then left, in nats."""

    offsets: Array
    loss: float


def fit_biases(logits: Array, targets: Array, rare: Sequence[int]) -> Biases:
    """Fit a bias for each rare class on dev, as if all classes were equally frequent.

    >>> logits = np.array([[2.0, 0.0]] * 90 + [[1.0, 0.0], [-1.0, 0.0]] * 5)
    >>> fit_biases(logits, np.array([0] * 90 + [1] * 10), [1]).offsets.round(1).tolist()
    [0.0, 1.2]

    logits: (n, classes); targets: (n,). What is minimised, over the biases and one temperature, is the mean over
    classes of their cross-entropies, for so many texts a class as dev holds of a rare one; biases are drawn towards 0
    by a normal distribution with the deviation `BIAS_SPREAD`. The temperature is not used; without it, few very wrong
    answers would decide. `loss` is the minimum, and tells which epoch of a training is best.

    A bias for the class frequencies that are wanted: A. K. Menon et al., Long-tail learning via logit adjustment, ICLR
    2021, there computed from the frequencies; here fitted, since a class that is known by heart needs a larger one.
    """
    classes = logits.shape[1]
    counts = np.bincount(targets, minlength=classes)
    seen = [each for each in rare if counts[each]]
    present = max(1, int(np.count_nonzero(counts)))
    weights = 1 / (np.maximum(counts, 1)[targets] * present)  # of texts: each class weighs the same, all together 1
    strength = float(np.mean(counts[seen])) * present if seen else 1.0
    truth = targets[:, None] == np.arange(classes)

    def penalised(values: Array) -> tuple[float, Array]:
        cold = math.exp(-values[0])
        moved = logits.copy()
        moved[:, seen] += values[1:]
        moved *= cold
        shares = log_softmax(moved, axis=1)
        error = weights[:, None] * (np.exp(shares) - truth)  # (n, classes)
        slope = np.array([-(error * moved).sum(), *(cold * error[:, seen].sum(0))]) * strength
        slope[1:] += values[1:] / BIAS_SPREAD**2
        loss = -float((weights * shares[truth]).sum())
        return strength * loss + float((values[1:] ** 2).sum()) / (2 * BIAS_SPREAD**2), slope

    from scipy.optimize import minimize  # not above: it takes a quarter of a second to import

    bounds = [(math.log(COLDEST), math.log(HOTTEST)), *[(None, None)] * len(seen)]
    found = minimize(penalised, np.zeros(1 + len(seen)), jac=True, bounds=bounds, method="L-BFGS-B")
    offsets = np.zeros(classes)
    offsets[seen] = found.x[1:]
    return Biases(offsets, float(found.fun) / strength)
