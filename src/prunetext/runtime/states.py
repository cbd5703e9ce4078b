"""The files that prunetext keeps for itself, such as steps and recipes: each has a checksum, and one reader refuses.

A checksum is XXH64 over the whole file, taken while its own 16 digits read as zeros, as in a packed file. Here it
stands in a safetensors file's metadata, or comes first in a file of JSON.
"""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeGuard

from prunetext.errors import DamagedError
from prunetext.runtime import _native
from prunetext.runtime.writing import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

CHECKSUM = "checksum"  # the key of it
BLANK_CHECKSUM = "0" * 16
LARGEST_HEADER = 1 << 27  # the header of a float model holds its words
LARGEST_JSON, LARGEST_TOML = 1 << 26, 1 << 16
DEEPEST_JSON, LONGEST_NUMBER = 32, 19  # of JSON: lists within lists, and the digits of a whole number
_DOTTED = re.compile(r"""(?:["'\w-]+[ \t]*\.[ \t]*){32}""")
_COMPACT, _INDENTED = f'"{CHECKSUM}":"'.encode(), f'{{\n "{CHECKSUM}": "'.encode()


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


def seal(data: bytes) -> bytes:
    """Put the right checksum into a file's bytes, whose checksum now reads "0000000000000000"."""
    return data.replace(_COMPACT + BLANK_CHECKSUM.encode(), _COMPACT + _native.checksum(data).encode(), 1)


def check_tensors(path: str | os.PathLike[str], old: str | None = None) -> tuple[Header, bytes]:
    """The header and the bytes of a safetensors file, its checksum verified.

        header, data = check_tensors("runs/reviews/steps/a1b2.safetensors")

    old: the format of files that need no checksum. FileNotFoundError for a missing path; `DamagedError` for a file that
    is not as it was written.
    """
    with open_regular(path) as file:
        header = tensor_header(file, path)
        end = max((entry["data_offsets"][1] for entry in header.tensors.values()), default=0)
        if header.length + end != header.size:
            raise DamagedError(path, "it is longer or shorter than its header says")
        file.seek(0)
        data = file.read(header.size)
    found = header.metadata.get(CHECKSUM)
    if found is not None or old is None or header.metadata.get("format") != old:
        at = data.find(_COMPACT, 0, header.length) + len(_COMPACT)
        _verify(path, data, at, found)
    return header, data


def write_state(path: Path, values: Mapping[str, Any]) -> None:
    """Write one object of JSON under a checksum.

    write_state(Path("runs/reviews/unfinished/recipe.json"), {"seed": 0})
    """
    text = json.dumps({CHECKSUM: BLANK_CHECKSUM, **values}, ensure_ascii=False, indent=1) + "\n"
    # The name of a file may hold halves of characters, for which JSON has escapes.
    data, at = text.encode("utf-8", "backslashreplace"), len(_INDENTED)
    write_whole(path, data[:at] + _native.checksum(data).encode() + data[at + len(BLANK_CHECKSUM) :], private=True)


def read_state(path: str | os.PathLike[str], old: str | None = None) -> dict[str, Any]:
    """Read what `write_state` wrote.

        read_state("runs/reviews/recipe.json")["seed"]      # 0

    old: the format of files that need no checksum; "" if those without a format need none. Errors as for
    `check_tensors`.
    """
    with open_regular(path) as file:
        data = file.read(LARGEST_JSON + 1)
    if len(data) > LARGEST_JSON:
        raise DamagedError(path, f"it is larger than {LARGEST_JSON:,} bytes")
    values = parsed(data, path)
    if not isinstance(values, dict):
        raise DamagedError(path, "it holds no object")
    found = values.pop(CHECKSUM, None)
    if found is not None or old is None or values.get("format", "") != old:
        _verify(path, data, len(_INDENTED) if data.startswith(_INDENTED) else 0, found)
    return values


def damage_of(path: Path, old: str | None = None) -> str | None:
    """Why a safetensors file is not as it was written; None if it is whole or missing.

        damage_of(Path("runs/reviews/beliefs.safetensors"))     # 'its checksum does not match'

    old: the format of files that need no checksum.
    """
    try:
        check_tensors(path, old)
    except FileNotFoundError:
        return None
    except DamagedError as error:
        return error.reason
    return None


def discard_damaged(path: Path) -> str | None:
    """Delete a safetensors file that is damaged: it is made again. The reason, or None if it is whole or missing.

        discard_damaged(Path("runs/reviews/unfinished/dense.checkpoint"))     # 'its checksum does not match'

    `DamagedError` if it is no regular file, which stays.
    """
    reason = damage_of(path)
    if reason is not None:
        discard(path, reason)
    return reason


def discard(path: Path, reason: str) -> None:
    """Delete a file that is damaged for this reason; `DamagedError` if it is no file: then it is somebody else's."""
    if path.is_dir() or not (path.is_file() or path.is_symlink()):
        raise DamagedError(path, reason)
    path.unlink()


def checksum_of(path: Path) -> str:
    """The checksum of a whole file: XXH64, as 16 hexadecimal digits."""
    return _native.checksum(path.read_bytes())


def parsed(text: str | bytes, path: str | os.PathLike[str]) -> Any:
    """The value that JSON from the file at `path` stands for; `DamagedError` if it is none, too deep or too large.

    >>> parsed('{"seed": 0}', "recipe.json")
    {'seed': 0}
    """
    try:
        value = json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, json.JSONDecodeError) else "its text cannot be read"
        raise DamagedError(path, reason) from None
    if too_deep(value):
        raise DamagedError(path, f"it holds lists within lists, {DEEPEST_JSON} and more")
    return value


def reason_of(error: Exception) -> str:
    r"""The first line of an error's message: some go on for pages.

    >>> reason_of(ValueError("no number\nframe #0"))
    'no number'
    """
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0][:200]


def too_deep(value: object) -> bool:
    """Whether a value holds lists or dictionaries within others, more than any file of prunetext has.

    >>> too_deep({"labels": ["a", "b"]})
    False
    """
    level, depth = [value], 0
    while level and depth <= DEEPEST_JSON:
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, (dict, list)))
        level, depth = [value for values in inner for value in values], depth + 1
    return bool(level)


def parsed_toml(data: bytes) -> dict[str, Any]:
    """The values in TOML that anyone may have written; ValueError with the reason if it is none, too deep or too large.

    >>> parsed_toml(b"max_drop = 0.5")
    {'max_drop': 0.5}
    """
    import tomllib

    if len(data) > LARGEST_TOML:
        raise ValueError(f"it is larger than {LARGEST_TOML:,} bytes")
    text = data.decode("utf-8-sig")
    if _DOTTED.search(text):  # the time to read such a key grows with the square of its length
        raise ValueError("it has a key of too many parts")
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ValueError("it holds lists within lists without end") from None
    if too_deep(values):
        raise ValueError(f"it holds lists within lists, {DEEPEST_JSON} and more")
    return values


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a regular file; `DamagedError` for anything else: a pipe would wait for its other end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        raise DamagedError(path, getattr(error, "strerror", None) or str(error)) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DamagedError(path, "it is no regular file")
    return os.fdopen(descriptor, "rb")


def tensor_header(file: BinaryIO, path: str | os.PathLike[str]) -> Header:
    """The header at the start of an open safetensors file; its tensors lie within the file."""
    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if not 2 <= length <= min(size - 8, LARGEST_HEADER):
        raise DamagedError(path, "it has no header of a safetensors file, or is cut off within it")
    entries = parsed(file.read(length), path)
    metadata = entries.pop("__metadata__", {}) if isinstance(entries, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise DamagedError(path, "its metadata are not strings")
    if not all(_is_tensor(entry, size - 8 - length) for entry in entries.values()):
        raise DamagedError(path, "a tensor of its header is not within the file")
    return Header(metadata, entries, 8 + length, size)


def _verify(path: str | os.PathLike[str], data: bytes, at: int, found: object) -> None:
    """Compare a file's checksum with `found`, whose digits stand at a place of it."""
    end = at + len(BLANK_CHECKSUM)
    if not isinstance(found, str) or data[at:end] != found.encode("utf-8", "replace"):
        raise DamagedError(path, "it has no checksum")
    if _native.checksum(data[:at] + BLANK_CHECKSUM.encode() + data[end:]) != found:
        raise DamagedError(path, "its checksum does not match")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError
    return int(digits)


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
