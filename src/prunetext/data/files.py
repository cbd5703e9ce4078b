"""Files of texts as streams: compressed or not, decoded, split into lines, and refused if they are no text."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import sys
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast

from prunetext.errors import DataError, InputError, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

BLOCK = 1 << 18  # bytes read at a time
_PACKED = {b"\x1f\x8b": "gz", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"\x28\xb5\x2f\xfd": "zst"}
COMPRESSIONS = tuple(f".{name}" for name in _PACKED.values())
_HEAD = 6  # bytes that tell a compression, or a byte-order mark
_MARKS = (*_PACKED, codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
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


class SourceFile(NamedTuple):
    """A file of texts, or standard input, and how it is read.

        file = SourceFile(Path("reviews.csv.gz"), "csv")
        for line in Lines(file): ...

    path: None for standard input. format: a key of `formats.registry.FORMATS`. quoting: of tables with separators.
    Whether a file is compressed is seen from its first bytes, not from its name.
    """

    path: Path | None
    format: str = "text"
    encoding: str = "utf-8"
    quoting: str = "auto"

    def __str__(self) -> str:
        return "standard input" if self.path is None else str(self.path)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The bytes of the file, unpacked if they are compressed."""
        if self.path is None:
            yield _unpacked(sys.stdin.buffer, self)
            return
        with self.path.open("rb") as stream:
            yield _unpacked(stream, self)


class Lines:
    """The lines of a text file, each ended as the first one is, with their numbers.

        lines = Lines(SourceFile(Path("reviews.csv")))
        for line in lines:
            print(lines.number, line)

    `number` is the number of the line read last, from 1. Lines end in LF, or in CR if the file has no LF: a lone CR is
    then part of the line. A byte-order mark is dropped. Raises `InputError` for an unknown encoding, `DataError` for a
    binary file and for bytes that are not valid in the encoding.
    """

    def __init__(self, file: SourceFile) -> None:
        self.file = file
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        splitter = Splitter()
        for chunk in splitter.chunks(decoded(self.file)):
            for line in chunk:
                self.number += 1
                yield line + splitter.ending


class Splitter:
    r"""Splits what arrives into lines, without waiting for more.

    >>> list(Splitter().chunks(["a\nb", "c\r\nd"]))
    [['a'], ['bc\r'], ['d']]

    The lines come without the LF at their end. If what begins a stream has no LF but a CR, lines end in CR. `ending` is
    known when the first chunk comes.
    """

    def __init__(self) -> None:
        self.ending = ""

    def chunks(self, blocks: Iterable[str]) -> Iterator[list[str]]:
        """The lines that each block completes, and last the one that has no end."""
        pieces: list[str] = []  # of the line that has begun; joining them for each block would take quadratic time
        size, returns = 0, False
        for block in blocks:
            pieces.append(block)
            size, returns = size + len(block), returns or "\r" in block
            if not self.ending:
                if "\n" in block:
                    self.ending = "\n"
                elif returns and size >= BLOCK:
                    self.ending = "\r"
                else:
                    continue
            elif self.ending not in block:
                continue
            lines = "".join(pieces).split(self.ending)
            pieces = [lines.pop()]
            yield lines
        self.ending = self.ending or ("\r" if returns else "\n")
        lines = "".join(pieces).split(self.ending)
        if not lines[-1]:
            lines.pop()
        if lines:
            yield lines


def decoded(file: SourceFile) -> Iterator[str]:
    """The text of a file, a block at a time; what cannot be decoded is named after the text before it."""
    return decoded_blocks(blocks(file), file)


def decoded_blocks(arriving: Iterable[bytes], file: SourceFile) -> Iterator[str]:
    """The text of blocks of a file, of which the last one is empty."""
    codec = text_codec(file.encoding)
    decoder = codecs.getincrementaldecoder(codec)()
    line, begun = 1, False
    for block in arriving:
        before = decoder.getstate()
        try:
            arrived = decoder.decode(block, final=not block)
        except UnicodeError as error:
            decoder.setstate(before)
            arrived = _valid_start(decoder, block)
            if arrived:
                yield arrived if begun else arrived.removeprefix("\ufeff")
            raise undecodable(file, codec, error, line + arrived.count("\n")) from None
        if arrived:
            yield arrived if begun else arrived.removeprefix("\ufeff")  # utf-16-le and the like keep the mark
            begun = True
            line += arrived.count("\n")


def blocks(file: SourceFile) -> Iterator[bytes]:
    """The bytes of a text file as they arrive, and last an empty block; what is no text is refused."""
    codec, first = text_codec(file.encoding), True
    try:
        with file.open() as stream:
            read: Callable[[int], bytes] = getattr(stream, "read1", stream.read)  # a pipe's reader would wait
            while True:
                block = read(BLOCK)
                if first:
                    _refuse_binary(file, block, codec)
                    first = False
                yield block
                if not block:
                    return
    except (EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the system, not from unpacking
            raise
        raise DataError(
            file, "the compressed file is damaged or cut off. Compress it again, or give it uncompressed."
        ) from None


def _unpacked(stream: BinaryIO, file: SourceFile) -> BinaryIO:
    """The same stream, or one that unpacks it."""
    peek: Callable[[int], bytes] | None = getattr(stream, "peek", None)
    head = b"" if peek is None else peek(8)
    if 0 < len(head) < _HEAD and any(mark.startswith(head) for mark in _MARKS):  # a pipe that gives a byte at a time
        begun = _Begun(stream)
        stream, head = cast("BinaryIO", begun), begun.head
    packed = next((name for magic, name in _PACKED.items() if head.startswith(magic)), None)
    made: Any = stream
    if packed == "gz":
        made = gzip.GzipFile(fileobj=stream)
    elif packed == "bz2":
        made = bz2.BZ2File(stream)
    elif packed == "xz":
        made = lzma.LZMAFile(stream)  # noqa: SIM115  closed with what it unpacks
    elif packed == "zst":
        pyarrow = require("pyarrow", extra="train")
        made = pyarrow.CompressedInputStream(pyarrow.PythonFile(stream, mode="r"), "zstd")
    result: BinaryIO = made
    return result


class _Begun(io.BufferedIOBase):
    """A pipe of which the first bytes were read, to see what it is."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.head = self.left = stream.read(_HEAD)

    def read1(self, size: int = -1, /) -> bytes:
        if not self.left:
            read: Callable[[int], bytes] = getattr(self.stream, "read1", self.stream.read)
            return read(size)
        first, self.left = (self.left, b"") if size < 0 else (self.left[:size], self.left[size:])
        return first

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            return self.read1() + self.stream.read()
        parts = []
        while size and (part := self.read1(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def readable(self) -> bool:
        return True


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


def _refuse_binary(file: SourceFile, head: bytes, codec: str) -> None:
    wide = codec.startswith(("utf-16", "utf-32"))
    for mark, name in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if head.startswith(mark) and not wide:
            raise DataError(file, f"the file starts with a byte-order mark of {name}. Read it with --encoding {name}.")
    if kind := binary_kind(head):
        raise DataError(
            file,
            f"this looks like a binary file ({kind}). Give a text file; a Parquet file needs the ending .parquet.",
        )
    if b"\0" in head and not wide:
        raise DataError(
            file,
            "this looks like a binary file (it holds NUL bytes). "
            f"Give a text file, or, if it is UTF-16 text, read it with --encoding {_without_mark(head)}.",
        )


def _without_mark(head: bytes) -> str:
    """Name the byte order of UTF-16 text without a mark: the NUL of a Latin letter is its high byte."""
    return "utf-16-le" if head[1::2].count(0) > head[0::2].count(0) else "utf-16-be"


def undecodable(file: SourceFile, codec: str, error: UnicodeError, line: int) -> DataError:
    """Name the byte that is not valid in the encoding, and its line."""
    what = "the bytes are"
    if isinstance(error, UnicodeDecodeError) and error.start < len(error.object):
        what = f"byte 0x{error.object[error.start]:02x} is"
    remedy = "name its encoding with --encoding" if codec == "utf-8-sig" else "check --encoding"
    return DataError(file, f"{what} not valid {file.encoding}. Correct the line, or {remedy}.", line)


def _valid_start(decoder: codecs.IncrementalDecoder, block: bytes) -> str:
    """Decode up to the first invalid byte."""
    valid = ""
    with suppress(UnicodeError):
        for at in range(len(block)):
            valid += decoder.decode(block[at : at + 1])
    return valid
