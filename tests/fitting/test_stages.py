"""What the stages of a run hand to one another: the room for findings, vectors to start from, gentler recoveries."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import prunetext
from helpers.kills import KilledError, stop_at
from helpers.runs import QUICK
from prunetext.data.dataset import Data
from prunetext.errors import RunError
from prunetext.fitting.api import Result
from prunetext.fitting.plan import plan_fit
from prunetext.fitting.recovery import Recovery
from prunetext.fitting.stages import begun
from prunetext.modelfiles.trained import read_trained
from prunetext.models.protocol import PROVENANCE_ROOM
from prunetext.models.provenance import taken
from prunetext.models.textcnn.packing import size_of_packed
from prunetext.models.textcnn.starting import vocabulary_of
from prunetext.options import ModelOptions
from prunetext.training.pace import pace

Run = Callable[..., Result]  # what the fixture `run` gives


def test_what_is_found_out_last_takes_a_room_of_fixed_length(
    whole: Result, data: Data, tmp_path: Path, run: Run
) -> None:
    wordy = {"criterion": "gradient:remove=smallest", "max_size": "123456789B", "max_time": "123456s", "precision": 0.6}
    rooms = set()
    for path in (whole.path, run(data, tmp_path / "wordy", **wordy).path):
        entries = {name: prunetext.load(path).metadata.get(name) for name in ("temperature", "provenance", "reject")}
        rooms.add(taken({name: value for name, value in entries.items() if value is not None}))
        assert json.loads(entries["provenance"] or "")["recipe"]["seed"] == 0
    assert rooms == {PROVENANCE_ROOM}


def test_a_file_is_as_large_as_the_search_took_it_for(whole: Result) -> None:
    history = [json.loads(line) for line in whole.path.with_name("history.jsonl").read_text("utf-8").splitlines()]
    assert whole.size <= max(row["bytes"] for row in history)
    found = read_trained(whole.path.with_name("pruned.safetensors"))
    assert size_of_packed(found) == whole.size


def test_recoveries_are_gentler_than_training_and_chosen_by_loss() -> None:
    training = pace(128, 8.0)
    for taught in (False, True):
        recovery = Recovery().settings(training, taught=taught)
        assert (recovery.best_by, recovery.judge_start) == ("loss", True)
        assert recovery.learning_rate < training.learning_rate
        assert recovery.epochs < training.epochs


def some_vectors(data: Data, dimensions: int = 7) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    words = sorted({word for text in data.train.texts for word in text.split()})
    return {word: rng.normal(0, 0.3, dimensions) for word in words[:-3]}  # some have none


@pytest.mark.parametrize(("channels", "sizes"), [("static", (7, 7)), ("both", (14, 7)), ("non-static", (7, 0))])
def test_given_vectors_are_kept_where_they_are_static(
    data: Data, tmp_path: Path, channels: str, sizes: tuple[int, int], run: Run
) -> None:
    vectors = some_vectors(data)
    result = run(data, tmp_path / "run", vectors=vectors, channels=channels, min_count=1, dimensions=None)
    dense = load_file(result.path.with_name("dense.safetensors"))["embedding"]
    dimensions, static = sizes
    assert dense.shape[1] == dimensions
    words = vocabulary_of(data.train.texts, ModelOptions(min_count=1))
    known = [row for row, word in enumerate(words) if word in vectors]
    given = torch.tensor(np.array([vectors[words[row]] for row in known]), dtype=torch.float32)
    rows = dense[torch.tensor(known) + 2]
    assert torch.equal(rows[:, :static], given[:, :static])
    assert not torch.equal(rows[:, dimensions - 7 :], given) or static == 7 == dimensions
    assert result.size > 0


def test_given_vectors_are_part_of_the_recipe(data: Data, tmp_path: Path, run: Run) -> None:
    vectors = some_vectors(data, dimensions=12)
    with pytest.raises(KilledError):
        run(data, tmp_path / "run", vectors=vectors, progress=stop_at("train", 1))
    for others in (None, {word: vector + 1 for word, vector in vectors.items()}):
        with pytest.raises(RunError, match="unfinished run that differs in vectors"):
            run(data, tmp_path / "run", vectors=others)
    run(data, tmp_path / "run", vectors=vectors)


def test_time_is_counted_from_the_beginning_of_the_command(data: Data, tmp_path: Path, run: Run) -> None:
    steps: list[str] = []
    given = {"epochs": 1e5, "max_time": "60s", "progress": lambda name, now: steps.append(name)}
    late = run(data, tmp_path / "late", began=time.monotonic() - 61, **given)
    assert steps == ["train"], "a single step, which must be judged; nothing is pruned"
    assert late.reason == "the time was used up"
    assert not late.within_budget


def test_the_time_of_a_teacher_is_not_counted(data: Data, tmp_path: Path) -> None:
    plan = plan_fit(data, None, None, tmp_path, None, {"max_time": "10s"}, QUICK)
    assert begun(plan, 100.0, free=7.0).deadline(0.5) == 112.0
    assert begun(plan_fit(data, None, None, tmp_path, None, {}, QUICK), 100.0).deadline(0.5) is None
