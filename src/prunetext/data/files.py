"""Text files as numbered lines: encodings, byte-order marks, and a clear refusal of what is not text."""

from __future__ import annotations

import codecs
import io
from typing import TYPE_CHECKING

from prunetext.errors import DataError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BINARY = {
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"PK\x03\x04": "a zip archive or a spreadsheet",
    b"\xd0\xcf\x11\xe0": "an old Office document",
    b"\x1f\x8b": "a gzip file",
    b"BZh": "a bzip2 file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"%PDF-": "a PDF document",
    b"SQLite format 3": "a SQLite database",
}


class Lines:
    """The lines of a text file, endings included, with their numbers.

        lines = Lines(Path("reviews.csv"), "utf-8")
        for line in lines:
            print(lines.number, line)

    `number` is the number of the line read last and `following` that of the next one, both from 1, as an editor shows
    them: if the first line ends in LF, a lone CR breaks a line for the reader but is not counted. A byte-order mark is
    dropped. Raises `InputError` for an unknown encoding, `DataError` for a binary file and for bytes that are not
    valid in the encoding.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self.path = path
        self.encoding = encoding
        self.number = 0
        self.following = 1

    def __iter__(self) -> Iterator[str]:
        codec = text_codec(self.encoding)
        ending = ""
        with self.path.open("rb") as raw:
            _refuse_binary(self.path, raw.peek(), codec)
            with io.TextIOWrapper(raw, encoding=codec, newline="") as stream:
                try:
                    for line in stream:
                        if not ending:  # the first line
                            ending = "\r" if line.endswith("\r") else "\n"
                            line = line.removeprefix("\ufeff")  # utf-16-le and the like keep the mark
                        self.number = self.following
                        self.following += line.endswith(ending)
                        yield line
                except UnicodeError as error:
                    raise _locate_undecodable(self.path, codec, self.encoding, error) from None


def text_codec(encoding: str) -> str:
    """Return Python's name for an encoding; for UTF-8, the one that drops a byte-order mark.

    >>> text_codec("UTF8"), text_codec("latin1")
    ('utf-8-sig', 'iso8859-1')
    """
    try:
        name = codecs.lookup(encoding).name
        io.TextIOWrapper(io.BytesIO(), encoding=name)  # refuses codecs that are not for text, such as base64
    except (LookupError, ValueError):
        raise InputError(
            f"--encoding {encoding}: there is no such text encoding. "
            "Give one that Python knows, such as utf-8, utf-16, cp1252 or gb18030."
        ) from None
    return "utf-8-sig" if name == "utf-8" else name


def binary_kind(head: bytes) -> str | None:
    r"""The kind of a file that begins so, if it is a well-known binary kind.

    >>> binary_kind(b"PAR1\x15\x04"), binary_kind(b"text,label")
    ('a Parquet file', None)
    """
    return next((kind for magic, kind in _BINARY.items() if head.startswith(magic)), None)


def _refuse_binary(path: Path, head: bytes, codec: str) -> None:
    wide = codec.startswith(("utf-16", "utf-32"))
    for mark, name in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark) and not wide:
            raise DataError(path, f"the file starts with a byte-order mark of {name}. Read it with --encoding {name}.")
    if kind := binary_kind(head):
        raise DataError(
            path,
            f"this looks like a binary file ({kind}). Give a text file; a Parquet file needs the ending .parquet.",
        )
    if b"\0" in head and not wide:
        raise DataError(
            path,
            "this looks like a binary file (it holds NUL bytes). "
            f"Give a text file, or, if it is UTF-16 text, read it with --encoding {_without_mark(head)}.",
        )


def _without_mark(head: bytes) -> str:
    """Name the byte order of UTF-16 text without a mark: the NUL of a Latin letter is its high byte."""
    return "utf-16-le" if head[1::2].count(0) > head[0::2].count(0) else "utf-16-be"


def _locate_undecodable(path: Path, codec: str, encoding: str, error: UnicodeError) -> DataError:
    """Find the line again: the stream decodes in blocks and does not tell where in a block it failed."""
    decoder = codecs.getincrementaldecoder(codec)()
    line = 1
    with path.open("rb") as stream:
        while block := stream.read(1 << 16):
            before = decoder.getstate()
            try:
                line += decoder.decode(block).count("\n")
            except UnicodeError:
                decoder.setstate(before)
                try:
                    for at in range(len(block)):
                        line += decoder.decode(block[at : at + 1]).count("\n")
                except UnicodeError:
                    break
    return undecodable(path, codec, encoding, error, line)


def undecodable(source: object, codec: str, encoding: str, error: UnicodeError, line: int) -> DataError:
    """Name the byte that is not valid in the encoding, and its line."""
    what = "the bytes are"
    if isinstance(error, UnicodeDecodeError) and error.start < len(error.object):
        what = f"byte 0x{error.object[error.start]:02x} is"
    remedy = "name its encoding with --encoding" if codec == "utf-8-sig" else "check --encoding"
    return DataError(source, f"{what} not valid {encoding}. Correct the line, or {remedy}.", line)
