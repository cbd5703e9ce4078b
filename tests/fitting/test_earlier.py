"""A finished run pruned again: its data read again, its steps used again, and what has changed since refused."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import prunetext
from helpers.kills import KilledError, stop_at
from helpers.runs import CAREFUL, QUICK, WHOLE, change_state, copy_run, fit, prune
from helpers.tables import write_splits
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError, ModelFileError, RunError
from prunetext.fitting.parts import RECIPE, SOURCE, STEPS_FOLDER
from prunetext.runtime.states import read_state

SMALL = {"dimensions": 24, "filters": 16, "widths": "1,2", "epochs": 8.0, "criterion": "taylor"}


@pytest.fixture(scope="module")
def fitted(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, and a run on them; no test changes them."""
    folder = tmp_path_factory.mktemp("earlier")
    write_splits(folder / "data", data, ("body", "kind"))
    fit(folder / "data", out=folder / "run", text="body", label="kind", max_drop=3.0, **SMALL)
    return folder


@pytest.fixture
def both(fitted: Path, tmp_path: Path) -> Path:
    """A copy of them that may be changed."""
    return copy_run(fitted, tmp_path / "both")


@pytest.fixture(scope="module")
def memory(data: Data, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on data from memory."""
    return fit(data, out=tmp_path_factory.mktemp("memory"), max_drop=100, **{**SMALL, "epochs": 1.0}).path.parent


def sizes(folder: Path) -> list[int]:
    lines = (folder / "history.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["bytes"] for line in lines]


def test_a_run_keeps_what_another_pruning_needs(fitted: Path, memory: Path) -> None:
    assert SOURCE in WHOLE
    where = json.loads((fitted / "run" / SOURCE).read_text("utf-8"))
    assert where["data"] == str(fitted / "data")
    assert (where["reading"]["text"], where["reading"]["label"]) == ("body", "kind")
    assert "data" not in json.loads((memory / SOURCE).read_text("utf-8"))
    for folder in (fitted / "run", memory):
        keys = {each.stem for each in (folder / STEPS_FOLDER).iterdir()}
        history = [json.loads(line) for line in (folder / "history.jsonl").read_text("utf-8").splitlines()]
        assert {row["key"] for row in history[1:]} <= keys
        assert all(each.suffix == ".safetensors" for each in (folder / STEPS_FOLDER).iterdir())


def test_a_smaller_model_takes_up_the_steps_there_are(fitted: Path, tmp_path: Path) -> None:
    stages: list[str] = []
    result = prune(
        fitted / "run",
        out=tmp_path / "new",
        criterion="taylor",
        max_size="2.75kB",
        progress=lambda name, now: stages.append(name),
    )
    assert result.path == tmp_path / "new" / "model.safetensors"
    assert result.size == result.path.stat().st_size <= 2_750
    assert result.within_budget
    assert "train" not in stages
    assert stages[:1] != ["step 1"], "the first step was there"
    assert sizes(result.path.parent)[:2] == sizes(fitted / "run")[:2]
    old, new = fitted / "run", tmp_path / "new"
    shared = [each.name for each in (old / STEPS_FOLDER).iterdir() if (new / STEPS_FOLDER / each.name).exists()]
    assert shared
    assert all((old / STEPS_FOLDER / name).samefile(new / STEPS_FOLDER / name) for name in shared)
    assert {each.name for each in new.iterdir()} == {*WHOLE, STEPS_FOLDER}
    dense = [load_file(folder / "dense.safetensors") for folder in (old, new)]
    assert all(torch.equal(tensor, dense[1][name]) for name, tensor in dense[0].items())
    recipe = json.loads((new / "recipe.json").read_text("utf-8"))
    assert (recipe["max_size"], recipe["max_drop"], recipe["criterion"]) == ("2.75kB", None, "taylor")
    assert recipe["dimensions"] == 24
    assert result.notes[0] == "288 rows were read."


def test_a_run_from_before_there_was_a_precision_is_pruned_with_one(both: Path, tmp_path: Path) -> None:
    assert read_state(both / "run" / RECIPE)["precision"] is None
    change_state(both / "run", RECIPE, lambda text: text.replace('"precision": null, ', ""))
    assert "precision" not in read_state(both / "run" / RECIPE)
    result = prune(both / "run", out=tmp_path / "new", max_size="4kB", precision=0.6)
    assert result.calibration.rejection is not None
    assert prunetext.load(result.path).reject == result.calibration.rejection.threshold
    again = prune(tmp_path / "new", out=tmp_path / "again", max_size="4kB")
    assert again.calibration.rejection is None, "what is wanted is said anew, as a budget is"


@pytest.mark.parametrize("options", [{"max_size": "2.4kB"}, {"max_drop": 5.0}, {"max_size": "1900", "max_drop": 30.0}])
def test_steps_that_were_there_change_nothing_of_the_result(
    both: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    stages: dict[str, list[str]] = {"with": [], "without": []}
    found = {}
    for name, seen in stages.items():
        if name == "without":
            shutil.rmtree(both / "run" / STEPS_FOLDER)
        found[name] = prune(
            both / "run",
            out=tmp_path / name,
            criterion="taylor",
            progress=lambda stage, now, seen=seen: seen.append(stage),
            **options,
        )
    assert len(stages["with"]) < len(stages["without"])
    assert found["with"].path.read_bytes() == found["without"].path.read_bytes()
    assert sizes(tmp_path / "with") == sizes(tmp_path / "without")


def test_killed_and_resumed_gives_the_same_bytes(fitted: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"criterion": "lasso", "schedule": "incremental", "max_size": "2kB"}
    whole = prune(fitted / "run", out=tmp_path / "whole", **options)
    options["effort"] = CAREFUL
    for stage, step in (("step 1 tuning", 4), ("step 1", 3), ("step 2", 5)):
        with pytest.raises(KilledError):
            prune(fitted / "run", out=tmp_path / "killed", progress=stop_at(stage, step), **options)
    with pytest.raises(RunError, match="unfinished run that differs in max_size"):
        prune(fitted / "run", out=tmp_path / "killed", **{**options, "max_size": "3kB"})
    assert prune(fitted / "run", out=tmp_path / "killed", **options).path.read_bytes() == whole.path.read_bytes()
    with pytest.raises(RunError, match="holds a finished run"):
        prune(fitted / "run", out=tmp_path / "killed", **options)
    again = prune(fitted / "run", out=tmp_path / "killed", overwrite=True, **options)
    assert again.path.read_bytes() == whole.path.read_bytes()


@pytest.mark.parametrize(
    ("criterion", "schedule", "groups"),
    [
        ("obs", "oneshot", "bigrams,filters"),
        ("movement", "lottery", "vocabulary,bigrams,weights"),
        ("snip", "global:steps=3", "vocabulary,bigrams,dimensions,filters"),
        ("fisher", "local", "vocabulary,bigrams,dimensions,filters,taps,weights,bits"),
    ],
)
def test_another_method_on_the_same_dense_model(
    fitted: Path, tmp_path: Path, criterion: str, schedule: str, groups: str
) -> None:
    result = prune(
        fitted / "run", out=tmp_path / "new", criterion=criterion, schedule=schedule, groups=groups, max_size="4.4kB"
    )
    assert result.size <= 4_400
    kinds = groups.split(",")
    assert all(share == 0 for kind, share in result.removed.items() if kind in {"vocabulary", "filters"} - set(kinds))
    assert any(result.removed[kind] > 0 for kind in kinds)
    assert prunetext.load(result.path).predict(["common1"])
    recipe = json.loads((tmp_path / "new" / "recipe.json").read_text("utf-8"))
    assert (recipe["criterion"], recipe["schedule"], recipe["groups"]) == (criterion, schedule, groups)


def test_a_pruned_run_can_be_pruned_again(fitted: Path, tmp_path: Path) -> None:
    first = prune(fitted / "run", out=tmp_path / "first", max_size="3.75kB")
    second = prune(tmp_path / "first", out=tmp_path / "second", max_size="2.75kB")
    straight = prune(fitted / "run", out=tmp_path / "straight", max_size="2.75kB")
    assert first.size > 2_750 >= second.size
    assert second.path.read_bytes() == straight.path.read_bytes()


def test_a_speed_is_measured_on_this_machine(fitted: Path, tmp_path: Path) -> None:
    result = prune(fitted / "run", out=tmp_path / "new", min_speed=1)
    assert result.reason == "it labels 1 texts a second or more"
    history = json.loads((tmp_path / "new" / "history.jsonl").read_text("utf-8"))
    assert history["speed"] > 1_000


def test_a_speed_is_reached(fitted: Path, tmp_path: Path) -> None:
    effort = dataclasses.replace(QUICK, speed=lambda model: 1e6 / (20 + model.costs()["time"]({})))
    result = prune(fitted / "run", out=tmp_path / "new", min_speed=25_000, effort=effort)
    assert result.within_budget
    assert result.reason == "it labels 25,000 texts a second or more"
    far = prune(fitted / "run", out=tmp_path / "far", min_speed="9M", schedule="oneshot", effort=effort)
    assert not far.within_budget
    assert far.reason.endswith("; 9,000,000 texts a second were not reached")


def test_data_that_have_moved_are_given_again(both: Path, tmp_path: Path) -> None:
    shutil.move(both / "data", both / "elsewhere")
    with pytest.raises(InputError, match=r"data: there is no such file or folder"):
        prune(both / "run", out=tmp_path / "new", max_size="3kB")
    prune(both / "run", out=tmp_path / "new", data=both / "elsewhere", max_size="3kB")
    where = json.loads((tmp_path / "new" / SOURCE).read_text("utf-8"))
    assert where["data"] == str(both / "elsewhere")
    prune(tmp_path / "new", out=tmp_path / "newer", max_size="2kB")


def test_data_that_have_changed_are_refused(both: Path, tmp_path: Path, data: Data) -> None:
    with (both / "data" / "train.csv").open("a", encoding="utf-8") as file:
        file.write("common1 more,class 0\n")
    with pytest.raises(RunError, match=r"data: the data have other texts or labels than .*run\. Give that run"):
        prune(both / "run", out=tmp_path / "new", max_size="3kB")
    other = Data(data.train, data.test, data.dev, name="other", report=data.report)
    with pytest.raises(RunError, match=r"^The data given have other texts or labels"):
        prune(both / "run", out=tmp_path / "new", data=other, max_size="3kB")
    assert not (tmp_path / "new").exists()
    prune(both / "run", out=tmp_path / "new", data=data, max_size="3kB")  # from memory, but the same


def test_a_run_on_data_from_memory_needs_them_again(memory: Path, data: Data, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"was trained on data in memory\. Give them again as data\.$"):
        prune(memory, out=tmp_path / "new", max_size="3kB")
    assert prune(memory, out=tmp_path / "new", data=data, max_size="3kB").size <= 3_000
    with pytest.raises(RunError, match="other texts or labels"):
        prune(memory, out=tmp_path / "no", data=Examples(data.train.texts, data.train.labels))


def vectors(data: Data) -> dict[str, np.ndarray]:
    words = {word for text in data.train.texts for word in text.split()}
    return {word: np.random.default_rng(len(word)).normal(0, 0.3, 24) for word in sorted(words)}


@pytest.mark.parametrize("schedule", ["lottery", "global"])
def test_a_schedule_that_begins_untrained_needs_the_vectors_of_the_fit(
    data: Data, tmp_path: Path, schedule: str
) -> None:
    options = {**SMALL, "epochs": 1.0, "max_size": "3.5kB"}
    run = fit(data, out=tmp_path / "run", vectors=vectors(data), **options).path.parent
    with pytest.raises(RunError, match=rf"started from vectors that its caller gave, and schedule {schedule} starts"):
        prune(run, out=tmp_path / "new", data=data, schedule=schedule, max_size="3kB")
    assert not (tmp_path / "new").exists()
    assert prune(run, out=tmp_path / "new", data=data, max_size="3kB").size <= 3_000


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 3.0}, "prune has no option 'epochs'. prunetext prune --help lists"),
        ({"max_drop": -1.0}, "max_drop is -1.0: it must be between 0 and 100."),
        ({"max_size": "3 apples"}, "max_size is '3 apples'"),
        (
            {"min_speed": "fast"},
            "min_speed is 'fast': it must be a positive number with a unit of k or m, such as 300k.",
        ),
        (
            {"min_speed": 9, "groups": "vocabulary"},
            "groups is vocabulary, which makes nothing faster, but a speed is asked for.",
        ),
        ({"groups": "heads"}, "groups has 'heads'. Choose any of vocabulary, bigrams, dimensions"),
        ({"criterion": "obs", "groups": "bits"}, "criterion obs does not go with groups bits: "),
        ({"groups": "filters,precision"}, "groups has 'precision', which is now called bits. Give bits."),
        ({"criterion": "best"}, "criterion 'best' is unknown."),
        ({"schedule": "lottery:step=0"}, "lottery:step=0 is not a number from 1.2 to 100."),
        ({"out": ""}, "out is an empty name. Give a new folder."),
        ({"data": 3}, "data is 3: it must be a path, a data frame, prunetext.Examples(texts, labels)"),
        ({"data": Examples([], [])}, "data: there are too few different texts"),
    ],
)
def test_bad_input_is_one_sentence_and_nothing_is_written(
    fitted: Path, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as error:
        prune(fitted / "run", **{"out": tmp_path / "new", **options})
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_no_run_is_one_sentence(both: Path, tmp_path: Path) -> None:
    for folder in (tmp_path / "none", both / "data", both / "data" / "train.csv"):
        with pytest.raises(RunError) as error:
            prune(folder, out=tmp_path / "new")
        assert str(folder) in str(error.value)
        assert "\n" not in str(error.value)
    run = both / "run"
    for name in ("recipe.json", SOURCE, "dense.safetensors"):
        whole = (run / name).read_bytes()
        for content in (b"", b"{", b"[]", b"{}", b'{"data": 3}', whole[:-9], None):
            if content is None:
                (run / name).unlink()
            else:
                (run / name).write_bytes(content)
            with pytest.raises((InputError, ModelFileError)) as refused:
                prune(run, out=tmp_path / "new")
            assert "\n" not in str(refused.value)
            assert not (tmp_path / "new").exists()
        (run / name).write_bytes(whole)
