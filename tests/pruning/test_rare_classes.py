"""A class of few texts: no candidate gives it to more or fewer texts than the dense model, and none may give it up."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from prunetext.pruning.budget import Budget
from prunetext.pruning.curve import accepted_rows
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem
from prunetext.pruning.search import Search
from prunetext.pruning.steps import Step
from prunetext.training.answering import logits

Solve = Callable[..., Solution]
Searching = Callable[..., Search]


@pytest.fixture(scope="module")
def rare(task: Problem) -> Problem:
    """The same with few texts of the second class to learn from."""
    second = np.flatnonzero(task.train.targets.numpy() == 1)
    rows = np.setdiff1d(np.arange(len(task.train)), second[6:])
    return replace(task, train=task.train.subset(rows))


def test_a_candidate_gives_a_rare_class_to_as_many_texts_as_the_dense_model(
    rare: Problem, tmp_path: Path, searching: Searching
) -> None:
    search = searching(rare, tmp_path, budget=Budget(max_drop=50))
    wanted = (logits(rare.dense, rare.dev).argmax(1) == 1).sum()
    history = [search.whole]
    for keep in (0.6, 0.4):
        history.append(search.step(history, Step(keep)).outcome)
        model = search.load(history[-1].key)
        with model.on_grid():
            found = (logits(model, rare.dev).argmax(1) == 1).sum()
        assert abs(found - wanted) <= wanted / 10, "texts that are alike to it cannot be told apart"


def test_a_model_that_gives_a_rare_class_up_is_refused_whatever_may_be_lost(
    rare: Problem, task: Problem, tmp_path: Path, searching: Searching
) -> None:
    budget = Budget(max_drop=100)
    for problem, watched in ((rare, True), (task, False)):
        evaluator = searching(problem, tmp_path / str(watched), budget=budget).evaluator
        assert set(evaluator.watch.given) == ({1} if watched else set())
        model = problem.dense.rebuild(problem.dense.tensors())
        whole = evaluator.judged(model, budget)
        model.shift(torch.tensor([0.0, -20.0]))
        rows = [whole, evaluator.judged(model, budget)]
        assert [row.held for row in rows] == [True, not watched]
        assert [row.accepted for row in accepted_rows(rows, budget)] == [True, not watched]
        sized = accepted_rows(rows, Budget(max_size=10))
        assert all(row.accepted for row in sized), "a size alone allows any drop"


def test_texts_kept_out_of_the_search_do_not_say_what_is_watched(
    task: Problem, tmp_path: Path, searching: Searching
) -> None:
    never = task.dense.rebuild(task.dense.tensors())
    never.shift(torch.tensor([0.0, -20.0]))  # it finds no text of the second class
    evaluator = searching(replace(task, dense=never), tmp_path, budget=Budget(max_drop=2)).evaluator
    losses = evaluator.watch.losses[1]
    assert np.isnan(losses[evaluator.confirm_rows]).all()
    gold = task.dev.targets.numpy()[evaluator.search_rows]
    assert (np.isfinite(losses[evaluator.search_rows]) == (gold == 1)).all()
