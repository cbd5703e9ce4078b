"""Sizes in a graph, in terms of its batch.

A size is a product of a whole number, of how many texts a batch has, and of the tokens of its longest text. So the
memory of a graph can be told before it runs, for a batch of any size.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

FLOAT_KIND, INTEGER_KIND, BOOLEAN_KIND = "float32", "int64", "bool"
# Weights that take fewer bytes, what activations are rounded to, and sums of the products of both.
HALF_KIND, BYTE_KIND, STEP_KIND, SUM_KIND = "float16", "int8", "uint8", "int32"


class Size(NamedTuple):
    """A product: a whole number, times the texts of the batch, times the tokens of its longest text, to these powers.

    >>> Size(64) * Size(1, texts=1) * Size(2, tokens=1)
    Size(number=128, texts=1, tokens=1)
    """

    number: int
    texts: int = 0
    tokens: int = 0

    def __mul__(self, other: object) -> Size:
        if not isinstance(other, Size):
            return NotImplemented
        return Size(self.number * other.number, self.texts + other.texts, self.tokens + other.tokens)

    @property
    def fixed(self) -> bool:
        """Whether it is the same for all batches."""
        return not self.texts and not self.tokens


UNIT, BATCH_SIZE, TEXT_LENGTH = Size(1), Size(1, texts=1), Size(1, tokens=1)


class Shaped(NamedTuple):
    """The type and shape of a tensor, and what it holds where that is known: sizes, or whole numbers.

    >>> Shaped(FLOAT_KIND, (BATCH_SIZE, TEXT_LENGTH, Size(384))).size
    Size(number=384, texts=1, tokens=1)
    """

    kind: str
    shape: tuple[Size, ...]
    content: tuple[Size, ...] | None = None

    @property
    def size(self) -> Size:
        """How many numbers it has."""
        return prod(self.shape, start=UNIT)
