"""Texts of three classes that a small model learns."""

from collections.abc import Callable
from typing import Any

import pytest

from helpers.training import Sets
from prunetext.models.textcnn.reading import encode
from prunetext.runtime._native import Vocabulary, count_words


@pytest.fixture(scope="module")
def sets(toy_examples: Callable[..., Any]) -> Sets:
    train, dev = toy_examples(90, classes=3, seed=1), toy_examples(45, classes=3, seed=2)
    words = sorted(count_words(train.texts))
    labels = sorted(set(train.labels))
    encoded = [encode(Vocabulary(words), each, labels) for each in (train, dev)]
    return encoded[0], encoded[1], len(words)
