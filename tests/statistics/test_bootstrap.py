"""The paired bootstrap against what is known otherwise, and what a rare class is worth to it."""

import numpy as np
import pytest
from hypothesis import given as given_by
from hypothesis import settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from helpers.answers import certain, given
from prunetext.data.dataset import Examples
from prunetext.errors import InputError
from prunetext.statistics.answers import Answers
from prunetext.statistics.bootstrap import (
    FEW_RESAMPLES,
    MOST_DRAWN,
    ONE_ANSWER,
    RESAMPLES,
    bootstrap_verdict,
    foresee_verdict,
    needed_texts,
    paired_drop,
    resampled_drops,
    texts_for_kept,
)
from prunetext.statistics.evaluation import paired_standard_error, verdict
from prunetext.statistics.gold import Gold, MetricUnits
from prunetext.statistics.metrics import METRICS, Measure, measure_of


def answers(b: int, c: int, n: int) -> tuple[np.ndarray, Answers, Answers]:
    """Gold of two classes; b texts that only the dense model has right, c that only the other one has."""
    gold = np.arange(n) % 2
    rows = np.random.default_rng(0).permutation(n)
    dense, other = gold.copy(), gold.copy()
    other[rows[:b]] ^= 1
    dense[rows[b : b + c]] ^= 1
    return gold, certain(dense), certain(other)


@pytest.mark.parametrize(
    ("b", "c", "n"), [(0, 0, 600), (10, 5, 1000), (40, 35, 2000), (100, 80, 5000), (500, 450, 25_000), (9, 0, 800)]
)
def test_for_accuracy_the_bootstrap_agrees_with_tango(b: int, c: int, n: int) -> None:
    gold, dense, other = answers(b, c, n)
    # Where each text has one label, micro-F1 is accuracy.
    found = bootstrap_verdict(Measure("micro-f1", Gold(gold)), dense, other, 0.5)
    expected = verdict(dense.winners() == gold, other.winners() == gold, 0.5)
    assert found.drop == pytest.approx(expected.drop)
    width = expected.high - expected.low
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=0.15 * width)
    drop, error = paired_drop(Measure("micro-f1", Gold(gold)), dense, other)
    assert drop == pytest.approx(expected.drop)
    plain = paired_standard_error(dense.winners() == gold, other.winners() == gold)
    assert error == pytest.approx(plain, rel=0.15)


def test_accuracy_itself_keeps_its_formulas() -> None:
    gold, dense, other = answers(12, 4, 400)
    measure, right = Measure("accuracy", Gold(gold)), (dense.winners() == gold, other.winners() == gold)
    assert bootstrap_verdict(measure, dense, other, 0.5) == verdict(*right, 0.5)
    assert paired_drop(measure, dense, other) == (pytest.approx(2.0), paired_standard_error(*right))


@pytest.mark.parametrize("name", METRICS)
def test_models_that_never_differ_prove_nothing_on_few_texts(name: str) -> None:
    gold = Gold(np.array([0, 1, 0]), np.zeros(3, int), 1)
    found = bootstrap_verdict(Measure(name, gold), certain(gold.targets), certain(gold.targets), 0.5)
    assert (found.name, found.drop) == ("undecided", 0)
    assert paired_drop(Measure(name, gold), certain(gold.targets), certain(gold.targets)) == (0, 0)


def rare(n: int, few: int) -> np.ndarray:
    """Gold in which the second class has few texts."""
    return (np.arange(n) < few).astype(np.int64)


def test_a_class_cannot_be_given_up_unseen() -> None:
    gold = rare(2000, 6)
    right, given_up = certain(gold), certain(np.zeros(2000, int))
    by_accuracy, by_f1 = (
        bootstrap_verdict(Measure(name, Gold(gold)), right, given_up, 0.8) for name in ("accuracy", "macro-f1")
    )
    assert (by_accuracy.name, by_accuracy.doubt) == ("undecided", ONE_ANSWER)  # by the drop alone it would be kept
    assert by_accuracy.high < 0.8
    assert by_f1.name == "lost"
    assert by_f1.drop == pytest.approx(50, abs=0.1)


@pytest.mark.parametrize("metric", ["accuracy", "macro-f1", "micro-f1"])
@given_by(allowed=st.floats(0, 100), share=st.floats(0.01, 0.99))
@settings(max_examples=20, deadline=None)
def test_one_answer_to_all_texts_is_never_kept_however_much_may_be_lost(
    metric: str, allowed: float, share: float
) -> None:
    gold = rare(200, 1 + int(198 * share))
    constant = certain(np.zeros(200, int))
    for dense in (certain(gold), constant):
        assert bootstrap_verdict(Measure(metric, Gold(gold)), dense, constant, allowed).name != "kept"


def test_one_answer_is_no_doubt_where_it_is_the_only_right_one_or_where_scores_decide() -> None:
    same = certain(np.zeros(2000, int))
    assert bootstrap_verdict(Measure("accuracy", Gold(np.zeros(2000, int))), same, same, 0.5).name == "kept"
    some = np.array([[0.9, 0.1], [0.6, 0.4]] * 1000)  # ranks the second row first, though it calls it negative
    ranking = Gold(np.array([0, 1] * 1000), np.arange(2000) // 2, 1)
    assert bootstrap_verdict(Measure("mrr", ranking), Answers.of(some), Answers.of(some), 0.5).name == "kept"


def test_no_label_for_any_text_is_one_answer_too() -> None:
    gold, nothing = np.array([[True, False], [False, True]] * 500), np.zeros((1000, 2))
    found = bootstrap_verdict(Measure("micro-f1", Gold(gold)), given(gold), Answers(nothing, nothing > 1), 100)
    assert (found.name, found.doubt) == ("undecided", ONE_ANSWER)


def test_few_texts_of_a_class_leave_its_loss_open_although_none_shows() -> None:
    for few, name in ((8, "undecided"), (1000, "kept")):
        right = certain(rare(2000, few))
        assert bootstrap_verdict(Measure("macro-f1", Gold(rare(2000, few))), right, right, 0.5).name == name


def noisy(gold: np.ndarray, wrong: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(gold)) < wrong, rng.integers(0, 3, len(gold)), gold)


def test_so_many_texts_as_are_needed_are_enough() -> None:
    gold = np.arange(900) % 3
    dense = noisy(gold, 0.10, 1)
    other = np.where(np.random.default_rng(3).random(900) < 0.2, noisy(gold, 0.1, 2), dense)
    found = bootstrap_verdict(Measure("macro-f1", Gold(gold)), certain(dense, 3), certain(other, 3), 0.5)
    assert found.name == "undecided"
    assert found.drop < 0.5
    assert found.needed is not None
    times = -(-found.needed // 900)
    gold, dense, other = (np.tile(each, times) for each in (gold, dense, other))
    more = bootstrap_verdict(Measure("macro-f1", Gold(gold)), certain(dense, 3), certain(other, 3), 0.5)
    assert more.name == "kept"
    assert needed_texts(0.0, 1.0, 100) is None
    assert needed_texts(0.001, 1.0, 100) is None


def test_the_other_way_round_is_as_far_in_the_other_direction() -> None:
    gold = np.arange(600) % 3
    one, other = certain(noisy(gold, 0.1, 1), 3), certain(noisy(gold, 0.2, 2), 3)
    measure = Measure("macro-f1", Gold(gold))
    there, back = bootstrap_verdict(measure, one, other, 0.5), bootstrap_verdict(measure, other, one, 0.5)
    assert there.drop == -back.drop
    assert there.low == pytest.approx(-back.high, abs=0.3)
    assert bootstrap_verdict(measure, one, other, 0.5) == there


def test_rows_of_a_query_are_drawn_together() -> None:
    rng = np.random.default_rng(0)
    queries, relevant = np.repeat(np.arange(300), 5), np.tile([1, 0, 0, 0, 0], 300)
    better, worse = rng.random((2, 1500, 2))
    better[:, 1] += relevant
    dense, other = Answers.of(better), Answers.of(worse)
    measure = Measure("mrr", Gold(relevant, queries, 1))
    drop, error = paired_drop(measure, dense, other)
    each = [measure.subset(np.arange(at, at + 5)) for at in range(0, 1500, 5)]
    rows = [np.arange(at, at + 5) for at in range(0, 1500, 5)]
    drops = [
        100 * (one.value(dense.subset(row)) - one.value(other.subset(row))) for one, row in zip(each, rows, strict=True)
    ]
    assert drop == pytest.approx(np.mean(drops))
    assert error == pytest.approx(np.std(drops) / np.sqrt(300), rel=0.15)
    found = bootstrap_verdict(measure, dense, other, 0.5)
    assert found.name == "lost"
    assert (found.high - found.low) / 2 == pytest.approx(1.645 * error, rel=0.15)


def test_queries_without_a_positive_row_have_no_drop() -> None:
    gold = Gold(np.zeros(4, int), np.array([0, 0, 1, 1]), 1)
    scores = np.random.default_rng(0).random((4, 2))
    assert paired_drop(Measure("map", gold), Answers.of(scores), Answers.of(scores[::-1])) == (0, 0)


def test_several_labels_are_judged_by_what_is_given() -> None:
    measure = measure_of("macro-f1", Examples(["text"] * 400, [["a", "b"], ["b"], [], ["c"]] * 100), ["a", "b", "c"])
    gold = measure.gold.targets
    without = gold.copy()
    without[:, 0] = False
    found = bootstrap_verdict(measure, given(gold), given(without), 0.5)
    assert (found.name, found.drop) == ("lost", pytest.approx(100 / 3))
    assert bootstrap_verdict(measure, given(gold), given(gold), 0.5).drop == 0


def test_a_senseless_max_drop_is_an_input_error() -> None:
    gold, dense, other = answers(1, 1, 10)
    with pytest.raises(InputError, match="max_drop is -1"):
        bootstrap_verdict(Measure("macro-f1", Gold(gold)), dense, other, -1)


@given_by(st.floats(0.05, 60))
@settings(max_examples=30)
def test_the_fewest_texts_for_kept_are_those_that_the_verdict_takes(max_drop: float) -> None:
    needed = texts_for_kept(max_drop)
    assert needed is not None
    for texts, name in ((needed, "kept"), (needed - 1, "undecided")):
        if texts:
            measure = Measure("accuracy", Gold(np.arange(texts) % 2))
            found = foresee_verdict(measure, 2, max_drop)
            assert (found.able, found.needed) == (name == "kept", needed)


@pytest.mark.parametrize("name", ["macro-f1", "map"])
def test_other_metrics_foresee_what_their_verdict_says_of_two_perfect_models(name: str) -> None:
    def able(texts: int) -> bool:
        gold = Gold(np.arange(texts) % 2, np.arange(texts) // 2, positive=1)
        return foresee_verdict(Measure(name, gold), 2, 0.5).able

    assert able(5000)
    assert not able(50)
    rare = Measure("macro-f1", Gold(np.array([0] * 4990 + [1] * 10)))
    assert (
        foresee_verdict(rare, 2, 0.5)
        .sentence("macro-F1")
        .startswith(
            "The verdict cannot be kept: 5,000 test texts cannot show a loss of at most 0.5 points of macro-F1."
        )
    )


def test_very_many_ways_to_count_are_drawn_less_often_but_never_hardly_at_all() -> None:
    kinds = 10_000
    units = MetricUnits(np.arange(kinds), csr_array(np.ones((kinds, 2))))
    measure = Measure("macro-f1", Gold(np.zeros(kinds, int)))
    drops = resampled_drops(measure, units, units, np.ones(kinds), 100, RESAMPLES)
    assert len(drops) == MOST_DRAWN // kinds
    assert FEW_RESAMPLES < len(drops) < RESAMPLES
    assert not drops.any()


def test_the_counts_of_thousands_of_classes_are_no_table_of_zeros() -> None:
    classes = 1000
    table = METRICS["macro-f1"].units(Answers.of(np.eye(classes)), Gold(np.arange(classes)[::-1])).table
    assert table.shape == (classes, 2 * classes)
    assert table.nnz <= 3 * classes
