"""Columns beside text and label, such as the source of a text."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from helpers.tables import write_csv, write_jsonl
from prunetext.data.reading import read_examples

NAMES = ("text", "label", "Source")
ROWS = [("a", "x", "forum"), ("", "x", "mail"), ("c", "y", ""), ("d", "y", "web")]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_they_are_read_by_name_and_go_with_their_rows(kind: str, tmp_path: Path) -> None:
    path, rows = tmp_path / f"rows.{kind}", [dict(zip(NAMES, row, strict=True)) for row in ROWS]
    if kind == "csv":
        write_csv(path, ROWS, NAMES)
    elif kind == "jsonl":
        write_jsonl(path, rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), path)
    found = read_examples(path, ["x", "y"], skip_empty=True, columns=["source"])
    assert found.texts == ["a", "c", "d"]
    assert found.columns == {"source": ["forum", None, "web"]}
