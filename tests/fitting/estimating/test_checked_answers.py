"""scikit-learn's checks of what an estimator answers, with texts in the place of numbers; test_checks.py names them."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning
from sklearn.pipeline import make_pipeline

from helpers.estimators import METHODS, asked, assert_same, quick, some
from prunetext import TextClassifier
from prunetext.fitting.estimating.taking import learnt_from


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["one", "two", "three"]),
        np.array(["one", "two", "three"], object),
        np.array([-1, 1]),
        np.array([10, 9, 100]),
        np.array([False, True]),
        np.array([2.0, 1.0]),
    ],
    ids=str,
)
def test_classes_are_in_the_labels_own_type_and_order(labels: Any) -> None:
    X, y = some(classes=len(labels))
    estimator = quick(epochs=16.0).fit(X, labels[y])
    np.testing.assert_array_equal(estimator.classes_, np.unique(labels))
    said = estimator.predict(X)
    assert said.dtype == labels.dtype
    assert (said == labels[y]).mean() > 0.8
    best = estimator.classes_[estimator.predict_proba(X).argmax(1)]
    np.testing.assert_array_equal(said, best)


def test_it_learns_and_its_answers_have_the_usual_shapes(fitted: tuple[TextClassifier, Any, Any]) -> None:
    estimator, X, y = fitted
    n, k = len(X), len(estimator.classes_)
    assert estimator.score(X, y) > 0.8
    probabilities, decided = estimator.predict_proba(X), estimator.decision_function(X)
    assert probabilities.shape == (n, k)
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-6)
    assert decided.shape == ((n,) if k == 2 else (n, k))
    if k == 2:
        np.testing.assert_array_equal(estimator.predict(X), estimator.classes_[(decided > 0).astype(int)])
        order = decided.argsort()
        assert (np.diff(probabilities[order, 1]) >= 0).all(), "the more speaks for it, the more probable"
    else:
        np.testing.assert_array_equal(estimator.predict(X), estimator.classes_[decided.argmax(1)])
    assert estimator.get_feature_names_out().shape == estimator.transform(X).shape[1:] == (k,)


def test_answers_go_with_their_texts(fitted: tuple[TextClassifier, Any, Any]) -> None:
    """In another order, one by one, or with others: a text gets the same answer."""
    estimator, X, _ = fitted
    order = np.random.default_rng(1).permutation(len(X))
    for name, said in asked(estimator, X).items():
        ask = getattr(estimator, name)
        np.testing.assert_array_equal(ask(X[order]), said[order], err_msg=name)
        np.testing.assert_array_equal(np.concatenate([ask(X[at : at + 1]) for at in range(len(X))]), said, err_msg=name)


def test_a_column_of_labels_warns_and_gives_the_same(fitted: tuple[TextClassifier, Any, Any]) -> None:
    _, X, y = fitted
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed when a 1d array was expected"):
        taken = learnt_from(X, y[:, None])
    assert taken.examples == learnt_from(X, y).examples


def test_a_pipeline_and_a_transformer_say_the_same(fitted: tuple[TextClassifier, Any, Any]) -> None:
    estimator, X, y = fitted
    pipeline = make_pipeline(clone(estimator))
    np.testing.assert_array_equal(pipeline.fit_transform(X, y), estimator.transform(X))
    assert pipeline.score(X, y) == estimator.score(X, y)


@pytest.mark.parametrize("way", [deepcopy, lambda each: pickle.loads(pickle.dumps(each))], ids=["copy", "pickle"])
def test_a_copy_answers_the_same(
    way: Callable[[Any], Any], fitted: tuple[TextClassifier, Any, Any], of_several: tuple[TextClassifier, Any, Any]
) -> None:
    for estimator, X, _ in (fitted, of_several):
        assert_same(way(estimator), estimator, X)


def test_a_pickle_can_be_read_from_memory_that_cannot_be_written(
    fitted: tuple[TextClassifier, Any, Any], tmp_path: Path
) -> None:
    estimator, X, _ = fitted
    joblib.dump(estimator, tmp_path / "model")
    assert_same(joblib.load(tmp_path / "model", mmap_mode="r"), estimator, X)


def test_several_labels_have_the_usual_shapes(of_several: tuple[TextClassifier, Any, Any]) -> None:
    estimator, X, y = of_several
    said, probabilities, decided = (getattr(estimator, name)(X) for name in METHODS[:3])
    assert said.shape == probabilities.shape == decided.shape == y.shape
    assert said.dtype == y.dtype
    assert {0, 1} >= set(np.unique(said))
    assert (said == y).mean() > 0.8
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    np.testing.assert_array_equal(decided > 0, said == 1)
    assert np.ptp(probabilities.sum(1)) > 0.1, "each label has a probability of its own"
    assert estimator.classes_.tolist() == [0, 1, 2]


def test_a_list_of_lists_and_a_label_that_nobody_has_are_taken(of_several: tuple[TextClassifier, Any, Any]) -> None:
    estimator, X, y = of_several
    assert learnt_from(X.tolist(), y.tolist()).examples == learnt_from(X, y).examples
    wider = clone(estimator).fit(X, np.insert(y, 1, 0, axis=1))
    assert wider.predict(X).shape == wider.decision_function(X).shape == (len(X), 4)
    assert not wider.predict(X)[:, 1].any()
    assert not wider.predict_proba(X)[:, 1].any()
    assert (wider.decision_function(X)[:, 1] < 0).all()
