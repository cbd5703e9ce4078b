"""The frontier of a run: every candidate of its search with its size, speed and drop; and how one of them is taken."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from prunetext.errors import DamagedError, InputError, RunError
from prunetext.fitting.folder import Run
from prunetext.fitting.parts import SCRATCH, STEPS_FOLDER
from prunetext.fitting.plan import Pick, Plan
from prunetext.fitting.speeds import measured_speed
from prunetext.fitting.stages import Clock
from prunetext.pruning.curve import accepted_rows
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem, Told
from prunetext.pruning.search import begin_search
from prunetext.pruning.steps import Outcome
from prunetext.statistics.evaluation import Z_95

TIMED = 0.1  # seconds in which a candidate's speed is measured,
TIMING_ENDS = 0.9  # unless this share of max_time has passed


class Candidate(NamedTuple):
    """One model of a search, as dev saw it before its last recovery.

    `number` counts from the largest; `prunetext prune RUN --pick` takes it. `drop` is in points of the metric, as
    all candidates together tell it, between `low` and `high` (each bound with 95 % confidence). `texts_per_second` is
    None where no time was left to measure it, or where the model is gone.
    """

    number: int
    bytes: int
    texts_per_second: float | None
    drop: float
    low: float
    high: float
    accepted: bool
    chosen: bool


def numbered(history: Sequence[Outcome]) -> list[int]:
    """The rows of a history in the order of their numbers: the largest model first, the same size by age."""
    return sorted(range(len(history)), key=lambda at: -history[at].bytes)


def frontier_of(plan: Plan, run: Run, solution: Solution, clock: Clock) -> list[Candidate]:
    """Every candidate of the search with its size, speed, drop and interval; the speed is measured on dev."""
    rows, late = [], clock.deadline(TIMING_ENDS)
    for number, at in enumerate(numbered(solution.history), start=1):
        row = solution.history[at]
        speed = row.speed
        if speed is None and (late is None or time.monotonic() < late):
            with suppress(DamagedError, FileNotFoundError):  # the steps of an earlier run may be gone
                speed = measured_speed(plan, run.path(SCRATCH), solution.load(row.key), min(TIMED, plan.speed_seconds))
        low, drop, high = (round(row.fitted + part * Z_95 * row.fitted_error, 4) for part in (-1, 0, 1))
        rows.append(Candidate(number, row.bytes, speed, drop, low, high, row.accepted, at == solution.chosen))
    return rows


def picked(plan: Plan, run: Run, problem: Problem, pick: Pick, told: Told) -> Solution:
    """The solution that takes a candidate of an earlier search; it recovers as a chosen one does."""
    rows, most = list(pick.history), len(pick.history)
    if not 1 <= pick.number <= most:
        raise InputError(f"pick is {pick.number}: the frontier of that run has candidates from 1 to {most}.")
    at = numbered(rows)[pick.number - 1]
    search = begin_search(problem, plan.method, plan.budget, run.folder(STEPS_FOLDER), told=told)
    rows[0] = rows[0]._replace(key=search.whole.key)
    rows = accepted_rows(rows, plan.budget)
    try:
        model = copy.deepcopy(search.polish(rows[at]) if at else search.load(rows[0].key))
    except (DamagedError, FileNotFoundError):
        raise RunError(f"Candidate {pick.number} is no longer among the steps of that run. Repeat the run.") from None
    model.snap()
    return Solution(model, f"candidate {pick.number} was picked", None, rows, at, interrupted=False, load=search.load)
