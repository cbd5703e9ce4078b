"""A run that is killed or interrupted anywhere ends as if it had not been, or with the best model so far."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import prunetext
from helpers.kills import KilledError, stop_at
from helpers.runs import CAREFUL, QUICK
from prunetext.data.dataset import Data
from prunetext.fitting.api import Result
from prunetext.fitting.parts import RESULT
from prunetext.models.protocol import Model
from prunetext.training.loop import Progress

Run = Callable[..., Result]  # what the fixture `run` gives
Killed = Callable[..., None]  # what the fixture `killed` gives


@pytest.mark.parametrize("criterion", ["taylor", "lasso"])
def test_killed_anywhere_and_called_again_gives_the_same_bytes(
    data: Data, tmp_path: Path, whole: Result, criterion: str, run: Run
) -> None:
    if criterion == "lasso":
        whole = run(data, tmp_path / "whole", criterion=criterion)
    options = {"criterion": criterion, "effort": CAREFUL}
    kills = [("train", 3), ("train", 40), ("train", 64), ("step 1", 1), ("step 1", 20), ("step 2", 2)]
    for stage, step in kills:
        with pytest.raises(KilledError):
            run(data, tmp_path / "killed", progress=stop_at(stage, step), **options)
        assert not (tmp_path / "killed" / "model.safetensors").exists()
        if step > 1:  # it will go on there, and not begin again
            assert list((tmp_path / "killed").rglob("*.checkpoint"))
    seen: list[str] = []
    resumed = run(data, tmp_path / "killed", progress=lambda name, now: seen.append(name), **options)
    assert "train" not in seen
    assert "step 1" not in seen
    for name in ("model.safetensors", "pruned.safetensors", "history.jsonl"):
        assert resumed.path.with_name(name).read_bytes() == whole.path.with_name(name).read_bytes(), name
    assert [each.name for each in sorted(resumed.path.parent.iterdir())] == [
        each.name for each in sorted(whole.path.parent.iterdir())
    ]


@pytest.mark.parametrize("at", ["pruned.safetensors", "model.safetensors", RESULT])
def test_killed_behind_the_search_and_called_again_gives_the_same_bytes(
    data: Data, tmp_path: Path, whole: Result, at: str, run: Run, killed: Killed
) -> None:
    killed(data, tmp_path / "killed", at)
    assert run(data, tmp_path / "killed").path.read_bytes() == whole.path.read_bytes()


@pytest.mark.parametrize("stage", ["train", "step 1"])
def test_an_interrupt_keeps_the_best_and_finishes(data: Data, tmp_path: Path, stage: str, run: Run) -> None:
    seen: list[str] = []

    def progress(name: str, now: Progress) -> None:
        seen.append(name)
        if (name, now.done) == (stage, 20):
            raise KeyboardInterrupt

    result = run(data, tmp_path / "run", progress=progress)
    assert seen[-1] == stage
    assert result.reason.startswith("interrupted; this is the ")
    assert prunetext.load(result.path).predict(["common1"])
    assert result.path.with_name("result.json").exists()


def test_an_interrupt_before_there_is_any_model_leaves_a_run_to_resume(data: Data, tmp_path: Path, run: Run) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(data, tmp_path / "run", progress=stop_at("train", 1, KeyboardInterrupt))
    assert not (tmp_path / "run" / "model.safetensors").exists()
    run(data, tmp_path / "run")


def test_an_interrupted_training_is_resumed_if_the_run_is_then_killed(
    data: Data, tmp_path: Path, whole: Result, run: Run, killed: Killed
) -> None:
    killed(data, tmp_path / "run", "model.safetensors", stop_at("train", 20, KeyboardInterrupt))
    assert run(data, tmp_path / "run").path.read_bytes() == whole.path.read_bytes()


def test_an_interrupt_before_the_first_step_keeps_the_dense_model(data: Data, tmp_path: Path, run: Run) -> None:
    calls = []

    def interrupted(model: Model) -> float:
        calls.append(model)
        if len(calls) == 1:  # while the whole model is judged
            raise KeyboardInterrupt
        return 1000.0

    result = run(data, tmp_path / "run", min_speed=1, effort=replace(QUICK, speed=interrupted))
    assert result.reason == "interrupted; this is the dense model at that time"
    assert prunetext.load(result.path).predict(["common1"])
