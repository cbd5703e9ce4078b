"""Dev texts that the search never sees confirm its model, or take it back by one step."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from prunetext.models.textcnn.model import TextCNN
from prunetext.pruning import trials
from prunetext.pruning.budget import Budget
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem, split_dev
from prunetext.pruning.schedules import SCHEDULES
from prunetext.pruning.search import Search
from prunetext.pruning.steps import Outcome

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


def test_texts_kept_out_of_the_search_confirm_the_model(
    task: Problem, tmp_path: Path, searching: Searching, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = searching(task, tmp_path, budget=Budget(max_drop=2))
    gold = task.dev.targets.numpy()
    bench = search.bench._replace(dense_answers=np.eye(2)[gold])

    def confirms(wrong: np.ndarray) -> bool | None:
        given = gold.copy()
        given[wrong] = 1 - given[wrong]
        monkeypatch.setattr(trials, "answers", lambda model, examples, rows: np.eye(2)[given])
        return bench.confirms(task.dense, 2)

    assert confirms(np.array([], int))
    assert confirms(search.bench.search_rows)  # which the search knows, so that they are not asked again
    assert confirms(search.bench.confirm_rows[:1])  # one of thirty is 3.3 points, give or take as many
    assert not confirms(search.bench.confirm_rows[:2])


@pytest.mark.parametrize(("max_size", "steps_back"), [(None, 1), (1_700, 0)])
def test_a_model_that_is_not_confirmed_is_taken_back_by_one_step(
    task: Problem,
    tmp_path: Path,
    solve: Solve,
    monkeypatch: pytest.MonkeyPatch,
    max_size: int | None,
    steps_back: int,
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(trials, "accepts", lambda drop, error, max_drop: True)
    monkeypatch.setattr(
        trials.Bench, "confirms", lambda bench, model, max_drop: bool(asked.append(task.packed_size(model)))
    )
    solution = solve(task, tmp_path, budget=Budget(max_drop=2, max_size=max_size))
    sizes = sorted((outcome.bytes for outcome in solution.history), reverse=True)
    assert len(sizes) > 2
    assert asked == sizes[-1:]
    assert solution.confirmed is False
    assert solution.history[solution.chosen].bytes == sizes[-1 - steps_back] == task.packed_size(solution.model)
    assert "dev texts kept out of the search did not confirm the smallest model" in solution.reason
    ending = "but the next larger one exceeds the size or is too slow" if max_size else "so it is one step larger"
    assert solution.reason.endswith(ending)


def test_what_is_confirmed_is_the_model_that_recovered_longest(
    task: Problem, tmp_path: Path, solve: Solve, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TextCNN] = []
    monkeypatch.setattr(trials.Bench, "confirms", lambda bench, model, max_drop: not seen.append(model))
    polish = Search.polish
    given: list[TextCNN] = []

    def polishing(search: Search, chosen: Outcome) -> TextCNN:
        given.append(polish(search, chosen))
        return given[-1]

    monkeypatch.setattr(Search, "polish", polishing)
    solution = solve(task, tmp_path, budget=Budget(max_drop=2))
    assert len(given) == len(seen) == 1
    assert seen[0] is given[0]
    assert solution.confirmed
