"""Thresholds of several labels: each label's own, as far as dev has texts enough to say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.statistics.thresholds import SHRINKAGE, best_threshold, decided, tuned

# Few different probabilities, so that many are equal.
ROWS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0]), st.booleans()), min_size=1, max_size=40)


def f1(probabilities: np.ndarray, gold: np.ndarray, threshold: float) -> float:
    given_ = probabilities >= threshold
    return 2 * float((given_ & gold).sum()) / max(float(given_.sum() + gold.sum()), 1)


@given(ROWS)
def test_no_threshold_has_a_better_f1(rows: list[tuple[float, bool]]) -> None:
    probabilities, gold = np.array([p for p, _ in rows]), np.array([g for _, g in rows])
    found = best_threshold(probabilities, gold)
    if gold.any():
        best = max(f1(probabilities, gold, limit) for limit in np.linspace(0, 1, 41))
        assert f1(probabilities, gold, found) == pytest.approx(best)
    else:
        assert found == 0.5


def made(counts: list[int], limits: list[float], texts: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """Labels of so many texts each, every one of which is told from the others at its own limit."""
    rng = np.random.default_rng(0)
    probabilities, gold = np.zeros((texts, len(counts))), np.zeros((texts, len(counts)), bool)
    for at, (count, limit) in enumerate(zip(counts, limits, strict=True)):
        gold[:count, at] = True
        probabilities[:, at] = np.where(gold[:, at], rng.uniform(limit, 1, texts), rng.uniform(0, limit, texts))
    return probabilities, gold


def test_a_frequent_label_has_its_own_threshold_and_a_rare_one_the_common_one() -> None:
    probabilities, gold = made([3000, 3000, 2], [0.3, 0.3, 0.9])
    found = tuned(probabilities, gold)
    assert found[:2] == pytest.approx([0.3, 0.3], abs=0.01)
    assert found[2] == pytest.approx(0.3, abs=0.03)  # two texts are not enough to say 0.9


def test_as_many_texts_as_the_shrinkage_count_half() -> None:
    probabilities, gold = made([3000, SHRINKAGE], [0.2, 0.8])
    common = best_threshold(probabilities.ravel(), gold.ravel())
    own = best_threshold(probabilities[:, 1], gold[:, 1])
    odds = np.array([common, own]) / (1 - np.array([common, own]))
    assert tuned(probabilities, gold)[1] == pytest.approx(np.sqrt(odds.prod()) / (1 + np.sqrt(odds.prod())), abs=1e-4)


@given(ROWS, ROWS)
def test_thresholds_are_between_0_and_1_and_short(
    one: list[tuple[float, bool]], other: list[tuple[float, bool]]
) -> None:
    rows = list(zip(one, other, strict=False))
    probabilities = np.array([[p for p, _ in row] for row in rows])
    found = tuned(probabilities, np.array([[g for _, g in row] for row in rows]))
    assert ((found > 0) & (found < 1)).all()
    assert all(len(repr(float(each))) <= len("0.1234") for each in found)
    assert decided(probabilities, found).shape == probabilities.shape


def test_a_float32_is_compared_as_what_it_is() -> None:
    assert not decided(np.array([[np.float32(0.1)]], np.float32), np.array([0.1000001]))[0, 0]
    assert decided(np.array([[np.float32(0.1)]], np.float32), np.array([0.1]))[0, 0]
