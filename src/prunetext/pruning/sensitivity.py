"""The sensitivity of each group alone: a share of it is removed, nothing is trained, dev judges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from prunetext.pruning.budget import Budget
from prunetext.pruning.choosing import sample_loss
from prunetext.pruning.cutting import highest
from prunetext.pruning.methods import Method
from prunetext.pruning.problem import Problem
from prunetext.pruning.search import begin_search
from prunetext.pruning.shrinking import shrink
from prunetext.statistics.bootstrap import paired_drop

REMOVED_SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)


class Sensitivity(NamedTuple):
    """One group without its lowest share of units, without recovery, against the dense model on dev."""

    group: str
    removed: int  # units
    share: float  # of the group
    bytes: int  # of the packed file
    drop: float  # points of the metric
    error: float  # its standard error
    loss: float  # rise of the mean cross-entropy, in nats


def sensitivities(
    problem: Problem, method: Method, folder: Path, progress: Callable[[str], None] | None = None
) -> Iterator[Sensitivity]:
    """Measure each group alone, group by group, the smallest share first.

    rows = list(sensitivities(problem, load_method("taylor", "local", kinds), folder))
    """
    search = begin_search(problem, method, Budget(), folder)
    scored = search.maker.score(search.maker.root, 0, "scores")
    loss, judge = sample_loss(problem.dense, problem.dev), search.evaluator
    for group in scored.groups:
        if progress is not None:
            progress(group.name)
        before = 0
        for share in REMOVED_SHARES:
            kept = {group.name: highest(group, scored.scores[group.name], share)}
            removed = int(np.sum(~kept[group.name]))
            if removed == before:  # with few units, several shares round to the same number
                continue
            before = removed
            small = shrink(scored.model, kept)
            small.normalise()
            drop, error = paired_drop(judge.measure, judge.dense_answers, judge.packed_answers(small))
            with small.on_grid():
                rise = sample_loss(small, problem.dev) - loss
            size = problem.packed_size(small)
            yield Sensitivity(group.name, removed, removed / group.size, size, drop, error, rise)
