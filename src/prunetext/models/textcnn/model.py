"""TextCNN (Kim 2014): convolutions of several widths over word vectors, pooled over the text, and a linear head."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from prunetext.models.groups import Group, Kept
from prunetext.models.textcnn.bits import COARSER, MULTIPLIERS, grid, step_of
from prunetext.models.textcnn.costs import PADDING, STRUCTURE, UNKNOWN, WORDS, Units
from prunetext.models.textcnn.pooling import WindowPooling, columns_of

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
    unknown word, so that a masked and a shrunk model read the same ids. `bits` are those of each row's numbers in the
    packed file. `static` dimensions come first in each
    word vector and are not trained: 0 of them is Kim's "non-static" (or "rand"), all "static", half "multichannel".
    Source: Kim 2014, "Convolutional Neural Networks for Sentence Classification".
    """

    remap: Tensor
    bits: Tensor
    texts = 1  # that an example has
    blocks = 1  # of the head's columns, each as many as a text has features

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
        self.head = nn.Linear(self.blocks * sum(filters.values()) * self.pools, classes)
        self.register_buffer("remap", torch.arange(words + WORDS))
        self.register_buffer("bits", torch.full((words + WORDS,), COARSER[0], dtype=torch.uint8))
        self.rounding: Rounding | None = None

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], *, pooling: str, static: int = 0, dropout: float = 0.5
    ) -> Self:
        """Rebuild a model from its state dict, whatever its sizes are (uneven widths included)."""
        filters = {int(name[4:-5]): len(bias) for name, bias in tensors.items() if re.fullmatch(r"conv\d+\.bias", name)}
        rows, dimensions = tensors["embedding"].shape
        shape = Shape(rows - WORDS, dimensions, filters, len(tensors["head.bias"]), pooling)
        model = cls(shape, static=static, dropout=dropout)
        for name, _ in model.named_buffers():
            if name in tensors:  # files of earlier versions have no bits
                setattr(model, name, tensors[name].clone())
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(tensors[name])
        return model

    @property
    def pools(self) -> int:
        """The features of a filter in one text: its maximum, and maybe its mean."""
        return 2 if self.pooling == "max+mean" else 1

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
        ids = functional.pad(ids, (widest - 1, widest), value=PADDING)
        table, positions = self.folded(ids)
        columns = columns_of(self.shape.filters)
        maxima, sums = cast(Any, WindowPooling).apply(table, positions, columns)
        pooled = [functional.relu(maxima + self.biases())]
        if self.pooling == "max+mean":
            length = (ids != PADDING).sum(1, keepdim=True)
            windows = torch.cat([(length + k - 1).clamp(min=1).expand(-1, n) for k, (_, n) in columns.items()], dim=1)
            pooled.append(sums / windows)
        return torch.cat(pooled, dim=1)

    def folded(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The table of all that occurs, (distinct, Σ width·filters), padding first, and the row of each token."""
        rows, positions = torch.unique(self.remap[ids], return_inverse=True)  # (distinct,), (batch, length)
        return self.table_of(rows), positions

    def table_of(self, rows: Tensor) -> Tensor:
        """The table of some rows of the embedding."""
        vectors = functional.embedding(rows, self.embedding, padding_idx=PADDING, sparse=True)
        if self.static and self.training:
            vectors = torch.cat([vectors[:, : self.static].detach(), vectors[:, self.static :]], dim=1)
        return self.table(vectors, self.bits[rows])

    def vectors(self) -> list[Tensor]:
        """The parameters that hold vectors of the embedding space, (rows, dimensions) each."""
        return [self.embedding]

    def occurrences(self, ids: npt.NDArray[np.int32]) -> Tensor:
        """How often each of these vectors is used by ids, and once more for each id, (Σ rows,)."""
        counts = torch.from_numpy(np.bincount(ids, minlength=len(self.remap)) + 1.0)
        return torch.zeros(len(self.embedding)).index_add_(0, self.remap, counts.float())

    def table(self, vectors: Tensor, bits: Tensor) -> Tensor:
        """Fold word vectors (rows, dimensions) of so many bits (rows,) and filters: (rows, Σ width·filters)."""
        if self.rounding is None:
            return vectors @ self.taps().T
        step = self.rounding
        vectors = vectors + (rounded_rows(vectors.detach(), bits, step) - vectors).detach()
        taps = straight_through(self.taps(), self.per_column(step.weight)[:, None], torch.tensor(127.0))
        return straight_through(vectors @ taps.T, self.per_column(step.table), self.per_column(step.table_limit))

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (batch, classes) of ids (batch, length), padded with 0 at the end."""
        return self.judged(self.features(ids))

    def judged(self, features: Tensor) -> Tensor:
        """Logits of all that the head sees of an example, (batch, head's columns)."""
        return cast(Tensor, self.head(functional.dropout(features, self.dropout, self.training)))

    def varied(self, ids: Tensor, share: float) -> Tensor:
        """The ids as a training step sees them, so many of the examples changed; nothing where one is a single text."""
        return ids

    def hidden(self, ids: Tensor, chosen: Tensor) -> Tensor:
        """The ids with the chosen words as unknown ones; padding stays."""
        return torch.where(chosen & (ids != PADDING), UNKNOWN, ids)

    def further_loss(self, ids: Tensor, loss: Callable[[Tensor], Tensor], shares: Tensor) -> Tensor:
        """What else a training step is to make small; nothing, where an example is one text.

        loss: of logits. shares: the truth of each example, probabilities (batch, classes).
        """
        return torch.zeros(())

    def trained(self, name: str) -> Tensor | None:
        """Which entries of a parameter training changes (a mask that broadcasts); None where it changes all."""
        if name != "embedding" or not self.static:
            return None
        return torch.arange(self.embedding.shape[1]) >= self.static

    def groups(self, kinds: Sequence[str] = STRUCTURE) -> tuple[Group, ...]:
        """The groups of these kinds (`groups.KINDS`), with their cost in packed bytes."""
        return Units(self).groups(kinds)

    def units(self) -> Units:
        """What the costs of keeping only a part depend on, as the model is now; for many questions in a row."""
        return Units(self)

    def packed_bytes(self, kept: Kept | None = None) -> float:
        """Estimated bytes of the packed file, of the whole model or of what is kept of it."""
        return self.units().packed_bytes(kept or {})

    def additions(self, kept: Kept | None = None) -> float:
        """Table entries that the runtime adds up for each token, of the whole model or of what is kept of it."""
        return float(self.units().table_rows(kept or {}))

    def counts(self) -> dict[str, int]:
        """How much there is of each kind of unit: words, dimensions, filters, taps, weights that are not zero, bits."""
        return Units(self).counts()


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
