"""One reader per file format: each yields the line, texts and label of one row at a time.

The values are as the file holds them; `gathering` checks them. The line is the physical line, from 1, where the row
starts; in Parquet it is the row number, from 1. In a folder per label, the file takes the place of the line.
"""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.data.columns import Columns, find_columns, quoted, refuse_columns
from prunetext.data.files import Lines
from prunetext.errors import DataError, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from prunetext.data.columns import Wanted


class SourceRow(NamedTuple):
    """A row as the file holds it, and its place."""

    place: int | Path
    texts: tuple[object, ...]  # one, or the two of a pair
    label: object  # a list if a table has several, a tuple of one or more in fastText's format
    called: tuple[str, ...] = ("text",)  # names of the texts in messages


@dataclass(frozen=True)
class Absent:
    """Stands for the value of a key that an object lacks."""

    key: str

    def __str__(self) -> str:
        return f"the row has no key {quoted(self.key)}"


def read_csv(path: Path, wanted: Wanted, encoding: str, delimiter: str = ",") -> Iterator[SourceRow]:
    """Read a CSV file with a header line, by the rules of RFC 4180.

        text,label
        "Great, really",positive

    A quoted field may hold the delimiter, line ends and doubled quotes. Blank lines do not count.
    """
    # The limit belongs to the whole process. It is only ever raised: restoring it would break another thread's reader.
    if csv.field_size_limit() < 2**31 - 1:
        csv.field_size_limit(2**31 - 1)
    lines = Lines(path, encoding)
    reader = csv.reader(iter(lines), delimiter=delimiter, strict=True)
    width = 0
    columns = Columns((0,), 0)
    while True:
        start = lines.following
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise DataError(path, _quoting(error), start) from None
        if not row:
            continue
        if delimiter == _TAB and lines.number > start:
            # Many .tsv files are written without quoting; a text that starts with " would swallow the rows after it.
            raise DataError(
                path,
                'a field that starts with " spans several lines. If the " is part of the text, quote the '
                'field and double each " in it; else write it on one line, or give a .csv.',
                start,
            )
        if not width:
            width = len(row)
            columns = find_columns(row, wanted, path, start, _hint(delimiter, width))
        elif len(row) != width:
            raise DataError(
                path,
                f"the row has {len(row)} field{'s' * (len(row) != 1)}, but the header has {width}. "
                f"Put quotes around a field that holds a {'tab' if delimiter == _TAB else 'comma'} or a line end.",
                start,
            )
        else:
            yield SourceRow(start, tuple(row[at] for at in columns.texts), row[columns.label], columns.called)
    if not width:
        raise DataError(path, "the file is empty. Write a header line, such as text,label, and a row for each text.")


_TAB = "\t"


def _hint(delimiter: str, width: int) -> str:
    kind, mark = ("TSV", "tabs") if delimiter == _TAB else ("CSV", "commas")
    separated = f", and {mark} separate the columns" if width == 1 else ""
    return f" The first line of a {kind} file is its header{separated}."


def _quoting(error: csv.Error) -> str:
    if "end of data" in str(error):
        return 'a quoted field that starts here is never closed. Close it with ", and double a " inside it.'
    return (
        'a quoted field goes on after its closing ". '
        'Double a " inside a quoted field, and check that an earlier quote is not left open.'
    )


def read_tsv(path: Path, wanted: Wanted, encoding: str) -> Iterator[SourceRow]:
    """Read a CSV file whose fields are separated by tabs; quotes have their meaning, but a row stays on one line."""
    return read_csv(path, wanted, encoding, delimiter=_TAB)


def read_jsonl(path: Path, wanted: Wanted, encoding: str) -> Iterator[SourceRow]:
    """Read JSON Lines, one object a line; the first object's keys are the columns.

    {"text": "Great, really", "label": "positive"}
    """
    lines = Lines(path, encoding)
    columns = None
    keys: list[tuple[str, Absent]] = []
    for line in lines:
        if line.isspace():
            continue
        try:
            row = json.loads(line.rstrip("\r\n"))  # else an error at its end is reported in column 1 of the next line
        except (ValueError, RecursionError) as error:
            reason = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
            raise DataError(
                path, f"the line is not valid JSON ({reason}). Write one complete JSON object a line.", lines.number
            ) from None
        if type(row) is not dict:
            kind = "a JSON array" if type(row) is list else "a JSON value"
            raise DataError(
                path,
                f"the line is {kind}, not an object with a text and a label. Write one object a line.",
                lines.number,
            )
        if columns is None:
            names = list(row)
            columns = find_columns(names, wanted, path, lines.number)
            keys = [(names[at], Absent(names[at])) for at in (*columns.texts, columns.label)]
        *texts, label = (row.get(key, absent) for key, absent in keys)
        yield SourceRow(lines.number, tuple(texts), label, columns.called)
    if columns is None:
        raise DataError(path, 'the file is empty. Write one object a line, such as {"text": "…", "label": "…"}.')


_LABELLED = re.compile(r"[ \t]*((?:__label__[^ \t\v\f\r\n]*[ \t]*)+)(.*)", re.DOTALL)
_ONE_LABEL = re.compile(r"__label__([^ \t\v\f\r\n]*)")
_LABEL_INSIDE = re.compile(r"(?:^|[ \t])__label__")


def read_fasttext(path: Path, wanted: Wanted, encoding: str) -> Iterator[SourceRow]:
    """Read fastText's format, one text a line after its label or labels.

    __label__positive Great, really
    """
    refuse_columns(path, wanted)
    lines = Lines(path, encoding)
    for line in lines:
        if line.isspace():
            continue
        match = _LABELLED.match(line)
        if match is None:
            raise DataError(
                path,
                "the label is missing. Start every line of a .txt file with __label__ and the label's name, "
                "or give a table (.csv, .jsonl).",
                lines.number,
            )
        labels, text = match.groups()
        if _LABEL_INSIDE.search(text):
            raise DataError(path, "a label is inside the text. Put all labels before its first word.", lines.number)
        yield SourceRow(lines.number, (text.rstrip("\r\n"),), tuple(_ONE_LABEL.findall(labels)))


def read_parquet(path: Path, wanted: Wanted, encoding: str) -> Iterator[SourceRow]:
    """Read the columns of texts and of labels of a Parquet file, about a thousand rows at a time."""
    pyarrow = require("pyarrow", extra="train")
    parquet = require("pyarrow.parquet", extra="train")
    number = 0
    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as file:
            names = file.schema_arrow.names
            columns = find_columns(names, wanted, path)
            chosen = [names[at] for at in (*columns.texts, columns.label)]
            for batch in file.iter_batches(batch_size=1024, columns=chosen):
                # By position: a file can have two columns of one name.
                found = (batch.column(batch.schema.names.index(name)) for name in chosen)
                for *texts, label in zip(*(_values(column, path, number) for column in found), strict=True):
                    number += 1
                    yield SourceRow(number, tuple(texts), label, columns.called)
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the system, not from pyarrow
            raise
        raise DataError(
            path, "this is not a readable Parquet file. Write it again, or give a .csv or .jsonl."
        ) from None


def _values(column: Any, path: Path, before: int) -> list[object]:
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:  # pyarrow does not check strings when reading
        raise DataError(
            path, "the row holds bytes that are not valid UTF-8. Correct or drop it.", before + _first_invalid(column)
        ) from None
    return values


def _first_invalid(column: Any) -> int:
    number = 0
    try:
        for number, value in enumerate(column, start=1):  # noqa: B007
            value.as_py()
    except UnicodeDecodeError:
        pass
    return number


def read_label_folder(path: Path, wanted: Wanted, encoding: str) -> Iterator[SourceRow]:
    """Read a folder that has one sub-folder per label; each .txt file in it is one text.

    reviews/positive/1.txt   reviews/positive/2.txt   reviews/negative/1.txt

    Labels and files come in the order of their names; other files in a sub-folder are ignored.
    """
    refuse_columns(path, wanted)
    folders = [each for each in path.iterdir() if each.is_dir() and not each.name.startswith(".")]
    if not folders:
        raise DataError(path, "the folder has no sub-folders. Give a file, or a folder with one sub-folder per label.")
    for folder in sorted(folders, key=lambda each: each.name):
        files = [each for each in folder.iterdir() if each.suffix.lower() == ".txt" and not each.name.startswith(".")]
        if not files:
            raise DataError(
                folder,
                f"the folder of the label {quoted(folder.name)} holds no .txt file. "
                "Put one text per .txt file into it, or remove it.",
            )
        for file in sorted(files, key=lambda each: each.name):
            yield SourceRow(file, ("".join(Lines(file, encoding)),), folder.name)


FORMATS: dict[str, Callable[[Path, Wanted, str], Iterator[SourceRow]]] = {
    ".csv": read_csv,
    ".tsv": read_tsv,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_jsonl,
    ".parquet": read_parquet,
    ".txt": read_fasttext,
}
