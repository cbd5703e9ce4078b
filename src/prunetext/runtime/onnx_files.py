r"""The form of packed files that are ONNX: metadata behind the graph, and last of all a checksum.

A file ends with an entry of ONNX's own metadata, `checksum`: XXH64 over the whole file, taken while its 16 digits read
as zeros. Any reader of ONNX takes it for one of the entries.
"""

from __future__ import annotations

import os

from prunetext.runtime import _native

ENCODER_FORMAT = "prunetext-encoder/1"
_BLANK = b"0" * 16
# The entry's number in a model (14) and its length, then its key and value with theirs, in the encoding of protobuf.
_ENTRY = b"\x72\x1c\x0a\x08checksum\x12\x10"


def sealed(data: bytes) -> bytes:
    """A model's bytes with a checksum behind them.

    >>> is_sealed(sealed(b"graph")), is_sealed(sealed(b"graph").replace(b"g", b"G"))
    (True, False)
    """
    whole = data + _ENTRY + _BLANK
    return whole[: -len(_BLANK)] + _native.checksum(whole).encode()


def is_sealed(data: bytes) -> bool:
    """Whether a file ends with its checksum."""
    if data[-len(_ENTRY) - len(_BLANK) : -len(_BLANK)] != _ENTRY:
        return False
    return _native.checksum(data[: -len(_BLANK)] + _BLANK).encode() == data[-len(_BLANK) :]


def is_onnx(source: object) -> bool:
    """Whether a path or bytes are an ONNX file rather than a safetensors one."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _begins(bytes(memoryview(source)[:9]))
    if not isinstance(source, (str, os.PathLike)) or not os.path.isfile(source):  # noqa: PTH113  a pipe is not opened
        return False
    try:
        with open(source, "rb") as file:  # noqa: PTH123  pathlib is slower to import
            return _begins(file.read(9))
    except OSError:
        return False


def _begins(first: bytes) -> bool:
    """Whether bytes begin with the version of ONNX's container, and not with the length of a JSON header."""
    return first[:1] == b"\x08" and first[8:9] != b"{"


def is_packed_encoder(path: str | os.PathLike[str]) -> bool:
    """Whether a file ends as a packed transformer does; other ONNX files are those of `export`."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123  as above
            file.seek(-len(_ENTRY) - len(_BLANK), os.SEEK_END)
            return file.read(len(_ENTRY)) == _ENTRY
    except OSError:
        return False
