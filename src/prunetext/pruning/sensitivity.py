"""What each group alone could do without: a share of it removed, nothing trained, dev asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prunetext.models.textcnn.rounding import balance
from prunetext.pruning.budget import Budget
from prunetext.pruning.choosing import sample_loss
from prunetext.pruning.cutting import highest
from prunetext.pruning.methods import Method
from prunetext.pruning.problem import Task
from prunetext.pruning.search import Search
from prunetext.pruning.shrinking import shrink

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


class Sensitivity(NamedTuple):
    """One group without its lowest share of units, without recovery, against the dense model on dev."""

    group: str
    removed: int  # units
    share: float  # of the group
    bytes: int  # of the packed file
    drop: float  # points of the metric
    error: float  # its standard error
    loss: float  # rise of the mean cross-entropy, in nats


def sensitivity(
    task: Task, method: Method, folder: Path, progress: Callable[[str], None] | None = None
) -> Iterator[Sensitivity]:
    """Measure each group alone, group by group, the smallest share first.

    rows = list(sensitivity(task, load_method("taylor", "local"), folder))
    """
    search = Search(task, method.criterion, Budget(), folder, method.name)
    search.start()
    scored = search.score(search.root, 0, "scores")
    loss, everywhere = sample_loss(task.dense, task.dev), np.arange(len(task.dev))
    for group in scored.groups:
        if progress is not None:
            progress(group.name)
        before = 0
        for share in SHARES:
            kept = {group.name: highest(group, scored.scores[group.name], share)}
            removed = int(np.sum(~kept[group.name]))
            if removed == before:  # of few units, several shares are as many
                continue
            before = removed
            small = shrink(scored.model, kept)
            balance(small)
            search.round_again(small)
            drop, error = search.drop(small, everywhere)
            yield Sensitivity(
                group.name,
                removed,
                removed / group.size,
                task.packed_size(small),
                drop,
                error,
                sample_loss(small, task.dev) - loss,
            )
