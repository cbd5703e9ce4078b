"""JSON is read as lines and as an array, and names with dots lead into objects."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prunetext.data.api import read
from prunetext.data.columns import Wanted
from prunetext.data.files import SourceFile
from prunetext.data.formats.json_lines import read_objects
from prunetext.errors import DataError

ROWS = [{"meta": {"text": "a", "by": {"id": 1}}, "label": "x"}, {"meta": {"text": "b"}, "label": "y"}]
objects = st.lists(st.fixed_dictionaries({"text": st.text(max_size=5), "label": st.integers()}), min_size=1)


@given(objects, st.sampled_from([None, 1]))
def test_an_array_holds_the_rows_that_lines_hold(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], indent: int | None
) -> None:
    path = tmp_path_factory.getbasetemp() / "rows.json"
    found = []
    for text in (json.dumps(rows, indent=indent), "\n".join(map(json.dumps, rows))):
        path.write_text(text, "utf-8")
        found.append([row[1:] for row in read_objects(SourceFile(path, "jsonl"), Wanted())])
    assert found[0] == found[1] == [((row["text"],), row["label"], ("text",), ()) for row in rows]


def test_names_with_dots_lead_into_objects() -> None:
    Path("r.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), "utf-8")
    train = read("r.jsonl", text="meta.text").train
    assert (train.texts, train.labels) == (["a", "b"], ["x", "y"])
    kept = read_objects(SourceFile(Path("r.jsonl"), "jsonl"), Wanted("meta.text", kept=("meta.by.id", "label")))
    assert [row.kept for row in kept] == [(1, "x"), (None, "y")]
    Path("d.jsonl").write_text('{"meta.text": "c", "meta": {"text": "no"}, "label": "x"}\n', "utf-8")
    (row,) = read_objects(SourceFile(Path("d.jsonl"), "jsonl"), Wanted("meta.text"))
    assert row.texts == ("c",), "a key with a dot is a key"
    with pytest.raises(DataError, match=r"^r\.jsonl, line 1: there is no column 'meta\.body' among the columns 'meta'"):
        read("r.jsonl", text="meta.body")
    Path("m.jsonl").write_text('{"meta": {"text": "c"}, "label": "x"}\n{"meta": 5, "label": "y"}\n', "utf-8")
    with pytest.raises(DataError, match=r"^m\.jsonl, line 2: the row has no key 'meta\.text'"):
        read("m.jsonl", text="meta.text")
