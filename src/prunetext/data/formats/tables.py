"""Tables of columns: Parquet, spreadsheets, and the data frames of pandas, Polars and Arrow."""

from __future__ import annotations

import json
import lzma
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.data.columns import find_columns
from prunetext.data.formats.rows import RowNumber, SourceRow
from prunetext.data.labels import listed_values, python_value
from prunetext.errors import DataError, InputError, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from prunetext.data.columns import Columns, Wanted
    from prunetext.data.files import SourceFile

_BATCH = 1024  # rows of a Parquet file at a time


class Frame(NamedTuple):
    """A data frame of any library: the names of its columns, and the columns."""

    names: list[str]
    columns: list[Any]
    classes: Mapping[str, list[str]]  # column → names of the classes that its numbers stand for

    def __str__(self) -> str:
        return "the data frame"


def as_frame(source: object) -> Frame | None:
    """The columns of a data frame; None for anything else.

        as_frame(pandas.DataFrame({"text": ["great"], "label": ["pos"]})).names     # ['text', 'label']

    Takes DataFrames of pandas and Polars, and Tables and RecordBatches of Arrow.
    """
    if isinstance(source, Frame):
        return source
    if hasattr(source, "collect") and hasattr(source, "collect_schema") and not hasattr(source, "get_columns"):
        raise InputError("The data are a LazyFrame, which has no rows yet. Give its collect().")
    if hasattr(source, "iloc") and hasattr(source, "columns"):  # pandas
        names = list(map(str, source.columns))
        return Frame(names, [source.iloc[:, at] for at in range(len(names))], {})
    if hasattr(source, "get_columns") and hasattr(source, "columns"):  # Polars
        return Frame(list(source.columns), list(source.get_columns()), {})
    if hasattr(source, "schema") and hasattr(source, "column") and hasattr(source, "num_columns"):  # Arrow
        names = list(source.schema.names)
        return Frame(names, [source.column(at) for at in range(len(names))], class_names(source.schema.metadata))
    return None


def read_frame(frame: Frame, wanted: Wanted) -> Iterator[SourceRow]:
    """Read the rows of a data frame in their order, whatever its index says."""
    names, at = list(frame.names), dict(zip(frame.names, frame.columns, strict=True))
    for name in wanted.named():
        if name not in at and (column := _struct_column(name, at)) is not None:
            names.append(name)
            at[name] = column
    columns = find_columns(names, wanted, frame)
    chosen = [names[place] for place in (*columns.texts, columns.label, *columns.kept)]
    classes = [frame.classes.get(name) for name in chosen]
    for number, row in enumerate(zip(*(_of_frame(at[name]) for name in chosen), strict=True), start=1):
        yield _row(frame, RowNumber(number), row, columns, classes)


def read_parquet(file: SourceFile, wanted: Wanted) -> Iterator[SourceRow]:
    """Read the columns of texts and of labels of a Parquet file, about a thousand rows at a time.

    A name with dots leads into structs. Numbers of classes become their names where the file's metadata has them.
    """
    pyarrow = require("pyarrow", extra="train")
    parquet = require("pyarrow.parquet", extra="train")
    number = 0
    try:
        with file.open() as packed, _seekable(packed) as stream, parquet.ParquetFile(stream) as table:
            schema = table.schema_arrow
            names = [*schema.names, *(name for name in wanted.named() if _has_field(schema, name))]
            columns = find_columns(names, wanted, file)
            chosen = [names[at] for at in (*columns.texts, columns.label, *columns.kept)]
            named = class_names(schema.metadata)
            classes = [named.get(name) for name in chosen]
            for batch in table.iter_batches(batch_size=_BATCH, columns=list(dict.fromkeys(chosen))):
                found = [_values(_batch_column(batch, name), file, number) for name in chosen]
                for row in zip(*found, strict=True):
                    number += 1
                    yield _row(file, number, row, columns, classes)
    except (pyarrow.ArrowException, OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the system, not from pyarrow
            raise
        raise DataError(
            file, "this is not a readable Parquet file. Write it again, or give a .csv or .jsonl."
        ) from None


def read_excel(file: SourceFile, wanted: Wanted) -> Iterator[SourceRow]:
    """Read the first sheet of a spreadsheet, whose first row is its header."""
    pandas = require("pandas", extra="excel")
    require("python_calamine", extra="excel")
    try:
        with file.open() as stream:
            sheet = pandas.read_excel(stream, engine="calamine", dtype=object, keep_default_na=False, na_values=[""])
    except OSError:
        raise
    except Exception as error:  # calamine and pandas have their own
        raise DataError(
            file, f"this is not a readable spreadsheet ({type(error).__name__}). Save it again, or give a .csv."
        ) from None
    frame = as_frame(sheet)
    assert frame is not None
    columns = find_columns(frame.names, wanted, file)
    chosen = (*columns.texts, columns.label, *columns.kept)
    for number, row in enumerate(zip(*(_of_frame(frame.columns[at]) for at in chosen), strict=True), start=2):
        yield _row(
            file, RowNumber(number), row, columns, [None] * len(chosen)
        )  # the header is row 1, as spreadsheets count


def class_names(metadata: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """The names of classes in the metadata of a table, as the library datasets writes them: column → names."""
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"{}"))["info"]["features"]
    except (ValueError, LookupError, RecursionError, TypeError):
        return {}
    return dict(_classes_of(features)) if isinstance(features, dict) else {}


def _classes_of(features: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, list[str]]]:
    """The names of classes of each column, also inside structs, whose columns have names with dots."""
    for column, feature in features.items():
        inner = feature
        if isinstance(inner, list) and inner:  # lists are written in two ways
            inner = inner[0]
        elif isinstance(inner, dict) and isinstance(inner.get("feature"), dict):
            inner = inner["feature"]
        if not isinstance(inner, dict):
            continue
        names = inner.get("names")
        if isinstance(names, list) and names and all(isinstance(name, str) for name in names):
            yield f"{above}{column}", names
        elif "_type" not in inner and not above:
            yield from _classes_of(inner, f"{column}.")


def _row(
    source: object, number: int, values: Sequence[Any], columns: Columns, classes: Sequence[list[str] | None]
) -> SourceRow:
    texts = len(columns.texts)
    try:
        found = [
            value if names is None else _class_of(value, names) for value, names in zip(values, classes, strict=True)
        ]
    except LookupError:
        raise DataError(
            source, "a number of a class is larger than the last of the names in the metadata. Correct it.", number
        ) from None
    return SourceRow(number, tuple(found[:texts]), found[texts], columns.called, tuple(found[texts + 1 :]))


def _class_of(label: Any, classes: list[str]) -> Any:
    """The name of a class by its number; a number below 0 stands for no label."""
    if isinstance(label, list):
        return [_class_of(each, classes) for each in label]
    whole = isinstance(label, (int, float)) and not isinstance(label, bool) and label == label // 1
    if not whole:
        return label
    return None if label < 0 else classes[int(label)]


def _of_frame(column: Any) -> list[Any]:
    """The values of a column of any library, as Python's own."""
    try:
        return [value if type(value) is str else python_value(value) for value in listed_values(column)]
    except UnicodeDecodeError:
        raise InputError("The data frame holds bytes that are not valid UTF-8. Correct or drop their rows.") from None


@contextmanager
def _seekable(stream: Any) -> Iterator[Any]:
    """A stream that Parquet can be read from; what is compressed as a whole is unpacked first."""
    if stream.seekable():
        yield stream
        return
    yield require("pyarrow", extra="train").BufferReader(stream.read())


def _has_field(schema: Any, name: str) -> bool:
    """Whether a name with dots leads to a field inside structs."""
    if name in schema.names or "." not in name:
        return False
    first, *way = name.split(".")
    kind: Any = schema.field(first).type if first in schema.names else None
    for part in way:
        find: Callable[[str], int] | None = getattr(kind, "get_field_index", None)
        at = -1 if find is None else find(part)
        if at < 0:
            return False
        kind = kind.field(at).type
    return kind is not None


def _batch_column(batch: Any, name: str) -> Any:
    if name in batch.schema.names:
        return batch.column(name)
    first, *way = name.split(".")
    compute = require("pyarrow.compute", extra="train")
    return compute.struct_field(batch.column(first), way)  # null where a struct is


def _struct_column(name: str, columns: Mapping[str, Any]) -> list[Any] | None:
    """The values inside the dictionaries of a column, by a name with dots."""
    first, *way = name.split(".")
    if not way or first not in columns:
        return None
    values = listed_values(columns[first])
    for part in way:
        if not any(isinstance(value, dict) and part in value for value in values):
            return None
        values = [value.get(part) if isinstance(value, dict) else None for value in values]
    return values


def _values(column: Any, file: SourceFile, before: int) -> list[object]:
    try:
        values: list[object] = column.to_pylist()
    except UnicodeDecodeError:  # pyarrow does not check strings when reading
        raise DataError(
            file, "the row holds bytes that are not valid UTF-8. Correct or drop it.", before + _first_invalid(column)
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
