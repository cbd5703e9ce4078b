"""Word vectors of 8, 4 or 2 bits a number: the values that each can take."""

from __future__ import annotations

import torch
from torch import Tensor

COARSER = (8, 4)  # bits that can be halved
MULTIPLIERS = {4: 18, 2: 42}  # largest step of a coarse vector, in units of the fine ones, for which all fit int8
GRID_LIMITS = {8: 127.0, 4: 7.0, 2: 1.5}  # largest value, in steps of the grid; that of 2 bits has no zero


def grid(values: Tensor, step: Tensor | float, bits: int) -> Tensor:
    """The nearest values that a vector of so many bits can take; an exact zero stays one.

    >>> grid(torch.tensor([0.0, 0.1, 0.9, 7.0]), 1.0, bits=2)
    tensor([0.0000, 0.5000, 0.5000, 1.5000])
    """
    shift = 0.5 if bits == 2 else 0.0
    limit = GRID_LIMITS[bits]
    rounded = (torch.round(values / step - shift) + shift).clamp(-limit, limit) * step
    return torch.where(values == 0, 0.0, rounded) if bits == 2 else rounded


def step_of(multiplier: int, bits: int, unit: float) -> float:
    """The step of a grid: with 2 bits the values are odd multiples of `multiplier` units."""
    return multiplier * unit * (2 if bits == 2 else 1)


def best_multiplier(values: Tensor, unit: float, bits: int) -> int:
    """The multiplier with which values (rows, dimensions) are rounded with the least squared error."""
    if not len(values):
        return 1
    sample = values[:: max(1, len(values) // 2000)]
    errors = [
        float((grid(sample, step_of(multiplier, bits, unit), bits) - sample).square().sum())
        for multiplier in range(1, MULTIPLIERS[bits] + 1)
    ]
    return 1 + int(torch.tensor(errors).argmin())


def coarse(embedding: Tensor, bits: int) -> Tensor:
    """All vectors rounded to so many bits, each dimension on a scale of its own."""
    scale = embedding.abs().amax(0).clamp(min=1e-12)
    values = embedding / scale
    unit = 1 / 127.0
    return grid(values, step_of(best_multiplier(values, unit, bits), bits, unit), bits) * scale
