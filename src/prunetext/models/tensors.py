"""Tensors on disk: safetensors files that are whole at every moment, and equal for equal tensors."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from prunetext.errors import RunError
from prunetext.runtime.writing import write_whole


def save_tensors(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str]) -> None:
    """Write a safetensors file; at every moment the old or the new one is whole."""
    data = save({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, metadata)
    write_whole(path, with_sorted_metadata(data))


def with_sorted_metadata(data: bytes) -> bytes:
    """Sort a safetensors file's metadata: the library's order is random, and equal runs should give equal files."""
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header.get("__metadata__", {}).items()))
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and the string metadata of a safetensors file.

        tensors, metadata = load_tensors(Path("runs/reviews/dense.safetensors"))

    RunError if it is damaged, as after a power failure.
    """
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise RunError(f"{path}: this part of the run is damaged ({error}). Start anew with --overwrite.") from None
