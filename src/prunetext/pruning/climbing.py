"""Pruning by a given way of speeds: each model is made of the one before it, and learns from the dense one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path

from prunetext.pruning.budget import Budget
from prunetext.pruning.curve import accepted_rows
from prunetext.pruning.driver import Solution
from prunetext.pruning.methods import Method
from prunetext.pruning.problem import Problem, Told
from prunetext.pruning.schedules import TOUCHES, touch_up
from prunetext.pruning.search import begin_search
from prunetext.pruning.steps import Outcome, Step, enough


def climbed(
    problem: Problem,
    method: Method,
    min_speed: float,
    shares: Sequence[float],
    epochs: float,
    folder: Path,
    told: Told = None,
    record: Callable[[Sequence[Outcome]], None] | None = None,
) -> Solution:
    """The model at the end of a way of shares of the unpruned model's time.

        climbed(problem, method, 2000.0, [0.6, 0.4], 1.0, folder).history      # the unpruned model, and two steps

    min_speed: in texts a second; if the last step misses it by little, small ones follow. Whatever a model loses, the
    way goes on: that is for a verdict to say. epochs: of each recovery, as a multiple of the usual one; with 0, nothing
    is trained. Steps that are in `folder` are not made again: the way to one speed begins with that to a lower one. An
    interrupt ends it, and the next call goes on.
    """
    budget = Budget(min_speed=min_speed, metric=problem.measure.title)
    search = begin_search(problem, method, budget, folder, told=told)
    history = [search.whole]

    def take(step: Step) -> bool:
        found = search.step(history, step._replace(epochs=epochs)).outcome
        is_new = all(row.key != found.key for row in history)
        if is_new:
            history[:] = accepted_rows([*history, found], budget)
        if record is not None:
            record(history)
        return is_new

    for share in shares:
        take(Step(share, "time", start="last"))
    touches = 0
    while len(history) > 1 and touches < TOUCHES and not enough(history, history[-1], budget):
        if not take(touch_up(history, budget)):
            break
        touches += 1
    last = history[-1]
    model = search.polish(last) if epochs and len(history) > 1 else search.load(last.key)
    final = copy.deepcopy(model)
    final.snap()
    met = enough(history, last, budget)
    reason = f"{min_speed:,.0f} texts a second were not reached" if met is None else met.reason
    return Solution(final, reason, None, history, len(history) - 1, False, search.load)
