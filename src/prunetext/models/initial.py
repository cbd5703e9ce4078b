"""Where training starts: the vocabulary of the texts, and a model of the wanted sizes with first vectors."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b

import numpy as np
import torch
from numpy.typing import ArrayLike

from prunetext.config import ModelOptions
from prunetext.errors import InputError
from prunetext.models.textcnn import Shape, TextCNN
from prunetext.models.units import WORDS
from prunetext.runtime._native import count_words

LONGEST_WORD = 64  # bytes; longer ones are hardly words
LARGEST = 1e6  # of a given vector's numbers


def vocabulary_of(texts: list[str], options: ModelOptions) -> list[str]:
    """The most frequent words of train, most frequent first."""
    counts = count_words(texts)
    words = [w for w, n in counts.items() if n >= options.min_count and len(w.encode()) <= LONGEST_WORD]
    words.sort(key=lambda word: (-counts[word], word))
    if not words:
        raise InputError(
            f"No word of train occurs {options.min_count} times or more: there is nothing to learn from. "
            "Give more texts, or a smaller --min-count."
        )
    return words[: options.max_words]


def new_model(
    words: list[str],
    classes: int,
    options: ModelOptions,
    widths: tuple[int, ...],
    vectors: Mapping[str, ArrayLike] | None,
) -> TextCNN:
    """The untrained model; words without a given vector start at random, as wide as the given ones are spread."""
    dimensions, start = options.dimensions, None
    if vectors is not None:
        known = {at: np.asarray(vectors[word], np.float32) for at, word in enumerate(words) if word in vectors}
        sizes = {row.shape for row in known.values()}
        if len(sizes) != 1 or len(next(iter(sizes))) != 1:
            raise InputError("vectors must hold a vector for some words of train, all of one length.")
        for word, row in zip((words[at] for at in known), known.values(), strict=True):
            if not (np.isfinite(row) & (np.abs(row) < LARGEST)).all():
                raise InputError(
                    f"vectors: that of {word!r} holds a number that is not finite, or {LARGEST:g} or more."
                )
        dimensions = next(iter(sizes))[0]
        start = torch.randn(len(words) + WORDS, dimensions) * float(np.std(list(known.values())))
        for at, row in known.items():
            start[WORDS + at] = torch.from_numpy(row)
    static = 0 if options.channels == "non-static" else dimensions
    if options.channels == "both":
        start = torch.randn(len(words) + WORDS, dimensions) * 0.1 if start is None else start
        start, dimensions = torch.cat([start, start], dim=1), 2 * dimensions
    shape = Shape(len(words), dimensions, dict.fromkeys(widths, options.filters), classes, options.pooling)
    return TextCNN(shape, vectors=start, static=static)


def digest(start: torch.Tensor) -> str:
    """What stands for the given vectors in the recipe."""
    return blake2b(start.detach().numpy().tobytes(), digest_size=16).hexdigest()
