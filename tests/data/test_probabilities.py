"""A file of probabilities: read in three formats, and refused in one sentence with its line."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.tables import write_jsonl
from prunetext.data.probabilities import read_probabilities
from prunetext.data.task import Task
from prunetext.errors import DataError

LABELS = ["neg", "pos"]
ROWS = [("great film", {"pos": 0.9, "neg": 0.1}), ("dull", {"neg": 1, "pos": 0})]


def write_answers(path: Path, rows: list[tuple[object, object]]) -> Path:
    return write_jsonl(path, ({"text": text, "probabilities": given} for text, given in rows))


def test_every_format_says_the_same(tmp_path: Path) -> None:
    files = [write_answers(tmp_path / "answers.jsonl", list(ROWS)), tmp_path / "a.csv", tmp_path / "a.parquet"]
    quoted = "\n".join(
        f'{text},"{json.dumps(given)}"'.replace('{"', '{""').replace('":', '"":') for text, given in ROWS
    )
    files[1].write_text("text,probabilities\n" + quoted.replace(', "', ', ""') + "\n")
    table = {"text": [text for text, _ in ROWS], "probabilities": [given for _, given in ROWS]}
    pq.write_table(pa.table({"text": table["text"], "probabilities": pa.array(table["probabilities"])}), files[2])
    for file in files:
        table = read_probabilities(file, LABELS, Task())
        assert set(table.rows) == {"great film", "dull"}
        assert table.rows["great film"].tolist() == [0.1, 0.9]
        assert table.rows["dull"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"neg": 0.5, "pos": 0.4}, "sum to 0.9, not to 1"),
        ({"neg": 1.5, "pos": -0.5}, "not a number from 0 to 1"),
        ({"neg": "0.5", "pos": 0.5}, "not a number from 0 to 1"),
        ({"neg": True, "pos": 0}, "not a number from 0 to 1"),
        ({"neg": float("nan"), "pos": 0.5}, "not a number from 0 to 1"),
        ({"neg": 0.5, "positive": 0.5}, "its labels are not those of train: the row lacks 'pos'"),
        ({"neg": 0.5, "pos": 0.4, "so": 0.1}, "train does not have 'so'"),
        ([0.5, 0.5], "not an object of labels"),
        ("half and half", "not an object of labels"),
    ],
)
def test_a_bad_row_is_named_by_file_line_and_rule(tmp_path: Path, given: object, said: str) -> None:
    path = write_answers(tmp_path / "answers.jsonl", [*ROWS, ("fine", given)])
    with pytest.raises(DataError) as error:
        read_probabilities(path, LABELS, Task())
    assert str(error.value).startswith(f"{path}, line 3: ")
    assert said in str(error.value)


def test_a_row_without_a_text_is_named(tmp_path: Path) -> None:
    path = write_answers(tmp_path / "answers.jsonl", [*ROWS, (None, ROWS[0][1])])
    with pytest.raises(DataError, match="line 3: the row has no text"):
        read_probabilities(path, LABELS, Task())


def test_a_text_with_two_answers_is_refused_and_one_that_is_repeated_is_not(tmp_path: Path) -> None:
    path = write_answers(tmp_path / "answers.jsonl", [*ROWS, ROWS[0]])
    assert len(read_probabilities(path, LABELS, Task()).rows) == 2
    write_answers(path, [*ROWS, (ROWS[0][0], ROWS[1][1])])
    with pytest.raises(DataError, match="line 3: an earlier row gives this text other probabilities"):
        read_probabilities(path, LABELS, Task())
    write_answers(path, [("film", {"neg": 10**400, "pos": 0})])
    with pytest.raises(DataError, match="not a number from 0 to 1"):
        read_probabilities(path, LABELS, Task())


def test_labels_and_task_are_found_in_the_file(tmp_path: Path) -> None:
    table = read_probabilities(write_answers(tmp_path / "answers.jsonl", list(ROWS)))
    assert (table.labels, table.task) == (LABELS, Task())
    several = [("great film", {"pos": 0.9, "long": 0.8}), ("dull", {"long": 0.1, "pos": 0})]
    table = read_probabilities(write_answers(tmp_path / "several.jsonl", list(several)))
    assert (table.labels, table.task) == (["long", "pos"], Task(answer="labels"))
    pair = {"text": "a film", "text_b": "film", "probabilities": {"0": 0.2, "1": 0.8}}
    table = read_probabilities(write_jsonl(tmp_path / "pairs.jsonl", [pair]))
    assert (table.task, list(table.rows)) == (Task(texts=2), [("a film", "film")])


def test_one_row_that_does_not_sum_to_one_is_a_mistake(tmp_path: Path) -> None:
    path = write_answers(tmp_path / "answers.jsonl", [*ROWS, ("fine", {"neg": 0.5, "pos": 0.6})])
    with pytest.raises(DataError, match=r"line 3: the probabilities sum to 1\.1, not to 1"):
        read_probabilities(path)
    write_answers(path, [("fine", {})])
    with pytest.raises(DataError, match="line 1: its probabilities are not an object of labels"):
        read_probabilities(path)


def test_a_row_of_other_labels_than_the_first_is_named(tmp_path: Path) -> None:
    path = write_answers(tmp_path / "answers.jsonl", [*ROWS, ("fine", {"neg": 1})])
    with pytest.raises(DataError, match="line 3: its labels are not those of the first row: the row lacks 'pos'"):
        read_probabilities(path)
