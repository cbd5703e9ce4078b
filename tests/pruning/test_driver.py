"""The search keeps to its budget, ends with the best model whatever stops it, and goes on where it was killed."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from prunetext.models.rounding import rounding_of
from prunetext.models.textcnn import Shape, TextCNN
from prunetext.packing.textcnn import pack
from prunetext.pruning import search as search_module
from prunetext.pruning.budget import Budget
from prunetext.pruning.criteria import load_criterion
from prunetext.pruning.driver import prune
from prunetext.pruning.schedules import local
from prunetext.pruning.scoring import losses_of
from prunetext.pruning.search import Search, Solution, Task, split_dev
from prunetext.runtime._native import Vocabulary, count_words
from prunetext.training import loop
from prunetext.training.evaluation import accepts
from prunetext.training.examples import encode
from prunetext.training.loop import Progress, Settings, train_model


class KilledError(Exception):
    """What stands for SIGKILL."""


@pytest.fixture(scope="module")
def task(toy_examples: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Task:
    """A dense model that has learnt a corpus of two classes, of whose labels some lie."""
    train, dev = toy_examples(160, noise=0.1, seed=1), toy_examples(100, noise=0.1, seed=2)
    words, labels = sorted(count_words(train.texts)), sorted(set(train.labels))
    encoded = [encode(each.texts, each.labels, Vocabulary(words), labels) for each in (train, dev)]
    torch.manual_seed(0)
    dense = TextCNN(Shape(len(words), 24, {1: 24, 2: 24}, classes=2))
    settings = Settings(epochs=8, batch_size=32, learning_rate=1e-2, embedding_rate=3e-2)
    train_model(dense, encoded[0], encoded[1], settings)
    scratch = tmp_path_factory.mktemp("task") / "measured"
    recovery = replace(settings, epochs=2)
    return Task(dense, encoded[0], encoded[1], lambda model: pack(model, words, labels, scratch), recovery)


def solve(
    task: Task, folder: Path, *, criterion: str = "taylor", budget: Budget | None = None, **arguments: Any
) -> Solution:
    return prune(task, load_criterion(criterion), local, budget or Budget(max_drop=2), folder, **arguments)


def assert_same(one: Solution, other: Solution) -> None:
    assert one.history == other.history
    assert one[1:] == other[1:]
    ours, theirs = one.model.state_dict(), other.model.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


@pytest.mark.parametrize("criterion", ["taylor", "magnitude", "random", "gradient", "lasso"])
def test_the_search_keeps_to_its_budget_and_judges_by_its_rule(task: Task, tmp_path: Path, criterion: str) -> None:
    solution = solve(task, tmp_path, criterion=criterion)
    assert len(solution.history) > 1
    assert solution.reason
    assert solution.history[0] == (1.0, solution.history[0].bytes, solution.history[0].drop, True)
    rows, _ = split_dev(100, 0)
    right = search_module.right(task.dense, task.dev)[rows]
    search = Search(task, load_criterion(criterion), Budget(max_drop=2), tmp_path)
    search.start()
    for number, outcome in enumerate(solution.history[1:], start=1):
        model = search.candidate(number)
        now = search_module.right(model, task.dev)[rows]
        assert outcome.accepted == accepts(right, now, 2)
        assert outcome.drop == pytest.approx(100 * (right.mean() - now.mean()))
        assert outcome.bytes == task.packed_size(model)
        assert outcome.keep == outcome.bytes / solution.history[0].bytes
        assert model.rounding is not None
    assert solution.history[solution.chosen].accepted
    assert solution.history[solution.chosen].bytes == task.packed_size(solution.model)


def test_pruning_repeats_itself(task: Task, tmp_path: Path) -> None:
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
    assert_same(solve(task, tmp_path / "first"), solve(task, tmp_path / "again"))


@pytest.mark.parametrize("kills", [[("step 1", 3)], [("step 1", 10), ("step 2", 1), ("step 2", 7), ("step 2", 9)]])
def test_killed_and_resumed_equals_uninterrupted(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kills: list[tuple[str, int]]
) -> None:
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole = solve(task, tmp_path / "whole", criterion="lasso", budget=Budget(max_size=1_500))
    assert len(whole.history) > 2
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", -1.0)
    for stage, step in kills:

        def progress(name: str, now: Progress, stage: str = stage, step: int = step) -> None:
            if (name, now.done) == (stage, step):
                raise KilledError

        with pytest.raises(KilledError):
            solve(task, tmp_path / "killed", criterion="lasso", budget=Budget(max_size=1_500), progress=progress)
    seen: list[tuple[str, int]] = []
    resumed = solve(
        task,
        tmp_path / "killed",
        criterion="lasso",
        budget=Budget(max_size=1_500),
        progress=lambda name, now: seen.append((name, now.done)),
    )
    assert_same(resumed, whole)
    assert seen[0] == (kills[-1][0], kills[-1][1] + 1)  # it went on in the middle of the step


def test_a_size_is_reached(task: Task, tmp_path: Path) -> None:
    solution = solve(task, tmp_path, budget=Budget(max_size=1_500))
    assert task.packed_size(solution.model) <= 1_500
    assert solution.reason == "the packed file is within 1,500 bytes"
    assert solution.confirmed is None


def test_a_drop_that_nothing_keeps_ends_with_the_unpruned_model(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "accepts", lambda dense, other, max_drop: False)
    solution = solve(task, tmp_path, budget=Budget(max_drop=0))
    assert solution.chosen == 0
    assert solution.confirmed is None
    assert len(solution.history) == 4
    assert task.packed_size(solution.model) == solution.history[0].bytes
    assert solution.reason == "a smaller model no longer kept accuracy within 0 points on dev"


@pytest.mark.parametrize("at", [2, 7])  # before anything of the step was judged, and after
def test_an_interrupt_ends_the_search_with_the_best_model_so_far(task: Task, tmp_path: Path, at: int) -> None:
    stages: list[str] = []

    def progress(name: str, now: Progress) -> None:
        stages.append(name)
        if name == "step 2" and now.done == at:
            raise KeyboardInterrupt

    solution = solve(task, tmp_path, budget=Budget(max_size=1_500), progress=progress)
    assert solution.reason == "interrupted; this is the best model so far; 1,500 bytes were not reached"
    assert set(stages) == {"step 1", "step 2"}
    assert solution.chosen == 1
    assert len(solution.history) == 2


def test_a_deadline_ends_the_search(task: Task, tmp_path: Path) -> None:
    solution = solve(task, tmp_path, deadline=time.monotonic() - 1)
    assert solution.reason == "the time is spent"
    assert solution.chosen == 0
    assert len(solution.history) == 1


def test_a_deadline_also_ends_a_step(task: Task, tmp_path: Path) -> None:
    endless = replace(task, recovery=replace(task.recovery, epochs=100_000, patience=100_000))
    began = time.monotonic()
    solution = solve(endless, tmp_path, deadline=began + 0.3)
    assert time.monotonic() - began < 20
    assert solution.reason == "the time is spent"
    assert len(solution.history) == 2


def test_the_search_never_sees_the_confirming_texts(task: Task, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
    rows, hidden = split_dev(100, 0)
    assert len(hidden) == 30
    assert sorted([*rows, *hidden]) == list(range(100))
    assert rows.tolist() != split_dev(100, 1)[0].tolist()
    before = solve(task, tmp_path / "a")
    lied = task.dev.targets.clone()
    lied[torch.from_numpy(hidden)] = 1 - lied[torch.from_numpy(hidden)]
    after = solve(replace(task, dev=replace(task.dev, targets=lied)), tmp_path / "b")
    assert after.history == before.history


def test_texts_kept_out_of_the_search_confirm_the_model(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Search(task, load_criterion("magnitude"), Budget(max_drop=2), tmp_path)
    search.dense_right = np.ones(100, bool)

    def confirms(wrong: np.ndarray) -> bool | None:
        answers = np.ones(100, bool)
        answers[wrong] = False
        monkeypatch.setattr(search_module, "right", lambda model, examples: answers)
        return search.confirms(task.dense)

    assert confirms(np.array([], int))
    assert confirms(search.search_rows)  # which the search knows, so that they are not asked again
    assert not confirms(search.confirm_rows[:1])  # one of thirty is too much


@pytest.mark.parametrize(("max_size", "steps_back"), [(None, 1), (1, 0)])
def test_a_model_that_is_not_confirmed_is_taken_back_by_one_step(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, max_size: int | None, steps_back: int
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(search_module, "accepts", lambda dense, other, max_drop: True)
    monkeypatch.setattr(Search, "confirms", lambda search, model: bool(asked.append(task.packed_size(model))))
    solution = solve(task, tmp_path, budget=Budget(max_drop=2, max_size=max_size))
    sizes = sorted((outcome.bytes for outcome in solution.history), reverse=True)
    assert len(sizes) > 2
    assert asked == sizes[-1:]
    assert solution.confirmed is False
    assert solution.history[solution.chosen].bytes == sizes[-1 - steps_back] == task.packed_size(solution.model)
    assert "dev texts kept out of the search did not confirm the smallest model" in solution.reason
    if max_size:
        assert solution.reason.endswith("but the next larger one exceeds the size; 1 bytes were not reached")


def test_what_is_confirmed_is_the_model_that_recovered_longest(
    task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[TextCNN] = []
    monkeypatch.setattr(Search, "confirms", lambda search, model: not seen.append(model))
    polish = Search.polish
    given: list[TextCNN] = []

    def polishing(search: Search, *arguments: Any) -> TextCNN:
        given.append(polish(search, *arguments))
        return given[-1]

    monkeypatch.setattr(Search, "polish", polishing)
    solution = solve(task, tmp_path)
    assert len(given) == len(seen) == 1
    assert seen[0] is given[0]
    assert solution.confirmed


def test_a_recorded_candidate_is_the_one_that_was_judged(task: Task, tmp_path: Path) -> None:
    budget = Budget(max_size=1_500)
    solution = solve(task, tmp_path, budget=budget)
    search = Search(task, load_criterion("taylor"), budget, tmp_path)
    search.start()
    again = search.candidate(solution.chosen)
    assert search.judge(again) == solution.history[solution.chosen]
    assert again.dropout == solution.model.dropout == task.dense.dropout


def test_the_last_recovery_is_kept_only_if_it_helps(task: Task, tmp_path: Path) -> None:
    solution = solve(task, tmp_path, budget=Budget(max_size=1_500))
    search = Search(task, load_criterion("taylor"), Budget(max_size=1_500), tmp_path)
    search.start()
    name = f"final-{solution.chosen:02}"
    final = search.recorded(name)
    assert final is not None
    assert search.polish(solution.chosen, final.drop, None, None) is search.load(name)
    assert search.polish(solution.chosen, final.drop - 1, None, None) is search.candidate(solution.chosen)
    # The packed file's grid is all that is left of the weights.
    steps = rounding_of(solution.model, task.table)
    units = solution.model.embedding / steps.embedding
    torch.testing.assert_close(units, units.round(), atol=1e-3, rtol=0)


def test_the_dense_model_gives_half_of_each_lesson(task: Task, tmp_path: Path) -> None:
    search = Search(task, load_criterion("magnitude"), Budget(max_drop=2), tmp_path)
    truth = torch.nn.functional.one_hot(task.train.targets, 2)
    opinion = loop.logits(task.dense, task.train).softmax(1)
    assert opinion.min() > 0
    torch.testing.assert_close(search.lessons.targets, 0.5 * truth + 0.5 * opinion)


def test_units_go_by_the_loss_that_was_measured_for_them(task: Task, tmp_path: Path) -> None:
    search = Search(task, load_criterion("magnitude"), Budget(max_drop=2), tmp_path)
    start = search.start()
    small = search.smaller(0, start.bytes / 4)
    scored = search.scored[0]
    expected = losses_of(scored.model, scored.scores, search.sample)
    for name, losses in expected.items():
        np.testing.assert_array_equal(scored.losses[name], losses)
    assert task.packed_size(small) < start.bytes / 3


def test_ctrl_c_while_the_penalty_is_trained_ends_the_search(task: Task, tmp_path: Path) -> None:
    def stop(name: str, now: Progress) -> None:
        assert name == "penalty"  # no step is begun after it
        if now.accuracy is not None:
            raise KeyboardInterrupt

    solution = solve(task, tmp_path, criterion="lasso", budget=Budget(max_size=1_500), progress=stop)
    assert solution.chosen == 0
    assert solution.reason.startswith("interrupted")
