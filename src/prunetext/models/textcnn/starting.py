"""The start of training: the vocabulary of the texts, and a model of the wanted sizes with first vectors."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import torch
from numpy.typing import ArrayLike

from prunetext.data.dataset import Examples
from prunetext.data.vectors.words import LARGEST, MOST_DIMENSIONS
from prunetext.errors import InputError
from prunetext.models.textcnn.layout import WORDS, Shape
from prunetext.models.textcnn.model import TextCNN
from prunetext.options import ModelOptions
from prunetext.runtime._native import count_words, same_tokens
from prunetext.runtime.tokenizers import BERT, PAIRS_4, WORDS_2

LONGEST_WORD = 64  # bytes; longer ones are hardly words
RAREST = 1e-4  # smaller shares of texts are raised to this
USUAL_DIMENSIONS = 32  # of word vectors, if none are given,
DIMENSIONS_OF_PAIRS = 16  # and with pairs/4, whose words are many: half the bytes of 32, for a point at most on dev


def vocabulary_of(texts: list[str], options: ModelOptions, tokenizer: str = BERT) -> list[str]:
    """The most frequent words of train, most frequent first."""
    counts = count_words(texts, tokenizer)
    words = [w for w, n in counts.items() if n >= options.min_count and len(w.encode()) <= LONGEST_WORD]
    words.sort(key=lambda word: (-counts[word], word))
    if not words:
        remedy = "Give more texts, or reduce --min-count."
        if tokenizer == BERT and not same_tokens(texts, BERT, WORDS_2):
            remedy = f"Try --tokenizer {WORDS_2}, which cuts these texts otherwise, or give more texts."
        raise InputError(
            f"No word of train occurs {options.min_count} times or more: there is nothing to learn from. {remedy}"
        )
    return words[: options.max_words]


def settle(options: ModelOptions, vectors: Mapping[str, ArrayLike] | None = None) -> ModelOptions:
    """The options, with the given vectors' number of dimensions, or the usual one, if none was requested.

    >>> settle(ModelOptions()).dimensions, settle(ModelOptions(), {"film": [0.5, 1.0]}).dimensions
    (32, 2)

    More dimensions than the vectors have raise `InputError`, and so do two channels of one-hot words.
    """
    asked = options.dimensions
    if asked == 0 and options.channels == "both":
        raise InputError("dimensions is 0, which means one-hot words, but channels is both. Leave one of the two out.")
    if vectors is None or asked == 0:
        usual = DIMENSIONS_OF_PAIRS if options.tokenizer == PAIRS_4 else USUAL_DIMENSIONS
        return replace(options, dimensions=usual if asked is None else asked)
    sizes = {np.shape(vector) for vector in vectors.values()}
    if len(sizes) != 1 or len(next(iter(sizes))) != 1:
        raise InputError("vectors must hold a vector for some words of train, all of one length.")
    there = next(iter(sizes))[0]
    if asked is not None and asked > there:
        raise InputError(
            f"dimensions is {asked}, but the given vectors have {there}. Give {there} or fewer, or leave it out."
        )
    return replace(options, dimensions=asked or there)


def new_model(
    words: list[str],
    classes: int,
    options: ModelOptions,
    widths: tuple[int, ...],
    vectors: Mapping[str, ArrayLike] | None,
    dropout: float = 0.5,
    kind: Callable[..., TextCNN] = TextCNN,
    shares: Sequence[float] | None = None,
) -> TextCNN:
    """The untrained model; words without a given vector start at random, as wide as the given ones are spread.

    `kind` makes it, of its shape: a model of single texts, or of pairs; `shares` is for `begin_at`. With 0 dimensions
    words are one-hot, and the convolution works on the words themselves (Johnson and Zhang 2015, "Effective Use of Word
    Order for Text Categorization with Convolutional Neural Networks").
    """
    if vectors is not None:  # of other words, a Mapping may hold anything
        vectors = {word: vectors[word] for word in words if word in vectors}
    options = settle(options, vectors)
    dimensions, start = options.dimensions or 0, None
    if dimensions == 0:
        dimensions, start = len(words), one_hot(len(words))
    elif vectors is not None:
        start = start_of(words, vectors, dimensions)
    static = 0 if options.channels == "non-static" and options.dimensions else dimensions
    if options.channels == "both":
        start = torch.randn(len(words) + WORDS, dimensions) * 0.1 if start is None else start
        start, dimensions = torch.cat([start, start], dim=1), 2 * dimensions
    shape = Shape(len(words), dimensions, dict.fromkeys(widths, options.filters), classes, options.pooling)
    model = kind(shape, vectors=start, static=static, dropout=dropout)
    if shares is not None:
        begin_at(model, shares)
    return model


@torch.no_grad()
def begin_at(model: TextCNN, shares: Sequence[float]) -> None:
    """Let each label begin with the share of texts that have it, if a text can have several.

    begin_at(model, shares_of(data.train, data.labels))

    Otherwise a model needs epochs just to learn that most labels are rare.
    """
    model.head.bias.copy_(torch.tensor(shares).logit(RAREST))


def shares_of(examples: Examples, labels: Sequence[str]) -> list[float] | None:
    """The share of texts that have each label, if a text can have several, or have passed each step; else None.

    >>> shares_of(Examples(["a film", "dull"], [["x", "y"], ["y"]]), ["x", "y"])
    [0.5, 1.0]
    """
    if examples.task.answer == "label":
        return None
    if examples.scores is not None:
        return [float(share) for share in examples.targets(labels).mean(0)]
    counts = Counter(label for each in examples.label_lists for label in each)
    return [counts[label] / len(examples) for label in labels]


def start_of(words: list[str], vectors: Mapping[str, ArrayLike], dimensions: int) -> torch.Tensor:
    """An embedding that begins with the vectors given, reduced to so many dimensions if they have more."""
    known = {at: np.asarray(vectors[word], np.float32) for at, word in enumerate(words) if word in vectors}
    for at, row in known.items():
        if not (np.isfinite(row) & (np.abs(row) < LARGEST)).all():
            raise InputError(
                f"vectors: the vector of {words[at]!r} holds a number that is not finite, or {LARGEST:g} or more."
            )
    rows = reduced(np.array(list(known.values())), dimensions)
    start = torch.randn(len(words) + WORDS, dimensions) * float(np.std(rows))
    start[WORDS + torch.tensor(list(known))] = torch.from_numpy(rows)
    return start


def one_hot(words: int) -> torch.Tensor:
    """An embedding in which each word is a dimension, and the unknown word is nothing."""
    if words > MOST_DIMENSIONS:
        raise InputError(
            f"dimensions is 0, which makes each of the {words:,} words a dimension, but a packed file holds "
            f"{MOST_DIMENSIONS:,} at most. Reduce --max-words."
        )
    return torch.cat([torch.zeros(WORDS, words), torch.eye(words)])


def reduced(rows: npt.NDArray[np.float32], dimensions: int) -> npt.NDArray[np.float32]:
    """Vectors (words, dimensions) on so many of their principal axes.

    The mean is not subtracted first: the products of any two vectors, which a convolution sees, then stay as close as
    so many dimensions allow (Eckart and Young 1936). Each axis points where its largest number is positive.
    """
    if dimensions == rows.shape[1]:
        return rows
    exact = rows.astype(np.float64)
    _, axes = np.linalg.eigh(exact.T @ exact)
    axes = axes[:, : -dimensions - 1 : -1]
    axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(dimensions)])
    found: npt.NDArray[np.float32] = (exact @ axes).astype(np.float32)
    return found


def vectors_digest(start: torch.Tensor) -> str:
    """The digest of the given vectors in the recipe."""
    return blake2b(start.detach().numpy().tobytes(), digest_size=16).hexdigest()
