"""The only pruning loop: ask the schedule how much, the criterion which, let training recover, and judge on dev."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from prunetext.models.rounding import rounding_of, snap
from prunetext.models.textcnn import TextCNN
from prunetext.pruning.budget import Budget
from prunetext.pruning.methods import Method
from prunetext.pruning.schedules import Outcome, Stop, goals
from prunetext.pruning.search import POLISH, Report, Search, Task


class Solution(NamedTuple):
    """The model that the search ends with, and why it ended."""

    model: TextCNN
    reason: str
    confirmed: bool | None  # did dev texts that the search never saw agree? None where they were not asked
    history: list[Outcome]
    chosen: int  # which row of history the model is


def prune(
    task: Task,
    method: Method,
    budget: Budget,
    folder: Path,
    *,
    deadline: float | None = None,
    progress: Report = None,
    record: Callable[[Sequence[Outcome]], None] | None = None,
) -> Solution:
    """Search the smallest model that keeps to the budget.

        solution = prune(task, load_method("taylor", "local"), Budget(max_drop=0.5), folder)

    Every step leaves its weights and its outcome in `folder`, and is not done again by a search that comes by it, be it
    this one resumed or another with another budget; `record` is given the rows so far. Ctrl-C ends the search with the
    best model so far. `deadline` is a `time.monotonic()`.
    """
    search = Search(task, method.criterion, budget, folder, method.name, progress)
    search.deadline = deadline
    history = [search.start()]
    reason, longest = "", 0.0
    try:
        while not reason:
            if record is not None:
                record(history)
            step = method.schedule.next(history, budget)
            if isinstance(step, Stop):
                reason = step.reason
            elif deadline is not None and time.monotonic() + longest > deadline:
                reason = "the time is spent"
            else:
                began = time.monotonic()
                history.append(search.step(history, step))
                longest = max(longest, time.monotonic() - began)
    except KeyboardInterrupt:
        reason, search.deadline = "interrupted; this is the best model so far", 0.0
    return concluded(search, history, reason, longest)


def concluded(search: Search, history: list[Outcome], reason: str, longest: float) -> Solution:
    """Let the best row of history recover longer, ask unseen dev texts, and say what was not reached."""
    budget = search.budget
    order = ranking(history, budget)
    chosen, confirmed = order[-1], None
    model = polished(search, chosen, history, longest)
    if chosen and budget.max_drop is not None:
        confirmed = search.confirms(model)
        if not confirmed:
            reason += "; dev texts kept out of the search did not confirm the smallest model"
            if all(goal.met for goal in goals(history, history[chosen], budget)) and not all(
                goal.met for goal in goals(history, history[order[-2]], budget)
            ):
                reason += (
                    ", but the next larger one exceeds the size"
                    if budget.max_size
                    else ", but the next one is too slow"
                )
            else:
                chosen = order[-2]
                model = polished(search, chosen, history, longest)
                reason += ", so it is one step larger"
    if budget.max_size and search.task.packed_size(model) > budget.max_size:
        reason += f"; {budget.max_size:,} bytes were not reached"
    if budget.min_speed and (history[chosen].speed or 0.0) < budget.min_speed:
        reason += f"; {budget.min_speed:,.0f} texts a second were not reached"
    final = copy.deepcopy(model)
    snap(final, rounding_of(final, search.task.table))
    return Solution(final, reason, confirmed, history, chosen)


def ranking(history: Sequence[Outcome], budget: Budget) -> list[int]:
    """Rows that were accepted, the best one last: it meets more goals than others, or is smaller, or came later."""

    def merit(at: int) -> tuple[int, int, int]:
        met = sum(goal.met for goal in goals(history, history[at], budget))
        return met, -history[at].bytes, at

    return sorted((at for at, outcome in enumerate(history) if outcome.accepted), key=merit)


def polished(search: Search, chosen: int, history: Sequence[Outcome], longest: float) -> TextCNN:
    """The chosen model, recovered longer if there is time and it helps."""
    if chosen and (search.deadline is None or time.monotonic() + POLISH * longest < search.deadline):
        try:
            return search.polish(history[chosen])
        except KeyboardInterrupt:
            search.deadline = 0.0  # the chosen model is good as it is
    return search.load(history[chosen].key)
