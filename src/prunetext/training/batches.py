"""The batches of one epoch: alike in length, repeatable, resumable at any batch."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from prunetext.models.encoded import Encoded

BUCKET = 64  # batches sorted by length at a time: little padding, yet every epoch mixes differently
EVALUATION_TOKENS = 1 << 15  # padded tokens in one batch without gradients,
# and multiplications: where a token takes many, padding costs more than a further batch.
EVALUATION_WORK = 1 << 34


def batches(
    examples: Encoded, size: int, seed: int, epoch: int, tokens: int | None = None
) -> list[npt.NDArray[np.int64]]:
    """Rows of each batch of one epoch; a function of the seed and the epoch alone.

    Texts are shuffled, sorted by length within every `BUCKET` batches, and the batches shuffled again. With `tokens`,
    all are sorted, and a batch has as many of them as make so many padded tokens: each epoch has the same number.
    """
    random = np.random.default_rng((seed, epoch))
    order = random.permutation(len(examples))
    lengths = examples.tokens()
    rows = []
    bucket_size = len(order) if tokens else size * BUCKET
    for start in range(0, len(order), max(bucket_size, 1)):
        bucket = order[start : start + bucket_size]
        bucket = bucket[np.argsort(lengths[bucket], kind="stable")]
        if tokens:
            rows += list(filled(bucket, np.maximum(lengths[bucket], 1), tokens))
        else:
            rows += [bucket[at : at + size] for at in range(0, len(bucket), size)]
    return [rows[at] for at in random.permutation(len(rows))]


def filled(rows: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64], tokens: int) -> Iterator[npt.NDArray[np.int64]]:
    """Rows in batches of at most so many padded tokens, or of one text; lengths rise.

    >>> [batch.tolist() for batch in filled(np.arange(4), np.array([1, 2, 2, 9]), 6)]
    [[0, 1, 2], [3]]
    """
    start = 0
    while start < len(rows):
        end = start + 1
        while end < len(rows) and (end + 1 - start) * lengths[end] <= tokens:
            end += 1
        yield rows[start:end]
        start = end


def evaluation_batches(examples: Encoded, work: int = 1) -> Iterator[npt.NDArray[np.int64]]:
    """Rows of each batch, shortest texts first, under a bound on padded tokens; work: multiplications of a token."""
    lengths = np.maximum(examples.lengths(), 1) * examples.texts
    order = np.argsort(lengths, kind="stable")
    yield from filled(order, lengths[order], min(EVALUATION_TOKENS, EVALUATION_WORK // max(work, 1)))
