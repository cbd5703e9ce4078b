"""The folded convolution equals the plain one: windows over a text with k zero rows at both ends, maximum and sum."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from prunetext.models.textcnn.pooling import WindowPooling, columns_of

cases = st.fixed_dictionaries(
    {
        "filters": st.dictionaries(st.integers(1, 5), st.integers(1, 4), min_size=1, max_size=3),
        "rows": st.integers(1, 6),
        "batch": st.integers(1, 4),
        "length": st.integers(1, 7),
        "seed": st.integers(0, 2**31),
    }
)


def pooled(table: Tensor, positions: Tensor, filters: dict[int, int]) -> Tensor:
    """Maxima, then sums; the padding's zero row comes first in the table, so that all positions move by one."""
    widest = max(filters)
    padded = functional.pad(positions + 1, (widest - 1, widest))
    zero_first = functional.pad(table, (0, 0, 1, 0))
    return torch.cat(WindowPooling.apply(zero_first, padded, columns_of(filters)), dim=1)


def naive(table: Tensor, positions: Tensor, filters: dict[int, int]) -> Tensor:
    maxima, sums = [], []
    for width, (first, count) in columns_of(filters).items():
        rows = table[:, first : first + width * count][positions].unflatten(2, (width, count))
        padding = rows.new_zeros(len(rows), width, width, count)
        padded = torch.cat([padding, rows, padding], dim=1)  # (batch, length + 2·width, width, filters)
        starts = range(padded.shape[1] - width + 1)
        windows = [sum(padded[:, start + tap, tap] for tap in range(width)) for start in starts]
        maxima.append(torch.stack(windows, dim=1).amax(1))
        sums.append(torch.stack(windows, dim=1).sum(1))
    return torch.cat([*maxima, *sums], dim=1)


def random_case(filters: dict[int, int], rows: int, batch: int, length: int, seed: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    columns = sum(width * count for width, count in filters.items())
    table = torch.randn(rows, columns, generator=generator, dtype=torch.float64, requires_grad=True)
    return table, torch.randint(0, rows, (batch, length), generator=generator)


@settings(max_examples=60)
@given(case=cases)
def test_forward_and_gradient_equal_the_naive_ones(case: dict) -> None:
    table, positions = random_case(**case)
    filters = case["filters"]
    fast, slow = pooled(table, positions, filters), naive(table, positions, filters)
    torch.testing.assert_close(fast, slow, rtol=0, atol=1e-12)
    weight = torch.randn(fast.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    (from_fast,) = torch.autograd.grad((fast * weight).sum(), table)
    (from_slow,) = torch.autograd.grad((slow * weight).sum(), table)
    torch.testing.assert_close(from_fast, from_slow, rtol=0, atol=1e-12)


def test_gradient_equals_finite_differences() -> None:
    filters = {2: 3, 4: 2}
    table, positions = random_case(filters, rows=5, batch=3, length=6, seed=4)
    assert torch.autograd.gradcheck(lambda table: pooled(table, positions, filters), table)


def test_no_maximum_is_below_the_window_of_padding_and_there_is_no_gradient_there() -> None:
    table = torch.full((1, 2), -1.0, requires_grad=True)
    maximum, total = pooled(table, torch.zeros(1, 3, dtype=torch.int64), {2: 1}).unbind(1)
    assert (maximum.item(), total.item()) == (0.0, -6.0)
    maximum.sum().backward()
    assert table.grad is not None
    assert table.grad.tolist() == [[0.0, 0.0]]


def test_columns_are_in_ascending_widths_whatever_the_order_given() -> None:
    assert columns_of({5: 1, 1: 7, 3: 2}) == {1: (0, 7), 3: (7, 2), 5: (13, 1)}


def test_of_equal_windows_the_first_wins() -> None:
    # Table rows rounded to few steps tie often; which window then learns must not depend on the rows' order.
    table = torch.tensor([[2.0, 1.0], [1.0, 2.0]], requires_grad=True)
    pooled(table, torch.tensor([[0, 0, 1, 1]]), {2: 1})[0, 0].backward()
    assert table.grad is not None
    assert table.grad.tolist() == [[1.0, 0.0], [0.0, 1.0]]
