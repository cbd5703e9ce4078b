"""The names of the tokenizers, and which of them adds nothing to the words."""

from __future__ import annotations

from prunetext.errors import InputError
from prunetext.runtime._native import PIECE_MARK, TOKENIZERS, tokenize

BERT, WORDS_2, PIECES_3, PAIRS_4 = TOKENIZERS


def check_tokenizer(name: str, *others: str) -> None:
    """Refuse a tokenizer that is neither one of the runtime's nor one of the others."""
    if name not in (*others, *TOKENIZERS):
        *names, last = [*others, *TOKENIZERS]
        raise InputError(f"tokenizer is {name!r}: it must be {', '.join(names)} or {last}.")


def whole_words(tokenizer: str) -> str:
    """The tokenizer that finds the same words, and neither pieces nor pairs of them.

    >>> whole_words("pieces/3"), whole_words("pairs/4"), whole_words("bert/1")
    ('words/2', 'words/2', 'bert/1')
    """
    return WORDS_2 if tokenizer in (PIECES_3, PAIRS_4) else tokenizer


def pieces_of(text: str, tokenizer: str) -> list[str]:
    """The pieces of the words of a text, if the tokenizer cuts them.

    >>> pieces_of("A film", "pieces/3"), pieces_of("A film", "words/2")
    (['··fi', '·fil', '·ilm', '·lm·'], [])
    """
    if tokenizer != PIECES_3:
        return []
    return [token for token in tokenize(text, tokenizer) if token.startswith(PIECE_MARK) and token != PIECE_MARK]


def distance_of(tokenizer: str) -> int:
    """Tokens from the first word of a bigram to the second one.

    >>> distance_of("bert/1"), distance_of("pairs/4")           # where a pair stands between two letters
    (1, 2)
    """
    return 2 if tokenizer == PAIRS_4 else 1
