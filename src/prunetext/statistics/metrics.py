"""What a model's answers are worth, by the name of a metric: accuracy, F1 in three ways, and two of rankings.

A metric is a sum over units (texts, or queries) of a few counts, and a share made of the sums: so one product of
matrices gives its value on thousands of resamples, which is what `statistics/bootstrap.py` asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prunetext.data.dataset import Examples
from prunetext.data.positive import positive_of
from prunetext.data.task import Task
from prunetext.errors import InputError
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.evaluation import Damage, damages


class Gold(NamedTuple):
    """What is right, as far as a metric asks for it.

    targets: (n,) class indices, or (n, classes) bool where a text has several labels. queries: (n,) int, equal for the
    rows that are ranked together. positive: the class that F1 is of, and by whose probability rows are ranked.
    """

    targets: Array
    queries: Array | None = None
    positive: int | None = None

    @property
    def several(self) -> bool:
        """Whether a text may have several labels."""
        return self.targets.ndim == 2

    def judges(self, metric: Metric) -> bool:
        """Whether there is anything to be found: a label on some text, or the positive one on some row of a query."""
        return (
            bool(self.targets.any())
            if self.several
            else not metric.ranks or bool((self.targets == self.positive).any())
        )

    def subset(self, rows: Array) -> Gold:
        """Of these rows, in this order."""
        return self._replace(targets=self.targets[rows], queries=None if self.queries is None else self.queries[rows])


class MetricUnits(NamedTuple):
    """What is summed: unit i has the counts table[cells[i]]; units that count alike share a row of the table."""

    cells: Array  # (units,) int
    table: Array  # (cells, counts)


class Metric(NamedTuple):
    """How a metric is computed, and what it needs to know.

    units: of a model's answers and the gold. share: of sums (…, counts) a share in 0..1 each.
    """

    title: str
    units: Callable[[Answers, Gold], MetricUnits]
    share: Callable[[Array], Array]
    needs_positive: bool = False
    ranks: bool = False  # its units are queries


def _right(answers: Answers, gold: Gold) -> MetricUnits:
    """Right or wrong; of several labels all must be right."""
    chosen = answers.chosen
    right = (chosen == gold.targets).all(1) if gold.several else chosen[np.arange(len(chosen)), gold.targets]
    return MetricUnits(right.astype(np.int64), np.array([[0.0, 1.0], [1.0, 1.0]]))


def _confusions(answers: Answers, gold: Gold) -> MetricUnits:
    """For each class how often it is both predicted and gold; and then how often predicted plus how often gold."""
    classes = answers.chosen.shape[1]
    if gold.several:
        targets = gold.targets.astype(bool)
        bits = np.packbits(np.hstack([answers.chosen, targets]), axis=1)
        _, first, cells = np.unique(bits, axis=0, return_index=True, return_inverse=True)
        guess, truth = answers.chosen[first].astype(float), targets[first].astype(float)
    else:
        kinds, cells = np.unique(gold.targets * classes + answers.winners(), return_inverse=True)
        guess, truth = np.eye(classes)[kinds % classes], np.eye(classes)[kinds // classes]
    return MetricUnits(cells.reshape(-1), np.hstack([guess * truth, guess + truth]))


def _confusion_of_positive(answers: Answers, gold: Gold) -> MetricUnits:
    cells, table = _confusions(answers, gold)
    return MetricUnits(cells, table[:, [gold.positive, answers.chosen.shape[1] + (gold.positive or 0)]])


def _ranks(answers: Answers, gold: Gold) -> tuple[Array, Array, Array]:
    """Of every positive row its query (counted from 0), its rank, and how many positive rows stand up to there.

    Ranked by the odds of the positive class, which still differ where probabilities near 1 are rounded to the same.
    Among equals, positive rows come last: who gives every row the same score is not to be rewarded for it.
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
    """Refuse a name that no metric bears."""
    if name not in METRICS:
        raise InputError(f"metric is {name!r}: it must be one of {', '.join(METRICS)}.")


class Measure(NamedTuple):
    """A metric together with the gold of some texts.

    >>> measure = Measure("macro-f1", Gold(np.array([0, 0, 1])))
    >>> round(measure.value(Answers.of(np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]))), 3)
    0.4

    - accuracy: of several labels all must be right. macro-f1: the mean over labels that are gold or predicted.
      micro-f1: of all labels together. f1: of the positive label.
    - map and mrr: mean average precision, and mean reciprocal rank of the first positive row, over queries; queries
      without a positive row are left out. Among rows of equal probability the positive ones are ranked last.
    """

    name: str
    gold: Gold

    @property
    def metric(self) -> Metric:
        """How it is computed."""
        return METRICS[self.name]

    @property
    def title(self) -> str:
        """Its name as people write it, such as macro-F1."""
        return self.metric.title

    def value(self, answers: Answers) -> float:
        """A share in 0..1."""
        cells, table = self.metric.units(answers, self.gold)
        return float(self.metric.share(np.bincount(cells, minlength=len(table)) @ table))

    def majority(self) -> float | None:
        """The accuracy of always giving the most frequent label; None where texts may have several."""
        return None if self.gold.several else float(np.bincount(self.gold.targets).max() / len(self.gold.targets))

    def micro_f1(self, answers: Answers) -> float | None:
        """Beside the metric, where texts may have several labels; else None."""
        return self._replace(name="micro-f1").value(answers) if self.gold.several else None

    def named(self, answers: Answers, labels: Sequence[str]) -> list[str] | list[tuple[str, ...]]:
        """The label that each text is given or, where it may have several, all of its labels."""
        return answers.named(labels, several=self.gold.several)

    def damages(self, dense: Answers, packed: Answers, labels: Sequence[str]) -> list[Damage]:
        """What the packed model has lost of each label, the largest loss first, where texts may have several."""
        if not self.gold.several:
            return []
        gold = Answers(self.gold.targets, self.gold.targets.astype(bool))
        return damages(*(self.named(each, labels) for each in (dense, packed, gold)))

    def subset(self, rows: Array) -> Measure:
        """On these rows alone."""
        return self._replace(gold=self.gold.subset(rows))


def measure_of(name: str | None, examples: Examples, labels: list[str], positive: str | None = None) -> Measure:
    """A metric on some texts; InputError where they are not of a kind that it can judge.

    >>> measure_of("f1", Examples(["good", "bad"], ["yes", "no"]), ["no", "yes"]).gold
    Gold(targets=array([1, 0]), queries=None, positive=1)

    No name means accuracy, and micro-F1 of several labels. labels: in the order of classes. positive: the label that F1
    and rankings are about, where it has no usual name.
    Rows of pairs with the same first text are of one query.
    """
    task = examples.task
    name = name or DEFAULT_METRICS[task.answer]
    check_metric(name)
    if positive is not None and positive not in labels:
        raise InputError(f"positive is {positive!r}: it must be one of the labels, such as {labels[0]!r}.")
    wanted = positive_of(labels) if positive is None else positive
    at = labels.index(wanted) if wanted is not None else None
    metric = METRICS[name]
    if metric.ranks and task != Task(texts=2):
        raise InputError(f"metric is {name}, which ranks pairs of one label each, and the data are none. Give another.")
    if metric.needs_positive and at is None:
        raise InputError(f"metric is {name}, but no label has a usual name for the positive one. Give it as positive.")
    if task.answer == "labels":
        return Measure(name, Gold(examples.targets(labels).astype(bool), None, at))
    gold = Gold(examples.targets(labels), None, at)
    if task.texts == 2:
        first: dict[str, int] = {}
        gold = gold._replace(queries=np.array([first.setdefault(text, len(first)) for text in examples.texts]))
    if metric.ranks and not (gold.targets == at).any():
        raise InputError(f"metric is {name}, but no row has the label {wanted!r}. Give such rows, or another metric.")
    return Measure(name, gold)
