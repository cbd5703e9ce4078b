"""Metrics of a model's answers, by name: accuracy, three kinds of F1, two metrics of rankings, and those of scores.

Most sum a few counts over units (texts, or queries) and make a share from the sums: one product of matrices then gives
its value on thousands of resamples, as `statistics/bootstrap.py` needs. Ranks of a whole sample are no sums: Spearman's
correlation and the AUC are computed anew, exactly, from how often each text is drawn.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array, hstack

from prunetext.data.dataset import Examples
from prunetext.data.positive import positive_of
from prunetext.data.scores import levels_of, passed
from prunetext.data.task import Task
from prunetext.errors import InputError, brief
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.closeness import Closeness, closeness
from prunetext.statistics.evaluation import Damage, damages
from prunetext.statistics.gold import Gold, Metric, MetricUnits
from prunetext.statistics.score_metrics import AUC, SCORE_METRICS, auc_from, bound_of, mean_value


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


def _f1(hits: Array, totals: Array) -> Array:
    return np.asarray(2 * hits / np.where(totals > 0, totals, 1))


def _macro(sums: Array) -> Array:
    hits, totals = np.split(sums, 2, axis=-1)
    return np.asarray(_f1(hits, totals).sum(-1) / np.maximum((totals > 0).sum(-1), 1))


def _micro(sums: Array) -> Array:
    hits, totals = np.split(sums, 2, axis=-1)
    return _f1(hits.sum(-1), totals.sum(-1))


METRICS: Mapping[str, Metric] = {
    "accuracy": Metric("accuracy", _right, mean_value),
    "macro-f1": Metric("macro-F1", _confusions, _macro),
    "micro-f1": Metric("micro-F1", _confusions, _micro),
    "f1": Metric("F1", _confusion_of_positive, _micro, needs_positive=True),
    "map": Metric("MAP", _average_precisions, mean_value, needs_positive=True, ranks=True),
    "mrr": Metric("MRR", _reciprocal_ranks, mean_value, needs_positive=True, ranks=True),
}


DEFAULT_METRICS = {"label": "accuracy", "labels": "micro-f1", "score": "spearman"}


def metric_named(name: str) -> Metric | None:
    """The metric with this name, if there is one.

    >>> metric_named("macro-f1").title, metric_named("auc:3").title
    ('macro-F1', 'AUC from 3')
    """
    if name.startswith(AUC):
        bound = bound_of(name)
        return None if bound is None else auc_from(bound)
    return METRICS.get(name) or SCORE_METRICS.get(name)


def title_of(name: str) -> str:
    """A metric's name as people write it.

    >>> title_of("macro-f1")
    'macro-F1'
    """
    found = metric_named(name)
    return name if found is None else found.title


def check_metric(name: str) -> None:
    """Refuse the name of an unknown metric."""
    if metric_named(name) is None:
        names = ", ".join(METRICS)
        scores = ", ".join(SCORE_METRICS)
        raise InputError(f"metric is {brief(name)}: it must be one of {names}, or for scores {scores}, auc:3.")


class Measure(NamedTuple):
    """A metric together with the gold of some texts.

    >>> measure = Measure("macro-f1", Gold(np.array([0, 0, 1])))
    >>> round(measure.value(Answers.of(np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]))), 3)
    0.4

    - accuracy: with several labels, all must be right. macro-f1: the mean over labels that are gold or predicted.
      micro-f1: of all labels together. f1: of the positive label.
    - map and mrr: mean average precision, and mean reciprocal rank of the first positive row, over queries; queries
      without a positive row are left out. Among rows of equal probability the positive ones are ranked last.
    - of scores: spearman and pearson; within-one, the share that is off by 1 or less; auc:3, of telling scores from 3
      on from others; mae and rmse, as 1 minus the error over the standard deviation of the true scores.
    """

    name: str
    gold: Gold

    @property
    def metric(self) -> Metric:
        """The computation of the metric."""
        found = metric_named(self.name)
        assert found is not None
        return found

    @property
    def is_plain(self) -> bool:
        """Whether it is the share of right answers to texts that have one label each."""
        return self.name == "accuracy" and not self.gold.several

    @property
    def title(self) -> str:
        """Its name as people write it, such as macro-F1."""
        return self.metric.title

    def value(self, answers: Answers) -> float:
        """A share in 0..1; a correlation, or what an error leaves of 1, can be below 0."""
        cells, table = self.metric.units(answers, self.gold)
        return float(self.metric.values(np.bincount(cells, minlength=table.shape[0]), table))

    def closeness(self, answers: Answers) -> Closeness | None:
        """How close scores come to the true ones, whatever the metric is; None if texts have labels."""
        return closeness(self.gold.scores(answers), self.gold.targets) if self.gold.scored else None

    def right(self, answers: Answers) -> Array:
        """Which texts are answered correctly, bool (n,), whatever the metric is; with several labels, all must be."""
        return _right(answers, self.gold).cells.astype(bool)

    def majority(self) -> float | None:
        """The accuracy of always giving the most frequent label; None if texts can have several."""
        none = self.gold.several or self.gold.scored
        return None if none else float(np.bincount(self.gold.targets).max() / len(self.gold.targets))

    def perfect(self, classes: int) -> Answers:
        """The answers of a model that is right on every text, and sure of it."""
        if self.gold.levels is not None:
            shares = passed(self.gold.targets, self.gold.levels.tolist()).astype(float)
            return Answers(shares, shares >= 0.5)
        chosen = self.gold.chosen(classes)
        return Answers(chosen.astype(float), chosen)

    def micro_f1(self, answers: Answers) -> float | None:
        """Micro-F1 beside the metric if texts can have several labels; else None."""
        return self._replace(name="micro-f1").value(answers) if self.gold.several else None

    def named(self, answers: Answers, labels: Sequence[str]) -> list[str] | list[tuple[str, ...]]:
        """The label given to each text or, if it can have several, all of its labels."""
        return answers.named(labels, several=self.gold.several)

    def damages(self, dense: Answers, packed: Answers, labels: Sequence[str]) -> list[Damage]:
        """The packed model's loss for each label, the largest loss first; none of scores, which have no labels."""
        if self.gold.scored:
            return []
        gold = self.perfect(len(labels))
        return damages(*(self.named(each, labels) for each in (dense, packed, gold)))

    def subset(self, rows: Array) -> Measure:
        """The same metric on only these rows."""
        return self._replace(gold=self.gold.subset(rows))


def measure_of(name: str | None, examples: Examples, labels: list[str], positive: str | None = None) -> Measure:
    """A metric on some texts; InputError if it cannot judge texts of this kind.

    >>> measure_of("f1", Examples(["good", "bad"], ["yes", "no"]), ["no", "yes"]).gold
    Gold(targets=array([1, 0]), queries=None, positive=1, levels=None)

    No name means accuracy, or micro-F1 for several labels. labels: in the order of classes. positive: the positive
    label of F1 and rankings, if its name is unusual. Pairs with the same first text belong to one query.
    """
    task = examples.task
    name = name or DEFAULT_METRICS[task.answer]
    check_metric(name)
    if task.has_steps:
        return scored_measure(name, examples, labels)
    if name not in METRICS:
        raise InputError(f"metric is {name}, which needs scores, but these texts have labels. Choose another metric.")
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


def scored_measure(name: str, examples: Examples, labels: list[str]) -> Measure:
    """A metric on some texts with scores; InputError if it cannot judge them."""
    assert examples.scores is not None
    true = np.array(examples.scores)
    if name in METRICS:
        names = ", ".join(SCORE_METRICS)
        raise InputError(f"metric is {name}, which needs labels, but these texts have scores. Choose {names} or auc:3.")
    bound = bound_of(name)
    if bound is not None and not 0 < int((true >= bound).sum()) < len(true):
        which = "every" if (true >= bound).all() else "no"
        raise InputError(f"metric is {name}, but {which} text has a score from {bound:g} on. Choose another score.")
    return Measure(name, Gold(true, levels=np.array(levels_of(labels))))
