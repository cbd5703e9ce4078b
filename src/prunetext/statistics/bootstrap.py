"""The drop of a metric from one model to another on the same texts, its uncertainty, and the verdict.

Accuracy uses the formulas of `statistics/evaluation.py`; any other metric uses a paired bootstrap: the units of the
metric (texts, or whole queries) are drawn again and again with replacement, always the same ones for both models.

Source: B. Efron and R. Tibshirani, An Introduction to the Bootstrap, 1993, chapters 6 and 13.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from prunetext.errors import InputError
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.evaluation import (
    MOST_TEXTS,
    Z_80,
    Z_95,
    Verdict,
    name_of,
    paired_standard_error,
    verdict,
)
from prunetext.statistics.gold import Gold, MetricUnits
from prunetext.statistics.metrics import Measure

RESAMPLES = 2000  # for a verdict
FEW_RESAMPLES = 200  # for a standard error, which is then right to about 5 %
MOST_DRAWN = 5_000_000  # numbers of all resamples, half a second: thousands of classes have fewer resamples
AT_ONCE = 4_000_000  # numbers of resamples in memory at a time
# Units added to each side of a verdict, as many as Wilson's interval adds at 95 %: models that were never seen to
# differ can still differ on the next text.
IMAGINED = Z_95**2 / 2


class Prospect(NamedTuple):
    """Whether so many texts can show that a drop stays within `max_drop` points, and how many would.

    They are the texts that it takes if no answer changes; `needed` is None if more are unlikely to help.
    """

    texts: int
    max_drop: float
    able: bool
    needed: int | None

    def sentence(self, metric: str = "accuracy") -> str:
        """Say in plain words that these texts cannot show it; empty if they can.

        >>> Prospect(24, 0.5, False, 539).sentence()
        'The verdict cannot be kept: 24 test texts cannot show a loss of at most 0.5 points. 539 or more can.'
        """
        if self.able:
            return ""
        loss = f"a loss of at most {self.max_drop:g} points{'' if metric == 'accuracy' else f' of {metric}'}"
        more = "More texts are unlikely to." if self.needed is None else f"{self.needed:,} or more can."
        texts = f"{self.texts:,} test {'text' if self.texts == 1 else 'texts'}"
        return f"The verdict cannot be kept: {texts} cannot show {loss}. {more}"


MOST_FORESEEN = 1_000
ONE_ANSWER = "it gives one answer to all texts"  # a doubt
FEWEST_SCORED = 50  # texts with scores that a verdict needs to be kept: of fewer, resamples hardly tell


def foresee_verdict(measure: Measure, classes: int, max_drop: float) -> Prospect:
    """Tell before any model is trained whether a verdict on these texts can be kept.

    >>> foresee_verdict(Measure("accuracy", Gold(np.array([0, 1] * 50))), 2, 0.5)
    Prospect(texts=100, max_drop=0.5, able=False, needed=539)

    It can if two models that are right on every text get `kept`. Of other metrics than accuracy it is said for up to
    `MOST_FORESEEN` classes: to see it would take longer than some trainings do.
    """
    if measure.name != "accuracy" and classes > MOST_FORESEEN:
        return Prospect(len(measure.gold.targets), max_drop, True, None)
    if measure.gold.scored:
        few = len(measure.gold.targets) < FEWEST_SCORED
        return Prospect(len(measure.gold.targets), max_drop, not few, FEWEST_SCORED if few else None)
    right = measure.perfect(classes)
    found, texts = bootstrap_verdict(measure, right, right, max_drop), len(measure.gold.targets)
    needed = texts_for_kept(max_drop) if measure.name == "accuracy" else found.needed
    return Prospect(texts, max_drop, found.name == "kept", needed)


def texts_for_kept(max_drop: float) -> int | None:
    """The fewest texts that can show a drop in accuracy of at most so many points: those on which no answer changes.

    >>> texts_for_kept(0.5), texts_for_kept(3), texts_for_kept(0)
    (539, 88, None)

    Without a change, the upper bound of Tango's interval is z² / (n + z²). None if no number of texts can show it.
    """
    return max(1, math.ceil(Z_95**2 * (100 / max_drop - 1))) if max_drop > 0 else None


def paired_drop(measure: Measure, dense: Answers, other: Answers) -> tuple[float, float]:
    """The drop from the dense model's answers to the other's, and its standard error, both in points.

    >>> measure = Measure("macro-f1", Gold(np.array([0, 1] * 50)))
    >>> right = Answers.of(np.eye(2)[measure.gold.targets])
    >>> paired_drop(measure, right, right)
    (0.0, 0.0)
    """
    if measure.name == "accuracy":
        before, now = measure.right(dense), measure.right(other)
        return 100 * float(before.mean() - now.mean()), paired_standard_error(before, now)
    units = measure.metric.units(dense, measure.gold), measure.metric.units(other, measure.gold)
    weights = np.ones(len(units[0].cells))
    if not len(weights):  # no query has a positive row
        return 0.0, 0.0
    drops = resampled_drops(measure, *units, weights, len(weights), FEW_RESAMPLES)
    return 100 * (measure.value(dense) - measure.value(other)), float(drops.std())


def bootstrap_verdict(measure: Measure, dense: Answers, other: Answers, max_drop: float) -> Verdict:
    """Judge by a metric whether the other model can replace the dense one, from both models' answers to the same texts.

    >>> measure = Measure("macro-f1", Gold(np.array([0, 1] * 500)))
    >>> right = Answers.of(np.eye(2)[measure.gold.targets])
    >>> bootstrap_verdict(measure, right, right, 0.5).name, bootstrap_verdict(measure, right, right, 0.05).name
    ('kept', 'undecided')

    The bounds are the 5 % and 95 % quantiles of the drops on `RESAMPLES` resamples. The drawn units include `IMAGINED`
    ones on which only the dense model is right, spread evenly over the classes, and as many on which only the other one
    is: the few texts of a rare class can hide losses. Accuracy has Tango's interval instead. A model that gives one
    answer to all texts, where their labels differ, is never `kept`, however large the allowed drop is. With scores, no
    text is imagined, as each one tells how the models differ; fewer than `FEWEST_SCORED` texts never give `kept`.
    """
    return _judged_by(measure, dense, other, max_drop).doubted(ONE_ANSWER if one_answer(measure, other) else "")


def one_answer(measure: Measure, answers: Answers) -> bool:
    """Whether all texts get the same labels, though their gold labels differ; of a ranking, answers say nothing.

    >>> one_answer(Measure("accuracy", Gold(np.array([0, 0, 1]))), Answers.of(np.array([[0.9, 0.1]] * 3)))
    True
    """
    if measure.gold.scored:
        return len(np.unique(measure.gold.targets)) > 1 and len(np.unique(measure.gold.scores(answers))) == 1
    gold = measure.gold.chosen(answers.chosen.shape[1])
    differ = bool((gold != gold[:1]).any())
    return differ and not measure.metric.ranks and not bool((answers.chosen != answers.chosen[:1]).any())


def _judged_by(measure: Measure, dense: Answers, other: Answers, max_drop: float) -> Verdict:
    if measure.name == "accuracy":
        return verdict(measure.right(dense), measure.right(other), max_drop)
    if not max_drop >= 0:
        raise InputError(f"max_drop is {max_drop}: it must be zero or more points, such as 0.5.")
    if measure.gold.scored:
        return _judged_scores(measure, dense, other, max_drop)
    gold, lost, gained = imagined(measure, dense.chosen.shape[1])
    both = measure._replace(gold=_stacked(measure.gold, gold, gold))
    units = [
        both.metric.units(Answers.joined(*parts), both.gold) for parts in ((dense, lost, gained), (other, gained, lost))
    ]
    seen = len(measure.metric.units(dense, measure.gold).cells)
    added = len(units[0].cells) - seen

    def drawn(more: float, resamples: int) -> Array:
        weights = np.concatenate([np.ones(seen), np.full(added, more / added)])
        return resampled_drops(measure, units[0], units[1], weights, seen, resamples)

    drops = drawn(2 * IMAGINED, RESAMPLES)
    drop = 100 * (measure.value(dense) - measure.value(other))
    low, high = (float(bound) for bound in np.quantile(drops, (0.05, 0.95)))
    low, high = min(low, drop), max(high, drop)
    name = name_of(low, high, max_drop)
    texts = len(measure.gold.targets)
    if name != "undecided":
        return Verdict(name, drop, low, high, None)
    # With many texts the imagined ones are fewer; one stays, as Tango's interval needs.
    return Verdict(name, drop, low, high, needed_texts(max_drop - drop, float(drawn(1.0, FEW_RESAMPLES).std()), texts))


def _judged_scores(measure: Measure, dense: Answers, other: Answers, max_drop: float) -> Verdict:
    """The verdict by a metric of scores: resamples of the texts alone."""
    units = measure.metric.units(dense, measure.gold), measure.metric.units(other, measure.gold)
    texts = len(measure.gold.targets)
    drops = resampled_drops(measure, *units, np.ones(texts), texts, RESAMPLES)
    drop = 100 * (measure.value(dense) - measure.value(other))
    low, high = (float(bound) for bound in np.quantile(drops, (0.05, 0.95)))
    low, high = min(low, drop), max(high, drop)
    name = name_of(low, high, max_drop)
    if name == "kept" and texts < FEWEST_SCORED:
        return Verdict("undecided", drop, low, high, FEWEST_SCORED if drop < max_drop else None)
    needed = needed_texts(max_drop - drop, float(drops.std()), texts) if name == "undecided" else None
    return Verdict(name, drop, low, high, needed)


def needed_texts(room: float, error: float, texts: int) -> int | None:
    """How many texts would give kept with a power of 80 %, if n texts give this drop and standard error (in points).

    >>> needed_texts(0.5, 0.5, 1000)
    6183
    """
    spread = ((Z_95 + Z_80) * error) ** 2 * texts
    if room <= 0 or spread > MOST_TEXTS * room**2:
        return None
    return max(math.ceil(spread / room**2), texts + 1)


def resampled_drops(
    measure: Measure, dense: MetricUnits, other: MetricUnits, weights: Array, draws: int, resamples: int, seed: int = 0
) -> Array:
    """Drops in points, shape (resamples,), each on so many units, drawn in proportion to their weights.

    Units on which both models count alike are drawn together: 25,000 texts take hardly longer than a hundred.
    """
    kinds = other.table.shape[0]
    pairs, cells = np.unique(dense.cells * kinds + other.cells, return_inverse=True)
    tables = dense.table[pairs // kinds], other.table[pairs % kinds]
    resamples = min(resamples, max(FEW_RESAMPLES, MOST_DRAWN // len(pairs)))
    shares = np.bincount(cells, weights) / weights.sum()
    generator, drops = np.random.default_rng(seed), []
    size = max(1, AT_ONCE // max(len(pairs), tables[0].shape[1]))
    for start in range(0, resamples, size):
        drawn = generator.multinomial(draws, shares, min(size, resamples - start)).astype(float)
        before, now = (measure.metric.values(drawn, table) for table in tables)
        drops.append(100 * (before - now))
    return np.concatenate(drops)


def imagined(measure: Measure, classes: int) -> tuple[Gold, Answers, Answers]:
    """Units on which one model is right and the other wrong: their gold labels, and the answers of both.

    For each gold class: a text that is taken for the most frequent other class; with several labels, a text that has
    only this label and gets none. For a ranking: a query whose positive row comes first, and second.
    """
    gold, metric, unit = measure.gold, measure.metric, np.eye(classes)
    positive = gold.positive or 0
    if metric.ranks:
        rows = np.array([positive, (positive + 1) % classes])
        return Gold(rows, np.zeros(2, np.int64), positive), Answers.of(unit[rows]), Answers.of(unit[rows[::-1]])
    if gold.several:
        present = np.array([positive]) if metric.needs_positive else np.flatnonzero(gold.targets.any(0))
        present = present if len(present) else np.arange(classes)
        targets = unit[present].astype(bool)
        nothing = np.zeros_like(targets)
        return Gold(targets, None, positive), Answers(targets, targets), Answers(nothing, nothing)
    counts = np.bincount(gold.targets, minlength=classes)
    order = np.argsort(-counts, kind="stable")
    if metric.needs_positive:
        present = order = np.array([positive, order[order != positive][0]])
    else:
        present = order[: np.count_nonzero(counts)]
    taken = np.where(present == order[0], order[1], order[0])
    return Gold(present, None, positive), Answers.of(unit[present]), Answers.of(unit[taken])


def _stacked(*parts: Gold) -> Gold:
    """One gold below the other; no two parts share a query."""
    targets, queries, start = np.concatenate([part.targets for part in parts]), [], 0
    for part in parts:
        if part.queries is None:
            return Gold(targets, None, parts[0].positive)
        queries.append(part.queries - part.queries.min() + start)
        start = int(queries[-1].max()) + 1
    return Gold(targets, np.concatenate(queries), parts[0].positive)
