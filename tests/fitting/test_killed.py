"""A run that is killed or interrupted anywhere ends as if it had not been, or with the best model so far."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prunetext
from helpers.kills import KilledError, kill, stop_at
from prunetext.data.dataset import Data
from prunetext.fitting import api as pipeline
from prunetext.fitting import finishing
from prunetext.fitting.api import Result
from prunetext.pruning.search import begin_search
from prunetext.training.loop import Progress

pytestmark = pytest.mark.usefixtures("quick_training")
Run = Callable[..., Result]  # what the fixture `run` gives


@pytest.mark.parametrize("criterion", ["taylor", "lasso"])
def test_killed_anywhere_and_called_again_gives_the_same_bytes(
    data: Data, tmp_path: Path, save_often: Callable[[], None], whole: Result, criterion: str, run: Run
) -> None:
    if criterion == "lasso":
        whole = run(data, tmp_path / "whole", criterion=criterion)
    save_often()
    kills = [("train", 3), ("train", 40), ("train", 64), ("step 1", 1), ("step 1", 20), ("step 2", 2)]
    for stage, step in kills:
        with pytest.raises(KilledError):
            run(data, tmp_path / "killed", criterion=criterion, progress=stop_at(stage, step))
        assert not (tmp_path / "killed" / "model.safetensors").exists()
        if step > 1:  # it will go on there, and not begin again
            assert list((tmp_path / "killed").rglob("*.checkpoint"))
    seen: list[str] = []
    resumed = run(data, tmp_path / "killed", criterion=criterion, progress=lambda name, now: seen.append(name))
    assert "train" not in seen
    assert "step 1" not in seen
    for name in ("model.safetensors", "pruned.safetensors", "history.jsonl"):
        assert resumed.path.with_name(name).read_bytes() == whole.path.with_name(name).read_bytes(), name
    assert [each.name for each in sorted(resumed.path.parent.iterdir())] == [
        each.name for each in sorted(whole.path.parent.iterdir())
    ]


@pytest.mark.parametrize("when", ["pack", "judge", "finish"])
def test_killed_behind_the_search_and_called_again_gives_the_same_bytes(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Result, when: str, run: Run
) -> None:
    places = {
        "pack": (finishing, "choose_table"),
        "judge": (finishing, "side_by_side"),
        "finish": (pipeline.Run, "finish"),
    }
    with monkeypatch.context() as patch:
        patch.setattr(*places[when], kill)
        with pytest.raises(KilledError):
            run(data, tmp_path / "killed")
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
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Result, run: Run
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(finishing, "side_by_side", kill)
        with pytest.raises(KilledError):
            run(data, tmp_path / "run", progress=stop_at("train", 20, KeyboardInterrupt))
    assert run(data, tmp_path / "run").path.read_bytes() == whole.path.read_bytes()


def test_an_interrupt_before_the_first_step_keeps_the_dense_model(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    calls = []

    def interrupted(*given: Any, **named: Any) -> Any:
        calls.append(given)
        if len(calls) == 1:
            raise KeyboardInterrupt
        return begin_search(*given, **named)

    monkeypatch.setattr("prunetext.pruning.driver.begin_search", interrupted)
    result = run(data, tmp_path / "run")
    assert result.reason == "interrupted; this is the dense model as it was then"
    assert prunetext.load(result.path).predict(["common1"])
