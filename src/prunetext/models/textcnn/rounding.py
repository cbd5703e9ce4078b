"""The packed file's steps for a float model: chosen here, used for the same rounding in training, stored by packing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from prunetext.models.textcnn.bits import COARSER, GRID_LIMITS, MULTIPLIERS, best_multiplier, grid, step_of
from prunetext.models.textcnn.layout import UNKNOWN, Layers

LEAST_GRID_STEP = 1e-12  # a step is never zero, even if all weights are


class Rounding(NamedTuple):
    """The packed file's steps: real value of one unit of the embedding, of each filter's weights, of its table rows."""

    embedding: float
    weight: Tensor  # (Σ filters,)
    table: Tensor  # (Σ filters,)
    table_limit: Tensor  # (Σ filters,) largest table entry in units
    multipliers: Mapping[int, int]  # bits of a coarse vector → its step in steps of the embedding; empty if none is

    def tensors(self) -> dict[str, Tensor]:
        """Everything as tensors, for a checkpoint."""
        multipliers = torch.tensor([self.multipliers.get(bits, 0) for bits in MULTIPLIERS])
        return {name: torch.as_tensor(value) for name, value in self._asdict().items() if name != "multipliers"} | {
            "multipliers": multipliers
        }

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> Rounding:
        """Undo `tensors`."""
        found = zip(MULTIPLIERS, tensors["multipliers"].tolist(), strict=True)
        multipliers = {bits: multiplier for bits, multiplier in found if multiplier}
        step = float(tensors["embedding"])
        return cls(step, tensors["weight"], tensors["table"], tensors["table_limit"], multipliers)


def rounded_rows(vectors: Tensor, bits: Tensor, steps: Rounding) -> Tensor:
    """Vectors as the packed file holds them, each of its own number of bits."""
    fine = COARSER[0]
    rounded = grid(vectors, steps.embedding, fine)
    for coarse, multiplier in steps.multipliers.items():
        rows = (bits == coarse)[:, None]
        rounded = torch.where(rows, grid(vectors, step_of(multiplier, coarse, steps.embedding), coarse), rounded)
    return rounded


def straight_through(values: Tensor, step: Tensor, limit: Tensor) -> Tensor:
    """Round to multiples of `step`, at most `limit` of them; the gradient passes as if nothing was rounded.

    Source: Bengio, Léonard and Courville 2013, "Estimating or Propagating Gradients Through Stochastic Neurons".
    """
    rounded = torch.clamp(torch.round(values / step), -limit, limit) * step
    return values + (rounded - values).detach()


@torch.no_grad()
def rounding_of(model: Layers, table: str) -> Rounding:
    """Steps that just cover the model's largest values, for table entries of "int8" or "int16".

    All steps are float32 values, as the file stores them; the table's are those of the weights already rounded.
    """
    embedding = float(step_for(torch.cat(model.vectors()), GRID_LIMITS[8]))
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
    step = (torch.cat(per_filter) * embedding * weight / limit).clamp(min=LEAST_GRID_STEP)
    return Rounding(embedding, weight, step, limit, multipliers)


@torch.no_grad()
def snap(model: Layers, steps: Rounding) -> None:
    """Put embedding and filters on the packed file's grid; then only table rows need rounding.

        snap(model, rounding_of(model, "int8"))

    A model that recovered with rounding has learnt these values; values between them are left over from training.
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


def table_limit(table: str, width: int, kinds: int = 1) -> int:
    """Largest table entry; a window's sum must fit int16, of `width` words, or of these and their two flags.

    >>> table_limit("int16", 3), table_limit("int16", 3, kinds=2)
    (10922, 3640)
    """
    return 127 if table == "int8" else 32767 // (width if kinds == 1 else 3 * width)


def step_for(values: Tensor, limit: float, dim: int | None = None) -> Tensor:
    """The step with which the largest value takes `limit` units."""
    largest = values.abs().amax() if dim is None else values.abs().amax(dim)
    return (largest / limit).clamp(min=LEAST_GRID_STEP)
