"""The command prune as a user meets it: what it prints, what it writes, and how it refuses."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prunetext
from prunetext.fitting.folder import KEPT, STEPS
from prunetext.options import PruneOptions, option_types

Done = tuple[int, str, str]  # exit code, standard output, standard error
Call = Callable[..., Done]


@pytest.fixture(scope="module")
def run(toy_data: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory, quick_training: None) -> Path:
    """A finished run, with its data beside it; no test changes them."""
    folder = tmp_path_factory.mktemp("cli")
    (folder / "data").mkdir()
    for name, examples in toy_data(train=128, dev=80, test=80).splits():
        with (folder / "data" / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *zip(examples.texts, examples.labels, strict=True)])
    options = {"dimensions": 24, "filters": 16, "epochs": 8.0, "max_drop": 3.0}
    return prunetext.fit(folder / "data", out=folder / "run", **options).path.parent


def test_prune_prints_what_fit_prints_and_keeps_to_its_budget(run: Path, tmp_path: Path, call: Call) -> None:
    code, out, err = call("prune", run, "--out", tmp_path / "new", "--max-size", "4kB", "--schedule", "oneshot")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "288 rows were read."
    for name in ("dense", "pruned", "packed"):
        assert sum(line.startswith(name) for line in lines) == 1
    assert "Why the search ended: the packed file is within 4,000 bytes" in out
    assert lines[-1] == str(tmp_path / "new" / "model.safetensors")
    assert (tmp_path / "new" / "model.safetensors").stat().st_size <= 4_000
    assert {each.name for each in (tmp_path / "new").iterdir()} == {*KEPT, STEPS}


def test_prune_prints_one_json_object_with_the_stored_result(run: Path, tmp_path: Path, call: Call) -> None:
    arguments = ("prune", run, "--out", tmp_path / "new", "--max-size", "4kB", "--criterion", "obs", "--json")
    code, out, err = call(*arguments, "--groups", "filters,taps,weights")
    assert code == 0, err
    found = json.loads(out)
    assert found.pop("path") == str(tmp_path / "new" / "model.safetensors")
    assert found == json.loads((tmp_path / "new" / "result.json").read_text("utf-8"))
    assert found["removed"]["vocabulary"] == found["removed"]["dimensions"] == 0 < found["removed"]["weights"]
    assert "step 1" in err, "progress is told on standard error"


def test_each_option_is_a_flag_and_none_of_training_is() -> None:
    line = [sys.executable, "-m", "prunetext", "prune", "--help"]
    shown = subprocess.run(line, capture_output=True, check=True).stdout.decode().split()
    for name in ("out", "data", "overwrite", "json", *option_types(PruneOptions)):
        assert f"--{name.replace('_', '-')}" in shown
    assert "--epochs" not in shown
    assert "--seed" not in shown


ENDS = {
    "no run": ("{tmp}/none holds no finished run: its recipe.json is missing. Give the --out of a fit.", "{tmp}/none"),
    "data": ("{data} holds no finished run: its recipe.json is missing.", "{data}"),
    "file": ("{data}/train.csv/recipe.json: this part of the run is damaged", "{data}/train.csv"),
    "criterion": ("criterion 'best' is unknown. Choose one of fisher, ", "{run} --criterion best"),
    "parameter": ("criterion 'obs' has no parameter 'rank'. It takes damping.", "{run} --criterion obs:rank=1"),
    "schedule": ("schedule 'best' is unknown. Choose one of global, ", "{run} --schedule best"),
    "group": ("groups has 'heads': choose some of vocabulary, ", "{run} --groups filters,heads"),
    "refused": ("criterion lasso does not go with groups precision: ", "{run} --criterion lasso --groups precision"),
    "taps": ("schedule incremental does not go with groups taps: ", "{run} --schedule incremental --groups taps"),
    "speed": ("min_speed is 300k, but groups dimensions makes", "{run} --min-speed 300k --groups dimensions"),
    "size": ("max_size is '64apples': ", "{run} --max-size 64apples"),
    "drop": ("max_drop is -1.0: it must be between 0 and 100.", "{run} --max-drop -1"),
    "moved": ("{tmp}/none: there is no such file or folder.", "{run} --data {tmp}/none"),
    "other data": ("The data given have other texts or labels than those of ", "{run} --data {data}/train.csv"),
    "flag": ("No such option: --epochs", "{run} --epochs 3"),
    "no arguments": ("run is missing. Give the --out of a fit.", ""),
}


@pytest.mark.parametrize("case", ENDS)
def test_prune_refuses_bad_input_in_one_sentence_and_writes_nothing(
    case: str, run: Path, tmp_path: Path, call: Call
) -> None:
    sentence, arguments = ENDS[case]
    names = {"tmp": tmp_path, "run": run, "data": run.parent / "data"}
    code, out, err = call("prune", *[each.format(**names) for each in arguments.split()], "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.startswith(sentence.format(**names))
    assert err.count("\n") == 1
    assert err.endswith((".\n", "?\n"))
    assert not (tmp_path / "out").exists()


def test_prune_refuses_to_write_where_it_must_not(run: Path, call: Call) -> None:
    before = (run / "model.safetensors").read_bytes()
    code, _, err = call("prune", run, "--out", run, "--max-size", "4kB")
    assert (code, err) == (2, f"{run} holds a finished run: give another --out, or --overwrite to replace it.\n")
    code, _, err = call("prune", run, "--out", run.parent / "data", "--max-size", "4kB")
    assert (code, err) == (
        2,
        f"{run.parent / 'data'} holds files but no run: give an empty or a new folder as --out.\n",
    )
    code, _, err = call("prune", run, "--max-size", "4kB")
    assert (code, err) == (2, "out is missing. Give a folder with --out.\n")
    assert (run / "model.safetensors").read_bytes() == before


def test_a_run_may_be_pruned_in_its_own_place(run: Path, tmp_path: Path, call: Call) -> None:
    shutil.copytree(run, tmp_path / "run")
    before = (tmp_path / "run" / "dense.safetensors").stat().st_size
    code, _, err = call("prune", tmp_path / "run", "--out", tmp_path / "run", "--overwrite", "--max-size", "4kB")
    assert code == 0, err
    assert (tmp_path / "run" / "model.safetensors").stat().st_size <= 4_000
    assert (tmp_path / "run" / "dense.safetensors").stat().st_size == pytest.approx(before, rel=0.05)
    code, _, err = call("prune", tmp_path / "run", "--out", tmp_path / "run", "--overwrite", "--max-size", "3.5kB")
    assert code == 0, err


def test_ctrl_c_before_there_is_a_model_says_how_to_go_on(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("prunetext.fitting.api.prune", interrupt)
    done = call("prune", run, "--out", tmp_path / "new")
    assert done == (130, "", "Interrupted. Repeat the command to go on where it was.\n")


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_keeps_the_best_model_so_far(run: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "prunetext", "prune", str(run), "--out", str(tmp_path / "new")]
    arguments = ["--max-drop", "100", "--criterion", "movement"]
    with subprocess.Popen([*line, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        told = process.stderr.readline()
        assert told.startswith(b"step 1 tuning"), "it is written when the first recovery begins"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert process.returncode == 0
    assert b"Why the search ended: interrupted" in out
    assert prunetext.load(tmp_path / "new" / "model.safetensors").predict(["common1"])
