"""What a smaller model lost on parts of the texts, and which part lost more than the others.

    changes = slice_changes([Slice("source", "forum", forum), Slice("source", "mail", mail)], before, now, max_drop=0.5)
    changes[0].sentence()    # 'source forum: 3.20 points lost of 812 texts, at least 1.10; of the others, 0.10.'

A slice is flagged if texts drawn at random would seldom lose as much: given how many texts the smaller model lost and
gained in all, those of a random part of this size are hypergeometric. With many slices some lose more by chance, so the
probabilities are corrected for their number: a report in which no slice differs flags one in 5 % of cases at most.

Source: S. Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6 (1979).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, ndtri

from prunetext.statistics.answers import Array
from prunetext.statistics.evaluation import Z_80, Z_95, paired_bounds

LEVEL = 0.05  # of all slices together
_MOST_CELLS = 200_000  # numbers of texts lost and gained that are added up, for one slice
_SPREADS = 12  # standard deviations round the mean that are added up if there are more


class Slice(NamedTuple):
    """Some of the texts: those that have this value of this column. inside: bool (texts,)."""

    column: str
    value: str
    inside: Array


class SliceChange(NamedTuple):
    """What the smaller model lost on one slice. Accuracies are shares in 0..1, all else is in points.

    `low` and `high`: one-sided 95 % bounds of the drop that hold for all slices together. `rest`: the drop on all other
    texts. `p`: the probability, corrected for the number of slices, that as many random texts lose so much. `smallest`:
    the smallest drop that these texts would probably have shown (power 80 %).
    """

    column: str
    value: str
    n: int
    before: float
    now: float
    drop: float
    low: float
    high: float
    rest: float
    p: float
    smallest: float
    changed: int  # texts on which one model is right and the other wrong
    lost: bool  # the drop is certainly more than max_drop

    @property
    def flagged(self) -> bool:
        """Whether this slice lost more than the other texts, beyond chance."""
        return self.p <= LEVEL

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self._asdict(), "flagged": self.flagged}

    def sentence(self) -> str:
        """Say it in plain words.

        >>> SliceChange("source", "mail", 90, 0.9, 0.8, 10.0, 2.5, 18.0, 0.2, 0.001, 6.0, 9, True).sentence()
        'source mail: 10.00 points lost on 90 texts, at least 2.50; on the others, 0.20.'
        """
        return (
            f"{self.column} {self.value}: {self.drop:.2f} points lost on {self.n:,} texts, at least {self.low:.2f}; "
            f"on the others, {self.rest:.2f}."
        )


def slice_changes(
    slices: Sequence[Slice], before: ArrayLike, now: ArrayLike, max_drop: float = 0.5
) -> list[SliceChange]:
    """The change of each slice that has a text, the most certain damage first.

    >>> right, wrong = np.ones(100, bool), np.arange(100) >= 8
    >>> found = slice_changes([Slice("part", "a", np.arange(100) < 20), Slice("part", "b", right)], right, wrong)
    >>> [(each.value, each.drop, each.flagged) for each in found]
    [('a', 40.0, True), ('b', 8.0, False)]

    before, now: whether the larger and the smaller model are right on each text, bool (texts,).
    """
    one, other = np.asarray(before, bool), np.asarray(now, bool)
    lost, gained = one & ~other, other & ~one
    slices = [each for each in slices if each.inside.any()]
    chances = corrected([worse_than_random(lost, gained, each.inside) for each in slices])
    bound = float(ndtri(1 - LEVEL / max(len(slices), 1)))
    found = []
    for each, p in zip(slices, chances, strict=True):
        n, down, up = (int(flags[each.inside].sum()) for flags in (np.ones_like(lost), lost, gained))
        others = len(lost) - n
        rest = (int(lost.sum()) - down - int(gained.sum()) + up) / max(others, 1)
        low, high = paired_bounds(down, up, n, bound)
        shares = float(one[each.inside].mean()), float(other[each.inside].mean())
        numbers = (100 * (down - up) / n, low, high, 100 * rest, p, smallest_drop(down + up, n), down + up)
        found.append(SliceChange(each.column, each.value, n, *shares, *numbers, low > max_drop))
    return sorted(found, key=lambda each: (each.p, -each.drop, each.column, each.value))


def smallest_drop(changed: int, n: int) -> float:
    """The smallest drop, in points, that n texts show with a power of 80 %, if models differ on so many of them.

    >>> round(smallest_drop(20, 1000), 2), round(smallest_drop(0, 20), 1)
    (1.14, 11.9)
    """
    share = (changed + 1) / (n + 2)  # never estimated as zero
    return 100 * (Z_95 + Z_80) * math.sqrt(share / n)


def worse_than_random(lost: Array, gained: Array, inside: Array) -> float:
    """The probability that as many random texts have at least this many more texts lost than gained.

    >>> lost, inside = np.arange(10) < 2, np.arange(10) < 5
    >>> round(worse_than_random(lost, np.zeros(10, bool), inside), 4)    # both of two lost texts among five of ten
    0.2222
    """
    n, m, down, up = len(lost), int(inside.sum()), int(lost.sum()), int(gained.sum())
    seen = int(lost[inside].sum()) - int(gained[inside].sum())
    if seen * n <= (down - up) * m or m == n:  # no more than its share
        return 1.0
    first, last = _likely(n, down, m)
    fewest, most = _likely(n, up, m)
    while (last - first + 1) * (most - fewest + 1) > _MOST_CELLS:  # far tails tell nothing that a report shows
        first, last = first + (last - first) // 20, last - (last - first) // 20
        fewest, most = fewest + (most - fewest) // 20, most - (most - fewest) // 20
    a, b = np.arange(first, last + 1)[:, None], np.arange(fewest, most + 1)
    possible = (a + b <= m) & (m - a - b <= n - down - up) & (a - b >= seen)
    a, b = np.broadcast_to(a, possible.shape)[possible], np.broadcast_to(b, possible.shape)[possible]
    ways = _choose(down, a) + _choose(up, b) + _choose(n - down - up, m - a - b) - _choose(n, np.array(m))
    return float(min(1.0, np.exp(ways).sum()))


def corrected(chances: Sequence[float]) -> list[float]:
    """Holm's correction: each probability times the number of those that are no smaller, never falling.

    >>> corrected([0.01, 0.5, 0.02])
    [0.03, 0.5, 0.04]
    """
    found, largest = [0.0] * len(chances), 0.0
    for rank, at in enumerate(sorted(range(len(chances)), key=chances.__getitem__)):
        largest = max(largest, min(1.0, chances[at] * (len(chances) - rank)))
        found[at] = largest
    return found


def _likely(n: int, marked: int, drawn: int) -> tuple[int, int]:
    """The numbers of marked texts among the drawn ones that are at all likely."""
    fewest, most = max(0, drawn - (n - marked)), min(marked, drawn)
    mean = marked * drawn / n
    reach = _SPREADS * (1 + math.sqrt(mean * (1 - drawn / n)))
    return max(fewest, math.floor(mean - reach)), min(most, math.ceil(mean + 3 * reach))


def _choose(total: int, some: Array) -> Array:
    """The logarithm of the number of ways to choose."""
    return np.asarray(gammaln(total + 1) - gammaln(some + 1) - gammaln(total - some + 1))
