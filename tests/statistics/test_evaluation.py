import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest, norm

from prunetext.errors import InputError
from prunetext.statistics import evaluation
from prunetext.statistics.evaluation import (
    ClassScore,
    Verdict,
    damages,
    paired_standard_error,
    per_class,
    score,
    verdict,
)

LABELS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abcd")), min_size=1, max_size=60)


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int, int]:
    n = draw(st.integers(1, 3000))
    b = draw(st.integers(0, n))
    return b, draw(st.integers(0, n - b)), n


def answers(b: int, c: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    dense = np.ones(n, dtype=bool)
    other = np.ones(n, dtype=bool)
    other[:b] = False
    dense[b : b + c] = False
    return dense, other


def judge(b: int, c: int, n: int, max_drop: float = 0.5) -> Verdict:
    return verdict(*answers(b, c, n), max_drop)


# Scores


def test_score_by_hand() -> None:
    result = score(["a", "a", "b", "b"], ["a", "a", "b", "a"])
    assert result.accuracy == 0.75
    assert result.macro_f1 == pytest.approx((2 * 2 / 5 + 2 * 1 / 3) / 2)
    assert result.n == 4


@pytest.mark.parametrize(("right", "n"), [(0, 5), (3, 4), (912, 1000), (7, 7)])
def test_interval_is_wilson(right: int, n: int) -> None:
    result = score(["x"] * right + ["y"] * (n - right), ["x"] * n)
    expected = binomtest(right, n).proportion_ci(0.95, method="wilson")
    assert (result.low, result.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.sampled_from([0, n]) | st.integers(0, n), st.just(n))))
@example((29, 29))  # computed as 0.9999999999999999
def test_interval_holds_the_accuracy(answers: tuple[int, int]) -> None:
    right, n = answers
    low, high = evaluation._wilson(right, n)
    assert 0 <= low <= right / n <= high <= 1


def test_per_class_sorts_and_counts_labels_never_gold_or_never_predicted() -> None:
    assert per_class(["z", "b"], ["b", "a"]) == [
        ClassScore("a", 0.0, 0.0, 0.0, 1),
        ClassScore("b", 0.0, 0.0, 0.0, 1),
        ClassScore("z", 0.0, 0.0, 0.0, 0),
    ]


@given(LABELS)
def test_scores_equal_those_of_scikit_learn(pairs: list[tuple[str, str]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, predicted = map(list, zip(*pairs, strict=True))
    assert score(predicted, gold).macro_f1 == pytest.approx(
        metrics.f1_score(gold, predicted, average="macro", zero_division=0)
    )
    labels = sorted({*gold, *predicted})
    expected = metrics.precision_recall_fscore_support(gold, predicted, labels=labels, zero_division=0)
    rows = per_class(predicted, gold)
    assert [row.label for row in rows] == labels
    np.testing.assert_allclose([row[1:] for row in rows], np.transpose(expected))


def test_nothing_to_judge_is_an_input_error() -> None:
    for judged in (lambda: score([], []), lambda: per_class([], []), lambda: verdict([], [], 0.5)):
        with pytest.raises(InputError, match="no texts"):
            judged()
    with pytest.raises(InputError, match="no texts"):
        paired_standard_error([], [])


def test_unequal_lengths_are_an_input_error() -> None:
    with pytest.raises(InputError, match="2 predicted labels but 1 gold labels"):
        score(["a", "b"], ["a"])
    with pytest.raises(InputError, match="3 answers of the dense model but 1"):
        verdict([True] * 3, [True], 0.5)


@pytest.mark.parametrize("max_drop", [-0.1, float("nan")])
def test_senseless_max_drop_is_an_input_error(max_drop: float) -> None:
    with pytest.raises(InputError, match="max_drop"):
        judge(0, 0, 10, max_drop)


# The verdict


def test_without_any_disagreement_539_texts_are_needed_for_half_a_point() -> None:
    undecided = judge(0, 0, 538)
    assert (undecided.name, undecided.needed) == ("undecided", 539)
    assert judge(0, 0, 539).name == "kept"


def test_bounds_of_a_worked_example() -> None:
    # Complete response before and after consolidation therapy (Cavo et al. 2012), two-sided 95 %, as published with
    # Fagerland, Lydersen and Laake, Statistical Analysis of Contingency Tables (2017).
    z = norm.ppf(0.975)
    bounds = evaluation._bound(6, 16, 161, z), evaluation._bound(6, 16, 161, -z)
    assert bounds == pytest.approx((-0.1240, -0.0054), abs=0.00005)


@given(counts(), st.floats(-0.999, 0.999))
def test_restricted_mle_maximises_the_likelihood(cells: tuple[int, int, int], drop: float) -> None:
    b, c, n = cells
    floor, ceiling = max(0.0, -drop), (1 - drop) / 2

    def loss(q: float) -> float:
        cell = np.array([q + drop, q, 1 - 2 * q - drop])
        count = np.array([b, c, n - b - c])
        return -float(np.sum(count[count > 0] * np.log(np.maximum(cell[count > 0], 1e-300))))

    best = minimize_scalar(loss, bounds=(floor, ceiling), method="bounded", options={"xatol": 1e-10}).fun
    q = evaluation._restricted_mle(b, c, n, drop)
    assert floor <= q <= ceiling + 1e-12
    assert loss(min(q, ceiling)) <= best + 1e-6 * n


@given(counts())
def test_bounds_solve_the_statistic_and_enclose_the_drop(cells: tuple[int, int, int]) -> None:
    b, c, n = cells
    result = judge(*cells)
    assert -100 <= result.low <= result.drop <= result.high <= 100
    assert result.drop == 100 * (b - c) / n
    for bound, z in ((result.low, 1.0), (result.high, -1.0)):
        if abs(bound) < 99.9:
            assert evaluation._statistic(b, c, n, bound / 100) == pytest.approx(z * norm.ppf(0.95), abs=1e-4)


@given(counts())
def test_swapping_the_models_mirrors_the_bounds(cells: tuple[int, int, int]) -> None:
    b, c, n = cells
    assert judge(b, c, n).low == pytest.approx(-judge(c, b, n).high, abs=1e-7)


@given(counts(), st.floats(0, 20), st.floats(0, 20))
def test_a_larger_allowance_never_makes_the_verdict_worse(
    cells: tuple[int, int, int], one: float, other: float
) -> None:
    order = ["lost", "undecided", "kept"]
    strict, lenient = (order.index(judge(*cells, max_drop).name) for max_drop in sorted((one, other)))
    assert strict <= lenient


def test_bounds_cover_the_true_drop() -> None:
    # True cells: 6 % dense only, 4 % packed only, so the drop is 2 points; each bound covers it in about 95 %.
    draws = np.random.default_rng(0).multinomial(400, [0.06, 0.04, 0.90], size=1000)
    bounds = [judge(int(b), int(c), 400)[2:4] for b, c, _ in draws]
    below = np.mean([high >= 2 for _, high in bounds])
    above = np.mean([low <= 2 for low, _ in bounds])
    assert 0.93 <= below <= 0.97
    assert 0.93 <= above <= 0.97


def test_needed_follows_the_formula() -> None:
    b, c, n = 48, 46, 1821  # about 5 % of labels changed
    result = judge(b, c, n)
    z = norm.ppf(0.95) + norm.ppf(0.80)
    assert result.name == "undecided"
    assert result.needed == int(np.ceil(z**2 * (b + c + 1) / (n + 2) / (0.005 - (b - c) / n) ** 2))


def test_texts_needed_by_the_sentence_do_decide() -> None:
    # With the same shares of disagreement the needed number of texts gives `kept`.
    undecided = judge(20, 18, 1500)
    assert undecided.needed is not None
    times = undecided.needed / 1500
    assert judge(round(20 * times), round(18 * times), undecided.needed).name == "kept"


def test_more_texts_do_not_help_when_the_drop_is_not_below_the_limit() -> None:
    assert judge(20, 10, 2000)[0::4] == ("undecided", None)  # the drop is exactly 0.5 points
    hardly_below = judge(9_990, 9_000, 198_200)  # 0.4995 points: about 58 million texts
    assert hardly_below[0::4] == ("undecided", None)


def test_sentences() -> None:
    assert "unlikely" in judge(20, 10, 2000).sentence()
    assert "about 539 labelled texts are needed" in judge(0, 0, 538).sentence()
    assert judge(0, 0, 538).sentence().startswith("undecided: the packed model is as accurate as the dense one")
    assert judge(300, 100, 2000).sentence().startswith("lost: the packed model is 10.00 points worse")
    assert "at least" in judge(100, 300, 2000).sentence()
    assert judge(100, 300, 2000).sentence().startswith("kept: the packed model is 10.00 points better")


# The search rule


@given(counts())
def test_paired_standard_error_is_that_of_the_differences(cells: tuple[int, int, int]) -> None:
    dense, other = answers(*cells)
    differences = dense.astype(float) - other
    assert paired_standard_error(dense, other) == pytest.approx(100 * differences.std() / np.sqrt(len(dense)), abs=1e-5)


SETS = st.lists(st.tuples(*(st.booleans() for _ in range(6))), min_size=1, max_size=30)


@given(SETS)
def test_scores_of_several_labels_equal_those_of_scikit_learn(rows: list[tuple[bool, ...]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, guesses = np.array(rows)[:, :3], np.array(rows)[:, 3:]
    named = [[tuple(np.array(["a", "b", "c"])[each].tolist()) for each in table] for table in (guesses, gold)]
    found = score(*named)
    assert found.accuracy == pytest.approx(metrics.accuracy_score(gold, guesses))
    for each in per_class(*named):
        at = "abc".index(each.label)
        assert each.f1 == pytest.approx(metrics.f1_score(gold[:, at], guesses[:, at], zero_division=0))
        assert each.n == gold[:, at].sum()
    seen = [each.f1 for each in per_class(*named)]
    assert found.macro_f1 == pytest.approx(sum(seen) / max(len(seen), 1))


def test_damage_is_of_each_label_the_worst_first() -> None:
    gold = [("a",), ("a", "b"), ("b",), ()]
    found = damages([("a",), ("a", "b"), ("b",), ()], [("a",), ("a",), (), ("c",)], gold)
    assert [(each.label, each.n) for each in found] == [("b", 2), ("a", 2), ("c", 0)]
    assert [round(each.drop, 1) for each in found] == [100.0, 0.0, 0.0]
