"""New texts made of those that are there, for a teacher to label: spans of them, with words hidden and exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunetext.runtime._native import tokenize

HIDDEN = "▢"  # no vocabulary has it, so that every tokenizer reads an unknown word
HIDE, EXCHANGE, SPAN = 0.1, 0.1, 0.25  # probabilities: of each word, of each word, and of a text to be cut to a span
LONGEST_SPAN = 5


def augmented(texts: Sequence[str], count: int, seed: int) -> list[str]:
    """Make `count` new texts of some of them, each of another one as long as there are enough.

    >>> augmented(["a great film of its year"], 2, seed=1)     # doctest: +SKIP
    ['a great ▢ of its year', 'great film']

    Each word is hidden or exchanged for one drawn as often as it occurs, with a probability of 10 % each; a quarter of
    the texts are cut to one to five words in a row. What says the same as its source is drawn again, a few times.
    Source: Tang et al. 2019, "Distilling Task-Specific Knowledge from BERT into Simple Neural Networks", without the
    part of speech, of which Chinese and rare words have no sure one.
    """
    random = np.random.default_rng((seed, 11))
    words = [tokenize(text) for text in texts]
    pool = [word for each in words for word in each]
    rounds = -(-count // max(len(texts), 1))
    order = np.concatenate([np.zeros(0, np.int64), *(random.permutation(len(texts)) for _ in range(rounds))])[:count]
    made = []
    for at in order.tolist():
        own = words[at]
        for _ in range(3):
            new = changed(own, pool, random)
            if new != own:
                break
        made.append(" ".join(new))
    return made


def changed(words: Sequence[str], pool: Sequence[str], random: np.random.Generator) -> list[str]:
    """One new text."""
    if len(words) > 1 and random.random() < SPAN:
        length = int(random.integers(1, min(LONGEST_SPAN, len(words) - 1) + 1))
        start = int(random.integers(0, len(words) - length + 1))
        words = words[start : start + length]
    luck = random.random(len(words))
    drawn = random.integers(0, max(len(pool), 1), len(words))
    return [
        HIDDEN if chance < HIDE else pool[other] if chance < HIDE + EXCHANGE else word
        for word, chance, other in zip(words, luck.tolist(), drawn.tolist(), strict=True)
    ]
