"""The batches of one epoch: alike in length, repeatable, resumable at any batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from prunetext.models.encoded import Encoded

BUCKET = 64  # batches sorted by length at a time: little padding, yet every epoch mixes differently
EVALUATION_TOKENS = 1 << 15  # padded tokens in one batch without gradients


def batches(examples: Encoded, size: int, seed: int, epoch: int) -> list[npt.NDArray[np.int64]]:
    """Rows of each batch of one epoch; a function of the seed and the epoch alone.

    Texts are shuffled, sorted by length within every `BUCKET` batches, and the batches shuffled again.
    """
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(examples))
    lengths = examples.tokens()
    rows = []
    for start in range(0, len(order), size * BUCKET):
        bucket = order[start : start + size * BUCKET]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        rows += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [rows[at] for at in random.permutation(len(rows))]


def evaluation_batches(examples: Encoded) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of each batch, shortest texts first, under a bound on padded tokens."""
    lengths = np.maximum(examples.lengths(), 1) * examples.texts
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and (end + 1 - start) * lengths[order[end]] <= EVALUATION_TOKENS:
            end += 1
        yield order[start:end]
        start = end
