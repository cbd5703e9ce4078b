"""AUC over all texts and inside of groups, beside scikit-learn's; a score that only follows its source is flagged."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from prunetext.statistics.ranking import auc, dense_ranks, explained, following, mean_auc


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=60))
def test_the_auc_is_that_of_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([each for each, _ in rows]) / 10, np.array([each for _, each in rows])
    if positive.any() and not positive.all():
        expected = roc_auc_score(positive, scores)
        assert auc(scores, positive) == pytest.approx(expected)
        assert auc(dense_ranks(scores[:, None])[:, 0], positive) == pytest.approx(expected)


def scored(groups: int, follow: float, know: float, seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:  # type: ignore[type-arg]
    """Texts of some sources whose labels go with the source, and a score that knows the source, the label, or both."""
    draw = np.random.default_rng(seed)
    group = draw.integers(0, groups, 3000)
    positive = draw.random(3000) < np.where(group % 2 == 0, 0.9, 0.1)
    logit = follow * np.where(group % 2 == 0, 1, -1) + know * np.where(positive, 1, -1) + draw.normal(size=3000)
    share = 1 / (1 + np.exp(-logit))
    return [f"source {at}" for at in group], np.column_stack([1 - share, share]), np.column_stack([~positive, positive])


@pytest.mark.parametrize(("follow", "know", "flagged"), [(2.0, 0.0, True), (0.0, 2.0, False), (1.0, 2.0, False)])
def test_only_a_score_that_follows_its_source_is_flagged(follow: float, know: float, flagged: bool) -> None:
    found = following("source", *scored(4, follow, know))
    assert found.flagged is flagged
    assert bool(found.sentence()) is flagged
    assert found.whole is not None
    assert found.whole > 0.8
    assert found.within is not None
    if know == 0:
        assert found.within == pytest.approx(0.5, abs=0.05)
        assert found.explained > 0.5
    assert sum(each.n for each in found.parts) == 3000


def test_of_sources_that_have_one_label_each_nobody_can_tell() -> None:
    gold = np.repeat([[True, False], [False, True]], 30, axis=0)
    found = following("source", ["a"] * 30 + ["b"] * 30, gold.astype(float), gold)
    assert (found.whole, found.within, found.flagged) == (1.0, None, False)
    assert found.sentence() == "Each source has one label: nobody can tell whether the score follows source."


def test_shuffling_the_texts_changes_nothing() -> None:
    values, scores, gold = scored(3, 1.0, 1.0)
    order = np.random.default_rng(1).permutation(len(values))
    one, other = (
        following("s", values, scores, gold),
        following("s", [values[at] for at in order], scores[order], gold[order]),
    )
    assert one.within == pytest.approx(other.within)
    assert one.whole == pytest.approx(other.whole)
    assert one.explained == pytest.approx(other.explained, abs=1e-5)


def test_the_error_covers_the_spread_over_draws() -> None:
    """Hanley and McNeil's error is about that of repeated draws; two classes are one question, not two."""
    areas, errors = [], []
    for seed in range(60):
        _, scores, gold = scored(1, 0.0, 0.7, seed)
        area, _, error = mean_auc(scores[:300], gold[:300])
        assert area is not None
        areas.append(area)
        errors.append(error)
    assert np.mean(errors) == pytest.approx(np.std(areas), rel=0.4)
    assert mean_auc(np.ones((3, 1)), np.ones((3, 1), bool))[0] is None


def test_scores_that_do_not_vary_have_nothing_explained() -> None:
    assert explained(np.full((6, 2), 0.5), np.array([0, 0, 0, 1, 1, 1])) == 0.0
