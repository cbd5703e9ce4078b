"""How much is kept at each step: a schedule is a function of what happened so far."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import NamedTuple, cast

from prunetext.errors import InputError
from prunetext.pruning.budget import Budget

FIRST_STEP = math.log(2)  # halve the bytes
LAST_STEP = math.log(1.12)  # a finer step is not worth its recovery
LEAST_STEP = 0.97  # even next to the wanted size
OVERSHOOT = 0.99  # aim a little below a size, since strings and headers are only estimated


class Step(NamedTuple):
    """What to do next: cut the last good model to so many packed bytes, then let it recover."""

    keep: float  # share of the unpruned model's packed bytes


class Stop(NamedTuple):
    """Why the search ends, in words."""

    reason: str


class Outcome(NamedTuple):
    """One row of history: the step as asked, what came of it, and whether the budget's search rule took it."""

    keep: float  # share of packed bytes that the model really has
    bytes: int
    drop: float  # accuracy points on the search part of dev
    accepted: bool


Schedule = Callable[[Sequence[Outcome], Budget], Step | Stop]

SCHEDULES = {"local": "prunetext.pruning.schedules:local"}


def load_schedule(name: str) -> Schedule:
    """Find a schedule by name; an unknown one raises `InputError`.

    >>> load_schedule("local") is local
    True
    """
    if name not in SCHEDULES:
        raise InputError(f"schedule {name!r} is unknown. Choose one of {', '.join(SCHEDULES)}.")
    module, _, attribute = SCHEDULES[name].partition(":")
    return cast(Schedule, getattr(import_module(module), attribute))


def local(history: Sequence[Outcome], budget: Budget) -> Step | Stop:
    """Enlarge the pruned part of a fully trained model until accuracy can no longer be kept.

    The first step halves the bytes. A step that holds is followed by one as large; one that fails goes back to the
    last good model and tries half as far (on a logarithmic scale). A size budget is approached in the same steps and
    ends the search when it is met; without an accuracy budget every step counts as holding.
    history[0] is the unpruned model.
    """
    good = [outcome for outcome in history if outcome.accepted][-1]
    wanted = budget.max_size / history[0].bytes * history[0].keep if budget.max_size else 0.0
    if budget.max_size and good.bytes <= budget.max_size:
        return Stop(f"the packed file is within {budget.max_size:,} bytes")
    step, last_good = FIRST_STEP, history[0]
    for outcome in history[1:]:
        if not outcome.accepted:
            step /= 2
        elif outcome.keep > last_good.keep * 0.995:
            return Stop("nothing more can be removed")
        else:
            last_good = outcome
    if step < LAST_STEP:
        drop = f"{budget.max_drop:g}" if budget.max_drop is not None else "the"
        return Stop(f"a smaller model no longer kept accuracy within {drop} points on dev")
    keep = max(good.keep * math.exp(-step), wanted * OVERSHOOT)
    return Step(min(keep, good.keep * LEAST_STEP))
