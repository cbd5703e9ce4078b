"""The word vectors that a dense model starts from: given, read from a file, trained on texts, or random."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from numpy.typing import ArrayLike

from prunetext.data.vectors.files import read_vectors
from prunetext.data.vectors.training import check_kind, train_vectors
from prunetext.errors import InputError
from prunetext.models.textcnn.reading import Reader
from prunetext.models.textcnn.starting import settle
from prunetext.options import ModelOptions
from prunetext.runtime._native import count_words

Vectors = Mapping[str, ArrayLike]


class Beginnings(NamedTuple):
    """The start of the dense model."""

    vectors: Vectors | None  # of words of the vocabulary
    shape: ModelOptions  # with the number of dimensions
    notes: list[str]  # how much the vectors cover
    whole: bool = True  # whether the training of the vectors had the time that it takes


def check_vectors(vectors: Vectors | str | Path | None, kind: str | None, shape: ModelOptions) -> None:
    """Refuse options that do not go together, before anything is read."""
    check_kind(kind)
    if vectors is not None and kind is not None:
        raise InputError("vectors and train_vectors are both given. Leave one of the two out.")
    for name, value in (("vectors", vectors), ("train_vectors", kind)):
        if shape.dimensions == 0 and value is not None:
            raise InputError(
                f"dimensions is 0, which means one-hot words, but {name} is given. Leave one of the two out."
            )
    if not (vectors is None or isinstance(vectors, (str, Path, Mapping))):
        raise InputError(f"vectors is {type(vectors).__name__}. Give a file, or a mapping of words to vectors.")
    settle(shape)


def beginnings(
    vectors: Vectors | str | Path | None,
    kind: str | None,
    reader: Reader,
    texts: list[str],
    shape: ModelOptions,
    seed: int,
    corpus: Iterable[str] | None = None,
    deadline: float | None = None,
) -> Beginnings:
    """Read or train the vectors of a vocabulary, and settle how many dimensions the model has.

        vectors, shape, notes = beginnings("glove.6B.50d.txt", None, reader, data.train.texts, shape, seed=0)
        notes     # ['Word vectors: 12,345 of 14,000 words of the vocabulary (97.1 % of the running words of train) …']

    texts: those of train. kind: of the training, where vectors are trained. corpus: what they are trained on, if not
    on the texts of train alone. deadline: a `time.monotonic()` at which that training ends.
    """
    check_vectors(vectors, kind, shape)
    words, tokenizer = reader
    cut = False

    def late() -> bool:
        nonlocal cut
        cut = cut or (deadline is not None and time.monotonic() > deadline)
        return cut

    found: Vectors | None = None
    if kind is not None:
        dimensions = settle(shape).dimensions or 0
        corpus = texts if corpus is None else corpus
        # Without time for a single text, the model starts as one without vectors.
        if not late():
            found = (
                train_vectors(kind, corpus, words, dimensions=dimensions, seed=seed, late=late, tokenizer=tokenizer)
                or None
            )
    elif isinstance(vectors, (str, Path)):
        found = read_vectors(vectors, words, tokenizer=tokenizer)
    elif vectors is not None:
        given = vectors
        found = {word: given[word] for word in words if word in given}
    notes = [] if found is None else [covered(found, reader, texts)]
    if cut:
        notes.append("The training of word vectors was cut short: its part of max_time was used up.")
    return Beginnings(found, settle(shape, found), notes, not cut)


def covered(vectors: Vectors, reader: Reader, texts: list[str]) -> str:
    """How much of a vocabulary, and of the texts of train, has a vector.

    >>> covered({"great": [0.5]}, Reader(["film", "great"]), ["a great film", "great"])
    'Word vectors: 1 of 2 words of the vocabulary (50.0 % of the running words of train) have one.'
    """
    words, counts = reader.words, count_words(texts, reader.tokenizer)
    known = [word for word in words if word in vectors]
    share = 100 * sum(counts.get(word, 0) for word in known) / max(sum(counts.values()), 1)
    return (
        f"Word vectors: {len(known):,} of {len(words):,} words of the vocabulary "
        f"({share:.1f} % of the running words of train) have one."
    )
