"""How close scores come to the true ones: each value against another implementation, also on resamples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from prunetext.errors import InputError
from prunetext.statistics.closeness import Closeness, auc_of, closeness, interval, mean_ranks, pearson_of, spearman_of

rows = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 4), st.integers(0, 3)), min_size=3, max_size=25)


def correlated(kind: str, table: np.ndarray) -> float:
    if min(np.ptp(table, axis=0)) == 0:
        return 0.0
    return float((stats.spearmanr if kind == "spearman" else stats.pearsonr)(table[:, 0], table[:, 1])[0])


@given(rows)
def test_drawing_texts_is_as_good_as_repeating_them(given_rows: list[tuple[int, int, int]]) -> None:
    whole = np.array(given_rows, float)
    table, drawn = whole[:, :2], whole[:, 2]
    repeated = np.repeat(table, drawn.astype(int), axis=0)
    if not len(repeated):
        return
    assert float(spearman_of(drawn, table)) == pytest.approx(correlated("spearman", repeated), abs=1e-9)
    assert float(pearson_of(drawn, table)) == pytest.approx(correlated("pearson", repeated), abs=1e-9)
    ranks = np.repeat(mean_ranks(drawn, table[:, 0]), drawn.astype(int))
    np.testing.assert_allclose(ranks, stats.rankdata(repeated[:, 0]))
    high = np.column_stack([table[:, 0], table[:, 1] >= 2])
    above, below = (repeated[(repeated[:, 1] >= 2) == kind, 0] for kind in (True, False))
    wanted = 0.5
    if len(above) and len(below):
        wanted = float(np.mean((above[:, None] > below) + (above[:, None] == below) / 2))
    assert float(auc_of(drawn, high)) == pytest.approx(wanted)


@given(rows)
def test_many_draws_at_once_are_as_single_ones(given_rows: list[tuple[int, int, int]]) -> None:
    whole = np.array(given_rows, float)
    draws = np.stack([whole[:, 2] + 1, np.ones(len(whole)), np.roll(whole[:, 2] + 1, 1)])
    high = np.column_stack([whole[:, 0], whole[:, 1] >= 2])
    for of, table in ((spearman_of, whole[:, :2]), (pearson_of, whole[:, :2]), (auc_of, high)):
        np.testing.assert_allclose(of(draws, table), [float(of(each, table)) for each in draws], atol=1e-12)


def test_all_values_of_some_scores() -> None:
    found = closeness([1.0, 2.5, 2.0, 4.0], [1, 2, 3, 3])
    assert found.spearman == pytest.approx(stats.spearmanr([1.0, 2.5, 2.0, 4.0], [1, 2, 3, 3])[0])
    assert found.pearson == pytest.approx(np.corrcoef([1.0, 2.5, 2.0, 4.0], [1, 2, 3, 3])[0, 1])
    assert (found.mae, found.within_one, found.n) == (0.625, 1.0, 4)
    assert found.rmse == pytest.approx(np.sqrt((0.25 + 1 + 1) / 4))
    assert found.low < found.spearman < found.high


def test_scores_that_say_nothing() -> None:
    found = closeness([2.0] * 5, [1, 2, 3, 4, 5])
    assert found[:4] == (0.0, *interval(0.0, 5), 0.0)
    assert closeness([1.0], [2]) == Closeness(0.0, -1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1)
    with pytest.raises(InputError, match="2 scores for 1 texts"):
        closeness([1.0, 2.0], [1])


def test_the_interval_holds_the_true_correlation_about_as_often_as_it_says() -> None:
    generator, held, true = np.random.default_rng(0), 0, 6 / np.pi * np.arcsin(0.6 / 2)  # of normal numbers
    for _ in range(400):
        one = generator.normal(size=200)
        found = closeness(0.6 * one + 0.8 * generator.normal(size=200), one)
        held += found.low <= true <= found.high
    assert 0.92 < held / 400 < 0.98
