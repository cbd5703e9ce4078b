"""JSON: one object a line, or one array of objects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.data.columns import find_columns, quoted
from prunetext.data.files import Lines
from prunetext.data.formats.rows import Absent, RowNumber, SourceRow
from prunetext.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prunetext.data.columns import Columns, Wanted
    from prunetext.data.files import SourceFile

_EXAMPLE = 'Write one object a line, such as {"text": "…", "label": "…"}.'


def read_objects(file: SourceFile, wanted: Wanted) -> Iterator[SourceRow]:
    """Read JSON Lines, one object a line, or an array of objects; the first object's keys are the columns.

        {"text": "Great, really", "label": "positive"}

    A name with dots that is no key leads into objects: `meta.text` is the key `text` in the object `meta`.
    """
    keys: _Keys | None = None
    for place, row in _objects(file):
        if type(row) is not dict:
            what, whole = ("line", "object a line") if type(place) is int else ("item", "object for each item")
            kind = "a JSON array" if type(row) is list else "a JSON value"
            raise DataError(
                file, f"the {what} is {kind}, not an object with a text and a label. Write one {whole}.", place
            )
        if keys is None:
            keys = _Keys.of(row, wanted, file, place)
        yield keys.row(place, row)
    if keys is None:
        raise DataError(file, f"the file is empty. {_EXAMPLE}")


class _Keys(NamedTuple):
    """The keys of the texts, the label and other columns; each with the way into objects, and what stands for none."""

    columns: Columns
    keys: list[tuple[str, tuple[str, ...], Absent]]

    @classmethod
    def of(cls, row: dict[str, Any], wanted: Wanted, file: SourceFile, place: int) -> _Keys:
        names = list(row)
        names += [
            name
            for name in dict.fromkeys(wanted.named())
            if name not in row and not isinstance(_inside(row, name), Absent)
        ]
        columns = find_columns(names, wanted, file, place)
        chosen = (*columns.texts, columns.label, *columns.kept)
        return cls(
            columns,
            [(names[at], () if names[at] in row else tuple(names[at].split(".")), Absent(names[at])) for at in chosen],
        )

    def row(self, place: int, row: dict[str, Any]) -> SourceRow:
        values = [_within(row, way, absent) if way else row.get(key, absent) for key, way, absent in self.keys]
        texts = len(self.columns.texts)
        kept = tuple(None if isinstance(value, Absent) else value for value in values[texts + 1 :])
        return SourceRow(place, tuple(values[:texts]), values[texts], self.columns.called, kept)


def _inside(row: dict[str, Any], name: str) -> object:
    return _within(row, tuple(name.split(".")), Absent(name))


def _within(row: object, way: tuple[str, ...], absent: Absent) -> object:
    for key in way:
        if not isinstance(row, dict) or key not in row:
            return absent
        row = row[key]
    return row


def _objects(file: SourceFile) -> Iterator[tuple[int, Any]]:
    """Each value, with its line or, in an array, its number."""
    lines = Lines(file)
    stream = iter(lines)
    first = next((line for line in stream if not line.isspace()), None)
    if first is None:
        return
    start = lines.number
    if first.lstrip().startswith("[") and (array := _array(file, first, stream, start)) is not None:
        yield from ((RowNumber(number), row) for number, row in enumerate(array, start=1))
        return
    yield start, _parsed(file, first, start)
    for line in stream:
        if not line.isspace():
            yield lines.number, _parsed(file, line, lines.number)


def _array(file: SourceFile, first: str, stream: Iterator[str], start: int) -> list[Any] | None:
    """The array of objects that the file is; None if its first line alone is an array of something else."""
    rest = "".join(stream)
    try:
        found = _DECODER.decode(first + rest)
    except (ValueError, RecursionError) as error:
        if not rest.strip() or not _is_whole(first):
            line = start - 1 + error.lineno if isinstance(error, json.JSONDecodeError) else None
            raise DataError(
                file,
                f"the array is not valid JSON ({_reason(error)}). Write one array of objects, or one object a line.",
                line,
            ) from None
        return None
    return found if found and isinstance(found[0], dict) else None


def _is_whole(line: str) -> bool:
    """Whether a line is JSON by itself."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _parsed(file: SourceFile, line: str, number: int) -> Any:
    try:
        # Without its end, else an error there is reported in column 1 of the next line.
        return _DECODER.decode(line.rstrip("\r\n"))
    except (ValueError, RecursionError) as error:
        raise DataError(
            file, f"the line is not valid JSON ({_reason(error)}). Write one complete JSON object a line.", number
        ) from None


def _reason(error: Exception) -> str:
    return f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; ValueError if a key stands in it twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {quoted(twice)} stands twice in an object")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_unique)  # json.loads would make one for each line
