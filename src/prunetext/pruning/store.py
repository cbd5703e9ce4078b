"""The models of a search on disk, each under a name that says how it came about, so that any search may use it."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any

import torch

from prunetext.models.textcnn.model import TextCNN
from prunetext.models.textcnn.pair import model_of
from prunetext.pruning.schedules import Outcome
from prunetext.training.checkpoint import load_tensors, save_tensors


def key_of(*parts: object) -> str:
    """A name for what these parts determine: 16 hexadecimal digits.

    >>> key_of("dense", 0.5) == key_of("dense", 0.5) != key_of("dense", 0.25)
    True
    """
    return blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def digest(model: TextCNN) -> str:
    """A name for a model's weights."""
    hashed = blake2b(digest_size=8)
    for name, tensor in sorted(model.state_dict().items()):
        hashed.update(f"{name} {tuple(tensor.shape)}".encode())
        hashed.update(tensor.contiguous().numpy().tobytes())
    return hashed.hexdigest()


class Store:
    """Models of a search, in memory and in a folder, each with what was found out about it."""

    def __init__(self, folder: Path, dropout: float) -> None:
        self.folder, self.dropout = folder, dropout
        self.models: dict[str, TextCNN] = {}

    def path(self, key: str) -> Path:
        """Where the weights lie."""
        return self.folder / f"{key}.safetensors"

    def checkpoint(self, key: str) -> Path:
        """Where the state of a training lies that is to give these weights."""
        return self.folder / f"{key}.checkpoint"

    def save(self, key: str, model: TextCNN, outcome: Outcome | None = None, **about: Any) -> None:
        """Keep weights, and with them the outcome, if they were judged."""
        self.models[key] = model
        tensors = {**model.state_dict(), "static": torch.tensor(model.static)}
        about |= {} if outcome is None else {"outcome": outcome._asdict()}
        metadata = {name: json.dumps(value) for name, value in about.items()}
        save_tensors(self.path(key), tensors, {"pooling": model.pooling, **metadata})
        self.checkpoint(key).unlink(missing_ok=True)

    def load(self, key: str) -> TextCNN:
        """The model of this name, from memory or from the folder; without a rounding."""
        if key not in self.models:
            tensors, metadata = load_tensors(self.path(key))
            self.models[key] = model_of(
                tensors, pooling=metadata["pooling"], static=int(tensors["static"]), dropout=self.dropout
            )
        return self.models[key]

    def __contains__(self, key: str) -> bool:
        """Tell whether weights of this name are there."""
        return self.path(key).exists()

    def seconds(self, key: str) -> float:
        """How long it took to make the model of this name."""
        return float(json.loads(load_tensors(self.path(key))[1]["seconds"]))

    def outcome(self, key: str) -> Outcome:
        """What was found out about the model of this name."""
        return Outcome(**json.loads(load_tensors(self.path(key))[1]["outcome"]))
