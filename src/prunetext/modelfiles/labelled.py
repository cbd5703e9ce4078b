"""A file of labelled texts: the answers of a model, beside columns of its source."""

from __future__ import annotations

import csv
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.data.columns import column_key, quoted
from prunetext.data.sources import places_of_texts
from prunetext.errors import InputError, require
from prunetext.runtime.writing import whole_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import BinaryIO

    from prunetext.modelfiles.prediction import Predicted

_ENDS = str.maketrans({"\t": "\\t", "\n": "\\n", "\r": "\\r"})
_ANSWERS = {"label": ("label", "probability"), "labels": ("labels", "probabilities"), "score": ("score",)}


def write_answers(path: str | Path, kept: Sequence[str], chunks: Iterable[Predicted], answer: str = "label") -> int:
    """Write a row for each text: the columns that were kept, its label and its probability; return the rows.

        write_answers("answers.csv", ["id"], predict_chunks(…, columns=["id"]))

    The ending says how: .csv and .tsv have a header line, .jsonl an object a line, .parquet a column for each. If
    texts can have several labels, `labels` and `probabilities` are lists, in .csv and .tsv as JSON; a model of scores
    writes `score` alone. If a column that is kept has one of these names, predicted_ stands before ours. The file is in
    place once it is whole. answer: as of the model's `Task`.
    """
    target = Path(path).expanduser()
    keys, ours = {column_key(name) for name in kept}, _ANSWERS[answer]
    if len(keys) < len(kept):
        raise InputError(f"--columns is {','.join(kept)}: it names a column twice. Name each once.")
    while keys & set(ours):
        ours = tuple(f"predicted_{name}" for name in ours)
    names = [*kept, *ours]
    check_answers_file(target)
    rows = 0
    with whole_file(target) as file, WRITERS[target.suffix.lower()](file, names) as write:
        for chunk in chunks:
            columns = chunk.kept or [()] * len(chunk.answers)
            write([(*own, *_answer(each)) for own, each in zip(columns, chunk.answers, strict=True)])
            rows += len(chunk.answers)
    return rows


def check_answers_file(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is labelled."""
    if path.suffix.lower() not in WRITERS:
        raise InputError(f"{path}: the ending of --out must be {', '.join(WRITERS)}.")
    if path.suffix.lower() == ".parquet":
        require("pyarrow", extra="train")
    if path.is_dir() or not path.parent.is_dir():
        what = "this is a folder" if path.is_dir() else "its folder does not exist"
        raise InputError(f"{path}: {what}. Give a new file in a folder that exists.")


def refuse_source(path: Path, source: str) -> None:
    """Refuse to write over a file that is labelled."""
    if (
        path.exists()
        and source != "-"
        and any(each.exists() and each.samefile(path) for each in places_of_texts(source))
    ):
        raise InputError(f"{path}: --out is a file that is labelled, and would be lost. Give another name.")


def as_field(value: object) -> str:
    r"""A value as a field of a line: without tabs and line ends.

    >>> as_field("a\tb"), as_field(None), as_field(["x"])
    ('a\\tb', '', '["x"]')
    """
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return str(value).translate(_ENDS)


def _answer(answer: Any) -> tuple[Any, ...]:
    if isinstance(answer, float):
        return (round(answer, 6),)
    if isinstance(answer, list):
        return [label for label, _ in answer], [round(probability, 6) for _, probability in answer]
    return answer[0], round(answer[1], 6)


@contextmanager
def _csv(file: BinaryIO, names: list[str]) -> Iterator[Any]:
    text = io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
    bare, whole = (csv.writer(text, lineterminator="\n", quoting=how) for how in (csv.QUOTE_MINIMAL, csv.QUOTE_ALL))

    def write(rows: list[tuple[Any, ...]]) -> None:
        for row in ([_cell(value) for value in row] for row in rows):
            # Python's writer leaves a lone CR bare, which other readers take for the end of the row.
            (whole if any("\r" in value for value in row if isinstance(value, str)) else bare).writerow(row)

    write([tuple(names)])
    yield write
    text.detach()


@contextmanager
def _tsv(file: BinaryIO, names: list[str]) -> Iterator[Any]:
    file.write(("\t".join(map(as_field, names)) + "\n").encode("utf-8", "backslashreplace"))

    def write(rows: list[tuple[Any, ...]]) -> None:
        lines = ("\t".join(map(as_field, row)) + "\n" for row in rows)
        file.write("".join(lines).encode("utf-8", "backslashreplace"))

    yield write


@contextmanager
def _jsonl(file: BinaryIO, names: list[str]) -> Iterator[Any]:
    def write(rows: list[tuple[Any, ...]]) -> None:
        objects = (dict(zip(names, row, strict=True)) for row in rows)
        lines = (json.dumps(each, ensure_ascii=False, default=str) + "\n" for each in objects)
        file.write("".join(lines).encode("utf-8", "backslashreplace"))

    yield write


@contextmanager
def _parquet(file: BinaryIO, names: list[str]) -> Iterator[Any]:
    pyarrow = require("pyarrow", extra="train")
    parquet = require("pyarrow.parquet", extra="train")
    writer: Any = None

    def write(rows: list[tuple[Any, ...]]) -> None:
        nonlocal writer
        columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
        if writer is None:
            schema = pyarrow.schema([(name, _type(pyarrow, values)) for name, values in columns.items()])
            writer = parquet.ParquetWriter(file, schema)
        arrays = [_array(pyarrow, name, columns[name], writer.schema.field(name).type) for name in names]
        writer.write_table(pyarrow.Table.from_arrays(arrays, schema=writer.schema))

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        parquet.write_table(pyarrow.table({name: pyarrow.array([], pyarrow.string()) for name in names}), file)


def _type(pyarrow: Any, values: list[Any]) -> Any:
    """The type of a column, by its first rows."""
    try:
        found = pyarrow.array(values).type
    except (pyarrow.ArrowException, OverflowError, UnicodeEncodeError):
        return pyarrow.string()
    if pyarrow.types.is_list(found) and pyarrow.types.is_null(found.value_type):
        return pyarrow.list_(pyarrow.string())
    return pyarrow.string() if pyarrow.types.is_null(found) else found


def _array(pyarrow: Any, name: str, values: list[Any], kind: Any) -> Any:
    if pyarrow.types.is_string(kind):
        values = [None if value is None else _whole(value) for value in values]
    try:
        own = pyarrow.array(values).type
        same = own in (kind, pyarrow.null()) or (pyarrow.types.is_floating(kind) and pyarrow.types.is_integer(own))
        if same or _lists(pyarrow, own, kind):
            return pyarrow.array(values, kind)
        raise OverflowError
    except (pyarrow.ArrowException, OverflowError):
        raise InputError(
            f"the column {quoted(name)} holds {kind} in its first rows, but another kind of value in later ones. "
            "Give --out a .jsonl or .csv."
        ) from None


def _lists(pyarrow: Any, own: Any, kind: Any) -> bool:
    """Whether both are lists, of which one was always empty so far."""
    return bool(pyarrow.types.is_list(own) and pyarrow.types.is_list(kind) and own.value_type == pyarrow.null())


def _whole(value: object) -> str:
    """A value as a text that any file can hold."""
    text = value if isinstance(value, str) else as_field(value)
    return text.encode("utf-8", "backslashreplace").decode()


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, (list, dict)) else value


WRITERS: dict[str, Callable[[BinaryIO, list[str]], Any]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
