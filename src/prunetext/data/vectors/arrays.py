"""Vectors as one array of numbers in a file, with the list of their words elsewhere."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from prunetext.data.vectors.words import check_dimensions, checked
from prunetext.errors import DataError, require

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from prunetext.data.vectors.words import Choice, Vector

MAGIC = b"\x93NUMPY"
ARRAY_HEADER = 1 << 10  # bytes that hold the header of any .npy file of numbers
# As numpy writes it. numpy's own reader evaluates it as Python, and fails on a damaged one in many ways.
HEADER = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|\x02\x00....)\{\s*'descr':\s*'([!-&(-~]{1,20})',\s*'fortran_order':\s*(True|False),"
    rb"\s*'shape':\s*\(([\d ,]{0,60})\),?\s*\}\s*\n",
    re.DOTALL,
)
FLOATS = [f"{order}f{size}" for order in "<>" for size in (2, 4, 8)]
LISTS = (".txt", ".parquet")  # endings of a list of words
LONGEST_KEY = 1 << 16  # bytes of a line of such a list
ARRAY_BLOCK = 1 << 18  # rows of a column read at a time
ARRAY_ROWS = 1 << 12  # words of a list read at a time


class Matrix(NamedTuple):
    """The place of the numbers of some vectors in a file, row by row or (`columns`) column by column."""

    path: Path
    offset: int
    dtype: np.dtype[Any]
    rows: int
    dimensions: int
    columns: bool = False

    def checked(self) -> Matrix:
        """The same matrix, after a check that the file holds all its numbers."""
        check_dimensions(self.path, self.dimensions)
        if self.offset + self.rows * self.dimensions * self.dtype.itemsize > self.path.stat().st_size:
            raise DataError(
                self.path,
                f"its header says {self.rows:,} vectors of {self.dimensions:,} numbers, but the file is too short. "
                "Get the whole file.",
            )
        return self

    def pick(self, places: Mapping[str, int]) -> dict[str, Vector]:
        """The vectors of some rows; little else is read."""
        size = self.dtype.itemsize
        found = np.empty((len(places), self.dimensions), self.dtype)
        with self.path.open("rb") as file:
            if self.columns:
                wanted = np.fromiter(places.values(), np.int64, len(places))
                for first in range(0, self.rows, ARRAY_BLOCK):
                    inside = np.flatnonzero((wanted >= first) & (wanted < first + ARRAY_BLOCK))
                    for column in range(self.dimensions if len(inside) else 0):
                        file.seek(self.offset + (column * self.rows + first) * size)
                        block = np.fromfile(file, self.dtype, min(ARRAY_BLOCK, self.rows - first))
                        found[inside, column] = block[wanted[inside] - first]
            else:
                for at, row in enumerate(places.values()):
                    file.seek(self.offset + row * self.dimensions * size)
                    found[at] = np.fromfile(file, self.dtype, self.dimensions)
        return {word: checked(self.path, word, found[at]) for at, word in enumerate(places)}


def open_npy(path: Path) -> Matrix:
    """The place of the numbers in a .npy file; anything but a matrix of numbers raises `DataError`."""
    with path.open("rb") as file:
        head = file.read(ARRAY_HEADER)
    found = HEADER.match(head)
    if found is None:
        raise DataError(path, "this is not a whole .npy file of numbers. Save the vectors again with numpy.save.")
    kind, columns, shape = (part.decode() for part in found.groups())
    sizes = [int(size) for size in shape.replace(",", " ").split()]
    if kind not in FLOATS:
        raise DataError(path, f"its numbers are of the type {kind!r}. Save them as float32.")
    if len(sizes) != 2 or min(sizes) < 1:
        raise DataError(path, f"its array has the shape ({shape}). Save one of (words, dimensions).")
    before = 10 if head[6] == 1 else 12  # bytes: magic, version, and the length of the header
    offset = before + int.from_bytes(head[8:before], "little")
    return Matrix(path, offset, np.dtype(kind), sizes[0], sizes[1], columns == "True").checked()


def read_npy(path: Path, choice: Choice) -> dict[str, Vector]:
    """Read a .npy file, or a folder with one; the list beside it has the words in the order of the rows."""
    array, words = _pair(path)
    matrix = open_npy(array)
    places: dict[str, int] = {}
    count = 0
    for name in _names(words):
        if count < matrix.rows and (word := choice.take(name)) is not None:
            places[word] = count
        count += 1
    if count != matrix.rows:
        raise DataError(
            words, f"the list has {count:,} words, but {array.name} has {matrix.rows:,} rows. Give one word per row."
        )
    return matrix.pick(places)


def _pair(path: Path) -> tuple[Path, Path]:
    """The array and its list: they have the same stem, or are the only ones in their folder."""
    folder = path if path.is_dir() else path.parent
    files = sorted(each for each in folder.iterdir() if each.is_file() and not each.name.startswith("."))
    arrays = [path] if path != folder else [each for each in files if each.suffix.lower() == ".npy"]
    if len(arrays) != 1:
        raise DataError(path, f"the folder has {len(arrays)} .npy files. Give the one that holds the vectors.")
    lists = [each for each in files if each.suffix.lower() in LISTS]
    own = [each for each in lists if each.stem == arrays[0].stem]
    if len(own or lists) != 1:
        raise DataError(
            arrays[0],
            f"there are {len(own or lists)} lists of its words beside it. "
            f"Keep one: {arrays[0].stem}.txt with a word a line, or {arrays[0].stem}.parquet.",
        )
    return arrays[0], (own or lists)[0]


def _names(path: Path) -> Iterator[bytes]:
    """The words of a list, one a line, or the only column of strings of a Parquet file."""
    if path.suffix.lower() == ".parquet":
        yield from _column(path)
        return
    with path.open("rb") as file:
        while line := file.readline(LONGEST_KEY + 1):
            if len(line) > LONGEST_KEY:
                raise DataError(path, f"a line is longer than {LONGEST_KEY:,} bytes. Write one word a line.")
            yield line.rstrip(b"\r\n")


def _column(path: Path) -> Iterator[bytes]:
    arrow, parquet = require("pyarrow", extra="train"), require("pyarrow.parquet", extra="train")
    try:
        with path.open("rb") as stream, parquet.ParquetFile(stream) as file:
            kinds = (arrow.string(), arrow.large_string())
            columns = [each.name for each in file.schema_arrow if each.type in kinds]
            if len(columns) != 1:
                raise DataError(path, f"{len(columns)} of its columns hold strings. Keep only the column of words.")
            for batch in file.iter_batches(ARRAY_ROWS, columns=columns):
                for name in batch.column(0).cast(arrow.large_binary()).to_pylist():  # they need not be UTF-8
                    yield name or b""
    except (arrow.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # from the system, not from pyarrow
            raise
        raise DataError(path, "this is not a readable Parquet file. Write it again, or give a .txt.") from None
