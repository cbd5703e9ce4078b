"""The sizes of a TextCNN, its first ids, and the view of it that rounding and costs use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from prunetext.errors import InputError, brief

PADDING, UNKNOWN, WORDS = 0, 1, 2  # ids: the padding row (always zero), the unknown word, and the first word
POOLINGS = ("max", "max+mean")


class Shape(NamedTuple):
    """The sizes of a TextCNN; `filters` maps each width to its number of filters, which need not be even."""

    words: int
    dimensions: int
    filters: Mapping[int, int]
    classes: int
    pooling: str = "max+mean"


def parse_widths(text: str) -> tuple[int, ...]:
    """Widths of the convolutions.

    >>> parse_widths("2,3,4")
    (2, 3, 4)
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 1 <= int(part) <= 16 for part in parts):
        raise InputError(f"widths is {brief(text)}: it must be whole numbers from 1 to 16 with commas, such as 2,3,4.")
    return tuple(sorted({int(part) for part in parts}))


class Convolution(nn.Module):
    """The filters of one width: weight (filters, width, dimensions) and bias (filters,)."""

    def __init__(self, filters: int, width: int, dimensions: int) -> None:
        super().__init__()
        bound = (width * dimensions) ** -0.5
        self.weight = nn.Parameter(torch.empty(filters, width, dimensions).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(filters))


class Layers(Protocol):
    """The weights of a TextCNN, as grids, bases and costs need them."""

    embedding: nn.Parameter
    bits: Tensor
    widths: tuple[int, ...]
    static: int
    bigram_sizes: tuple[int, int]

    @property
    def shape(self) -> Shape:
        """The sizes, read off the tensors."""

    @property
    def columns(self) -> int:
        """Columns of the head for each filter."""

    def conv(self, width: int) -> Convolution:
        """The filters of one width."""

    def taps(self) -> Tensor:
        """All filters as one matrix (Σ width·filters, dimensions)."""

    def vectors(self) -> list[Tensor]:
        """The parameters that hold vectors of the embedding space, (rows, dimensions) each."""

    def per_column(self, values: Tensor) -> Tensor:
        """Repeat one value a filter (Σ filters,) for each of its taps (Σ width·filters,)."""

    def get_parameter(self, target: str) -> nn.Parameter:
        """The parameter of this name."""


def filters_of(tensors: Mapping[str, Tensor]) -> dict[int, int]:
    """The filters of each width in a state dict; ValueError if a model of these would be larger than they are."""
    dimensions, head = tensors["embedding"].shape[1], tensors["head.weight"].shape
    filters = {}
    for name, bias in tensors.items():
        if re.fullmatch(r"conv\d{1,9}\.bias", name):
            width, filters[int(name[4:-5])] = int(name[4:-5]), len(bias)
            if tensors[f"conv{width}.weight"].shape != (len(bias), width, dimensions):
                raise ValueError(f"the shape of its conv{width}.weight does not fit the rest")
    count = sum(filters.values())
    if len(head) != 2 or head[0] != len(tensors["head.bias"]) or count == 0 or head[1] % count:
        raise ValueError("the shape of its head.weight does not fit the rest")
    return filters


def check_table(remap: Tensor, static: int, embedding: Tensor) -> None:
    """ValueError if an id leads to no row of the embedding, or more of its dimensions are static than there are."""
    rows, dimensions = embedding.shape
    if remap.dtype != torch.int64 or len(remap) < WORDS or not bool(((remap >= 0) & (remap < rows)).all()):
        raise ValueError("its remap points to missing rows, or is none")
    if not 0 <= static <= dimensions:
        raise ValueError("its number of static dimensions is impossible")
