"""Thresholds for texts with several labels: the probability from which a text has a label, tuned on dev."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[Any]

SHRINKAGE = 100  # dev texts with a label for which its own threshold and the common one have equal weight
MOST_SORTED = 4_000_000  # probabilities from which the common threshold is found, about half a second's work
THRESHOLD_DIGITS = 4  # of a threshold: more would be noise, and take bytes in the file


def tuned(probabilities: Numbers, targets: Numbers) -> Numbers:
    """A threshold for each label, shape (classes,), tuned on these texts.

    >>> probabilities = np.array([[0.9, 0.2], [0.8, 0.3], [0.4, 0.1]])
    >>> tuned(probabilities, np.array([[True, False], [True, True], [False, False]])).tolist()
    [0.2556, 0.25]

    `probabilities` and `targets`, 0 or 1, are (n, classes). The threshold that is best for a label's F1 is drawn, as
    log-odds, towards the one threshold that is best for the micro-F1 of all: with n texts that have the label, its own
    has the weight n / (n + `SHRINKAGE`). A rare label has too few texts of its own; a frequent label that is hard to
    tell would, by its own F1, be given to too many texts, and micro-F1 would fall.
    """
    gold = np.asarray(targets, bool)
    scores = np.asarray(probabilities, np.float64)
    some = slice(None, None, 1 + scores.size // MOST_SORTED)  # rows enough, for one number
    common = best_threshold(scores[some].ravel(), gold[some].ravel())
    own = np.array([best_threshold(*columns) for columns in zip(scores.T, gold.T, strict=True)])
    counts = gold.sum(0)
    weight = counts / (counts + SHRINKAGE)
    odds = weight * _log_odds(own) + (1 - weight) * _log_odds(np.array(common))
    least = 10.0**-THRESHOLD_DIGITS
    return np.asarray(np.clip(np.round(1 / (1 + np.exp(-odds)), THRESHOLD_DIGITS), least, 1 - least))


def best_threshold(probabilities: Numbers, gold: Numbers) -> float:
    """The threshold with the best F1, midway between two probabilities; 0.5 if no text has the label.

    >>> best_threshold(np.array([0.9, 0.5, 0.3]), np.array([True, True, False]))
    0.4
    """
    if not gold.any():
        return 0.5
    order = np.argsort(-probabilities, kind="stable")
    falling = probabilities[order]
    hits, given = np.cumsum(gold[order]), np.arange(1, len(order) + 1)
    following = np.append(falling[1:], 0.0)
    # Texts of equal probability get the label together.
    apart = np.append(falling[:-1] > falling[1:], True)
    f1 = np.where(apart, hits / (given + gold.sum()), 0.0)
    best = int(f1.argmax())
    return float((falling[best] + following[best]) / 2)


def decided(probabilities: Numbers, thresholds: Numbers) -> Numbers:
    """The labels given to each text, (n, classes) bool.

    >>> decided(np.array([[0.9, 0.2]]), np.array([0.5, 0.5])).tolist()
    [[True, False]]
    """
    return np.asarray(np.asarray(probabilities, np.float64) >= thresholds)


def _log_odds(probabilities: Numbers) -> Numbers:
    """Log-odds of probabilities, kept away from 0 and 1."""
    inside = np.clip(probabilities, 1e-9, 1 - 1e-9)
    return np.asarray(np.log(inside / (1 - inside)))
