"""Tables with separators: commas, tabs and semicolons, with and without quotes."""

from __future__ import annotations

import csv
import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from prunetext.data.columns import find_columns
from prunetext.data.files import Lines
from prunetext.data.formats.rows import SourceRow
from prunetext.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prunetext.data.columns import Columns, Wanted
    from prunetext.data.files import SourceFile

_TAB = "\t"
SEPARATORS = {"csv": ",", "tsv": _TAB}  # the first to be tried
NAMES = {",": "commas", _TAB: "tabs", ";": "semicolons", "|": "bars"}
ONE = {",": "a comma", _TAB: "a tab", ";": "a semicolon", "|": "a bar"}
_DECLARED = re.compile(r"(?i)sep=(.)\r?\n?\Z")  # the first line of a table that Excel wrote
_RETURN = "\ufdd0"  # a noncharacter stands for a lone CR, which csv would take for the end of a row


class _Layout(NamedTuple):
    """How the rows are written, as the header shows."""

    separator: str
    quoted: bool
    skips: bool  # blanks behind a separator, as in `text, label`

    def reader(self, lines: Iterable[str]) -> Iterator[list[str]]:
        if not self.quoted:
            return (line.rstrip("\r\n").split(self.separator) if line.strip("\r\n") else [] for line in lines)
        return csv.reader(lines, delimiter=self.separator, strict=True, skipinitialspace=self.skips)

    def fields(self, line: str) -> list[str]:
        """The fields of one line, as far as they can be told from it."""
        try:
            return next(self.reader([line]), [])
        except csv.Error:
            return []


def read_delimited(file: SourceFile, wanted: Wanted) -> Iterator[SourceRow]:
    """Read a table with a header line, by the rules of RFC 4180.

        text,label
        "Great, really",positive

    A quoted field may hold the separator, line ends and doubled quotes; in a table with tabs a row stays on one line,
    and quotes are letters if they can be nothing else. Blank lines do not count. A table is read with another separator
    than that of its format if only so its columns are found, or if its first line is `sep=;`.
    """
    # The limit belongs to the whole process. It is only ever raised: restoring it would break another thread's reader.
    if csv.field_size_limit() < 2**31 - 1:
        csv.field_size_limit(2**31 - 1)
    lines = Lines(file)
    stream = iter(lines)
    first = next((line for line in stream if line.strip("\r\n")), None)
    declared = _DECLARED.match(first or "")
    if declared is not None:
        first = next(stream, None)
    if first is None:
        raise DataError(file, "the file is empty. Write a header line, such as text,label, and a row for each text.")
    layout = _layout(file, first, wanted, declared[1] if declared else None)
    marked = (line if _whole(line) else _marked(line) for line in chain([first], stream))
    columns, width = None, 0
    for start, marked_row in _numbered(file, lines, layout.reader(marked), layout, lines.number):
        returned = any(_RETURN in field for field in marked_row)
        row = [field.replace(_RETURN, "\r") for field in marked_row] if returned else marked_row
        if columns is None:
            columns, width = find_columns(row, wanted, file, start, _hint(layout.separator, len(row))), len(row)
            continue
        if returned and len(row) > width and width - 1 in columns.texts:
            row = _joined(row, width, layout)
        if len(row) != width:
            raise DataError(file, _width(row, width, layout), start)
        yield _row(start, row, columns)


def _numbered(
    file: SourceFile, lines: Lines, reader: Iterator[list[str]], layout: _Layout, start: int
) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the line where it starts; start: the line of the first one."""
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(file, _quoting(error), start) from None
        if row and layout.separator == _TAB and lines.number > start:
            # Many .tsv files are written without quoting; a text that starts with " would swallow the rows after it.
            raise DataError(
                file,
                'a field that starts with " spans several lines. If the " is part of the text, give --quoting none; '
                "else write the field on one line, or give a .csv.",
                start,
            )
        if row:
            yield start, row
        start = lines.number + 1


def _row(start: int, row: list[str], columns: Columns) -> SourceRow:
    kept = tuple(row[at] for at in columns.kept)
    return SourceRow(start, tuple(row[at] for at in columns.texts), row[columns.label], columns.called, kept)


def _joined(row: list[str], width: int, layout: _Layout) -> list[str]:
    """A row whose last field, a text, was written without quotes, as its CR shows: it has the rest of the line."""
    return [*row[: width - 1], layout.separator.join(row[width - 1 :])]


def _whole(line: str) -> bool:
    """Whether a line has no CR but at its end."""
    at = line.find("\r")
    return at < 0 or at >= len(line) - 2


def _marked(line: str) -> str:
    body = line.rstrip("\r\n")
    return body.replace("\r", _RETURN) + line[len(body) :]


def _layout(file: SourceFile, header: str, wanted: Wanted, declared: str | None) -> _Layout:
    """Find out how the table is written: the first separator with which the columns are found."""
    usual = declared or SEPARATORS[file.format]
    found = usual
    for separator in () if declared else dict.fromkeys((usual, *NAMES)):
        try:
            find_columns(_Layout(separator, True, False).fields(header), wanted, file)
        except DataError:
            continue
        found = separator
        break
    skips = any(name.startswith(" ") for name in header.split(found)[1:])
    letters = file.quoting == "none"
    if file.quoting == "auto" and found == _TAB and file.path is not None and file.path.is_file():
        letters = _quotes_are_letters(file, skip=declared is not None)
    return _Layout(found, not letters, skips)


def _quotes_are_letters(file: SourceFile, *, skip: bool) -> bool:
    """Whether rows have equal numbers of fields only if quotes are letters."""
    if not any(line.startswith('"') or '\t"' in line for line in Lines(file)):
        return False
    plain, quoted = _Layout(_TAB, False, False), _Layout(_TAB, True, False)
    lines = Lines(file)
    stream = iter(lines)
    if skip:
        next(stream, None)
    widths = {len(row) for row in plain.reader(stream) if row}
    if len(widths) > 1:
        return False
    lines = Lines(file)
    stream = iter(lines)
    if skip:
        next(stream, None)
    start = lines.number + 1
    try:
        return any(len(row) not in widths for _, row in _numbered(file, lines, quoted.reader(stream), quoted, start))
    except DataError:
        return True


def _width(row: list[str], width: int, layout: _Layout) -> str:
    one = ONE.get(layout.separator, layout.separator)
    remedy = f"Put quotes around a field that holds {one} or a line end." if layout.quoted else f"Leave {one} out."
    return f"the row has {len(row)} field{'s' * (len(row) != 1)}, but the header has {width}. {remedy}"


def _hint(separator: str, width: int) -> str:
    kind, mark = "TSV" if separator == _TAB else "CSV", NAMES.get(separator, separator)
    separated = f", and {mark} separate the columns" if width == 1 else ""
    return f" The first line of a {kind} file is its header{separated}."


def _quoting(error: csv.Error) -> str:
    if "end of data" in str(error):
        return 'a quoted field that starts here is never closed. Close it with ", and double a " inside it.'
    return (
        'a quoted field goes on after its closing ". '
        'Double a " inside a quoted field, and check that an earlier quote is not left open.'
    )
