"""TextCNN (Kim 2014): convolutions of several widths over word vectors, pooled over the text, and a linear head."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from prunetext.models.convolution import WindowPooling, columns_of
from prunetext.models.groups import Group, Kept, Slice

PADDING, UNKNOWN, WORDS = 0, 1, 2  # ids: the padding row (always zero), the unknown word, and the first word
POOLINGS = ("max", "max+mean")


class Shape(NamedTuple):
    """The sizes of a TextCNN; `filters` maps each width to its number of filters, which need not be even."""

    words: int
    dimensions: int
    filters: Mapping[int, int]
    classes: int
    pooling: str = "max+mean"


class Rounding(NamedTuple):
    """The packed file's steps: real value of one unit of the embedding, of each filter's weights, of its table rows."""

    embedding: float
    weight: Tensor  # (Σ filters,)
    table: Tensor  # (Σ filters,)
    table_limit: Tensor  # (Σ filters,) largest table entry in units


class Convolution(nn.Module):
    """The filters of one width: weight (filters, width, dimensions) and bias (filters,)."""

    def __init__(self, filters: int, width: int, dimensions: int) -> None:
        super().__init__()
        bound = (width * dimensions) ** -0.5
        self.weight = nn.Parameter(torch.empty(filters, width, dimensions).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(filters))


class TextCNN(nn.Module):
    """A TextCNN whose forward pass is the packed file's folded arithmetic, in float32.

    >>> model = TextCNN(Shape(words=5, dimensions=4, filters={2: 3, 3: 3}, classes=2))
    >>> model(torch.tensor([[2, 3, 4, 0, 0]])).shape          # ids, padded with 0
    torch.Size([1, 2])

    Ids are those of the vocabulary the model was trained with; `remap` sends the id of a removed word to the
    unknown word, so that a masked and a shrunk model read the same ids. `static` dimensions come first in each
    word vector and are not trained: 0 of them is Kim's "non-static" (or "rand"), all "static", half "multichannel".
    Source: Kim 2014, "Convolutional Neural Networks for Sentence Classification".
    """

    remap: Tensor

    def __init__(self, shape: Shape, *, vectors: Tensor | None = None, static: int = 0, dropout: float = 0.5) -> None:
        super().__init__()
        words, dimensions, filters, classes, pooling = shape
        self.widths = tuple(sorted(width for width, count in filters.items() if count))
        self.pooling, self.static, self.dropout = pooling, static, dropout
        start = torch.randn(words + WORDS, dimensions) * 0.1 if vectors is None else vectors.clone()
        start[PADDING] = 0
        self.embedding = nn.Parameter(start)
        for width in self.widths:
            self.add_module(f"conv{width}", Convolution(filters[width], width, dimensions))
        features = sum(filters.values()) * (2 if pooling == "max+mean" else 1)
        self.head = nn.Linear(features, classes)
        self.register_buffer("remap", torch.arange(words + WORDS))
        self.rounding: Rounding | None = None

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], *, pooling: str, static: int = 0, dropout: float = 0.5
    ) -> TextCNN:
        """Rebuild a model from its state dict, whatever its sizes are (uneven widths included)."""
        filters = {int(name[4:-5]): len(bias) for name, bias in tensors.items() if re.fullmatch(r"conv\d+\.bias", name)}
        rows, dimensions = tensors["embedding"].shape
        shape = Shape(rows - WORDS, dimensions, filters, len(tensors["head.bias"]), pooling)
        model = cls(shape, static=static, dropout=dropout)
        model.remap = tensors["remap"].clone()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(tensors[name])
        return model

    @property
    def shape(self) -> Shape:
        """The sizes, read off the tensors."""
        return Shape(
            self.embedding.shape[0] - WORDS,
            self.embedding.shape[1],
            {width: len(self.conv(width).bias) for width in self.widths},
            self.head.out_features,
            self.pooling,
        )

    def conv(self, width: int) -> Convolution:
        """The filters of one width."""
        return cast(Convolution, self.get_submodule(f"conv{width}"))

    def taps(self) -> Tensor:
        """All filters as one matrix (Σ width·filters, dimensions), in the order of `columns_of`."""
        return torch.cat([self.conv(width).weight.transpose(0, 1).flatten(0, 1) for width in self.widths])

    def biases(self) -> Tensor:
        """All filters' biases (Σ filters,)."""
        return torch.cat([self.conv(width).bias for width in self.widths])

    def per_column(self, values: Tensor) -> Tensor:
        """Repeat one value a filter (Σ filters,) for each of its taps (Σ width·filters,)."""
        parts = values.split([len(self.conv(width).bias) for width in self.widths])
        return torch.cat([part.repeat(width) for width, part in zip(self.widths, parts, strict=True)])

    def features(self, ids: Tensor) -> Tensor:
        """Pooled features (batch, features) of ids (batch, length)."""
        widest = self.widths[-1]
        ids = functional.pad(self.remap[ids], (widest - 1, widest), value=PADDING)
        rows, positions = torch.unique(ids, return_inverse=True)  # (distinct,), (batch, length)
        vectors = functional.embedding(rows, self.embedding, padding_idx=PADDING, sparse=True)
        if self.static and self.training:
            vectors = torch.cat([vectors[:, : self.static].detach(), vectors[:, self.static :]], dim=1)
        table = self.table(vectors)  # (distinct, Σ width·filters)
        columns = columns_of(self.shape.filters)
        maxima, sums = cast(Any, WindowPooling).apply(table, positions, columns)
        pooled = [functional.relu(maxima + self.biases())]
        if self.pooling == "max+mean":
            length = (ids != PADDING).sum(1, keepdim=True)
            windows = torch.cat([(length + k - 1).clamp(min=1).expand(-1, n) for k, (_, n) in columns.items()], dim=1)
            pooled.append(sums / windows)
        return torch.cat(pooled, dim=1)

    def table(self, vectors: Tensor) -> Tensor:
        """Fold word vectors (rows, dimensions) and filters into table rows (rows, Σ width·filters)."""
        if self.rounding is None:
            return vectors @ self.taps().T
        step = self.rounding
        vectors = straight_through(vectors, torch.tensor(step.embedding), torch.tensor(127.0))
        taps = straight_through(self.taps(), self.per_column(step.weight)[:, None], torch.tensor(127.0))
        return straight_through(vectors @ taps.T, self.per_column(step.table), self.per_column(step.table_limit))

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (batch, classes) of ids (batch, length), padded with 0 at the end."""
        pooled = functional.dropout(self.features(ids), self.dropout, self.training)
        return cast(Tensor, self.head(pooled))

    @torch.no_grad()
    def soften(self, step: float) -> None:
        """Move every trained weight by `step` towards what it would be if removed: zero, or the unknown word's."""
        words, unknown = self.embedding[WORDS:, self.static :], self.embedding[UNKNOWN, self.static :]
        words.copy_(unknown + functional.softshrink(words - unknown, step))
        for name, parameter in self.named_parameters():
            if name.endswith(".weight"):
                parameter.copy_(functional.softshrink(parameter, step))

    def packed_bytes(self, kept: Kept | None = None) -> float:
        """Estimated bytes of the packed file, of the whole model or of what is kept of it."""
        shape = self.shape
        blocks = 2 if self.pooling == "max+mean" else 1

        def count(name: str, size: int) -> int:
            return size if kept is None else int(kept[name].sum())

        words, dimensions = count("vocabulary", shape.words), count("dimensions", shape.dimensions)
        filters = {width: count(f"conv{width}.filters", n) for width, n in shape.filters.items()}
        each = 4.0 * (3 + blocks * shape.classes)
        rows = words + 1 + sum(width * n for width, n in filters.items())
        return HEADER_BYTES + dimensions * rows + WORD_BYTES * words + each * sum(filters.values())

    def groups(self) -> tuple[Group, ...]:
        """Vocabulary, embedding dimensions, and the filters of each width, with their cost in packed bytes."""
        shape = self.shape
        blocks = 2 if self.pooling == "max+mean" else 1
        total = sum(shape.filters.values())
        names = {width: f"conv{width}.filters" for width in self.widths}

        def kept_taps(kept: Kept) -> int:
            return sum(width * int(kept[name].sum()) for width, name in names.items())

        def vocabulary_cost(kept: Kept) -> np.ndarray:
            return np.full(shape.words, float(kept["dimensions"].sum()) + WORD_BYTES)

        def dimension_cost(kept: Kept) -> np.ndarray:
            return np.full(shape.dimensions, 1.0 + kept["vocabulary"].sum() + kept_taps(kept))

        groups = [
            Group(
                "vocabulary", shape.words, (Slice("embedding", (0,), offset=WORDS),), vocabulary_cost, redirect="remap"
            ),
            Group(
                "dimensions",
                shape.dimensions,
                (Slice("embedding", (1,)), *(Slice(f"conv{width}.weight", (2,)) for width in self.widths)),
                dimension_cost,
            ),
        ]
        first = 0
        for width, name in names.items():
            count = shape.filters[width]
            heads = tuple(Slice("head.weight", (1,), offset=first + block * total) for block in range(blocks))
            slices = (Slice(f"conv{width}.weight", (0,)), Slice(f"conv{width}.bias", (0,)), *heads)

            def cost(kept: Kept, width: int = width, count: int = count) -> np.ndarray:
                return np.full(count, width * kept["dimensions"].sum() + 4.0 * (3 + blocks * shape.classes))

            groups.append(Group(name, count, slices, cost))
            first += count
        return tuple(groups)


HEADER_BYTES = 2000.0
WORD_BYTES = 3.5  # a word's string in the compressed vocabulary, on average (measured: 3.0 to 3.9 on the data of docs/)


def straight_through(values: Tensor, step: Tensor, limit: Tensor) -> Tensor:
    """Round to multiples of `step`, at most `limit` of them; the gradient passes as if nothing was rounded.

    Source: Bengio, Léonard and Courville 2013, "Estimating or Propagating Gradients Through Stochastic Neurons".
    """
    rounded = torch.clamp(torch.round(values / step), -limit, limit) * step
    return values + (rounded - values).detach()
