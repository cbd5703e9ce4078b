"""What a search works on, and which texts of dev it may see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from prunetext.models.encoded import Encoded
from prunetext.models.textcnn.costs import STRUCTURE
from prunetext.models.textcnn.model import TextCNN
from prunetext.statistics.metrics import Gold, Measure
from prunetext.training.loop import Progress, Settings, logits

CONFIRM_SHARE = 0.3  # of dev, kept out of the search

Report = Callable[[str, Progress], None] | None


@dataclass(frozen=True)
class Task:
    """What the search works on: the trained dense model, its data, and the file size and speed of any model."""

    dense: TextCNN
    train: Encoded
    dev: Encoded  # all of it; the search sees `search_rows` alone
    packed_size: Callable[[TextCNN], int]
    recovery: Settings
    first: Settings  # how the dense model was trained,
    untrained: Callable[[], TextCNN] | None = None  # and what it was before
    speed: Callable[[TextCNN], float] | None = None  # texts a second of the packed model
    kinds: tuple[str, ...] = STRUCTURE
    table: str = "int8"
    metric: Measure | None = None  # on dev: what a drop is of, if not of accuracy

    @property
    def measure(self) -> Measure:
        """What a drop is of."""
        return self.metric or Measure("accuracy", Gold(self.dev.targets.numpy()))


def split_dev(n: int, seed: int, queries: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Rows of dev that the search sees, and rows that only confirm its last candidate; both sorted.

    Where rows are ranked by queries, all rows of a query go to the same side.
    """
    if queries is not None:
        _, query = np.unique(queries, return_inverse=True)
        seen, hidden = split_dev(int(query.max()) + 1, seed)
        return np.flatnonzero(np.isin(query, seen)), np.flatnonzero(np.isin(query, hidden))
    order = np.random.default_rng((seed, 3)).permutation(n)
    cut = n - int(n * CONFIRM_SHARE)
    return np.sort(order[:cut]), np.sort(order[cut:])


def right(model: TextCNN, examples: Encoded) -> np.ndarray:
    """Which texts the model labels rightly, shape (n,)."""
    return (logits(model, examples).argmax(1) == examples.targets).numpy()
