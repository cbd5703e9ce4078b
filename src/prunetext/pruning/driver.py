"""The only pruning loop: ask the schedule how much, the criterion which, let training recover, and judge on dev."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from pathlib import Path

from prunetext.models.rounding import rounding_of, snap
from prunetext.models.textcnn import TextCNN
from prunetext.pruning.budget import Budget
from prunetext.pruning.criteria import Criterion
from prunetext.pruning.schedules import Outcome, Schedule, Stop
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
        reason, deadline = "interrupted; this is the best model so far", 0.0

    smallest = sorted((at for at, outcome in enumerate(history) if outcome.accepted), key=lambda at: -history[at].bytes)
    chosen, confirmed = smallest[-1], None
    model, deadline = polished(search, chosen, history, deadline, longest, progress)
    if chosen and budget.max_drop is not None:
        confirmed = search.confirms(model)
        if not confirmed:
            reason += "; dev texts kept out of the search did not confirm the smallest model"
            if budget.max_size and history[smallest[-2]].bytes > budget.max_size:
                reason += ", but the next larger one exceeds the size"
            else:
                chosen = smallest[-2]
                model, deadline = polished(search, chosen, history, deadline, longest, progress)
                reason += ", so it is one step larger"
    if budget.max_size and task.packed_size(model) > budget.max_size:
        reason += f"; {budget.max_size:,} bytes were not reached"
    final = copy.deepcopy(model)
    snap(final, rounding_of(final, task.table))
    return Solution(final, reason, confirmed, history, chosen)


def polished(
    search: Search,
    chosen: int,
    history: list[Outcome],
    deadline: float | None,
    longest: float,
    progress: Callable[[str, Progress], None] | None,
) -> tuple[TextCNN, float | None]:
    """The chosen model, recovered longer if there is time and it helps, and the deadline from then on."""
    if chosen and (deadline is None or time.monotonic() + POLISH * longest < deadline):
        try:
            return search.polish(chosen, history[chosen].drop, deadline, progress), deadline
        except KeyboardInterrupt:
            deadline = 0.0  # the chosen model is good as it is
    return search.candidate(chosen), deadline
