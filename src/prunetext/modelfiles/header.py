"""The header of a packed file, or of a run's float file, read without its tensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from prunetext.errors import ModelFileError
from prunetext.runtime.format import FLOAT_FORMAT, FORMAT

if TYPE_CHECKING:
    import os

LARGEST_HEADER = 1 << 27  # the header of a float model holds its words


class Header(NamedTuple):
    """The header of a safetensors file."""

    metadata: dict[str, str]
    tensors: dict[str, dict[str, Any]]  # name → dtype, shape, data_offsets
    length: int  # bytes before the tensors
    size: int  # bytes of the whole file

    def bytes_of(self, name: str) -> int:
        """Bytes of one tensor."""
        first, last = self.tensors[name]["data_offsets"]
        return int(last - first)


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the header of a model file.

        read_header("runs/reviews/dense.safetensors").metadata["format"]     # 'prunetext-float/1'

    FileNotFoundError for a missing path; ModelFileError if the file is not a safetensors file. Nothing else is checked.
    """
    place = Path(path)
    if place.is_dir():
        raise ModelFileError(f"{path}: this is a folder. Give the model file inside it, such as model.safetensors.")
    if place.exists() and not place.is_file():  # opening a pipe would wait for its other end
        raise ModelFileError(f"{path}: this is not a regular file. Give a file written by prunetext fit.")
    with place.open("rb") as file:
        size = place.stat().st_size
        length = int.from_bytes(file.read(8), "little")
        try:
            if not 2 <= length <= min(size - 8, LARGEST_HEADER):
                raise ValueError
            entries = json.loads(file.read(length))
            if not isinstance(entries, dict):
                raise ValueError
            metadata = entries.pop("__metadata__", {})
            if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
                raise ValueError
            if not all(_is_tensor(entry, size - 8 - length) for entry in entries.values()):
                raise ValueError
        except (ValueError, RecursionError):
            raise ModelFileError(
                f"{path}: this is not a model file, or it is cut off. Give a file written by prunetext fit."
            ) from None
    return Header(metadata, entries, 8 + length, size)


def _is_tensor(entry: object, most: int) -> bool:
    """Tell whether an entry of the header has a type, a shape, and offsets within the `most` bytes of the file."""
    if not isinstance(entry, dict) or not isinstance(entry.get("dtype"), str):
        return False
    shape, offsets = entry.get("shape"), entry.get("data_offsets")
    if not _are_counts(shape) or not _are_counts(offsets) or len(offsets) != 2:
        return False
    return bool(offsets[0] <= offsets[1] <= most)


def _are_counts(values: object) -> TypeGuard[list[int]]:
    return isinstance(values, list) and all(type(each) is int and each >= 0 for each in values)


def is_packed(path: str | os.PathLike[str]) -> bool:
    """Tell whether this is a packed file, or claims to be one."""
    try:
        return read_header(path).metadata.get("format") == FORMAT
    except ModelFileError:
        return False


def is_float(path: str | os.PathLike[str]) -> bool:
    """Tell a run's float file from a packed one; ModelFileError if it is neither."""
    kind = read_header(path).metadata.get("format")
    if kind not in (FLOAT_FORMAT, FORMAT):
        raise ModelFileError(f"{path}: this is not a prunetext model. Give a file written by prunetext fit.")
    return kind == FLOAT_FORMAT
