"""A search that was killed goes on where it was, and one with another budget takes up what it can use."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from helpers.kills import KilledError
from prunetext.models.protocol import Model
from prunetext.pruning.budget import Budget
from prunetext.pruning.curve import accepted_rows
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem
from prunetext.pruning.schedules import SCHEDULES
from prunetext.pruning.search import Search
from prunetext.pruning.steps import Step
from prunetext.training import loop
from prunetext.training.loop import Progress

Solve = Callable[..., Solution]
Same = Callable[[Solution, Solution], None]
SMALL = Budget(max_size=1_700)


def each_step(task: Problem) -> Problem:
    """The same with a checkpoint after every step."""
    recovery, first = (replace(each, checkpoint_seconds=-1.0) for each in (task.recovery, task.first))
    return replace(task, recovery=recovery, first=first)


@pytest.mark.parametrize(
    ("criterion", "schedule"),
    [
        *(("magnitude", schedule) for schedule in SCHEDULES),
        *((name, "local") for name in ("lasso", "movement", "random:draws=2", "obs")),
        ("movement", "incremental"),
        ("lasso", "lottery"),
    ],
)
def test_killed_and_resumed_equals_uninterrupted(
    task: Problem,
    tmp_path: Path,
    solve: Solve,
    assert_same: Same,
    criterion: str,
    schedule: str,
) -> None:
    def told(into: list[tuple[str, int]]) -> Callable[[str, Progress], None]:
        return lambda name, now: into.append((name, now.done))

    events: list[tuple[str, int]] = []
    whole = solve(task, tmp_path / "whole", criterion, schedule, budget=SMALL, told=told(events))
    assert len(whole.history) > 1
    often = each_step(task)
    for place in (0.1, 0.3, 0.5, 0.7, 0.9):
        at = events[int(place * len(events))]
        last: list[tuple[str, int]] = []

        def progress(name: str, now: Progress, at: tuple[str, int] = at, last: list[tuple[str, int]] = last) -> None:
            last.append((name, now.done))
            if last[-1] == at:
                raise KilledError

        with pytest.raises(KilledError):
            solve(often, tmp_path / "killed", criterion, schedule, budget=SMALL, told=progress)
    seen: list[tuple[str, int]] = []
    resumed = solve(often, tmp_path / "killed", criterion, schedule, budget=SMALL, told=told(seen))
    assert_same(resumed, whole)
    assert seen == events[len(events) - len(seen) :]  # it did what was left, and nothing before
    assert len(seen) < 0.2 * len(events)


@pytest.mark.parametrize("states", [0.0, 1.0])
@pytest.mark.parametrize("schedule", ["oneshot:recovery=0.3", "incremental"])
def test_killed_while_the_dense_model_answers_what_is_seen(
    task: Problem, tmp_path: Path, solve: Solve, assert_same: Same, schedule: str, states: float
) -> None:
    guided = replace(task, recovery=replace(task.recovery, states=states), beyond=task.dev)
    events: list[int] = []
    whole = solve(guided, tmp_path / "whole", schedule=schedule, budget=SMALL, told=lambda *now: events.append(1))

    def dying(*now: object) -> None:
        events.pop()
        if not events:
            raise KilledError

    del events[len(events) // 2 :]
    with pytest.raises(KilledError):
        solve(each_step(guided), tmp_path / "killed", schedule=schedule, budget=SMALL, told=dying)
    assert_same(solve(each_step(guided), tmp_path / "killed", schedule=schedule, budget=SMALL), whole)


@pytest.mark.parametrize("place", range(3))
def test_a_kill_between_training_and_its_record_is_made_good(
    task: Problem, tmp_path: Path, solve: Solve, assert_same: Same, place: int
) -> None:
    whole = solve(task, tmp_path / "whole", budget=SMALL)
    calls = iter(range(99))

    def dying(model: Model) -> int:
        if next(calls) == place + 2:  # the unpruned model, and what of it could be left, come first
            raise KilledError
        return task.packed_size(model)

    with pytest.raises(KilledError):
        solve(replace(task, packed_size=dying), tmp_path / "killed", budget=SMALL)
    assert_same(solve(task, tmp_path / "killed", budget=SMALL), whole)


def counted(stages: list[str]) -> Callable[[str, Progress], None]:
    """Notes the stage of each training when it begins."""
    return lambda name, now: stages.append(name) if now.done == 1 else None


SLOW, FAST = Budget(max_size=1_500), Budget(max_size=2_000, min_speed=40_000)


@pytest.mark.parametrize(
    ("criterion", "first", "second"),
    [
        ("taylor", SLOW, Budget(max_size=1_200)),
        ("taylor", SLOW, Budget(max_drop=2)),
        ("lasso", Budget(max_drop=2), SLOW),
        ("lasso", SLOW, FAST),
        ("taylor", FAST, SLOW),
        ("taylor", FAST, Budget(max_drop=5, min_speed=45_000)),
    ],
)
def test_a_search_takes_up_the_steps_of_another_and_ends_as_if_it_had_not(
    task: Problem,
    tmp_path: Path,
    solve: Solve,
    assert_same: Same,
    criterion: str,
    first: Budget,
    second: Budget,
) -> None:
    calls: list[str] = []
    told = counted(calls)
    alone = solve(task, tmp_path / "alone", criterion, budget=second, told=told)
    trained = len(calls)
    solve(task, tmp_path / "shared", criterion, budget=first, told=told)
    begun = len(calls)
    again = solve(task, tmp_path / "shared", criterion, budget=second, told=told)
    assert_same(again, alone)
    if second.max_size or not first.min_speed:
        assert len(calls) - begun < trained  # the first step halves the bytes, whatever they are to be


def test_the_same_search_again_trains_nothing(task: Problem, tmp_path: Path, solve: Solve, assert_same: Same) -> None:
    for schedule in SCHEDULES:
        whole = solve(task, tmp_path / schedule, "lasso", schedule, budget=SMALL)
        calls: list[str] = []
        again = solve(task, tmp_path / schedule, "lasso", schedule, budget=SMALL, told=counted(calls))
        assert_same(again, whole)
        assert not calls, schedule


def test_what_one_criterion_left_is_no_other_ones(
    task: Problem, tmp_path: Path, solve: Solve, assert_same: Same
) -> None:
    texts = ("random", "random:draws=2", "lasso:strength=0.1", "lasso:strength=0.5", "magnitude")
    budget = Budget(max_size=2_300)  # after a step or two
    alone = [solve(task, tmp_path / str(at), text, budget=budget) for at, text in enumerate(texts)]
    assert all(len(each.history) > 1 for each in alone)
    for text, expected in zip(texts, alone, strict=True):
        assert_same(solve(task, tmp_path / "shared", text, budget=budget), expected)
    assert len({outcome.key for each in alone for outcome in each.history}) == sum(len(each.history) for each in alone)


@pytest.mark.parametrize("schedule", ["local", "lottery:step=1.5", "incremental"])
def test_what_time_cut_short_is_only_used_again_where_time_is_short(
    task: Problem, tmp_path: Path, solve: Solve, assert_same: Same, monkeypatch: pytest.MonkeyPatch, schedule: str
) -> None:
    alone = solve(task, tmp_path / "alone", schedule=schedule, budget=SMALL)
    cuts = 0
    for ticks in (5, 55, 105):  # in the early weights, in a step, in the last recovery
        with monkeypatch.context() as patch:
            patch.setattr(loop.time, "monotonic", iter(range(10**6)).__next__)
            late = solve(task, tmp_path / str(ticks), schedule=schedule, budget=SMALL, deadline=ticks)
            cut = [outcome for outcome in late.history if outcome.key.endswith("-cut")]
            cuts += len(cut)
            more = solve(task, tmp_path / str(ticks), schedule=schedule, budget=SMALL, deadline=10**6)
            began = [accepted_rows(each.history[: len(late.history)], SMALL) for each in (more, late)]
            assert began[0] == began[1], "it goes on from there"
            assert more.reason == alone.reason
        whole = solve(task, tmp_path / str(ticks), schedule=schedule, budget=SMALL)
        assert_same(whole, alone)
    assert cuts


def test_a_last_recovery_that_time_cut_short_is_not_used_again(
    task: Problem, tmp_path: Path, searching: Callable[..., Search]
) -> None:
    found = []
    for folder, deadline in (("alone", None), ("shared", 0.0), ("shared", None)):
        (tmp_path / folder).mkdir(exist_ok=True)
        search = searching(task, tmp_path / folder, budget=Budget(max_drop=100))
        step = search.step([search.whole], Step(0.5)).outcome
        found.append(replace(search, deadline=deadline).polish(step._replace(drop=100.0)))
    alone, late, again = (model.embedding for model in found)
    assert torch.equal(again, alone)
    assert not torch.equal(late, alone)
