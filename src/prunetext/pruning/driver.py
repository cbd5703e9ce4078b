"""The only pruning loop: ask the schedule how much, the criterion which, let training recover, and judge on dev."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path

from prunetext.models.rounding import rounding_of, snap
from prunetext.pruning.budget import Budget
from prunetext.pruning.criteria import Criterion
from prunetext.pruning.schedules import Schedule, Stop
from prunetext.pruning.search import POLISH, Search, Solution, Task
from prunetext.training.loop import Progress


def prune(
    task: Task,
    criterion: Criterion,
    schedule: Schedule,
    budget: Budget,
    folder: Path,
    *,
    deadline: float | None = None,
    progress: Callable[[str, Progress], None] | None = None,
) -> Solution:
    """Search the smallest model that keeps to the budget.

        solution = prune(task, load_criterion("taylor"), load_schedule("local"), Budget(max_drop=0.5), folder)

    Every step leaves its weights and its outcome in `folder`, and is not done again when the search is resumed
    there. Ctrl-C ends the search with the best model so far. `deadline` is a `time.monotonic()`.
    """
    search = Search(task, criterion, budget, folder)
    history = [search.start()]
    reason, longest = "", 0.0
    try:
        while not reason:
            step = schedule(history, budget)
            if isinstance(step, Stop):
                reason = step.reason
            elif deadline is not None and time.monotonic() + longest > deadline:
                reason = "the time is spent"
            else:
                began = time.monotonic()
                history.append(search.step(history, step, deadline, progress))
                longest = max(longest, time.monotonic() - began)
    except KeyboardInterrupt:
        reason = "interrupted; this is the best model so far"
        deadline = 0.0
    solution = search.confirm(history, reason)
    try:
        if solution.chosen and (deadline is None or time.monotonic() + POLISH * longest < deadline):
            drop = history[solution.chosen].drop
            solution = solution._replace(model=search.polish(solution.chosen, drop, deadline, progress))
    except KeyboardInterrupt:
        pass  # the chosen model is good as it is
    final = copy.deepcopy(solution.model)
    snap(final, rounding_of(final, task.table))
    return solution._replace(model=final)
