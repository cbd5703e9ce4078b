"""The command compare as a user meets it: what it prints where, and how it refuses."""

import csv
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

from prunetext.comparison import baselines
from prunetext.data.dataset import Data
from prunetext.options import ModelOptions, ReadOptions, option_types

Done = tuple[int, str, str]  # exit code, standard output, standard error
Call = Callable[..., Done]
SMALL = "--dimensions 24 --filters 16 --widths 1,2 --epochs 2 --methods taylor/local,random/oneshot --sizes 9/10,8/10"


@pytest.fixture(scope="module")
def folder(toy_data: Callable[..., Data], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data on disk; no test changes them."""
    folder = tmp_path_factory.mktemp("cli") / "toy"
    folder.mkdir()
    for name, examples in toy_data(noise=0.05).splits():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("text", "label"), *zip(examples.texts, examples.labels, strict=True)])
    return folder


@pytest.mark.usefixtures("quick_training")
def test_compare_prints_a_table_for_each_size_and_one_list_of_rows(
    folder: Path, tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baselines, "find_spec", lambda name: None if name == "fasttext" else find_spec(name))
    out = tmp_path / "out"
    code, shown, err = call("compare", folder, "--out", out, "--seeds", 2, *SMALL.split())
    assert code == 0, err
    rows = [json.loads(line) for line in (out / "rows.jsonl").read_text("utf-8").splitlines()]
    told = err.splitlines()
    assert len(told) == len(rows)
    for row, line in zip(rows, told, strict=True):
        assert line.startswith(f"seed {row['seed']}  {row['size']} ")
        assert f" {row['method']} " in line
        assert f" {row['bytes']:,} bytes  dev {row['dev']:.2f} %" in line
    lines = shown.splitlines()
    titles = [line for line in lines if line.endswith(":")]
    assert titles == ["At 9/10 of the bytes:", "At 8/10 of the bytes:", "Of their own size:"]
    assert sum(line.startswith("method ") for line in lines) == 3
    assert lines[-1].startswith("Means over seeds on test;")
    # Names stand whole, at whatever width, and each method once a size.
    for name in ("taylor/local", "random/oneshot", "small from scratch", "small student"):
        assert sum(line.startswith(f"{name}  ") for line in lines) == 2
    assert sum(line.startswith("int8 alone  ") for line in lines) == 1
    at = lines.index("At 9/10 of the bytes:")
    shares = [float(line.partition(" %")[0].rsplit(maxsplit=1)[1]) for line in lines[at + 2 : at + 6]]
    assert shares == sorted(shares, reverse=True)

    code, shown, err = call("compare", folder, "--out", out, "--seeds", 2, *SMALL.split(), "--json")
    assert (code, err) == (0, "")
    assert json.loads(shown) == rows

    code, shown, err = call(
        "compare", folder, "--out", tmp_path / "one", "--seeds", 1, *SMALL.split(), "--no-baselines"
    )
    assert code == 0, err
    assert len(err.splitlines()) == 4
    assert "Of their own size" not in shown
    assert shown.count(" – ") == 4, "one seed has no interval"


ENDS = {
    "method": ("criterion 'best' is unknown. Choose one of fisher, ", "{data} --out {tmp}/out --methods best/local"),
    "size": ("sizes has '2/1': give shares of the unpruned file, ", "{data} --out {tmp}/out --sizes 1/2,2/1"),
    "mixed": ("sizes mixes shares and bytes: ", "{data} --out {tmp}/out --sizes 1/2,64kB"),
    "no size": ("sizes has '': give shares", "{data} --out {tmp}/out --sizes="),
    "seeds": ("seeds is 0: it must be at least 1.", "{data} --out {tmp}/out --seeds 0"),
    "epochs": ("epochs is 0.0: it must be more than 0", "{data} --out {tmp}/out --epochs 0"),
    "drop": ("max_drop is -1.0: it must be between 0 and 100.", "{data} --out {tmp}/out --max-drop -1"),
    "out": ("out is missing. Give a folder with --out.", "{data}"),
    "data": ("Missing argument 'DATA'.", "--out {tmp}/out"),
    "no data": ("{tmp}/none: there is no such file or folder.", "{tmp}/none --out {tmp}/out"),
    "flag": ("No such option: --criterion", "{data} --out {tmp}/out --criterion obs"),
    "width": ("widths is 'wide': it must be whole numbers ", "{data} --out {tmp}/out --widths wide"),
}


@pytest.mark.parametrize("case", ENDS)
def test_compare_refuses_bad_input_in_one_sentence_and_writes_nothing(
    case: str, folder: Path, tmp_path: Path, call: Call
) -> None:
    sentence, arguments = ENDS[case]
    names = {"tmp": tmp_path, "data": folder}
    code, out, err = call("compare", *[each.format(**names) for each in arguments.split()])
    assert (code, out) == (2, "")
    assert err.startswith(sentence.format(**names))
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_each_option_is_a_flag() -> None:
    line = [sys.executable, "-m", "prunetext", "compare", "--help"]
    shown = subprocess.run(line, capture_output=True, check=True).stdout.decode().split()
    names = ("out", "methods", "sizes", "seeds", "autotune", "max_drop", "epochs", "json")
    for name in (*names, *option_types(ReadOptions, ModelOptions)):
        assert f"--{name.replace('_', '-')}" in shown


def test_ctrl_c_says_how_to_go_on(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("prunetext.comparison.api.compare", interrupt)
    done = call("compare", folder, "--out", tmp_path / "out")
    assert done == (130, "", "Interrupted. Repeat the command to go on where it was.\n")
