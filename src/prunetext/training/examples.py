"""Texts as numbers, and the batches of one epoch: alike in length, repeatable, resumable at any batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from prunetext.runtime._native import Vocabulary

BUCKET = 64  # batches sorted by length at a time: little padding, yet every epoch mixes differently
EVALUATION_TOKENS = 1 << 15  # padded tokens in one batch without gradients


@dataclass(frozen=True)
class Encoded:
    """Ids of all texts end to end, where each begins, and what is to be learnt of it.

    ids (tokens,) int32; offsets (n + 1,) int64; targets (n,) int64 class indices, `UNLABELLED` where there is none, or
    probabilities (n, classes) float32. soft (n, classes) float32, where there is a teacher: its probabilities, at the
    temperature of the training, and zeros where it has said nothing.
    """

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    targets: Tensor
    soft: Tensor | None = None

    def __len__(self) -> int:
        """Count the texts."""
        return len(self.offsets) - 1

    def take(self, rows: npt.NDArray[np.int64], limit: int | None = None, *, anywhere: bool = False) -> Tensor:
        """Ids of some texts (batch, longest), padded with 0 at the end; at least one column, at most `limit`.

        Of a longer text that is its beginning or, with `anywhere`, a window at a random place.
        """
        starts, lengths = self.offsets[rows], self.offsets[rows + 1] - self.offsets[rows]
        longest = max(1, int(lengths.max()))
        if limit is not None and longest > limit:
            starts = starts + window_places(lengths, limit) if anywhere else starts
            longest, lengths = limit, np.minimum(lengths, limit)
        grid = np.arange(longest)
        inside = grid < lengths[:, None]
        places = np.where(inside, starts[:, None] + grid, 0)
        ids = np.where(inside, self.ids[places] if len(self.ids) else 0, 0)
        return torch.from_numpy(ids.astype(np.int64))

    def subset(self, rows: npt.NDArray[np.int64]) -> Encoded:
        """Only these texts, in this order."""
        lengths = self.offsets[rows + 1] - self.offsets[rows]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        places = np.arange(offsets[-1]) - np.repeat(offsets[:-1] - self.offsets[rows], lengths)
        chosen = torch.from_numpy(rows)
        return Encoded(
            self.ids[places], offsets, self.targets[chosen], None if self.soft is None else self.soft[chosen]
        )


def window_places(lengths: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Where in texts of so many ids a window of `limit` begins, drawn by PyTorch's generator; 0 where all fits in.

    >>> window_places(np.array([3, 7, 9]), 7).tolist()[:2]
    [0, 0]

    All places are equally likely.
    """
    places: npt.NDArray[np.int64] = (
        torch.rand(len(lengths), dtype=torch.float64).numpy() * (np.maximum(lengths - limit, 0) + 1)
    ).astype(np.int64)
    return places


def encode(texts: list[str], labels: Sequence[str], vocabulary: Vocabulary, classes: Sequence[str]) -> Encoded:
    """Turn texts and labels into ids and class indices, by the runtime's own tokenizer."""
    ids, offsets = vocabulary.encode(texts)
    index = {label: position for position, label in enumerate(classes)}
    targets = torch.tensor([index[label] for label in labels], dtype=torch.int64)
    return Encoded(np.frombuffer(ids, np.int32), np.frombuffer(offsets, np.int64), targets)


def batches(examples: Encoded, size: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """Rows of each batch of one epoch; a function of the seed and the epoch alone.

    Texts are shuffled, sorted by length within every `BUCKET` batches, and the batches shuffled again.
    """
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(examples))
    lengths = np.diff(examples.offsets)
    rows = []
    for start in range(0, len(order), size * BUCKET):
        bucket = order[start : start + size * BUCKET]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        rows += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [rows[at] for at in random.permutation(len(rows))]


def evaluation_batches(examples: Encoded) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of each batch, shortest texts first, under a bound on padded tokens."""
    lengths = np.maximum(np.diff(examples.offsets), 1)
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= EVALUATION_TOKENS:
            end += 1
        yield order[start:end]
        start = end
