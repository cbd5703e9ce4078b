"""Cutting for a speed by a table of times that is given, and corrected by speeds that are given, too."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from prunetext.models.groups import TIME, Cost, Group, Kept
from prunetext.models.protocol import Model
from prunetext.models.times import Times
from prunetext.pruning.budget import Budget
from prunetext.pruning.cutting import TIME_NEAR_ENOUGH, evened_counts, faster
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem
from prunetext.pruning.search import Search
from prunetext.pruning.shrinking import shrink
from prunetext.pruning.steps import Step

Searching = Callable[..., Search]


class FilterTimes(NamedTuple):
    """Times by which a text takes `each` for a filter, whatever it really takes."""

    each: float = 1000.0
    step: int = 4

    def fits(self, model: Model) -> bool:
        return True

    def cost(self, model: Model) -> Cost:
        sizes = {group.name: group.size for group in model.groups(("filters",))}

        def time(kept: Kept) -> float:
            return self.each * (5 + sum(kept[name].sum() if name in kept else size for name, size in sizes.items()))

        return time

    def groups(self, model: Model, groups: Sequence[Group]) -> tuple[Group, ...]:
        def priced(group: Group) -> Group:
            costs = {name: cost for name, cost in group.costs.items() if name != TIME}
            if group.kind == "filters":
                costs[TIME] = lambda kept: np.full(group.size, self.each)
            return group._replace(costs=costs)

        return tuple(map(priced, groups))

    def covers(self, groups: Sequence[Group]) -> bool:
        return True

    def multiple(self, group: Group) -> int:
        return self.step if group.kind == "filters" else 1

    def completed(self, model: Model, seconds: float) -> Times:
        return self

    def fields(self) -> Mapping[str, Any]:
        return self._asdict()


@pytest.mark.parametrize("share", [0.8, 0.5, 0.4])
@pytest.mark.parametrize("step", [1, 4])
def test_measured_speeds_correct_a_table(
    task: Problem, tmp_path: Path, searching: Searching, share: float, step: int
) -> None:
    tried: list[float] = []
    real = task.speed
    assert real is not None

    def speed(model: Model) -> float:
        tried.append(real(model))
        return tried[-1]

    times = FilterTimes(step=step)
    search = searching(replace(task, speed=speed, times=lambda model: times), tmp_path, budget=Budget(max_drop=5))
    scored = search.maker.score(search.maker.root, 0, "step 1")
    tried.clear()
    seconds = share / real(scored.model)
    small = shrink(scored.model, faster(search.maker.problem, scored, seconds))
    assert len(tried) <= 5, "the whole model, and at most four tries"
    # One step of filters takes up to a tenth of the time.
    assert (1 - 0.12 * step) * seconds <= 1 / real(small) <= seconds
    assert all(count % step == 0 for count in small.shape.filters.values())
    assert small.shape.words == task.dense.shape.words


def test_what_cannot_be_reached_leaves_the_fastest(task: Problem, tmp_path: Path, searching: Searching) -> None:
    search = searching(replace(task, times=lambda model: FilterTimes()), tmp_path, budget=Budget(max_drop=5))
    scored = search.maker.score(search.maker.root, 0, "step 1")
    small = shrink(scored.model, faster(search.maker.problem, scored, 1e-9))
    assert dict(small.shape.filters) == {1: 4, 2: 4}, "the smallest multiples"


class OtherTimes(FilterTimes):
    """Times that do not know what some groups of the model take."""

    def covers(self, groups: Sequence[Group]) -> bool:
        return False


def test_without_times_of_such_models_additions_count(task: Problem, tmp_path: Path, searching: Searching) -> None:
    kept = []
    for number, times in enumerate((None, lambda model: None, lambda model: OtherTimes())):
        search = searching(replace(task, times=times), tmp_path / str(number), budget=Budget(max_drop=5))
        scored = search.maker.score(search.maker.root, 0, "step 1")
        kept.append(faster(search.maker.problem, scored, 6e-5))
    assert all(np.array_equal(kept[0][name], other[name]) for other in kept for name in kept[0])


def test_what_is_left_is_mended_to_the_model_before_units_made_up_for_others(
    task: Problem, tmp_path: Path, searching: Searching
) -> None:
    seen: list[Model] = []
    mended = replace(task, mend=lambda small, model, batches: seen.append(model))
    for criterion in ("obs", "taylor"):
        search = searching(mended, tmp_path / criterion, criterion=criterion, budget=Budget(max_drop=5))
        whole, maker = search.whole, search.maker
        maker.smaller(maker.root, Step(0.5), 0, "0" * 16, "step 1", whole)
        first, scored = seen.pop(), maker.score(maker.root, 0, "step 1").model
        assert all(torch.equal(*pair) for pair in zip(first.parameters(), scored.parameters(), strict=True))


def test_a_search_reaches_a_speed_by_a_table(task: Problem, tmp_path: Path, solve: Callable[..., Solution]) -> None:
    timed = replace(task, times=lambda model: FilterTimes(step=1))
    solution = solve(timed, tmp_path, schedule="oneshot", budget=Budget(min_speed=25_000))
    assert timed.speed is not None
    assert 25_000 <= timed.speed(solution.model) <= 25_000 / TIME_NEAR_ENOUGH**2


@given(st.integers(1, 60), st.integers(1, 16), st.integers(0, 60), st.randoms(use_true_random=False))
def test_counts_become_the_nearest_multiples_by_rank(size: int, step: int, count: int, random: Any) -> None:
    count = min(max(count, 1), size)
    scores = np.array([random.random() for _ in range(size)])
    kept = np.zeros(size, bool)
    kept[np.argsort(-scores)[:count]] = True  # as a search leaves it: the lowest have gone
    group = Group("units", size, (), "units", "layer 0", {})
    now = evened_counts((group,), {"units": scores}, {"units": kept}, {"units": step})["units"]
    left = int(now.sum())
    assert left % step == 0 or left == size
    assert abs(left - count) <= step // 2 or count < step or left == size
    assert 1 <= left <= size
    assert now.any()
    if left < size:
        assert scores[now].min() >= scores[~now].max(), "the best stay, and the best come back"
