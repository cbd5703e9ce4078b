"""Summarise rows: means over seeds with intervals, the best first at each size."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import mean, stdev
from typing import NamedTuple

from scipy.stats import t

from prunetext.comparison.rows import ComparedRow


class Line(NamedTuple):
    """One method at one size, over all seeds."""

    size: str
    method: str
    seeds: int
    test: float  # mean accuracy, %
    margin: float  # half the width of its 95 % interval over seeds, Student's t; infinite with one seed
    drop: float  # mean, points
    bytes: float  # mean
    texts_per_second: float  # mean
    seconds: float  # mean
    verdicts: str  # such as "2 kept, 1 undecided"
    over: int = 0  # how many are larger than the size asked for


def summarise(rows: Iterable[ComparedRow]) -> list[Line]:
    """A line for each method and size: sizes from the largest down, the most accurate method first."""
    groups: dict[tuple[str, str], list[ComparedRow]] = {}
    for row in rows:
        groups.setdefault((row.size, row.method), []).append(row)
    lines = [line_of(size, method, group) for (size, method), group in groups.items()]
    budget = {row.size: float(row.budget) for row in (each[0] for each in groups.values())}
    return sorted(lines, key=lambda line: (line.size == "any", -budget[line.size], -line.test))


def line_of(size: str, method: str, rows: Sequence[ComparedRow]) -> Line:
    """The means over seeds."""
    counts = Counter(row.verdict for row in rows)
    verdicts = ", ".join(f"{counts[name]} {name}" for name in ("kept", "undecided", "lost") if counts[name])
    return Line(
        size,
        method,
        len(rows),
        mean(row.test for row in rows),
        margin([row.test for row in rows]),
        mean(row.drop for row in rows),
        mean(row.bytes for row in rows),
        mean(row.texts_per_second for row in rows),
        mean(row.seconds for row in rows),
        verdicts,
        sum(row.bytes > row.budget for row in rows),
    )


def margin(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of a mean, by Student's t.

    >>> round(margin([90.0, 91.0, 92.0]), 2)
    2.48
    """
    if len(values) < 2:
        return math.inf
    return float(t.ppf(0.975, len(values) - 1)) * stdev(values) / math.sqrt(len(values))
