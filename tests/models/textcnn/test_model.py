"""TextCNN computes what a plain convolution over the whole padded text computes, whatever batch a text is in."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from helpers.shapes import plain_features, shapes
from prunetext.models.textcnn.layout import PADDING, UNKNOWN, WORDS
from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning.shrinking import all_kept

SHAPES = shapes(classes=st.integers(2, 4))


def naive_logits(model: TextCNN, ids: Tensor) -> Tensor:
    """Each text by itself."""
    features = [plain_features(model, model.embedding[row[row != PADDING]]) for row in ids]
    return torch.stack([model.head.weight @ each + model.head.bias for each in features])


@settings(max_examples=60)
@given(shape=SHAPES)
def test_logits_and_gradients_equal_those_of_a_plain_convolution(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor], shape: dict[str, Any]
) -> None:
    model = random_model(**shape).double()
    ids = random_ids(shape["words"], seed=shape["seed"])
    fast, slow = model(ids), naive_logits(model, ids)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-10)
    weight = torch.randn(fast.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    parameters = list(model.parameters())
    for ours, plain in zip(
        torch.autograd.grad((fast * weight).sum(), parameters),
        torch.autograd.grad((slow * weight).sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(ours.to_dense() if ours.is_sparse else ours, plain, rtol=0, atol=1e-10)


@settings(max_examples=60)
@given(shape=SHAPES, rounded=st.booleans())
def test_a_text_alone_equals_the_text_in_a_padded_batch(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor], shape: dict[str, Any], rounded: bool
) -> None:
    from prunetext.models.textcnn.rounding import rounding_of

    model = random_model(**shape)
    model.rounding = rounding_of(model, "int8") if rounded else None
    ids = random_ids(shape["words"], seed=shape["seed"])
    together = model(functional.pad(ids, (0, 5)))
    for row, expected in zip(ids, together, strict=True):
        alone = row[: max(1, int((row != PADDING).sum()))][None]
        torch.testing.assert_close(model(alone)[0], expected, rtol=0, atol=2e-5)


def test_an_empty_text_has_only_windows_of_padding(random_model: Callable[..., TextCNN]) -> None:
    model = random_model(pooling="max+mean")
    features = model.features(torch.zeros(1, 1, dtype=torch.int64))[0]
    total = sum(model.shape.filters.values())
    assert torch.equal(features[:total], torch.relu(model.biases()))
    assert torch.equal(features[total:], torch.zeros(total))


@settings(max_examples=60)
@given(shape=SHAPES)
def test_rebuilt_from_its_tensors_it_is_the_same_model(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor], shape: dict[str, Any]
) -> None:
    model = random_model(**shape)
    model.remap[-1] = UNKNOWN
    again = TextCNN.from_tensors(model.state_dict(), pooling=shape["pooling"], dropout=0.25).eval()
    assert again.shape == model.shape
    assert again.dropout == 0.25
    ids = random_ids(shape["words"], seed=shape["seed"])
    assert torch.equal(again(ids), model(ids))
    again.embedding.data += 1  # and shares nothing with it
    assert not torch.equal(again.embedding, model.embedding)


def test_static_dimensions_have_no_gradient_in_training(random_model: Callable[..., TextCNN]) -> None:
    model = random_model(dimensions=6, static=4)
    model.train()
    model(torch.tensor([[1, 2, 3, 4]])).sum().backward()
    assert model.embedding.grad is not None
    gradient = model.embedding.grad.to_dense()
    assert not gradient[:, :4].any()
    assert gradient[1:5, 4:].any()


def test_the_padding_row_is_zero_and_has_no_gradient(random_model: Callable[..., TextCNN]) -> None:
    model = random_model()
    assert not model.embedding[PADDING].any()
    model(torch.tensor([[2, 3, 0, 0]])).sum().backward()
    assert model.embedding.grad is not None
    assert not model.embedding.grad.to_dense()[PADDING].any()


@settings(max_examples=60)
@given(shape=SHAPES)
def test_a_units_cost_is_what_the_estimated_file_loses_without_it(
    random_model: Callable[..., TextCNN], shape: dict[str, Any]
) -> None:
    model = random_model(**shape)
    rng = np.random.default_rng(shape["seed"])
    kept = {name: rng.random(len(all_)) < 0.8 for name, all_ in all_kept(model.groups()).items()}
    for group in model.groups():
        unit = int(rng.integers(group.size))
        kept[group.name][unit] = True
        costs = group.costs["bytes"](kept)
        assert costs.shape == (group.size,)
        without = {**kept, group.name: kept[group.name] & (np.arange(group.size) != unit)}
        assert model.costs()["bytes"](kept) - model.costs()["bytes"](without) == pytest.approx(costs[unit])
    assert model.costs()["bytes"]({}) == model.costs()["bytes"](all_kept(model.groups()))


def test_every_weight_but_the_head_bias_and_the_special_rows_belongs_to_a_unit(
    random_model: Callable[..., TextCNN],
) -> None:
    from prunetext.pruning.shrinking import unit_blocks

    model = random_model(words=4, filters={1: 2, 3: 3})
    for parameter in model.parameters():
        parameter.data.fill_(1)
    parameters = dict(model.named_parameters())
    seen = {name: torch.zeros_like(parameter) for name, parameter in parameters.items()}
    for group in model.groups():
        for piece in group.slices:
            block = unit_blocks(seen[piece.parameter], piece, group.size)
            assert block.shape[0] == group.size
            front = seen[piece.parameter].movedim(piece.axes, tuple(range(len(piece.axes))))
            front[piece.offset : piece.offset + group.size] += 1
    assert not seen.pop("head.bias").any()
    assert seen.pop("embedding")[:WORDS].eq(1).all()  # a dimension of them
    assert all(tensor.bool().all() for tensor in seen.values())


def test_widths_without_filters_are_left_out() -> None:
    from prunetext.models.textcnn.layout import Shape

    model = TextCNN(Shape(words=3, dimensions=2, filters={4: 2, 2: 0, 1: 1}, classes=2))
    assert model.widths == (1, 4)
    assert model(torch.tensor([[2, 3, 4]])).shape == (1, 2)
