"""gensim's own file of vectors, which is a pickle and is never unpickled: see `prunetext.data.vectors.pickles`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from prunetext.data.vectors.arrays import Matrix, open_npy
from prunetext.data.vectors.pickles import Instance, Machine, RefusedError, Span
from prunetext.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

    from prunetext.data.vectors.words import Choice, Vector

KEYED = "gensim.models.keyedvectors KeyedVectors"
DTYPE = "numpy dtype"
CORES = ("numpy._core.multiarray", "numpy.core.multiarray")  # of numpy 2 and 1
ARRAYS = tuple(f"{core} _reconstruct" for core in CORES)
KEYED_NAMES = {KEYED, DTYPE, "numpy ndarray", *ARRAYS, *(f"{core} scalar" for core in CORES)}
SAID = {"index_to_key", "vectors", "__numpys", "<", ">", "f2", "f4", "f8"}  # strings that matter


def read_keyed(path: Path, choice: Choice) -> dict[str, Vector]:
    """Read a file of gensim 4's `KeyedVectors.save`, with the numbers in it or in `<path>.vectors.npy`.

    A file that holds anything else raises `DataError`; nothing in it is run.
    """
    try:
        machine = Machine(KEYED_NAMES, lambda text: text in SAID or choice.normal(text))
        with path.open("rb") as file:
            found = machine.run(file, path.stat().st_size)
        names, matrix = _parts(path, found)
    except DataError:
        raise
    except RefusedError as error:
        raise _refusal(path, str(error)) from None
    except (ValueError, IndexError, AttributeError, TypeError):
        raise _refusal(path, "it is damaged, or something else") from None
    places = {word: row for row, name in enumerate(names) if name and (word := choice.take(name)) is not None}
    return matrix.pick(places)


def _refusal(path: Path, reason: str) -> DataError:
    return DataError(
        path,
        f"this is not a file of gensim 4's KeyedVectors.save ({reason}). "
        "Write the vectors with save_word2vec_format, and give that file.",
    )


def _parts(path: Path, found: object) -> tuple[list[str], Matrix]:
    """The words, empty if they are not wanted, and the place of their numbers."""
    if not isinstance(found, Instance) or found.name != KEYED or not isinstance(found.state, dict):
        raise RefusedError("it holds something else")
    names, vectors = found.state.get("index_to_key"), found.state.get("vectors")
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RefusedError("it has no list of words")
    if vectors is None and "vectors" in found.state.get("__numpys", ()):
        beside = path.with_name(f"{path.name}.vectors.npy")
        if not beside.exists():
            raise DataError(path, f"its numbers are in {beside.name}, which is not beside it. Put that file there.")
        matrix = open_npy(beside)
    else:
        matrix = _matrix(path, vectors)
    if len(names) != matrix.rows:
        raise RefusedError(f"it has {len(names):,} words, but {matrix.rows:,} vectors")
    return names, matrix


def _matrix(path: Path, array: object) -> Matrix:
    """The place of the numbers of an array, as numpy pickles it: (version, shape, dtype, by columns, bytes)."""
    if not isinstance(array, Instance) or array.name not in ARRAYS:
        raise RefusedError("it has no vectors")
    _, (rows, dimensions), dtype, columns, numbers = array.state
    kind, order = dtype.arguments[0], dtype.state[1]
    if not (isinstance(kind, str) and kind in SAID and order in ("<", ">") and isinstance(numbers, Span)):
        raise RefusedError("its vectors are not numbers")
    if not (type(rows) is type(dimensions) is int and rows > 0):
        raise RefusedError("its vectors are not a matrix")
    matrix = Matrix(path, numbers.offset, np.dtype(order + kind), rows, dimensions, columns is True).checked()
    if numbers.length != rows * dimensions * matrix.dtype.itemsize:
        raise RefusedError("its vectors are cut off")
    return matrix
