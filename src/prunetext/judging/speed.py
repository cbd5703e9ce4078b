"""How many texts a second a model labels."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from prunetext.training.loop import threads

SPEED_SECONDS = 0.3  # of measuring a speed


def speed_rows(count: int, most: int) -> npt.NDArray[np.int64]:
    """The rows that a speed is measured on, at most so many, evenly spread: files are often sorted by label.

    >>> speed_rows(3, 1000).tolist(), speed_rows(2500, 1000)[:4].tolist()
    ([0, 1, 2], [0, 2, 5, 7])
    """
    few = min(count, most)
    rows: npt.NDArray[np.int64] = np.arange(few, dtype=np.int64) * count // max(few, 1)
    return rows


def texts_per_second(run: Callable[[], object], texts: int, least_seconds: float = SPEED_SECONDS) -> float:
    """Median speed of repeated passes on one thread."""
    seconds: list[float] = []
    total = 0.0  # kept as we go: few texts take many passes, and summing all of them each time would take longer
    with threads(1):
        while total < least_seconds or len(seconds) < 2:
            began = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - began)
            total += seconds[-1]
    return texts / float(np.median(seconds))
