"""Texts that are nearly the same, such as a review with another date under it.

    near_duplicates(["a great film, see it now", "a great film, see it today", "dull"])    # [Near(0, 1, 0.71)]

Two texts are compared by their shingles, the runs of three words (characters in Chinese) that they have. Those that
very many texts have, such as a signature, say nothing and are left out.
Source: A. Broder, On the resemblance and containment of documents, Compression and Complexity of Sequences, 1997.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

RESEMBLANCE = 0.6  # the share of common shingles from which two texts are nearly the same
_RUN = 3  # words of a shingle
_MOST_TEXTS = 100  # that have a shingle which still counts


class Near(NamedTuple):
    """Two texts by their places, the earlier one first, and their resemblance: common shingles over all of both."""

    one: int
    other: int
    resemblance: float


def near_duplicates(texts: Sequence[str], least: float = RESEMBLANCE) -> list[Near]:
    """All pairs of texts whose resemblance is at least this, the earlier ones first; equal texts among them.

    >>> near_duplicates(["one two three four", "One two three four five", "six seven"])
    [Near(one=0, other=1, resemblance=0.6666666666666666)]

    A text of fewer than three words has one shingle, all of it.
    """
    import numpy as np
    from scipy.sparse import csr_array

    text, shingle = _shingles(texts)
    kinds, place, counts = np.unique(shingle, return_inverse=True, return_counts=True)
    usual = counts[place] <= _MOST_TEXTS
    sizes = np.bincount(text[usual], minlength=len(texts))
    shared = usual & (counts[place] > 1)
    has = csr_array((np.ones(shared.sum(), np.int32), (text[shared], place[shared])), (len(texts), len(kinds)))
    common = (has @ has.T).tocoo()
    above = common.row < common.col
    one, other, both = common.row[above], common.col[above], common.data[above]
    resemblance = both / (sizes[one] + sizes[other] - both)
    near = np.flatnonzero(resemblance >= least)
    order = near[np.lexsort((other[near], one[near]))]
    return [Near(int(one[at]), int(other[at]), float(resemblance[at])) for at in order]


def _shingles(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The shingles of all texts, each once a text: the text's place, and a number for the shingle."""
    import numpy as np

    from prunetext.runtime._native import Vocabulary, count_words

    words = list(count_words(list(texts)))
    raw, bounds = Vocabulary(words).encode(list(texts))
    ids, offsets = np.frombuffer(raw, np.int32).astype(np.int64), np.frombuffer(bounds, np.int64)
    lengths = np.diff(offsets)
    text = np.repeat(np.arange(len(texts)), lengths)
    base = len(words) + 2
    numbers = np.concatenate([ids, np.zeros(_RUN, np.int64)])
    inside = np.concatenate([text, np.full(_RUN, -1)])
    found = np.zeros(len(ids), np.int64)
    for step in range(_RUN):  # a run that would leave its text ends there
        here = slice(step, step + len(ids))
        found = found * base + np.where(inside[here] == text, numbers[here], 0)
    whole = np.arange(len(ids)) - offsets[:-1][text] <= np.maximum(lengths[text] - _RUN, 0)
    text, found = text[whole], found[whole]
    order = np.lexsort((found, text))
    text, found = text[order], found[order]
    first = np.ones(len(text), bool)
    first[1:] = (text[1:] != text[:-1]) | (found[1:] != found[:-1])
    return text[first], found[first]
