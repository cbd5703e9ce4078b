"""`prunetext.bench` and its command: who stands in the rows, and how they refuse."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import prunetext
from helpers.benches import FEW
from helpers.tables import write_splits
from prunetext.benchmarking.api import measured, one_line
from prunetext.benchmarking.measure import Passes
from prunetext.data.dataset import Data, Examples
from prunetext.errors import InputError
from prunetext.peers.registry import Peer

Call = Callable[..., Any]
QUICK: dict[str, Any] = {"passes": 2, "starts": 1, "amounts": FEW}


def test_rows_are_the_model_the_peers_and_the_floors(model: Path, data: Data) -> None:
    assert data.test is not None
    told: list[str] = []
    found = prunetext.bench(model, data, peers="scikit-learn", told=told.append, **QUICK)
    kinds = {row.name: row.kind for row in found.rows}
    kinds.pop("wc -w", None)  # not on every system
    assert kinds == {"prunetext": "model", "scikit-learn tf-idf + LR": "peer", "split and hash": "floor"}
    ours, sklearn = found.rows[:2]
    score = prunetext.evaluate(model, data).score
    assert (ours.accuracy, ours.bytes) == (score.accuracy, model.stat().st_size)
    assert sklearn.accuracy is not None
    assert sklearn.accuracy > 0.9
    assert ours.ratios == {}
    assert {"texts_per_second", "p50", "p99", "cold_start"} <= sklearn.measures.keys()
    assert "texts_per_second_all" in ours.measures
    assert all(spread.min > 0 for row in found.rows for spread in row.ratios.values())
    assert (found.missing, found.notes, found.texts) == ({}, [], 60)
    assert json.loads(json.dumps(found.fields()))["rows"][1]["measures"]["p50"]["min"] > 0
    assert told[0] == "making scikit-learn"


def course_of(examples: Examples, folder: Path) -> Passes:
    return Passes(examples.texts, folder, passes=2, threads=1, amounts=FEW)


def test_a_peer_that_can_not_be_loaded_has_no_row(stub: Callable[..., Peer], data: Data, tmp_path: Path) -> None:
    peers = [stub("prunetext"), stub(), stub("broken", "raise ValueError('no')")]
    rows, failed = measured(course_of(data.train, tmp_path), peers, 1, data.train.labels, print)
    assert [row.name for row in rows if row.kind == "peer"] == ["stub"]
    assert rows[1].accuracy == 1.0
    assert failed == {"broken": "ValueError: no"}


def test_without_test_texts_all_are_taken(model: Path, data: Data) -> None:
    found = prunetext.bench(model, data.train, peers="none", **QUICK)
    assert found.texts == len(data.train)
    assert found.notes == ["There is no test split: peers were trained on the texts that they label."]


def test_without_train_texts_nobody_is_trained(model: Path, tmp_path: Path) -> None:
    (tmp_path / "test.csv").write_text("text,label\na film,class 0\nsign1,class 1\n", "utf-8")
    found = prunetext.bench(model, tmp_path, peers="scikit-learn", **QUICK)
    assert (found.texts, found.notes) == (2, ["There is no train split to train peers on."])
    assert found.missing == {"scikit-learn": "there are no texts to train it on"}


def test_line_breaks_and_halves_of_characters_are_taken_out(model: Path) -> None:
    texts = Examples(["sign1\nx\u2028y", "half \ud800", ""], ["class 1", "class 0", "class 0"])
    assert one_line(texts).texts == ["sign1 x y", "half ?", ""]
    assert prunetext.bench(model, texts, peers="none", **QUICK).texts == 3


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"passes": 0}, "passes is 0: it must be a whole number of at least 1."),
        ({"starts": 1.5}, "starts is 1.5: it must be a whole number of at least 1."),
        ({"dimensions": True}, "dimensions is True: it must be a whole number of at least 1."),
        ({"peers": "spacy"}, "peers has 'spacy'. Choose from fasttext-numpy2, "),
        ({"peers": ""}, "peers has ''. Choose from "),
    ],
)
def test_what_is_wrong_with_the_arguments_is_said(
    model: Path, data: Data, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as caught:
        prunetext.bench(model, data, **options)
    assert str(caught.value).startswith(sentence)


def test_a_process_that_ends_early_is_the_reader_s_to_repair(
    stub: Callable[..., Peer], data: Data, tmp_path: Path
) -> None:
    ours, course = stub("prunetext", "raise ValueError('cut off')"), course_of(data.train, tmp_path)
    with pytest.raises(InputError, match=r"^prunetext: ValueError: cut off\. Repair that package"):
        measured(course, [ours, stub()], 1, data.train.labels, print)


@pytest.fixture
def folder(data: Data, tmp_path: Path) -> Path:
    return write_splits(tmp_path / "data", data)


def test_the_command_prints_two_tables_or_json(model: Path, folder: Path, call: Call) -> None:
    done = call(
        "bench", model, folder, "--passes", 2, "--starts", 1, "--peers", "scikit-learn,onnxruntime", amounts=FEW
    )
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert [line.split("  ")[0] for line in lines if "×" in line][:2] == ["all texts", "one text"]
    assert sum(line.startswith("prunetext ") for line in lines) == 2
    assert sum(line.startswith("scikit-learn tf-idf + LR ") for line in lines) == 2
    assert sum(line.startswith("split and hash ") for line in lines) == 1
    assert lines[-1].startswith("Without onnxruntime: "), "no dense model lies beside this one, if it is installed"
    assert done.err.splitlines()[:2] == ["making scikit-learn", "making onnxruntime"]

    done = call("bench", model, folder, "--passes", 2, "--starts", 1, "--peers", "none", "--json", amounts=FEW)
    found = json.loads(done.out)
    assert (found["rows"][0]["name"], found["passes"], found["missing"]) == ("prunetext", 2, {})


def test_the_command_refuses_in_one_sentence(model: Path, folder: Path, call: Call) -> None:
    for arguments, sentence in (
        ((folder / "none", folder), f"{folder / 'none'}: no such file or directory."),
        ((model, folder / "none"), f"{folder / 'none'}: there is no such file or folder."),
        ((model, folder, "--peers", "spacy"), "peers has 'spacy'. Choose from "),
        ((model, folder, "--passes", "0"), "passes is 0: "),
        ((model,), "Missing argument 'DATA'."),
    ):
        done = call("bench", *arguments)
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith(sentence)
        assert done.err.count("\n") == 1
