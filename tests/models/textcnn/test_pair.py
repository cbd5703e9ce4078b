"""A model of pairs computes what its description says, on words that the other text has and on others."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from helpers.shapes import plain_features, shapes
from prunetext.models.textcnn.kinds import model_of
from prunetext.models.textcnn.layout import PADDING, UNKNOWN
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.pair import BESIDE, MATCHED, WORD, PairCNN, compared
from prunetext.models.textcnn.rounding import rounding_of, table_limit
from prunetext.models.textcnn.turning import balance, rotation, turn

SHAPES = shapes(classes=st.integers(2, 4))


def naive_features(model: PairCNN, row: Tensor) -> Tensor:
    """One text by itself: its words' vectors with those of their flags."""
    text = row[row != PADDING]
    has = torch.stack([(text & flag) > 0 for flag in (MATCHED, BESIDE)], dim=1).to(model.match.dtype)
    return plain_features(model, model.embedding[text & WORD] + has @ model.match)


def naive_logits(model: PairCNN, ids: Tensor) -> Tensor:
    out = []
    for at in range(0, len(ids), 2):
        u, v = naive_features(model, ids[at]), naive_features(model, ids[at + 1])
        out.append(model.head.weight @ torch.cat([u, v, (u - v).abs(), u * v]) + model.head.bias)
    return torch.stack(out)


@settings(max_examples=60)
@given(shape=SHAPES)
def test_logits_and_gradients_equal_those_of_a_plain_convolution(
    random_model: Callable[..., PairCNN], random_ids: Callable[..., Tensor], shape: dict[str, Any]
) -> None:
    model = random_model(**shape, texts=2).double()
    ids = random_ids(shape["words"], texts=2, seed=shape["seed"])
    fast, slow = model(ids), naive_logits(model, ids)
    assert fast.shape == (len(ids) // 2, shape["classes"])
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-10)
    weight = torch.randn(fast.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    parameters = [parameter for name, parameter in model.named_parameters() if name != "ranking"]
    for ours, plain in zip(
        torch.autograd.grad((fast * weight).sum(), parameters),
        torch.autograd.grad((slow * weight).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(ours.to_dense() if ours.is_sparse else ours, plain, rtol=0, atol=1e-10)


@given(shape=SHAPES)
def test_a_text_alone_has_the_vector_of_one_that_has_nothing_in_common_with_the_other(
    random_model: Callable[..., PairCNN], random_ids: Callable[..., Tensor], shape: dict[str, Any]
) -> None:
    model = random_model(**shape, texts=2)
    ids = random_ids(shape["words"], texts=2, seed=shape["seed"])
    alone = model.vectors_of(ids)
    torch.testing.assert_close(alone, model.features(ids & WORD))
    first, second, apart, product = compared(alone).unflatten(1, (4, -1)).unbind(1)
    assert torch.equal(first, alone[0::2])
    assert torch.equal(second, alone[1::2])
    torch.testing.assert_close(apart, (first - second).abs())
    torch.testing.assert_close(product, first * second)


@settings(max_examples=40)
@given(shape=SHAPES)
def test_no_change_of_the_basis_and_no_restoring_changes_a_logit(
    random_model: Callable[..., PairCNN], random_ids: Callable[..., Tensor], shape: dict[str, Any]
) -> None:
    model = random_model(**shape, texts=2)
    ids = random_ids(shape["words"], texts=2, seed=shape["seed"])
    before = model(ids)
    same = model_of(model.state_dict(), pooling=model.pooling)
    assert isinstance(same, PairCNN)
    assert torch.equal(same.eval()(ids), before)
    frequency = model.occurrences(ids.numpy().ravel())
    assert len(frequency) == shape["words"] + 2 + 2
    turn(model, rotation(model, frequency))
    balance(model)
    torch.testing.assert_close(model(ids), before, rtol=1e-3, atol=1e-3)


@settings(max_examples=40)
@given(shape=SHAPES, table=st.sampled_from(["int8", "int16"]))
def test_rounded_tables_hold_the_flags_and_stay_within_their_limit(
    random_model: Callable[..., PairCNN], random_ids: Callable[..., Tensor], shape: dict[str, Any], table: str
) -> None:
    model = random_model(**shape, texts=2)
    steps = model.rounding = rounding_of(model, table)
    assert all(3 * width * table_limit(table, width, kinds=2) <= 32767 for width in model.widths)
    with torch.no_grad(), model.on_grid():
        flags = model.table(model.match, torch.full((2,), 8, dtype=torch.uint8)) / model.per_column(steps.table)
        words = model.table_of(torch.arange(UNKNOWN, len(model.embedding))) / model.per_column(steps.table)
    limit = model.per_column(steps.table_limit)
    for rows in (flags, words):
        torch.testing.assert_close(rows, rows.round(), rtol=0, atol=1e-3)
        assert bool((rows.abs() <= limit + 1e-3).all())


def test_hidden_words_keep_what_the_other_text_says_of_them(random_model: Callable[..., TextCNN]) -> None:
    ids = torch.tensor([[4 + MATCHED, 5, 0], [4 + MATCHED + BESIDE, 3, 2]])
    everything = torch.ones_like(ids, dtype=torch.bool)
    hidden = random_model(texts=2).hidden(ids, everything)
    assert hidden.tolist() == [[UNKNOWN + MATCHED, UNKNOWN, 0], [UNKNOWN + MATCHED + BESIDE, UNKNOWN, UNKNOWN]]


@pytest.mark.parametrize("positive", [0, 1])
def test_a_step_brings_the_vectors_of_a_match_together(random_ids: Callable[..., Tensor], positive: int) -> None:
    from prunetext.models.textcnn.layout import Shape

    torch.manual_seed(0)
    model = PairCNN(Shape(7, 5, {1: 4, 2: 4}, 2), dropout=0.0, positive=positive)
    ids = random_ids(7, texts=2, batch=40, seed=1)
    truth = functional.one_hot(torch.arange(20) % 2, 2).float()

    def loss(logits: Tensor) -> Tensor:
        return functional.cross_entropy(logits, truth)

    optimizer = torch.optim.Adam([each for name, each in model.named_parameters() if name != "embedding"], lr=0.02)
    for _ in range(150):
        optimizer.zero_grad()
        model.embedding.grad = None
        model.further_loss(ids, loss, lambda: truth, None).backward()
        optimizer.step()
    u, v = model.vectors_of(ids).unflatten(0, (-1, 2)).unbind(1)
    cosine = functional.cosine_similarity(u, v)
    match = truth[:, positive] == 1
    assert cosine[match].mean() > cosine[~match].mean() + 0.02


@given(seed=st.integers(0, 2**31), words=st.integers(1, 12))
def test_words_are_left_out_of_both_texts_or_of_none(
    random_model: Callable[..., PairCNN], seed: int, words: int
) -> None:
    torch.manual_seed(seed)
    ids = torch.randint(0, words + 2, (20, 9)).sort(1, descending=True)[0]  # padding at the end
    both = [(first[:, None] == second).any(1) for first, second in zip(ids[0::2], ids[1::2], strict=True)]
    back = [(second[:, None] == first).any(1) for first, second in zip(ids[0::2], ids[1::2], strict=True)]
    shared = torch.stack([row for pair in zip(both, back, strict=True) for row in pair]) & (ids != PADDING)
    given_ids = ids + MATCHED * shared
    made = random_model(words=words, texts=2).varied(given_ids, 0.7)
    for before, after in zip(given_ids.unflatten(0, (-1, 2)), made.unflatten(0, (-1, 2)), strict=True):
        kept = [[token for token in text.tolist() if token != PADDING] for text in after]
        assert all(
            text.tolist() == tokens + [PADDING] * (9 - len(tokens)) for text, tokens in zip(after, kept, strict=True)
        )
        gone = set(before.unique().tolist()) - set(after.unique().tolist()) - {PADDING}
        assert all(token & MATCHED and token & WORD > UNKNOWN for token in gone)
        for text, tokens in zip(before, kept, strict=True):
            assert tokens == [token for token in text.tolist() if token not in gone and token != PADDING]
            assert tokens or not bool((text != PADDING).any())


def test_no_pair_is_changed_unasked(random_model: Callable[..., PairCNN], random_ids: Callable[..., Tensor]) -> None:
    ids = random_ids(7, texts=2, seed=1)
    assert torch.equal(random_model(texts=2).varied(ids, 0.0), ids)
