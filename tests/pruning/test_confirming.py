"""Dev texts that the search never sees confirm its model, or take it back by one step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.answers import certain
from prunetext.models.protocol import Model
from prunetext.pruning.budget import Budget
from prunetext.pruning.driver import Solution, concluded, walked
from prunetext.pruning.problem import Problem, split_dev
from prunetext.pruning.schedules import SCHEDULES, load_schedule
from prunetext.pruning.search import Search
from prunetext.pruning.trials import Evaluator
from prunetext.statistics.answers import Answers

Solve = Callable[..., Solution]
Searching = Callable[..., Search]
SMALL = 1_500  # bytes


def test_the_search_never_sees_the_confirming_texts(task: Problem, tmp_path: Path, solve: Solve) -> None:
    rows, hidden = split_dev(100, 0)
    assert len(hidden) == 30
    assert sorted([*rows, *hidden]) == list(range(100))
    assert rows.tolist() != split_dev(100, 1)[0].tolist()
    lied = task.dev.targets.clone()
    lied[torch.from_numpy(hidden)] = 1 - lied[torch.from_numpy(hidden)]
    liar = replace(task, dev=replace(task.dev, targets=lied))
    for schedule in SCHEDULES:
        before = solve(task, tmp_path / f"{schedule}-a", "magnitude", schedule, budget=Budget(max_drop=2))
        after = solve(liar, tmp_path / f"{schedule}-b", "magnitude", schedule, budget=Budget(max_drop=2))
        assert after.history == before.history


def test_texts_kept_out_of_the_search_confirm_the_model(task: Problem, tmp_path: Path, searching: Searching) -> None:
    search = searching(task, tmp_path, budget=Budget(max_drop=2))
    judge, gold = search.evaluator, task.dev.targets.numpy()

    def confirms(wrong: np.ndarray) -> bool | None:
        """Where the dense model is always right, and another one wrong on these rows alone."""
        right = Scripted(*judge._replace(dense_answers=certain(gold)))
        right.said = certain(np.where(np.isin(np.arange(len(gold)), wrong), 1 - gold, gold))
        return right.confirms(task.dense, 2)

    assert confirms(np.array([], int))
    assert confirms(judge.search_rows)  # which the search knows, so that they are not asked again
    assert confirms(judge.confirm_rows[:1])  # one of thirty is 3.3 points, give or take as many
    assert not confirms(judge.confirm_rows[:2])


class Scripted(Evaluator):
    """Hears answers that the test has written, whatever the model is."""

    said: Answers

    def answers(self, model: Model) -> Answers:
        return self.said


class Doubting(Evaluator):
    """Confirms as the test says, and notes which models it was asked about."""

    asked: list[Model]
    confirmed: bool

    def confirms(self, model: Model, max_drop: float) -> bool:
        self.asked.append(model)
        return self.confirmed


def asked_of(search: Search, *, confirmed: bool) -> tuple[Search, list[Model]]:
    """The search with an evaluator that confirms all or nothing, and the models that it will be asked about."""
    judge = Doubting(*search.evaluator)
    judge.asked, judge.confirmed = [], confirmed
    return replace(search, evaluator=judge), judge.asked


@pytest.mark.parametrize(("max_size", "steps_back"), [(None, 1), (1_700, 0)])
def test_a_model_that_is_not_confirmed_is_taken_back_by_one_step(
    task: Problem, tmp_path: Path, searching: Searching, max_size: int | None, steps_back: int
) -> None:
    # A drop that any model keeps to: each step is taken, until there is nothing left, or the size is reached.
    budget = Budget(max_drop=99, max_size=max_size)
    search, asked = asked_of(searching(task, tmp_path, budget=budget), confirmed=False)
    history, schedule = [search.whole], load_schedule("local:first=1.6,last=1.1")
    solution = concluded(search, schedule, history, walked(search, schedule, history))
    sizes = sorted((outcome.bytes for outcome in solution.history), reverse=True)
    assert len(sizes) > 2
    assert [task.packed_size(model) for model in asked] == sizes[-1:]
    assert solution.confirmed is False
    assert solution.history[solution.chosen].bytes == sizes[-1 - steps_back] == task.packed_size(solution.model)
    assert "dev texts kept out of the search did not confirm the smallest model" in solution.reason
    ending = ", but the next larger one exceeds the size or is too slow" if max_size else "; it is one step larger"
    assert solution.reason.endswith(ending)


def test_what_is_confirmed_is_the_model_that_recovered_longest(
    task: Problem, tmp_path: Path, searching: Searching
) -> None:
    search, asked = asked_of(searching(task, tmp_path, budget=Budget(max_drop=2)), confirmed=True)
    history, schedule = [search.whole], load_schedule("local:first=1.6,last=1.1")
    solution = concluded(search, schedule, history, walked(search, schedule, history))
    assert solution.confirmed
    (model,) = asked
    final = search.maker.store.load(f"{solution.history[solution.chosen].key}-final")
    polished, before = search.polish(solution.history[solution.chosen]), search.load(history[solution.chosen].key)
    assert model is polished
    assert model is final or model is before
