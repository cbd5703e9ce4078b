"""Scores of a model, their intervals, and the paired verdict on whether a smaller model is still as good.

Shares (accuracy, macro-F1) are in 0..1; drops and `max_drop` are accuracy points (0.5 = half a percentage point).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtri  # the quantile function of scipy.stats.norm, without importing all of scipy.stats

from prunetext.errors import InputError
from prunetext.statistics.answers import GivenLabels

Z_TWO_SIDED_95 = float(ndtri(0.975))
Z_95 = float(ndtri(0.95))
Z_80 = float(ndtri(0.80))

MOST_TEXTS = 1_000_000  # asking for more labelled texts than this is useless


class Score(NamedTuple):
    """How often a model is right, with the Wilson 95 % interval [low, high] of its accuracy; all shares in 0..1."""

    accuracy: float
    macro_f1: float
    low: float
    high: float
    n: int


class ClassScore(NamedTuple):
    """Precision, recall and F1 of one label (shares in 0..1), and how many gold texts have it."""

    label: str
    precision: float
    recall: float
    f1: float
    n: int


class Verdict(NamedTuple):
    """Did a packed model keep the dense model's accuracy, or another metric? `kept`, `lost` or `undecided`.

    `drop` is the dense model's value minus the packed model's; `low` and `high` are its one-sided 95 % bounds, all in
    points. `needed` is the number of labelled texts that would probably turn `undecided` into `kept`, or None if it is
    not undecided or more texts are unlikely to help. `doubt`: why a verdict that would be `kept` is not, if it is not.
    """

    name: str
    drop: float
    low: float
    high: float
    needed: int | None
    doubt: str = ""

    def doubted(self, doubt: str) -> Verdict:
        """The same, but never `kept`; of two doubts the later one stays.

        >>> Verdict("kept", 0.0, -0.1, 0.1, None).doubted("nothing was there to keep").sentence()
        'undecided: the packed model is as accurate as the dense one, but nothing was there to keep.'
        """
        return self._replace(name="undecided", doubt=doubt) if doubt and (self.doubt or self.name == "kept") else self

    def sentence(self, metric: str = "accuracy", other: str = "the dense one", own: str = "the packed model") -> str:
        """Say it in plain words; own, other: what is compared, and with what.

        >>> Verdict("kept", 0.1, -0.14, 0.35, None).sentence()
        'kept: the packed model is 0.10 points worse, with 95 % confidence at most 0.35 points worse.'
        >>> Verdict("kept", 0.1, -0.14, 0.35, None).sentence("macro-F1")
        'kept: in macro-F1, the packed model is 0.10 points worse, with 95 % confidence at most 0.35 points worse.'
        """
        where = "" if metric == "accuracy" else f"in {metric}, "
        same = f"{'as accurate' if metric == 'accuracy' else 'as good'} as {other}"
        seen = f"{self.name}: {where}{own} is {_worse_or_better(self.drop, same)}"
        if self.doubt:
            return f"{seen}, but {self.doubt}."
        if self.name == "kept":
            return f"{seen}, with 95 % confidence {_at_most_worse(self.high)}."
        if self.name == "lost":
            return f"{seen}, with 95 % confidence at least {self.low:.2f} points worse."
        ends = f"{_worse_or_better(self.low, same)} to {_worse_or_better(self.high, same)}"
        span = f"{seen}, but could be anything from {ends}"
        if self.needed is None:
            return f"{span}; more labelled texts are unlikely to give kept."
        return f"{span}; about {self.needed:,} labelled texts are needed to decide."


def _worse_or_better(drop: float, same: str) -> str:
    if f"{abs(drop):.2f}" == "0.00":
        return same
    return f"{abs(drop):.2f} points {'worse' if drop > 0 else 'better'}"


def _at_most_worse(high: float) -> str:
    if f"{abs(high):.2f}" == "0.00":
        return "no worse"
    return f"at most {high:.2f} points worse" if high > 0 else f"at least {-high:.2f} points better"


def score(predicted: GivenLabels, gold: GivenLabels) -> Score:
    """Accuracy with its interval, and macro-F1, of predicted labels against gold labels.

    >>> score(["a", "a", "b", "b"], ["a", "a", "b", "a"]).accuracy
    0.75

    If each text has a sorted tuple of several labels, a text is right if all of them are.

    Macro-F1 is the plain mean of F1 over every label in `gold` or `predicted`. The interval is Wilson's (1927), which
    stays within 0..1 and does not collapse when all answers are right.
    """
    classes = per_class(predicted, gold)
    n = len(gold)
    right = sum(guess == truth for guess, truth in zip(predicted, gold, strict=True))
    low, high = _wilson(right, n)
    return Score(right / n, sum(each.f1 for each in classes) / max(len(classes), 1), low, high, n)


def per_class(predicted: GivenLabels, gold: GivenLabels) -> list[ClassScore]:
    """Precision, recall and F1 of each label in `gold` or `predicted`, sorted by label.

    >>> per_class(["a", "a"], ["a", "b"])[0]
    ClassScore(label='a', precision=0.5, recall=1.0, f1=0.6666666666666666, n=1)

    A share with nothing to divide by (a label never predicted, or never gold) is 0.
    """
    _check_lengths(len(predicted), len(gold), "predicted labels", "gold labels")
    guessed, true = (
        [{each} if isinstance(each, str) else set(each) for each in answers] for answers in (predicted, gold)
    )
    labels = sorted(set().union(*guessed, *true))
    hits = dict.fromkeys(labels, 0)
    guesses = dict.fromkeys(labels, 0)
    truths = dict.fromkeys(labels, 0)
    for guess, truth in zip(guessed, true, strict=True):
        for counts, those in ((guesses, guess), (truths, truth), (hits, guess & truth)):
            for label in those:
                counts[label] += 1
    return [
        ClassScore(
            label,
            hits[label] / max(guesses[label], 1),
            hits[label] / max(truths[label], 1),
            2 * hits[label] / (guesses[label] + truths[label]),
            truths[label],
        )
        for label in labels
    ]


class Damage(NamedTuple):
    """F1 of one label (shares in 0..1) with the dense and the packed model, and how many gold texts have it."""

    label: str
    dense: float
    packed: float
    n: int

    @property
    def drop(self) -> float:
        """In points."""
        return 100 * (self.dense - self.packed)


def damages(dense: GivenLabels, packed: GivenLabels, gold: GivenLabels) -> list[Damage]:
    """A packed model's loss of F1 for each label, the largest loss first.

    >>> damages(["a", "b"], ["a", "a"], ["a", "b"])[0]
    Damage(label='b', dense=1.0, packed=0.0, n=1)
    """
    before, now = ({each.label: each for each in per_class(answers, gold)} for answers in (dense, packed))
    none = ClassScore("", 0.0, 0.0, 0.0, 0)
    found = [
        Damage(
            label,
            before.get(label, none).f1,
            now.get(label, none).f1,
            max(before.get(label, none).n, now.get(label, none).n),
        )
        for label in sorted(before.keys() | now.keys())
    ]
    return sorted(found, key=lambda each: -each.drop)


def _wilson(right: int, n: int) -> tuple[float, float]:
    z2 = Z_TWO_SIDED_95**2
    center = (right + z2 / 2) / (n + z2)
    half = Z_TWO_SIDED_95 * math.sqrt(right * (n - right) / n + z2 / 4) / (n + z2)
    # A bound is exactly 0 or 1 if all answers are alike; rounding can put it on the wrong side of the share.
    return max(0.0, min(center - half, right / n)), min(1.0, max(center + half, right / n))


def verdict(dense_right: ArrayLike, packed_right: ArrayLike, max_drop: float) -> Verdict:
    """Judge whether the packed model lost at most `max_drop` points, from both models' answers to the same texts.

    >>> dense_right, packed_right = [True] * 539, [True] * 539
    >>> verdict(dense_right, packed_right, max_drop=0.5).name
    'kept'

    `dense_right` and `packed_right` are boolean arrays of shape (n,): was the model right on that text? The bounds are
    Tango's score interval for the difference of paired proportions. The number of texts needed is that for a power of
    80 %; it is at least n + 1, for n texts did not suffice.

    Source: T. Tango, Equivalence test and confidence interval for the difference in proportions for the paired-sample
    design, Statistics in Medicine 17 (1998), 891-908.
    """
    if not max_drop >= 0:
        raise InputError(f"max_drop is {max_drop}: it must be zero or more accuracy points, such as 0.5.")
    b, c, n = _disagreements(dense_right, packed_right)
    drop = 100 * (b - c) / n
    low, high = paired_bounds(b, c, n)
    name = name_of(low, high, max_drop)
    return Verdict(name, drop, low, high, _needed(b, c, n, max_drop) if name == "undecided" else None)


def paired_bounds(lost: int, gained: int, n: int, z: float = Z_95) -> tuple[float, float]:
    """Tango's bounds of the drop, in points, if of n texts so many were lost and gained.

    >>> [round(bound, 2) for bound in paired_bounds(6, 4, 1000)]
    [-0.36, 0.8]
    """
    return 100 * _bound(lost, gained, n, z), 100 * _bound(lost, gained, n, -z)


def name_of(low: float, high: float, max_drop: float) -> str:
    """The verdict's name by the bounds of the drop, all in points.

    >>> name_of(-0.2, 0.4, 0.5), name_of(-0.2, 0.6, 0.5), name_of(0.6, 1.0, 0.5)
    ('kept', 'undecided', 'lost')
    """
    if high <= max_drop:
        return "kept"
    return "lost" if low > max_drop else "undecided"


def _needed(b: int, c: int, n: int, max_drop: float) -> int | None:
    room = max_drop / 100 - (b - c) / n
    changed = (b + c + 1) / (n + 2)  # share of texts on which the models differ; never estimated as zero
    spread = (Z_95 + Z_80) ** 2 * changed
    if room <= 0 or spread > MOST_TEXTS * room**2:
        return None
    return max(math.ceil(spread / room**2), n + 1)


def _bound(b: int, c: int, n: int, z: float) -> float:
    """Solve statistic(drop) = z for the drop, a share in -1..1: z > 0 gives the lower bound, z < 0 the upper one."""
    seen, end = (b - c) / n, -math.copysign(1.0, z)
    if seen == end:
        return seen
    low, high = min(seen, end), max(seen, end)
    from scipy.optimize import brentq  # not above: it takes a quarter of a second to import

    return float(brentq(lambda drop: _statistic(b, c, n, drop) - z, low, high, xtol=1e-12, rtol=1e-12))


def _statistic(b: int, c: int, n: int, drop: float) -> float:
    """Tango's score statistic; it falls strictly in `drop`, through 0 at the drop that was seen."""
    variance = n * (2 * _restricted_mle(b, c, n, drop) + drop * (1 - drop))
    # The variance is 0 only at -1, at 1, and at 0 for b = c = 0; the floor keeps the sign there and avoids 0 / 0.
    return (b - c - n * drop) / math.sqrt(max(variance, 1e-12))


def _restricted_mle(b: int, c: int, n: int, drop: float) -> float:
    """Most likely probability of the cell counted by `c`, given the true `drop` (Tango 1998, section 3)."""
    linear = (2 * n - b + c) * drop - b - c
    constant = -c * drop * (1 - drop)
    root = math.sqrt(max(linear * linear - 8 * n * constant, 0.0))
    # Two forms of the same root: each subtracts nothing where the other would cancel.
    larger = (root - linear) / (4 * n) if linear <= 0 else -2 * constant / (root + linear)
    return max(larger, -drop, 0.0)


def paired_standard_error(dense_right: ArrayLike, other_right: ArrayLike) -> float:
    """Standard error of the drop, in points: the standard deviation of the paired difference, over the root of n.

    >>> paired_standard_error([True, True, True, False], [True, False, True, True])
    35.35533905932738
    """
    b, c, n = _disagreements(dense_right, other_right)
    return 100 * math.sqrt(b + c - (b - c) ** 2 / n) / n


def _disagreements(dense_right: ArrayLike, other_right: ArrayLike) -> tuple[int, int, int]:
    """Count b (dense right, other wrong), c (the reverse) and n."""
    dense, other = np.asarray(dense_right, dtype=bool), np.asarray(other_right, dtype=bool)
    _check_lengths(len(dense), len(other), "answers of the dense model", "answers of the other model")
    return int(np.sum(dense & ~other)), int(np.sum(other & ~dense)), len(dense)


def _check_lengths(left: int, right: int, left_name: str, right_name: str) -> None:
    if left != right:
        raise InputError(f"There are {left} {left_name} but {right} {right_name}. Give one of each for every text.")
    if left == 0:
        raise InputError("There are no texts to judge. Give at least one labelled text.")
