"""Training starts from given vectors where there are some, and else from draws of the same spread."""

import numpy as np
import pytest
import torch

from prunetext.config import ModelOptions
from prunetext.models.initial import new_model, vocabulary_of

WORDS = [f"word{number}" for number in range(400)]


@pytest.mark.parametrize("spread", [0.01, 3.0])
def test_words_without_a_vector_start_as_widely_spread_as_those_with_one(spread: float) -> None:
    drawn = np.random.default_rng(0).normal(0, spread, (200, 16))
    torch.manual_seed(0)
    model = new_model(WORDS, 2, ModelOptions(), (2,), dict(zip(WORDS, drawn, strict=False)))
    torch.testing.assert_close(model.embedding[2:202].detach(), torch.tensor(drawn, dtype=torch.float32))
    assert float(model.embedding[202:].detach().std()) == pytest.approx(spread, rel=0.05)


def test_the_vocabulary_is_the_most_frequent_words_in_a_fixed_order() -> None:
    texts = ["b b b a a c c d", "E e " + "x" * 65 + " " + "x" * 65]
    assert vocabulary_of(texts, ModelOptions()) == ["b", "a", "c", "e"]
    assert vocabulary_of(texts, ModelOptions(max_words=2)) == ["b", "a"]
    assert vocabulary_of(texts, ModelOptions(min_count=1)) == ["b", "a", "c", "e", "d"]
