"""What a recovery learns from, and when the last one is kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch

from prunetext.models.textcnn.rounding import rounding_of
from prunetext.pruning.budget import Budget
from prunetext.pruning.driver import Solution
from prunetext.pruning.problem import Problem
from prunetext.pruning.search import Search
from prunetext.training.answering import logits
from prunetext.training.losses import blended

Solve = Callable[..., Solution]
Searching = Callable[..., Search]
SMALL = 1_500  # bytes


def test_the_last_recovery_is_kept_only_if_it_helps(
    task: Problem, tmp_path: Path, solve: Solve, searching: Searching
) -> None:
    budget = Budget(max_size=SMALL)
    solution = solve(task, tmp_path, budget=budget)
    search, chosen = searching(task, tmp_path, budget=budget), solution.history[solution.chosen]
    final = search.maker.store.outcome(f"{chosen.key}-final")
    assert search.polish(chosen._replace(drop=final.drop)) is search.load(f"{chosen.key}-final")
    assert search.polish(chosen._replace(drop=final.drop - 1)) is search.load(chosen.key)
    # Nor may it make the file too large, which other zeros can do.
    for most, path in ((final.bytes, f"{chosen.key}-final"), (final.bytes - 1, chosen.key)):
        search = searching(task, tmp_path, budget=Budget(max_size=most))
        assert search.polish(chosen._replace(bytes=final.bytes - 1, drop=final.drop)) is search.load(path)
    # The packed file's grid is all that is left of the weights.
    steps = rounding_of(solution.model, "int8")
    units = solution.model.embedding / steps.embedding
    torch.testing.assert_close(units, units.round(), atol=1e-3, rtol=0)


def test_the_dense_model_gives_most_of_each_lesson(task: Problem, tmp_path: Path, searching: Searching) -> None:
    search = searching(task, tmp_path, budget=Budget(max_drop=2))
    truth = torch.nn.functional.one_hot(task.train.targets, 2)
    opinion = logits(task.dense, task.train).softmax(1)
    assert opinion.min() > 0
    lessons = search.maker.problem.lessons
    assert lessons.soft is not None
    taught = blended(lessons.targets, lessons.soft, task.recovery.soft_share)
    torch.testing.assert_close(taught, 0.2 * truth + 0.8 * opinion)


def test_a_teacher_of_the_dense_model_has_half_of_its_part_in_a_recovery(
    task: Problem, tmp_path: Path, searching: Searching
) -> None:
    soft = torch.tensor([[0.3, 0.7]]).repeat(len(task.train), 1)
    soft[0] = 0  # of this text the teacher said nothing
    taught = replace(task, train=replace(task.train, soft=soft))
    lessons = searching(taught, tmp_path, budget=Budget(max_drop=2)).maker.problem.lessons
    opinion = logits(task.dense, task.train).softmax(1)
    assert lessons.soft is not None
    torch.testing.assert_close(lessons.soft[0], opinion[0])
    torch.testing.assert_close(lessons.soft[1:], (0.5 * opinion + 0.5 * soft)[1:])
