"""Tables of texts, written as a user has them."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prunetext.data.dataset import Data

COLUMNS = ("text", "label")


def write_csv(path: Path, rows: Iterable[Sequence[object]], columns: Sequence[str] = COLUMNS, **dialect: Any) -> Path:
    """Write a header and rows, by Python's own writer; the path."""
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **dialect).writerows([tuple(columns), *rows])
    return path


def write_jsonl(path: Path, rows: Iterable[Mapping[str, object]]) -> Path:
    """Write an object a line; the path."""
    path.write_text("".join(json.dumps(dict(row)) + "\n" for row in rows), "utf-8")
    return path


def write_splits(folder: Path, data: Data, columns: Sequence[str] = COLUMNS) -> Path:
    """Make a folder with a CSV file for each split of single texts with one label; the folder."""
    folder.mkdir(exist_ok=True)
    for name, examples in data.splits():
        write_csv(folder / f"{name}.csv", zip(examples.texts, examples.labels, strict=True), columns)
    return folder
