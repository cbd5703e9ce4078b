"""What all candidates of a search together tell of the drop of each, and which of them the budget accepts.

What dev says of a single candidate is noisy. What changes on texts without labels is not: there are many of them, and
how sure the dense model is of each answer that changes says how much harm is to be expected. So a candidate's drop is
taken for a multiple of a power of its harm. One multiple, which dev has to tell, is shared by all candidates; those
that are pruned far too much say most about it.

Where there is no harm to go by (other metrics than accuracy, several labels), a curve of drops over sizes stands in for
it. As a model gets smaller, it loses more, and each further halving of the bytes costs more than the one before: the
curve falls over the logarithm of the size, and is convex.

A later candidate can so change what an earlier one counts for.
Source of the fit of a curve: C. Lawson and R. Hanson, Solving Least Squares Problems, 1974, chapter 23.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from prunetext.pruning.budget import Budget
from prunetext.pruning.steps import Outcome

# Of the harm to this power, that a drop is: mean and standard deviation before dev is asked. A little harm is worse
# than the dense model thinks.
POWER = 0.85
USUAL_MULTIPLE, MULTIPLE_SPREAD = 1.0, 0.3
LEAST_MULTIPLE = 0.1
ALIKE = 2.0  # candidates are judged by the same texts: so many say what one would say by other texts
LUCK, LUCK_SHARE = 0.1, 0.15  # points, and share of the drop, by which a candidate differs from what is expected of it
LUCK_OF_SIZE = 0.2  # points by which it differs from others of its size
LEAST_ERROR = 0.03  # points, of a drop
MARGIN, MARGIN_SHARE = 0.05, 0.1  # points, at most this share of max_drop, to stay below it: test is not dev
_SURE = 2.0  # standard errors above max_drop from which dev alone refuses a candidate
NO_CHANGE = 0.1  # points that are accepted whatever the budget, where no label of dev changes


class DropCurve(NamedTuple):
    """A falling, convex curve: `start` points, and a bend at each of the `knots` (logarithms of sizes)."""

    start: float
    knots: np.ndarray
    bends: np.ndarray

    def at(self, size: float) -> float:
        """The drop in points of a candidate with so many bytes."""
        return self.start + float(self.bends @ np.maximum(0.0, self.knots - math.log(size)))


def drop_curve(history: Sequence[Outcome]) -> DropCurve:
    """Fit the curve to all candidates.

    >>> rows = [Outcome(1, 4000, 0.0, True), Outcome(0.5, 2000, 0.5, True), Outcome(0.25, 1000, 1.0, True)]
    >>> round(drop_curve(rows).at(1414), 1)
    0.8
    """
    from scipy.optimize import nnls

    knots = np.log([max(row.bytes, 1) for row in history])
    drops = np.array([row.drop for row in history])
    spread = np.sqrt(_variances(history))
    hinges = np.maximum(0.0, knots[None, :] - knots[:, None])
    columns = np.column_stack([np.ones(len(knots)), -np.ones(len(knots)), hinges]) / spread[:, None]
    found = nnls(columns, drops / spread)[0]
    return DropCurve(float(found[0] - found[1]), knots, found[2:])


def accepted_rows(history: Sequence[Outcome], budget: Budget) -> list[Outcome]:
    """The same rows, each with what all of them make of its drop, and whether the budget accepts that.

    >>> rows = [Outcome(1, 4000, 0.0, True), Outcome(0.5, 2000, 0.1, False), Outcome(0.25, 1000, 3.0, True)]
    >>> [row.accepted for row in accepted_rows(rows, Budget(max_drop=0.5))]
    [True, True, False]

    The first row, the unpruned model, is always accepted. Without an accuracy budget, every candidate is.
    """
    rows = by_harm(history) if all(row.harm is not None for row in history) else by_size(history)
    if budget.max_drop is None:
        return [row._replace(accepted=True) for row in rows]
    return [row._replace(accepted=at == 0 or _accepts(row, budget.max_drop)) for at, row in enumerate(rows)]


def _accepts(row: Outcome, max_drop: float) -> bool:
    """Whether a candidate may be taken: its drop and a standard error are within the limit, or no label changes."""
    unchanged = row.harm is not None and row.drop == 0 <= max_drop and row.fitted <= NO_CHANGE
    refused = row.drop - _SURE * row.error > max_drop
    return row.held and not refused and (unchanged or row.fitted + row.fitted_error <= limit_of(max_drop))


def limit_of(max_drop: float) -> float:
    """The points up to which a drop, with its standard error, is accepted.

    >>> limit_of(0.5), limit_of(10)
    (0.45, 9.95)
    """
    return max_drop - min(MARGIN_SHARE * max_drop, MARGIN)


def by_harm(history: Sequence[Outcome]) -> list[Outcome]:
    """The same rows with drops that are a multiple of their harm, as far as dev does not contradict."""
    multiple, doubt = multiple_of(history)
    rows = []
    for row in history:
        harm = (row.harm or 0.0) ** POWER
        expected, own = multiple * harm, row.error**2 + LEAST_ERROR**2
        variance = (doubt * harm) ** 2 + (LUCK * min(1.0, harm) + LUCK_SHARE * expected) ** 2 + LEAST_ERROR**2
        weight = variance / (variance + own)
        fitted, error = expected + weight * (row.drop - expected), math.sqrt(weight * own)
        rows.append(row._replace(fitted=fitted, fitted_error=error))
    return rows


def multiple_of(history: Sequence[Outcome]) -> tuple[float, float]:
    """The multiple of the harm that drops are, and its error: a regression through the origin, with a prior."""
    harms = np.array([(row.harm or 0.0) ** POWER for row in history])
    drops = np.array([row.drop for row in history])
    weights = harms / _variances(history) / ALIKE
    precision = float(weights @ harms) + 1 / MULTIPLE_SPREAD**2
    multiple = (float(weights @ drops) + USUAL_MULTIPLE / MULTIPLE_SPREAD**2) / precision
    return max(LEAST_MULTIPLE, multiple), 1 / math.sqrt(precision)


def by_size(history: Sequence[Outcome]) -> list[Outcome]:
    """The same rows with drops between the curve and what dev says of each: nearer to this the surer it is."""
    curve, rows = drop_curve(history), []
    for row in history:
        fitted = curve.at(max(row.bytes, 1))
        own = LUCK_OF_SIZE**2 / (LUCK_OF_SIZE**2 + row.error**2 + LEAST_ERROR**2)
        rows.append(row._replace(fitted=fitted + own * (row.drop - fitted), fitted_error=row.error))
    return rows


def _variances(history: Sequence[Outcome]) -> np.ndarray:
    """How far each drop may be from what is expected of its candidate, squared."""
    drops, errors = np.array([row.drop for row in history]), np.array([row.error for row in history])
    return np.asarray(errors**2 + LEAST_ERROR**2 + (LUCK_SHARE * drops) ** 2)
