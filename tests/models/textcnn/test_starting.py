"""Training starts from given vectors where there are some, and else from draws of the same spread."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.dataset import Examples
from prunetext.errors import InputError
from prunetext.models.textcnn.starting import RAREST, new_model, reduced, settle, shares_of, vocabulary_of
from prunetext.options import ModelOptions

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


@given(st.integers(1, 8), st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_fewer_dimensions_keep_what_they_can_of_all_products(dimensions: int, words: int, seed: int) -> None:
    rows = (np.random.default_rng(seed).normal(0.3, 1, (words, 8)) * np.arange(1, 9)).astype(np.float32)
    found = reduced(rows, dimensions)
    assert found.shape == (words, dimensions)
    exact = rows.astype(np.float64)
    left = np.linalg.svd(exact, compute_uv=False)[dimensions:]  # what no matrix of this rank can hold
    error = np.linalg.norm(exact @ exact.T - found.astype(np.float64) @ found.T)
    assert error == pytest.approx(np.linalg.norm(left**2), abs=1e-4 * np.linalg.norm(exact) ** 2)
    assert np.array_equal(found, reduced(rows, dimensions))
    np.testing.assert_allclose(np.abs(reduced(-rows, dimensions)), np.abs(found), atol=1e-3)


def test_a_model_takes_the_dimensions_that_are_asked_for() -> None:
    given = {word: [0.5, 1.0, 2.0] for word in WORDS[:7]}
    for asked, there in ((None, 3), (3, 3), (2, 2)):
        model = new_model(WORDS, 2, ModelOptions(dimensions=asked, channels="both"), (2,), given)
        assert (model.shape.dimensions, model.static) == (2 * there, there)
    assert new_model(WORDS, 2, ModelOptions(), (2,), None).shape.dimensions == 32
    assert settle(ModelOptions(dimensions=0)).dimensions == 0
    with pytest.raises(InputError, match=r"^dimensions is 4, but the given vectors have 3\. Give 3 or fewer"):
        settle(ModelOptions(dimensions=4), given)


def test_one_hot_words_are_the_convolutions_own_inputs() -> None:
    model = new_model(WORDS, 2, ModelOptions(dimensions=0, filters=3), (1, 2), None).eval()
    assert (model.shape.dimensions, model.static) == (400, 400)
    assert torch.equal(model.embedding.detach()[2:], torch.eye(400))
    assert not model.embedding[:2].any()
    ids = torch.tensor([[7, 9]])
    weight = model.conv(2).weight[:, 0, 5] + model.conv(2).weight[:, 1, 7]
    windows = [weight, model.conv(2).weight[:, 1, 5], model.conv(2).weight[:, 0, 7]]
    expected = torch.stack(windows).amax(0).relu()
    torch.testing.assert_close(model.features(ids)[0, 3:6], expected)
    with pytest.raises(
        InputError, match=r"makes each of the 4,097 words a dimension, but a packed file holds 4,096 at"
    ):
        new_model([f"word{number}" for number in range(4097)], 2, ModelOptions(dimensions=0), (2,), None)
    with pytest.raises(InputError, match="one-hot words, but channels is both"):
        settle(ModelOptions(dimensions=0, channels="both"))


def test_several_labels_begin_as_rare_as_they_are() -> None:
    examples = Examples(["a film", "a film", "a film", "dull"], [["x", "y"], ["y"], ["y"], ["y"]])
    shares = shares_of(examples, ["x", "y"])
    model = new_model(["film"], 2, ModelOptions(), (1,), None, shares=shares)
    assert torch.sigmoid(model.head.bias).tolist() == pytest.approx([0.25, 1 - RAREST])
    assert shares_of(Examples(["a film"], ["x"]), ["x"]) is None
