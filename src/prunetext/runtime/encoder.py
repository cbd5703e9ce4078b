"""Texts, and pairs of texts, as padded ids for an exported model; needs numpy, but nothing from training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunetext.errors import InputError, require
from prunetext.runtime._native import MATCHED, Vocabulary
from prunetext.runtime.tokenizers import BERT, check_tokenizer

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray


class Encoder:
    """Turns texts into the ids of words, by the runtime's own tokenizer.

        encoder = prunetext.Encoder(["film", "great"])
        encoder.encode(["Great film!", "film"])    # array([[3, 2, 1], [2, 0, 0]])

    `words` and `tokenizer` are as in an exported model's metadata. Id 0 is padding, 1 an unknown word, word i is i + 2.
    InputError if the words are not different strings, or if there is no such tokenizer.
    """

    def __init__(self, words: Iterable[str], tokenizer: str = BERT) -> None:
        check_tokenizer(tokenizer)
        try:
            self._vocabulary = Vocabulary(list(words), tokenizer)
        except (TypeError, ValueError) as error:
            raise InputError(f"words are not a vocabulary ({error}); give a list of different strings.") from None

    def encode(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """The ids of each text, padded with 0 at the end: int64, (texts, longest), at least one column.

            encoder.encode(["film", ""])    # array([[2], [0]])

        Needs numpy. InputError if `texts` is not a list of strings.
        """
        require("numpy", extra="onnx")
        if isinstance(texts, (str, bytes)):
            raise InputError(f"texts is a single {type(texts).__name__}; wrap it in a list: [text].")
        try:
            return padded(*self._vocabulary.encode(list(texts)))
        except TypeError as error:
            raise InputError(f"{error}; give a list of strings.") from None

    def encode_pairs(self, pairs: Iterable[tuple[str, str]]) -> dict[str, NDArray[np.int64]]:
        """The inputs of an exported model of pairs: the ids of both texts, and the words that the other text has.

            encoder.encode_pairs([("great film", "a great one")])
            # {"ids": [[3, 2]], "matched": [[1, 0]], "ids_b": [[1, 3, 1]], "matched_b": [[0, 1, 0]]}

        Each is an array as from `encode`. `matched` is 1 for a word, known or unknown, that the other text has, 3 if it
        is beside the same word there as here, and 0 for all others and for padding. Needs numpy. InputError if `pairs`
        is not a list of two strings each.
        """
        require("numpy", extra="onnx")
        try:
            given = list(pairs)
            if any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in given):
                raise TypeError("a pair has two texts")
            ids, offsets = self._vocabulary.encode_pairs([first for first, _ in given], [second for _, second in given])
        except TypeError as error:
            raise InputError(f"{error}; give a list of (first, second) tuples of strings.") from None
        fed = {}
        for side, suffix in enumerate(("", "_b")):
            own = padded(ids, offsets, side, 2)
            fed["ids" + suffix], fed["matched" + suffix] = own & (MATCHED - 1), own // MATCHED
        return fed


def padded(ids: bytes, offsets: bytes, first: int = 0, step: int = 1) -> NDArray[np.int64]:
    """The ids of every `step`-th text from the `first` on, padded with 0 at the end.

    padded(*Vocabulary(["film"]).encode(["film", ""]))    # array([[2], [0]])
    """
    import numpy as np

    numbers, bounds = np.frombuffer(ids, np.int32), np.frombuffer(offsets, np.int64)
    begins, ends = bounds[:-1][first::step], bounds[1:][first::step]
    lengths = ends - begins
    table = np.zeros((len(lengths), lengths.max(initial=1)), np.int64)
    places = np.arange(table.shape[1])
    inside = places < lengths[:, None]
    table[inside] = numbers[(begins[:, None] + places)[inside]]
    return table
