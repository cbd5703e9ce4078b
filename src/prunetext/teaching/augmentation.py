"""New texts made from existing ones, for a teacher to label: spliced, cropped, with words hidden or exchanged."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prunetext.runtime._native import tokenize
from prunetext.runtime.tokenizers import whole_words

HIDDEN = "▢"  # no vocabulary has it: every tokenizer reads an unknown word
HIDE, EXCHANGE = 0.1, 0.1  # probabilities of each word
CROP = (0.3, 0.9)  # share of the words that stay
DRAWS = 3  # tries for a text that differs from its source


def augmented(texts: Sequence[str], count: int, seed: int, tokenizer: str = "bert/1") -> list[str]:
    """Make `count` new texts, one from each text before a second from any.

    >>> augmented(["a great film of its year", "dull from start to end"], 3, seed=5)     # doctest: +SKIP
    ['a great film start to end', 'from start to', 'a great ▢ of its year']

    A third each: the head of one text and the tail of another; 30 to 90 % of the words, in a row; each word hidden, or
    exchanged for one drawn by frequency, with a probability of 10 % each. The n-grams stay mostly real ones, and the
    teacher labels their combination.
    Source: after Tang et al. 2019, "Distilling Task-Specific Knowledge from BERT into Simple Neural Networks".
    """
    if not count:
        return []
    random = np.random.default_rng((seed, 11))
    words = [tokenize(text, whole_words(tokenizer)) for text in texts]
    pool = [word for each in words for word in each]
    rounds = -(-count // max(len(texts), 1))
    order = np.concatenate([np.zeros(0, np.int64), *(random.permutation(len(texts)) for _ in range(rounds))])[:count]
    made = []
    for number, at in enumerate(order.tolist()):
        new = words[at]
        for _ in range(DRAWS):
            if new == words[at]:
                new = changed(number % 3, words[at], words[int(random.integers(len(words)))], pool, random)
        made.append(" ".join(new))
    return made


def augmented_pairs(
    pairs: Sequence[tuple[str, str]], count: int, seed: int, tokenizer: str = "bert/1"
) -> list[tuple[str, str]]:
    """Make `count` new pairs of texts, one from each pair before a second from any.

    >>> augmented_pairs([("a great film", "a superb film")], 1, seed=5)                  # doctest: +SKIP
    [('a great film', 'a film')]

    A quarter each: one text and a change of the other, in both orders; both changed; a text with a text of another pair
    instead of its own. Changes are those of `augmented`.
    """
    random = np.random.default_rng((seed, 13))
    rounds = -(-count // max(len(pairs), 1))
    order = np.concatenate([np.zeros(0, np.int64), *(random.permutation(len(pairs)) for _ in range(rounds))])[:count]
    chosen = [pairs[at] for at in order.tolist()]
    first = augmented([pair[0] for pair in chosen], len(chosen), seed, tokenizer)
    second = augmented([pair[1] for pair in chosen], len(chosen), seed + 1, tokenizer)
    made = []
    for number, (own, one, other) in enumerate(zip(chosen, first, second, strict=True)):
        strange = pairs[int(random.integers(len(pairs)))]
        made.append(((own[0], other), (one, own[1]), (one, other), (own[0], strange[1]))[number % 4])
    return made


def changed(
    kind: int, words: list[str], other: list[str], pool: Sequence[str], random: np.random.Generator
) -> list[str]:
    """One new text: spliced with the other one (kind 0), cropped (1), or with words hidden and exchanged (2)."""
    if kind == 0:
        return words[: int(random.integers(len(words) + 1))] + other[int(random.integers(len(other) + 1)) :] or words
    if kind == 1:
        length = int(np.ceil(len(words) * random.uniform(*CROP)))
        start = int(random.integers(len(words) - length + 1))
        return words[start : start + length]
    luck, drawn = random.random(len(words)).tolist(), random.integers(max(len(pool), 1), size=len(words)).tolist()
    return [
        HIDDEN if chance < HIDE else pool[at] if chance < HIDE + EXCHANGE else word
        for word, chance, at in zip(words, luck, drawn, strict=True)
    ]
