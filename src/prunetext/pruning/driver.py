"""The only pruning loop: the schedule says how much, the criterion which; training recovers, and dev judges."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from prunetext.models.protocol import Model
from prunetext.pruning.budget import Budget
from prunetext.pruning.curve import accepted_rows
from prunetext.pruning.methods import Method
from prunetext.pruning.problem import Problem, Told
from prunetext.pruning.schedules import Schedule
from prunetext.pruning.search import POLISH, Search, begin_search
from prunetext.pruning.steps import Outcome, Step, Stop, beyond, enough, goals, missed, not_kept

STEP_COST = 2  # a step cuts, trains and judges, and takes at least so many times what judging the first model took


class Solution(NamedTuple):
    """The model that the search ends with, and the reason for its end."""

    model: Model
    reason: str
    confirmed: bool | None  # whether dev texts that the search never saw agree; None if they were not used
    history: list[Outcome]
    chosen: int  # which row of history the model is
    interrupted: bool  # whether somebody has ended the search
    load: Callable[[str], Model]  # gives the model of a row, by its key


class Walk(NamedTuple):
    """The reason why a walk of steps ended, the seconds of its longest step, and those saved by earlier searches."""

    reason: str
    longest: float = 0.0
    saved: float = 0.0


def pruned(
    problem: Problem,
    method: Method,
    budget: Budget,
    folder: Path,
    *,
    deadline: float | None = None,
    told: Told = None,
    record: Callable[[Sequence[Outcome]], None] | None = None,
) -> Solution:
    """Search the smallest model within the budget.

        solution = pruned(problem, load_method("taylor", "local", kinds), Budget(max_drop=0.5), folder)

    Every step leaves its weights and its outcome in `folder`; a resumed search, or one with another budget, does not
    repeat it. `record` is given the rows so far. Ctrl-C ends the search with the best model so far. `deadline` is a
    `time.monotonic()`.

    A size or a speed that cannot be reached must not ruin the model: where the budget allows any drop, the search then
    keeps to `DEFAULT_DROP`.
    """
    began = time.monotonic()
    search = begin_search(problem, method, budget, folder, deadline=deadline, told=told)
    first = STEP_COST * (time.monotonic() - began)
    if budget.max_drop is None and beyond(search.whole, budget):
        search = search.careful()
    history = [search.whole]
    walk = Walk("interrupted; this is the best model so far")
    try:
        walk = walked(search, method.schedule, history, record, first)
        if search.budget.max_drop is None and missed(history, budget) and not search.out_of_time(walk.longest):
            search, history = search.careful(), [search.whole]
            walk = walked(search, method.schedule, history, record, walk.longest)
    except KeyboardInterrupt:
        search = search.hurried()
    return concluded(search, method.schedule, history, walk)


def walked(
    search: Search,
    schedule: Schedule,
    history: list[Outcome],
    record: Callable[[Sequence[Outcome]], None] | None = None,
    longest: float = 0.0,
) -> Walk:
    """Take the steps that the schedule asks for; each adds a row to history. longest: seconds of a step so far."""
    walk, history[:] = Walk("", longest), accepted_rows(history, search.budget)
    while True:
        if record is not None:
            record(history)
        step = schedule.next(history, search.budget)
        if isinstance(step, Stop):
            return walk._replace(reason=step.reason)
        if search.out_of_time(walk.longest):
            return walk._replace(reason="the time was used up")
        began = time.monotonic()
        found = search.step(history, step)
        if any(row.key == found.outcome.key for row in history):  # the same model again: nothing has changed since
            ended = "nothing more can be removed"
            return walk._replace(reason=ended if search.budget.max_drop is None else not_kept(search.budget).reason)
        history[:] = accepted_rows([*history, found.outcome], search.budget)
        walk = walk._replace(longest=max(walk.longest, time.monotonic() - began), saved=walk.saved + found.saved)


def concluded(search: Search, schedule: Schedule, history: list[Outcome], walk: Walk) -> Solution:
    """Let the best row of history recover longer, judge it on unseen dev texts, and say which goals were missed."""
    budget, chosen, confirmed, reason = search.budget, ranking(history, search.budget)[-1], None, walk.reason
    search, model = polished(search, schedule, chosen, history, walk.longest)
    if chosen and budget.max_drop is not None:
        confirmed = search.evaluator.confirms(model, budget.max_drop)
        if confirmed is False:
            before = chosen
            search, chosen, consequence = stepped_back(search, schedule, history, chosen, walk.longest)
            reason += f"; dev texts kept out of the search did not confirm the smallest model{consequence}"
            if chosen != before:
                search, model = polished(search, schedule, chosen, history, walk.longest)
    if budget.max_size and search.evaluator.packed_size(model) > budget.max_size:
        reason += f"; {budget.max_size:,} bytes were not reached"
    if budget.min_speed and (history[chosen].speed or 0.0) < budget.min_speed:
        reason += f"; {budget.min_speed:,.0f} texts a second were not reached"
    final = copy.deepcopy(model)
    final.snap()
    return Solution(final, reason, confirmed, history, chosen, search.is_hurried, search.load)


def stepped_back(
    search: Search, schedule: Schedule, history: list[Outcome], chosen: int, longest: float
) -> tuple[Search, int, str]:
    """The row to take instead of one that unseen texts refused, and a clause on it.

    That is the next larger one, or the result of the schedule's next step after counting the refused one as a failure;
    but the refused one itself if no other is small and fast enough.
    """
    larger = ranking(history, search.budget)[-2]
    if enough(history, history[chosen], search.budget) and not enough(history, history[larger], search.budget):
        return search, chosen, ", but the next larger one exceeds the size or is too slow"
    refused = history[chosen]._replace(accepted=False, held=False, drop=100.0, fitted=100.0, fitted_error=0.0)
    rows = [*history[:chosen], refused]
    step = schedule.next(rows, search.budget)
    if isinstance(step, Step) and step.start == "best" and not search.out_of_time(longest):
        try:
            history[:] = accepted_rows([*history, search.step(rows, step).outcome], search.budget)
        except KeyboardInterrupt:
            search = search.hurried()
        else:
            newest = len(history) - 1  # with it, what the others count for may have changed
            larger = next(at for at in reversed(ranking(history, search.budget)) if at not in (chosen, newest))
            if history[newest].accepted and history[chosen].bytes < history[newest].bytes < history[larger].bytes:
                return search, newest, "; it is somewhat larger"
    return search, larger, "; it is one step larger"


def ranking(history: Sequence[Outcome], budget: Budget) -> list[int]:
    """Accepted rows, the best one last: it meets more goals than the others, or is smaller, or came later."""

    def merit(at: int) -> tuple[int, int, int]:
        met = sum(goal.met for goal in goals(history, history[at], budget))
        return met, -history[at].bytes, at

    return sorted((at for at, outcome in enumerate(history) if outcome.accepted), key=merit)


def polished(
    search: Search, schedule: Schedule, chosen: int, history: Sequence[Outcome], longest: float
) -> tuple[Search, Model]:
    """The chosen model, recovered longer if there is time and it helps; the search is hurried if interrupted."""
    if chosen and schedule.recovers and not search.out_of_time(POLISH * longest):
        try:
            return search, search.polish(history[chosen])
        except KeyboardInterrupt:
            search = search.hurried()  # the chosen model is good enough
    return search, search.load(history[chosen].key)
