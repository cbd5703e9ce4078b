"""Swaps end where no single swap helps, and never do harm; on tiny blocks, beside all arrangements."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.pruning.criteria.swapping import LEAST_GAIN, Square, swapped


def cost(matrix: Square, kept: np.ndarray) -> float:
    """What removal costs: half the sum of F over pairs of removed units."""
    gone = np.flatnonzero(~kept)
    return float(matrix[np.ix_(gone, gone)].sum()) / 2


def random_matrix(units: int, texts: int, seed: int) -> Square:
    """The empirical Fisher information of so many texts."""
    falls = np.random.default_rng(seed).normal(size=(texts, units))
    return falls.T @ falls / texts


blocks = st.tuples(st.integers(1, 7), st.integers(1, 12), st.integers(0, 2**16), st.integers(0, 7))


@given(blocks)
def test_no_single_swap_improves_what_it_gives(drawn: tuple[int, int, int, int]) -> None:
    units, texts, seed, gone = drawn
    matrix, start = random_matrix(units, texts, seed), np.arange(units) >= min(gone, units)
    found = swapped(matrix, start)
    assert found.sum() == start.sum()
    assert cost(matrix, found) <= cost(matrix, start)
    for out in np.flatnonzero(found):
        for back in np.flatnonzero(~found):
            other = found.copy()
            other[out], other[back] = False, True
            assert cost(matrix, other) >= cost(matrix, found) - 2 * LEAST_GAIN * float(matrix.trace())


@given(blocks)
def test_the_best_arrangement_of_all_stays_as_it_is(drawn: tuple[int, int, int, int]) -> None:
    units, texts, seed, gone = drawn
    matrix, count = random_matrix(units, texts, seed), min(gone, units)
    every = []
    for removed in combinations(range(units), count):
        kept = np.ones(units, bool)
        kept[list(removed)] = False
        every.append(kept)
    best = min(every, key=lambda kept: cost(matrix, kept))
    assert cost(matrix, swapped(matrix, best)) == pytest.approx(cost(matrix, best), abs=1e-9)
    assert swapped(matrix, np.arange(units) >= count).tolist() in [each.tolist() for each in every]


def test_it_mostly_finds_the_best_arrangement_of_all() -> None:
    hits = 0
    for seed in range(50):
        matrix = random_matrix(8, 5, seed)
        start = np.arange(8) >= 4
        costs = [cost(matrix, ~np.isin(np.arange(8), removed)) for removed in combinations(range(8), 4)]
        hits += cost(matrix, swapped(matrix, start)) < min(costs) + 1e-9
    assert hits >= 30


def test_where_units_have_nothing_in_common_the_least_go() -> None:
    matrix = np.diag([4.0, 1.0, 3.0, 2.0])
    assert swapped(matrix, np.array([False, True, True, False])).tolist() == [True, False, True, False]
    least = np.array([True, False, True, False])
    assert swapped(matrix, least).tolist() == least.tolist()


def test_what_was_given_is_not_changed() -> None:
    start = np.array([False, False, True])
    swapped(np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.0], [-0.9, 0.0, 1.0]]), start)
    assert start.tolist() == [False, False, True]
