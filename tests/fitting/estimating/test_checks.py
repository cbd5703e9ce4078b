"""scikit-learn's checks of estimators, with texts in the place of numbers: `check_estimator` skips those of texts.

Ported: `check_estimator_cloneable`, `_repr`, `_tags_renamed`, `check_valid_tag_types`, `check_mixin_order`,
`check_no_attributes_set_in_init`, `check_parameters_default_constructible`, `check_get_params_invariance`,
`check_set_params`, `check_do_not_raise_errors_in_init_or_set_params`, `check_estimators_unfitted`,
`check_transformers_unfitted`, `check_fit_check_is_fitted`, `check_fit_score_takes_y`,
`check_estimators_fit_returns_self`, `check_estimators_overwrite_params`, `check_dont_overwrite_parameters`,
`check_dict_unchanged`, `check_fit_idempotent`, `check_readonly_memmap_input`, `check_f_contiguous_array_estimator`,
`check_classifier_data_not_an_array`, `check_n_features_in_after_fitting` (texts have no number of features),
`check_sample_weights_pandas_series`, `_not_an_array`, `_list`, `_shape`, `_not_overwritten`,
`check_all_zero_sample_weights_error`, `check_sample_weight_equivalence_on_dense_data` (weights of 0 here, whole ones in
tests/training/test_weights.py), `check_complex_data`, `check_dtype_object`, `check_estimators_empty_data_messages`,
`check_estimators_nan_inf`, `check_estimator_sparse_array` and `_matrix`, `check_pipeline_consistency`,
`check_estimators_pickle` also from read-only memory, `check_classifiers_one_label`, `_one_label_sample_weights`,
`_classes`, `_train`, `_regression_target`, `check_classifiers_multilabel_representation_invariance`,
`_multilabel_output_format_predict`, `_predict_proba` and `_decision_function`, `check_supervised_y_no_nan`,
`check_supervised_y_2d`, `check_requires_y_none`, `check_decision_proba_consistency`, `check_transformer_general`,
`check_methods_sample_order_invariance`, `check_methods_subset_invariance`, `check_fit2d_1sample`,
`check_fit2d_predict1d`. Left out: what asks for columns of numbers, sparse input, `partial_fit`, `n_iter_` or array
libraries.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks, get_tags
from sklearn.utils.validation import check_is_fitted

import prunetext
from helpers.estimators import METHODS, SMALL, assert_same, quick, some
from prunetext import TextClassifier
from prunetext.fitting.estimating.taking import learnt_from
from prunetext.options import DenseOptions, FitOptions, ModelOptions, TeachOptions, VectorOptions

OF_CLASS = (
    estimator_checks.check_estimator_cloneable,
    estimator_checks.check_estimator_tags_renamed,
    estimator_checks.check_valid_tag_types,
    estimator_checks.check_estimator_repr,
    estimator_checks.check_no_attributes_set_in_init,
    estimator_checks.check_do_not_raise_errors_in_init_or_set_params,
    estimator_checks.check_mixin_order,
    estimator_checks.check_parameters_default_constructible,
    estimator_checks.check_get_params_invariance,
    estimator_checks.check_set_params,
    estimator_checks.check_estimators_unfitted,
    estimator_checks.check_transformers_unfitted,
)


@pytest.mark.parametrize("check", OF_CLASS, ids=lambda check: check.__name__)
def test_a_check_that_needs_no_texts_passes_as_it_is(check: Callable[[str, BaseEstimator], None]) -> None:
    check("TextClassifier", TextClassifier())


def test_check_estimator_has_nothing_to_say() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", estimator_checks.SkipTestWarning)
        estimator_checks.check_estimator(TextClassifier())
    tags = get_tags(TextClassifier())
    assert (tags.input_tags.string, tags.input_tags.one_d_array, tags.input_tags.two_d_array) == (True, True, False)
    assert tags.classifier_tags is not None
    assert tags.classifier_tags.multi_label
    assert is_classifier(TextClassifier())


def test_parameters_are_options_of_fit_with_its_defaults() -> None:
    known = {
        name: value
        for kind in (ModelOptions, DenseOptions, FitOptions, TeachOptions, VectorOptions)
        for name, value in vars(kind()).items()
    }
    beside = {"vectors": None, "options": None, "out": None, "threads": None, "effort": None}
    for name, value in TextClassifier().get_params().items():
        assert ({**known, **beside}[name], name) == (value, name)


def test_fit_returns_the_estimator_itself_and_leaves_its_parameters_alone() -> None:
    estimator, (X, y) = quick(), some()
    before, own = joblib.hash(estimator.get_params()), set(vars(estimator))
    copies = X.copy(), y.copy()
    assert estimator.fit(X, y) is estimator
    assert joblib.hash(estimator.get_params()) == before
    assert all(name.startswith("_") or name.endswith("_") for name in {*vars(estimator)} - own)
    for kept, given in zip(copies, (X, y), strict=True):
        np.testing.assert_array_equal(kept, given)
    assert not hasattr(estimator, "n_features_in_")


def test_it_is_fitted_once_it_was_fit(fitted: tuple[TextClassifier, Any, Any]) -> None:
    estimator, X, _ = fitted
    check_is_fitted(estimator)
    for name in METHODS:
        with pytest.raises(NotFittedError):
            getattr(clone(estimator), name)(X)
    for name in ("save", "get_feature_names_out"):
        with pytest.raises(NotFittedError):
            getattr(clone(estimator), name)("any")


def test_fit_and_score_take_y_second() -> None:
    for name in ("fit", "score", "fit_transform"):
        assert [*inspect.signature(getattr(TextClassifier(), name)).parameters][:2] == ["X", "y"]


def test_a_second_fit_is_the_first_one_and_predictions_change_nothing() -> None:
    """Idempotent from scratch: what was learnt before does not count."""
    (X, y), (other, labels) = some(), some(classes=3, seed=1)
    once, again = quick().fit(X, y), quick().fit(other, np.array(["a", "b", "c"])[labels]).fit(X, y)
    assert once.packed_ == again.packed_
    before = joblib.hash({name: value for name, value in vars(once).items() if name not in ("model_", "result_")})
    assert_same(once, again, X)
    after = joblib.hash({name: value for name, value in vars(once).items() if name not in ("model_", "result_")})
    assert before == after


@pytest.mark.parametrize(
    "form",
    [
        lambda column, folder: column.tolist(),
        lambda column, folder: pandas.Series(column, index=np.arange(len(column))[::-1]),
        lambda column, folder: np.asfortranarray(column),
        lambda column, folder: estimator_checks._NotAnArray(column),
        lambda column, folder: joblib.load(joblib.dump(column.astype(str), folder / "column")[0], mmap_mode="r"),
    ],
    ids=["list", "pandas", "fortran", "not an array", "read-only memory"],
)
def test_other_forms_of_the_same_columns_are_learnt_alike(
    form: Callable[[Any, Path], Any], fitted: tuple[TextClassifier, Any, Any], tmp_path: Path
) -> None:
    estimator, X, y = fitted
    labels = y if isinstance(form(y, tmp_path), np.memmap) else form(y, tmp_path)
    taken, plain = learnt_from(form(X, tmp_path), labels), learnt_from(X, y)
    assert taken.examples == plain.examples
    assert (taken.names, taken.classes.tolist()) == (plain.names, plain.classes.tolist())
    np.testing.assert_array_equal(estimator.predict(form(X, tmp_path)), estimator.predict(X))


@pytest.mark.parametrize("form", [list, np.array, pandas.Series, estimator_checks._NotAnArray])
def test_weights_that_are_all_alike_are_none(
    form: Callable[[Any], Any], fitted: tuple[TextClassifier, Any, Any]
) -> None:
    _, X, y = fitted
    weights = np.full(len(y), 2.0)
    assert learnt_from(X, y, form(weights)).examples == learnt_from(X, y).examples
    assert (weights == 2).all()


def test_a_weight_of_zero_is_an_absent_text_and_other_weights_count() -> None:
    (X, y), weights = some(48), np.ones(48)
    weights[::4] = 0
    kept = weights > 0
    weighted, fewer = quick().fit(X, y, weights), quick().fit(X[kept], y[kept])
    assert weighted.packed_ == fewer.packed_
    uneven = quick().fit(X, y, np.where(y == 0, 5.0, 1.0))
    even = quick().fit(X, y)
    said = [each.predict_proba(["w1 w2 w3", "w4"])[:, 0].mean() for each in (uneven, even)]
    assert said[0] > said[1], "the class that weighs more is more likely where nothing else tells"


@pytest.mark.parametrize(
    ("X", "y", "says"),
    [
        (["a"], [1], "class"),
        ([], [], r"0 sample\(s\)"),
        (np.array([["a"]] * 4), [0, 1, 0, np.nan], "Input y contains NaN"),
        (["a", "b", "c"], [0.1, 1.2, 2.3], "Unknown label type"),
        (["a", "b", "c"], None, "requires y to be passed, but the target y is None"),
        ([1.0, np.nan], [0, 1], "string"),
        ([np.inf, 1.0], [0, 1], "string"),
        (np.array([1j, 2j]), [0, 1], "Complex data not supported"),
        (sparse.eye(2).tocsr(), [0, 1], "csr"),
        (sparse.eye_array(2).tocoo(), [0, 1], "coo"),
        (["a", "b"], [0, 1, 0], "inconsistent numbers of samples"),
    ],
)
def test_what_cannot_be_learnt_is_a_value_error(X: Any, y: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        quick().fit(X, y)


@pytest.mark.parametrize("X", [[{"foo": "bar"}, "a"], [3, 4]])
def test_an_object_that_is_no_text_is_a_type_error(X: Any, fitted: tuple[TextClassifier, Any, Any]) -> None:
    estimator, _, y = fitted
    with pytest.raises(TypeError, match="must be a string"):
        quick().fit(X, y[: len(X)])
    for name in METHODS:
        with pytest.raises(TypeError, match="must be a string"):
            getattr(estimator, name)(X)


@pytest.mark.parametrize("given", ["a text", [], None, [("a", "b")]])
def test_what_cannot_be_predicted_is_a_value_error(given: Any, fitted: tuple[TextClassifier, Any, Any]) -> None:
    for name in METHODS:
        with pytest.raises(ValueError, match=r"."):
            getattr(fitted[0], name)(given)


def test_weights_for_one_class_alone_name_the_class() -> None:
    X, y = some(20)
    with pytest.raises(ValueError, match=r"\bclass(es)?\b"):
        quick().fit(X, y, sample_weight=y.astype(float))
    with pytest.raises(ValueError, match=r"weight.*zero"):
        quick().fit(X, y, sample_weight=np.zeros(20))
    with pytest.raises(ValueError, match="weight"):
        quick().fit(X, y, sample_weight=np.ones((20, 2)))


def test_the_small_settings_are_parameters() -> None:
    assert SMALL.keys() <= prunetext.TextClassifier().get_params().keys()
