"""The steps of the packed file cover the model's values exactly, and balancing dimensions changes no answer."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from prunetext.models.textcnn.layout import UNKNOWN
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.rounding import rounding_of, step_for, straight_through, table_limit
from prunetext.models.textcnn.turning import balance, rotation, turn

seeds = st.integers(0, 2**31)


@settings(max_examples=60)
@given(seed=seeds, pooling=st.sampled_from(["max", "max+mean"]))
def test_balance_changes_no_logit_and_evens_out_the_dimensions(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor], seed: int, pooling: str
) -> None:
    model = random_model(seed=seed, pooling=pooling)
    with torch.no_grad():
        model.embedding *= torch.tensor([1e-3, 0.1, 1.0, 7.0, 30.0])
    ids = random_ids(7, seed=seed)
    before = model(ids)
    balance(model)
    torch.testing.assert_close(model(ids), before, rtol=1e-4, atol=1e-4)
    largest = model.embedding.abs().amax(0)
    torch.testing.assert_close(largest, largest.max().expand_as(largest))


def test_balance_survives_a_dimension_of_zeros(random_model: Callable[..., TextCNN]) -> None:
    model = random_model()
    with torch.no_grad():
        model.embedding[:, 2] = 0
    ids = torch.tensor([[2, 3, 4]])
    before = model(ids)
    balance(model)
    torch.testing.assert_close(model(ids), before)


@pytest.mark.parametrize("table", ["int8", "int16"])
@settings(max_examples=60)
@given(seed=seeds)
def test_steps_just_cover_the_largest_values(random_model: Callable[..., TextCNN], seed: int, table: str) -> None:
    model = random_model(seed=seed, filters={1: 2, 3: 4})
    steps = rounding_of(model, table)
    rows = (model.embedding / steps.embedding).detach().round()
    assert rows.abs().max() == 127
    first = 0
    for width in model.widths:
        n = len(model.conv(width).bias)
        own = slice(first, first + n)
        taps = (model.conv(width).weight / steps.weight[own, None, None]).detach().round()  # (filters, width, dims)
        assert taps.abs().amax((1, 2)).eq(127).all()
        exact = torch.einsum("rd,fjd->rjf", rows[UNKNOWN:].double(), taps.double())
        scale = np.float64(np.float32(steps.embedding)) * steps.weight[own].double() / steps.table[own].double()
        entries = (exact * scale).round().abs().amax((0, 1))
        assert entries.eq(table_limit(table, width)).all()
        first += n
    assert np.float32(steps.embedding) == steps.embedding  # as the file stores it


def test_a_window_of_int16_entries_fits_int16() -> None:
    for width in range(1, 17):
        assert width * table_limit("int16", width) <= 32767 < width * (table_limit("int16", width) + 1)
        assert width * table_limit("int8", width) <= 32767


def test_a_model_of_zeros_has_steps_above_zero(random_model: Callable[..., TextCNN]) -> None:
    model = random_model()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    steps = rounding_of(model, "int8")
    assert steps.embedding > 0
    assert steps.weight.gt(0).all()
    assert steps.table.gt(0).all()
    model.rounding = steps
    with model.on_grid():
        assert model(torch.tensor([[2, 3]])).eq(0).all()


def test_rounding_is_half_to_even_and_its_gradient_passes() -> None:
    values = torch.tensor([0.5, 1.5, 2.4, -9.0], requires_grad=True)
    out = straight_through(values, torch.tensor(1.0), torch.tensor(5.0))
    assert out.tolist() == [0.0, 2.0, 2.0, -5.0]
    (out * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [1, 2, 3, 4]
    assert float(step_for(torch.tensor([-254.0, 3.0]), 127.0)) == 2


def test_a_rounded_model_stays_near_the_float_one(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor]
) -> None:
    model = random_model(seed=3)
    ids = random_ids(7)
    exact = model(ids)
    errors = {}
    for table in ("int8", "int16"):
        model.rounding = rounding_of(model, table)
        with model.on_grid():
            errors[table] = float((model(ids) - exact).abs().max().detach())
    assert torch.equal(model(ids), exact)
    assert 0 < errors["int16"] < errors["int8"] < 0.1


@settings(max_examples=40)
@given(seed=seeds, weighed=st.booleans())
def test_rotation_changes_no_logit_and_takes_the_dimensions_apart(
    random_model: Callable[..., TextCNN], random_ids: Callable[..., Tensor], seed: int, weighed: bool
) -> None:
    model = random_model(seed=seed, words=20)
    ids = random_ids(20, seed=seed)
    before = model(ids)
    frequency = torch.rand(22, generator=torch.Generator().manual_seed(seed)) + 0.1
    basis = rotation(model, frequency if weighed else None)
    torch.testing.assert_close(basis.there @ basis.back.T, torch.eye(5).double(), rtol=0, atol=1e-6)
    turn(model, basis)
    torch.testing.assert_close(model(ids), before, rtol=1e-3, atol=1e-4)
    rows = model.embedding.detach().double() * (frequency.double().sqrt()[:, None] if weighed else 1)
    taps = model.taps().detach().double()
    # What two dimensions add to the table is orthogonal: the sum over its entries of one times the other.
    overlap = (rows.T @ rows) * (taps.T @ taps)
    parts = overlap.diagonal()
    assert (overlap - parts.diag()).abs().max() < 1e-4 * parts.max()
    assert (parts[:-1] >= parts[1:] * (1 - 1e-4)).all()
    # Each side carries as much of a dimension as the other.
    torch.testing.assert_close(rows.norm(dim=0), taps.norm(dim=0), rtol=1e-3, atol=1e-5)


def test_static_dimensions_are_not_rotated(random_model: Callable[..., TextCNN]) -> None:
    model = random_model(static=2)
    before = model.embedding.detach().clone()
    turn(model, rotation(model))
    assert torch.equal(model.embedding, before)
