from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers.answers import certain
from helpers.answers import given as given_labels
from prunetext.data.dataset import Examples
from prunetext.data.positive import positive_of
from prunetext.errors import InputError
from prunetext.statistics.answers import Answers
from prunetext.statistics.gold import Gold
from prunetext.statistics.metrics import METRICS, Measure, measure_of

CLASSES = 4
ROWS = st.lists(st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60)
SETS = st.lists(st.tuples(*(st.booleans() for _ in range(2 * CLASSES))), min_size=1, max_size=40)
# Few different probabilities, so that many are equal.
RANKED = st.lists(st.tuples(st.integers(0, 3), st.sampled_from([0.1, 0.5, 0.9]), st.booleans()), min_size=1)


def value(name: str, rows: Sequence[tuple[int, int]], positive: int = 1) -> float:
    gold, guesses = np.array(rows).T
    return Measure(name, Gold(gold, None, positive)).value(certain(guesses, CLASSES))


@settings(max_examples=30)  # of scikit-learn, each takes long
@given(ROWS)
def test_scores_of_classes_equal_those_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, guesses = np.array(rows).T
    assert value("accuracy", rows) == pytest.approx(metrics.accuracy_score(gold, guesses))
    for name, average in (("macro-f1", "macro"), ("micro-f1", "micro")):
        assert value(name, rows) == pytest.approx(metrics.f1_score(gold, guesses, average=average, zero_division=0))
    assert value("f1", rows) == pytest.approx(metrics.f1_score(gold == 1, guesses == 1, zero_division=0))


@settings(max_examples=30)
@given(SETS)
def test_scores_of_several_labels_equal_those_of_scikit_learn(rows: list[tuple[bool, ...]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    gold, guesses = np.array(rows)[:, :CLASSES], np.array(rows)[:, CLASSES:]
    said = given_labels(guesses)
    judged = {name: Measure(name, Gold(gold, None, 2)).value(said) for name in ("accuracy", "micro-f1", "f1")}
    assert judged["accuracy"] == pytest.approx(metrics.accuracy_score(gold, guesses))
    assert judged["micro-f1"] == pytest.approx(metrics.f1_score(gold, guesses, average="micro", zero_division=0))
    assert judged["f1"] == pytest.approx(metrics.f1_score(gold[:, 2], guesses[:, 2], zero_division=0))
    seen = [at for at in range(CLASSES) if gold[:, at].any() or guesses[:, at].any()]
    each = [metrics.f1_score(gold[:, at], guesses[:, at], zero_division=0) for at in seen]
    found = Measure("macro-f1", Gold(gold)).value(said)
    assert found == pytest.approx(sum(each) / len(each) if each else 0)


def plain_ranking(rows: list[tuple[int, float, bool]]) -> tuple[float, float]:
    """Average precision and reciprocal rank by their definitions, query by query."""
    precisions, reciprocals = [], []
    for query in sorted({row[0] for row in rows}):
        ranked = sorted((row for row in rows if row[0] == query), key=lambda row: (-row[1], row[2]))
        places = [place for place, row in enumerate(ranked, 1) if row[2]]
        if places:
            precisions.append(sum(number / place for number, place in enumerate(places, 1)) / len(places))
            reciprocals.append(1 / places[0])
    return sum(precisions) / len(precisions), sum(reciprocals) / len(reciprocals)


@given(RANKED.filter(lambda rows: any(row[2] for row in rows)))
def test_rankings_equal_their_plain_definitions(rows: list[tuple[int, float, bool]]) -> None:
    queries, scores, positive = map(np.array, zip(*rows, strict=True))
    gold = Gold(positive.astype(np.int64), queries, 1)
    found = [Measure(name, gold).value(Answers.of(np.column_stack([1 - scores, scores]))) for name in ("map", "mrr")]
    assert found == pytest.approx(plain_ranking(rows))


def test_equal_scores_are_no_ranking() -> None:
    gold = Gold(np.array([1, 0, 0, 0]), np.zeros(4, int), 1)
    assert Measure("mrr", gold).value(Answers.of(np.full((4, 2), 0.5))) == 0.25


def test_probabilities_that_are_rounded_to_one_still_rank() -> None:
    scores = np.array([[1e-9, 1], [1e-12, 1]], np.float32)
    assert scores[0, 1] == scores[1, 1]
    assert Measure("mrr", Gold(np.array([0, 1]), np.zeros(2, int), 1)).value(Answers.of(scores)) == 1


@pytest.mark.parametrize("name", [name for name in METRICS if name != "accuracy"])
def test_a_part_is_judged_like_itself(name: str) -> None:
    rng = np.random.default_rng(0)
    gold, said = Gold(rng.integers(0, 2, 50), rng.integers(0, 5, 50), 1), Answers.of(rng.random((50, 2)))
    rows = rng.permutation(50)[:30]
    queries = gold.queries
    assert queries is not None
    part = Measure(name, Gold(gold.targets[rows], queries[rows], 1))
    assert Measure(name, gold).subset(rows).value(said.subset(rows)) == part.value(said.subset(rows))


def test_rows_of_one_first_text_are_one_query() -> None:
    pairs = Examples(["a", "b", "a"], ["no", "yes", "yes"], ["x", "y", "z"])
    gold = measure_of("map", pairs, ["no", "yes"]).gold
    assert gold.queries is not None
    assert (gold.targets.tolist(), gold.queries.tolist(), gold.positive) == ([0, 1, 1], [0, 1, 0], 1)


def test_labels_that_stand_together_are_a_row_of_ones() -> None:
    examples = Examples(["a", "b"], [["x", "z"], []])
    assert measure_of("macro-f1", examples, ["x", "y", "z"]).gold.targets.tolist() == [[1, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize(
    ("name", "labels", "positive", "message"),
    [
        ("auc", ["no", "yes"], None, "must be one of accuracy, macro-f1"),
        ("f1", ["good", "bad"], None, "no label has a usual name for the positive one. Name it as positive"),
        ("f1", ["good", "bad"], "fine", "positive is 'fine': it must be one of the labels, such as 'good'"),
        ("map", ["no", "yes"], None, "metric is map, which needs pairs"),
    ],
)
def test_what_a_metric_lacks_is_said(name: str, labels: list[str], positive: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        measure_of(name, Examples(["a", "b"], labels), labels, positive)


def test_rankings_need_a_positive_row() -> None:
    with pytest.raises(InputError, match="no row has the label 'yes'"):
        measure_of("map", Examples(["a"], ["no"], ["b"]), ["no", "yes"])


def test_usual_names_of_the_positive_label() -> None:
    assert positive_of(["0", "1"]) == "1"
    assert positive_of(["Not_Equivalent", "Equivalent"]) == "Equivalent"
    assert positive_of(["sports", "politics"]) is None
