"""Calibration of a model's probabilities: temperature, expected calibration error, rejection.

All probabilities here are those of the packed file. All shares are in 0..1.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, expit, logit, logsumexp

from prunetext.data.scores import scored
from prunetext.errors import InputError
from prunetext.statistics.answers import Answers
from prunetext.statistics.metrics import Measure

COLDEST, HOTTEST = 0.05, 20.0  # temperatures
DIGITS = 4  # of a temperature: more would be noise, and take bytes in the file
BINS = 10
AT_BOUND = 1e-3  # share by which a temperature at a bound may differ from it
CANDIDATES = 20  # thresholds that are tried: they accept 1/20 of dev, 2/20, ... and all of it
DOUBT = 0.05  # probability that the chosen threshold falls short of the wanted precision
CALIBRATION_STEPS = 10_000  # of a threshold between 0 and 1: it takes four digits in the file


class Rejection(NamedTuple):
    """The effect of a threshold on some texts: the share that it accepts, and the share of right labels among these.

    `precision` is None if nothing is accepted.
    """

    threshold: float
    accepted: float
    precision: float | None

    def sentence(self) -> str:
        """Say it in plain words.

        >>> Rejection(0.8, 0.715, 0.96).sentence()
        '--reject accepts 71.50 % of these texts, with a probability of 0.8 or more; 96.00 % of them are right.'
        """
        right = "" if self.precision is None else f"; {100 * self.precision:.2f} % of them are right"
        accepted = f"{100 * self.accepted:.2f} % of these texts, with a probability of {self.threshold:g} or more"
        return f"--reject accepts {accepted}{right}."


class Calibration(NamedTuple):
    """The temperature in a packed file, and the expected calibration error on test without it and with it."""

    temperature: float
    before: float
    after: float
    rejection: Rejection | None  # on test, if the file has a threshold

    def notes(self) -> list[str]:
        """A sentence if the temperature is at a bound: another one would fit dev better.

        >>> Calibration(20.0, 0.5, 0.4, None).notes()
        ['The temperature is at its highest, 20: on dev, the model is wrong where it is sure.']
        """
        for bound, why in (
            (COLDEST, "at its lowest, {:g}: on dev, the model is right more often than its probabilities can say"),
            (HOTTEST, "at its highest, {:g}: on dev, the model is wrong where it is sure"),
        ):
            if math.isclose(self.temperature, bound, rel_tol=AT_BOUND):
                return [f"The temperature is {why.format(bound)}."]
        return []

    def sentence(self) -> str:
        """Say it in plain words.

        >>> Calibration(1.7, 0.052, 0.011, None).sentence()
        'Expected calibration error: 5.20 % at temperature 1, 1.10 % at 1.7, the temperature fitted on dev.'
        """
        before, after = f"{100 * self.before:.2f} %", f"{100 * self.after:.2f} %"
        return (
            f"Expected calibration error: {before} at temperature 1, {after} at {self.temperature:g}, the temperature "
            "fitted on dev."
        )

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self._asdict(), "rejection": self.rejection and self.rejection._asdict()}


def fit_temperature(probabilities: ArrayLike, targets: ArrayLike, several: bool = False) -> float:
    """The temperature at which a model's probabilities have the least cross-entropy.

    >>> fit_temperature([[0.99, 0.01]] * 4, [0, 0, 0, 1])
    4.183

    `probabilities` are those at temperature 1, (texts, classes); `targets` are the indices of the true labels, or if
    texts can have `several`, 0 and 1 (texts, classes), with the cross-entropy of each label. At the fitted temperature
    the four texts above have 0.75, which is how often the model is right. The temperature is in 0.05 to 20, with four
    significant digits, and changes no label.

    If every one of n texts is right, lower is always better, which tells nothing about new texts. Their targets are
    then smoothed: one more text, of every label alike, is right or wrong with equal odds (Laplace), so each text has
    (n + 1) / (n + 2) for its label, and the other labels share the rest. At the temperature below, 0.55 becomes 41/42:

    >>> fit_temperature([[0.55, 0.45]] * 40, [0] * 40)
    0.05404

    Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, On calibration of modern neural networks, ICML 2017, section 4.
    """
    likelihoods = np.asarray(probabilities, np.float64)
    true = np.asarray(targets, np.intp)
    check_some(len(likelihoods), len(true))
    if several:
        return _temperature_of_several(likelihoods, true > 0)
    # A float32 can be 0 for a label that is just very improbable.
    logits = np.log(np.maximum(likelihoods, np.finfo(np.float32).smallest_subnormal))  # (texts, classes)

    off = _doubt(likelihoods.argmax(1) == true)

    def cross_entropy(log_temperature: float) -> float:
        cooled = logits * math.exp(-log_temperature)
        own = cooled[np.arange(len(true)), true]
        others = (cooled.sum(1) - own) / max(cooled.shape[1] - 1, 1)
        hoped = own if not off else (1 - off) * own + off * others
        return float((logsumexp(cooled, axis=1) - hoped).mean())

    return _coolest(cross_entropy)


def _temperature_of_several(likelihoods: NDArray[np.float64], true: NDArray[np.bool_]) -> float:
    """The same if each label has a probability of its own, which decides from one half on."""
    off = _doubt((likelihoods >= 0.5) == true)
    # A float32 can be 0 or 1 for a label that is just very improbable, or very probable.
    likelihoods = np.clip(likelihoods, np.finfo(np.float32).smallest_subnormal, 1 - np.finfo(np.float32).epsneg)
    against = np.log(np.where(true, 1 - likelihoods, likelihoods) / np.where(true, likelihoods, 1 - likelihoods))

    def cross_entropy(log_temperature: float) -> float:
        cooled = against * math.exp(-log_temperature)
        return float((np.logaddexp(0, cooled) - off * cooled).mean() if off else np.logaddexp(0, cooled).mean())

    return _coolest(cross_entropy)


def temperature_of_scores(probabilities: ArrayLike, scores: ArrayLike, levels: Sequence[float]) -> float:
    """The temperature of the steps at which scores have the smallest squared error.

    >>> round(temperature_of_scores([[0.9, 0.9]] * 4, [1.2] * 4, [0, 1, 2]), 1)
    5.4

    probabilities: of the steps at temperature 1, (texts, steps). 1 if no temperature saves a thousandth of the error.
    """
    true, few = np.asarray(scores, np.float64), np.finfo(np.float32).epsneg
    odds = logit(np.clip(np.asarray(probabilities, np.float64), few, 1 - few))

    def error(log_temperature: float) -> float:
        return float(((scored(expit(odds * math.exp(-log_temperature)), levels) - true) ** 2).mean())

    found = _coolest(error)
    return found if error(math.log(found)) < (1 - AT_BOUND) * error(0.0) else 1.0


def _doubt(right: NDArray[np.bool_]) -> float:
    """The share of certainty that targets give away: none if an answer is wrong, else 1 / (n + 2) (Laplace).

    Nothing else would keep a model that is always right from being made surer without end.
    """
    return 1 / (right.size + 2) if right.all() else 0.0


def _coolest(cross_entropy: Callable[[float], float]) -> float:
    """The temperature with the least cross-entropy, which is a function of the temperature's logarithm."""
    from scipy.optimize import minimize_scalar  # not above: it takes a quarter of a second to import

    # It is convex in 1 / temperature: there is one minimum.
    found = minimize_scalar(cross_entropy, bounds=(math.log(COLDEST), math.log(HOTTEST)), method="bounded")
    return float(f"{math.exp(found.x):.{DIGITS}g}")


def calibration_error(tops: ArrayLike, right: ArrayLike, bins: int = BINS) -> float:
    """Expected calibration error: how far probabilities are from how often the model is right, on average.

    >>> round(calibration_error([0.9, 0.9, 0.6, 0.6], [True, False, True, False]), 3)
    0.25

    `tops` is the probability of each text's label, `right` whether that label is true. The texts, in the order of
    their probabilities, are cut into `bins` bins of equal size, and the gaps between mean probability and share of
    right labels are averaged over the texts. Texts of equal probability stay together, in the bin of their middle:
    their order says nothing. If texts can have several labels, each label of each text counts with its probability; it
    is right if the text has it.

    Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning,
    AAAI 2015; bins of equal mass as in K. Nguyen, B. O'Connor, EMNLP 2015.
    """
    probability, hits = np.asarray(tops, np.float64), np.asarray(right, np.float64)
    check_some(len(probability), len(hits))
    return float(np.abs(np.bincount(bins_of(probability, bins), hits - probability)).sum() / len(hits))


def bins_of(probability: NDArray[np.float64], bins: int) -> NDArray[np.intp]:
    """The bin of each text, of bins of equal size; equal probabilities have one bin.

    >>> bins_of(np.array([0.1, 0.9, 0.5, 0.5]), 2).tolist()
    [0, 1, 1, 1]
    """
    _, group, sizes = np.unique(probability, return_inverse=True, return_counts=True)
    middle = np.cumsum(sizes) - sizes / 2
    found: NDArray[np.intp] = (middle * bins / len(probability)).astype(np.intp)[group]
    return found


def calibration_of(measure: Measure, said: Answers, reject: float | None) -> tuple[float, Rejection | None]:
    """The calibration error of a model's answers, and the effect of its threshold, if it has one.

    If texts can have several labels, each label of each text counts, and none is rejected.
    """
    tops, right = tops_and_right(measure, said)
    none = reject is None or measure.gold.several or measure.gold.scored
    return calibration_error(tops, right), None if none or reject is None else rejection(tops, right, reject)


def tops_and_right(measure: Measure, said: Answers) -> tuple[NDArray[Any], NDArray[Any]]:
    """The probability of each text's label, and whether it is right; of several labels, each of each text counts.

    Of scores, each step counts, with the share of it that the true score has passed.

    tops, right = tops_and_right(measure, said)
    """
    if measure.gold.scored:
        return said.probabilities.ravel(), measure.perfect(said.probabilities.shape[1]).probabilities.ravel()
    if measure.gold.several:
        return said.probabilities.ravel(), measure.gold.targets.ravel()
    return said.probabilities.max(1), said.winners() == measure.gold.targets


def choose_threshold(tops: ArrayLike, right: ArrayLike, precision: float) -> float | None:
    """The smallest threshold from which on these texts show that labels are right often enough.

    >>> choose_threshold([0.9] * 200 + [0.6] * 200, [True] * 200 + [False, True] * 100, precision=0.95)
    0.9

    `tops` and `right` as for `calibration_error`. Twenty thresholds are tried, which accept 1/20 of the texts, 2/20,
    and so on to all. Each is tested: if the precision of accepted texts were just the wanted one, how probable would so
    many right ones be? It passes if that probability is at most 5 % / 20; with 95 % confidence, no threshold passes
    that should not (Bonferroni). None if none passes: `least_texts` says how many texts it takes at least. A threshold
    has four decimals; texts of exactly that probability are accepted.

    The test is that of Clopper and Pearson (1934); the guarantee is that of Y. Geifman and R. El-Yaniv, Selective
    classification for deep neural networks, NeurIPS 2017.
    """
    probability, hits = np.asarray(tops, np.float64), np.asarray(right, bool)
    check_some(len(probability), len(hits))
    order = np.sort(probability)[::-1]
    passing = []
    for candidate in range(1, CANDIDATES + 1):
        last = order[math.ceil(candidate * len(order) / CANDIDATES) - 1]
        threshold = max(math.floor(last * CALIBRATION_STEPS), 1) / CALIBRATION_STEPS
        accepted = hits[probability >= threshold]
        if chance(int(accepted.sum()), len(accepted), precision) <= DOUBT / CANDIDATES:
            passing.append(threshold)
    return min(passing, default=None)


def chance(right: int, n: int, precision: float) -> float:
    """The probability of so many or more right labels out of n, if each is right with probability `precision`.

    >>> chance(2, 2, 0.5)
    0.25
    """
    return 1.0 if right == 0 else float(betainc(right, n - right + 1, precision))


def least_texts(precision: float) -> int:
    """How many texts must be accepted, all of them right, for a threshold to pass.

    >>> least_texts(0.95)
    117
    """
    return math.ceil(math.log(DOUBT / CANDIDATES) / math.log(precision))


def rejection(tops: ArrayLike, right: ArrayLike, threshold: float) -> Rejection:
    """The effect of a threshold on some texts.

    >>> rejection([0.9, 0.8, 0.6, 0.5], [True, False, True, False], 0.8)
    Rejection(threshold=0.8, accepted=0.5, precision=0.5)
    """
    probability, hits = np.asarray(tops, np.float64), np.asarray(right, bool)
    check_some(len(probability), len(hits))
    accepted: NDArray[np.bool_] = hits[probability >= threshold]
    return Rejection(threshold, len(accepted) / len(hits), float(accepted.mean()) if len(accepted) else None)


def check_some(answers: int, truths: int) -> None:
    """Refuse no texts, and answers that are not as many as the texts."""
    if answers != truths or not answers:
        raise InputError(f"There are {answers} probabilities for {truths} texts. Give one for each text.")
