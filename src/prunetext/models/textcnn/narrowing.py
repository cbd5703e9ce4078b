"""Filters that have lost taps at their edges become filters of a narrower width."""

from __future__ import annotations

import re

import torch
from torch import Tensor

from prunetext.models.groups import Tensors


def narrow(tensors: Tensors) -> None:
    """Move each filter whose first or last taps are all zero to the width that is left of it.

    Its window sums stay the same, and so does their largest; their mean is over fewer windows, by one a tap.
    """
    widths = sorted(int(name[4:-5]) for name in tensors if re.fullmatch(r"conv\d+\.bias", name))
    total = sum(len(tensors[f"conv{width}.bias"]) for width in widths)
    blocks = tensors["head.weight"].shape[1] // total
    parts: dict[int, list[tuple[Tensor, Tensor, Tensor]]] = {}  # width → weights, biases and columns of the head
    heads = tensors["head.weight"].unflatten(1, (blocks, total))
    first = 0
    for width in widths:
        weight, bias = tensors.pop(f"conv{width}.weight"), tensors.pop(f"conv{width}.bias")
        alive = weight.ne(0).any(2)  # (filters, width)
        alive[~alive.any(1), 0] = True
        begin = alive.int().argmax(1)
        length = width - alive.flip(1).int().argmax(1) - begin
        for short in range(1, width + 1):
            for start in range(width - short + 1):
                chosen = torch.nonzero((length == short) & (begin == start))[:, 0]
                if len(chosen):
                    part = weight[chosen, start : start + short], bias[chosen], heads[:, :, first + chosen]
                    parts.setdefault(short, []).append(part)
        first += len(bias)
    columns: list[Tensor] = []
    for width, several in sorted(parts.items()):
        weights, biases, own = zip(*several, strict=True)
        tensors[f"conv{width}.weight"], tensors[f"conv{width}.bias"] = torch.cat(weights), torch.cat(biases)
        columns += own
    tensors["head.weight"] = torch.cat(columns, 2).flatten(1)
