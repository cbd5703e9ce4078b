"""The result of a benchmark for one model: a row of measures, each with its spread and its ratio."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any, NamedTuple

HIGHER_IS_BETTER = ("texts_per_second", "texts_per_second_all", "megabytes_per_second", "megabytes_per_second_all")
MEASURES = (*HIGHER_IS_BETTER, "p50", "p99", "cold_start", "memory")


class Spread(NamedTuple):
    """The minimum, median and maximum of some measurements.

    >>> Spread.of([3.0, 1.0, 2.0])
    Spread(min=1.0, median=2.0, max=3.0)
    """

    min: float
    median: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """The spread of at least one measurement."""
        return cls(min(values), statistics.median(values), max(values))


class BenchRow(NamedTuple):
    """One model, peer or floor; None stands for a missing value.

    measures: by the names in `MEASURES`; speeds with all threads end in `_all`; p50 and p99 are microseconds for one
    text; cold_start is milliseconds from the start of a process to its first label, minus those of bare Python; memory
    is the bytes that loading and the first labels add to a process. ratios: prunetext's advantage in each, pair by
    pair: its speed over the other's, the other's time or bytes over its own.
    """

    name: str
    version: str
    kind: str  # model, peer or floor
    bytes: int | None
    accuracy: float | None  # share of the labels
    measures: dict[str, Spread]
    ratios: dict[str, Spread]

    def fields(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        spreads = {
            name: {key: each._asdict() for key, each in getattr(self, name).items()} for name in ("measures", "ratios")
        }
        return {**self._asdict(), **spreads}


def ratios(ours: dict[str, list[float]], theirs: dict[str, list[float]]) -> dict[str, Spread]:
    """Our advantage as a ratio, pair by pair: their time or bytes over ours, our speed over theirs.

    >>> ratios({"p50": [2.0, 2.0]}, {"p50": [6.0, 8.0], "p99": [9.0]})
    {'p50': Spread(min=3.0, median=3.5, max=4.0)}

    A pair with a value that is not positive, as a difference of times can be by chance, is left out.
    """
    found = {}
    for name in ours.keys() & theirs.keys():
        pairs = [(one, other) for one, other in zip(ours[name], theirs[name], strict=False) if one > 0 and other > 0]
        values = [one / other if name in HIGHER_IS_BETTER else other / one for one, other in pairs]
        if values:
            found[name] = Spread.of(values)
    return {name: found[name] for name in MEASURES if name in found}
