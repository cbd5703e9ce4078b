"""Any model file as something that answers."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prunetext.errors import require
from prunetext.modelfiles.header import is_float, read_header
from prunetext.modelfiles.inspection import provenance_of
from prunetext.runtime.api import load
from prunetext.runtime.classifier import Classifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from prunetext.data.dataset import Input
    from prunetext.statistics.metrics import Array


class Answering:
    """A model of either kind, as far as it labels texts."""

    labels: list[str]

    def __init__(self, model: str | os.PathLike[str] | Classifier) -> None:
        self.name = repr(model) if isinstance(model, Classifier) else os.fspath(model)
        self.classifier: Classifier | None = None
        self.path: Path | None = None
        if isinstance(model, Classifier):
            self.classifier = model
        elif is_float(model):
            require("torch", extra="train")
            self.path = Path(model)
        else:
            self.classifier = load(model)
        if self.classifier is not None:
            self.labels = self.classifier.labels
        else:
            from prunetext.modelfiles.trained import load_float

            assert self.path is not None
            self.model, self.words, self.labels, _, thresholds = load_float(self.path)
            self.thresholds = thresholds

    @property
    def task(self) -> str:
        """What it does, in the words of a packed file."""
        if self.classifier is not None:
            return getattr(self.classifier, "task", "classification")
        assert self.path is not None
        return read_header(self.path).metadata.get("task", "classification")

    @property
    def recipe(self) -> dict[str, Any]:
        """How the model was made, as far as it says so."""
        if self.classifier is not None:
            recipe = provenance_of(self.classifier.metadata).get("recipe")
        else:
            assert self.path is not None
            recipe = json.loads(read_header(self.path).metadata.get("recipe", "null"))
        return recipe if isinstance(recipe, dict) else {}

    def scores(self, inputs: Sequence[Input]) -> Array:
        """Probabilities (n, classes) of each text, or pair of texts; or which of several labels each is given."""
        if self.classifier is not None:
            from prunetext.statistics.metrics import packed_answers

            return packed_answers(self.classifier, inputs)
        import numpy as np

        from prunetext.models.encoded import encode_inputs
        from prunetext.runtime._native import Vocabulary
        from prunetext.training.loop import answers

        encoded = encode_inputs(inputs, Vocabulary(self.words))
        if self.thresholds is None:
            return answers(self.model, encoded)
        return answers(self.model, dataclasses.replace(encoded, several=True), np.array(self.thresholds))
