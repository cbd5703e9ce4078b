"""Estimators that are fitted in a fraction of a second, and texts that they learn."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

import prunetext
from helpers.runs import QUICK

METHODS = ("predict", "predict_proba", "decision_function", "transform")
FASTER = {"averaging": 0.0, "learning_rate": 5e-2, "embedding_rate": 0.3, "word_dropout": 0.0}
BOLD = dataclasses.replace(QUICK, training={**QUICK.training, **FASTER})
SMALL: dict[str, Any] = {
    **{"teacher": "none", "tokenizer": "bert/1", "epochs": 8.0, "schedule": "oneshot:units=0.3,recovery=0"},
    **{"dimensions": 4, "filters": 4, "widths": "1", "bigrams": 0, "min_count": 1, "refit": False, "effort": BOLD},
}


def quick(**options: Any) -> prunetext.TextClassifier:
    """An estimator that learns little, and fast."""
    return prunetext.TextClassifier(**{**SMALL, **options})


def some(texts: int = 36, classes: int = 2, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Texts, each with a word of its class, and the number of its class."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(texts) % classes)
    words = random.integers(0, 9, (texts, 3))
    rows = [" ".join([f"sign{label}", *(f"w{word}" for word in few)]) for label, few in zip(y, words, strict=True)]
    return np.array(rows, object), y


def several(texts: int = 60, classes: int = 3, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any]]:
    """Texts with any number of classes, and the matrix that says which."""
    random = np.random.default_rng(seed)
    y = (random.random((texts, classes)) < 0.5).astype(int)
    y[:classes] = np.eye(classes, dtype=int)
    rows = [" ".join([f"w{at % 9}", *(f"sign{label}" for label in np.flatnonzero(row))]) for at, row in enumerate(y)]
    return np.array(rows, object), y


def asked(estimator: prunetext.TextClassifier, texts: Any) -> dict[str, Any]:
    """All that it says of texts."""
    return {name: getattr(estimator, name)(texts) for name in METHODS}


def assert_same(one: prunetext.TextClassifier, other: prunetext.TextClassifier, texts: Any) -> None:
    """Both say the same of texts."""
    for name, said in asked(one, texts).items():
        np.testing.assert_array_equal(said, getattr(other, name)(texts), err_msg=name)
