"""What explanations consist of: parts of a logit, masked words, filters. Imported once they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from heapq import nlargest
from typing import NamedTuple


class TextPart(NamedTuple):
    """What some characters of a text add to a label's logit; below 0 where they speak against it.

    TextPart("great film", 2, 12, 1.7, 0)    # "a great film"[2:12] adds 1.7

    `ngram`: the caller's own characters, text[begin:end]; of bytes, decoded. `side`: 1 in the second text of a pair.
    """

    ngram: str
    begin: int
    end: int
    logit: float
    side: int


def text_parts(raw: bytes, texts: Sequence[str | bytes], top: int | None = None) -> list[TextPart]:
    """The parts that the native module gives as four numbers each, side, begin, end and logit: all, or the largest."""
    numbers = memoryview(raw)
    places, logits = numbers.cast("Q"), numbers.cast("d")
    rows: Sequence[int] = range(0, len(places), 4)
    if top is not None and top < len(rows):
        rows = nlargest(top, rows, key=lambda at: abs(logits[at + 3]))
    found = sorted((places[at], places[at + 1], places[at + 2], logits[at + 3]) for at in rows)
    return [TextPart(slice_of(texts[side], begin, end), begin, end, logit, side) for side, begin, end, logit in found]


class Masked(NamedTuple):
    """A word of a text that was read as an unknown one: text[begin:end], and the side as in `TextPart`."""

    word: str
    begin: int
    end: int
    side: int


class Counterfactual(NamedTuple):
    """The words that flip a label once they are masked.

    `words`: as few as were found, the most important first. `label`: what the model predicts without them; for a model
    of several labels, a list. `text`: the text, or the pair, in which a letter that the model does not know stands in
    the place of each of the words: `clf.predict([found.text])` gives `label`.
    """

    words: list[Masked]
    label: str | list[str] | None
    text: str | bytes | tuple[str | bytes, str | bytes]


class Filter(NamedTuple):
    """What one filter of a model looks for.

    `width`: the words of its window. `weights`: for each label the weights of the filter's features, by their names:
    `max`, `mean` if the model has it; for pairs, those of the `first` and the `second` text, of their `difference`
    |u - v| and their `product` u · v. `ngrams`: the n-grams that fire it most, with the value of the max feature.
    """

    width: int
    weights: dict[str, dict[str, float]]
    ngrams: list[tuple[str, float]]


def slice_of(text: str | bytes, begin: int, end: int) -> str:
    """Some characters of a text as a str.

    >>> slice_of("a film", 2, 6), slice_of(b"a film", 2, 6)
    ('film', 'film')
    """
    own = text[begin:end]
    return own if isinstance(own, str) else own.decode("utf-8", "ignore")
