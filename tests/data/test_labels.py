"""Labels of any library: what is missing is refused, whatever stands for it, and the rest has one name each."""

import datetime
import enum
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import prunetext
from helpers.runs import fit
from helpers.tables import write_jsonl
from prunetext.data.dataset import Data, Examples
from prunetext.data.label_forms import clean_label
from prunetext.data.labels import LabelColumn, listed_values, named
from prunetext.data.reading import read_examples
from prunetext.errors import DataError, InputError

TEXTS = ["one", "two", "three"]
NAN = float("nan")


class Color(enum.Enum):
    RED, BLUE = 1, 2


class Size(enum.IntEnum):
    SMALL, LARGE = 1, 2


class Mood(enum.StrEnum):
    GOOD = "good mood"


LIBRARIES: dict[str, Callable[[list[Any]], Any]] = {
    "list": list,
    "tuple": tuple,
    "numpy": np.array,
    "numpy of objects": lambda values: np.array(values, object),
    "pandas": lambda values: pd.Series(values, index=[7, 3, 9]),
    "pandas of objects": lambda values: pd.Series(values, dtype=object),
    "polars": lambda values: pl.Series(values, strict=False),
    "arrow": pa.array,
    "arrow in chunks": lambda values: pa.chunked_array([pa.array(values[:1]), pa.array(values[1:])]),
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize(
    ("values", "names", "label_type"),
    [
        (["x", "y", "x"], ["x", "y", "x"], "str"),
        ([1, 0, 1], ["1", "0", "1"], "int"),
        ([1.0, 0.0, 2.0], ["1", "0", "2"], "int"),
        ([1.0, 0.5, 2.0], ["1.0", "0.5", "2.0"], "float"),
        ([True, False, True], ["True", "False", "True"], "bool"),
    ],
)
def test_one_value_has_one_name_in_every_library(
    library: str, values: list[Any], names: list[str], label_type: str
) -> None:
    examples = Examples(TEXTS, LIBRARIES[library](values))
    assert (examples.labels, examples.label_type) == (names, label_type)
    assert all(type(label) is str for label in examples.labels)
    assert examples.subset([2, 0]).labels == [names[2], names[0]]
    assert examples.subset([2, 0]).label_type == label_type


@pytest.mark.parametrize(
    "labels",
    [
        ["x", None, "y"],
        ["x", NAN, "y"],
        np.array(["x", None, "y"], object),
        np.array([1.0, NAN, 2.0]),
        np.array([1.0, np.float32(NAN), 2.0], np.float32),
        np.ma.array([1, 2, 3], mask=[False, True, False]),
        np.array(["2024-01-01", "NaT", "2024-01-02"], "datetime64[D]"),
        pd.Series(["x", None, "y"]),
        pd.Series(["x", NAN, "y"]),
        pd.Series(["x", pd.NA, "y"], dtype="string"),
        pd.Series([1, None, 2]),
        pd.Series([1, None, 2], dtype="Int64"),
        pd.Series([True, None, False], dtype="boolean"),
        pd.Series(["x", None, "y"], dtype="category"),
        pd.to_datetime(pd.Series(["2024-01-01", None, "2024-01-02"])),
        pl.Series(["x", None, "y"]),
        pl.Series([1, None, 2]),
        pl.Series([1.0, NAN, 2.0]),
        pa.array(["x", None, "y"]),
        pa.array([1, None, 2]),
        pa.array(["x", None, "y"]).dictionary_encode(),
        list(pa.array(["x", None, "y"])),
    ],
)
def test_what_is_missing_is_no_label(labels: Any) -> None:
    with pytest.raises(InputError, match=r"^The label at 1 is missing\. Give it one, or leave its text out\.$"):
        Examples(TEXTS, labels)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Color.RED, "RED"),
        (Size.LARGE, "LARGE"),
        (Mood.GOOD, "GOOD"),
        (datetime.date(2024, 1, 31), "2024-01-31"),
        (datetime.datetime(2024, 1, 31, 12, 30), "2024-01-31T12:30:00"),
        (np.datetime64("2024-01-31T00:00:00.000000000"), "2024-01-31"),
        (pd.Timestamp("2024-01-31 12:30"), "2024-01-31T12:30:00"),
        (np.int64(3), "3"),
        (np.float32(3.0), "3"),
        (np.float32(3.5), "3.5"),
        (np.bool_(True), "True"),
        (np.str_("x"), "x"),
        (Decimal("1.50"), "1.50"),
        (pa.scalar("x"), "x"),
        (10**30, str(10**30)),
    ],
)
def test_each_kind_of_value_has_its_name(value: object, name: str) -> None:
    assert Examples(["a", "b"], [value, value]).labels == [name, name]


@pytest.mark.parametrize(("value", "kind"), [(b"x", "bytes"), (bytearray(b"x"), "bytes"), ({"a": 1}, "an object")])
def test_what_is_no_label_is_named(value: object, kind: str) -> None:
    with pytest.raises(InputError, match=f"^The label at 1 is {kind}. Give a string, a whole number, or true or false"):
        Examples(["a", "b"], ["x", value])  # type: ignore[list-item]


@pytest.mark.parametrize("blank", ["", " ", "\u3000\t"])
def test_a_blank_label_is_none(blank: str) -> None:
    for labels in (["x", blank, "y"], ["x", blank, 1], np.array(["x", blank, "y"])):
        with pytest.raises(InputError, match=r"^The label at 1 is blank\. Give it one, or leave its text out\.$"):
            Examples(TEXTS, labels)
    with pytest.raises(InputError, match=r"Of all labels, the one at 1 is blank"):
        Examples(["a", "b"], [["x", blank], []])  # type: ignore[list-item]


def test_lists_of_labels_have_names_too() -> None:
    examples = Examples(["a", "b", "c"], [[2, 1.0], np.array([1]), ()])  # type: ignore[list-item]
    assert (examples.label_sets, examples.label_type) == ([("1", "2"), ("1",), ()], "int")
    assert examples.labels == ['["1", "2"]', '["1"]', "[]"]
    frame = pl.DataFrame({"labels": [["x", "y"], [], ["y"]]})
    assert Examples(TEXTS, frame["labels"]).label_sets == [("x", "y"), (), ("y",)]
    assert Examples(TEXTS, pa.array([["x"], [], ["y"]])).label_sets == [("x",), (), ("y",)]
    with pytest.raises(InputError, match="Of all labels, the one at 1 is missing"):
        Examples(["a", "b"], [["x", None], []])  # type: ignore[list-item]
    with pytest.raises(InputError, match="The labels at 1 are no list, but others are"):
        Examples(["a", "b"], [["x"], "y"])  # type: ignore[list-item]


def test_a_series_is_read_by_its_rows_and_not_by_its_index() -> None:
    frame = pd.DataFrame({"text": [f"text {row}" for row in range(40)], "label": [f"l{row % 2}" for row in range(40)]})
    mixed = frame.sample(frac=1, random_state=0)
    for each in (mixed, frame[frame.index % 3 == 0], frame.set_index("label", drop=False)):
        examples = Examples(each["text"], each["label"])
        assert list(zip(examples.texts, examples.labels, strict=True)) == list(each.itertuples(index=False, name=None))
        part = examples.subset([5, 1])
        assert part.texts == [each["text"].iloc[5], each["text"].iloc[1]]
        assert part.labels == [each["label"].iloc[5], each["label"].iloc[1]]
    pairs = Examples(mixed["text"], mixed["label"], mixed["text"][::-1])
    assert pairs.inputs[0] == (mixed["text"].iloc[0], mixed["text"].iloc[-1])
    for missing in (pd.Series(["a", None, "c"]), pl.Series(["a", None, "c"]), pa.array(["a", None, "c"])):
        with pytest.raises(InputError, match=r"The text at 1 is missing\. Give a string"):
            Examples(missing, TEXTS)


NAMES = st.text(min_size=1).filter(lambda name: bool(clean_label(name)))
FILES: list[tuple[list[Any], list[str], str]] = [
    ([1, 2, 1], ["1", "2", "1"], "int"),
    ([1.0, 2.0, 1.0], ["1", "2", "1"], "int"),
    ([1.0, 2.5, 1.0], ["1.0", "2.5", "1.0"], "float"),
    ([True, False, True], ["True", "False", "True"], "bool"),
    (["x", "y", "x"], ["x", "y", "x"], "str"),
]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
@pytest.mark.parametrize(("values", "names", "label_type"), FILES)
def test_files_name_labels_as_memory_does(
    tmp_path: Path, kind: str, values: list[Any], names: list[str], label_type: str
) -> None:
    path = tmp_path / f"data.{kind}"
    if kind == "jsonl":
        write_jsonl(path, [{"text": text, "label": value} for text, value in zip(TEXTS, values, strict=True)])
    else:
        pq.write_table(pa.table({"text": TEXTS, "label": values}), path)
    train = prunetext.read(path).train
    assert (train.labels, train.label_type) == (names, label_type)


@pytest.mark.parametrize("column", [pa.array([1, None, 2]), pa.array([1.0, NAN, 2.0]), pa.array(["x", None, "y"])])
def test_missing_labels_of_parquet_are_named_by_their_row(tmp_path: Path, column: pa.Array) -> None:
    pq.write_table(pa.table({"text": TEXTS, "label": column}), tmp_path / "data.parquet")
    with pytest.raises(DataError, match=r"line 2: label is empty\. Give it a label"):
        prunetext.read(tmp_path / "data.parquet")


def test_missing_labels_of_json_are_named_by_their_line(tmp_path: Path) -> None:
    for value in ("null", "NaN"):
        (tmp_path / "data.jsonl").write_text(f'{{"text": "a", "label": 1}}\n{{"text": "b", "label": {value}}}\n')
        with pytest.raises(DataError, match=r"line 2: label is empty\. Give it a label"):
            prunetext.read(tmp_path / "data.jsonl")


def test_dates_of_parquet_are_labels_and_bytes_are_none(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    days = [datetime.date(2024, 1, day) for day in (30, 31, 31)]
    pq.write_table(pa.table({"text": TEXTS, "label": pa.array(days)}), path)
    assert prunetext.read(path).train.labels == ["2024-01-30", "2024-01-31", "2024-01-31"]
    pq.write_table(pa.table({"text": TEXTS, "label": pa.array([b"x"] * 3)}), path)
    with pytest.raises(DataError, match="line 1: label is bytes"):
        prunetext.read(path)


@given(st.lists(st.one_of(st.integers(-9, 9), st.sampled_from([0.0, 1.0, 2.5, -3.0]), st.booleans(), NAMES)))
def test_a_column_row_by_row_ends_with_the_names_of_the_whole(values: list[Any]) -> None:
    column = LabelColumn({})
    found = [column.name(value) for value in values]
    assert (column.finals(found), column.type, column.trimmed) == tuple(named(listed_values(values)))


def test_a_mix_of_values_keeps_what_each_is() -> None:
    assert Examples(TEXTS, ["x", 1.0, True]).labels == ["x", "1.0", "True"]  # type: ignore[list-item]
    assert Examples(TEXTS, [1, 2.0, 2]).labels == ["1", "2", "2"]  # type: ignore[list-item]


def test_a_new_split_knows_the_labels_of_a_model_whatever_holds_them(tmp_path: Path) -> None:
    path = tmp_path / "new.jsonl"
    for known, expected in ((["0", "1"], ["1", "0", "1"]), (["0.0", "0.5", "1.0"], ["1.0", "0.0", "1.0"])):
        write_jsonl(path, [{"text": "a", "label": value} for value in (1.0, 0.0, 1.0)])
        assert read_examples(path, known).labels == expected


def test_the_type_is_remembered_in_the_packed_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"text": [f"{['good', 'bad'][row % 2]} film {row}" for row in range(60)]})
    frame["label"] = [1.0, 0.0] * 30
    data = Data(Examples(frame["text"], frame["label"]))
    result = fit(data, out=tmp_path / "run", dimensions=4, filters=2, epochs=3.0, max_size="1MB")
    model = prunetext.open_model(result.path)
    assert (model.labels, model.provenance["recipe"]["label_type"]) == (["0", "1"], "int")
    clf = prunetext.load(result.path)
    assert set(clf.predict(frame["text"].tolist())) <= {"0", "1"}
    assert json.loads(clf.metadata["provenance"])["recipe"]["label_type"] == "int"
    found = prunetext.evaluate(result.path, Examples(frame["text"], frame["label"].astype(int)))
    assert found.score.n == 60
