"""The basis of a TextCNN's embedding space: changes of it that change no logit, for packing and for scoring."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from prunetext.models.textcnn.layout import Layers

HARDLY = 1e-12  # a largest value is never zero, even where all weights are


@torch.no_grad()
def balance(model: Layers) -> None:
    """Give all embedding dimensions the same largest value: one step then serves them all; no logit changes.

    balance(model)     # before rounding_of(model, "int8")
    """
    largest = torch.cat(model.vectors()).abs().amax(0).clamp(min=HARDLY)  # (dimensions,)
    factor = largest / largest.max()
    for vectors in model.vectors():
        vectors.div_(factor)
    for width in model.widths:
        model.conv(width).weight.mul_(factor)


class Turn(NamedTuple):
    """A change of the basis of the embedding space that changes no logit: E·there and W·back, there·backᵀ = 1."""

    there: Tensor  # (dimensions, dimensions) float64
    back: Tensor


def no_turn(model: Layers) -> Turn:
    """The identity: the basis does not change."""
    same = torch.eye(model.embedding.shape[1], dtype=torch.float64)
    return Turn(same, same)


@torch.no_grad()
def rotation(model: Layers, frequency: Tensor | None = None) -> Turn:
    """The basis in which dimensions separate, the largest part of the table first.

    The table is E·Wᵀ = (E·M)·(W·N)ᵀ for any M·Nᵀ = 1. Those of its singular value decomposition make every
    dimension's part of the table orthogonal to the others': the dimensions worth least can then go alone (Eckart and
    Young 1936). `frequency` (rows,) weights all vectors. A model with static dimensions is left alone.
    """
    if model.static:
        return no_turn(model)
    rows = torch.cat(model.vectors()).double()
    weighed = rows if frequency is None else rows * frequency.double().sqrt()[:, None]
    taps = model.taps().double()
    left, left_inverse = square_root(weighed.T @ weighed)
    right, right_inverse = square_root(taps.T @ taps)
    u, singular, v = torch.linalg.svd(left @ right)
    scale = singular.clamp(min=singular.max() * 1e-9).sqrt()
    return Turn(left_inverse @ u * scale, right_inverse @ v.T * scale)


@torch.no_grad()
def turn(model: Layers, basis: Turn) -> None:
    """Change the basis of a model's embedding space."""
    for vectors in model.vectors():
        vectors.copy_(vectors.double() @ basis.there)
    for width in model.widths:
        model.conv(width).weight.copy_(model.conv(width).weight.double() @ basis.back)


def square_root(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Square root of a symmetric positive matrix and its inverse; hardly any of a direction counts as a little."""
    values, vectors = torch.linalg.eigh(gram)
    values = values.clamp(min=float(values.max()) * 1e-12 + HARDLY**2)
    return vectors * values.sqrt() @ vectors.T, vectors * values.rsqrt() @ vectors.T
