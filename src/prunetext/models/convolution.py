"""Max-over-time convolution over a folded table: one matrix product for all widths and taps, then additions.

The packed runtime adds rows of a table word × tap × filter; training does the same with the words of a batch,
so that a word that occurs ten times is multiplied once, and the backward pass touches only the windows that won.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

Columns = Mapping[
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


class WindowPooling(torch.autograd.Function):
    """Largest and total window sum of every filter, over all windows that overlap the text.

    table (rows, Σ width·filters) and positions (batch, length), the table row of each token, give maxima and sums
    (batch, Σ filters) each. With widest the largest width, each text stands between widest − 1 and widest paddings,
    whose table row is zero: the last window is all padding, so that no maximum is below zero.
    """

    @staticmethod
    def forward(ctx: Any, table: Tensor, positions: Tensor, columns: Columns) -> tuple[Tensor, Tensor]:
        """Add the tap rows of each window, keep the maximum and where it was."""
        maxima, winners, sums = [], [], []
        for width, (first, filters) in columns.items():
            rows = windows_of(positions, width, columns)  # (batch, windows, width)
            taps = table[:, first : first + width * filters].reshape(-1, filters)  # (rows·width, filters)
            bags = (rows * width + torch.arange(width)).flatten(0, 1)
            added = functional.embedding_bag(bags, taps, mode="sum").unflatten(0, rows.shape[:2])
            best = added.amax(1)  # (batch, filters)
            sums.append(added.sum(1))
            # Numbering the windows from the end and a second maximum find the first winner faster than torch.max does.
            from_end = torch.arange(rows.shape[1], 0, -1.0)[:, None]
            winners.append(rows.shape[1] - added.eq_(best[:, None]).mul_(from_end).amax(1).long())
            maxima.append(best)
        ctx.save_for_backward(positions, *winners)
        ctx.columns, ctx.shape, ctx.dtype = columns, table.shape, table.dtype
        ctx.set_materialize_grads(False)
        return torch.cat(maxima, dim=1), torch.cat(sums, dim=1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor, None, None]:
        """Send each maximum's gradient to the rows of its winning window, and each sum's to the rows of its text."""
        positions, *winners = ctx.saved_tensors
        rows, total = ctx.shape
        of_maxima, of_sums = gradients
        if of_sums is None:
            table = torch.zeros(rows, total, dtype=ctx.dtype)
        else:
            texts = len(positions)
            cells = positions * texts + torch.arange(texts)[:, None]
            counts = torch.bincount(cells.flatten(), minlength=rows * texts).view(rows, texts)
            of_rows = counts.to(of_sums.dtype) @ of_sums  # (rows, Σ filters)
            parts = of_rows.split([filters for _, filters in ctx.columns.values()], dim=1)
            # Every token is under every tap once.
            table = torch.cat(
                [part for width, part in zip(ctx.columns, parts, strict=True) for _ in range(width)], dim=1
            )
        if of_maxima is None:
            return table, None, None
        feature = 0
        for (width, (first, filters)), where in zip(ctx.columns.items(), winners, strict=True):
            part = slice(feature, feature + filters)
            feature += filters
            windows = windows_of(positions, width, ctx.columns)
            won = windows.gather(1, where[:, :, None].expand(-1, -1, width))  # (batch, filters, width)
            column = first + torch.arange(width) * filters + torch.arange(filters)[:, None]
            value = of_maxima[:, part, None].expand(-1, -1, width)
            table.view(-1).index_add_(0, (won * total + column).flatten(), value.flatten())
        return table, None, None


def windows_of(positions: Tensor, width: int, columns: Columns) -> Tensor:
    """Table rows under each window (batch, windows, width), without the paddings that only wider windows need."""
    spare = max(columns) - width
    return positions[:, spare : positions.shape[1] - spare].unfold(1, width, 1)
