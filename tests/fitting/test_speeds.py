"""What a run measures of time stays in its folder: a resumed run takes it from there, and only if it is whole."""

import json
from pathlib import Path

import numpy as np
import pytest

import prunetext
from helpers.cascades import noisy_reviews
from helpers.encoders import encoder_folder
from helpers.kills import KilledError, stop_at
from prunetext.fitting.effort import Effort
from prunetext.fitting.parts import RESULT, TIMES, WORK
from prunetext.fitting.speeds import checked_times
from prunetext.modelfiles.trained import read_trained
from prunetext.models.transformer.timing import TimeTable
from prunetext.runtime.states import read_state, write_state

TABLE = TimeTable(32, ((1, 1000.0), (4, 4000.0)), ((16, 2000.0), (40, 5000.0)), 3000.0)
MEASURED = Effort(speed_seconds=0.0)
GIVEN = Effort(speed=lambda model: 1e9 / (2 * TABLE.cost(model)({})), times=TABLE)  # twice as slow as the table says
OPTIONS = {"epochs": 1, "max_tokens": 24, "schedule": "oneshot", "criterion": "magnitude", "refit": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT."""
    path = tmp_path_factory.mktemp("bert")
    encoder_folder(path)
    return path


@pytest.fixture(scope="module")
def killed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was killed in its first recovery, when its speeds had been measured; no test changes it."""
    out = tmp_path_factory.mktemp("killed") / "run"
    with pytest.raises(KilledError):
        fitted(folder, out, progress=stop_at("step 1", 1))
    return out


def fitted(folder: Path, out: Path, effort: Effort = MEASURED, **options: object) -> prunetext.Result:
    """A short run for a speed that no model has."""
    given = {"model": str(folder), "min_speed": "1000m", "max_drop": 100.0, **OPTIONS, **options}
    return prunetext.fit(noisy_reviews(120), out=out, effort=effort, **given)


def resumed(killed: Path, folder: Path, out: Path, damage: bytes | None = None) -> prunetext.Result:
    """The same run, gone on with in a copy, whose times may be damaged before."""
    for each in killed.rglob("*"):
        if each.is_file():
            target = out / each.relative_to(killed)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(each.read_bytes() if damage is None or each.name != TIMES else damage)
    return fitted(folder, out)


def first_speed(run: Path) -> float:
    """The speed of the unpruned model in a run's history."""
    return float(json.loads((run / "history.jsonl").read_text("utf-8").splitlines()[0])["speed"])


def test_a_resumed_run_goes_by_the_times_of_the_first_one(folder: Path, killed: Path, tmp_path: Path) -> None:
    before = read_state(killed / WORK / TIMES)
    assert TimeTable.of(before["parts"]).hidden == 32
    result = resumed(killed, folder, tmp_path / "run")
    now = read_state(result.path.with_name(TIMES))
    assert now["parts"] == before["parts"]
    assert before["speeds"].items() <= now["speeds"].items()
    assert first_speed(tmp_path / "run") in before["speeds"].values()
    assert TIMES in read_state(result.path.with_name(RESULT))["files"]
    assert not any(TIMES in note for note in result.notes)


@pytest.mark.parametrize("damage", ["cut", "hostile", "empty"])
def test_damaged_times_are_measured_anew_with_a_note(folder: Path, killed: Path, tmp_path: Path, damage: str) -> None:
    whole = (killed / WORK / TIMES).read_bytes()
    write_state(tmp_path / "hostile.json", {"speeds": {"a": -1.0}, "parts": None})
    given = {"cut": whole[:-9], "hostile": (tmp_path / "hostile.json").read_bytes(), "empty": b""}[damage]
    result = resumed(killed, folder, tmp_path / "run", given)
    (note,) = [note for note in result.notes if TIMES in note]
    assert note.startswith(f"{WORK}/{TIMES} was damaged (")
    assert checked_times(read_state(result.path.with_name(TIMES)), TimeTable.of)["parts"] is not None


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"speeds": {}},
        {"speeds": [], "parts": None},
        {"speeds": {"a": 0.0}, "parts": None},
        {"speeds": {"a": True}, "parts": None},
        {"speeds": {"a": float("inf")}, "parts": None},
        {"speeds": {"a" * 999: 1.0}, "parts": None},
        {"speeds": {}, "parts": []},
        {"speeds": {}, "parts": {"hidden": 32}},
        {"speeds": {}, "parts": None, "more": 1},
    ],
)
def test_what_is_no_file_of_times_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="it"):
        checked_times(values, TimeTable.of)


def test_a_run_without_a_speed_in_its_budget_asks_no_clock(folder: Path, tmp_path: Path) -> None:
    def speed(model: object) -> float:
        raise AssertionError("a speed was asked for")

    result = fitted(folder, tmp_path / "run", Effort(speed=speed), min_speed=None)
    assert not result.path.with_name(TIMES).exists()


def test_a_table_and_speeds_that_are_given_lead_to_the_speed(folder: Path, tmp_path: Path) -> None:
    dense = fitted(folder, tmp_path / "dense", GIVEN, min_speed=None, schedule="oneshot:keep=1").path
    slow = GIVEN.speed(read_trained(dense.with_name("dense.safetensors")).model)
    given = {"data": noisy_reviews(120), "min_speed": 1.3 * slow, "effort": GIVEN, "schedule": "oneshot"}
    result = prunetext.prune(tmp_path / "dense", out=tmp_path / "fast", **given)
    assert result.within_budget
    small = read_trained(result.path.with_name("pruned.safetensors")).model
    assert 1.3 * slow <= GIVEN.speed(small) <= 1.6 * slow
    neurons = [small.weights().neurons(layer) for layer in small.weights().layers]
    assert set(neurons) <= {16, 32, 40}
    assert not np.array_equal(neurons, [40, 40]), "a table tells that they save time"
    assert not result.path.with_name(TIMES).exists(), "nothing was measured"
