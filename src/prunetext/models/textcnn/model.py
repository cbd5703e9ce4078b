"""TextCNN (Kim 2014): convolutions of several widths over word vectors, pooled over the text, and a linear head."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from prunetext.models.encoded import Encoded
from prunetext.models.groups import BYTES, TIME, Cost, Group, Kept, Tensors
from prunetext.models.protocol import BODY, HEAD, TABLE, Disturbance, Model, Rates
from prunetext.models.textcnn.bits import COARSER
from prunetext.models.textcnn.costs import Costs
from prunetext.models.textcnn.grouping import STRUCTURE, TEXTCNN_KINDS, coarsen, groups_of, redirect
from prunetext.models.textcnn.layout import PADDING, UNKNOWN, WORDS, Convolution, Shape, check_table, filters_of
from prunetext.models.textcnn.narrowing import narrow
from prunetext.models.textcnn.pooling import pooled_features
from prunetext.models.textcnn.rounding import Rounding, rounded_rows, rounding_of, snap, straight_through
from prunetext.models.textcnn.row_adam import EagerAdamW, RowAdam
from prunetext.models.textcnn.turning import balance, no_turn, rotation, turn


class TextCNN(Model):
    """A TextCNN whose forward pass is the packed file's folded arithmetic, in float32.

    >>> model = TextCNN(Shape(words=5, dimensions=4, filters={2: 3, 3: 3}, classes=2))
    >>> model(torch.tensor([[2, 3, 4, 0, 0]])).shape          # ids, padded with 0
    torch.Size([1, 2])

    Ids are those of the vocabulary the model was trained with; `remap` sends the id of a removed word to the
    unknown word: a masked and a shrunk model read the same ids. `bits` are those of each row's numbers in the
    packed file. `static` dimensions come first in each
    word vector and are not trained: 0 of them is Kim's "non-static" (or "rand"), all "static", half "multichannel".
    Source: Kim 2014, "Convolutional Neural Networks for Sentence Classification".
    """

    kinds = TEXTCNN_KINDS
    remap: Tensor
    bits: Tensor
    texts = 1  # per example
    bigram_sizes = (0, 0)  # how many bigrams have weights of their own, and how many weights each
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
        self.rounding: Rounding | None = None  # the grid chosen last, on which it computes where `rounds` is true
        self.rounds = False

    @classmethod
    def from_tensors(
        cls, tensors: Mapping[str, Tensor], *, pooling: str, static: int = 0, dropout: float = 0.5
    ) -> Self:
        """Rebuild a model from its state dict, whatever its sizes are (uneven widths included)."""
        filters = filters_of(tensors)
        rows, dimensions = tensors["embedding"].shape
        shape = Shape(rows - WORDS, dimensions, filters, len(tensors["head.bias"]), pooling)
        model = cls(shape, static=static, dropout=dropout, **cls.further(tensors))
        for name, _ in model.named_buffers():
            if name in tensors:  # files of earlier versions have no bits
                setattr(model, name, tensors[name].clone())
        check_table(model.remap, static, tensors["embedding"])
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                parameter.copy_(tensors[name])
        return model

    @classmethod
    def further(cls, tensors: Mapping[str, Tensor]) -> dict[str, Any]:
        """What a kind of TextCNN is made of besides its shape, from its state dict."""
        return {}

    @property
    def columns(self) -> int:
        """Columns of the head for each filter."""
        return self.blocks * self.pools

    @property
    def pools(self) -> int:
        """The features of a filter in one text: its maximum and, if pooled, its mean."""
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
        lengths = (ids != PADDING).sum(1, keepdim=True) if self.pooling == "max+mean" else None
        return pooled_features(table, positions, self.shape.filters, self.biases(), lengths)

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
        if (step := self.rounding) is None or not self.rounds:
            return vectors @ self.taps().T
        vectors = vectors + (rounded_rows(vectors.detach(), bits, step) - vectors).detach()
        taps = straight_through(self.taps(), self.per_column(step.weight)[:, None], torch.tensor(127.0))
        return straight_through(vectors @ taps.T, self.per_column(step.table), self.per_column(step.table_limit))

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (batch, classes) of ids (batch, length), padded with 0 at the end."""
        return self.judged(self.features(ids))

    def judged(self, features: Tensor) -> Tensor:
        """Logits of the head's input, (batch, head's columns)."""
        return cast(Tensor, self.head(functional.dropout(features, self.dropout, self.training)))

    def varied(self, ids: Tensor, share: float) -> Tensor:
        """The ids with so many of the examples varied; single texts do not change."""
        return ids

    def hidden(self, ids: Tensor, chosen: Tensor) -> Tensor:
        """The ids with the chosen words as unknown ones; padding stays."""
        return torch.where(chosen & (ids != PADDING), UNKNOWN, ids)

    def disturbed(self, batch: Tensor, how: Disturbance) -> Tensor:
        """Examples varied, then words hidden: from these the unknown word learns to stand for all unseen ones."""
        if how.varied:
            batch = self.varied(batch, how.varied)
        if how.hidden:
            batch = self.hidden(batch, torch.rand(batch.shape, device=batch.device) < how.hidden)
        return batch

    def trained(self, name: str) -> Tensor | None:
        """All but the static dimensions of the word vectors."""
        if name != "embedding" or not self.static:
            return None
        return torch.arange(self.embedding.shape[1]) >= self.static

    @property
    def classes(self) -> int:
        """Number of logits per example."""
        return self.head.out_features

    @property
    def work(self) -> int:
        """Multiplications of a word that is folded."""
        return self.taps().numel()

    def parts(self) -> dict[str, str]:
        """Word vectors are a table, and the linear layer is the head."""
        named = {"embedding": TABLE, "head": HEAD}
        return {name: named.get(name.partition(".")[0], BODY) for name, _ in self.named_parameters()}

    def optimizers(self, rates: Rates, frozen: Callable[[str], bool] | None = None) -> list[torch.optim.Optimizer]:
        """AdamW, and for the word vectors an Adam that changes only the rows of a batch."""
        free = [(name, each) for name, each in self.named_parameters() if not (frozen and frozen(name))]
        dense = [parameter for name, parameter in free if name != "embedding"]
        return [
            EagerAdamW(dense, lr=rates.body, weight_decay=rates.decay, fused=True),
            *(RowAdam([parameter], lr=rates.table) for name, parameter in free if name == "embedding"),
        ]

    def groups(self, kinds: Sequence[str] = STRUCTURE) -> tuple[Group, ...]:
        """The groups of these kinds, with their costs in packed bytes and in additions."""
        own = {id(each) for each in self.vectors()}
        tables = [name for name, each in self.named_parameters() if id(each) in own]
        return groups_of(self, tables, kinds)

    def costs(self) -> dict[str, Cost]:
        """Estimated bytes of the packed file, and table entries that the runtime adds up for each token."""
        costs = Costs(self)
        return {BYTES: costs.packed_bytes, TIME: lambda kept: float(costs.table_rows(kept))}

    def counts(self) -> dict[str, int]:
        """The number of units of each kind: words, dimensions, filters, taps, weights that are not zero, bits."""
        return Costs(self).counts()

    def tensors(self) -> Tensors:
        """The state dict, and how many dimensions are static."""
        return {**self.state_dict(), "static": torch.tensor(self.static)}

    def rebuild(self, tensors: Mapping[str, Tensor]) -> Self:
        """A model of these tensors, with this one's pooling and dropout."""
        return type(self).from_tensors(
            tensors, pooling=self.pooling, static=int(tensors["static"]), dropout=self.dropout
        )

    def canonical(self, usage: Encoded, kinds: Sequence[str]) -> Callable[[Model], Model]:
        """The basis in which dimensions separate; none if it would fill the zeros of single weights."""
        zeros = Costs(self).zeros if "weights" in kinds else {}
        sparse = any(places.any() for places in zeros.values())
        basis = no_turn(self) if sparse else rotation(self, self.occurrences(usage.ids))

        def turned(model: Model) -> Model:
            turn(cast(TextCNN, model), basis)
            return model

        return turned

    def normalise(self) -> None:
        """Give all dimensions of the word vectors the same largest value: one step then serves them all."""
        balance(self)

    def fit_grid(self) -> None:
        """Choose the steps of the packed file, with a table of int8."""
        self.rounding = rounding_of(self, "int8")

    @contextmanager
    def on_grid(self) -> Iterator[None]:
        """In this context, vectors, filters and table are rounded."""
        if self.rounding is None:
            self.fit_grid()
        before, self.rounds = self.rounds, True
        try:
            yield
        finally:
            self.rounds = before

    def snap(self) -> None:
        """Put word vectors and filters on the packed file's grid."""
        snap(self, rounding_of(self, "int8"))

    def grid(self) -> Tensors:
        """The steps as tensors."""
        return {} if self.rounding is None else self.rounding.tensors()

    def take_grid(self, tensors: Tensors) -> None:
        """The steps of these tensors."""
        self.rounding = Rounding.from_tensors(tensors)

    def after_removal(self, tensors: Tensors, kept: Kept) -> None:
        """Removed words are the unknown word, and coarser vectors have fewer bits."""
        redirect(tensors, kept)
        coarsen(tensors, kept)

    def after_cut(self, tensors: Tensors, places: Mapping[tuple[str, int], Tensor], kept: Kept) -> None:
        """Ids lead to the rows that are left, static dimensions are counted again, filters without edges narrower."""
        if (rows := places.get(("embedding", 0))) is not None:
            now = torch.zeros(len(self.embedding), dtype=torch.int64).index_copy_(0, rows, torch.arange(len(rows)))
            tensors["bits"], tensors["remap"] = tensors["bits"][rows], now[tensors["remap"]]
        if (dimensions := places.get(("embedding", 1))) is not None:
            tensors["static"] = (dimensions < self.static).sum()
        if any(name.endswith(".taps") for name in kept):
            narrow(tensors)
