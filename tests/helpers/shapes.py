"""Random shapes of a TextCNN, which units of it stay, and what a plain convolution makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from prunetext.models.textcnn.model import TextCNN

Kept = dict[str, np.ndarray]


def shapes(
    *, words: int = 8, dimensions: int = 6, width: int = 5, filters: int = 4, **more: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of the fixture `random_model`, up to these sizes."""
    return st.fixed_dictionaries(
        {
            "words": st.integers(1, words),
            "dimensions": st.integers(1, dimensions),
            "filters": st.dictionaries(st.integers(1, width), st.integers(1, filters), min_size=1, max_size=3),
            "pooling": st.sampled_from(["max", "max+mean"]),
            "seed": st.integers(0, 2**31),
            **more,
        }
    )


def some_kept(model: TextCNN, kinds: Sequence[str], seed: int, share: float) -> Kept:
    """A share of the units of each group, and one at least."""
    rng, kept = np.random.default_rng(seed), {}
    for group in model.groups(kinds):
        kept[group.name] = rng.random(group.size) < share
        kept[group.name][rng.integers(group.size)] = True
    return kept


def plain_features(model: TextCNN, vectors: Tensor) -> Tensor:
    """The features of one text, by conv1d over its word vectors (tokens, dimensions) with zeros around them."""
    maxima, means, columns = [], [], vectors.T[None]  # (1, dimensions, tokens)
    for width in model.widths:
        weight = model.conv(width).weight.transpose(1, 2)  # (filters, dimensions, width)
        sums = functional.conv1d(functional.pad(columns, (width, width)), weight)[0]
        maxima.append(torch.relu(sums.amax(1) + model.conv(width).bias))
        if len(vectors):
            sums = functional.conv1d(functional.pad(columns, (width - 1, width - 1)), weight)[0]
            assert sums.shape[1] == len(vectors) + width - 1
        means.append(sums.mean(1))
    return torch.cat(maxima + (means if model.pooling == "max+mean" else []))
