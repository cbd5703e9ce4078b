"""Max-over-time convolution over a folded table: one matrix product for all widths and taps, then additions.

The packed runtime adds rows of a table word × tap × filter; training does the same with the words of a batch:
a word that occurs ten times is multiplied once, and the backward pass touches only the windows that won.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from prunetext.models.textcnn import _pooling

TableColumns = Mapping[
    int, tuple[int, int]
]  # width → (first table column, filters); tap j of filter f is column first + j·filters + f


def columns_of(filters: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Lay out the table's columns: widths ascending, then taps, then filters.

    >>> columns_of({3: 10, 2: 4})
    {2: (0, 4), 3: (8, 10)}
    """
    columns, first = {}, 0
    for width in sorted(filters):
        columns[width] = (first, filters[width])
        first += width * filters[width]
    return columns


def readable(table: Tensor) -> Tensor:
    """The table in numbers that the pooling's C++ reads: bfloat16, in which products may be computed, as float32."""
    return table.float() if table.dtype == torch.bfloat16 else table


class WindowPooling(torch.autograd.Function):
    """Largest and total window sum of every filter, over all windows that overlap the text.

    table (rows, Σ width·filters) and positions (batch, length), the table row of each token, give maxima and sums
    (batch, Σ filters) each. With w the largest width, each text stands between w − 1 paddings and at least w more,
    whose table row 0 is zero: the last window is all padding, and no maximum is below zero. Among equal windows the
    first one wins, and only that one gets the maximum's gradient.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, positions: Tensor, columns: TableColumns) -> tuple[Tensor, Tensor]:
        """Add the tap rows of each window, keep the maximum and where it was."""
        layout = [(width, first, filters) for width, (first, filters) in columns.items()]
        size = len(positions), sum(filters for _, _, filters in layout)
        maxima, sums = table.new_empty(size), table.new_empty(size)
        winners = torch.empty(size, dtype=torch.int32)
        _pooling.forward(table.numpy(), positions.numpy(), layout, maxima.numpy(), winners.numpy(), sums.numpy())
        ctx.save_for_backward(positions, winners)
        ctx.layout, ctx.shape, ctx.dtype = layout, table.shape, table.dtype
        ctx.set_materialize_grads(False)
        return maxima, sums

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor, None, None]:
        """Send each maximum's gradient to the rows of its winning window, and each sum's to the rows of its text."""
        positions, winners = ctx.saved_tensors
        table = torch.empty(ctx.shape, dtype=ctx.dtype)
        of_maxima, of_sums = (None if each is None else each.contiguous().numpy() for each in gradients)
        _pooling.backward(table.numpy(), positions.numpy(), ctx.layout, winners.numpy(), of_maxima, of_sums)
        return table, None, None


def pooled_features(
    table: Tensor, positions: Tensor, filters: Mapping[int, int], biases: Tensor, lengths: Tensor | None
) -> Tensor:
    """Maxima and, given the lengths of the texts (batch, 1), means of all filters: (batch, features).

    pooled_features(model.table_of(rows), positions, {2: 4, 3: 10}, model.biases(), None)    # (batch, 14)
    """
    columns = columns_of(filters)
    maxima, sums = cast(Any, WindowPooling).apply(readable(table), positions, columns)
    maxima = functional.relu(maxima + biases)
    if lengths is None:
        return maxima
    windows = torch.cat([(lengths + k - 1).clamp(min=1).expand(-1, n) for k, (_, n) in columns.items()], dim=1)
    return torch.cat([maxima, sums / windows], dim=1)
