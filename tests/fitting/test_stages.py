"""What the stages of a run hand to one another: the room for findings, vectors to start from, gentler recoveries."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import prunetext
from helpers.kills import KilledError, stop_at
from prunetext.data.dataset import Data
from prunetext.errors import RunError
from prunetext.fitting import api as pipeline
from prunetext.fitting import stages as jobs
from prunetext.fitting.api import Result
from prunetext.pruning import search

pytestmark = pytest.mark.usefixtures("quick_training")
Run = Callable[..., Result]  # what the fixture `run` gives


def longest(value: Any) -> Any:
    """The same findings in as many characters as they may take."""
    if isinstance(value, dict):
        return {key: longest(each) for key, each in value.items()}
    return -1.2345678901234567e-05 if isinstance(value, float) else 1_000_000 if isinstance(value, int) else value


def test_the_room_that_is_left_for_findings_is_enough(whole: Result) -> None:
    found = json.loads(prunetext.load(whole.path).metadata["provenance"])
    recipe = {name: value for name, value in found.pop("recipe").items() if name not in jobs.WANTED}
    wanted = {"max_drop": 0.123456789, "max_size": "123456789B", "min_speed": "1234567", "max_time": "123456s"}
    wanted |= {"schedule": "incremental", "dense": "0123456789abcdef", "precision": 0.123456789}
    assert wanted.keys() == set(jobs.WANTED)
    verdict = {**found["verdict"], "name": "undecided", "needed": 1_000_000}
    findings = longest({**found, "verdict": verdict}) | {"reason": "x" * 320}

    def stored(provenance: dict[str, Any]) -> int:
        return len(json.dumps(json.dumps(provenance, separators=(",", ":"))))

    calibrated = len('"reject":"0.9999",') + len("0.05123") - len("1.0")
    room = stored({"recipe": recipe, "findings": "-" * (jobs.FINDINGS + jobs.WANTED_BYTES)})
    assert stored({"recipe": {**recipe, **wanted}, **findings}) + calibrated <= room


def test_recoveries_are_gentler_than_training_and_chosen_by_loss(
    data: Data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    tasks: list[search.Task] = []

    def prune(task: search.Task, *arguments: object, **named: object) -> None:
        tasks.append(task)
        raise KilledError

    monkeypatch.setattr(jobs, "prune", prune)
    with pytest.raises(KilledError):
        run(data, tmp_path / "run")
    training = jobs.settings_of(pipeline.FitOptions(epochs=8.0), len(data.train))
    recovery = tasks[0].recovery
    assert (recovery.best_by, recovery.judge_start) == ("loss", True)
    assert recovery.learning_rate < training.learning_rate
    assert recovery.epochs < training.epochs
    assert tasks[0].dev is not tasks[0].train
    assert len(tasks[0].dev) == 80


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
    words = pipeline.vocabulary_of(data.train.texts, pipeline.ModelOptions(min_count=1))
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
        with pytest.raises(RunError, match="unfinished run whose vectors was different"):
            run(data, tmp_path / "run", vectors=others)
    run(data, tmp_path / "run", vectors=vectors)
