"""Texts without labels, or pairs of texts, as a stream: one a line, or the columns of a table."""

from __future__ import annotations

import codecs
import re
import sys
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from prunetext.data.columns import Wanted
from prunetext.data.files import text_codec, undecodable
from prunetext.data.formats import FORMATS, Absent
from prunetext.data.task import Task
from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

Pair = tuple[str, str]
Value = TypeVar("Value", str, Pair)

TEXT_BLOCK = 1 << 18  # bytes read at a time
TABLE_ROWS = 1024  # of a table
TAB = "\t"
TABLE_ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
LABELS = re.compile(r"[ \t]*(?:__label__[^ \t\v\f\r\n]*[ \t]*)+")  # as in formats.read_fasttext


def read_texts(source: str | Path, *, text: str | None = None, encoding: str = "utf-8") -> Iterator[list[str]]:
    r"""Yield the texts of a source in chunks, as soon as they can be read; memory does not grow with the source.

        for chunk in read_texts("reviews.txt"): ...     # ['Great, really', 'Dull', …]

    source: `-`, standard input, or a file in which every line is a text, also an empty one (lines end in \n or \r\n);
    or a .csv, .tsv, .jsonl or .parquet table. `text` names its text column; by default, usual names are looked for.
    Labels at the start of a line, as in fastText's format, are left out. A line that is not valid in the encoding and a
    row without a text raise `DataError`, after the texts before it.
    """
    found = _open(source, Wanted(text, labelled=False, texts=1), encoding, "text")
    if isinstance(found, _Table):
        return _chunks(row[0] for row in found.rows())
    return found.lines()


def read_pairs(
    source: str | Path, *, text: str | None = None, text_b: str | None = None, encoding: str = "utf-8"
) -> Iterator[list[Pair]]:
    """Yield the pairs of texts of a source in chunks, as `read_texts` does with texts.

        for chunk in read_pairs("questions.txt"): ...     # [('how do caves form ?', 'by water'), …]

    source: `-`, standard input, or a file in which every line is the first text, a tab, and the second one; or a table.
    `text` and `text_b` name its two columns; by default, usual names are looked for. A line without a tab, or with two,
    raises `DataError`, after the pairs before it.
    """
    found = _open(source, Wanted(text, text_b=text_b, labelled=False, texts=2), encoding, "pair of texts")
    if isinstance(found, _Table):
        return _chunks((first, second) for first, second in found.rows())
    return _split(found.lines(), found.name)


def read_inputs(
    task: Task, source: str | Path, *, text: str | None = None, text_b: str | None = None, encoding: str = "utf-8"
) -> Iterator[Any]:
    """Yield the inputs of a model of this task in chunks: texts, or pairs of texts.

        for chunk in read_inputs(Task(), "reviews.txt"): ...

    The names of columns are as for `read_texts` and `read_pairs`.
    """
    if task.texts == 2:
        return read_pairs(source, text=text, text_b=text_b, encoding=encoding)
    if text_b is not None:
        raise InputError(f"text_b is {text_b!r}, but the model labels single texts. Leave text_b out.")
    return read_texts(source, text=text, encoding=encoding)


class _Table(NamedTuple):
    path: Path
    wanted: Wanted
    encoding: str

    def rows(self) -> Iterator[tuple[str, ...]]:
        for row in FORMATS[self.path.suffix.lower()](self.path, self.wanted, self.encoding):
            yield tuple(_text(self.path, row.place, *each) for each in zip(row.called, row.texts, strict=True))


class _Stream(NamedTuple):
    path: Path | None  # None for standard input
    codec: str
    encoding: str

    @property
    def name(self) -> str:
        return "standard input" if self.path is None else str(self.path)

    def lines(self) -> Iterator[list[str]]:
        if self.path is None:
            yield from _lines(sys.stdin.buffer, self.name, self.codec, self.encoding)
            return
        with self.path.open("rb") as stream:
            yield from _lines(stream, self.name, self.codec, self.encoding)


def _open(source: str | Path, wanted: Wanted, encoding: str, what: str) -> _Table | _Stream:
    """Find out what the source is, and refuse at once what is wrong with it as a whole."""
    codec = text_codec(encoding)
    if not str(source):
        raise InputError("The source of the texts is an empty name. Give a file, or - for standard input.")
    path = None if str(source) == "-" else Path(source)
    if path is None and sys.stdin is None:
        raise DataError("standard input", "the stream is closed. Pipe the texts in, or give a file.")
    if path is not None and path.is_dir():
        raise DataError(source, f"this is a folder. Give a file with a {what} a line, or - for standard input.")
    if path is not None and not path.exists():
        raise DataError(source, "there is no such file. Check the name.")
    if path is not None and path.suffix.lower() in TABLE_ENDINGS:
        return _Table(path, wanted, encoding)
    stream = _Stream(path, codec, encoding)
    for flag, given in (("--text", wanted.text), ("--text-b", wanted.text_b)):
        if given is not None:
            raise DataError(stream.name, f"every line is a {what}, and there are no columns. Leave {flag} out.")
    return stream


def _split(chunks: Iterable[list[str]], name: str) -> Iterator[list[Pair]]:
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
                    name, f"the line has {tabs}. Write each pair on a line, with one tab between its two texts.", number
                )
            pairs.append((first, second))
        yield pairs


def _lines(stream: BinaryIO, name: str, codec: str, encoding: str) -> Iterator[list[str]]:
    """Split what has arrived into lines, without waiting for more; the last line need not have an end."""
    decoder = codecs.getincrementaldecoder(codec)()
    number, first = 0, True
    pieces: list[str] = []  # of the line that has begun; joining them for each block would take quadratic time
    read = getattr(stream, "read1", stream.read)  # a pipe's reader would wait for the whole block
    while True:
        block = read(TEXT_BLOCK)
        before = decoder.getstate()
        error = None
        try:
            arrived = decoder.decode(block, final=not block)
        except UnicodeError as caught:
            error = caught
            decoder.setstate(before)
            arrived = _valid_start(decoder, block)
        if first and arrived:
            arrived, first = arrived.removeprefix("\ufeff"), False  # utf-16-le and the like keep the mark
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
    """Leave out the labels at the start of a line, as in a file for training or testing; fastText does so, too."""
    match = LABELS.match(line) if "__label__" in line else None
    return line[match.end() :] if match else line


def _valid_start(decoder: codecs.IncrementalDecoder, block: bytes) -> str:
    """Decode up to the first invalid byte."""
    valid = ""
    with suppress(UnicodeError):
        for at in range(len(block)):
            valid += decoder.decode(block[at : at + 1])
    return valid


def _chunks(values: Iterable[Value]) -> Iterator[list[Value]]:
    values = iter(values)
    while chunk := list(islice(values, TABLE_ROWS)):
        yield chunk


def _text(path: Path, place: int | Path, called: str, value: object) -> str:
    if isinstance(value, str):
        return value
    line = place if isinstance(place, int) else None
    remedy = "correct --text" if called == "text" else "correct --text and --text-b"
    if isinstance(value, Absent):
        raise DataError(path, f"{value}. Add it (the text can be empty), or {remedy}.", line)
    what = "missing" if value is None else "not a string"
    raise DataError(path, f"{called} is {what}. Give every row a text (it can be empty), or {remedy}.", line)
