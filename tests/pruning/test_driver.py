"""The search keeps to its budget and ends with the best model, whatever stops it."""

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from prunetext.models.groups import TIME
from prunetext.pruning.budget import Budget
from prunetext.pruning.criteria.criterion import CRITERIA
from prunetext.pruning.curve import accepted_rows, limit_of
from prunetext.pruning.driver import Solution, ranking
from prunetext.pruning.problem import Problem, split_dev
from prunetext.pruning.schedules import SCHEDULES
from prunetext.pruning.search import Search
from prunetext.pruning.steps import Outcome
from prunetext.pruning.trials import UNSEEN
from prunetext.statistics.bootstrap import paired_drop
from prunetext.statistics.expected import expected_drop
from prunetext.statistics.gold import Gold
from prunetext.statistics.metrics import Measure
from prunetext.training.answering import answers
from prunetext.training.loop import Progress

Solve = Callable[..., Solution]
Searching = Callable[..., Search]
SMALL = 1_500  # bytes


def test_a_cut_without_a_recovery_trains_nothing(task: Problem, tmp_path: Path, solve: Solve) -> None:
    stages = list[str]()
    budget, told = Budget(max_drop=100), lambda stage, _: stages.append(stage)
    solution = solve(task, tmp_path, "fisher", "oneshot:work=0.5,recovery=0", budget=budget, told=told)
    assert stages == []
    left = [model.costs()[TIME]({}) for model in (task.dense, solution.model)]
    assert left[1] <= 0.5 * left[0]
    solve(task, tmp_path, "fisher", "oneshot:work=0.5", budget=budget, told=told)
    assert set(stages) == {"step 1", "final"}


@pytest.mark.parametrize("criterion", [*CRITERIA, "random:draws=2", "gradient:remove=largest"])
def test_the_search_keeps_to_its_budget_and_judges_by_its_rule(
    task: Problem, tmp_path: Path, solve: Solve, searching: Searching, criterion: str
) -> None:
    budget = Budget(max_drop=2)
    solution = solve(task, tmp_path, criterion, budget=budget)
    assert len(solution.history) > 1
    assert solution.reason
    whole = solution.history[0]
    assert (whole.keep, whole.accepted, whole.left) == (1.0, True, task.dense.counts())
    rows, _ = split_dev(100, 0)
    dense, measure = answers(task.dense, task.dev).subset(rows), task.measure.subset(rows)
    search = searching(task, tmp_path, criterion, budget=budget)
    assert solution.history == accepted_rows(solution.history, budget)
    for outcome in solution.history[1:]:
        model = search.load(outcome.key)
        with model.on_grid():
            now = answers(model, task.dev).subset(rows)
        drop, error = expected_drop(measure, dense, now)
        assert (outcome.drop, outcome.error) == pytest.approx((drop, math.hypot(error, UNSEEN / len(rows))))
        assert outcome.accepted == (outcome.fitted + outcome.fitted_error <= limit_of(2))
        assert outcome.bytes == task.packed_size(model)
        assert outcome.keep == outcome.bytes / whole.bytes
        assert outcome.left == model.counts()
        assert all(outcome.left[kind] >= 1 for kind in ("vocabulary", "dimensions", "filters"))
        assert (outcome.speed, outcome.time) == (None, 1.0)
    chosen = solution.history[solution.chosen]
    assert chosen.accepted
    assert task.packed_size(search.polish(chosen)) == task.packed_size(solution.model)


def test_pruning_repeats_itself(
    task: Problem, tmp_path: Path, solve: Solve, assert_same: Callable[[Solution, Solution], None]
) -> None:
    budget = Budget(max_drop=2)
    assert_same(solve(task, tmp_path / "first", budget=budget), solve(task, tmp_path / "again", budget=budget))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_reaches_a_size(task: Problem, tmp_path: Path, solve: Solve, schedule: str) -> None:
    solution = solve(task, tmp_path, schedule=schedule, budget=Budget(max_size=SMALL))
    assert 0.8 * SMALL < task.packed_size(solution.model) <= SMALL
    assert solution.reason == "the packed file is within 1,500 bytes"
    assert solution.confirmed is None


@pytest.mark.parametrize("penalty", ["group", "l1"])
def test_a_penalty_of_any_strength_leaves_units_in_every_group(
    task: Problem, tmp_path: Path, solve: Solve, penalty: str
) -> None:
    solution = solve(task, tmp_path, f"lasso:strength=1000,penalty={penalty}", budget=Budget(max_drop=50))
    for group in solution.model.groups(task.kinds):
        assert group.size >= 1
    assert all(outcome.left["filters"] >= 2 for outcome in solution.history)  # of two widths


def row(size: int, *, accepted: bool = True, speed: float | None = None) -> Outcome:
    return Outcome(size / 1000, size, 0.0, accepted, speed=speed)


@pytest.mark.parametrize(
    ("rows", "budget", "order"),
    [
        ([row(1000), row(500), row(700), row(300, accepted=False)], Budget(max_drop=1), [0, 2, 1]),
        ([row(1000), row(500), row(500)], Budget(max_drop=1), [0, 1, 2]),
        ([row(1000, speed=1), row(300, speed=2), row(600, speed=9)], Budget(min_speed=5), [0, 1, 2]),
        ([row(1000, speed=1), row(600, speed=9), row(300, speed=2)], Budget(max_size=700, min_speed=5), [0, 2, 1]),
        ([row(1000, accepted=False), row(900, accepted=True)], Budget(max_size=1), [1]),
    ],
)
def test_the_best_model_meets_most_goals_or_is_the_smallest_or_the_latest(
    rows: list[Outcome], budget: Budget, order: list[int]
) -> None:
    assert ranking(rows, budget) == order


def test_each_row_is_told_as_soon_as_it_is_there(task: Problem, tmp_path: Path, solve: Solve) -> None:
    told: list[list[Outcome]] = []
    solution = solve(task, tmp_path, budget=Budget(max_size=SMALL), record=lambda rows: told.append(list(rows)))
    rows = solution.history  # a later row can change what an earlier one counts for
    assert told == [accepted_rows(rows[: at + 1], Budget(max_drop=2)) for at in range(len(rows))]


def test_a_drop_that_nothing_keeps_ends_with_the_unpruned_model(task: Problem, tmp_path: Path, solve: Solve) -> None:
    solution = solve(task, tmp_path, budget=Budget(max_drop=-100))
    assert solution.chosen == 0
    assert solution.confirmed is None
    assert len(solution.history) > 3
    assert task.packed_size(solution.model) == solution.history[0].bytes
    assert solution.reason == "a smaller model no longer kept accuracy within -100 points on dev"


@pytest.mark.parametrize("at", [2, 7])  # before anything of the step was judged, and after
def test_an_interrupt_ends_the_search_with_the_best_model_so_far(
    task: Problem, tmp_path: Path, solve: Solve, at: int
) -> None:
    stages: list[str] = []

    def progress(name: str, now: Progress) -> None:
        stages.append(name)
        if name == "step 2" and now.done == at:
            raise KeyboardInterrupt

    solution = solve(task, tmp_path, budget=Budget(max_size=SMALL), told=progress)
    assert solution.reason == "interrupted; this is the best model so far; 1,500 bytes were not reached"
    assert set(stages) == {"step 1", "step 2"}
    assert solution.chosen == 1
    assert len(solution.history) == 2


@pytest.mark.parametrize("criterion", ["lasso", "movement"])
def test_ctrl_c_while_a_criterion_trains_ends_the_search(
    task: Problem, tmp_path: Path, solve: Solve, criterion: str
) -> None:
    def stop(name: str, now: Progress) -> None:
        assert name == "step 1 tuning"  # nothing is begun after it
        if now.accuracy is not None:
            raise KeyboardInterrupt

    solution = solve(task, tmp_path, criterion, budget=Budget(max_size=SMALL), told=stop)
    assert solution.chosen == 0
    assert solution.reason.startswith("interrupted")


def test_a_deadline_ends_the_search(task: Problem, tmp_path: Path, solve: Solve) -> None:
    solution = solve(task, tmp_path, budget=Budget(max_drop=2), deadline=time.monotonic() - 1)
    assert solution.reason == "the time was used up"
    assert solution.chosen == 0
    assert len(solution.history) == 1


@pytest.mark.parametrize("schedule", ["local", "lottery"])
def test_a_deadline_also_ends_a_step(task: Problem, tmp_path: Path, solve: Solve, schedule: str) -> None:
    endless = replace(task.recovery, epochs=100_000, patience=100_000)
    began = time.monotonic()
    solution = solve(
        replace(task, recovery=endless, first=endless),
        tmp_path,
        schedule=schedule,
        budget=Budget(max_drop=2),
        deadline=began + 2.0,
    )
    assert time.monotonic() - began < 20
    assert solution.reason == "the time was used up"
    assert len(solution.history) == 2


def test_the_search_may_go_by_another_metric(task: Problem, tmp_path: Path, solve: Solve, searching: Searching) -> None:
    measure, budget = Measure("f1", Gold(task.dev.targets.numpy(), None, 1)), Budget(max_drop=2)
    task = replace(task, metric=measure)
    solution = solve(task, tmp_path, budget=budget)
    search = searching(task, tmp_path, budget=budget)
    part = measure.subset(split_dev(100, 0)[0])
    before = answers(task.dense, task.dev).subset(search.evaluator.search_rows)
    assert len(solution.history) > 2
    for outcome in solution.history[1:]:
        model = search.load(outcome.key)
        with model.on_grid():
            now = answers(model, task.dev).subset(search.evaluator.search_rows)
        drop, error = paired_drop(part, before, now)
        assert (outcome.drop, outcome.error) == pytest.approx((drop, math.hypot(error, UNSEEN / 70)))
        assert outcome.drop == pytest.approx(100 * (part.value(before) - part.value(now)))
        assert outcome.accepted == (outcome.fitted + outcome.fitted_error <= limit_of(2))
    assert any(outcome.drop != 0 for outcome in solution.history)
