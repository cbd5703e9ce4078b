"""The command that makes a cascade, those that take one, and how they refuse."""

import json
from pathlib import Path

import pytest

import prunetext
from helpers.cascades import QUICK_ENCODER, noisy_reviews, run_of_encoder, run_of_textcnn
from helpers.commands import Call, assert_refused
from helpers.tables import write_csv


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data, and a run of each kind on them."""
    path = tmp_path_factory.mktemp("cascade")
    examples = noisy_reviews(400)
    data = write_csv(path / "data.csv", list(zip(examples.texts, examples.labels, strict=True)))
    run_of_textcnn(data, path / "cnn", refit=False)
    run_of_encoder(data, path / "encoder", path / "bert", refit=False)
    prunetext.cascade(path / "cnn", path / "encoder", out=path / "both", effort=QUICK_ENCODER)
    return path


def test_it_prints_a_table_and_the_verdict(folder: Path, tmp_path: Path, call: Call) -> None:
    done = call("cascade", folder / "cnn", folder / "encoder", "--out", tmp_path / "both", effort=QUICK_ENCODER)
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert sum(line.split()[1:2] == ["*"] for line in lines) == 1
    for name in ("none", "all", "TextCNN", "transformer", "cascade"):
        assert sum(line.startswith(name) for line in lines) == 1
    assert lines[-2].startswith(("kept: the cascade is ", "undecided: the cascade is "))
    assert lines[-1] == str(tmp_path / "both")


def test_json_has_the_whole_curve(folder: Path, tmp_path: Path, call: Call) -> None:
    runs = folder / "cnn", folder / "encoder"
    done = call("cascade", *runs, "--out", tmp_path / "both", "--json", "--max-micros", "1e9", effort=QUICK_ENCODER)
    found = json.loads(done.out)
    assert done.code == 0
    assert found["path"] == str(tmp_path / "both")
    assert len(found["curve"]) == len((tmp_path / "both" / "curve.jsonl").read_text("utf-8").splitlines())


def test_what_is_missed_ends_with_3(folder: Path, tmp_path: Path, call: Call) -> None:
    line = ["cascade", folder / "cnn", folder / "encoder", "--max-micros", "0.000001"]
    done = call(*line, "--out", tmp_path / "both", effort=QUICK_ENCODER)
    assert done.code == 3
    assert "max_micros was missed" in done.err
    assert call(*line, "--out", tmp_path / "lenient", "--lenient", effort=QUICK_ENCODER).code == 0


def test_a_lost_verdict_ends_with_3(folder: Path, tmp_path: Path, call: Call) -> None:
    weak = run_of_textcnn(folder / "data.csv", tmp_path / "weak", epochs=0.01, max_drop=100.0, refit=False)
    line = ["cascade", weak, folder / "encoder", "--json", "--max-micros", "1e-6"]  # no text goes on
    done = call(*line, "--out", tmp_path / "both", effort=QUICK_ENCODER)
    assert json.loads(done.out)["verdict"]["name"] == "lost"
    assert done.code == 3
    assert done.err.endswith("The verdict is lost: accuracy is not that of the transformer.\n")
    assert call(*line, "--out", tmp_path / "again", "--lenient", effort=QUICK_ENCODER).code == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "A run is missing."),
        (["{cnn}"], "A run is missing."),
        (["{cnn}", "{encoder}"], "out is missing."),
        (["{encoder}", "{cnn}", "--out", "{new}"], "{encoder}: this run made a transformer"),
        (["{cnn}", "{tmp}/no", "--out", "{new}"], "{tmp}/no holds no finished run"),
        (["{cnn}", "{encoder}", "--out", "{cnn}"], "{cnn} holds files but no cascade."),
        (["{cnn}", "{encoder}", "--out", "{both}"], "{both} holds a cascade."),
        (["{cnn}", "{encoder}", "--out", "{new}", "--max-drop", "-1"], "max_drop is -1.0: it must be"),
        (["{cnn}", "{encoder}", "--out", "{new}", "--max-micros", "x"], "Invalid value for '--max-micros'"),
        (["{cnn}", "{encoder}", "--out", "{new}", "--data", "{tmp}/no.csv"], "{tmp}/no.csv: there is no such file"),
        (["{both}", "{encoder}", "--out", "{new}"], "{both} holds a cascade, not a run."),
    ],
)
def test_wrong_input_is_refused(folder: Path, tmp_path: Path, call: Call, arguments: list[str], said: str) -> None:
    places = {"cnn": folder / "cnn", "encoder": folder / "encoder", "both": folder / "both"}
    places |= {"tmp": tmp_path, "new": tmp_path / "new"}
    assert_refused(call("cascade", *(each.format(**places) for each in arguments)), said.format(**places))
    assert not (tmp_path / "new").exists()


def test_commands_take_a_cascade(folder: Path, tmp_path: Path, call: Call) -> None:
    both, texts = folder / "both", tmp_path / "texts.txt"
    texts.write_text("a great film\ndull and bad\n", "utf-8")
    predicted = call("predict", both, texts)
    labels = prunetext.load(both).predict(["a great film", "dull and bad"])
    assert [line.split("\t")[0] for line in predicted.out.splitlines()] == labels
    assert call("predict", both / "cascade.json", texts).out == predicted.out
    explained = call("explain", both, texts, "--counterfactual")
    assert [json.loads(line)["label"] for line in explained.out.splitlines()] == labels
    assert "accuracy" in call("evaluate", both, folder / "data.csv", "--split", "test").out
    assert (
        call("gate", folder / "encoder", both, folder / "data.csv", "--max-drop", "100", "--max-churn", "100").code == 0
    )
    inspected = call("inspect", both).out
    assert "first.safetensors: prunetext/1" in inspected
    assert "second.onnx: prunetext-encoder/1" in inspected
    assert "A text goes on to the second model below a confidence of " in inspected
    assert json.loads(call("inspect", both, "--json").out)["second"]["hidden"] == 32


def test_what_no_cascade_can_is_refused(folder: Path, tmp_path: Path, call: Call) -> None:
    both, texts = folder / "both", tmp_path / "texts.txt"
    texts.write_text("a great film\n", "utf-8")
    for arguments in (
        ("explain", both, texts, "--filters"),
        ("predict", both, texts, "--reject"),
        ("export", both, "--onnx", tmp_path / "x.onnx"),
        ("report", both),
        ("prune", both, "--out", tmp_path / "new"),
        ("sensitivity", both),
    ):
        assert_refused(call(*arguments), "this model is a cascade" if "--filters" in arguments else str(both))


def test_fit_makes_both_parts(folder: Path, tmp_path: Path, call: Call) -> None:
    shape = ["--dimensions", "8", "--filters", "4", "--teacher", "none", "--epochs", "1", "--max-tokens", "24"]
    shape += ["--schedule", "oneshot:units=0.3", "--cascade", folder / "bert", "--lenient"]
    done = call("fit", folder / "data.csv", "--out", tmp_path / "all", *shape, effort=QUICK_ENCODER)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == str(tmp_path / "all" / "cascade")
    assert {each.name for each in (tmp_path / "all").iterdir()} == {"first", "second", "cascade"}
    refused = call("fit", folder / "data.csv", "--out", tmp_path / "new", *shape, "--max-time", "1m")
    assert_refused(refused, "max_time is given, but cascade makes two runs.")
    assert_refused(call("fit", folder / "data.csv", "--out", tmp_path / "all", *shape), f"{tmp_path / 'all'} holds a")
