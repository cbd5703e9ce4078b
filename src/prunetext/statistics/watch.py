"""Classes that a smaller model could give up unseen: dev holds few of their texts, or the dense model finds none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.metrics import Measure

RARE = 0.2  # of the share that a class would have if all were equally frequent
MOST_TAKEN = 0.25  # share of the texts of a rare class, by the dense model, that a smaller model may take away
MOST_LOSS = 0.1  # rise of the loss of a class that is never found, in nats
CHANCE = 0.05  # that any of the classes, all found equally often, is missed in all its texts
_ROUNDS = 3  # over all rare classes: moving one moves the others


class Watch(NamedTuple):
    """What the dense model makes of the classes to watch, on dev.

    given: rare class → the texts that the dense model gives it, (n,) bool. losses: class that it never finds → its
    loss (nats) on each text, (n,), NaN for texts of other classes.
    """

    given: Mapping[int, Array]
    losses: Mapping[int, Array]

    def offsets(self, probabilities: Array) -> Array:
        """What to add to a smaller model's logits, so that it gives each rare class to as many texts as the dense one.

        >>> watch = Watch({1: np.array([True, True, False, False])}, {})
        >>> answers = np.array([[0.3, 0.7], [0.6, 0.4], [0.8, 0.2], [0.9, 0.1]])
        >>> watch.offsets(answers).round(2).tolist()
        [0.0, 0.9]

        Half-way between the last text that has the class and the first that has not.
        """
        logits = logarithms(probabilities)
        moved = np.zeros(logits.shape[1])
        for _ in range(_ROUNDS if len(self.given) > 1 else 1):
            for each, rows in self.given.items():
                now = logits + moved
                missing = np.sort(np.delete(now, each, axis=1).max(1) - now[:, each])  # what each text lacks for it
                count = int(rows.sum())
                if 0 < count < len(missing):
                    moved[each] += (missing[count - 1] + missing[count]) / 2
        return moved

    def holds(self, answers: Answers) -> bool:
        """Whether a smaller model still has these classes.

        Of the texts that the dense model gives a rare class, a quarter may get another one, or a single text. The mean
        loss of a class that even the dense model never finds may rise by `MOST_LOSS`, plus half its standard error.
        """
        for each, rows in self.given.items():
            taken = int((~answers.chosen[rows, each]).sum())
            if taken > max(1, MOST_TAKEN * rows.sum()):
                return False
        logits = logarithms(answers.probabilities)
        for each, before in self.losses.items():
            rows = np.isfinite(before)
            rise = -logits[rows, each] - before[rows]
            error = float(rise.std() / np.sqrt(len(rise)))
            if rise.mean() - error / 2 > MOST_LOSS:
                return False
        return True


NOTHING = Watch({}, {})


def watch_of(measure: Measure, dense: Answers, counts: Sequence[int], rows: Array) -> Watch:
    """The classes to watch, by the dense model's answers to dev; counts: how many texts of train each class has.

    Labels are looked at in these rows of dev alone.

    Rankings, and texts that can have several labels, have nothing to watch: the former do not decide, and the latter
    have thresholds of their own.
    """
    gold = measure.gold
    if gold.several or gold.scored or measure.metric.ranks:
        return NOTHING
    given = {each: dense.chosen[:, each] for each in rare_classes(counts)}
    logits = logarithms(dense.probabilities)
    seen = np.isin(np.arange(len(logits)), rows)
    missing = never_found(measure.subset(rows), dense.subset(rows))
    losses = {each: np.where(seen & (gold.targets == each), -logits[:, each], np.nan) for each in missing}
    return Watch({each: rows for each, rows in given.items() if rows.any()}, losses)


def rare_classes(counts: Sequence[int]) -> list[int]:
    """Classes with less than a fifth of the share that all would have if they were equally frequent.

    >>> rare_classes([990, 10]), rare_classes([60, 40]), rare_classes([10] * 77)
    ([1], [], [])
    """
    even = sum(counts) / max(len(counts), 1)
    return [at for at, count in enumerate(counts) if count < RARE * even]


def never_found(measure: Measure, answers: Answers) -> list[int]:
    """Classes that the gold labels hold and the answers never give to one of their texts: their F1 is 0.

    >>> from prunetext.statistics.gold import Gold
    >>> never_found(Measure("accuracy", Gold(np.array([0, 0, 1]))), Answers.of(np.array([[0.9, 0.1]] * 3)))
    [1]
    """
    truth = measure.gold.chosen(answers.chosen.shape[1])
    return [int(each) for each in np.flatnonzero(truth.any(0) & ~(truth & answers.chosen).any(0))]


def surely_never_found(measure: Measure, answers: Answers) -> list[int]:
    """Those of the classes that are never found of which this is hardly chance.

    >>> from prunetext.statistics.gold import Gold
    >>> gold = Measure("accuracy", Gold(np.array([0] * 8 + [1] * 5 + [2] * 8)))
    >>> surely_never_found(gold, Answers.of(np.array([[0.9, 0, 0.1]] * 13 + [[0.1, 0, 0.9]] * 8)))
    [1]

    If each class is found as often as texts are on the whole, one of them would be missed in so many texts with a
    probability of 5 % or less. So a class of a few texts tells something of a model that is mostly right, and of no
    other.
    """
    if measure.gold.scored:  # a step is no class: the highest ones are rightly given to few texts
        return []
    truth, classes = measure.gold.chosen(answers.chosen.shape[1]), never_found(measure, answers)
    missed = 1 - float((truth & answers.chosen).sum() / max(truth.sum(), 1))
    chance = CHANCE / max(int(truth.any(0).sum()), 1)
    return [each for each in classes if missed ** int(truth[:, each].sum()) <= chance]


def no_better_than_constant(measure: Measure, answers: Answers) -> bool:
    """Whether always giving the most frequent label would be as good, by this metric.

    >>> from prunetext.statistics.gold import Gold
    >>> no_better_than_constant(Measure("accuracy", Gold(np.array([0, 0, 1]))), Answers.of(np.array([[0.9, 0.1]] * 3)))
    True
    """
    gold = measure.gold
    if gold.several or measure.metric.ranks:
        return False
    if gold.scored:
        shares = measure.perfect(answers.chosen.shape[1]).probabilities.mean(0)
        same = np.tile(shares, (len(gold.targets), 1))
        return measure.value(answers) <= measure.value(Answers(same, same >= 0.5))
    most = np.bincount(gold.targets).argmax()
    constant = Answers.of(np.tile(np.eye(answers.chosen.shape[1])[most], (len(gold.targets), 1)))
    return measure.value(answers) <= measure.value(constant)


def logarithms(probabilities: Array) -> Array:
    """Logarithms of probabilities, none of them infinite."""
    return np.asarray(np.log(np.maximum(probabilities, np.finfo(np.float64).tiny)))
