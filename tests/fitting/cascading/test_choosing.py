"""The choice of a threshold: no more is lost than allowed where that is possible, and as few texts go on as can be."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prunetext.fitting.cascading.choosing import (
    Limits,
    Passing,
    chosen_threshold,
    passings,
    spread_over,
    thresholds_between,
)
from prunetext.runtime.cascade_files import EVERY_TEXT
from prunetext.runtime.cascade_model import confidences, unsure
from prunetext.statistics.answers import Answers, Array
from prunetext.statistics.bootstrap import paired_drop
from prunetext.statistics.expected import expected_drop
from prunetext.statistics.gold import Gold
from prunetext.statistics.metrics import Measure


def said(gold: Array, skill: float, seed: int, classes: int = 3) -> Answers:
    """Answers that are right the more often the larger the skill, and sure where they are."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 1, (len(gold), classes)) + skill * np.eye(classes)[gold]
    soft = np.exp(logits)
    return Answers.of(soft / soft.sum(1, keepdims=True))


def both_said(seed: int, texts: int = 80) -> tuple[Measure, Answers, Answers]:
    """A metric, a weak model and a strong one."""
    gold = np.random.default_rng(seed).integers(0, 3, texts)
    return Measure("accuracy", Gold(gold)), said(gold, 1.0, seed + 1), said(gold, 3.0, seed + 2)


levels = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(levels)
def test_thresholds_part_the_texts_in_every_way(given_levels: list[float]) -> None:
    confidence = np.array(given_levels)
    passed = [int(unsure(confidence, each).sum()) for each in thresholds_between(confidence)]
    assert passed[0] == 0
    assert passed[-1] == len(confidence)
    assert passed == sorted(set(passed))
    assert len(passed) == len(np.unique(confidence)) + 1


@given(st.integers(0, 500))
@settings(max_examples=30)
def test_shares_rise_with_the_thresholds(seed: int) -> None:
    measure, weak, strong = both_said(seed)
    rows = passings(measure, confidences(weak.probabilities), weak, strong)
    assert (rows[0].passed, rows[-1].passed) == (0.0, 1.0)
    for one, other in itertools.pairwise(rows):
        assert one.threshold < other.threshold
        assert one.passed < other.passed
    assert (rows[-1].threshold, rows[-1].drop, rows[-1].error) == (EVERY_TEXT, 0.0, 0.0)
    assert rows[0].drop == pytest.approx(expected_drop(measure, strong, weak)[0])


rows_of_any = st.lists(
    st.builds(Passing, st.just(0.0), st.floats(0, 1), st.floats(-5, 20), st.floats(0, 5)), min_size=1, max_size=20
).map(lambda rows: sorted(rows, key=lambda row: row.passed))
limits_of_any = st.builds(Limits, st.none() | st.floats(0, 10), st.none() | st.floats(-1, 2))


@given(rows_of_any, limits_of_any)
def test_no_more_is_lost_than_allowed_where_that_is_possible(rows: list[Passing], limits: Limits) -> None:
    found = chosen_threshold(rows, limits)
    within = [row for row in rows if limits.most_passed is None or row.passed <= limits.most_passed]
    able = [row for row in within if row.keeps(limits.max_drop)]
    if able:
        assert not found.lost
        assert not found.late
        assert found.row in able
        if limits.max_drop is not None:
            assert found.row.drop + found.row.error / 2 <= limits.max_drop
            assert found.row.passed == min(row.passed for row in able)
        else:
            assert found.row.drop == min(row.drop for row in able)
    else:
        assert found.lost or found.late
        assert found.late == (not within)
        if found.late and not found.lost:
            assert found.row.keeps(limits.max_drop)
            assert found.row.passed == min(row.passed for row in rows if row.keeps(limits.max_drop))
        else:
            assert found.row.drop == min(row.drop for row in within or rows)


@given(st.integers(0, 500), st.floats(0, 10))
@settings(max_examples=30)
def test_all_texts_going_on_always_keeps_the_drop(seed: int, max_drop: float) -> None:
    measure, weak, strong = both_said(seed)
    rows = passings(measure, confidences(weak.probabilities), weak, strong)
    found = chosen_threshold(rows, Limits(max_drop, None))
    assert not found.lost
    assert found.row.drop + found.row.error / 2 <= max_drop


def test_more_may_go_on_where_less_may_be_lost() -> None:
    measure, weak, strong = both_said(3, 2000)
    rows = passings(measure, confidences(weak.probabilities), weak, strong)
    shares = [chosen_threshold(rows, Limits(max_drop, None)).row.passed for max_drop in (30, 5, 1, 0.5, 0)]
    assert shares == sorted(shares)
    assert 0 < shares[2] < 1


def test_few_texts_make_every_threshold_doubtful() -> None:
    measure, weak, strong = both_said(3, 40)
    rows = passings(measure, confidences(weak.probabilities), weak, strong)
    assert all(row.error >= 50 / 40 for row in rows[:-1])


def test_other_metrics_are_resampled() -> None:
    measure, weak, strong = both_said(5, 60)
    measure = measure._replace(name="macro-f1")
    sure = confidences(weak.probabilities)
    rows = passings(measure, sure, weak, strong)
    middle = rows[len(rows) // 2]
    mixed = weak.where(sure >= middle.threshold, strong)
    assert middle.drop == pytest.approx(paired_drop(measure, strong, mixed)[0])
    assert rows[-1].drop == 0


def test_rows_are_spread_evenly() -> None:
    assert spread_over(list(range(11)), 3) == [0, 5, 10]
    assert spread_over([1, 2], 40) == [1, 2]
