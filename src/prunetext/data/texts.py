"""Texts without labels, as a stream: one a line, or the text column of a table."""

from __future__ import annotations

import codecs
import re
import sys
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from prunetext.data.columns import Wanted
from prunetext.data.files import text_codec, undecodable
from prunetext.data.formats import FORMATS, Absent
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

NO_COLUMNS = "every line is a text here, and there are no columns. Leave --text out."
BLOCK = 1 << 18  # bytes read at a time
ROWS = 1024  # of a table
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
LABELS = re.compile(r"[ \t]*(?:__label__[^ \t\v\f\r\n]*[ \t]*)+")  # as in formats.read_fasttext


def read_texts(source: str | Path, *, text: str | None = None, encoding: str = "utf-8") -> Iterator[list[str]]:
    r"""Yield the texts of a source in chunks, as soon as they can be read, so that memory does not grow with it.

        for chunk in read_texts("reviews.txt"): ...     # ['Great, really', 'Dull', …]

    source: `-`, standard input, or a file of which every line is a text, the empty ones too (the line ends in \n or
    \r\n); or a .csv, .tsv, .jsonl or .parquet table, whose text column `text` names, or else its usual names do. Labels
    that start a line, as in fastText's format, are left out. A line that is not in the encoding and a row without a
    text raise `DataError`, after the texts before it.
    """
    codec = text_codec(encoding)
    if not str(source):
        raise InputError("The source of the texts is an empty name. Give a file, or - for standard input.")
    if str(source) == "-":
        if text is not None:
            raise DataError("standard input", NO_COLUMNS)
        if sys.stdin is None:
            raise DataError("standard input", "it is closed. Pipe the texts in, or give a file.")
        return _lines(sys.stdin.buffer, "standard input", codec, encoding)
    path = Path(source)
    if path.is_dir():
        raise DataError(source, "this is a folder. Give a file with a text a line, or - for standard input.")
    if not path.exists():
        raise DataError(source, "there is no such file. Check the name.")
    if path.suffix.lower() in TABLES:
        return _rows(path, text, encoding)
    if text is not None:
        raise DataError(source, NO_COLUMNS)
    return _file(path, codec, encoding)


def _file(path: Path, codec: str, encoding: str) -> Iterator[list[str]]:
    with path.open("rb") as stream:
        yield from _lines(stream, str(path), codec, encoding)


def _lines(stream: BinaryIO, name: str, codec: str, encoding: str) -> Iterator[list[str]]:
    """Split into lines what has arrived, without waiting for more; the last line need not be ended."""
    decoder = codecs.getincrementaldecoder(codec)()
    number, first = 0, True
    pieces: list[str] = []  # of the line that has begun; to join them for each block would take quadratic time
    read = getattr(stream, "read1", stream.read)  # a pipe's reader would wait for the whole block
    while True:
        block = read(BLOCK)
        before = decoder.getstate()
        error = None
        try:
            arrived = decoder.decode(block, final=not block)
        except UnicodeError as caught:
            error = caught
            decoder.setstate(before)
            arrived = _valid_start(decoder, block)
        if first and arrived:
            arrived, first = arrived.removeprefix("\ufeff"), False  # utf-16-le and its like keep the mark
        ended, feed, begun = arrived.rpartition("\n")
        lines = []
        if feed:
            lines = "".join([*pieces, ended]).split("\n")
            pieces.clear()
        pieces.append(begun)
        if not block and not error and (last := "".join(pieces)):
            lines.append(last)
        number += len(lines)
        if lines:
            yield [_without_labels(line.removesuffix("\r")) for line in lines]
        if error:
            raise undecodable(name, codec, encoding, error, number + 1)
        if not block:
            return


def _without_labels(line: str) -> str:
    """Leave out the labels at the start of a line, which a file to train or test with has; fastText does so, too."""
    match = LABELS.match(line) if "__label__" in line else None
    return line[match.end() :] if match else line


def _valid_start(decoder: codecs.IncrementalDecoder, block: bytes) -> str:
    """Decode up to the first byte that is wrong."""
    valid = ""
    with suppress(UnicodeError):
        for at in range(len(block)):
            valid += decoder.decode(block[at : at + 1])
    return valid


def _rows(path: Path, text: str | None, encoding: str) -> Iterator[list[str]]:
    rows = FORMATS[path.suffix.lower()](path, Wanted(text, labelled=False), encoding)
    values = (_text(path, row.place, row.text) for row in rows)
    while chunk := list(islice(values, ROWS)):
        yield chunk


def _text(path: Path, place: int | Path, value: object) -> str:
    if isinstance(value, str):
        return value
    line = place if isinstance(place, int) else None
    if isinstance(value, Absent):
        raise DataError(path, f"{value}. Give it one, be it with an empty text, or correct --text.", line)
    what = "missing" if value is None else "not a string"
    raise DataError(path, f"text is {what}. Give every row a text, be it an empty one, or correct --text.", line)
