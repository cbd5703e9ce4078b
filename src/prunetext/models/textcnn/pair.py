"""A siamese TextCNN for pairs of texts: one encoder reads both, and the head compares their features."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from prunetext.models.textcnn.layout import PADDING, UNKNOWN, Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.runtime._native import BESIDE, MATCHED

WORD = MATCHED - 1  # the bits of an id that are the word's
FLAGS = (MATCHED, BESIDE)
LEAVE_OUT = 0.8  # probability of each common word to be left out, at most
SHARPNESS, THRESHOLD = 5.0, -2.0  # where cosine · sharpness + threshold starts as the logit of a match


class PairCNN(TextCNN):
    """A TextCNN over both texts of a pair, and a head over u, v, |u − v| and u · v, features of the first and second.

    >>> model = PairCNN(Shape(words=5, dimensions=4, filters={2: 3, 3: 3}, classes=2))
    >>> ids = torch.tensor([[2, 3 + MATCHED], [3 + MATCHED, 0]])       # both texts of a pair, one after the other
    >>> model(ids).shape
    torch.Size([1, 2])

    Words of one text are compared with those of the other before the convolution: `match` (2, dimensions) has a vector
    that is added to a word's where the other text has the word, too (`MATCHED` in its id), and one where a neighbour of
    it is the same there (`BESIDE`). Folded, they are two more rows of the table, and no multiplication is needed where
    attention would take one for each pair of words. `vectors_of` reads a text alone, for storing.
    `positive` is the class of matching texts; `ranking` makes a logit for it from the cosine of both texts' vectors,
    only in training.
    Sources: Mou et al. 2016, "Natural Language Inference by Tree-Based Convolution and Heuristic Matching", for u, v,
    |u − v| and u · v; Severyn and Moschitti 2016, "Modeling Relational Information in Question-Answer Pairs with
    Convolutional Neural Networks", for vectors of overlapping words.
    """

    texts = 2
    blocks = 4
    positive: Tensor

    def __init__(
        self, shape: Shape, *, vectors: Tensor | None = None, static: int = 0, dropout: float = 0.5, positive: int = 0
    ) -> None:
        super().__init__(shape, vectors=vectors, static=static, dropout=dropout)
        self.match = nn.Parameter(torch.randn(len(FLAGS), shape.dimensions) * 0.1)
        self.ranking = nn.Parameter(torch.tensor([SHARPNESS, THRESHOLD]))
        self.register_buffer("positive", torch.tensor(positive))

    def vectors(self) -> list[Tensor]:
        """The words' and the flags' vectors."""
        return [self.embedding, self.match]

    def occurrences(self, ids: npt.NDArray[np.int32]) -> Tensor:
        """How often each of these vectors is used by ids, and once more."""
        flagged = torch.tensor([1.0 + int(((ids & flag) > 0).sum()) for flag in FLAGS])
        return torch.cat([super().occurrences(ids & WORD), flagged])

    def folded(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """The table of all words and their flags that occur, and the row of each token."""
        kinds, positions = torch.unique(self.remap[ids & WORD] + (ids & ~WORD), return_inverse=True)
        rows, words = torch.unique(kinds & WORD, return_inverse=True)
        table = self.table_of(rows)[words]
        flags = self.table(self.match, self.bits.new_full((len(FLAGS),), 8))
        has = torch.stack([(kinds & flag) > 0 for flag in FLAGS], dim=1).to(table.dtype)  # (distinct, flags)
        return table + has @ flags, positions

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (batch, classes) of ids (2 · batch, length), padded with 0 at the end."""
        return self.judged(compared(self.features(ids)))

    def vectors_of(self, ids: Tensor) -> Tensor:
        """Features (batch, features) of single texts, whatever words they share with others."""
        return self.features(ids & WORD)

    def varied(self, ids: Tensor, share: float) -> Tensor:
        """So many of the pairs with some words left out that both texts have, a word from both of them or not at all.

        Whether two texts match hardly depends on these words, but length and number of common words do. Both then tell
        less, which helps if the data happen to have long pairs of one label and short ones of another.
        """
        pairs = len(ids) // self.texts
        most = torch.where(torch.rand(pairs) < share, torch.rand(pairs) * LEAVE_OUT, 0.0)
        words = (ids & WORD).unflatten(0, (pairs, self.texts))  # (pairs, texts, length)
        factor = 1 + torch.rand(pairs, dtype=torch.float64)
        luck = torch.frac(words * factor[:, None, None])  # the same of a word in both texts
        gone = (luck < most[:, None, None]) & (words > UNKNOWN) & ((ids & MATCHED) > 0).view_as(words)
        nothing = (gone | (words == PADDING)).all(2).any(1)  # would be left of a text
        gone = (gone & ~nothing[:, None, None]).flatten(0, 1)
        return torch.where(gone, PADDING, ids).gather(1, gone.int().argsort(dim=1, stable=True))

    def hidden(self, ids: Tensor, chosen: Tensor) -> Tensor:
        """The ids with the chosen words as unknown ones; flags of words in both texts stay."""
        return torch.where(chosen & (ids != PADDING), UNKNOWN + (ids & ~WORD), ids)

    def further_loss(
        self, batch: Tensor, loss: Callable[[Tensor], Tensor], truth: Callable[[], Tensor], weights: Tensor | None
    ) -> Tensor | None:
        """The loss of both texts by themselves: the head judges them, and the cosine tells whether they match."""
        alone, shares = self.vectors_of(batch), truth()
        first, second = alone.unflatten(0, (-1, self.texts)).unbind(1)
        match = functional.cosine_similarity(first, second) * self.ranking[0] + self.ranking[1]
        of_match = functional.binary_cross_entropy_with_logits(match, shares[:, int(self.positive)], weights)
        return loss(self.judged(compared(alone))) + of_match


def compared(features: Tensor) -> Tensor:
    """The head's input from features (2 · batch, features): u, v, |u − v|, u · v, (batch, 4 · features).

    >>> compared(torch.tensor([[1.0], [3.0]])).tolist()
    [[1.0, 3.0, 2.0, 3.0]]
    """
    first, second = features.unflatten(0, (-1, 2)).unbind(1)
    return torch.cat([first, second, (first - second).abs(), first * second], dim=1)
