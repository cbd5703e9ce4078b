"""The parts of an encoder, each from its tensors, and what a norm and rotary positions compute."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, cast

import torch
from torch import Tensor, nn

from prunetext.models.transformer.layout import Layout

_Made = TypeVar("_Made", nn.Linear, nn.LayerNorm, nn.Embedding)


def of_layer(tensors: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    """The tensors of one layer, without its number."""
    before = f"layers.{number}."
    return {name.removeprefix(before): each for name, each in tensors.items() if name.startswith(before)}


def dense_layer(tensors: Mapping[str, Tensor], name: str) -> nn.Linear:
    """A dense layer of its tensors."""
    weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    return filled_module(made, weight, bias)


def norm(tensors: Mapping[str, Tensor], name: str, layout: Layout) -> nn.LayerNorm:
    """A norm of its tensors."""
    weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
    made = nn.LayerNorm(len(weight), eps=layout.epsilon, bias=bias is not None, device="meta")
    return filled_module(made, weight, bias)


def table(tensors: Mapping[str, Tensor], name: str) -> nn.Embedding:
    """A table of vectors of its tensor."""
    weight = tensors[f"{name}.weight"]
    rows, width = weight.shape
    return filled_module(nn.Embedding(rows, width, device="meta"), weight)


def filled_module(made: _Made, weight: Tensor, bias: Tensor | None = None) -> _Made:
    """A module with copies of these tensors."""
    made.weight = nn.Parameter(weight.detach().clone().float())
    if bias is not None:
        if bias.shape != weight.shape[:1]:
            raise ValueError("a bias of it has another size than its weights")
        made.bias = nn.Parameter(bias.detach().clone().float())
    return made


def rotation_of(theta: float, size: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions, (length, head size) each.

    Source: Su et al. 2021, "RoFormer", with halves of a vector in the place of neighbours, as ModernBERT has them.
    """
    speeds = 1.0 / (theta ** (torch.arange(0, size, 2, dtype=torch.float32, device=device) / size))
    angles = torch.arange(length, dtype=torch.float32, device=device)[:, None] * speeds
    both = torch.cat([angles, angles], dim=1)
    return both.cos(), both.sin()


def turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Vectors (…, length, head size), each turned by the angles of its place."""
    one, other = x.float().chunk(2, dim=-1)
    return (x.float() * cosines + torch.cat([-other, one], dim=-1) * sines).to(x.dtype)


def normed_over(part: nn.LayerNorm, x: Tensor, dims: Tensor | None = None) -> Tensor:
    """A norm (..., hidden) whose mean and variance are those of the dimensions that count.

    dims: how much each of them counts, 1 or 0; all if not given. The norm of a smaller model sees those of 1 alone.
    """
    if dims is None:
        return cast(Tensor, part(x))
    wide, total = x.float(), dims.sum()
    centred = wide - (wide * dims).sum(-1, keepdim=True) / total
    variance = (centred.square() * dims).sum(-1, keepdim=True) / total
    found = centred * torch.rsqrt(variance + part.eps) * part.weight
    return found if part.bias is None else found + part.bias
