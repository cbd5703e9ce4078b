"""Metrics of a model's answers, by name: accuracy, three kinds of F1, and two metrics of rankings.

A metric sums a few counts over units (texts, or queries) and makes a share from the sums: one product of matrices then
gives its value on thousands of resamples, as `statistics/bootstrap.py` needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array, hstack

from prunetext.data.dataset import Examples
from prunetext.data.positive import positive_of
from prunetext.data.task import Task
from prunetext.errors import InputError, brief
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.evaluation import Damage, damages


class Gold(NamedTuple):
    """The gold labels, in the form that metrics need.

    targets: (n,) class indices, or (n, classes) bool if a text can have several labels. queries: (n,) int, equal for
    rows that are ranked together. positive: the class whose F1 is meant, and whose probability ranks the rows.
    """

    targets: Array
    queries: Array | None = None
    positive: int | None = None

    @property
    def several(self) -> bool:
        """Whether a text can have several labels."""
        return self.targets.ndim == 2

    def chosen(self, classes: int) -> Array:
        """The gold labels of each text, bool (n, classes)."""
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
    """The counts to sum: unit i has the counts table[cells[i]]; units that count alike share a row of the table."""

    cells: Array  # (units,) int
    table: Any  # (cells, counts), an array or a sparse one


class Metric(NamedTuple):
    """How a metric is computed, and what it needs to know.

    units: from a model's answers and the gold labels. share: from sums (…, counts) to shares in 0..1.
    """

    title: str
    units: Callable[[Answers, Gold], MetricUnits]
    share: Callable[[Array], Array]
    needs_positive: bool = False
    ranks: bool = False  # its units are queries


def _right(answers: Answers, gold: Gold) -> MetricUnits:
    """Right or wrong; with several labels, all must be right."""
    chosen = answers.chosen
    right = (chosen == gold.targets).all(1) if gold.several else chosen[np.arange(len(chosen)), gold.targets]
    return MetricUnits(right.astype(np.int64), np.array([[0.0, 1.0], [1.0, 1.0]]))


def _confusions(answers: Answers, gold: Gold) -> MetricUnits:
    """For each class: how often it is both predicted and gold; then how often predicted plus how often gold."""
    classes = answers.chosen.shape[1]
    if gold.several:
        targets = gold.targets.astype(bool)
        bits = np.packbits(np.hstack([answers.chosen, targets]), axis=1)
        _, first, cells = np.unique(bits, axis=0, return_index=True, return_inverse=True)
        guess, truth = answers.chosen[first].astype(float), targets[first].astype(float)
    else:
        kinds, cells = np.unique(gold.targets * classes + answers.winners(), return_inverse=True)
        guess, truth = (_one_hot(each, classes) for each in (kinds % classes, kinds // classes))
    # Sparse: with thousands of classes, nearly all of it is zero.
    guess, truth = csr_array(guess), csr_array(truth)
    return MetricUnits(cells.reshape(-1), csr_array(hstack([guess * truth, guess + truth])))


def _one_hot(numbers: Array, classes: int) -> csr_array:
    """Rows of zeros, each with a one at that number."""
    return csr_array((np.ones(len(numbers)), numbers, np.arange(len(numbers) + 1)), (len(numbers), classes))


def _confusion_of_positive(answers: Answers, gold: Gold) -> MetricUnits:
    cells, table = _confusions(answers, gold)
    return MetricUnits(cells, table[:, [gold.positive, answers.chosen.shape[1] + (gold.positive or 0)]])


def _ranks(answers: Answers, gold: Gold) -> tuple[Array, Array, Array]:
    """For each positive row: its query (counted from 0), its rank, and the number of positive rows up to there.

    Rows are ranked by the odds of the positive class, which still differ when probabilities near 1 are rounded to the
    same number. Among equals, positive rows come last: giving every row the same score must not pay.
    """
    assert gold.queries is not None
    of_positive = answers.probabilities[:, gold.positive].astype(float)
    with np.errstate(divide="ignore"):
        odds = of_positive / (np.delete(answers.probabilities, gold.positive or 0, axis=1).sum(1, dtype=float))
    relevant = gold.targets == gold.positive
    order = np.lexsort((relevant, -odds, gold.queries))
    queries, relevant = gold.queries[order], relevant[order]
    starts = np.flatnonzero(np.diff(queries, prepend=queries[:1] - 1))
    query = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(queries)))
    before = np.concatenate([[0], np.cumsum(relevant)])[starts]
    found = np.flatnonzero(relevant)
    return query[found], found - starts[query[found]] + 1, np.cumsum(relevant)[found] - before[query[found]]


def _average_precisions(answers: Answers, gold: Gold) -> MetricUnits:
    query, rank, found = _ranks(answers, gold)
    counts = np.bincount(query)
    return _of_values((np.bincount(query, found / rank) / np.maximum(counts, 1))[counts > 0])


def _reciprocal_ranks(answers: Answers, gold: Gold) -> MetricUnits:
    _, rank, found = _ranks(answers, gold)
    return _of_values(1 / rank[found == 1])


def _of_values(values: Array) -> MetricUnits:
    kinds, cells = np.unique(values, return_inverse=True)
    return MetricUnits(cells, np.column_stack([kinds, np.ones(len(kinds))]))


def _mean(sums: Array) -> Array:
    return np.asarray(sums[..., 0] / np.maximum(sums[..., 1], 1e-300))


def _f1(hits: Array, totals: Array) -> Array:
    return np.asarray(2 * hits / np.where(totals > 0, totals, 1))


def _macro(sums: Array) -> Array:
    hits, totals = np.split(sums, 2, axis=-1)
    return np.asarray(_f1(hits, totals).sum(-1) / np.maximum((totals > 0).sum(-1), 1))


def _micro(sums: Array) -> Array:
    hits, totals = np.split(sums, 2, axis=-1)
    return _f1(hits.sum(-1), totals.sum(-1))


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("accuracy", _right, _mean),
    "macro-f1": Metric("macro-F1", _confusions, _macro),
    "micro-f1": Metric("micro-F1", _confusions, _micro),
    "f1": Metric("F1", _confusion_of_positive, _micro, needs_positive=True),
    "map": Metric("MAP", _average_precisions, _mean, needs_positive=True, ranks=True),
    "mrr": Metric("MRR", _reciprocal_ranks, _mean, needs_positive=True, ranks=True),
}


DEFAULT_METRICS = {"label": "accuracy", "labels": "micro-f1"}


def check_metric(name: str) -> None:
    """Refuse the name of an unknown metric."""
    if name not in METRICS:
        raise InputError(f"metric is {brief(name)}: it must be one of {', '.join(METRICS)}.")


class Measure(NamedTuple):
    """A metric together with the gold of some texts.

    >>> measure = Measure("macro-f1", Gold(np.array([0, 0, 1])))
    >>> round(measure.value(Answers.of(np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]))), 3)
    0.4

    - accuracy: with several labels, all must be right. macro-f1: the mean over labels that are gold or predicted.
      micro-f1: of all labels together. f1: of the positive label.
    - map and mrr: mean average precision, and mean reciprocal rank of the first positive row, over queries; queries
      without a positive row are left out. Among rows of equal probability the positive ones are ranked last.
    """

    name: str
    gold: Gold

    @property
    def metric(self) -> Metric:
        """The computation of the metric."""
        return METRICS[self.name]

    @property
    def is_plain(self) -> bool:
        """Whether it is the share of right answers to texts that have one label each."""
        return self.name == "accuracy" and not self.gold.several

    @property
    def title(self) -> str:
        """Its name as people write it, such as macro-F1."""
        return self.metric.title

    def value(self, answers: Answers) -> float:
        """A share in 0..1."""
        cells, table = self.metric.units(answers, self.gold)
        return float(self.metric.share(np.bincount(cells, minlength=table.shape[0]) @ table))

    def right(self, answers: Answers) -> Array:
        """Which texts are answered correctly, bool (n,), whatever the metric is; with several labels, all must be."""
        return _right(answers, self.gold).cells.astype(bool)

    def majority(self) -> float | None:
        """The accuracy of always giving the most frequent label; None if texts can have several."""
        return None if self.gold.several else float(np.bincount(self.gold.targets).max() / len(self.gold.targets))

    def perfect(self, classes: int) -> Answers:
        """The answers of a model that is right on every text, and sure of it."""
        chosen = self.gold.chosen(classes)
        return Answers(chosen.astype(float), chosen)

    def micro_f1(self, answers: Answers) -> float | None:
        """Micro-F1 beside the metric if texts can have several labels; else None."""
        return self._replace(name="micro-f1").value(answers) if self.gold.several else None

    def named(self, answers: Answers, labels: Sequence[str]) -> list[str] | list[tuple[str, ...]]:
        """The label given to each text or, if it can have several, all of its labels."""
        return answers.named(labels, several=self.gold.several)

    def damages(self, dense: Answers, packed: Answers, labels: Sequence[str]) -> list[Damage]:
        """The packed model's loss for each label, the largest loss first."""
        gold = self.perfect(len(labels))
        return damages(*(self.named(each, labels) for each in (dense, packed, gold)))

    def subset(self, rows: Array) -> Measure:
        """The same metric on only these rows."""
        return self._replace(gold=self.gold.subset(rows))


def measure_of(name: str | None, examples: Examples, labels: list[str], positive: str | None = None) -> Measure:
    """A metric on some texts; InputError if it cannot judge texts of this kind.

    >>> measure_of("f1", Examples(["good", "bad"], ["yes", "no"]), ["no", "yes"]).gold
    Gold(targets=array([1, 0]), queries=None, positive=1)

    No name means accuracy, or micro-F1 for several labels. labels: in the order of classes. positive: the positive
    label of F1 and rankings, if its name is unusual. Pairs with the same first text belong to one query.
    """
    task = examples.task
    name = name or DEFAULT_METRICS[task.answer]
    check_metric(name)
    if positive is not None and positive not in labels:
        raise InputError(f"positive is {brief(positive)}: it must be one of the labels, such as {labels[0]!r}.")
    wanted = positive_of(labels) if positive is None else positive
    at = labels.index(wanted) if wanted is not None else None
    metric = METRICS[name]
    if metric.ranks and task != Task(texts=2):
        raise InputError(f"metric is {name}, which needs pairs of texts with one label each. Choose another metric.")
    if metric.needs_positive and at is None:
        raise InputError(f"metric is {name}, but no label has a usual name for the positive one. Name it as positive.")
    if task.answer == "labels":
        return Measure(name, Gold(examples.targets(labels).astype(bool), None, at))
    gold = Gold(examples.targets(labels), None, at)
    if task.texts == 2:
        first: dict[str, int] = {}
        gold = gold._replace(queries=np.array([first.setdefault(text, len(first)) for text in examples.texts]))
    if metric.ranks and not (gold.targets == at).any():
        raise InputError(f"metric is {name}, but no row has the label {wanted!r}. Add rows, or choose another metric.")
    return Measure(name, gold)
