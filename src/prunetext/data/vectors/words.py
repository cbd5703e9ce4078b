"""The words of a file of vectors that stand for words of a vocabulary, and the rules for a vector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from prunetext.data.columns import quoted
from prunetext.errors import DataError
from prunetext.runtime._native import tokenize
from prunetext.runtime.tokenizers import whole_words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

Vector = npt.NDArray[np.float32]

MOST_DIMENSIONS = 4096  # as in a packed file
LARGEST = 1e6  # bound on a given vector's numbers


class Choice:
    """Chooses the words of a file that the vocabulary knows, in their order.

    >>> choice = Choice(["ete", "film"])
    >>> [choice.take(name) for name in ("Été", "Film", "film", "FILM", "two films")]
    ['ete', 'film', 'film', None, None]

    The vocabulary's words are as the tokenizer writes them: lower-cased and, by bert/1, without accents. An exact match
    takes precedence over words that match by normalization; among these the first is taken, which in most files is the
    most frequent.
    """

    def __init__(self, words: Iterable[str], tokenizer: str = "bert/1") -> None:
        self.words, self.tokenizer = set(words), whole_words(tokenizer)
        self.taken: set[str] = set()
        self.exact: set[str] = set()

    def normal(self, name: str) -> str | None:
        """The word of the vocabulary that a name stands for, if there is one."""
        if name in self.words:
            return name
        if name.isascii() and name.isalpha() and name.islower():  # already normal
            return None
        tokens = tokenize(name, self.tokenizer)
        return tokens[0] if len(tokens) == 1 and tokens[0] in self.words else None

    def take(self, name: str | bytes) -> str | None:
        """The word whose next vector replaces any earlier one; bytes that are not UTF-8 are not a word."""
        if isinstance(name, bytes):
            try:
                name = name.decode()
            except UnicodeDecodeError:
                return None
        word = self.normal(name)
        if word is None or word in self.exact or (word in self.taken and word != name):
            return None
        self.taken.add(word)
        if word == name:
            self.exact.add(word)
        return word


def check_dimensions(path: Path, dimensions: int) -> None:
    """Refuse vectors that are longer than a packed file can hold."""
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise DataError(
            path, f"its vectors have {dimensions:,} numbers. Give vectors of 1 to {MOST_DIMENSIONS:,} numbers."
        )


def checked(path: Path, word: str, numbers: npt.NDArray[Any], line: int | None = None) -> Vector:
    """A vector in float32; a number that is not finite or far too large raises `DataError`."""
    with np.errstate(invalid="ignore"):  # some nans warn when converted
        numbers = numbers.astype(np.float64)
    if not (np.abs(numbers) < LARGEST).all():
        rule = f"a number that is not finite, or {LARGEST:g} or more"
        raise DataError(path, f"the vector of {quoted(word)} holds {rule}. Correct or remove it.", line)
    return numbers.astype(np.float32)
