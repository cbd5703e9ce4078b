"""The threshold of a cascade: a text of which the first model is less sure than that goes on to the second."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from prunetext.pruning.trials import UNSEEN
from prunetext.runtime.cascade_files import EVERY_TEXT
from prunetext.runtime.cascade_model import unsure
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.expected import drops_of_parts
from prunetext.statistics.metrics import Measure

_Row = TypeVar("_Row")
MOST_TRIED_THRESHOLDS = 5000  # evenly spread over the texts where dev distinguishes more,
MOST_RESAMPLED = 300  # and where each drop takes resamples


class Passing(NamedTuple):
    """A threshold, the share of texts that it lets go on, and the drop against the second model alone, in points."""

    threshold: float
    passed: float
    drop: float
    error: float

    def keeps(self, max_drop: float | None) -> bool:
        """Whether the drop and half a standard error are within the limit, if there is one."""
        return max_drop is None or self.drop + self.error / 2 <= max_drop


class Limits(NamedTuple):
    """What a threshold must keep: the points that may be lost, and the share of texts that may go on; None is any."""

    max_drop: float | None
    most_passed: float | None


class ChosenThreshold(NamedTuple):
    """A threshold, and which limits it does not keep."""

    row: Passing
    lost: bool = False  # max_drop
    late: bool = False  # most_passed


def thresholds_between(confidence: Array) -> list[float]:
    """All thresholds that texts of these confidences distinguish, from the one for none of them to that for all.

    >>> thresholds_between(np.array([0.75, 0.5, 0.75]))
    [0.0, 0.625, 2.0]
    """
    levels = np.unique(confidence[np.isfinite(confidence)])
    middles = (levels[:-1] + levels[1:]) / 2
    inner = np.where(middles > levels[:-1], middles, levels[1:])
    return [0.0, *inner.tolist(), EVERY_TEXT]


def spread_over(rows: Sequence[_Row], most: int) -> list[_Row]:
    """At most so many of these, evenly spread, the first and the last among them.

    >>> spread_over([0.0, 0.1, 0.2, 0.3, 2.0], 3)
    [0.0, 0.2, 2.0]
    """
    places = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).round().astype(int))
    return [rows[at] for at in places.tolist()]


def passings(measure: Measure, confidence: Array, first: Answers, second: Answers) -> list[Passing]:
    """What each threshold gives, the one that passes on fewest texts first; measure: of these texts.

    The standard error has half a changed label more, which so few texts do not show. If all texts go on, nothing is
    lost for certain.
    """
    every = thresholds_between(confidence)
    every = spread_over(every, MOST_TRIED_THRESHOLDS if measure.is_plain else MOST_RESAMPLED)
    drops = drops_of_parts(measure, second, first, (~unsure(confidence, threshold) for threshold in every))
    rows, doubt = [], UNSEEN / max(1, len(confidence))
    for threshold, (drop, error) in zip(every, drops, strict=True):
        passed = float(unsure(confidence, threshold).mean())
        rows.append(Passing(threshold, passed, drop, math.hypot(error, doubt) if passed < 1 else 0.0))
    return rows


def chosen_threshold(rows: Sequence[Passing], limits: Limits) -> ChosenThreshold:
    """The row to take: of those that keep all limits, the one that passes on fewest texts.

    >>> rows = [Passing(0.0, 0.0, 2.0, 0.2), Passing(0.8, 0.3, 0.3, 0.2), Passing(0.9, 0.5, 0.1, 0.2)]
    >>> chosen_threshold(rows, Limits(0.5, None)).row.threshold, chosen_threshold(rows, Limits(None, 0.6)).row.threshold
    (0.8, 0.9)
    >>> chosen_threshold(rows, Limits(0.5, 0.2))
    ChosenThreshold(row=Passing(threshold=0.0, passed=0.0, drop=2.0, error=0.2), lost=True, late=False)

    If no loss is named, it is the most accurate of them. If those within the share all lose too much, it is the most
    accurate one of these. If none is within the share, it passes on as few texts as the loss allows.
    """
    within = [row for row in rows if limits.most_passed is None or row.passed <= limits.most_passed]
    able = [row for row in within or rows if row.keeps(limits.max_drop)]
    late = not within
    if able and (late or limits.max_drop is not None):
        return ChosenThreshold(min(able, key=lambda row: row.passed), late=late)
    best = min(within or rows, key=lambda row: (row.drop, row.passed))
    return ChosenThreshold(best, not best.keeps(limits.max_drop), late)
