"""Parquet, spreadsheets and data frames give the rows that they hold, whatever library made them."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prunetext.data.api import read
from prunetext.data.columns import Wanted
from prunetext.data.files import SourceFile
from prunetext.data.formats.tables import as_frame, read_frame, read_parquet
from prunetext.errors import DataError, InputError

COLUMNS = {"id": [7, 8, 9], "text": ["a", "b", "c"], "label": ["x", "y", "x"]}
MAKERS: list[Callable[[dict[str, list[Any]]], Any]] = [
    pd.DataFrame,
    lambda columns: pd.DataFrame(columns, index=range(len(columns["id"]), 0, -1)),
    pl.DataFrame,
    pa.table,
    pa.RecordBatch.from_pydict,
]
CLASSES = {
    "info": {
        "features": {
            "label": {"names": ["neg", "pos"], "_type": "ClassLabel"},
            "labels": {"feature": {"names": ["day", "night"], "_type": "ClassLabel"}, "_type": "Sequence"},
            "text": {"dtype": "string", "_type": "Value"},
        }
    }
}
METADATA = {"huggingface": json.dumps(CLASSES)}
SHEET = "".join(
    f'<row>{"".join(f"""<c t="inlineStr"><is><t>{cell}</t></is></c>""" for cell in row)}</row>'
    for row in (("text", "label"), ("NA", "x"), ("b", "y"))
)
SPREADSHEET = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="xl/workbook.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="worksheets/sheet1.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"/></Relationships>',
    "xl/worksheets/sheet1.xml": '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    f"<sheetData>{SHEET}</sheetData></worksheet>",
}


@pytest.mark.parametrize("make", MAKERS)
def test_a_data_frame_is_a_source(make: Callable[[dict[str, list[Any]]], Any]) -> None:
    data = read(make(COLUMNS), test=make({"id": [1], "text": ["d"], "label": ["y"]}))
    assert (data.train.texts, data.train.labels, data.name) == (["a", "b", "c"], ["x", "y", "x"], "data")
    assert data.test is not None
    assert data.test.texts == ["d"]
    frame = as_frame(make(COLUMNS))
    assert frame is not None
    assert [row.kept for row in read_frame(frame, Wanted(kept=("id",)))] == [(7,), (8,), (9,)]


@pytest.mark.parametrize("make", MAKERS)
def test_what_is_wrong_with_a_data_frame_is_named_by_its_row(make: Callable[[dict[str, list[Any]]], Any]) -> None:
    frame = make({"id": [1, 2], "text": ["a", "b"], "label": ["x", None]})
    with pytest.raises(DataError, match=r"^the data frame, row 2: label is empty\. Give it a label, or drop such rows"):
        read(frame)
    with pytest.raises(DataError, match=r"^the data frame: no text column is found among the columns 'id', 'label'"):
        read(make({"id": [1, 2], "label": ["x", "y"]}))


def test_names_with_dots_lead_into_structs() -> None:
    meta = [{"text": "a", "by": {"id": 1}}, {"text": "b", "by": None}]
    table = pa.table({"meta": meta, "label": ["x", "y"]})
    pq.write_table(table, "r.parquet")
    wanted = Wanted("meta.text", kept=("meta.by.id",))
    frames = [as_frame(table), as_frame(pd.DataFrame({"meta": meta, "label": ["x", "y"]}))]
    for rows in (
        read_parquet(SourceFile(Path("r.parquet"), "parquet"), wanted),
        *(read_frame(frame, wanted) for frame in frames if frame is not None),
    ):
        assert [(row.texts, row.label, row.kept) for row in rows] == [(("a",), "x", (1,)), (("b",), "y", (None,))]


@pytest.mark.parametrize("from_file", [True, False])
def test_numbers_of_classes_become_their_names(from_file: bool) -> None:
    table = pa.table({"text": ["a", "b"], "label": [1, 0]}).replace_schema_metadata(METADATA)
    pq.write_table(table, "r.parquet")
    assert read("r.parquet" if from_file else table).train.labels == ["pos", "neg"]
    several = pa.table({"text": ["a", "b"], "labels": [[1, 0], []]}).replace_schema_metadata(METADATA)
    pq.write_table(several, "s.parquet")
    assert read("s.parquet" if from_file else several).train.label_sets == [("day", "night"), ()]
    hidden = pa.table({"text": ["a", "b", "c"], "label": [1, 0, -1]}).replace_schema_metadata(METADATA)
    with pytest.raises(DataError, match=r"row 3: label is empty"):
        read(hidden)
    assert read(hidden, skip_empty=True).train.labels == ["pos", "neg"]


@pytest.mark.parametrize("metadata", [{}, {"huggingface": "[" * 100_000}, {"huggingface": "[]"}, {"huggingface": "1"}])
def test_metadata_that_name_no_classes_are_no_fault(metadata: dict[str, str]) -> None:
    table = pa.table({"text": ["a", "b"], "label": [1, 0]}).replace_schema_metadata(metadata)
    assert read(table).train.labels == ["1", "0"]


def test_a_spreadsheet_is_read_as_it_stands() -> None:
    with ZipFile("r.xlsx", "w") as file:
        for name, content in SPREADSHEET.items():
            file.writestr(name, content)
    train = read("r.xlsx").train
    assert (train.texts, train.labels) == (["NA", "b"], ["x", "y"])
    Path("bad.xlsx").write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match=r"^bad\.xlsx: this is not a readable spreadsheet \(\w+\)\. Save it again"):
        read("bad.xlsx")


def test_what_is_no_data_frame_is_named() -> None:
    assert as_frame(["a"]) is None
    with pytest.raises(InputError, match=r"^The data are a LazyFrame, which has no rows yet\. Give its collect"):
        read(pl.LazyFrame(COLUMNS))
    with pytest.raises(InputError, match=r"^The source of the data is list\. Give a path, sample:NAME or a data frame"):
        read(["a"])


def test_what_a_data_frame_holds_is_named_as_in_memory() -> None:
    frame = pd.DataFrame({"text": ["a", "b", "c"], "label": pd.array([1, None, 2], dtype="Int64")})
    with pytest.raises(DataError, match=r"^the data frame, row 2: label is empty"):
        read(frame)
    assert read(frame, skip_empty=True).train.labels == ["1", "2"]
    lists = {"text": ["a", "b"], "labels": [["x", "y"], []]}
    pq.write_table(pa.table(lists), "l.parquet")
    for several in (pl.DataFrame(lists), pd.DataFrame(lists), pd.read_parquet("l.parquet"), pa.table(lists)):
        assert read(several).train.label_sets == [("x", "y"), ()]
    tuples = pd.DataFrame({"text": ["a", "b"], "label": [("x",), ("z",)]})
    assert read(tuples).train.label_sets == [("x",), ("z",)]


def test_names_of_classes_in_lists_and_structs_are_used() -> None:
    kinds = {"names": ["neg", "pos"], "_type": "ClassLabel"}
    features = {"tokens": [{"dtype": "string"}], "label": kinds, "labels": [kinds], "meta": {"label": kinds}}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    columns = {"text": ["a", "b"], "label": [1.0, 0.0], "labels": [[1], [0, 1]], "meta": [{"label": 1}, {"label": 0}]}
    table = pa.table(columns).replace_schema_metadata(metadata)
    assert read(table, label="label").train.labels == ["pos", "neg"]
    assert read(table, label="labels").train.label_sets == [("pos",), ("neg", "pos")]
    assert read(table, label="meta.label").train.labels == ["pos", "neg"]
    beyond = pa.table({"text": ["a", "b"], "label": [1, 5]}).replace_schema_metadata(metadata)
    with pytest.raises(DataError, match=r"row 2: a number of a class is larger than the last of the names"):
        read(beyond)


def test_columns_with_like_names_are_told_apart_by_the_user() -> None:
    frame = pd.DataFrame({"text": ["a", "b"], "Text": ["c", "d"], "label": ["x", "y"]})
    with pytest.raises(DataError, match=r"the columns 'text' and 'Text' have like names\. Name one with --text"):
        read(frame)
    assert read(frame, text="Text").train.texts == ["c", "d"]


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_parquet_file_is_read_and_a_cut_one_refused(pack: Callable[[bytes], bytes]) -> None:
    pq.write_table(
        pa.table({"text": [f"{at}" for at in range(999)], "label": [at % 2 for at in range(999)]}), "r.parquet"
    )
    packed = pack(Path("r.parquet").read_bytes())
    Path("p.parquet.gz").write_bytes(packed)
    assert len(read("p.parquet.gz").train) == 999
    Path("p.parquet.gz").write_bytes(packed[:-60])
    with pytest.raises(DataError, match=r"^p\.parquet\.gz: this is not a readable Parquet file"):
        read("p.parquet.gz")
