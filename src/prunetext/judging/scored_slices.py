"""Scores inside the parts of some texts: a model can follow the source of a text, and say nothing about the text.

for each in scored_columns(examples, ["source"], scores):
    each.sentences()      # ['source explains 41.2 % of the variance of the true scores, and 63.0 % of …', …]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from prunetext.data.dataset import Examples
from prunetext.judging.slicing import check_columns, told_values
from prunetext.statistics.answers import Array
from prunetext.statistics.closeness import auc_of, spearman_of
from prunetext.statistics.score_metrics import bound_of

NAMED_PARTS = 5  # that a sentence names


class ScoredPart(NamedTuple):
    """The texts with one value of a column: how well scores rank them among themselves.

    auc: of telling those whose true score reaches `ScoredColumn.bound` from the others; None if all or none do.
    spearman: None if the true scores are all equal, as `constant` then says. mean, true_mean: of the model's and the
    true scores.
    """

    value: str
    n: int
    spearman: float | None
    auc: float | None
    mean: float
    true_mean: float
    constant: bool


class ScoredColumn(NamedTuple):
    """All parts of a column, the most texts first.

    explained, true_explained: the share of the variance of the model's and of the true scores that the column alone
    explains. within: the mean of the parts' rank correlations, by their texts; None if no part has one.
    """

    column: str
    bound: float
    explained: float
    true_explained: float
    within: float | None
    parts: tuple[ScoredPart, ...]

    def sentences(self) -> list[str]:
        """What a reader should know, in plain words."""
        said = [
            f"{self.column} alone explains {100 * self.true_explained:.1f} % of the variance of the true scores, and "
            f"{100 * self.explained:.1f} % of that of the model's."
        ]
        if self.within is not None:
            said.append(f"Inside the values of {self.column}, the mean Spearman correlation is {self.within:.3f}.")
        if flat := [each for each in self.parts if each.constant]:
            named = ", ".join(f"{each.value} ({each.n:,} texts)" for each in flat[:NAMED_PARTS])
            more = f" and {len(flat) - NAMED_PARTS:,} more" if len(flat) > NAMED_PARTS else ""
            said.append(f"All true scores are equal where {self.column} is {named}{more}: nothing can be ranked there.")
        return said

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        parts = [each._asdict() for each in self.parts]
        return {**self._asdict(), "parts": parts, "sentences": self.sentences()}


def scored_columns(
    examples: Examples, columns: Sequence[str], scores: Array, metric: str = "spearman"
) -> Iterator[ScoredColumn]:
    """Cut texts by each column, and judge a model's scores inside the parts.

    metric: auc:3 says from which true score on the AUC tells texts from others; by default, from their median on.
    """
    check_columns(examples, columns)
    true, bound = np.array(examples.scores, float), bound_of(metric)
    bound = float(np.median(true)) if bound is None else bound
    for name in columns:
        told = np.array(told_values(examples.columns[name]), object)
        values, place, counts = np.unique(told.astype(str), return_inverse=True, return_counts=True)
        parts = [
            _part(str(values[at]), scores[place == at], true[place == at], bound)
            for at in np.argsort(-counts, kind="stable").tolist()
        ]
        ranked = [(each.spearman, each.n) for each in parts if each.spearman is not None]
        within = sum(rank * n for rank, n in ranked) / sum(n for _, n in ranked) if ranked else None
        yield ScoredColumn(name, bound, explained_by(place, scores), explained_by(place, true), within, tuple(parts))


def _part(value: str, scores: Array, true: Array, bound: float) -> ScoredPart:
    once, high, constant = np.ones(len(true)), (true >= bound).astype(float), bool((true == true[0]).all())
    spearman = None if constant else float(spearman_of(once, np.column_stack([scores, true])))
    auc = float(auc_of(once, np.column_stack([scores, high]))) if 0 < high.sum() < len(high) else None
    return ScoredPart(value, len(true), spearman, auc, float(scores.mean()), float(true.mean()), constant)


def explained_by(place: Array, numbers: Array) -> float:
    """The share of the variance of some numbers that the part alone explains in which each of them is.

    >>> explained_by(np.array([0, 0, 1, 1]), np.array([1.0, 1.0, 2.0, 2.0]))
    1.0
    """
    whole = float(((numbers - numbers.mean()) ** 2).sum())
    means = np.bincount(place, numbers) / np.maximum(np.bincount(place), 1)
    return float(((means[place] - numbers.mean()) ** 2).sum()) / whole if whole > 0 else 0.0
