"""Classifiers of scikit-learn, and whatever has the same methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from prunetext.data.task import Task
from prunetext.errors import InputError
from prunetext.statistics.answers import Answers, OpenedModel

if TYPE_CHECKING:
    from prunetext.data.dataset import Input

ESTIMATOR_REMEDY = (
    "Give the path of a model, or a classifier that was fitted to texts, such as a pipeline of TfidfVectorizer and "
    "LogisticRegression."
)


def of_estimator(estimator: Any) -> OpenedModel:
    """A fitted classifier that takes texts; InputError for what has no classes or gives no probabilities.

    of_estimator(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, labels)).labels    # ['neg', 'pos']
    """
    name = type(estimator).__name__
    classes = getattr(estimator, "classes_", None)
    if classes is None or not hasattr(estimator, "predict_proba") or getattr(estimator, "multilabel_", False):
        lacking = "classes_" if classes is None else "predict_proba"
        rule = "gives several labels" if getattr(estimator, "multilabel_", False) else f"has no {lacking}"
        raise InputError(f"the model is a {name} that {rule}. {ESTIMATOR_REMEDY}")

    def answer(inputs: Sequence[Input]) -> Answers:
        import numpy as np

        if not len(inputs):
            return Answers.of(np.zeros((0, len(classes))))
        return Answers.of(np.asarray(estimator.predict_proba(list(inputs)), float))

    return OpenedModel("classifier of scikit-learn", name, [str(each) for each in classes], Task(), answer)
