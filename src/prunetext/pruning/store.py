"""The models of a search on disk, each under a name that says how it came about, so that any search may use it."""

from __future__ import annotations

import json
from collections import OrderedDict
from hashlib import blake2b
from pathlib import Path
from typing import Any

from prunetext.models.protocol import Model
from prunetext.models.tensors import load_tensors, save_tensors
from prunetext.pruning.steps import Outcome

IN_MEMORY = 8  # models that a store holds besides those on disk


def key_of(*parts: object) -> str:
    """A name for what these parts determine: 16 hexadecimal digits.

    >>> key_of("dense", 0.5) == key_of("dense", 0.5) != key_of("dense", 0.25)
    True
    """
    return blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def weights_digest(model: Model) -> str:
    """A name for a model's weights."""
    hashed = blake2b(digest_size=8)
    for name, tensor in sorted(model.state_dict().items()):
        hashed.update(f"{name} {tuple(tensor.shape)}".encode())
        hashed.update(tensor.contiguous().numpy().tobytes())
    return hashed.hexdigest()


class Store:
    """Models of a search in a folder, each with what was found out about it; those used last are also in memory.

        store = Store(Path("runs/reviews/steps"), dense)
        store.save("a1b2", small, outcome)
        store.load("a1b2")

    like: a model of the same kind. most: how many stay in memory. What is held by `hold` alone is on no disk and stays.
    """

    def __init__(self, folder: Path, like: Model, most: int = IN_MEMORY) -> None:
        self.folder, self.like, self.most = folder, like, most
        self._held: dict[str, Model] = {}
        self._recent: OrderedDict[str, Model] = OrderedDict()

    def path(self, key: str) -> Path:
        """Where the weights lie."""
        return self.folder / f"{key}.safetensors"

    def checkpoint(self, key: str) -> Path:
        """Where the state of a training lies that is to give these weights."""
        return self.folder / f"{key}.checkpoint"

    def hold(self, key: str, model: Model) -> Model:
        """Keep a model in memory, which anybody can make again."""
        self._held[key] = model
        return model

    def save(self, key: str, model: Model, outcome: Outcome | None = None, **about: Any) -> None:
        """Keep weights, and with them the outcome, if they were judged."""
        about |= {} if outcome is None else {"outcome": outcome._asdict()}
        save_tensors(self.path(key), model.tensors(), {name: json.dumps(value) for name, value in about.items()})
        self.checkpoint(key).unlink(missing_ok=True)
        self._remember(key, model)

    def load(self, key: str) -> Model:
        """The model of this name, from memory or from the folder."""
        if key in self._held:
            return self._held[key]
        if key not in self._recent:
            self._remember(key, self.like.rebuild(load_tensors(self.path(key))[0]))
        self._recent.move_to_end(key)
        return self._recent[key]

    def held(self, key: str) -> bool:
        """Tell whether a model of this name is kept in memory alone."""
        return key in self._held

    def in_memory(self) -> int:
        """How many of the models on disk are in memory, too."""
        return len(self._recent)

    def _remember(self, key: str, model: Model) -> None:
        self._recent[key] = model
        self._recent.move_to_end(key)
        while len(self._recent) > self.most:
            self._recent.popitem(last=False)

    def __contains__(self, key: str) -> bool:
        """Tell whether weights of this name are there."""
        return self.path(key).exists()

    def seconds(self, key: str) -> float:
        """How long it took to make the model of this name."""
        return float(json.loads(load_tensors(self.path(key))[1]["seconds"]))

    def outcome(self, key: str) -> Outcome:
        """What was found out about the model of this name."""
        return Outcome(**json.loads(load_tensors(self.path(key))[1]["outcome"]))
