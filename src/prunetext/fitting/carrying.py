"""How a plan is carried out: the stages of a run, one after the other."""

from __future__ import annotations

import threading
from collections.abc import Callable

from prunetext.fitting.finishing import Result, finish
from prunetext.fitting.folder import Run
from prunetext.fitting.frontier import picked
from prunetext.fitting.plan import Plan
from prunetext.fitting.refit import final_models
from prunetext.fitting.remarks import Doubts, doubts_of_dense, doubts_of_pruned, foreseen
from prunetext.fitting.stages import begun, lessons_of, problem_of, search, train_dense
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem, Told
from prunetext.training.loop import Progress, threads, threads_for

Notice = Callable[[str], None] | None
Solve = Callable[[Plan, Run, Problem, Told], Solution]

TURN = threading.Lock()  # PyTorch has one generator a process: fits of several threads take turns


def carried_out(
    plan: Plan,
    run: Run,
    told: Callable[[str, Progress], None] | None = None,
    notice: Notice = None,
    began: float | None = None,
    solve: Solve | None = None,
) -> Result:
    """Carry out a plan in the folder of its run; `notice` and `began` as for `fit`.

    solve: finds the pruned model, if not the search that the plan names.
    """
    doubts = noticed(Doubts(tuple(foreseen(plan))), notice)
    # As many threads everywhere as in training: a sum that is split otherwise is rounded otherwise.
    with threads(threads_for(plan.work)):
        run.write_source(plan.source)
        run.take(plan.steps, plan.beliefs)
        lessons = lessons_of(plan, run, told)
        clock = begun(plan, began, lessons.seconds)
        train = lessons.encoded["train"]
        settings = plan.settings(len(train), train.targets)
        dense = train_dense(plan, run, lessons, settings, clock, told)
        dev = lessons.encoded["dev"]
        doubts = doubts.and_then(noticed(doubts_of_dense(plan, dense.trained.model, dev), notice))
        problem = problem_of(plan, run, lessons, dense.trained, settings)
        if solve is not None:
            solution = solve(plan, run, problem, told)
        elif plan.pick is None:
            solution = search(plan, run, problem, clock, told, dense.ended)
        else:
            solution = picked(plan, run, problem, plan.pick, told)
        doubts = doubts.and_then(noticed(doubts_of_pruned(plan, doubts.missing, solution.model, dev), notice))
        final = final_models(plan, run, lessons, dense.trained, problem, solution, clock, told)
        return finish(plan, run, lessons, final, solution, clock, doubts)


def told_of(told: Told, name: str) -> Told:
    """A teller of the stages of one of several runs."""
    return None if told is None else lambda stage, now: told(f"{name}: {stage}", now)


def noticed(doubts: Doubts, notice: Notice) -> Doubts:
    """The same, told to whoever listens."""
    if notice is not None:
        for sentence in doubts.notes:
            notice(sentence)
    return doubts
