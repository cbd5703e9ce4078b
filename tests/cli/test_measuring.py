"""The commands that measure as a user meets them: what they print where, and how they refuse."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import prunetext
from helpers.commands import Call, assert_refused
from helpers.runs import QUICK
from helpers.tables import write_csv, write_splits
from prunetext.data.dataset import Data

SMALL = "--dimensions 24 --filters 16 --widths 1,2 --epochs 2 --methods taylor/local,random/oneshot --sizes 9/10,8/10"


@pytest.fixture(scope="module")
def folder(toy_data: Callable[..., Data], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data on disk; no test changes them."""
    return write_splits(tmp_path_factory.mktemp("cli") / "toy", toy_data(noise=0.05))


@pytest.mark.usefixtures("without_fasttext")
def test_compare_prints_a_table_for_each_size_and_one_list_of_rows(folder: Path, tmp_path: Path, call: Call) -> None:
    out = tmp_path / "out"
    code, shown, err = call("compare", folder, "--out", out, "--seeds", 2, *SMALL.split(), effort=QUICK)
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
    assert titles == ["At 9/10 of the bytes:", "At 8/10 of the bytes:", "At sizes of their own:"]
    assert sum(line.startswith("method ") for line in lines) == 3
    page = out / "report.html"  # where the extra for it is installed
    assert lines[-1 - page.exists()].startswith("Means over seeds on test;")
    assert not page.exists() or lines[-1] == str(page)
    # Names stand whole, at whatever width, and each method once a size.
    for name in ("taylor/local", "random/oneshot", "small from scratch", "small student"):
        assert sum(line.startswith(f"{name}  ") for line in lines) == 2
    assert sum(line.startswith("int8 alone  ") for line in lines) == 1
    at = lines.index("At 9/10 of the bytes:")
    shares = [float(line.partition(" %")[0].rsplit(maxsplit=1)[1]) for line in lines[at + 2 : at + 6]]
    assert shares == sorted(shares, reverse=True)

    code, shown, err = call("compare", folder, "--out", out, "--seeds", 2, *SMALL.split(), "--json", effort=QUICK)
    assert (code, err) == (0, "")
    assert json.loads(shown) == rows

    code, shown, err = call(
        "compare", folder, "--out", tmp_path / "one", "--seeds", 1, *SMALL.split(), "--no-baselines", effort=QUICK
    )
    assert code == 0, err
    assert len(err.splitlines()) == 4
    assert "Of their own size" not in shown
    assert shown.count(" – ") == 4, "one seed has no interval"


ENDS = {
    "method": ("criterion 'best' is unknown. Choose one of fisher, ", "{data} --out {tmp}/out --methods best/local"),
    "size": ("sizes has '2/1'. Give shares of the unpruned file, ", "{data} --out {tmp}/out --sizes 1/2,2/1"),
    "mixed": ("sizes mixes shares and bytes. ", "{data} --out {tmp}/out --sizes 1/2,64kB"),
    "no size": ("sizes has ''. Give shares", "{data} --out {tmp}/out --sizes="),
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
    done = call("compare", *[each.format(**names) for each in arguments.split()])
    assert_refused(done, sentence.format(**names))
    assert list(tmp_path.iterdir()) == []


def test_evaluate_takes_every_row_of_a_file(model: Path, news: Path, rows: list[tuple[str, str]], call: Call) -> None:
    found = json.loads(call("evaluate", model, news, "--json").out)
    predicted = prunetext.load(model).predict([text for text, _ in rows])
    right = sum(guess == label for guess, (_, label) in zip(predicted, rows, strict=True))
    assert (found["n"], found["accuracy"]) == (300, right / 300)
    assert [each["label"] for each in found["per_class"]] == ["sports", "tech"]
    assert found["low"] < found["accuracy"] < found["high"]
    assert any("trained on" in note for note in found["notes"])
    table = call("evaluate", model, news)
    assert table.code == 0
    assert sum(line.startswith(("sports ", "tech ")) for line in table.out.splitlines()) == 2


def test_evaluate_against_the_dense_model_on_the_same_split_is_the_verdict_of_fit(
    model: Path, run: Path, news: Path, call: Call
) -> None:
    stored = json.loads((run / "result.json").read_text("utf-8"))
    arguments = ("evaluate", model, news, "--split", "test", "--against", run / "dense.safetensors", "--max-drop", "0")
    found = json.loads(call(*arguments, "--json").out)
    for name in ("accuracy", "macro_f1", "low", "high", "n"):
        assert found[name] == pytest.approx(stored["packed"][name])
        assert found["against"][name] == pytest.approx(stored["dense"][name])
    assert found["calibration_error"] == pytest.approx(stored["calibration"]["after"])
    assert found["rejection"] == pytest.approx(stored["calibration"]["rejection"])
    assert found["verdict"]["drop"] == pytest.approx(stored["verdict"]["drop"])
    assert found["verdict"]["low"] == pytest.approx(stored["verdict"]["low"])
    assert "against it" in call(*arguments).out


def test_evaluate_ends_with_3_if_the_verdict_is_lost(
    news: Path, rows: list[tuple[str, str]], tmp_path: Path, call: Call
) -> None:
    sure, wrong = tmp_path / "sure.jsonl", tmp_path / "wrong.jsonl"
    for path, high in ((sure, 0.9), (wrong, 0.1)):
        given = [
            {"text": text, "probabilities": {each: high if each == label else 1 - high for each in ("sports", "tech")}}
            for text, label in rows
        ]
        path.write_text("".join(f"{json.dumps(each)}\n" for each in given), "utf-8")
    done = call("evaluate", wrong, news, "--against", sure)
    assert done.code == 3
    assert "lost: " in done.out
    assert done.err == f"The verdict is lost: accuracy is not that of {sure}.\n"
    assert call("evaluate", wrong, news, "--against", sure, "--lenient").code == 0
    assert call("evaluate", sure, news, "--against", wrong).code == 0


def test_evaluate_takes_test_of_a_folder_even_of_one_class(
    model: Path, rows: list[tuple[str, str]], tmp_path: Path, call: Call
) -> None:
    write_csv(tmp_path / "test.csv", [row for row in rows if row[1] == "tech"])
    write_csv(tmp_path / "dev.csv", rows[:7])
    found = json.loads(call("evaluate", model, tmp_path, "--json").out)
    assert found["n"] == sum(label == "tech" for _, label in rows)
    assert json.loads(call("evaluate", model, tmp_path, "--split", "dev", "--json").out)["n"] == 7
    assert_refused(call("evaluate", model, tmp_path, "--split", "train"), f"{tmp_path}: the folder has no train file.")


def test_evaluate_refuses_bad_input_in_one_sentence(model: Path, news: Path, spoilt: Path, call: Call) -> None:
    one = spoilt / "one.csv"
    assert_refused(
        call("evaluate", model, one), f"{one}, line 2: the label 'x' is not one of the model's ('sports', 'tech')."
    )
    assert_refused(call("evaluate", model, spoilt / "no.csv"), f"{spoilt / 'no.csv'}: there is no such file or folder.")
    assert_refused(call("evaluate", model, spoilt / "empty.csv"), f"{spoilt / 'empty.csv'}: the file is empty.")
    assert_refused(call("evaluate", spoilt / "no", news), f"{spoilt / 'no'}: no such file or directory.")
    assert_refused(
        call("evaluate", model, news, "--against", spoilt / "binary.csv"),
        f"{spoilt / 'binary.csv'}: this looks like a binary file",
    )
    assert_refused(
        call("evaluate", news / "train.csv" if news.is_dir() else news, model),
        f"{news}, line 1: there is no column 'probabilities' among the columns",
    )
    assert_refused(call("evaluate", model, news, "--split", "all"), "split is 'all': it must be train, dev, test.")
    assert_refused(call("evaluate", model, news, "--max-drop", "-1"), "max_drop is -1.0: ")
    write_csv(spoilt / "other.csv", [("a", "sports"), ("b", "tech")] * 5)
    assert_refused(
        call("evaluate", model, spoilt / "other.csv", "--split", "test"),
        f"{spoilt / 'other.csv'}: the model was not trained on these data",
    )


@pytest.mark.parametrize(
    "command", ["evaluate model data.csv", "fit data.csv --out run", "export model --onnx new.onnx"]
)
def test_without_the_packages_of_training_one_sentence_names_their_extra(command: str) -> None:
    absent = "import sys; sys.modules.update(dict.fromkeys(['numpy', 'scipy', 'torch'])); "
    program = f"{absent}from prunetext.cli.app import main; sys.exit(main({command.split()}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(
        r"This needs the package \w+, which is not installed: run pip install 'prunetext\[\w+\]'\.\n", done.stderr
    )
