"""What a smaller model lost on parts of the texts, and which part lost more than the others.

    changes = slice_changes([TextSlice("source", "forum", forum), TextSlice("source", "mail", mail)], before, now)
    changes[0].sentence()    # 'source mail: 10.00 points lost on 90 texts, at least 2.50; on the others, 0.20.'

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
from scipy.special import gammaln, log_ndtr, logsumexp, ndtri

from prunetext.statistics.answers import Array
from prunetext.statistics.evaluation import Z_80, Z_95, paired_bounds

LEVEL = 0.05  # of all slices together
FEWEST = 20  # texts of a slice that is tested; fewer would not show a loss
_MOST_CELLS = 4_000_000  # numbers of texts lost and gained that are added up, for one slice
_REACH = 10  # standard deviations, and texts, beyond which numbers are as good as impossible


class TextSlice(NamedTuple):
    """Some of the texts: those that have this value of this column. inside: bool (texts,)."""

    column: str
    value: str
    inside: Array


class SliceChange(NamedTuple):
    """What the smaller model lost on one slice. Accuracies are shares in 0..1, drops are in points.

    `changed`: texts on which one model is right and the other wrong. `low` and `high`: one-sided 95 % bounds of the
    drop that hold for all slices together. `rest`: the drop on all other texts. `p`: the probability, corrected for the
    number of slices, that as many random texts lose so much; 1 where there are too few texts to test. `smallest`: the
    smallest drop that these texts would probably have shown (power 80 %). `lost`: it is flagged, and its drop is
    certainly more than max_drop. `mean`, `deviation` and `auc`: of the smaller model's scores inside of the slice.
    """

    column: str
    value: str
    n: int
    changed: int
    before: float
    now: float
    drop: float
    low: float
    high: float
    rest: float
    p: float
    smallest: float
    lost: bool
    mean: float | None = None
    deviation: float | None = None
    auc: float | None = None

    @property
    def flagged(self) -> bool:
        """Whether this slice lost more than the other texts, beyond chance."""
        return self.p <= LEVEL

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self._asdict(), "flagged": self.flagged}

    def sentence(self) -> str:
        """Say it in plain words.

        >>> SliceChange("source", "mail", 90, 9, 0.9, 0.8, 10.0, 2.5, 18.0, 0.2, 0.001, 6.0, True).sentence()
        'source mail: 10.00 points lost on 90 texts, at least 2.50; on the others, 0.20.'
        """
        least = f", at least {self.low:.2f}" if self.low > 0 else ""
        return (
            f"{self.column} {self.value}: {self.drop:.2f} points lost on {self.n:,} texts{least}; "
            f"on the others, {self.rest:.2f}."
        )


def slice_changes(
    slices: Sequence[TextSlice], before: ArrayLike, now: ArrayLike, max_drop: float = 0.5
) -> list[SliceChange]:
    """The change of each slice that has a text, the most certain damage first.

    >>> right, wrong = np.ones(100, bool), np.arange(100) >= 8
    >>> parts = [TextSlice("part", "a", np.arange(100) < 20), TextSlice("part", "b", right)]
    >>> found = slice_changes(parts, right, wrong)
    >>> [(each.value, each.drop, each.flagged) for each in found]
    [('a', 40.0, True), ('b', 8.0, False)]

    before, now: whether the larger and the smaller model are right on each text, bool (texts,). Slices of fewer than
    `FEWEST` texts are not tested. Equally certain ones come by their drops, then in the order given.
    """
    one, other = np.asarray(before, bool), np.asarray(now, bool)
    lost, gained = one & ~other, other & ~one
    slices = [each for each in slices if each.inside.any()]
    sizes = [int(each.inside.sum()) for each in slices]
    tested = [at for at, n in enumerate(sizes) if n >= FEWEST]
    chances = [1.0] * len(slices)
    for at in tested:
        chances[at] = worse_than_random(lost, gained, slices[at].inside)
    joint = chances.copy()
    for at, p in zip(tested, corrected([chances[at] for at in tested]), strict=True):
        joint[at] = p
    bound = float(ndtri(1 - LEVEL / max(len(slices), 1)))
    found = []
    for each, n, p in zip(slices, sizes, joint, strict=True):
        down, up = int(lost[each.inside].sum()), int(gained[each.inside].sum())
        rest = (int(lost.sum()) - down - int(gained.sum()) + up) / max(len(lost) - n, 1)
        low, high = paired_bounds(down, up, n, bound)
        shares = float(one[each.inside].mean()), float(other[each.inside].mean())
        drops = 100 * (down - up) / n, low, high, 100 * rest
        ends = smallest_drop(down + up, n, bound), p <= LEVEL and low > max_drop
        found.append(SliceChange(each.column, each.value, n, down + up, *shares, *drops, p, *ends))
    order = sorted(range(len(found)), key=lambda at: (chances[at], -found[at].drop))
    return [found[at] for at in order]


def smallest_drop(changed: int, n: int, z: float = Z_95) -> float:
    """The smallest drop, in points, that n texts show with a power of 80 %, if models differ on so many of them.

    >>> round(smallest_drop(20, 1000), 2), round(smallest_drop(0, 20), 1)
    (1.13, 23.6)

    z: of the bound that has to be above zero. Models differ on at least as many texts as the drop has.
    """
    share = (changed + 1) / (n + 2)  # never estimated as zero
    least = (z + Z_80) ** 2 / (n + (z + Z_80) ** 2)  # if no text is gained
    return 100 * math.sqrt(least * max(share, least))


def worse_than_random(lost: Array, gained: Array, inside: Array) -> float:
    """The probability that as many random texts have at least this many more texts lost than gained.

    >>> lost, inside = np.arange(10) < 2, np.arange(10) < 5
    >>> round(worse_than_random(lost, np.zeros(10, bool), inside), 4)    # both of two lost texts among five of ten
    0.2222

    It is exact but for numbers that are ten standard deviations off. If millions of pairs of numbers are possible, it
    is the normal approximation, with a correction for continuity.
    """
    n, m, down, up = len(lost), int(inside.sum()), int(lost.sum()), int(gained.sum())
    seen = int(lost[inside].sum()) - int(gained[inside].sum())
    mean = (down - up) * m / n
    if seen <= mean or m == n:  # no more than its share
        return 1.0
    excess = seen - mean
    first, last = _likely(n, down, m, 0, excess)
    fewest, most = _likely(n, up, m, excess, 0)
    if (last - first + 1) * (most - fewest + 1) > _MOST_CELLS:
        square = (down + up - (down - up) ** 2 / n) / n
        error = math.sqrt(square * m * (n - m) / (n - 1))
        return float(np.exp(log_ndtr(-(excess - 0.5) / error)))
    a, b = np.arange(first, last + 1)[:, None], np.arange(fewest, most + 1)
    possible = (a + b <= m) & (m - a - b <= n - down - up) & (a - b >= seen)
    at, to = np.nonzero(possible)
    if not len(at):
        return 0.0
    factorials = gammaln(np.arange(n + 2) + 1.0)
    a, b = a[at, 0], b[to]
    others = n - down - up
    ways = factorials[down] - factorials[a] - factorials[down - a] + factorials[up] - factorials[b]
    ways = ways - factorials[up - b] + factorials[others] - factorials[m - a - b] - factorials[others - m + a + b]
    return float(min(1.0, np.exp(logsumexp(ways) - factorials[n] + factorials[m] + factorials[n - m])))


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


def _likely(n: int, marked: int, drawn: int, fewer: float, more: float) -> tuple[int, int]:
    """The numbers of marked texts among the drawn ones that are at all likely, or by so many fewer or more."""
    fewest, most = max(0, drawn - (n - marked)), min(marked, drawn)
    mean = marked * drawn / n
    reach = _REACH * (1 + math.sqrt(mean * (1 - drawn / n) * (n - marked) / max(n - 1, 1)))
    return max(fewest, math.floor(mean - reach - fewer)), min(most, math.ceil(mean + reach + more))
