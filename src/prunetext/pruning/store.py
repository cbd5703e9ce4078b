"""The models of a search on disk, each under a name that says how it was made; any search can use them."""

from __future__ import annotations

import json
from collections import OrderedDict
from hashlib import blake2b
from pathlib import Path
from typing import Any

from prunetext.errors import DamagedError
from prunetext.models.protocol import Model
from prunetext.models.tensors import digest_of_tensors, fit_into, load_tensors, save_tensors
from prunetext.pruning.steps import Outcome
from prunetext.runtime.states import discard, parsed, reason_of

IN_MEMORY = 8  # models that a store holds besides those on disk


def key_of(*parts: object) -> str:
    """A key that these parts determine: 16 hexadecimal digits.

    >>> key_of("dense", 0.5) == key_of("dense", 0.5) != key_of("dense", 0.25)
    True
    """
    return blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()


def weights_digest(model: Model) -> str:
    """A key for a model's weights."""
    return digest_of_tensors(model.state_dict())


class Store:
    """Models of a search in a folder, each with its outcome; those used last are also in memory.

        store = Store(Path("runs/reviews/steps"), dense)
        store.save("a1b2", small, outcome)
        store.load("a1b2")

    like: a model of the same kind. most: how many stay in memory. Models only held by `hold` are not on disk, and stay.
    A file that does not hold what its name promises is deleted when it is asked for: it is made again.
    """

    def __init__(self, folder: Path, like: Model, most: int = IN_MEMORY) -> None:
        self.folder, self.like, self.most = folder, like, most
        self._held: dict[str, Model] = {}
        self._recent: OrderedDict[str, Model] = OrderedDict()
        self._about: dict[str, dict[str, Any]] = {}

    def path(self, key: str) -> Path:
        """The path of the weights."""
        return self.folder / f"{key}.safetensors"

    def checkpoint(self, key: str) -> Path:
        """The path of the checkpoint of the training that gives these weights."""
        return self.folder / f"{key}.checkpoint"

    def hold(self, key: str, model: Model) -> Model:
        """Keep a model only in memory: it can be made again at any time."""
        self._held[key] = model
        return model

    def save(self, key: str, model: Model, outcome: Outcome | None = None, **about: Any) -> None:
        """Keep weights, with the outcome if they were judged."""
        about |= {} if outcome is None else {"outcome": outcome._asdict()}
        save_tensors(self.path(key), model.tensors(), {name: json.dumps(value) for name, value in about.items()})
        self.checkpoint(key).unlink(missing_ok=True)
        self._about[key] = about
        self._remember(key, model)

    def load(self, key: str) -> Model:
        """The model with this name, from memory or from the folder."""
        if key in self._held:
            return self._held[key]
        if key not in self._recent:
            self._read(key)
        self._recent.move_to_end(key)
        return self._recent[key]

    def held(self, key: str) -> bool:
        """Tell whether a model with this name is only in memory."""
        return key in self._held

    def in_memory(self) -> int:
        """How many models on disk are also in memory."""
        return len(self._recent)

    def _remember(self, key: str, model: Model) -> None:
        self._recent[key] = model
        self._recent.move_to_end(key)
        while len(self._recent) > self.most:
            self._recent.popitem(last=False)

    def _read(self, key: str) -> None:
        """Read a file; DamagedError if it is not one of a model like the others."""
        path = self.path(key)
        tensors, about = load_tensors(path)
        try:
            model = self.like.rebuild(tensors)
            if not fit_into(tensors, dict(model.tensors())):
                raise ValueError("its tensors do not fit together")
            found = {name: parsed(value, path) for name, value in about.items()}
            if "outcome" in found:
                found["outcome"] = Outcome.of(found["outcome"])._asdict()
            found["seconds"] = float(found.get("seconds", 0.0))
        except DamagedError:
            raise
        except (KeyError, ValueError, TypeError, RuntimeError, IndexError, AttributeError, OverflowError) as error:
            raise DamagedError(path, f"it is no step of a search: {reason_of(error)}") from None
        self._about[key] = found
        self._remember(key, model)

    def __contains__(self, key: str) -> bool:
        """Tell whether there are sound weights with this name."""
        if key in self._about:
            return True
        try:
            self._read(key)
        except FileNotFoundError:
            return False
        except DamagedError as error:
            discard(self.path(key), error.reason)
            return False
        return True

    def seconds(self, key: str) -> float:
        """The seconds that making the model with this name took."""
        return float(self._known(key)["seconds"])

    def outcome(self, key: str) -> Outcome:
        """The outcome of the model with this name."""
        found = self._known(key).get("outcome")
        if found is None:
            raise DamagedError(self.path(key), "it has no outcome")
        return Outcome(**found)

    def _known(self, key: str) -> dict[str, Any]:
        if key not in self._about:
            self._read(key)
        return self._about[key]
