"""The packed file's steps for a float model: chosen here, used by training to round alike, stored by packing."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from prunetext.models.textcnn.bits import LIMITS, MULTIPLIERS, best_multiplier
from prunetext.models.textcnn.costs import UNKNOWN
from prunetext.models.textcnn.model import Rounding, TextCNN, rounded_rows

TABLES = ("int8", "int16")
LEAST = 1e-12  # a step is never zero, even where all weights are


@torch.no_grad()
def balance(model: TextCNN) -> None:
    """Give all embedding dimensions the same largest value, so that one step serves them all; no logit changes.

    balance(model)     # before rounding_of(model, "int8")
    """
    largest = torch.cat(model.vectors()).abs().amax(0).clamp(min=LEAST)  # (dimensions,)
    factor = largest / largest.max()
    for vectors in model.vectors():
        vectors.div_(factor)
    for width in model.widths:
        model.conv(width).weight.mul_(factor)


@torch.no_grad()
def rounding_of(model: TextCNN, table: str) -> Rounding:
    """Steps that just cover the model's largest values, for table entries of "int8" or "int16".

    All steps are float32 values, as the file stores them; the table's are those of the weights already rounded.
    """
    embedding = float(step_for(torch.cat(model.vectors()), LIMITS[8]))
    multipliers = {
        bits: best_multiplier(model.embedding[model.bits == bits], embedding, bits)
        for bits in MULTIPLIERS
        if bool((model.bits == bits).any())
    }
    taps = model.taps()
    counts = [len(model.conv(width).bias) for width in model.widths]
    weight = torch.cat([step_for(model.conv(width).weight.flatten(1), 127.0, dim=1) for width in model.widths])
    limit = torch.cat(
        [
            torch.full((n,), float(table_limit(table, width, len(model.vectors()))))
            for width, n in zip(model.widths, counts, strict=True)
        ]
    )
    unlimited = Rounding(embedding, weight, weight, limit, multipliers)
    fine = [torch.round(vectors / embedding) for vectors in model.vectors()[1:]]
    rounded = torch.round(rounded_rows(model.embedding, model.bits, unlimited)[UNKNOWN:] / embedding)
    rounded = torch.cat([rounded, *fine])
    rounded_taps = torch.round(taps / model.per_column(weight)[:, None])
    largest = (rounded @ rounded_taps.T).abs().amax(0)  # (Σ width·filters,), in units of embedding · weight
    per_filter, at = [], 0
    for width, n in zip(model.widths, counts, strict=True):
        per_filter.append(largest[at : at + width * n].view(width, n).amax(0))
        at += width * n
    step = (torch.cat(per_filter) * embedding * weight / limit).clamp(min=LEAST)
    return Rounding(embedding, weight, step, limit, multipliers)


@torch.no_grad()
def snap(model: TextCNN, steps: Rounding) -> None:
    """Put embedding and filters on the packed file's grid, so that only table rows are still to be rounded.

        snap(model, rounding_of(model, "int8"))

    A model that recovered with rounding has learnt these values; what lies between is left over from training.
    """
    model.embedding.copy_(rounded_rows(model.embedding, model.bits, steps))
    for vectors in model.vectors()[1:]:
        vectors.copy_(torch.round(vectors / steps.embedding) * steps.embedding)
    first = 0
    for width in model.widths:
        weight = model.conv(width).weight
        step = steps.weight[first : first + len(weight), None, None]
        weight.copy_(torch.round(weight / step) * step)
        first += len(weight)


class Turn(NamedTuple):
    """A change of the basis of the embedding space that changes no logit: E·there and W·back, there·backᵀ = 1."""

    there: Tensor  # (dimensions, dimensions) float64
    back: Tensor


def no_turn(model: TextCNN) -> Turn:
    """The basis as it is."""
    same = torch.eye(model.embedding.shape[1], dtype=torch.float64)
    return Turn(same, same)


@torch.no_grad()
def rotation(model: TextCNN, frequency: Tensor | None = None) -> Turn:
    """The basis in which dimensions come apart, most of the table first.

    The table is E·Wᵀ = (E·M)·(W·N)ᵀ for any M·Nᵀ = 1. Those of its singular value decomposition make every
    dimension's part of the table orthogonal to the others', so that the dimensions worth least can go alone
    (Eckart and Young 1936). `frequency` (rows,) weighs all vectors. A model with static dimensions is left alone.
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
def turn(model: TextCNN, basis: Turn) -> None:
    """Change the basis of a model's embedding space."""
    for vectors in model.vectors():
        vectors.copy_(vectors.double() @ basis.there)
    for width in model.widths:
        model.conv(width).weight.copy_(model.conv(width).weight.double() @ basis.back)


def square_root(gram: Tensor) -> tuple[Tensor, Tensor]:
    """Square root of a symmetric positive matrix and its inverse; hardly any of a direction counts as a little."""
    values, vectors = torch.linalg.eigh(gram)
    values = values.clamp(min=float(values.max()) * 1e-12 + LEAST**2)
    return vectors * values.sqrt() @ vectors.T, vectors * values.rsqrt() @ vectors.T


def table_limit(table: str, width: int, kinds: int = 1) -> int:
    """Largest table entry; a window's sum must fit int16, of `width` words, or of these and their two flags.

    >>> table_limit("int16", 3), table_limit("int16", 3, kinds=2)
    (10922, 3640)
    """
    return 127 if table == "int8" else 32767 // (width if kinds == 1 else 3 * width)


def step_for(values: Tensor, limit: float, dim: int | None = None) -> Tensor:
    """The step with which the largest value takes `limit` units."""
    largest = values.abs().amax() if dim is None else values.abs().amax(dim)
    return (largest / limit).clamp(min=LEAST)
