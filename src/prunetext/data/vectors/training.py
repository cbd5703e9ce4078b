"""Word vectors trained on texts, with gensim, for small labelled data and much text without labels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from prunetext.errors import InputError, require
from prunetext.runtime._native import tokenize
from prunetext.runtime.tokenizers import whole_words

VECTOR_TRAINERS = ("word2vec", "fasttext")
PASSES = 10  # over the texts
CONTEXT = 5  # occurrences that a word outside the vocabulary needs to be in the context of others
PIECE = 1_000  # words of a text at a time; gensim takes no more than 10,000
BUCKETS = 200_000  # for fastText's parts of words: its usual two million would take 0.25 GB at 32 dimensions


def check_kind(kind: str | None) -> None:
    """Refuse an unknown way of training."""
    if kind is not None and kind not in VECTOR_TRAINERS:
        raise InputError(f"train_vectors is {kind!r}: it must be {' or '.join(VECTOR_TRAINERS)}.")


def train_vectors(
    kind: str,
    texts: Iterable[str],
    words: Collection[str],
    *,
    dimensions: int,
    seed: int,
    buckets: int = BUCKETS,
    late: Callable[[], bool] = lambda: False,
    tokenizer: str = "bert/1",
) -> dict[str, npt.NDArray[np.float32]]:
    """Train word vectors on texts: skip-gram with negative sampling, of whole words or also of their parts.

        vectors = train_vectors("fasttext", ["a great film", …], ["great", "film"], dimensions=32, seed=0)
        vectors["film"].shape     # (32,)

    kind: word2vec (Mikolov et al. 2013) or fasttext (Bojanowski et al. 2017), which also has vectors for words that
    the texts lack. texts: read several times; an iterator is put into a list first. words: as in a vocabulary; others
    are only context. The same texts, words and seed give the same vectors; training takes one thread. late: tells
    whether to end; words that were not met by then have no vector. InputError if the texts have none of the words.
    """
    check_kind(kind)
    models = require("gensim.models", extra="vectors")
    if isinstance(texts, Iterator):
        texts = list(texts)
    wanted = set(words)
    keep, discard = 2, 1  # what gensim calls RULE_KEEP and RULE_DISCARD

    def rule(word: str, count: int, _: int) -> int:
        return keep if word in wanted or count >= CONTEXT else discard

    options: dict[str, Any] = {"vector_size": dimensions, "seed": seed, "workers": 1, "sg": 1, "epochs": PASSES}
    with _quiet():
        model = models.FastText(bucket=buckets, **options) if kind == "fasttext" else models.Word2Vec(**options)
        corpus = _Corpus(texts, late, tokenizer)
        model.build_vocab(corpus, trim_rule=rule)
        if wanted.isdisjoint(model.wv.key_to_index) and late():
            return {}
        if wanted.isdisjoint(model.wv.key_to_index):
            raise InputError(
                "The texts to train word vectors on have none of the vocabulary's words. Give other texts."
            )
        model.train(corpus, total_examples=model.corpus_count, epochs=PASSES)
    found = words if kind == "fasttext" else [word for word in words if word in model.wv.key_to_index]
    return {word: np.array(model.wv[word], np.float32) for word in found}


class _Corpus:
    """The words of texts, for any number of passes, as long as there is time."""

    def __init__(self, texts: Iterable[str], late: Callable[[], bool], tokenizer: str) -> None:
        self.texts, self.late, self.tokenizer = texts, late, whole_words(tokenizer)

    def __iter__(self) -> Iterator[list[str]]:
        for text in self.texts:
            if self.late():
                return
            tokens = tokenize(text, self.tokenizer)
            for at in range(0, len(tokens), PIECE):
                yield tokens[at : at + PIECE]


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence gensim's log, such as a warning that there are few texts."""
    logger = logging.getLogger("gensim")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
