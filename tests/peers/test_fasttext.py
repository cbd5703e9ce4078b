"""FastText as a peer: within the bytes asked for, by the same tokens, and never the end of a comparison."""

from pathlib import Path

import pytest

from helpers.peers import accuracy
from prunetext.peers import fasttext
from prunetext.peers.made import Given


def test_it_keeps_to_the_budget(given: Given) -> None:
    pytest.importorskip("fasttext")
    few = {**fasttext.BINARY, "bucket": 3_000}
    large, small = fasttext.quantised(given, 60_000, few), fasttext.quantised(given, 25_000, few)
    assert large is not None
    assert small is not None
    assert 40_000 < large.bytes <= 60_000
    assert 15_000 < small.bytes <= 25_000
    assert fasttext.quantised(given, 1_000, few) is None
    assert accuracy(given, large) > 0.6
    assert set(small.predict(["common1", "", "never\nseen"])) <= {"class 0", "class 1"}
    binary = fasttext.binary(given, None, few)
    assert binary is not None
    assert binary.bytes > 4 * 10 * 3_000
    assert accuracy(given, binary) > 0.6
    tuned = fasttext.autotuned(given, 60_000, seconds=1)
    assert tuned is None or tuned.bytes <= 60_000


@pytest.mark.parametrize("end", ["import os; os.abort()", "raise ValueError", "pass", "while True: pass"])
def test_a_training_that_dies_or_never_ends_or_writes_nothing_is_no_model(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], end: str
) -> None:
    patience = 0.3 if "while" in end else 60.0
    assert not fasttext.trained(tmp_path / "model", "lines.txt", {}, program=end, patience=patience)
    assert capfd.readouterr() == ("", "")


def test_its_file_has_a_line_for_each_text(given: Given, tmp_path: Path) -> None:
    lines = Path(fasttext.written(given, "dev", tmp_path / "dev")).read_text("utf-8").split("\n")
    texts = given.texts["dev"]
    assert lines.pop() == ""
    assert lines == [f"__label__{label[-1]} {text}" for text, label in zip(texts.texts, texts.labels, strict=True)]
