"""Unlabelled text: a stream, without what the model is judged on."""

import json
from pathlib import Path

import pytest

from prunetext.data.dataset import Examples
from prunetext.errors import DataError
from prunetext.teaching.unlabelled import read_unlabelled

TRAIN = Examples(["one film", "two films"], ["a", "b"])
DEV = Examples(["dev text"], ["a"])
TEST = Examples([f"test text {number}" for number in range(6)], ["a"] * 6)


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def test_rows_of_dev_and_test_are_left_out_and_counted(tmp_path: Path) -> None:
    lines = ["new text", "Dev  TEXT", "Tést text 3", "new text", "One film", "  ", "another"]
    found = read_unlabelled([write(tmp_path / "a.txt", lines)], [TRAIN], [DEV, TEST])
    assert found.texts == ["new text", "another"]
    assert (found.held_out, found.repeated, found.empty) == (2, 2, 1)
    assert found.lines() == [
        "2 unlabelled texts were read.",
        "Unlabelled rows left out: 2 equal to a text of dev or test, 2 equal to an earlier text, 1 without a word.",
    ]


def test_several_files_and_tables_are_one_stream(tmp_path: Path) -> None:
    table = tmp_path / "b.jsonl"
    table.write_text("\n".join(json.dumps({"text": text}) for text in ("from table", "plain")) + "\n")
    found = read_unlabelled([write(tmp_path / "a.txt", ["plain"]), table], [TRAIN], [DEV, TEST], rest=["rest"])
    assert found.texts == ["rest", "plain", "from table"]
    assert found.repeated == 1


def test_a_file_that_is_mostly_the_test_set_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", [*TEST.texts[:4], "other"])
    with pytest.raises(DataError, match=r"a\.txt: 4 of the 6 test texts are in this unlabelled file"):
        read_unlabelled([path], [TRAIN], [DEV, TEST])
    assert read_unlabelled([path], [TRAIN], [DEV, TEST], refuse_test=False).texts == ["other"]
    assert read_unlabelled([write(path, TEST.texts[:3])], [TRAIN], [DEV, TEST]).held_out == 3


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt: there is no such file"):
        read_unlabelled([tmp_path / "none.txt"], [TRAIN], [DEV, TEST])
