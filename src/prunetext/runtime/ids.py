"""Texts as the padded ids that an exported model takes; needs numpy, but nothing of training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prunetext.errors import InputError, require
from prunetext.runtime._native import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray


class Encoder:
    """Turns texts into the ids of words, by the runtime's own tokenizer.

        encoder = prunetext.Encoder(["film", "great"])
        encoder.encode(["Great film!", "film"])    # array([[3, 2, 1], [2, 0, 0]])

    `words` is the vocabulary, such as an exported model's metadata hold. Id 0 is padding, 1 an unknown word, word i is
    i + 2. InputError for words that are no different strings.
    """

    def __init__(self, words: Iterable[str]) -> None:
        try:
            self._vocabulary = Vocabulary(list(words))
        except (TypeError, ValueError) as error:
            raise InputError(f"words are no vocabulary ({error}); give a list of different strings.") from None

    def encode(self, texts: Iterable[str]) -> NDArray[np.int64]:
        """The ids of each text, padded with 0 at the end: int64, (texts, longest), at least one column.

            encoder.encode(["film", ""])    # array([[2], [0]])

        Needs numpy. InputError where `texts` is no list of strings.
        """
        require("numpy", extra="onnx")
        import numpy as np

        if isinstance(texts, (str, bytes)):
            raise InputError(f"texts is a single {type(texts).__name__}; wrap it in a list: [text].")
        try:
            ids, offsets = self._vocabulary.encode(list(texts))
        except TypeError as error:
            raise InputError(f"{error}; give a list of strings.") from None
        lengths = np.diff(np.frombuffer(offsets, np.int64))
        padded = np.zeros((len(lengths), lengths.max(initial=1)), np.int64)
        padded[np.arange(padded.shape[1]) < lengths[:, None]] = np.frombuffer(ids, np.int32)
        return padded
