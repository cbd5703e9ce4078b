"""The packed file, format prunetext/1: written here, checked and read by the native module.

A packed file is one safetensors file with a fixed order of keys and tensors: equal contents give equal bytes.
"""

from __future__ import annotations

import json
import math
import os
import re
import zlib
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prunetext.errors import ModelFileError
from prunetext.runtime import _native, coding
from prunetext.runtime.coding import Coded, CodedUnits
from prunetext.runtime.states import BLANK_CHECKSUM, seal
from prunetext.runtime.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORMAT = "prunetext/1"
FLOAT_FORMAT, OLD_FLOAT = "prunetext-float/2", "prunetext-float/1"  # of a float model; the old one has no checksum
FLOAT_FORMATS = (FLOAT_FORMAT, OLD_FLOAT)
ELEMENT_SIZE = {"F32": 4, "I8": 1, "U8": 1}
LONGEST_PREFIX = 255
LEAST_ZEROS = 0.3  # share from which a plain tensor is coded; one with fewer is written plainly
LANES = 16  # filters of a width are padded to a multiple of this in the runtime's table
_FILTERS = re.compile(r"conv\d+\.weight")
_NUMPY_DTYPES = {"<f4": "F32", "|i1": "I8", "|u1": "U8"}


class Tensor(NamedTuple):
    """A tensor as stored in the file: little-endian, C order."""

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
        shared, most = 0, min(len(word), len(previous), LONGEST_PREFIX)
        while shared < most and word[shared] == previous[shared]:
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

    `tensors`: name → `Tensor`, (dtype, shape, bytes), a numpy array of float32, int8 or uint8, or `CodedUnits`. The
    last, and embeddings and convolutions with at least 30 % zeros, are coded if that makes the file smaller.
    `metadata`: labels, task, tokenizer, pooling, table, temperature, reject, thresholds, positive, provenance; format,
    vocabulary, bigrams, coding and checksum are filled in. The file is written beside `path`, read back by the runtime,
    and only then renamed: ModelFileError when the runtime refuses it, ValueError for a tensor that is none.
    """
    data = encoded_file(tensors, metadata)
    write_whole(path, data, lambda beside: _check(beside, Path(path)), shared=True)
    return len(data)


def read_packed(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Check a packed file with the runtime, then give its tensors and metadata; coded tensors are decoded.

        tensors, metadata = read_packed("model.safetensors")
        tensors["embedding"].shape    # (words + 1, dimensions)

    FileNotFoundError for a missing path, else ModelFileError.
    """
    tensors, metadata = stored(path)
    for name, entry in codings_of(metadata).items():
        data, shape = coding.decode(tensors[name].data, entry)
        tensors[name] = Tensor("I8", shape, data)
    return tensors, metadata


def codings_of(metadata: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """How tensors are coded, by name; empty if none is.

    >>> codings_of({"coding": '{"embedding":{"shape":[9,4],"zeros":"gaps"}}'})
    {'embedding': {'shape': [9, 4], 'zeros': 'gaps'}}
    """
    codings: dict[str, dict[str, Any]] = json.loads(metadata.get("coding", "{}"))
    return codings


def stored(path: str | os.PathLike[str]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The result of `read_packed`, but with coded tensors as stored in the file.

    tensors, metadata = stored("model.safetensors")
    len(tensors["embedding"].data)      # the bytes that it takes in the file
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


def _check(path: str | os.PathLike[str], named: str | os.PathLike[str]) -> None:
    try:
        _native.Model(path)
    except ValueError as error:
        raise ModelFileError(f"{os.fspath(named)}: {error}") from None


def encoded_file(tensors: Mapping[str, Any], metadata: Mapping[str, str]) -> bytes:
    """The bytes that `write` would write, with tensors coded if that is smaller; they are not checked."""
    metadata = {key: value for key, value in metadata.items() if key not in {"coding", "bigrams"}}
    raw = {name: _as_tensor(name, tensor) for name, tensor in tensors.items()}
    metadata = {**metadata, "format": FORMAT, **_words_entries(raw)}
    least = _least_size(raw, metadata)
    data = _file_bytes(raw, metadata, least)
    coded = {name: best for name in raw if (best := _coded(name, tensors[name], raw[name])) is not None}
    if not coded:
        return data
    packed = {name: Tensor("U8", (len(best.payload),), best.payload) for name, best in coded.items()}
    entries = _compact({name: best.coding for name, best in coded.items()})
    return min(data, _file_bytes({**raw, **packed}, {**metadata, "coding": entries}, least), key=len)


def _coded(name: str, given: Any, raw: Tensor) -> Coded | None:
    """The smallest coding of a tensor; None if it is not smaller than the plain tensor, or must be plain."""
    if not _may_be_coded(name):
        return None
    if isinstance(given, CodedUnits):
        best = coding.encode_units(*coding.plain(given))
    elif (
        raw.dtype == "I8"
        and len(raw.shape) in {2, 3}
        and raw.data.count(0) >= max(1, LEAST_ZEROS * len(raw.data))
        and b"\x80" not in raw.data  # -128, which no code stands for
    ):
        best = coding.encode_units(raw.data, raw.shape, [8] * raw.shape[0], (1, 1))
    else:
        return None
    return best if best is not None and best.size + len(name) < len(raw.data) else None


def _may_be_coded(name: str) -> bool:
    return name == "embedding" or (name.startswith("conv") and name.endswith(".weight"))


def _as_tensor(name: str, tensor: Any) -> Tensor:
    if isinstance(tensor, CodedUnits):
        if not _may_be_coded(name) and name != "match":
            raise ValueError(f"tensor {name} has no units: only embedding, conv{{k}}.weight and match do")
        tensor = tensor.values
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


def _words_entries(tensors: Mapping[str, Tensor]) -> dict[str, str]:
    """The entries of the lists of words: how many words, and how many bytes."""
    counts = {"vocabulary": tensors["embedding"].shape[0] - 1}
    if "bigrams" in tensors and "bigrams.weight" in tensors:
        counts["bigrams"] = tensors["bigrams.weight"].shape[0]
    sizes = {name: len(zlib.decompress(tensors[name].data)) for name in counts}
    return {name: _compact({"bytes": sizes[name], "words": count}) for name, count in counts.items()}


def _least_size(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> int:
    """The bytes that a file of these plain tensors must have for the runtime to load it: see model/tensors.hpp."""
    vectors, wide = tensors["embedding"].data, metadata.get("table") == "int16"
    rows, dimensions = len(vectors) // max(1, tensors["embedding"].shape[-1]), tensors["embedding"].shape[-1]
    inflated = json.loads(metadata["vocabulary"])["bytes"]
    filters = {int(name[4:-7]): each.shape for name, each in tensors.items() if _FILTERS.fullmatch(name)}
    stride = sum(width * -(-shape[0] // LANES) * LANES for width, shape in filters.items())
    work = 256 * (rows - 1) + 2 * inflated + 16 * sum(math.prod(shape) for shape in filters.values())
    work += 16 * rows * dimensions + (rows + 1) * stride * (1 + wide) + dimensions * stride
    work += (len(vectors) - vectors.count(0)) * stride // 8
    if "bigrams" in tensors:
        bigrams, weights = json.loads(metadata["bigrams"]), tensors["bigrams.weight"].data
        work += 256 * bigrams["words"] + 2 * bigrams["bytes"] + len(weights)
    return bisect_left(range(1 << 30), work, key=_work_of_size)


def _work_of_size(size: int) -> int:
    """What loading a file of this size may take."""
    return (1 << 19) + size * min(2048, 384 + size // 256)


def _file_bytes(tensors: Mapping[str, Tensor], metadata: Mapping[str, str], least: int = 0) -> bytes:
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
    header += b" " * max(0, least - 8 - len(header) - at)  # of a few words and many filters
    header += b" " * (-len(header) % 8)
    return seal(len(header).to_bytes(8, "little") + header + b"".join(tensors[name].data for name in names))


def _compact(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
