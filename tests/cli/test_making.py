"""The commands that make a model as a user meets them: what they print, what they write, and how they refuse."""

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
from helpers.commands import Call, assert_refused
from helpers.runs import QUICK, WHOLE, fit
from helpers.tables import write_splits
from prunetext.fitting.parts import STEPS_FOLDER


def test_fit_prints_one_json_object_with_the_stored_result(
    fitted: tuple[Path, subprocess.CompletedProcess[bytes]],
) -> None:
    out, done = fitted
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert found.pop("path") == str(out / "model.safetensors")
    assert found == json.loads((out / "result.json").read_text("utf-8"))
    assert found["packed"]["bytes"] == (out / "model.safetensors").stat().st_size
    assert found["dense"]["accuracy"] > 0.6, "the model has learnt nothing"
    assert b"train" in done.stderr, "progress is told on standard error"


def test_fit_prints_the_table_and_takes_values_from_a_file(news: Path, tmp_path: Path, call: Call) -> None:
    config = tmp_path / "news.toml"
    config.write_text(
        f"data = {json.dumps(str(news))}\nepochs = 1\nmax_size = '1MB'\ndimensions = 4\nfilters = 4\nout = 'nowhere'\n",
        "utf-8",
    )
    done = call("fit", "--config", config, "--out", tmp_path / "run", effort=QUICK)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "300 rows were read."
    for name in ("dense", "pruned", "packed"):
        assert sum(line.startswith(name) for line in lines) == 1
    assert any(line.startswith(("kept: ", "lost: ", "undecided: ")) for line in lines)
    assert any(line.startswith("Why the search ended: ") for line in lines)
    assert any(line.startswith("Expected calibration error: ") for line in lines)
    assert lines[-1] == str(tmp_path / "run" / "model.safetensors"), "flags go before the file"
    assert not Path("nowhere").exists()
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text("utf-8"))
    assert (recipe["epochs"], recipe["dimensions"]) == (1.0, 4)


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_during_fit_keeps_the_best_model_so_far(news: Path, tmp_path: Path) -> None:
    line = [sys.executable, "-m", "prunetext", "fit", str(news), "--out", str(tmp_path / "run"), "--max-drop", "100"]
    line += ["--teacher", "none"]
    with subprocess.Popen([*line, "--epochs", "3"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"train"), "it is written when the first step of pruning begins"
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate()
    assert process.returncode == 0
    assert b"Why the search ended: interrupted" in out
    assert set(prunetext.load(tmp_path / "run" / "model.safetensors").labels) == {"sports", "tech"}


def test_a_budget_that_is_missed_ends_with_3_and_a_lenient_command_with_0(
    run: Path, tmp_path: Path, call: Call
) -> None:
    again = ("prune", run, "--schedule", "oneshot")
    done = call(*again, "--out", tmp_path / "new", "--max-size", "10", effort=QUICK)
    assert done.code == 3
    size = (tmp_path / "new" / "model.safetensors").stat().st_size
    lines = done.err.splitlines()
    assert lines[0].startswith(
        "max_size is 10 bytes, but pruning vocabulary, bigrams, dimensions, filters leaves about "
    )
    assert lines[-1] == f"max_size was missed: the packed file has {size:,} bytes, and 10 were allowed."
    assert prunetext.load(tmp_path / "new" / "model.safetensors").predict(["common1"])
    assert call(*again, "--out", tmp_path / "lenient", "--max-size", "10", "--lenient", effort=QUICK).code == 0


def test_fit_ends_with_3_if_its_size_is_missed(news: Path, tmp_path: Path, call: Call) -> None:
    config = tmp_path / "news.toml"
    config.write_text("epochs = 1\nmax_size = '10'\ndimensions = 4\nfilters = 4\n", "utf-8")
    assert call("fit", news, "--config", config, "--out", tmp_path / "run", effort=QUICK).code == 3
    config.write_text(f"{config.read_text('utf-8')}lenient = true\n", "utf-8")
    assert call("fit", news, "--config", config, "--out", tmp_path / "again", effort=QUICK).code == 0


FIT_ENDS = {
    "missing": ("{tmp}/no.csv: there is no such file or folder. Check the name.", ["{tmp}/no.csv"]),
    "directory": ("{tmp}/folder: the folder has no train file", ["{tmp}/folder"]),
    "empty": ("{tmp}/empty.csv: the file is empty.", ["{tmp}/empty.csv"]),
    "one class": ("{tmp}/one.csv: every row has the label 'x'", ["{tmp}/one.csv"]),
    "column": ("{news}, line 1: there is no column 'body'", ["{news}", "--text", "body"]),
    "binary": ("{tmp}/binary.csv: this looks like a binary file", ["{tmp}/binary.csv"]),
    "bad row": ("{tmp}/bad.csv, line 3: the row has 1 field", ["{tmp}/bad.csv"]),
    "criterion": ("criterion 'best' is unknown. Choose one of ", ["{news}", "--criterion", "best"]),
    "schedule": ("schedule 'best' is unknown. Choose one of ", ["{news}", "--schedule", "best"]),
    "size": ("max_size is '64 apples': ", ["{news}", "--max-size", "64 apples"]),
    "time": ("max_time is 'soon': ", ["{news}", "--max-time", "soon"]),
    "drop": ("max_drop is -1.0: it must be between 0 and 100.", ["{news}", "--max-drop", "-1"]),
    "words": ("No word of train occurs 99999 times or more", ["{news}", "--min-count", "99999"]),
    "seed": ("Invalid value for '--seed': ", ["{news}", "--seed", "x"]),
    "flag": ("No such option: --no-such", ["{news}", "--no-such"]),
    "toml": ("{tmp}/bad.csv: the file is not valid TOML", ["{news}", "--config", "{tmp}/bad.csv"]),
    "config": ("{tmp}/no.toml: no such file or directory", ["{news}", "--config", "{tmp}/no.toml"]),
    "config depth": ("{tmp}/deep.toml: the file is not valid TOML", ["{news}", "--config", "{tmp}/deep.toml"]),
    "config list": ("{tmp}/list.toml: seed must be a whole number.", ["{news}", "--config", "{tmp}/list.toml"]),
    "config long": ("{tmp}/long.toml: max_drop must be a number.", ["{news}", "--config", "{tmp}/long.toml"]),
    "config longer": ("{tmp}/longer.toml: the file is not valid TOML", ["{news}", "--config", "{tmp}/longer.toml"]),
    "config key": ("{tmp}/key.toml: droop is not an option.", ["{news}", "--config", "{tmp}/key.toml"]),
    "config kind": ("{tmp}/kind.toml: seed is True: it must be a whole number.", ["--config", "{tmp}/kind.toml"]),
    "no data": ("data is missing. ", []),
    "sample": ("sample:no: there is no such sample.", ["sample:no"]),
}


@pytest.mark.parametrize("case", FIT_ENDS)
def test_fit_refuses_bad_input_in_one_sentence_and_writes_nothing(
    case: str, spoilt: Path, news: Path, call: Call
) -> None:
    sentence, arguments = FIT_ENDS[case]
    out = spoilt / "out"
    done = call("fit", *[each.format(tmp=spoilt, news=news) for each in arguments], "--out", out)
    assert_refused(done, sentence.format(tmp=spoilt, news=news))
    assert not out.exists()


def test_fit_refuses_to_write_where_it_can_not_or_must_not(run: Path, news: Path, tmp_path: Path, call: Call) -> None:
    before = (run / "model.safetensors").read_bytes()
    assert_refused(
        call("fit", news, "--out", run, "--epochs", "1"),
        f"{run} holds a finished run. Give another --out, or --overwrite",
    )
    assert (run / "model.safetensors").read_bytes() == before
    (tmp_path / "file").touch()
    assert_refused(
        call("fit", news, "--out", tmp_path / "file"), f"{tmp_path / 'file'} is a file. Give a folder as --out."
    )
    beneath = tmp_path / "file" / "run"
    assert_refused(call("fit", news, "--out", beneath), f"{beneath} cannot be written")
    assert_refused(call("fit", news, "--out", news.parent), f"{news.parent} holds files but no run")
    assert_refused(call("fit", news), "out is missing. Give a folder with --out.")
    assert sorted(each.name for each in news.parent.iterdir()) == ["news.csv"]


@pytest.fixture(scope="module")
def run(toy_data: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, with its data beside it; no test changes them."""
    folder = tmp_path_factory.mktemp("cli")
    write_splits(folder / "data", toy_data(train=128, dev=80, test=80))
    options = {"dimensions": 24, "filters": 16, "epochs": 8.0, "max_drop": 3.0}
    return fit(folder / "data", out=folder / "run", **options).path.parent


def test_prune_prints_what_fit_prints_and_keeps_to_its_budget(run: Path, tmp_path: Path, call: Call) -> None:
    code, out, err = call(
        "prune", run, "--out", tmp_path / "new", "--max-size", "4kB", "--schedule", "oneshot", effort=QUICK
    )
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "288 rows were read."
    for name in ("dense", "pruned", "packed"):
        assert sum(line.startswith(name) for line in lines) == 1
    assert "Why the search ended: the packed file is within 4,000 bytes" in out
    assert lines[-1] == str(tmp_path / "new" / "model.safetensors")
    assert (tmp_path / "new" / "model.safetensors").stat().st_size <= 4_000
    assert {each.name for each in (tmp_path / "new").iterdir()} == {*WHOLE, STEPS_FOLDER}


def test_prune_prints_its_candidates_and_takes_one_by_its_number(run: Path, tmp_path: Path, call: Call) -> None:
    code, out, err = call("prune", run, "--out", tmp_path / "new", "--max-drop", "5", effort=QUICK)
    assert code == 0, err
    lines = out.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("candidate "))
    rows = [line.split() for line in lines[start + 1 :]]
    stored = json.loads((tmp_path / "new" / "result.json").read_text("utf-8"))["frontier"]
    assert [row[0] for row in rows[: len(stored)]] == [str(each["number"]) for each in stored]
    starred = [row[0] for row in rows[: len(stored)] if row[1] == "*"]
    assert starred == [str(each["number"]) for each in stored if each["chosen"]]
    assert f"prunetext prune {tmp_path / 'new'} --pick N --out NEW" in out
    code, out, err = call("prune", tmp_path / "new", "--pick", "2", "--out", tmp_path / "picked", "--json")
    assert code in (0, 3), err
    assert json.loads(out)["reason"] == "candidate 2 was picked"
    code, _, err = call("prune", tmp_path / "new", "--pick", "2", "--max-size", "2kB", "--out", tmp_path / "other")
    assert code == 2
    assert (
        err.strip().splitlines()[-1].startswith("pick takes a model as it is, and max_size would ask for another one.")
    )


def test_prune_prints_one_json_object_with_the_stored_result(run: Path, tmp_path: Path, call: Call) -> None:
    arguments = ("prune", run, "--out", tmp_path / "new", "--max-size", "4kB", "--criterion", "obs", "--json")
    code, out, err = call(*arguments, "--groups", "filters,taps,weights", effort=QUICK)
    assert code == 0, err
    found = json.loads(out)
    assert found.pop("path") == str(tmp_path / "new" / "model.safetensors")
    assert found == json.loads((tmp_path / "new" / "result.json").read_text("utf-8"))
    assert found["removed"]["vocabulary"] == found["removed"]["dimensions"] == 0 < found["removed"]["weights"]
    assert "step 1" in err, "progress is told on standard error"


PRUNE_ENDS = {
    "no run": ("{tmp}/none holds no finished run: its recipe.json is missing. Give the --out of a fit.", "{tmp}/none"),
    "data": ("{data} holds no finished run: its recipe.json is missing.", "{data}"),
    "file": ("{data}/train.csv: this is a file. Give the --out of a fit, a folder.", "{data}/train.csv"),
    "criterion": ("criterion 'best' is unknown. Choose one of fisher, ", "{run} --criterion best"),
    "parameter": ("criterion 'obs' has no parameter 'rank'. It takes damping.", "{run} --criterion obs:rank=1"),
    "schedule": ("schedule 'best' is unknown. Choose one of global, ", "{run} --schedule best"),
    "group": ("groups has 'heads'. Choose any of vocabulary, ", "{run} --groups filters,heads"),
    "refused": ("criterion lasso does not go with groups bits: ", "{run} --criterion lasso --groups bits"),
    "taps": ("schedule incremental does not go with groups taps: ", "{run} --schedule incremental --groups taps"),
    "speed": ("groups is dimensions, which makes nothing faster", "{run} --min-speed 300k --groups dimensions"),
    "size": ("max_size is '64apples': ", "{run} --max-size 64apples"),
    "drop": ("max_drop is -1.0: it must be between 0 and 100.", "{run} --max-drop -1"),
    "moved": ("{tmp}/none: there is no such file or folder.", "{run} --data {tmp}/none"),
    "other data": ("The data given have other texts or labels than ", "{run} --data {data}/train.csv"),
    "flag": ("No such option: --epochs", "{run} --epochs 3"),
    "no arguments": ("run is missing. Give the --out of a fit.", ""),
}


@pytest.mark.parametrize("case", PRUNE_ENDS)
def test_prune_refuses_bad_input_in_one_sentence_and_writes_nothing(
    case: str, run: Path, tmp_path: Path, call: Call
) -> None:
    sentence, arguments = PRUNE_ENDS[case]
    names = {"tmp": tmp_path, "run": run, "data": run.parent / "data"}
    done = call("prune", *[each.format(**names) for each in arguments.split()], "--out", tmp_path / "out")
    assert_refused(done, sentence.format(**names))
    assert not (tmp_path / "out").exists()


def test_prune_refuses_to_write_where_it_must_not(run: Path, call: Call) -> None:
    before = (run / "model.safetensors").read_bytes()
    for out, sentence in (
        (run, f"{run} holds a finished run. Give another --out, or --overwrite to replace it."),
        (run.parent / "data", f"{run.parent / 'data'} holds files but no run. Give an empty or a new folder as --out."),
        (None, "out is missing. Give a folder with --out."),
    ):
        assert_refused(call("prune", run, *(("--out", out) if out else ()), "--max-size", "4kB"), f"{sentence}\n")
    assert (run / "model.safetensors").read_bytes() == before


def test_a_run_may_be_pruned_in_its_own_place(run: Path, tmp_path: Path, call: Call) -> None:
    shutil.copytree(run, tmp_path / "run")
    before = (tmp_path / "run" / "dense.safetensors").stat().st_size
    again = ("prune", tmp_path / "run", "--out", tmp_path / "run", "--overwrite")
    code, _, err = call(*again, "--max-size", "4kB", effort=QUICK)
    assert code == 0, err
    assert (tmp_path / "run" / "model.safetensors").stat().st_size <= 4_000
    assert (tmp_path / "run" / "dense.safetensors").stat().st_size == pytest.approx(before, rel=0.05)
    code, _, err = call(*again, "--max-size", "3.5kB", effort=QUICK)
    assert code == 0, err


@pytest.mark.skipif(os.name == "nt", reason="needs SIGINT")
def test_ctrl_c_during_prune_keeps_the_best_model_so_far(run: Path, tmp_path: Path) -> None:
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
