"""Texts that are nearly the same, such as a review with another date under it.

    near_duplicates(["a great film, see it now", "a great film, see it today", "dull"])    # [Near(0, 1, 0.67)]

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
MOST_COMPARED = 20_000_000  # characters of texts that are compared, a few seconds' work
_RUN = 3  # words of a shingle
_MOST_TEXTS = 100  # that have a shingle which still counts
_BUCKETS = 1 << 24


class Near(NamedTuple):
    """Two texts by their places, the earlier one first, and their resemblance: common shingles over all of both."""

    one: int
    other: int
    resemblance: float


def near_duplicates(texts: Sequence[str], least: float = RESEMBLANCE) -> list[Near]:
    """All pairs of texts whose resemblance is at least this, the earlier ones first; equal texts among them.

    >>> near_duplicates(["one two three four", "One two three four five", "six seven"])
    [Near(one=0, other=1, resemblance=0.6666666666666666)]

    A text of fewer than three words has one shingle, all of it; a text without a word has none. A text that more than
    a hundred texts share is not found: all its shingles are too usual.
    """
    return _near(texts, len(texts), least)


def nearly_among(texts: Sequence[str], others: Sequence[str], least: float = RESEMBLANCE) -> list[int]:
    """The places of the texts to which one of the others is nearly the same, in their order.

    >>> nearly_among(["six seven", "one two three four"], ["One two three four five"])
    [1]
    """
    return sorted({each.one for each in _near([*texts, *others], len(texts), least) if each.other >= len(texts)})


def comparable(*lists: Sequence[str]) -> bool:
    """Whether these texts are few enough to compare all of them."""
    return sum(len(text) for texts in lists for text in texts) <= MOST_COMPARED


def _near(texts: Sequence[str], first: int, least: float) -> list[Near]:
    """The pairs of which one text is among the first ones."""
    import numpy as np
    from scipy.sparse import csr_array

    text, kind, sizes = _shared_shingles(texts)
    shape = (len(texts), int(kind.max(initial=-1)) + 1)
    has = csr_array((np.ones(len(text), np.int32), (text, kind)), shape)
    common = (has[:first] @ has.T).tocoo()
    above = common.row < common.col
    one, other, both = common.row[above], common.col[above], common.data[above]
    resemblance = both / (sizes[one] + sizes[other] - both)
    near = np.flatnonzero(resemblance >= least)
    order = near[np.lexsort((other[near], one[near]))]
    return [Near(int(one[at]), int(other[at]), float(resemblance[at])) for at in order]


def _shared_shingles(texts: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The shingles that some texts share, each once a text: text and shingle; and how many shingles each text has."""
    import numpy as np

    text, found = _shingles(texts)
    # Most shingles stand in one text only; a bucket of their own says so before anything is sorted.
    buckets = found % _BUCKETS
    alone = np.bincount(buckets, minlength=_BUCKETS)[buckets] == 1
    sizes = np.bincount(text[alone], minlength=len(texts))
    text, found = text[~alone], found[~alone]
    order = np.argsort(found, kind="stable")  # the texts of a shingle stay in their order
    text, found = text[order], found[order]
    new = np.ones(len(text), bool)
    new[1:] = found[1:] != found[:-1]
    kind = np.cumsum(new) - 1
    once = new.copy()
    once[1:] |= text[1:] != text[:-1]
    text, kind = text[once], kind[once]
    counts = np.bincount(kind)[kind] if len(kind) else kind
    usual = counts <= _MOST_TEXTS
    sizes = sizes + np.bincount(text[usual], minlength=len(texts))
    shared = usual & (counts > 1)
    return text[shared], kind[shared], sizes


def _shingles(texts: Sequence[str]) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The shingles of all texts: the text's place, and a number for the shingle."""
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
    return text[whole], found[whole]
