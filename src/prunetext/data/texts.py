"""Texts without labels, or pairs of texts, as a stream: one a line, or the columns of a table."""

from __future__ import annotations

import re
import sys
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from prunetext.data.columns import LABEL, PAIRS, TEXT, Wanted, column_key, quoted
from prunetext.data.files import SourceFile, Splitter, decoded, text_codec
from prunetext.data.formats.registry import FORMATS, LINES
from prunetext.data.formats.rows import Absent
from prunetext.data.formats.tables import Frame, as_frame, read_frame
from prunetext.data.parts import Opening, Reading, check_opening
from prunetext.data.sources import files_of
from prunetext.data.task import Task
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from prunetext.data.formats.rows import SourceRow

Pair = tuple[str, str]
Value = TypeVar("Value")

TABLE_ROWS = 1024  # of a table
TAB = "\t"
LABELS = re.compile(r"[ \t]*(?:__label__[^ \t\v\f\r\n]*[ \t]*)+")  # as in formats.lines.read_fasttext
_NAME = re.compile(r"([^\W\d][\w.\- ]{0,29})?")  # of a column; that of an index is empty
_BESIDE = ("", "id", "index", "source", "date", "split")  # names of columns beside texts and labels
_JSON_LINE = re.compile(r"""\s*(\[\s*)?\{\s*(["'])(\\.|(?!\2)[^\\])*\2\s*:""")  # how an object begins


class Chunk(NamedTuple):
    """Some inputs of a model, and for each the values of the columns that were asked for."""

    inputs: list[Any]  # texts, or pairs of texts
    kept: list[tuple[object, ...]]  # empty if no column was asked for


def read_texts(source: str | Path, *, text: str | None = None, encoding: str = "utf-8") -> Iterator[list[str]]:
    r"""Yield the texts of a source in chunks, as soon as they can be read.

        for chunk in read_texts("reviews.txt"): ...     # ['Great, really', 'Dull', …]

    Memory does not grow with the source, unless it is one array of JSON. The source and the names of columns are as for
    `read_chunks`.
    """
    return read_inputs(Task(), source, text=text, encoding=encoding)


def read_inputs(task: Task, source: str | Path | Any, **reading: Any) -> Iterator[list[Any]]:
    """Yield the inputs of a model of this task in chunks: texts, or pairs of texts, as `read_chunks` does.

    for chunk in read_inputs(Task(), "reviews.txt"): ...
    """
    return (chunk.inputs for chunk in read_chunks(task, source, **reading))


def read_chunks(
    task: Task,
    source: str | Path | Any,
    *,
    text: str | None = None,
    text_b: str | None = None,
    columns: Sequence[str] = (),
    encoding: str = "utf-8",
    format: str | None = None,
    quoting: str = "auto",
) -> Iterator[Chunk]:
    r"""Yield what a model of this task labels in chunks, as soon as it can be read.

        for texts, ids in read_chunks(Task(), "reviews.csv", columns=["id"]): ...

    source: `-`, standard input, or a file in which every line is a text, also an empty one; a .csv, .tsv, .jsonl,
    .parquet or .xlsx table; a pattern or a folder of such files; or a data frame. For pairs, a line is the first text,
    a tab, and the second one. Files may be compressed. text, text_b: the names of the columns of texts; by default,
    usual names are looked for. columns: further columns of a table, whose values come with the texts. format: as for
    `prunetext.read`; standard input has one text a line if none is given.
    Labels at the start of a line, as in fastText's format, are left out. A line that is not valid in the encoding and a
    row without a text raise `DataError`, after the texts before it; so does a first line of JSON, or of usual names of
    columns, unless `format` is text.
    """
    if task.texts == 1 and text_b is not None:
        raise InputError(f"text_b is {text_b!r}, but the model labels single texts. Leave text_b out.")
    wanted = Wanted(text, text_b=text_b, labelled=False, texts=task.texts, kept=tuple(columns))
    opening = Opening(format, encoding, quoting)
    check_opening(opening)
    text_codec(encoding)
    if (frame := as_frame(source)) is not None:
        return _table(frame, read_frame(frame, wanted))
    files = files_of(source, opening, "text" if task.texts == 1 else "pair of texts")
    for file in files:
        _check_file(file, wanted)
    return chain.from_iterable(_file_chunks(file, wanted, format) for file in files)


def _check_file(file: SourceFile, wanted: Wanted) -> None:
    """Refuse at once what is wrong with a file as a whole."""
    if file.path is None and sys.stdin is None:
        raise DataError(file, "the stream is closed. Pipe the texts in, or give a file.")
    if file.path is None and not FORMATS[file.format].streams:
        raise DataError(file, f"{file.format} cannot be read from a pipe. Give a file.")
    if file.format != LINES:
        return
    what = "text" if wanted.texts == 1 else "pair of texts"
    given = (("--text", wanted.text), ("--text-b", wanted.text_b), ("--columns", wanted.kept or None))
    for flag, value in given:
        if value is not None:
            raise DataError(
                file,
                f"every line is a {what}, and there are no columns. Leave {flag} out, or name the format of a table "
                "with --format.",
            )


def _file_chunks(file: SourceFile, wanted: Wanted, given: str | None) -> Iterator[Chunk]:
    with Reading(file):
        if file.format != LINES:
            yield from _table(file, FORMATS[file.format].read(file, wanted))
            return
        lines = text_lines(decoded(file), file, checked=given is None)
        yield from (Chunk(chunk, []) for chunk in (lines if wanted.texts == 1 else _split(lines, file)))


def _table(source: SourceFile | Frame, rows: Iterator[SourceRow]) -> Iterator[Chunk]:
    while some := list(islice(rows, TABLE_ROWS)):
        inputs: list[Any] = []
        for row in some:
            texts = tuple(_text(source, row.place, *each) for each in zip(row.called, row.texts, strict=True))
            inputs.append(texts if len(texts) == 2 else texts[0])
        yield Chunk(inputs, [row.kept for row in some])


def text_lines(blocks: Iterable[str], file: SourceFile, *, checked: bool = True) -> Iterator[list[str]]:
    """The lines of a file, without their ends and fastText's labels; checked: a first line of a table is refused."""
    for chunk in Splitter().chunks(blocks):
        if checked:
            _refuse_table(file, chunk)
            checked = False
        yield [_without_labels(line.removesuffix("\r")) for line in chunk]


def _refuse_table(file: SourceFile, lines: list[str]) -> None:
    """Refuse first lines that begin a table."""
    number, line = next(((at, each) for at, each in enumerate(lines, start=1) if each.strip()), (1, ""))
    if _JSON_LINE.match(line) or line.strip() in ("[", "{", "[{"):
        raise DataError(
            file,
            "the line is a JSON object, not a text. Give --format jsonl, or --format text to label it as it is.",
            number,
        )
    for separator, name in ((",", "csv"), (TAB, "tsv"), (";", "csv"), ("|", "csv")):
        if is_header(line.rstrip("\r"), separator):
            raise DataError(
                file,
                f"the line is a list of names of columns ({quoted(line, 30)}), not a text. Give --format {name}, or "
                "--format text to label it as it is.",
                number,
            )


def is_header(line: str, separator: str) -> bool:
    """Whether a line is likely to be the header of a table.

    >>> is_header("id,text", ","), is_header("text, label", ","), is_header("message, please", ",")
    (True, True, False)

    It is one if its parts look like names and one of them is usual; behind a blank, as writers of texts set it, two.
    """
    names = line.split(separator)
    keys = [column_key(name.strip().strip('"')) for name in names]
    if not all(_NAME.fullmatch(key) for key in keys):
        return line.lower().startswith("sep=") and len(line) == 5
    if len(keys) == 1:
        return keys == [TEXT[0]]
    usual = {*TEXT, *LABEL, *chain.from_iterable(PAIRS), *_BESIDE}
    needed = 1 if not any(name.startswith(" ") for name in names[1:]) else 2
    return any(key not in _BESIDE for key in keys if key in usual) and sum(key in usual for key in keys) >= needed


def _split(chunks: Iterable[list[str]], file: SourceFile) -> Iterator[list[Pair]]:
    """Split lines at their one tab."""
    number = 0
    for chunk in chunks:
        pairs: list[Pair] = []
        for line in chunk:
            number += 1
            first, tab, second = line.partition("\t")
            if not tab or "\t" in second:
                if pairs:
                    yield pairs
                tabs = f"{line.count(TAB)} tabs" if tab else "no tab"
                raise DataError(
                    file, f"the line has {tabs}. Write each pair on a line, with one tab between its two texts.", number
                )
            pairs.append((first, second))
        yield pairs


def _without_labels(line: str) -> str:
    """Leave out the labels at the start of a line, as in a file for training or testing; fastText does so, too."""
    match = LABELS.match(line) if "__label__" in line else None
    return line[match.end() :] if match else line


def _text(source: object, place: int | Path, called: str, value: object) -> str:
    if isinstance(value, str):
        return value
    line = place if isinstance(place, int) else None
    remedy = "correct --text" if called == "text" else "correct --text and --text-b"
    if isinstance(value, Absent):
        raise DataError(source, f"{value}. Add it (the text can be empty), or {remedy}.", line)
    what = "missing" if value is None else "not a string"
    raise DataError(source, f"{called} is {what}. Give every row a text (it can be empty), or {remedy}.", line)
