"""The only pruning loop: ask the schedule how much, the criterion which, let training recover, and judge on dev."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.rounding import rounding_of, snap
from prunetext.pruning.budget import Budget
from prunetext.pruning.methods import Method
from prunetext.pruning.problem import Report, Task
from prunetext.pruning.schedules import Outcome, Schedule, Step, Stop, enough, goals
from prunetext.pruning.search import POLISH, Search


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
    history, longest = [search.start()], 0.0
    try:
        reason, longest = walk(search, method.schedule, history, record)
    except KeyboardInterrupt:
        reason, search.deadline = "interrupted; this is the best model so far", 0.0
    return concluded(search, method.schedule, history, reason, longest)


def walk(
    search: Search,
    schedule: Schedule,
    history: list[Outcome],
    record: Callable[[Sequence[Outcome]], None] | None = None,
) -> tuple[str, float]:
    """Take the steps that the schedule asks for; why they ended, and the seconds of the longest."""
    longest = 0.0
    while True:
        if record is not None:
            record(history)
        step = schedule.next(history, search.budget)
        if isinstance(step, Stop):
            return step.reason, longest
        if out_of_time(search, longest):
            return "the time is spent", longest
        began = time.monotonic()
        history.append(search.step(history, step))
        longest = max(longest, time.monotonic() - began)


def concluded(search: Search, schedule: Schedule, history: list[Outcome], reason: str, longest: float) -> Solution:
    """Let the best row of history recover longer, ask unseen dev texts about it, and say what was not reached."""
    budget, chosen, confirmed = search.budget, ranking(history, search.budget)[-1], None
    model = polished(search, chosen, history, longest)
    if chosen and budget.max_drop is not None:
        confirmed = search.confirms(model)
        if confirmed is False:
            before = chosen
            chosen, consequence = stepped_back(search, schedule, history, chosen, longest)
            reason += f"; dev texts kept out of the search did not confirm the smallest model, {consequence}"
            model = model if chosen == before else polished(search, chosen, history, longest)
    if budget.max_size and search.task.packed_size(model) > budget.max_size:
        reason += f"; {budget.max_size:,} bytes were not reached"
    if budget.min_speed and (history[chosen].speed or 0.0) < budget.min_speed:
        reason += f"; {budget.min_speed:,.0f} texts a second were not reached"
    final = copy.deepcopy(model)
    snap(final, rounding_of(final, search.task.table))
    return Solution(final, reason, confirmed, history, chosen)


def stepped_back(
    search: Search, schedule: Schedule, history: list[Outcome], chosen: int, longest: float
) -> tuple[int, str]:
    """The row to take in the place of one that unseen texts refused, and what to say of it.

    That is the next larger one, or what the schedule's next step makes of it where the refused one is a failure; but
    the refused one itself if only that is small and fast enough.
    """
    larger = ranking(history, search.budget)[-2]
    if enough(history, history[chosen], search.budget) and not enough(history, history[larger], search.budget):
        return chosen, "but the next larger one exceeds the size or is too slow"
    rows = [*history[:chosen], history[chosen]._replace(accepted=False, drop=100.0)]
    step = schedule.next(rows, search.budget)
    if isinstance(step, Step) and step.start == "best" and not out_of_time(search, longest):
        try:
            history.append(search.step(rows, step))
        except KeyboardInterrupt:
            search.deadline = 0.0
        else:
            if history[-1].accepted and history[-1].bytes < history[larger].bytes:
                return len(history) - 1, "so it is somewhat larger"
    return larger, "so it is one step larger"


def out_of_time(search: Search, seconds: float) -> bool:
    """Whether something that takes so long would end too late."""
    return search.deadline is not None and time.monotonic() + seconds > search.deadline


def ranking(history: Sequence[Outcome], budget: Budget) -> list[int]:
    """Rows that were accepted, the best one last: it meets more goals than others, or is smaller, or came later."""

    def merit(at: int) -> tuple[int, int, int]:
        met = sum(goal.met for goal in goals(history, history[at], budget))
        return met, -history[at].bytes, at

    return sorted((at for at, outcome in enumerate(history) if outcome.accepted), key=merit)


def polished(search: Search, chosen: int, history: Sequence[Outcome], longest: float) -> TextCNN:
    """The chosen model, recovered longer if there is time and it helps."""
    if chosen and not out_of_time(search, POLISH * longest):
        try:
            return search.polish(history[chosen])
        except KeyboardInterrupt:
            search.deadline = 0.0  # the chosen model is good as it is
    return search.load(history[chosen].key)
