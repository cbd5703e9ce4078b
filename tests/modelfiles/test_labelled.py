"""A file of answers holds what the model said, beside the columns that were kept, in every format."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.errors import InputError
from prunetext.modelfiles.labelled import as_field, refuse_source, write_answers
from prunetext.modelfiles.prediction import Predicted

ONE = [Predicted([("x", 0.75), (None, 0.5)], [(7, "a\tb"), (8, None)]), Predicted([("y, z", 1.0)], [(9, "c")])]
SEVERAL = [Predicted([[("x", 0.75), ("y", 0.5)], []], [])]


def read_back(path: Path) -> list[dict[str, Any]]:
    """The rows of a file, as another program reads them."""
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
        return rows
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    with path.open(newline="", encoding="utf-8") as file:
        if path.suffix == ".csv":
            return list(csv.DictReader(file))
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_values_keep_their_kind(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"answers{ending}"
    assert write_answers(path, ["id", "source"], ONE) == 3
    names = ("id", "source", "label", "probability")
    rows = [(7, "a\tb", "x", 0.75), (8, None, None, 0.5), (9, "c", "y, z", 1.0)]
    assert read_back(path) == [dict(zip(names, row, strict=True)) for row in rows]
    write_answers(path, [], SEVERAL, "labels")
    assert read_back(path) == [
        {"labels": ["x", "y"], "probabilities": [0.75, 0.5]},
        {"labels": [], "probabilities": []},
    ]


def test_a_table_has_a_header_and_a_line_for_each_text(tmp_path: Path) -> None:
    for ending in (".csv", ".tsv"):
        write_answers(tmp_path / f"a{ending}", ["id", "source"], ONE)
        (first, *_) = rows = read_back(tmp_path / f"a{ending}")
        source = "a\tb" if ending == ".csv" else "a\\tb"
        assert first == {"id": "7", "source": source, "label": "x", "probability": "0.75"}
        assert [row["label"] for row in rows] == ["x", "", "y, z"]
        write_answers(tmp_path / f"s{ending}", [], SEVERAL, "labels")
        assert [row["labels"] for row in read_back(tmp_path / f"s{ending}")] == ['["x", "y"]', "[]"]


def test_a_kept_column_keeps_its_name(tmp_path: Path) -> None:
    write_answers(tmp_path / "a.jsonl", ["Label"], [Predicted([("x", 1.0)], [("gold",)])])
    assert read_back(tmp_path / "a.jsonl") == [{"Label": "gold", "predicted_label": "x", "predicted_probability": 1.0}]


@pytest.mark.parametrize("ending", [".jsonl", ".parquet", ".csv", ".tsv"])
def test_no_texts_give_a_file_without_rows(ending: str, tmp_path: Path) -> None:
    assert write_answers(tmp_path / f"a{ending}", ["id"], []) == 0
    assert read_back(tmp_path / f"a{ending}") == []


@pytest.mark.parametrize("ending", [".jsonl", ".parquet", ".csv", ".tsv"])
def test_what_fails_on_the_way_leaves_the_old_file(ending: str, tmp_path: Path) -> None:
    def fail() -> Iterator[Predicted]:
        yield ONE[0]
        raise InputError("line 3 is bad.")

    path = tmp_path / f"a{ending}"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match="line 3 is bad"):
        write_answers(path, ["id", "source"], fail())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_column_whose_kind_changes_is_named(tmp_path: Path) -> None:
    chunks = [Predicted([("x", 1.0)], [(1,)]), Predicted([("x", 1.0)], [("b",)])]
    with pytest.raises(InputError, match=r"^the column 'id' holds int64 in its first rows, but another kind of value"):
        write_answers(tmp_path / "a.parquet", ["id"], chunks)
    mixed = [Predicted([("x", 1.0)] * 2, [(1,), ("b",)]), Predicted([("x", 1.0)], [(["c"],)])]
    write_answers(tmp_path / "a.parquet", ["id"], mixed)
    assert [row["id"] for row in read_back(tmp_path / "a.parquet")] == ["1", "b", '["c"]']


@given(st.text(max_size=8))
def test_a_field_stays_on_its_line(value: str) -> None:
    assert not {"\t", "\n", "\r"} & set(as_field(value))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("a.txt", "the ending of --out must be .csv, .tsv, .jsonl, .parquet."),
        ("no/a.csv", "its folder does not exist. Give a new file in a folder that exists."),
        ("folder.csv", "this is a folder. Give a new file in a folder that exists."),
    ],
)
def test_a_file_that_cannot_be_written_is_named_first(name: str, rule: str, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError) as caught:
        write_answers(tmp_path / name, [], ONE)
    assert str(caught.value) == f"{tmp_path / name}: {rule}"


@pytest.mark.parametrize("later", [1.5, {"b": 2}, "x"])
def test_no_value_is_changed_on_its_way_to_parquet(later: object, tmp_path: Path) -> None:
    first: object = {"a": 1} if isinstance(later, dict) else 1
    chunks = [Predicted([("x", 1.0)], [(first,)]), Predicted([("x", 1.0)], [(later,)])]
    with pytest.raises(InputError, match="in its first rows, but another kind of value in later ones"):
        write_answers(tmp_path / "a.parquet", ["id"], chunks)


def test_names_of_columns_stay_apart(tmp_path: Path) -> None:
    kept = ["label", "predicted_label"]
    write_answers(tmp_path / "a.jsonl", kept, [Predicted([("x", 1.0)], [("g", "h")])])
    names = [*kept, "predicted_predicted_label", "predicted_predicted_probability"]
    assert read_back(tmp_path / "a.jsonl") == [dict(zip(names, ["g", "h", "x", 1.0], strict=True))]
    with pytest.raises(InputError, match=r"^--columns is id,id: it names a column twice\. Name each once\."):
        write_answers(tmp_path / "a.jsonl", ["id", "id"], [])


@pytest.mark.parametrize("ending", [".jsonl", ".parquet", ".csv", ".tsv"])
def test_a_half_of_a_character_is_written_as_its_escape(ending: str, tmp_path: Path) -> None:
    write_answers(tmp_path / f"a{ending}", ["id"], [Predicted([("x", 1.0)], [("\udcff",)])])
    assert read_back(tmp_path / f"a{ending}")[0]["id"] in ("\udcff", "\\udcff")


def test_a_lone_cr_is_quoted(tmp_path: Path) -> None:
    write_answers(tmp_path / "a.csv", ["id"], [Predicted([("x", 1.0)], [("a\rb",)])])
    assert read_back(tmp_path / "a.csv")[0]["id"] == "a\rb"


def test_a_file_that_is_labelled_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text\na\n", "utf-8")
    for source in (path, tmp_path, tmp_path / "*.csv"):
        with pytest.raises(
            InputError, match=r"--out is a file that is labelled, and would be lost\. Give another name"
        ):
            refuse_source(path, str(source))
    refuse_source(tmp_path / "b.csv", str(path))
    refuse_source(path, "-")


def test_scores_have_a_column_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    assert write_answers(path, ["score"], [Predicted([1.25, 3.0], [(2,), (3,)])], "score") == 2
    assert path.read_text("utf-8").splitlines() == ["score,predicted_score", "2,1.25", "3,3.0"]
