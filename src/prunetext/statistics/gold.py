"""What metrics compare: gold labels or scores, the counts that a metric sums, and the metric itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from prunetext.data.scores import passed, scored
from prunetext.statistics.answers import Answers, Array


class Gold(NamedTuple):
    """The gold labels, in the form that metrics need.

    targets: (n,) class indices, or (n, classes) bool if a text can have several labels. queries: (n,) int, equal for
    rows that are ranked together. positive: the class whose F1 is meant, and whose probability ranks the rows. levels:
    of scores, (steps + 1,); targets are then the scores, (n,) floats.
    """

    targets: Array
    queries: Array | None = None
    positive: int | None = None
    levels: Array | None = None

    @property
    def scored(self) -> bool:
        """Whether texts have scores."""
        return self.levels is not None

    def scores(self, answers: Answers) -> Array:
        """The score that some answers give each text, float (n,)."""
        assert self.levels is not None
        return scored(answers.probabilities, self.levels.tolist())

    @property
    def several(self) -> bool:
        """Whether a text can have several labels."""
        return self.targets.ndim == 2

    def chosen(self, classes: int) -> Array:
        """The gold labels of each text, bool (n, classes); of scores, the steps that are passed by half or more."""
        if self.levels is not None:
            return passed(self.targets, self.levels.tolist()) >= 0.5
        return self.targets.astype(bool) if self.several else self.targets[:, None] == np.arange(classes)

    def judges(self, metric: Metric) -> bool:
        """Whether there is anything to find: a label on some text, or the positive label on some row of a query."""
        return (
            bool(self.targets.any())
            if self.several
            else not metric.ranks or bool((self.targets == self.positive).any())
        )

    def subset(self, rows: Array) -> Gold:
        """The gold labels of these rows, in this order."""
        return self._replace(targets=self.targets[rows], queries=None if self.queries is None else self.queries[rows])


class MetricUnits(NamedTuple):
    """The counts to sum: unit i has the counts table[cells[i]]; units that count alike share a row of the table.

    Of metrics of scores, each text has a row, with what is compared.
    """

    cells: Array  # (units,) int
    table: Any  # (cells, counts), an array or a sparse one


class Metric(NamedTuple):
    """How a metric is computed, and what it needs to know.

    units: from a model's answers and the gold labels. share: from sums (…, counts) to shares in 0..1. drawn: instead,
    from how often each row of the table is drawn, (…, rows), and the table, to the values. Larger values are better.
    """

    title: str
    units: Callable[[Answers, Gold], MetricUnits]
    share: Callable[[Array], Array]
    needs_positive: bool = False
    ranks: bool = False  # its units are queries
    drawn: Callable[[Array, Array], Array] | None = None

    def values(self, counts: Array, table: Any) -> Array:
        """The values by how often each row of a table of units is drawn, (…, rows)."""
        return self.share(counts @ table) if self.drawn is None else self.drawn(counts, table)
