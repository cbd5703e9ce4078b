"""Tensors on disk: safetensors files that are whole at every moment, under a checksum, and equal for equal tensors."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from prunetext.errors import DamagedError
from prunetext.runtime.states import BLANK_CHECKSUM, CHECKSUM, check_tensors, reason_of, seal
from prunetext.runtime.writing import write_whole


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str], *, shared: bool = False) -> None:
    """Write a safetensors file; at every moment the old or the new one is whole.

    shared: other processes may write the same file at the same time.
    """
    metadata = {**metadata, CHECKSUM: BLANK_CHECKSUM}
    data = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, metadata)
    write_whole(path, seal(with_sorted_metadata(data)), shared=shared, private=True)


def with_sorted_metadata(data: bytes) -> bytes:
    """Sort a safetensors file's metadata: the library's order is random, and equal runs should give equal files."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def load_tensors(path: Path, old: str | None = None) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the string metadata of a safetensors file.

        tensors, metadata = load_tensors(Path("runs/reviews/dense.safetensors"))

    old: the format of files that need no checksum. `DamagedError` if it is not as it was written.
    """
    header, data = check_tensors(path, old)
    try:
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, RuntimeError, TypeError) as error:
        raise DamagedError(path, f"it is no safetensors file: {reason_of(error)}") from None
    return tensors, {name: value for name, value in header.metadata.items() if name != CHECKSUM}


def digest_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """A key for some tensors.

    >>> len(digest_of_tensors({"a": torch.zeros(2)}))
    16
    """
    hashed = blake2b(digest_size=8)
    for name, tensor in sorted(tensors.items()):
        hashed.update(f"{name} {tuple(tensor.shape)}".encode())
        hashed.update(tensor.contiguous().numpy().tobytes())
    return hashed.hexdigest()


def fit_into(tensors: dict[str, Tensor], places: dict[str, Tensor]) -> bool:
    """Whether tensors have the names, shapes and types of others, and no number that is not finite.

    >>> fit_into({"a": torch.zeros(2)}, {"a": torch.ones(2)}), fit_into({"a": torch.zeros(2)}, {"a": torch.ones(1)})
    (True, False)
    """
    return tensors.keys() == places.keys() and all(
        tensor.shape == places[name].shape
        and tensor.dtype == places[name].dtype
        and (not tensor.is_floating_point() or bool(torch.isfinite(tensor).all()))
        for name, tensor in tensors.items()
    )
