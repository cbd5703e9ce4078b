"""Vectors of few bits: the values that they can take, and the step that loses least."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunetext.models.textcnn.bits import COARSER, GRID_LIMITS, MULTIPLIERS, best_multiplier, coarse, grid, step_of
from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.rounding import rounded_rows, rounding_of

values = st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=40)
bits = st.sampled_from([8, 4, 2])


def levels(number: int) -> list[float]:
    """The values of a grid whose step is one, zero included."""
    if number == 2:
        return [-1.5, -0.5, 0.0, 0.5, 1.5]
    return [float(each) for each in range(-int(GRID_LIMITS[number]), int(GRID_LIMITS[number]) + 1)]


@given(values=values, step=st.floats(1e-3, 10), bits=bits)
def test_each_value_goes_to_the_nearest_level(values: list[float], step: float, bits: int) -> None:
    given = torch.tensor(values, dtype=torch.float64)
    found = grid(given, step, bits)
    allowed = torch.tensor(levels(bits), dtype=torch.float64) * step
    reached = allowed if bits > 2 else allowed[allowed != 0]  # with two bits nothing but a zero is zero
    nearest = (given[:, None] - reached).abs().amin(1)
    torch.testing.assert_close((found - given).abs(), torch.where(given == 0, 0.0, nearest), atol=1e-12, rtol=1e-9)
    assert ((found[:, None] - allowed).abs().amin(1) < 1e-12 * step + 1e-15).all()
    assert (found[given == 0] == 0).all()
    torch.testing.assert_close(grid(found, step, bits), found)  # it stays where it is


def test_rounding_is_half_to_even_as_in_the_file() -> None:
    assert grid(torch.tensor([0.5, 1.5, -2.5, 200.0]), 1.0, 8).tolist() == [0, 2, -2, 127]
    assert grid(torch.tensor([0.5, 6.5, -9.0]), 1.0, 4).tolist() == [0, 6, -7]
    assert grid(torch.tensor([-5.0, -1.0001, 1e-9, 0.9999]), 1.0, 2).tolist() == [-1.5, -1.5, 0.5, 0.5]


@given(values=values, bits=st.sampled_from([4, 2]))
def test_the_best_multiplier_is_that_of_the_least_squared_error(values: list[float], bits: int) -> None:
    given = torch.tensor(values)[:, None]
    unit = max(float(given.abs().max()), 1e-3) / 127
    errors = {
        multiplier: float((grid(given, step_of(multiplier, bits, unit), bits) - given).square().sum())
        for multiplier in range(1, MULTIPLIERS[bits] + 1)
    }
    found = best_multiplier(given, unit, bits)
    assert errors[found] == min(errors.values())
    # All values of the coarse grid are units that fit an int8.
    assert GRID_LIMITS[bits] * step_of(found, bits, 1.0) <= 127
    assert GRID_LIMITS[bits] * step_of(MULTIPLIERS[bits] + 1, bits, 1.0) > 127
    assert all((level * step_of(found, bits, 1.0)).is_integer() for level in levels(bits))


def test_no_values_have_a_multiplier_too() -> None:
    assert best_multiplier(torch.zeros(0, 3), 0.1, 4) == 1


@pytest.mark.parametrize("bits", [4, 2])
def test_coarse_vectors_take_few_values_in_each_dimension_whatever_its_scale(bits: int) -> None:
    torch.manual_seed(0)
    embedding = torch.randn(300, 4) * torch.tensor([1e-3, 1.0, 5.0, 0.0])
    embedding[7] = 0
    found = coarse(embedding, bits)
    for column in found.T[:3]:
        assert 2 < len(torch.unique(column)) <= 2**bits + 1
    assert not found[7].any()
    assert not found[:, 3].any()
    error = (found - embedding)[:, :3].norm(dim=0) / embedding[:, :3].norm(dim=0)
    assert (error < {4: 0.2, 2: 0.6}[bits]).all()


@pytest.mark.parametrize("table", ["int8", "int16"])
def test_a_model_of_mixed_bits_rounds_each_row_to_its_own_grid(
    random_model: Callable[..., TextCNN], table: str
) -> None:
    model = random_model(words=30, dimensions=4)
    model.bits[5:15], model.bits[15:] = 4, 2
    with torch.no_grad():
        model.embedding[20, 1] = 0
    steps = rounding_of(model, table)
    assert set(steps.multipliers) == {4, 2}
    units = (rounded_rows(model.embedding, model.bits, steps) / steps.embedding).detach()
    torch.testing.assert_close(units, units.round(), atol=1e-3, rtol=0)
    four, two = (steps.multipliers[bits] for bits in (4, 2))
    assert set((units[5:15].round() / four).abs().flatten().tolist()) <= set(range(8))
    assert set((units[15:].round() / two).abs().flatten().tolist()) <= {0, 1, 3}
    assert units[20, 1] == 0
    assert units.abs().max() <= 127
    assert set(COARSER) == {8, 4}
