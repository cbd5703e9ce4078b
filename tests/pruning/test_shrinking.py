"""A shrunk model computes what the masked one computes, whatever is kept of all groups together."""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from helpers.kills import KilledError
from helpers.masking import mask
from helpers.shapes import shapes, some_kept
from prunetext.models.groups import Group, Slice
from prunetext.models.textcnn.grouping import STRUCTURE
from prunetext.models.textcnn.layout import UNKNOWN, WORDS, Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.rounding import rounded_rows, rounding_of
from prunetext.pruning.shrinking import all_kept, expand, masked, shrink, unit_blocks, unit_index

SHAPES = shapes(words=9, filters=5, texts=st.integers(1, 2), classes=st.integers(2, 4))


mixtures = st.sampled_from([("taps",), ("weights",), ("bits",), ("taps", "weights", "bits")])


@settings(max_examples=80)
@given(shape=SHAPES, share=st.sampled_from([0.0, 0.3, 0.7, 1.0]), static=st.integers(0, 6))
def test_shrunk_equals_masked_once_and_twice(
    random_model: Callable[..., TextCNN],
    random_ids: Callable[..., Tensor],
    shape: dict[str, Any],
    share: float,
    static: int,
) -> None:
    model = random_model(**shape, static=min(static, shape["dimensions"]))
    ids = random_ids(shape["words"], texts=shape["texts"], seed=shape["seed"])  # always those of the first vocabulary
    for time in range(2):
        kept = some_kept(model, STRUCTURE, shape["seed"] + time, share)
        whole, small = mask(model, kept).eval(), shrink(model, kept).eval()
        torch.testing.assert_close(small(ids), whole(ids), rtol=0, atol=1e-5)
        count = {name: int(stays.sum()) for name, stays in kept.items()}
        assert small.shape.words == count["vocabulary"]
        assert small.shape.dimensions == count["dimensions"]
        assert small.shape.filters == {width: count[f"conv{width}.filters"] for width in model.widths}
        assert small.static == int(kept["dimensions"][: model.static].sum())
        assert small.costs()["bytes"]({}) == model.costs()["bytes"](kept)
        model = small


def random_kept_of_all_kinds(model: TextCNN, seed: int, share: float, more: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The usual kinds and some more at once; of taps only those at edges go, as the search has it."""
    rng = np.random.default_rng(seed)
    kept = some_kept(model, STRUCTURE, seed, share)
    for group in model.groups(more):
        if group.kind == "taps":
            width = int(group.name[4])
            first, size = rng.integers(0, width, group.size // width), rng.integers(1, width + 1, group.size // width)
            taps = np.arange(width)
            kept[group.name] = ((taps >= first[:, None]) & (taps < (first + size)[:, None])).ravel()
        elif group.kind in ("weights", "bits"):
            kept[group.name] = rng.random(group.size) < share
    if "bits" in more:
        kept["embedding.4bit"] |= kept["embedding.8bit"]  # bits go one after another
    return kept


@settings(max_examples=60)
@given(shape=SHAPES, share=st.sampled_from([0.3, 0.7, 1.0]), more=mixtures)
def test_shrunk_equals_masked_with_all_kinds_of_groups_at_once(
    random_model: Callable[..., TextCNN],
    random_ids: Callable[..., Tensor],
    shape: dict[str, Any],
    share: float,
    more: tuple[str, ...],
) -> None:
    model = random_model(**{**shape, "pooling": "max"})  # a mean is over fewer windows in a narrower filter
    ids = random_ids(shape["words"], texts=shape["texts"], seed=shape["seed"])
    kept = random_kept_of_all_kinds(model, shape["seed"], share, more)
    whole, small = mask(model, kept).eval(), shrink(model, kept).eval()
    torch.testing.assert_close(small(ids), whole(ids), rtol=0, atol=1e-5)
    if more in (("taps",), ("weights",)):  # else zeros may come about that nobody foresees
        assert small.costs()["bytes"]({}) == pytest.approx(model.costs()["bytes"](kept), abs=1e-6)
        assert small.costs()["time"]({}) == model.costs()["time"](kept)
    words = kept["vocabulary"]
    every = np.ones(len(words), bool)
    fine, middle = kept.get("embedding.8bit", every), kept.get("embedding.4bit", every)
    bits = np.where(fine, 8, np.where(middle, 4, 2))[words]
    assert small.bits[WORDS:].tolist() == bits.tolist()
    assert small.counts()["bits"] == bits.sum() * small.shape.dimensions
    if "bits" in more:
        steps = rounding_of(small, "int16")
        row = small.embedding[WORDS:][small.bits[WORDS:] == 2]
        units = torch.unique(rounded_rows(row, torch.full((len(row),), 2), steps).abs() / steps.embedding)
        odd = steps.multipliers.get(2, 1)
        assert set(units.round().int().tolist()) <= {0, odd, 3 * odd}


def test_edge_taps_move_a_filter_to_a_narrower_width(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor]
) -> None:
    model = random_model(filters={2: 2, 4: 3}, pooling="max+mean")
    kept = {"conv4.taps": np.ones((3, 4), bool)}
    kept["conv4.taps"][1, [0, 3]] = False  # two are left, in the middle
    kept["conv4.taps"][2, 0] = False
    small = shrink(model, {"conv4.taps": kept["conv4.taps"].ravel()})
    assert small.shape.filters == {2: 3, 3: 1, 4: 1}
    assert torch.equal(small.conv(2).weight[2], model.conv(4).weight[1, 1:3])
    assert torch.equal(small.conv(3).weight[0], model.conv(4).weight[2, 1:])
    assert torch.equal(small.head.weight[:, 2], model.head.weight[:, 3])  # after the two that were there before
    assert torch.equal(small.head.weight[:, 5 + 2], model.head.weight[:, 5 + 3])  # and its mean feature
    ids = random_ids(7)
    maxima = small.features(ids)[:, :5], mask(model, {"conv4.taps": kept["conv4.taps"].ravel()}).features(ids)[:, :5]
    torch.testing.assert_close(maxima[0], maxima[1][:, [0, 1, 3, 4, 2]])


@settings(max_examples=40)
@given(shape=SHAPES, share=st.sampled_from([0.0, 0.3, 0.7]))
def test_an_expanded_model_computes_what_the_small_one_does_and_shrinks_back_to_it(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor], shape: dict[str, Any], share: float
) -> None:
    model = random_model(**shape)
    ids = random_ids(shape["words"], texts=shape["texts"], seed=shape["seed"])
    kept = some_kept(model, STRUCTURE, shape["seed"], share)
    small = shrink(model, kept).eval()
    with torch.no_grad():
        for parameter in small.parameters():
            parameter[:] += 0.1 * torch.randn(parameter.shape)
        small.embedding[0] = 0
    big = expand(small, model, kept).eval()
    assert big.shape == model.shape
    torch.testing.assert_close(big(ids), small(ids), rtol=0, atol=1e-5)
    again = shrink(big, kept)
    assert all(torch.equal(tensor, again.state_dict()[name]) for name, tensor in small.state_dict().items())


@settings(max_examples=40)
@given(shape=SHAPES)
def test_remaps_compose_and_removed_words_are_the_unknown_word(
    random_model: Callable[..., TextCNN], shape: dict[str, Any]
) -> None:
    model = random_model(**shape)
    first = some_kept(model, STRUCTURE, 1, 0.7)
    small = shrink(model, first)
    second = some_kept(small, STRUCTURE, 2, 0.7)
    smaller = shrink(small, second)
    left = np.flatnonzero(first["vocabulary"])[second["vocabulary"]]  # of the words of the first vocabulary
    expected = torch.full((WORDS + shape["words"],), UNKNOWN)
    expected[0] = 0
    expected[WORDS + torch.from_numpy(left)] = torch.arange(WORDS, WORDS + len(left))
    assert torch.equal(smaller.remap, expected)


def test_keeping_everything_changes_nothing_and_the_model_given_is_left_alone(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor]
) -> None:
    model = random_model()
    model.dropout = 0.125
    ids = random_ids(7)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    whole = shrink(model, all_kept(model.groups())).eval()
    assert torch.equal(whole(ids), model(ids))
    assert (whole.dropout, whole.pooling) == (0.125, model.pooling)
    kept = some_kept(model, STRUCTURE, 0, 0.5)
    for changed in (shrink(model, kept), mask(model, kept)):
        changed.embedding.data.fill_(7)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_a_masked_model_keeps_its_rounding_and_a_shrunk_one_asks_for_new_steps(
    random_model: Callable[..., TextCNN],
) -> None:
    model = random_model()
    model.rounding = rounding_of(model, "int8")
    kept = some_kept(model, STRUCTURE, 0, 0.5)
    assert mask(model, kept).rounding is not None
    assert shrink(model, kept).rounding is None


def test_a_masked_filter_is_zero_everywhere(random_model: Callable[..., TextCNN]) -> None:
    model = random_model(filters={2: 3, 3: 2}, pooling="max+mean")
    kept = all_kept(model.groups())
    kept["conv3.filters"][1] = False
    whole = mask(model, kept)
    assert not whole.conv(3).weight[1].any()
    assert whole.conv(3).bias[1] == 0
    assert whole.head.weight.eq(0).all(0).nonzero().flatten().tolist() == [4, 9]  # max and mean of the fifth filter
    assert whole.conv(3).weight[0].all()


def test_blocks_of_units_over_several_axes_and_behind_an_offset() -> None:
    tensor = torch.arange(24).view(2, 3, 4)
    assert unit_blocks(tensor, Slice("t", (2,), offset=1), 3)[0].tolist() == [1, 5, 9, 13, 17, 21]
    pairs = unit_blocks(tensor, Slice("t", (0, 1), width=2), 3)
    assert pairs.tolist() == [list(range(0, 8)), list(range(8, 16)), list(range(16, 24))]
    assert unit_index(Slice("t", (0,), offset=3, width=2), 2).tolist() == [[3, 4], [5, 6]]


class OfTaps(TextCNN):
    """A model whose group lies over two axes."""

    def groups(self, kinds: Sequence[str] = ()) -> tuple[Group, ...]:
        return (Group("taps", 2, (Slice("conv2.weight", (0, 1)),), "taps", "conv2", {}),)


def test_blocks_over_several_axes_are_not_cut_out() -> None:
    model = OfTaps(Shape(words=3, dimensions=2, filters={2: 1}, classes=2))
    with pytest.raises(ValueError, match=r"conv2\.weight"):
        shrink(model, {"taps": np.array([True, False])})


@settings(max_examples=30)
@given(shape=SHAPES, share=st.sampled_from([0.0, 0.5, 1.0]), fails=st.booleans())
def test_a_masked_model_computes_what_the_shrunk_one_does_and_is_restored_bit_for_bit(
    random_model: Callable[..., TextCNN],
    random_ids: Callable[..., Tensor],
    shape: dict[str, Any],
    share: float,
    fails: bool,
) -> None:
    model = random_model(**shape)
    ids = random_ids(shape["words"], texts=shape["texts"], seed=shape["seed"])
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept = some_kept(model, (*STRUCTURE, "weights"), shape["seed"], share)
    expected = shrink(model, kept).eval()(ids)
    with pytest.raises(KilledError) if fails else nullcontext(), masked(model, kept) as same:
        assert same is model
        torch.testing.assert_close(model(ids), expected, rtol=0, atol=1e-5)
        if fails:
            raise KilledError
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
