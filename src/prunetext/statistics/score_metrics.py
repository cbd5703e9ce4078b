"""Metrics of scores: correlations, errors, and how well scores tell the texts from a bound on from others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial

import numpy as np

from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.closeness import WITHIN_ONE, auc_of, pearson_of, spearman_of
from prunetext.statistics.gold import Gold, Metric, MetricUnits


def mean_value(sums: Array) -> Array:
    """The mean, by sums of values and of ones, (…, 2).

    >>> mean_value(np.array([6.0, 4.0])).tolist()
    1.5
    """
    return np.asarray(sums[..., 0] / np.maximum(sums[..., 1], 1e-300))


def _of_scores(answers: Answers, gold: Gold) -> MetricUnits:
    """The score and the true one."""
    return MetricUnits(np.arange(len(gold.targets)), np.column_stack([gold.scores(answers), gold.targets]))


def _offs(answers: Answers, gold: Gold, power: int) -> MetricUnits:
    """The error of each score as a part of the true ones' standard deviation, to a power."""
    spread = float(gold.targets.std()) or 1.0
    off = (np.abs(gold.scores(answers) - gold.targets) / spread) ** power
    return MetricUnits(np.arange(len(off)), np.column_stack([off, np.ones(len(off))]))


def _near(answers: Answers, gold: Gold) -> MetricUnits:
    near = np.abs(gold.scores(answers) - gold.targets) <= WITHIN_ONE
    return MetricUnits(near.astype(np.int64), np.array([[0.0, 1.0], [1.0, 1.0]]))


def _above(answers: Answers, gold: Gold, bound: float) -> MetricUnits:
    """The score, and whether the true one reaches a bound."""
    high = (gold.targets >= bound).astype(float)
    return MetricUnits(np.arange(len(high)), np.column_stack([gold.scores(answers), high]))


def auc_from(bound: float) -> Metric:
    """The AUC of telling the texts that reach a score from others."""
    return Metric(f"AUC from {bound:g}", partial(_above, bound=bound), mean_value, drawn=auc_of)


# Errors are told as what is left of 1 once they are divided by the standard deviation of the true scores.
SCORE_METRICS: Mapping[str, Metric] = {
    "spearman": Metric("Spearman", _of_scores, mean_value, drawn=spearman_of),
    "pearson": Metric("Pearson", _of_scores, mean_value, drawn=pearson_of),
    "mae": Metric("MAE", partial(_offs, power=1), lambda sums: 1 - mean_value(sums)),
    "rmse": Metric("RMSE", partial(_offs, power=2), lambda sums: 1 - np.sqrt(mean_value(sums))),
    "within-one": Metric("within 1", _near, mean_value),
}
AUC = "auc:"  # before a score


def bound_of(name: str) -> float | None:
    """The score in the name of such a metric; None for any other name.

    >>> bound_of("auc:3"), bound_of("spearman")
    (3.0, None)
    """
    try:
        bound = float(name.removeprefix(AUC)) if name.startswith(AUC) else math.nan
    except ValueError:
        return None
    return bound if math.isfinite(bound) else None
