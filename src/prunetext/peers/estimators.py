"""scikit-learn classifiers, and any object with the same methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from prunetext.data.task import Task
from prunetext.errors import InputError
from prunetext.statistics.answers import Answers, OpenedModel

if TYPE_CHECKING:
    from prunetext.data.dataset import Input

NEAR_ONE = 1e-3
ESTIMATOR_REMEDY = (
    "Give the path of a model, or a classifier fitted on texts, such as a pipeline of TfidfVectorizer and "
    "LogisticRegression."
)


def of_estimator(estimator: Any) -> OpenedModel:
    """A fitted classifier that takes texts; InputError if it has no classes or gives no probabilities.

    of_estimator(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, labels)).labels    # ['neg', 'pos']
    """
    name = type(estimator).__name__
    classes = getattr(estimator, "classes_", None)
    if classes is None or not hasattr(estimator, "predict_proba"):
        raise wrong(name, f"has no {'classes_' if classes is None else 'predict_proba'}")
    labels = [str(each) for each in classes]
    if np.ndim(classes[0]) or len(set(labels)) < len(labels):
        raise wrong(name, "gives several labels to a text, or has two labels with the same name")

    def answer(inputs: Sequence[Input]) -> Answers:
        if not len(inputs):
            return Answers.of(np.zeros((0, len(labels))))
        try:
            found = np.asarray(estimator.predict_proba(list(inputs)), float)
        except (ValueError, TypeError, AttributeError) as error:
            raise wrong(name, f"does not take texts ({' '.join(str(error).split())})") from error
        if found.shape != (len(inputs), len(labels)) or not np.allclose(found.sum(1), 1, atol=NEAR_ONE):
            raise wrong(name, "does not give each text a probability for each label, with a sum of 1")
        return Answers.of(found)

    return OpenedModel(name, labels, Task(), answer)


def wrong(name: str, rule: str) -> InputError:
    """The error for a classifier that cannot be used."""
    return InputError(f"the model is a {name} that {rule}. {ESTIMATOR_REMEDY}")
