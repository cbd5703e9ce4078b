"""The estimator inside what scikit-learn builds of estimators: searches, folds, stacks, pipelines, processes."""

from __future__ import annotations

import numpy as np
import pandas
import pytest
from joblib.externals.loky import ProcessPoolExecutor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from helpers.estimators import quick, several, some

X, Y = some(60)
WORDS = Y.astype(str)
GRID = {"filters": [1, 2], "max_drop": [0.5, 2.0], "class_weights": ["none", "balanced"]}


def test_a_grid_of_eight_settings_is_searched() -> None:
    scoring = ["accuracy", "neg_log_loss", "roc_auc"]
    search = GridSearchCV(quick(epochs=1.0), GRID, cv=2, scoring=scoring, refit="roc_auc").fit(X[:24], Y[:24])
    assert len(search.cv_results_["params"]) == 8
    assert np.isfinite(search.cv_results_["mean_test_neg_log_loss"]).all()
    assert search.best_estimator_.filters in (1, 2)
    assert search.predict(["sign0", "sign1"]).dtype == Y.dtype


def test_five_folds_score_it() -> None:
    assert cross_val_score(quick(), X, WORDS, cv=5).mean() > 0.7
    said = cross_val_predict(quick(), list(X), WORDS, cv=2, method="predict_proba")
    assert said.shape == (60, 2)


def test_another_process_fits_it() -> None:
    """As joblib does for `n_jobs`: it goes there to be fitted, and comes back with its file."""
    with ProcessPoolExecutor(max_workers=1) as processes:
        apart = processes.submit(quick().fit, X, Y).result()
    assert apart.packed_ == quick().fit(X, Y).packed_
    assert apart.predict(["sign0", "sign1"]).tolist() == [0, 1]


def test_it_is_calibrated() -> None:
    calibrated = CalibratedClassifierCV(quick(), cv=2).fit(X, WORDS)
    assert calibrated.predict_proba(X).shape == (60, 2)
    assert (calibrated.predict(X) == WORDS).mean() > 0.7


def test_it_stands_in_a_stack_and_a_vote() -> None:
    words = make_pipeline(TfidfVectorizer(), LogisticRegression())
    for built in (
        StackingClassifier([("small", quick()), ("words", words)], cv=2),
        VotingClassifier([("small", quick()), ("words", words)], voting="soft"),
    ):
        built.fit(X, WORDS)
        assert (built.predict(X) == WORDS).mean() > 0.7, built


@pytest.mark.parametrize("frame", [False, True])
def test_it_is_the_last_step_of_a_pipeline(frame: bool) -> None:
    lower = FunctionTransformer(lambda column: [text.lower() for text in column])
    pipeline = Pipeline([("lower", lower), ("classify", quick())])
    column = pandas.Series(X).str.upper() if frame else [text.upper() for text in X]
    pipeline.fit(column, WORDS, classify__sample_weight=np.ones(60))
    assert pipeline.score(column, WORDS) > 0.7
    assert pipeline.set_params(classify__seed=2)["classify"].seed == 2
    assert [*pipeline.classes_] == ["0", "1"]


def test_it_is_the_end_of_a_chosen_column() -> None:
    frame = pandas.DataFrame({"price": np.arange(60.0), "review": X})
    chosen = ColumnTransformer([("text", "passthrough", ["review"])])
    assert make_pipeline(chosen, quick()).fit(frame, Y).score(frame, Y) > 0.7


def test_its_logits_are_columns_beside_others() -> None:
    frame = pandas.DataFrame({"price": np.arange(60.0), "review": X})
    columns = ColumnTransformer([("review", quick(), "review"), ("price", StandardScaler(), ["price"])])
    found = columns.fit_transform(frame, Y)
    assert found.shape == (60, 3)
    assert columns.get_feature_names_out().tolist() == [
        "review__textclassifier_0",
        "review__textclassifier_1",
        "price__price",
    ]
    assert columns.set_output(transform="pandas").fit_transform(frame, Y).shape == (60, 3)
    assert make_pipeline(columns, LogisticRegression()).fit(frame, Y).score(frame, Y) > 0.7
    assert FeatureUnion([("one", quick()), ("other", TfidfVectorizer())]).fit_transform(X, Y).shape[0] == 60


def test_several_labels_are_searched() -> None:
    texts, matrix = several()
    scores = cross_val_score(quick(epochs=16.0), texts, matrix, cv=2, scoring="f1_micro")
    assert scores.mean() > 0.5
    with pytest.raises(ValueError, match=r"."):
        ClassifierChain(quick()).fit(texts, matrix)  # it adds columns of numbers to texts
