"""Temperature, calibration error and threshold against hand computations, and what must hold of any probabilities."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from prunetext.errors import InputError
from prunetext.statistics.calibration import (
    CANDIDATES,
    DOUBT,
    Calibration,
    Rejection,
    calibration_error,
    chance,
    choose_threshold,
    fit_temperature,
    least_texts,
    rejection,
)

answers = st.lists(st.tuples(st.integers(1, 40).map(lambda n: n / 40), st.booleans()), min_size=1, max_size=60)


def softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def cross_entropy(logits: np.ndarray, targets: np.ndarray, temperature: float) -> float:
    return -float(np.log(softmax(logits / temperature)[np.arange(len(targets)), targets]).mean())


@pytest.mark.parametrize("temperature", [0.3, 1.0, 2.5])
def test_the_temperature_that_made_the_labels_is_found_again(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2 * temperature, (20_000, 4))
    targets = (logits / temperature + rng.gumbel(size=logits.shape)).argmax(1)
    assert fit_temperature(softmax(logits).astype(np.float32), targets) == pytest.approx(temperature, rel=0.03)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 1000), classes=st.integers(2, 5), texts=st.integers(4, 60), spread=st.sampled_from([0.5, 3.0])
)
def test_no_other_temperature_has_a_lower_cross_entropy(seed: int, classes: int, texts: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    logits, targets = rng.normal(0, spread, (texts, classes)), rng.integers(0, classes, texts)
    if (logits.argmax(1) == targets).all():
        return
    found = fit_temperature(softmax(logits), targets)
    assert 0.05 <= found <= 20
    least = cross_entropy(logits, targets, found)
    for other in np.geomspace(0.05, 20, 60):
        assert least <= cross_entropy(logits, targets, other) + 1e-6


@given(top=st.floats(0.51, 0.9999), texts=st.integers(1, 400), classes=st.integers(2, 5), several=st.booleans())
def test_where_all_of_dev_is_right_a_probability_is_that_of_laplace(
    top: float, texts: int, classes: int, several: bool
) -> None:
    """Texts that are all alike: each then has the probability (n + 1) / (n + 2), if a temperature can give it."""
    shares = np.full((texts, classes), (1 - top) / (1 if several else classes - 1))
    shares[:, 0] = top
    truth = np.eye(classes)[np.zeros(texts, int)]
    temperature = fit_temperature(shares, truth if several else [0] * texts, several=several)
    if several:
        counted, odds = texts * classes, top / (1 - top)
        found = odds ** (1 / temperature) / (1 + odds ** (1 / temperature))
    else:
        counted, powers = texts, shares[0] ** (1 / temperature)
        found = powers[0] / powers.sum()
    at_bound = bool(Calibration(temperature, 0, 0, None).notes())
    assert at_bound or found == pytest.approx((counted + 1) / (counted + 2), rel=2e-3)


def test_where_all_of_dev_is_right_the_calibration_error_is_small() -> None:
    rng = np.random.default_rng(0)
    timid = rng.uniform(0.52, 0.58, 300)
    shares = np.column_stack([timid, 1 - timid])
    temperature = fit_temperature(shares[:200], [0] * 200)
    cooled = shares[200:] ** (1 / temperature)
    tops = cooled[:, 0] / cooled.sum(1)
    assert calibration_error(timid[200:], [True] * 100) > 0.4
    assert calibration_error(tops, [True] * 100) < 0.08


def test_a_temperature_at_a_bound_is_said() -> None:
    lowest = fit_temperature([[0.51, 0.49]] * 1000, [0] * 1000)
    highest = fit_temperature([[0.999, 0.001]] * 4, [1] * 4)
    for temperature, word in ((lowest, "lowest, 0.05"), (highest, "highest, 20")):
        (note,) = Calibration(temperature, 0, 0, None).notes()
        assert note.startswith(f"The temperature is at its {word}: on dev, ")
    assert Calibration(1.0, 0, 0, None).notes() == []


def test_a_dev_set_that_says_nothing_or_too_much_stays_in_bounds() -> None:
    sure = [[0.999, 0.001], [0.002, 0.998]]
    assert fit_temperature(sure, [1, 0]) == pytest.approx(20, rel=1e-3)
    assert fit_temperature([[0.51, 0.49]] * 1000, [0] * 999 + [1]) == pytest.approx(0.05, rel=1e-3)
    assert 1 < fit_temperature([[1.0, 0.0]] * 10, [0] * 9 + [1]) <= 20, "a float32 that has become 0"
    with pytest.raises(InputError, match="0 probabilities for 0 texts"):
        fit_temperature(np.zeros((0, 2)), [])


def test_the_error_is_the_mean_gap_of_ten_equal_bins() -> None:
    tops = np.arange(1, 21) / 20
    right = np.arange(20) % 3 == 0
    gaps = [abs(right[at : at + 2].mean() - tops[at : at + 2].mean()) for at in range(0, 20, 2)]
    assert calibration_error(tops, right) == pytest.approx(np.mean(gaps))
    assert calibration_error([0.7], [False]) == pytest.approx(0.7)
    assert calibration_error([1.0] * 5, [True] * 5) == 0
    with pytest.raises(InputError, match="2 probabilities for 1 texts"):
        calibration_error([0.5, 0.6], [True])


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(1, 8)), min_size=1, max_size=15))
def test_probabilities_that_are_kept_to_have_no_error(groups: list[tuple[int, int]]) -> None:
    tops: list[float] = []
    right: list[bool] = []
    for hits, misses in groups:
        tops += [hits / (hits + misses)] * (hits + misses)
        right += [True] * hits + [False] * misses
    assert calibration_error(tops, right) == pytest.approx(0, abs=1e-12)


@given(answers, st.randoms(use_true_random=False))
def test_the_error_is_a_share_and_knows_no_order(rows: list[tuple[float, bool]], random: Any) -> None:
    error = calibration_error(*zip(*rows, strict=True))
    assert 0 <= error <= 1
    random.shuffle(rows)
    assert calibration_error(*zip(*rows, strict=True)) == pytest.approx(error, abs=1e-12)


def test_chances_are_those_of_the_binomial_distribution() -> None:
    for n, precision in ((7, 0.6), (30, 0.95)):
        for right in range(n + 1):
            tail = sum(math.comb(n, k) * precision**k * (1 - precision) ** (n - k) for k in range(right, n + 1))
            assert chance(right, n, precision) == pytest.approx(tail)


@pytest.mark.parametrize("precision", [0.5, 0.9, 0.95, 0.99])
def test_as_few_texts_as_can_be_are_enough_if_all_are_right(precision: float) -> None:
    n = least_texts(precision)
    assert choose_threshold([0.9] * n, [True] * n, precision) == 0.9
    assert choose_threshold([0.9] * (n - 1), [True] * (n - 1), precision) is None


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), precision=st.sampled_from([0.5, 0.8, 0.95]), texts=st.integers(20, 400))
def test_the_threshold_is_the_smallest_that_passes(seed: int, precision: float, texts: int) -> None:
    rng = np.random.default_rng(seed)
    tops = rng.uniform(0.5, 1, texts).astype(np.float32)
    right = rng.random(texts) < tops**0.5
    found = choose_threshold(tops, right, precision)

    def passes(threshold: float) -> bool:
        accepted = right[tops >= threshold]
        return chance(int(accepted.sum()), len(accepted), precision) <= DOUBT / CANDIDATES

    order = np.sort(tops.astype(float))[::-1]
    lower = [
        math.floor(order[math.ceil(k * texts / CANDIDATES) - 1] * 10_000) / 10_000 for k in range(1, CANDIDATES + 1)
    ]
    if found is None:
        assert not any(map(passes, lower))
    else:
        assert found in lower
        assert passes(found)
        assert not any(passes(each) for each in lower if each < found)
        done = rejection(tops, right, found)
        assert done.precision is not None
        assert done.precision >= precision


def test_a_threshold_that_should_not_be_there_is_rare() -> None:
    rng = np.random.default_rng(0)
    wrongly = 0
    for _ in range(400):
        tops, right = rng.uniform(0.5, 1, 400), rng.random(400) < 0.899  # at any threshold
        wrongly += choose_threshold(tops, right, 0.9) is not None
    assert wrongly <= DOUBT * 400


def test_a_rejection_counts_what_is_accepted() -> None:
    assert rejection([0.9, 0.8, 0.7, 0.6], [True, True, False, True], 0.7) == Rejection(0.7, 0.75, 2 / 3)
    nothing = rejection([0.9], [True], 0.95)
    assert nothing == Rejection(0.95, 0.0, None)
    assert nothing.sentence() == "--reject accepts 0.00 % of these texts, with a probability of 0.95 or more."


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_temperature_of_several_labels_is_found_again(temperature: float) -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(-1, 2, (4000, 5))
    labels = rng.random(logits.shape) < expit(logits / temperature)
    found = fit_temperature(expit(logits).astype(np.float32), labels, several=True)
    assert found == pytest.approx(temperature, rel=0.1)


def test_several_labels_that_are_all_right_or_very_sure_stay_in_bounds() -> None:
    assert fit_temperature([[0.9, 0.1], [0.1, 0.9]], [[1, 0], [0, 1]], several=True) == pytest.approx(1.365, rel=1e-3)
    assert 0.05 <= fit_temperature(np.float32([[1, 0], [1, 0]]), [[1, 0], [0, 1]], several=True) <= 20
