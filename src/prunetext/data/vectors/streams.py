"""Word vectors one after the other, as text (GloVe, word2vec, fastText) or in binary (word2vec)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunetext.data.columns import quoted
from prunetext.data.vectors.words import check_dimensions, checked
from prunetext.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from prunetext.data.vectors.words import Choice, Vector

LONGEST_LINE = 1 << 18  # bytes: 4,096 numbers of 64 digits
LONGEST_NAME = 1 << 10  # bytes of a word in a binary file
STREAM_BLOCK = 1 << 20  # bytes read at a time
ASK_FOR_WHOLE = "Get the whole file."


def header_of(line: bytes) -> tuple[int, int] | None:
    r"""Number of vectors and of dimensions, if the first line of a file gives them.

    >>> header_of(b"400000 50\n"), header_of(b"the 0.418 0.24968\n")
    ((400000, 50), None)
    """
    fields = line.split()
    if len(fields) != 2 or not all(field.isdigit() and len(field) < 16 for field in fields):
        return None
    return int(fields[0]), int(fields[1])


def is_first_line(content: bytes, dimensions: int) -> bool:
    r"""Whether this is the beginning of a text file of vectors: a word, and so many numbers.

    >>> is_first_line(b"the 0.4 0.2\n", 2), is_first_line(b"the \x00\x01\n", 2)
    (True, False)
    """
    fields = content.partition(b"\n")[0].split()
    return len(fields) > dimensions > 0 and all(map(_is_number, fields[-dimensions:]))


def read_text(path: Path, choice: Choice) -> dict[str, Vector]:
    """Read lines of a word and its numbers, with spaces or tabs between them, with or without a header.

        the 0.418 0.24968 -0.41242

    All lines must have equally many numbers; those of other words are only counted. A word can hold spaces.
    """
    rows: dict[str, Vector] = {}
    stated, dimensions, seen, number = None, 0, 0, 0
    for number, line in _lines(path):
        if number == 1 and (stated := header_of(line)):
            dimensions = stated[1]
            check_dimensions(path, dimensions)
            continue
        if not dimensions:
            dimensions = _first(path, line, number)
        name, _, numbers = line.rstrip().partition(b" ")
        if numbers.count(b" ") != dimensions - 1 or b"\t" in line:
            name, numbers = _taken_apart(path, line, dimensions, number)
        seen += 1
        if (word := choice.take(name)) is not None:
            rows[word] = checked(path, word, np.array(_floats(path, word, numbers.split(), number)), number)
    if not seen:
        raise DataError(path, "the file holds no vectors. Give a file with a word and its numbers on each line.")
    if stated and seen < stated[0]:
        raise DataError(
            path,
            f"the header says {stated[0]:,} vectors, but the file ends here, after {seen:,}. {ASK_FOR_WHOLE}",
            number,
        )
    return rows


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers from 1."""
    number = 0
    with path.open("rb") as file:
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if len(line) > LONGEST_LINE:
                raise DataError(
                    path,
                    f"the line is longer than {LONGEST_LINE:,} bytes. Put one word with its numbers on it.",
                    number,
                )
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if not line.isspace():
                yield number, line


def _first(path: Path, line: bytes, number: int) -> int:
    """How many numbers the first line ends with; its word can be a number, too."""
    fields = line.split()
    dimensions = 0
    while dimensions < len(fields) - 1 and _is_number(fields[-1 - dimensions]):
        dimensions += 1
    if not dimensions:
        raise DataError(
            path, "the line is not a word and its numbers. Give vectors as GloVe, word2vec or fastText do.", number
        )
    check_dimensions(path, dimensions)
    return dimensions


def _taken_apart(path: Path, line: bytes, dimensions: int, number: int) -> tuple[bytes, bytes]:
    """Word and numbers of a line with tabs, several spaces, or spaces in the word."""
    fields = line.split()
    if line[:1].isspace() and len(fields) == dimensions:  # the word itself counts as space
        fields.insert(0, b"")
    extra = fields[1 : len(fields) - dimensions]
    if len(fields) <= dimensions or (extra and all(map(_is_number, extra))):
        raise DataError(
            path,
            f"numbers after the word: {len(fields) - 1:,}, expected: {dimensions:,}. Correct or remove the line.",
            number,
        )
    return b" ".join(fields[:-dimensions]), b" ".join(fields[-dimensions:])


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _floats(path: Path, word: str, fields: Sequence[bytes], number: int) -> list[float]:
    try:
        return [float(field) for field in fields]
    except ValueError:
        wrong = next(field for field in fields if not _is_number(field)).decode(errors="replace")
        raise DataError(
            path, f"{quoted(wrong)} in the vector of {quoted(word)} is not a number. Correct or remove it.", number
        ) from None


def read_binary(path: Path, choice: Choice) -> dict[str, Vector]:
    """Read word2vec's binary file: a header line, then each word, a space, and its numbers in float32.

    A header that promises more than the file holds raises `DataError`, before any memory is taken.
    """
    rows: dict[str, Vector] = {}
    with path.open("rb") as file:
        header = header_of(line := file.readline(LONGEST_NAME))
        assert header is not None, "read_vectors has checked it"
        count, dimensions = header
        check_dimensions(path, dimensions)
        width = 4 * dimensions
        if count * (width + 2) > path.stat().st_size - len(line):
            raise DataError(
                path,
                f"its header says {count:,} vectors of {dimensions:,} numbers, but the file is too short. "
                f"{ASK_FOR_WHOLE}",
            )
        buffer, at = b"", 0
        for number in range(1, count + 1):
            end = buffer.find(b" ", at)
            if end < 0 or end + 1 + width > len(buffer):
                buffer, at = buffer[at:] + file.read(max(STREAM_BLOCK, LONGEST_NAME + 1 + width)), 0
                end = buffer.find(b" ")
            if not 0 <= end - at <= LONGEST_NAME or end + 1 + width > len(buffer):
                raise DataError(path, f"vector {number:,} of {count:,} is cut off or damaged. {ASK_FOR_WHOLE}")
            name = buffer[at:end].lstrip(b"\n")  # word2vec itself writes it after a vector
            if (word := choice.take(name)) is not None:
                rows[word] = checked(path, word, np.frombuffer(buffer, "<f4", dimensions, end + 1))
            at = end + 1 + width
    return rows
