"""The packed file, format prunetext/1: written here, checked and read by the native module.

A packed file is one safetensors file with a fixed order of keys and tensors, so that equal contents give equal bytes.
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.errors import ModelFileError
from prunetext.runtime import _native

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = "prunetext/1"
ELEMENT_SIZE = {"F32": 4, "I8": 1, "U8": 1}
BLANK_CHECKSUM = "0" * 16
LONGEST_PREFIX = 255
_NUMPY_DTYPES = {"<f4": "F32", "|i1": "I8", "|u1": "U8"}


class Tensor(NamedTuple):
    """A tensor as it lies in the file: little-endian, C order."""

    dtype: str  # "F32", "I8" or "U8"
    shape: tuple[int, ...]
    data: bytes


def encode_vocabulary(words: Sequence[str]) -> bytes:
    r"""Front-code and compress a sorted word list.

    >>> decode_vocabulary(encode_vocabulary(["film", "films", "great"]), 3)
    ['film', 'films', 'great']

    Each word is written as the number of bytes it shares with the previous one (at most 255) and the rest. Words must
    rise strictly in the order of their UTF-8 bytes (which is that of `sorted`) and be free of line feeds; else
    ValueError.
    """
    prefixes = bytearray()
    suffixes = []
    previous = b""
    for number, text in enumerate(words):
        word = text.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
        if word <= previous or b"\n" in word:
            raise ValueError(f"word {number} ({text!r}) is empty, has a line feed, or is not after the previous word")
        shared = 0
        while shared < min(len(word), len(previous), LONGEST_PREFIX) and word[shared] == previous[shared]:
            shared += 1
        prefixes.append(shared)
        suffixes.append(word[shared:] + b"\n")
        previous = word
    return zlib.compress(bytes(prefixes) + b"".join(suffixes), 9)


def decode_vocabulary(stream: bytes, words: int) -> list[str]:
    r"""Undo `encode_vocabulary`; `words` is the number of words.

    >>> decode_vocabulary(encode_vocabulary(["a", "b"]), 2)
    ['a', 'b']
    """
    inflated = zlib.decompress(stream)
    word = b""
    decoded = []
    for shared, suffix in zip(inflated[:words], inflated[words:].split(b"\n")[:-1], strict=True):
        word = word[:shared] + suffix
        decoded.append(word.decode())
    return decoded


def write(path: str | os.PathLike[str], tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> int:
    """Write a packed file and return its size in bytes.

        write("model.safetensors", tensors, {"task": "classification", "labels": '["neg","pos"]', ...})

    `tensors`: name → `Tensor`, (dtype, shape, bytes), or a numpy array of float32, int8 or uint8. `metadata`: labels,
    task, tokenizer, pooling, table, temperature, provenance; format, vocabulary and checksum are filled in. The file is
    written beside `path`, read back by the runtime, and only then renamed: ModelFileError when the runtime refuses it.
    """
    stored = {name: _as_tensor(name, tensor) for name, tensor in tensors.items()}
    data = _file_bytes(stored, {**metadata, "format": FORMAT, "vocabulary": _vocabulary_entry(stored)})
    target = Path(path)
    beside = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        with beside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _check(beside, target)
        beside.replace(target)
    finally:
        beside.unlink(missing_ok=True)
    return len(data)


def read(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Check a packed file with the runtime, then give its tensors and metadata.

        tensors, metadata = read("model.safetensors")
        tensors["embedding"].shape    # (words + 1, dimensions)

    FileNotFoundError for a missing path, else ModelFileError.
    """
    _check(path, path)
    data = Path(path).read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    metadata = header.pop("__metadata__")
    tensors = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        tensors[name] = Tensor(entry["dtype"], tuple(entry["shape"]), data[start + first : start + last])
    return tensors, metadata


def seal(data: bytes) -> bytes:
    """Put the right checksum into a file's bytes, whose checksum now reads "0000000000000000"."""
    marker = f'"checksum":"{BLANK_CHECKSUM}"'.encode()
    return data.replace(marker, f'"checksum":"{_native.checksum(data)}"'.encode(), 1)


def _check(path: str | os.PathLike[str], named: str | os.PathLike[str]) -> None:
    try:
        _native.Model(path)
    except ValueError as error:
        raise ModelFileError(f"{os.fspath(named)}: {error}") from None


def _as_tensor(name: str, tensor: Any) -> Tensor:
    if isinstance(tensor, tuple):
        stored = Tensor(*tensor)
    else:
        dtype = _NUMPY_DTYPES.get(tensor.dtype.str)
        if dtype is None:
            raise ValueError(f"tensor {name} has dtype {tensor.dtype}; the packed file holds float32, int8 and uint8")
        stored = Tensor(dtype, tuple(tensor.shape), tensor.tobytes())
    expected = ELEMENT_SIZE[stored.dtype]
    for length in stored.shape:
        expected *= length
    if len(stored.data) != expected:
        raise ValueError(f"tensor {name} of shape {stored.shape} takes {expected} bytes, not {len(stored.data)}")
    return stored


def _vocabulary_entry(tensors: Mapping[str, Tensor]) -> str:
    words = tensors["embedding"].shape[0] - 1
    return _compact({"bytes": len(zlib.decompress(tensors["vocabulary"].data)), "words": words})


def _file_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    names = sorted(tensors, key=lambda name: (-ELEMENT_SIZE[tensors[name].dtype], name))
    entries: dict[str, Any] = {"__metadata__": {**metadata, "checksum": BLANK_CHECKSUM}}
    at = 0
    for name in names:
        tensor = tensors[name]
        entries[name] = {
            "data_offsets": [at, at + len(tensor.data)],
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
        }
        at += len(tensor.data)
    header = _compact(entries).encode()
    header += b" " * (-len(header) % 8)
    return seal(len(header).to_bytes(8, "little") + header + b"".join(tensors[name].data for name in names))


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
