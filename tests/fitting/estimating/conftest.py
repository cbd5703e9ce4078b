"""Fitted estimators, each with what it has learnt; no test changes them."""

from __future__ import annotations

from typing import Any

import pytest

from helpers.estimators import quick, several, some
from prunetext import TextClassifier


@pytest.fixture(scope="module", params=[2, 3], ids=["two classes", "three classes"])
def fitted(request: pytest.FixtureRequest) -> tuple[TextClassifier, Any, Any]:
    """A fitted estimator and what it has learnt; no test changes them."""
    X, y = some(classes=request.param)
    return quick().fit(X, y), X, y


@pytest.fixture(scope="module")
def of_several() -> tuple[TextClassifier, Any, Any]:
    """The same for texts with several labels."""
    X, y = several()
    return quick(epochs=16.0).fit(X, y), X, y
