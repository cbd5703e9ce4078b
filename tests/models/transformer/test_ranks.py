"""A table of words as a product of two matrices: nothing changes by it, and less of it is as near as can be."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from helpers.encoders import ARCHITECTURES
from prunetext.models.encoded import Encoded
from prunetext.models.transformer.model import TextEncoder
from prunetext.models.transformer.numbers import MOST_OF_ROW, integer_rows
from prunetext.models.transformer.ranks import Factors, fewer_bytes, occurrences_of, rank_form
from prunetext.pruning.criteria.criterion import change_size
from prunetext.pruning.shrinking import shrink


def some_texts(model: TextEncoder) -> torch.Tensor:
    """A batch of random tokens."""
    random = torch.Generator().manual_seed(2)
    return torch.randint(1, 1 + model.words.num_embeddings, (6, 12), generator=random)


def usage_of(batch: torch.Tensor) -> Encoded:
    """The same as the texts of train."""
    ends = np.arange(len(batch) + 1) * batch.shape[1]
    return Encoded(batch.flatten().int().numpy(), ends, torch.zeros(len(batch)))


def product(factors: Factors) -> torch.Tensor:
    """The table that two factors stand for."""
    return factors[0] @ factors[1].T


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@torch.no_grad()
def test_no_logit_changes(encoder: Callable[[str], Any], architecture: str) -> None:
    model = encoder(architecture).ours()
    batch = some_texts(model)
    expected = model(batch)
    same = model.canonical(usage_of(batch), ("heads", "hidden"))(model)
    assert same.spread is None
    for _ in range(2):  # a product has such a form, too
        model = cast(TextEncoder, model.canonical(usage_of(batch), ("ranks",))(model))
        np.testing.assert_allclose(model(batch), expected, atol=1e-5)
        assert model.spread is not None
        assert not model.words.weight.requires_grad
        assert model.spread.weight.requires_grad
        kept = np.arange(model.words.embedding_dim) % 3 > 0
        model = cast(TextEncoder, shrink(model, {"ranks": kept})).eval()
        expected = model(batch)


@given(words=st.integers(1, 30), width=st.integers(1, 12), ranks=st.integers(1, 14), seed=st.integers(0, 1000))
def test_products_stay_as_they_are(words: int, width: int, ranks: int, seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    ranks = min(ranks, words)
    table, counts = torch.randn(words, ranks, generator=random), torch.randint(0, 9, (words,), generator=random)
    spread, later = (torch.randn(width, ranks, generator=random) for _ in range(2))
    form = rank_form(table, spread, counts)
    found = form(table, spread)
    np.testing.assert_allclose(product(found), table @ spread.T, atol=1e-4)
    assert found[0].shape[1] == found[1].shape[1] == min(words, width, ranks)
    if min(words, width) >= ranks and torch.linalg.cond(spread) < 50:  # the same form for other weights of its shape
        np.testing.assert_allclose(product(form(table, later)), table @ later.T, atol=1e-2)


def test_the_norm_of_a_rank_is_its_size(encoder: Callable[[str], Any]) -> None:
    model = encoder("roberta").factorised()
    sizes = change_size(model, model.groups(["ranks"])[0], power=2)
    assert (sizes.diff() <= 1e-5).all(), "not that of its column of words, which are all of one size"


def test_nothing_but_zeros_is_no_error() -> None:
    words, spread = rank_form(torch.zeros(5, 3), None, torch.zeros(5))(torch.zeros(5, 3), None)
    assert torch.isfinite(words).all()
    assert torch.isfinite(spread).all()


def test_frequent_words_are_kept_best_and_columns_are_of_one_size() -> None:
    random = torch.Generator().manual_seed(0)
    table, counts = torch.randn(200, 16, generator=random), torch.tensor([500] * 20 + [0] * 180)

    def errors(weights: torch.Tensor) -> tuple[float, float]:
        words, spread = rank_form(table, None, weights)(table, None)
        off = (product((words[:, :6], spread[:, :6])) - table).square().sum(1)
        return float(off[:20].sum()), float(off[20:].sum())

    frequent, rare = errors(counts)
    even = errors(0 * counts)
    assert frequent < 0.8 * even[0]
    assert sum(even) < frequent + rare, "without weights, the whole table is nearest"
    words, spread = rank_form(table, None, 0 * counts)(table, None)
    np.testing.assert_allclose(words.square().mean(0), [float(table.square().mean())] * 16, rtol=1e-4)
    assert (spread.square().sum(0).diff() <= 1e-5).all(), "the largest rank is first"


def test_whole_numbers_hold_a_product_as_well_as_a_table() -> None:
    random = torch.Generator().manual_seed(0)
    table = torch.randn(300, 24, generator=random) @ torch.diag(0.7 ** torch.arange(24.0))
    table = table @ torch.linalg.qr(torch.randn(24, 24, generator=random))[0]

    def error(words: torch.Tensor, spread: torch.Tensor) -> float:
        rounded = torch.from_numpy(integer_rows(words.numpy(), MOST_OF_ROW).floats())
        return float((product((rounded, spread)) - table).square().mean())

    assert error(*rank_form(table, None, torch.zeros(300))(table, None)) < 2 * error(table, torch.eye(24))


def test_signs_do_not_depend_on_those_of_the_library() -> None:
    table = torch.randn(40, 8, generator=torch.Generator().manual_seed(1))
    _, spread = rank_form(table, None, torch.zeros(40))(table, None)
    assert (spread.gather(0, spread.abs().argmax(0, keepdim=True)) > 0).all()


def test_second_texts_and_ends_of_texts_count_as_they_should() -> None:
    assert occurrences_of(np.array([0, 1, 5, 9, 4, 0], np.int32), 4).tolist() == [3, 0, 0, 1]


def test_a_product_that_saves_nothing_is_put_together(encoder: Callable[[str], Any]) -> None:
    model = encoder("bert").factorised()
    words, width = model.words.num_embeddings, model.words.embedding_dim
    most = max(ranks for ranks in range(width) if fewer_bytes(words, width, ranks))
    for ranks in (most, most + 1):
        small = cast(TextEncoder, shrink(model, {"ranks": np.arange(width) < ranks}))
        with torch.no_grad():
            before = small.eval()(some_texts(model))
            small.normalise()
            np.testing.assert_allclose(small(some_texts(model)), before, atol=1e-5)
        assert (small.spread is None) == (ranks > most)
        assert small.words.weight.shape == (words, width if ranks > most else ranks)
