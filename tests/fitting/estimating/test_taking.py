"""What scikit-learn hands to an estimator is taken, or refused in one sentence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from prunetext.errors import InputError
from prunetext.fitting.estimating.taking import learnt_from, targets_of_labels, texts_of, weights_of

TEXTS = ["a film", "", "日本 語"]
PAIRS = [("a", "b"), ("c", ""), ("e", "f")]


@pytest.mark.parametrize(
    "column",
    [
        list,
        tuple,
        np.array,
        lambda rows: np.array(rows, object),
        lambda rows: np.array(rows, object)[:, None],
        lambda rows: np.array(rows, np.dtypes.StringDType()),
        lambda rows: pandas.Series(rows, index=[7, 5, 7]),
        lambda rows: pandas.Series(rows, dtype="category"),
        lambda rows: pandas.DataFrame({"any": rows}),
        polars.Series,
        lambda rows: polars.DataFrame({"any": rows}),
        pyarrow.array,
        lambda rows: pyarrow.chunked_array([rows[:1], rows[1:]]),
        lambda rows: pyarrow.table({"any": rows}),
    ],
)
def test_texts_come_from_columns_of_every_library(column: Callable[[list[str]], Any]) -> None:
    found = texts_of(column(TEXTS))
    assert found == TEXTS
    assert {type(each) for each in found} == {str}


@pytest.mark.parametrize(
    "columns",
    [
        list,
        np.array,
        lambda rows: [list(row) for row in rows],
        lambda rows: np.array(rows, object),
        lambda rows: pandas.DataFrame(rows, columns=["one", "two"], index=[1, 1, 1]),
        lambda rows: polars.DataFrame({"one": [a for a, _ in rows], "two": [b for _, b in rows]}),
        lambda rows: pyarrow.table({"one": [a for a, _ in rows], "two": [b for _, b in rows]}),
    ],
)
def test_two_columns_are_pairs(columns: Callable[[list[tuple[str, str]]], Any]) -> None:
    assert texts_of(columns(PAIRS)) == PAIRS


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "X is None"),
        ("a film", "X is 'a film'"),
        (b"a film", "X is 6 bytes"),
        ([], "0 sample"),
        (np.array([], object), "0 sample"),
        (pandas.DataFrame({"one": [], "two": []}), "0 sample"),
        (["a", None], "The text at 1 is missing"),
        (["a", float("nan")], "The text at 1 is missing"),
        (np.array([["a", None]], object), "The text at 0 is missing"),
        (np.array(1), "X has 0 dimensions"),
        (np.full((2, 2, 2), "a"), "X has 3 dimensions"),
        (np.full((2, 3), "a"), "X has 3 columns"),
        (np.array([1j]), "Complex data not supported"),
    ],
)
def test_values_that_are_no_texts_are_value_errors(given: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        texts_of(given)


@pytest.mark.parametrize(
    "given",
    [
        {"a": "b"},
        {"a", "b"},
        sparse.eye(3).tocsr(),
        3,
        [1, 2],
        np.eye(2),
        np.arange(3),
        ["a", 3],
        [b"a", b"b"],
        [{"foo": "bar"}],
        [("a", "b"), "c"],
        [("a", "b"), ("a", 3)],
        pandas.DataFrame({"price": [1.5, 2.5]}),
    ],
)
def test_kinds_that_are_no_texts_are_type_errors_and_value_errors(given: Any) -> None:
    for kind in (TypeError, ValueError, InputError):
        with pytest.raises(kind):
            texts_of(given)


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        (["b", "a", "b"], ["a", "b"]),
        (np.array(["b", "a", "b"]), ["a", "b"]),
        (np.array([10, 9, 10]), [9, 10]),
        (np.array([10, 9, 10], np.uint8), [9, 10]),
        ([-1, 1, -1], [-1, 1]),
        ([True, False, True], [False, True]),
        ([1.0, 2.0, 1.0], [1.0, 2.0]),
        (pandas.Series(["b", "a", "b"], index=[0, 0, 0]), ["a", "b"]),
        (pandas.Series(["b", "a", "b"], dtype="category"), ["a", "b"]),
        (polars.Series([2, 1, 2]), [1, 2]),
        (pyarrow.array(["b", "a", "b"]), ["a", "b"]),
        (pyarrow.chunked_array([[2], [1, 2]]), [1, 2]),
    ],
)
def test_classes_are_sorted_in_their_own_type(given: Any, classes: list[Any]) -> None:
    found = targets_of_labels(given)
    assert found.classes.tolist() == classes
    assert {type(each) for each in found.classes.tolist()} == {type(classes[0])}
    assert found.classes[found.given].tolist() == list(np.asarray(given))


@pytest.mark.parametrize(
    "given",
    [
        np.array([[0, 1, 1], [1, 0, 0]]),
        [[0, 1, 1], [1, 0, 0]],
        np.array([[0, 1, 1], [1, 0, 0]], bool),
        sparse.csr_matrix([[0, 1, 1], [1, 0, 0]]),
    ],
)
def test_a_matrix_says_which_of_several_labels_a_text_has(given: Any) -> None:
    found = targets_of_labels(given)
    assert found.is_matrix
    assert found.classes.tolist() == [0, 1, 2]
    assert found.given.tolist() == [[False, True, True], [True, False, False]]


def test_the_columns_of_a_frame_are_names_of_labels() -> None:
    matrix = {"joy": [1, 0, 1], "anger": [0, 1, 1]}
    for frame in (pandas.DataFrame(matrix), polars.DataFrame(matrix), pyarrow.table(matrix)):
        learnt = learnt_from(TEXTS, frame)
        assert learnt.classes.tolist() == ["joy", "anger"]
        assert learnt.examples.label_sets == [("joy",), ("anger",), ("anger", "joy")]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([0.5, 1.5, 2.5], "Unknown label type"),
        ([1.0, float("nan"), 2.0], "Input y contains NaN: the label at 1 is missing"),
        ([1.0, float("inf"), 2.0], "Input y contains infinity"),
        (["a", None, "b"], "Input y contains NaN: the label at 1"),
        (pandas.Series([1, None, 2], dtype="Int64"), "Input y contains NaN: the label at 1"),
        (pyarrow.array(["a", None, "b"]), "Input y contains NaN: the label at 1"),
        ([["a", "b"], ["a"], []], "MultiLabelBinarizer"),
        ([[1, 2], [2, 1], [3, 1]], "y should be a 1d array"),
        (["a", "b"], "There are 3 texts, but 2 labels"),
        (["a", "a", "a"], "y has 1 class, and a classifier needs"),
        (np.array([[1, 0], [1, 0], [0, 0]]), "y has 1 class"),
        (np.zeros((3, 2), int), "y has 0 classes"),
        (["a", " a", "b"], "two classes of the name 'a'"),
        (["a", " ", "b"], "is blank"),
        (3, "y is of the type int"),
    ],
)
def test_labels_that_cannot_be_learnt_are_value_errors(given: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        learnt_from(TEXTS, given)


def test_a_column_of_labels_is_taken_with_a_warning() -> None:
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        assert learnt_from(TEXTS, np.array([[1], [0], [1]])).examples.labels == ["1", "0", "1"]


@pytest.mark.parametrize("given", [[1, 2], [[1], [2], [3]], [1, -1, 1], [1, "x", 1], [1, np.nan, 1], [0, 0, 0], 1.0])
def test_weights_that_make_no_sense_are_value_errors(given: Any) -> None:
    with pytest.raises(ValueError, match="weight"):
        learnt_from(TEXTS, [0, 1, 1], given)


@pytest.mark.parametrize("column", [list, np.array, pandas.Series, polars.Series, pyarrow.array])
def test_weights_come_from_columns_of_every_library(column: Callable[[list[float]], Any]) -> None:
    found = weights_of(column([0.5, 2.0]), 2)
    assert found is not None
    assert found.tolist() == [0.5, 2.0]


@settings(max_examples=30)
@given(st.lists(st.floats(0.001, 1000), min_size=3, max_size=3), st.floats(0.01, 100))
def test_weights_count_beside_each_other(weights: list[float], times: float) -> None:
    """They are learnt with the mean 1, whatever their unit; those that are all alike are none."""
    found, scaled = (
        learnt_from(TEXTS, [0, 1, 1], each).examples.weights for each in (weights, [times * each for each in weights])
    )
    if len(set(weights)) == 1:
        assert found is None
    elif found is not None and scaled is not None:
        assert np.mean(found) == pytest.approx(1)
        assert found == pytest.approx(scaled)


def test_a_text_of_the_weight_zero_is_as_if_it_were_absent() -> None:
    some, fewer = learnt_from(TEXTS, ["a", "c", "b"], [2, 0, 2]), learnt_from([TEXTS[0], TEXTS[2]], ["a", "b"])
    assert some.examples == fewer.examples
    assert some.classes.tolist() == fewer.classes.tolist() == ["a", "b"]
    with pytest.raises(ValueError, match="1 class"):
        learnt_from(TEXTS, [0, 1, 1], [0, 1, 1])
    several = learnt_from(TEXTS, [[1, 0], [0, 1], [1, 1]], [1, 0, 1])
    assert several.classes.tolist() == [0, 1]
    assert several.examples.label_sets == [("0",), ("0", "1")]
