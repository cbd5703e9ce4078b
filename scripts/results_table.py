"""The rows of a comparison over data sets and seeds, and differences between methods."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

import numpy as np
from paired import Estimate, estimate

from prunetext.comparison.agenda import method_of
from prunetext.comparison.rows import ComparedRow
from prunetext.models.protocol import load_family

NAMES = {
    "sst2": "SST-2, phrases",
    "chnsenticorp": "ChnSentiCorp",
    "ag_news": "AG News, 10,000 texts",
    "thucnews": "THUCNews, 10,000 texts",
}
SIZES = ("1/2", "1/4", "1/10", "1/30")


class Table:
    """All rows, by data set, method, size and seed."""

    def __init__(self, rows: Sequence[ComparedRow]) -> None:
        self.rows = {(row.data, row.method, row.size, row.seed): row for row in rows}
        self.sets = [name for name in NAMES if any(row.data == name for row in rows)]
        self.seeds = sorted({row.seed for row in rows})
        self.methods = sorted({row.method for row in rows if "/" in row.method})
        self.pairs = [(data, seed) for data in self.sets for seed in self.seeds]

    def values(
        self, method: str, sizes: Sequence[str], of: str = "test", pairs: Sequence[tuple[str, int]] | None = None
    ) -> np.ndarray:
        """A method's mean over sizes for each data set and seed; nan where it has no row."""
        return np.array(
            [
                mean(float(getattr(self.rows.get((data, method, size, seed)), of, np.nan)) for size in sizes)
                for data, seed in (pairs or self.pairs)
            ]
        )

    def seconds(self, method: str) -> np.ndarray:
        """What all sizes take, for each data set and seed: each by itself, or the way down to the smallest."""
        if method_of(method, load_family("textcnn")).schedule.continues:
            return self.values(method, SIZES[-1:], "seconds")
        return len(SIZES) * self.values(method, SIZES, "seconds")

    def against(self, one: str, other: str, sizes: Sequence[str], of: str = "test") -> Estimate:
        """How much better one method is than another, in points, over data sets and seeds."""
        return estimate(self.values(one, sizes, of) - self.values(other, sizes, of))
