"""The header of a packed file, or of a run's float file, read without its tensors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from prunetext.errors import DamagedError, ModelFileError
from prunetext.runtime.format import FLOAT_FORMATS, FORMAT
from prunetext.runtime.onnx_files import is_packed_encoder
from prunetext.runtime.states import Header, open_regular, tensor_header

if TYPE_CHECKING:
    import os

PACKED_MODELS = ("model.safetensors", "model.onnx")  # a run has one of them


def packed_in(folder: Path) -> Path:
    """The packed file of a run's folder, which may be missing."""
    first, other = (folder / name for name in PACKED_MODELS)
    return other if not first.is_file() and is_packed_encoder(other) else first


def read_header(path: str | os.PathLike[str]) -> Header:
    """Read the header of a model file.

        read_header("runs/reviews/dense.safetensors").metadata["format"]     # 'prunetext-float/2'

    FileNotFoundError for a missing path; ModelFileError if the file is not a safetensors file. Nothing else is checked.
    """
    place = Path(path)
    if place.is_dir():
        raise ModelFileError(f"{path}: this is a folder. Give the model file inside it, such as model.safetensors.")
    if place.exists() and not place.is_file():
        raise ModelFileError(f"{path}: this is not a regular file. Give a file written by prunetext fit.")
    try:
        with open_regular(place) as file:
            return tensor_header(file, path)
    except DamagedError:
        raise ModelFileError(
            f"{path}: this is not a model file, or it is cut off. Give a file written by prunetext fit."
        ) from None


def is_packed(path: str | os.PathLike[str]) -> bool:
    """Tell whether this is a packed file, or claims to be one."""
    try:
        return read_header(path).metadata.get("format") == FORMAT
    except ModelFileError:
        return False


def is_float(path: str | os.PathLike[str]) -> bool:
    """Tell a run's float file from a packed one; ModelFileError if it is neither."""
    kind = read_header(path).metadata.get("format")
    if kind not in (*FLOAT_FORMATS, FORMAT):
        raise ModelFileError(f"{path}: this is not a prunetext model. Give a file written by prunetext fit.")
    return kind != FORMAT
