"""What a recovery learns from, and when the last one is kept."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prunetext.models.textcnn.rounding import rounding_of
from prunetext.pruning.budget import Budget
from prunetext.pruning.driver import Solution
from prunetext.pruning.methods import load_method
from prunetext.pruning.problem import Problem
from prunetext.pruning.search import Search, begin_search
from prunetext.pruning.steps import Step
from prunetext.training.answering import logits
from prunetext.training.loop import Course
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


def sparing(task: Problem, states: float = 0.0, **changes: Any) -> Problem:
    """The same, whose dense model answers no more than each recovery sees, or each batch if it shows hidden states."""
    return replace(task, recovery=replace(task.recovery, states=states, word_dropout=0.0), **changes)


def test_of_a_short_recovery_the_dense_model_answers_what_it_sees(task: Problem) -> None:
    own = torch.tensor([[0.3, 0.7]]).repeat(len(task.train), 1)
    for each in (sparing(task), sparing(task, train=replace(task.train, soft=own))):
        for epochs in (0.2, 0.4, 0.8):
            settings = replace(each.recovery, epochs=epochs, seed=3)
            found, whole = each.lessons_for(settings).soft, each.lessons.soft
            rows = Course(task.train, settings).seen()
            assert len(rows) == round(epochs * 5) * 32  # batches of 32, of which five make an epoch
            assert found is not None
            assert whole is not None
            torch.testing.assert_close(found[rows], whole[rows])
            assert np.flatnonzero(found.sum(1)).tolist() == rows.tolist()
        assert each.lessons_for(replace(each.recovery, epochs=1.0)) is each.lessons
    assert task.lessons_for(replace(task.recovery, epochs=0.2)) is task.lessons


def test_a_guide_has_answered_nothing_before(task: Problem) -> None:
    assert task.guide is None
    assert sparing(task).guide is None
    guided = sparing(task, 1.0)
    assert guided.guide is not None
    assert guided.lessons_for(guided.recovery) is guided.texts is task.train


def test_texts_without_labels_are_learnt_beside_train(task: Problem) -> None:
    silent = replace(task.dev, targets=torch.full_like(task.dev.targets, -1))
    lessons = sparing(task, beyond=silent).lessons
    assert len(lessons) == len(task.train) + len(silent)
    assert lessons.targets.tolist() == [*task.train.targets.tolist(), *[-1] * len(silent)]
    assert lessons.soft is not None
    torch.testing.assert_close(lessons.soft[-len(silent) :], logits(task.dense, silent).softmax(1))


def test_who_answers_when_makes_no_difference(task: Problem, tmp_path: Path, searching: Searching) -> None:
    found = []
    for name, each in (("before", sparing(task)), ("asked", sparing(task, 1.0))):
        (tmp_path / name).mkdir()
        search = searching(each, tmp_path / name, budget=Budget(max_drop=2))
        small = search.maker.smaller(search.whole.key, Step(0.5), 0, "0" * 16, "step 1", search.whole)
        settings = replace(search.maker.settings(Step(0.5, epochs=0.4), 7), judge_start=False)
        search.maker.train("1" * 16, small, each.lessons_for(settings), settings, "step 1")
        found.append(small)
    before, asked = (logits(model, task.train) for model in found)
    torch.testing.assert_close(asked, before, atol=1e-3, rtol=1e-3)


def test_a_training_by_labels_is_as_long_whatever_else_recoveries_learn(task: Problem) -> None:
    plain, more = sparing(task), sparing(task, beyond=task.dev)
    assert plain.by_labels(plain.recovery) == replace(task.recovery, word_dropout=0.0)
    longer = 1 + len(task.dev) / len(task.train)
    assert more.by_labels(more.recovery) == replace(plain.recovery, epochs=longer * task.recovery.epochs, states=None)


def test_the_last_recovery_is_no_longer_than_those_that_were_asked_for(task: Problem, tmp_path: Path) -> None:
    def steps_of_last(schedule: str) -> list[int]:
        seen = list[int]()
        folder = tmp_path / schedule.replace(":", "-")
        folder.mkdir()
        told = lambda name, now: seen.append(now.total) if name == "final" else None  # noqa: E731
        search = begin_search(task, load_method("taylor", schedule, task.kinds), Budget(100.0), folder, told=told)
        row = search.step([search.whole], Step(0.5, epochs=0.0)).outcome
        search.polish(row)
        return seen

    usual = steps_of_last("oneshot")
    assert set(usual) == {15}  # three epochs of five steps
    assert steps_of_last("oneshot:recovery=4") == usual
    assert set(steps_of_last("oneshot:recovery=0.2")) == {3}
    assert not steps_of_last("oneshot:recovery=0")
