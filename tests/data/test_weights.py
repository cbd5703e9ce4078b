"""Weights of texts: what they may be, and that they stay with their texts."""

import math
from collections.abc import Callable

import pytest

from prunetext.data.dataset import Data, Examples
from prunetext.data.splitting import split
from prunetext.errors import InputError


@pytest.mark.parametrize("wrong", [[1.0], [1.0, -1.0], [1.0, math.nan], [1.0, math.inf], [1.0, None], [1.0, "much"]])
def test_a_weight_is_a_number_of_at_least_zero_for_each_text(wrong: list[object]) -> None:
    with pytest.raises(InputError, match="weight"):
        Examples(["a", "b"], ["x", "y"], weights=wrong)  # type: ignore[arg-type]


def test_each_text_keeps_its_weight_through_splits_and_joins(toy_examples: Callable[..., Examples]) -> None:
    plain = toy_examples(60)
    weighted = Examples(plain.texts, plain.labels, weights=[float(at) for at in range(60)])
    of_text = dict(zip(weighted.texts, weighted.weights or [], strict=True))
    parts = split(Data(weighted))
    assert parts.dev is not None
    for examples in (parts.train, parts.dev, parts.train.with_more(parts.dev)):
        assert examples.weights == [of_text[text] for text in examples.texts]
    assert Examples(["a"], ["x"], weights=[3]).with_more(Examples(["b"], ["y"])).weights == [3.0, 1.0]
    assert plain.with_more(plain).weights is None


def test_the_same_texts_with_other_weights_are_other_data() -> None:
    def named(weights: list[float] | None) -> str:
        return Data(Examples(["a", "b"], ["x", "y"], weights=weights)).fingerprint()

    assert len({named(None), named([1, 2]), named([2, 1]), named([1, 2.0000001])}) == 4
    assert named([1, 2]) == named([1.0, 2.0])
